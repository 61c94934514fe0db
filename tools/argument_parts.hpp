// Parts of the command line that several verbs have, declared for CLI11.
//
// Threads: one; what is declared lives as long as the parser. Failure: none.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "tools/arguments.hpp"

namespace pinyon::tool {

void add_common(CLI::App& verb, common_arguments& into);
void add_tree(CLI::App& verb, std::optional<std::string>& into);
// For what reads entries.
void add_checkpoint(CLI::App& verb, data_arguments& into);
// --tree, --from, --to, --prefix.
void add_range(CLI::App& verb, range_arguments& into);
// --duplicates.
void add_duplicates(CLI::App& verb, duplicate_rule& into);
// One JSON document a line, for what is a list.
void add_ndjson(CLI::App& verb, bool& into);

// Accepts these words alone, and remembers them.
template <class Value>
[[nodiscard]] CLI::Validator one_of(const std::map<std::string, Value>& choices) {
    CLI::Validator check = CLI::IsMember(choices);
    std::string words;
    for (const auto& [word, value] : choices) { words += " " + word; }
    return check.description("").name(words);
}
// The words of an option that takes one of several; none for all others.
[[nodiscard]] std::vector<std::string> choices_of(CLI::Option& option);

// One of several words.
template <class Value>
void add_choice(CLI::App& verb, const std::string& name, Value& into,
                const std::map<std::string, Value>& choices, const std::string& text) {
    verb.add_option_function<std::string>(
            name, [&into, choices](const std::string& word) { into = choices.at(word); }, text)
        ->type_name("KIND")
        ->check(one_of(choices));
}

}  // namespace pinyon::tool
