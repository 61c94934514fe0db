// What a verb may touch of the outside world: where it reads, where results and remarks go, whether
// a person watches, what time it is, and whether that person has had enough. Tests hand in their
// own.
//
// Threads: one, but for `interrupted`, which a signal handler sets.
// Failure: `flush_results` throws refusal when the results could not be written.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <ostream>
#include <span>

#include "tools/exit_code.hpp"

namespace pinyon::tool {

// Fills a buffer from some input; returns how many bytes, 0 at the end.
using byte_source = std::function<std::size_t(std::span<char>)>;

struct streams {
    std::ostream& out;  // results
    std::ostream& err;  // all else
    byte_source in;     // standard input
    bool out_colour = false;
    bool err_colour = false;
    bool out_is_terminal = false;
    bool err_is_terminal = false;
    unsigned columns = 80;
    const std::atomic<bool>* interrupted = nullptr;
    std::chrono::steady_clock::time_point (*now)() = std::chrono::steady_clock::now;

    void check_interrupt() const {
        if (interrupted != nullptr && interrupted->load(std::memory_order_relaxed)) {
            throw interruption();
        }
    }
    // A full disk or a closed pipe behind standard output must not look like success.
    void flush_results() const {
        if (!out.flush()) {
            throw refusal(exit_code::unreadable,
                          "the results could not be written to standard output");
        }
    }
};

}  // namespace pinyon::tool
