// One piece of work in a process of its own, which is under a memory limit before it touches the
// file, with nothing of the file in the page cache: what came of it, and what it took.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "probe.hpp"
#include "resources.hpp"

namespace pinyon::bench {

inline constexpr unsigned series_seconds_max = 120;

// Trivially copyable: it comes through a pipe.
struct limited_result {
    std::uint64_t operations = 0;
    double seconds = 0;
    std::uint64_t wrong = 0;
    latencies times;
    resources used;               // while it was measured
    std::uint64_t rss_bytes = 0;  // the most, warming up included
    unsigned series_seconds = 0;
    std::array<std::uint64_t, series_seconds_max> series{};  // operations of each second

    [[nodiscard]] double rate() const noexcept { return static_cast<double>(operations) / seconds; }
};

// How long a piece of work goes on: until one of these is reached.
struct work_span {
    double seconds = 0;
    std::uint64_t bytes_read = ~std::uint64_t{0};
};

// A probe that also sees the seconds pass.
class limited_probe {
public:
    explicit limited_probe(const work_span& span)
        : times_(span.seconds), bytes_read_(span.bytes_read), start_(resources::now()) {}
    [[nodiscard]] bool over() const noexcept { return full_ || times_.over(); }
    void begin() noexcept { times_.begin(); }
    void end(std::uint64_t operations, std::uint64_t wrong);
    [[nodiscard]] limited_result result() const;

private:
    // Looking at what was read takes longer than many an operation.
    static constexpr double seconds_a_look = 0.05;

    probe times_;
    std::uint64_t bytes_read_;
    resources start_;
    double next_look_ = seconds_a_look;
    bool full_ = false;
    limited_result result_;
};

// Runs `work` in a child under the limit (0: none) after all of `files` have left the page cache.
// Throws std::runtime_error when no limit can be set, or some of a file stayed.
[[nodiscard]] limited_result run_limited(std::uint64_t limit_bytes,
                                         const std::vector<std::string>& files,
                                         const std::function<limited_result()>& work);

}  // namespace pinyon::bench
