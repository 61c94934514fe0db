// Everything that a snapshot shows, put into a new database file that is as small as can be: each
// tree is loaded bottom-up in the order of its keys, its pages full, and the file ends behind the
// last page in use.
//
// Invariants
//  1. Names, types and options of the trees and the page size are those of the source; the id of
//     the file, the numbers of the trees and the transactions are new.
//  2. It ends as fine only when each tree has as many entries as its catalog counts.
//
// Threads: one. Failure: pinyon::error about the source; refusal about the new file; what `look`
// throws.
#pragma once

#include <cstdint>
#include <functional>

#include "tools/inspected_file.hpp"
#include "tools/new_file.hpp"

namespace pinyon::tool {

// Calls `look` with the number of entries copied so far. Returns all of them.
std::uint64_t copy_densely(const inspected_file& from, const new_file& to,
                           const std::function<void(std::uint64_t)>& look);

}  // namespace pinyon::tool
