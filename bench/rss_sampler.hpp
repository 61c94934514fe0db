// The memory that a file's mappings take in this process, watched by another process: it stops
// this one for a moment, sums the Rss of every mapping of the file in smaps, and lets it go on,
// until it is told to end. A shell that watches its jobs would put a stopped one aside: call it in
// a child of the shell's process.
#pragma once

#include <cstdint>
#include <string>

namespace pinyon::bench {

struct rss_samples {
    std::uint64_t count = 0;
    std::uint64_t max_bytes = 0;
    std::uint64_t last_bytes = 0;
    double hertz = 0;
};

class rss_sampler {
public:
    // Starts the watching process. Call it before the database is opened: the child shares no
    // mapping.
    explicit rss_sampler(const std::string& file);
    ~rss_sampler();
    rss_sampler(const rss_sampler&) = delete;
    rss_sampler& operator=(const rss_sampler&) = delete;

    // Ends the watching; what was seen.
    [[nodiscard]] rss_samples stop();

private:
    [[noreturn]] static void watch(int parent, const std::string& file, int orders, int answers);

    int child_ = -1;
    int orders_ = -1;
    int answers_ = -1;
};

}  // namespace pinyon::bench
