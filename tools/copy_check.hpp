// A file that was just made, verified before it gets its name.
//
// Threads: one. Failure: interruption; pinyon::error for what cannot be checked.
#pragma once

#include <optional>
#include <string>

#include "pinyon/engine/check.hpp"
#include "tools/streams.hpp"

namespace pinyon::tool {

// The first thing that is wrong with the file; nullopt: `pinyon check` finds it sound. `quiet`: no
// line of progress. O(file).
[[nodiscard]] std::optional<finding> first_defect(const std::string& path, const streams& streams,
                                                  bool quiet);

}  // namespace pinyon::tool
