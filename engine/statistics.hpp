// What an open database tells about itself: sizes now, and counters since it was opened.
#pragma once

#include <cstdint>

#include "pinyon/mmap/page_source.hpp"

namespace pinyon {

struct database_statistics {
    io::source_statistics pool;
    std::uint32_t page_bytes = 0;
    std::uint64_t file_pages = 0;   // pages of the file, free ones included
    std::uint64_t free_pages = 0;   // usable now
    std::uint64_t held_pages = 0;   // kept for snapshots and for the older meta
    std::uint64_t transaction = 0;  // last committed
    std::uint64_t commits = 0;
    std::uint64_t aborts = 0;
    std::uint64_t readers = 0;  // read transactions running now
};

}  // namespace pinyon
