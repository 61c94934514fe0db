// The manual page pinyon(1), for man: written from the declared command line.
//
// Threads: any. Failure: none.
#pragma once

#include <string>

#include "tools/command_description.hpp"

namespace pinyon::tool {

// In the language of man(7); the same bytes each time.
[[nodiscard]] std::string manual_page(const described_command& command);

}  // namespace pinyon::tool
