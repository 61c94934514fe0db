// Cuts the free pages off the end of a file that is closed: what it grew by ahead of its need, and
// what erases left there. A file that is open keeps them, because it will need them.
//
// Invariants
//  1. Whatever is interrupted: the file holds the same state before and after each step. The new
//     image of the free space goes into free pages, both metas name it and the new end, and only
//     then is the file cut.
//
// Threads: one; the file's writer lock is held meanwhile.
// Failure: busy, misuse (it was not closed), corrupt, io, no_space.
#pragma once

#include <cstdint>
#include <string>

#include "pinyon/mmap/file.hpp"

namespace pinyon {

// Returns how many pages the file has then. O(pages / 64 + pages cut).
std::uint64_t trim_file(io::file_system& files, const std::string& path);

}  // namespace pinyon
