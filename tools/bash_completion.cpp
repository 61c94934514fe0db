#include "tools/bash_completion.hpp"

#include <fmt/format.h>

#include "tools/arguments.hpp"
#include "tools/command_description.hpp"

namespace pinyon::tool {

namespace {

// What may stand in the place of a value, as the script below reads it.
std::string offer_of(const described_option& option) {
    switch (option.kind) {
        case value_kind::none:
            return "flag";
        case value_kind::word:
            return "word";
        case value_kind::file:
            return "file";
        case value_kind::tree:
            return "tree";
        case value_kind::choice:
            return fmt::format("choice {}", fmt::join(option.choices, " "));
    }
    return "word";
}

// A line of `case`: the verb's words, or what an option or an argument is.
std::string cases_of(const described_verb& verb) {
    std::string names;
    std::string out;
    for (const described_option& each : verb.options) {
        names += " " + each.name;
        const std::string brief =
            each.brief.empty() ? "" : fmt::format(" | '{} {}'", verb.name, each.brief);
        out += fmt::format("        '{} {}'{}) _pinyon_is='{}' ;;\n", verb.name, each.name, brief,
                           offer_of(each));
    }
    for (std::size_t i = 0; i < verb.arguments.size(); ++i) {
        out += fmt::format("        '{} {}') _pinyon_is='{}' ;;\n", verb.name, i + 1,
                           offer_of(verb.arguments[i]));
    }
    return fmt::format("        '{} options') _pinyon_is='{} --help' ;;\n", verb.name,
                       names.empty() ? "" : names.substr(1)) +
           out;
}

constexpr const char* functions = R"script(
# The words that begin with what has been typed.
_pinyon_offer() {
    local word
    for word in "$@"; do
        [[ $word != "$_pinyon_typed"* ]] || COMPREPLY+=("$word")
    done
}

# Names come from the file: compared and quoted, expanded by nothing.
_pinyon_offer_trees() {
    local name
    while IFS= read -r name; do
        [[ $name != "$_pinyon_typed"* ]] || COMPREPLY+=("$(printf '%q' "$name")")
    done < <("$1" info "$2" --json --quiet 2>/dev/null |
        sed -n 's/^ *"name": "\([^"\\]*\)",\{0,1\}$/\1/p')
}

_pinyon_offer_files() {
    compopt -o filenames 2>/dev/null || true
    local name
    while IFS= read -r name; do
        COMPREPLY+=("$name")
    done < <(compgen -f -- "$_pinyon_typed")
}

_pinyon() {
    COMPREPLY=()
    local _pinyon_typed=${COMP_WORDS[COMP_CWORD]} _pinyon_is=''
    local verb='' file='' word option='' i place=0
    # What stands before: the verb, how many arguments, and whether an option waits for its
    # value. At "=" bash parts words: --bytes=hex comes as three.
    for ((i = 1; i < COMP_CWORD; ++i)); do
        word=${COMP_WORDS[i]}
        if [[ $word == = ]]; then
            continue
        elif [[ -n $option ]]; then
            option=
        elif [[ $word == -?* ]]; then
            _pinyon_look "${verb:-info} $word"
            [[ $_pinyon_is == '' || $_pinyon_is == flag ]] || option=$word
        elif [[ -z $verb && " $_pinyon_verbs " == *" $word "* ]]; then
            verb=$word
        else
            verb=${verb:-info}
            file=${file:-$word}
            place=$((place + 1))
        fi
    done
    [[ $_pinyon_typed != = ]] || _pinyon_typed=
    if [[ -n $option ]]; then
        _pinyon_look "${verb:-info} $option"
    elif [[ $_pinyon_typed == -* ]]; then
        _pinyon_look "${verb:-info} options"
        [[ -n $verb ]] || _pinyon_is+=' --version'
        _pinyon_is="choice $_pinyon_is"
    elif [[ -z $verb ]]; then
        # shellcheck disable=SC2086  # words of our own
        _pinyon_offer $_pinyon_verbs
        _pinyon_is='file'
    else
        _pinyon_look "$verb $((place + 1))"
    fi
    # shellcheck disable=SC2086  # words of our own
    case $_pinyon_is in
        'choice '*) _pinyon_offer ${_pinyon_is#choice } ;;
        tree) _pinyon_offer_trees "${COMP_WORDS[0]}" "${file//\\/}" ;;
        file) _pinyon_offer_files ;;
    esac
}

complete -F _pinyon pinyon
)script";

}  // namespace

std::string bash_completion() {
    const described_command command = described();
    std::string names;
    std::string cases;
    for (const described_verb& each : command.verbs) {
        names += (names.empty() ? "" : " ") + each.name;
        cases += cases_of(each);
    }
    std::string out = fmt::format(
        "# Completion of pinyon {} for bash, made from its command line.\n# shellcheck "
        "shell=bash\n\n",
        program_version());
    out += fmt::format("_pinyon_verbs='{}'\n\n", names);
    out +=
        "# Sets _pinyon_is to what a verb's options are, what one of them takes, or what its "
        "first,\n"
        "# second... argument is; empty: there is none.\n"
        "_pinyon_look() {\n"
        "    _pinyon_is=\n"
        "    case $1 in\n";
    return out + cases + "    esac\n}\n" + functions;
}

}  // namespace pinyon::tool
