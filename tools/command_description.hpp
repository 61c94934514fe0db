// The command line as a description: what --help knows of verbs, options and their values, as plain
// values. The manual page and the completion of shells are written from it, so that they cannot say
// anything else than --help does, nor forget a verb.
//
// Threads: any. Failure: none.
#pragma once

#include <string>
#include <vector>

namespace pinyon::tool {

// What can stand in the place of a value.
enum class value_kind {
    none,    // a flag takes none
    word,    // a number, a key: nothing that could be offered
    choice,  // one of `choices`
    file,    // a path
    tree,    // the name of a tree of the file
};

struct described_option {
    std::string name;   // "--tree"; of an argument without dashes: "KEY"
    std::string brief;  // "-q"; empty: there is none
    std::string value;  // "NAME"; empty for flags and arguments
    std::string text;
    value_kind kind = value_kind::none;
    std::vector<std::string> choices;
    bool required = false;

    [[nodiscard]] bool is_argument() const noexcept { return name[0] != '-'; }
    friend bool operator==(const described_option&, const described_option&) = default;
};

struct described_verb {
    std::string name;
    std::string summary;
    std::string notes;     // may be empty; paragraphs parted by empty lines
    std::string examples;  // lines
    std::vector<described_option> arguments;
    std::vector<described_option> options;  // without --help
};

struct described_command {
    std::string summary;
    std::string examples;
    std::string exit_codes;                 // as --help ends
    std::vector<described_option> options;  // of the program
    std::vector<described_verb> verbs;
    std::vector<described_option> common;  // see common_of
};

[[nodiscard]] described_command described();

// The arguments and options that more than half of the verbs have in the same words.
[[nodiscard]] std::vector<described_option> common_of(const std::vector<described_verb>& verbs);

// Whether the verb has it, in the same words.
[[nodiscard]] bool has(const described_verb& verb, const described_option& option);

// "pinyon get FILE KEY [options]".
[[nodiscard]] std::string usage_of(const described_verb& verb);

}  // namespace pinyon::tool
