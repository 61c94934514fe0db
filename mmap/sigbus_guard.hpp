// The second line against failures of mapped files. A page is brought in by a call that reports
// errors (mapping::populate), but the kernel may take it away and fail to read it again, or another
// program may cut the file: then the access itself fails, with SIGBUS, which ends the process. In a
// guarded range the access is completed instead, with zeros, and the page is marked failed.
//
// Invariants
//  1. A page is marked before the zeros can be seen: its word loses `admitted` and `writable`,
//     gains `failed`, and its version moves. So who read zeros finds the page changed when it
//     looks (page_source::unchanged), and the next fetch is errc::io.
//  2. `failed` is never taken back: the zeros stay in the view until it goes.
//  3. The handler is installed once and never removed, and passes on what is not in a guarded
//     range; without an earlier handler the signal ends the process as ever.
//
// Threads: any. The handler itself uses atomics and one system call, and is async-signal-safe; it
// may run in any thread, at any access to the range, also inside another handler.
// Failure: no_space when too many ranges are guarded.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "pinyon/mmap/page_table.hpp"

namespace pinyon::io {

// What the handler does about the pages of a range.
struct guarded_pages {
    std::byte* base = nullptr;  // where page 0 would be
    unsigned page_shift = 0;
    bool writable = false;
    page_word* words = nullptr;
    std::atomic<page_number>* first_failed = nullptr;  // set by the first failure
    std::atomic<std::uint64_t>* failures = nullptr;    // counts them
};

class sigbus_guard {
public:
    // Two views each of so many databases.
    static constexpr std::size_t ranges_max = 256;

    // Guards pages [first, end) from here on; installs the handler when it is the first guard.
    sigbus_guard(const guarded_pages& pages, page_number first, page_number end);
    // REQUIRES: nobody touches the range any more, and it is still mapped.
    ~sigbus_guard();
    sigbus_guard(const sigbus_guard&) = delete;
    sigbus_guard& operator=(const sigbus_guard&) = delete;

private:
    guarded_pages pages_;
    std::size_t slot_;
    std::uint64_t version_;  // of the slot while it is this guard's
};

}  // namespace pinyon::io
