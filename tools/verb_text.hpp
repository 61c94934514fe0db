// What the command says of each verb: its name, a line, two examples.
//
// Threads: any. Failure: none.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pinyon::tool {

struct verb_text {
    const char* name;
    const char* summary;
    const char* examples;  // two lines, each with its indent
};

// In the order of the help.
[[nodiscard]] std::span<const verb_text> verb_texts() noexcept;
// Their names.
[[nodiscard]] const std::vector<std::string>& verbs();
[[nodiscard]] bool is_verb(const std::string& word);
// The verb that `word` may have been meant to be; nullopt: none is near.
[[nodiscard]] std::optional<std::string> verb_like(const std::string& word);
// Of a verb, or of the program where the name is none's.
[[nodiscard]] const char* examples_of(const std::string& verb);

}  // namespace pinyon::tool
