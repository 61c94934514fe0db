// Pool against raw mapping, quickly, on one tree of one file: the same reads through both, by turns
// (A B A B), medians of several rounds with their spread. In memory only: everything is touched
// before the clock starts.
//
// Threads: one. Failure: pinyon::error; interruption.
#pragma once

#include <string>

#include "tools/streams.hpp"

namespace pinyon::tool {

// Writes the table to streams.out.
void compare_paging(const std::string& file, const std::string& tree, const streams& streams);

}  // namespace pinyon::tool
