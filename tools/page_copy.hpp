// A state of a database file copied page by page: what it uses at the same places, free pages left
// out as holes, both metas naming it.
//
// Invariants
//  1. The copy is that state or fails its check: nothing here looks into a page, the checksums from
//     the meta down to each page prove that they belong together.
//
// Threads: one. Failure: pinyon::error about the source; refusal about the new file; what `look`
// throws.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "pinyon/engine/meta.hpp"
#include "tools/new_file.hpp"

namespace pinyon::tool {

// Copies the pages of the state `meta` of `from`, and the metas. A meta that needs a log names it
// in the copy as well, unless the copy is to be complete `without_log`. Calls `look` with the
// number of pages passed so far. Returns how many were copied.
std::uint64_t copy_pages(io::file& from, const format::meta& meta, bool without_log,
                         const new_file& to, const std::function<void(std::uint64_t)>& look);

// Puts the log beside the file at `path` (resolved) beside the new file: every segment, damaged
// ones as well, because how far the log was durable may stand in any of them.
void copy_log(const std::string& path, const new_file& to, const std::function<void()>& look);

}  // namespace pinyon::tool
