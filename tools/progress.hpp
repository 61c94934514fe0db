// A line on the terminal that says how far a long task is: it appears after half a second, is
// redrawn ten times a second with rate and remaining time, and is gone when the task ends. Off a
// terminal, and with --quiet, nothing is ever written.
//
// Threads: one. Failure: interruption from `update`.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "tools/streams.hpp"

namespace pinyon::tool {

class progress {
public:
    // `unit` is what `count` counts ("records"). `total` steps make the whole; 0: not known.
    progress(const streams& streams, std::string label, std::string unit, std::uint64_t total,
             bool quiet);
    ~progress();
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;

    // `done` of the total steps, in which `count` units were finished. Cheap: a look at the clock.
    void update(std::uint64_t done, std::uint64_t count);
    // Once the whole is known.
    void set_total(std::uint64_t total) noexcept { total_ = total; }
    // Takes the line away, so that something else can be written.
    void clear();

private:
    void draw(std::chrono::steady_clock::time_point now, std::uint64_t done, std::uint64_t count);

    const streams& streams_;
    std::string label_;
    std::string unit_;
    std::uint64_t total_;
    bool on_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point start_;
    std::chrono::steady_clock::time_point next_;
};

}  // namespace pinyon::tool
