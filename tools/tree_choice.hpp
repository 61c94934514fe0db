// Which of a file's trees a command means.
//
// Threads: any. Failure: refusal naming the trees there are: `no` where there is none of this name,
// `usage` where one has to be named.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "tools/exit_code.hpp"

namespace pinyon::tool {

// The index of the tree of this name, or of the only one.
[[nodiscard]] std::size_t choose_tree(const std::vector<std::string>& names,
                                      const std::optional<std::string>& wanted,
                                      const std::string& file);

}  // namespace pinyon::tool
