// The command `pinyon` as a function: what its main calls, and what tests and demonstrations call
// in process.
//
// Threads: one call at a time per streams. Failure: none; everything becomes a message and an exit
// code.
#pragma once

#include <string>
#include <vector>

#include "tools/streams.hpp"

namespace pinyon::tool {

// `words` without the program's name. Returns the exit code.
[[nodiscard]] int run(const std::vector<std::string>& words, const streams& streams);

}  // namespace pinyon::tool
