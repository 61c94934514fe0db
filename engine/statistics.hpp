// What an open database tells about itself: sizes now, and counters since it was opened.
#pragma once

#include <cstdint>

#include "pinyon/mmap/page_source.hpp"

namespace pinyon {

// What opening the file had to replay.
struct recovery_facts {
    std::uint64_t transactions = 0;
    std::uint64_t operations = 0;
    std::uint64_t log_bytes = 0;
    bool from_older_meta = false;  // the newest state was damaged
    double seconds = 0;
};

struct database_statistics {
    io::source_statistics pool;
    std::uint32_t page_bytes = 0;
    std::uint64_t file_pages = 0;   // pages of the file, free ones included
    std::uint64_t free_pages = 0;   // usable now
    std::uint64_t held_pages = 0;   // kept for snapshots and for the older meta
    std::uint64_t transaction = 0;  // last committed
    std::uint64_t commits = 0;
    std::uint64_t aborts = 0;
    std::uint64_t readers = 0;           // read transactions running now
    std::uint64_t log_position = 0;      // behind the last commit; 0: no log has ever begun
    std::uint64_t durable_position = 0;  // commits up to here survive a loss of power
    std::uint64_t log_bytes = 0;         // of log that the next checkpoint will save
    std::uint64_t log_segments = 0;      // begun since the open
    std::uint64_t log_syncs = 0;
    std::uint64_t checkpoints = 0;            // completed, of the log
    std::uint64_t checkpoints_cancelled = 0;  // for want of space or memory; tried again
    std::uint64_t waits = 0;                  // of begin_write for a checkpoint
    double seconds_waited = 0;
    recovery_facts recovery;
};

}  // namespace pinyon
