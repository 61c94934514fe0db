// The completion of the command's line for bash: verbs, options, their words, files, and the trees
// of the file that stands on the line. Written from the declared command line.
//
// Invariants
//  1. What comes from a file (names of trees) is compared and quoted, never expanded by the shell.
//
// Threads: any. Failure: none.
#pragma once

#include <string>

namespace pinyon::tool {

// A script for bash 4 and later that needs no other; the same bytes each time.
[[nodiscard]] std::string bash_completion();

}  // namespace pinyon::tool
