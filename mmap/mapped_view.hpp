// One view of a file as a Boost.Interprocess mapped_region over a descriptor of our own: the
// mapping of posix files and of files in memory.
//
// Threads: as io::mapping.
// Failure: as io::mapping; null when the address space has no room.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "pinyon/mmap/descriptor.hpp"
#include "pinyon/mmap/file.hpp"
#include "pinyon/mmap/os_memory.hpp"

namespace pinyon::io {

// What a view shares with its file.
struct view_origin {
    std::shared_ptr<descriptor> handle;
    std::shared_ptr<process_memory> memory;
    std::string path;  // for messages
};

[[nodiscard]] std::unique_ptr<mapping> map_view(view_origin origin, view_access access,
                                                std::uint64_t first, std::uint64_t bytes);

}  // namespace pinyon::io
