// An error of the library about a file as the end of a verb: exit code, text with the place of the
// page it names, and the next command to try.
//
// Threads: any. Failure: none.
#pragma once

#include <string>

#include "tools/exit_code.hpp"

namespace pinyon::tool {

// What `failure`, met by `verb` on `file`, ends it with.
[[nodiscard]] refusal refusal_about(const error& failure, const std::string& verb,
                                    const std::string& file);

// The library's texts begin with the file's name where they know it; a message that says it already
// goes without.
[[nodiscard]] std::string without_name(std::string text, const std::string& file);

}  // namespace pinyon::tool
