#include "tools/manual_page.hpp"

#include <algorithm>
#include <sstream>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "tools/arguments.hpp"

namespace pinyon::tool {

namespace {

// Text as it is, whatever it means to roff. A line that begins with a dot or a quote would be a
// request.
std::string plain(std::string_view text) {
    std::string out;
    bool line_start = true;
    for (const char each : text) {
        if (line_start && (each == '.' || each == '\'')) { out += "\\&"; }
        switch (each) {
            case '\\':
                out += "\\e";
                break;
            case '-':
                out += "\\-";
                break;
            case '\'':
                out += "\\(aq";
                break;
            case '`':
                out += "\\(ga";
                break;
            case '^':
                out += "\\(ha";
                break;
            case '~':
                out += "\\(ti";
                break;
            default:
                out += each;
        }
        line_start = each == '\n';
    }
    return out;
}

std::string bold(std::string_view text) { return "\\fB" + plain(text) + "\\fR"; }
std::string slanted(std::string_view text) { return "\\fI" + plain(text) + "\\fR"; }

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) { lines.push_back(line); }
    return lines;
}

std::string heading(const char* text) { return fmt::format(".SH {}\n", text); }

// Lines as they stand.
std::string literal(const std::string& text) {
    std::string out = ".PP\n.nf\n.RS\n";
    for (const std::string& line : lines_of(text)) {
        const std::size_t start = std::min(line.find_first_not_of(' '), line.size());
        out += plain(line.substr(start)) + "\n";
    }
    return out + ".RE\n.fi\n";
}

// Paragraphs parted by empty lines; the lines of one are filled anew.
std::string paragraphs(const std::string& text) {
    std::string out = ".PP\n";
    for (const std::string& line : lines_of(text)) {
        out += line.empty() ? ".PP\n" : plain(line) + "\n";
    }
    return out;
}

// The name is the paragraph's tag, what follows is set in under it.
std::string tagged(const std::string& tag, const std::string& text) {
    return ".TP\n" + tag + "\n" + plain(text) + "\n";
}

std::string option_text(const described_option& option) {
    std::string tag = option.is_argument() ? slanted(option.name) : bold(option.name);
    if (!option.brief.empty()) { tag = bold(option.brief) + ", " + tag; }
    if (!option.value.empty()) { tag += " " + slanted(option.value); }
    std::string text = option.text;
    if (option.required && !option.is_argument()) { text += " (required)"; }
    return tagged(tag, text);
}

// Words in capitals stand for something, the others are typed as they are.
std::string usage_text(const described_verb& verb) {
    std::string out;
    std::istringstream words(usage_of(verb));
    for (std::string word; words >> word;) {
        const bool typed = word[0] == '-' || (word[0] >= 'a' && word[0] <= 'z');
        if (!out.empty()) { out += ' '; }
        out += typed ? bold(word) : word == "[options]" ? plain(word) : slanted(word);
    }
    return out;
}

std::string verb_text(const described_verb& verb, const std::vector<described_option>& common) {
    std::string summary = verb.summary;
    if (summary[0] >= 'a' && summary[0] <= 'z') { summary[0] = static_cast<char>(summary[0] - 32); }
    std::string out = ".SS " + usage_text(verb) + "\n" + plain(summary) + ".\n";
    if (!verb.notes.empty()) { out += paragraphs(verb.notes); }
    for (const auto* list : {&verb.arguments, &verb.options}) {
        for (const described_option& each : *list) {
            if (std::find(common.begin(), common.end(), each) == common.end()) {
                out += option_text(each);
            }
        }
    }
    return out + literal(verb.examples);
}

// The verbs that lack an option which the others share. What arguments a verb has, its own line
// shows.
std::string exceptions_of(const described_option& option,
                          const std::vector<described_verb>& verbs) {
    std::vector<std::string> names;
    for (const described_verb& each : verbs) {
        const bool named = std::any_of(each.options.begin(), each.options.end(),
                                       [&](const auto& own) { return own.name == option.name; });
        if (!named) { names.push_back(each.name); }
    }
    return option.is_argument() || names.empty()
               ? ""
               : fmt::format(" (not with {})", fmt::join(names, ", "));
}

// "Exit codes: 0 fine, 1 the answer is no, ..." as a list.
std::string exit_codes(std::string text) {
    std::replace(text.begin(), text.end(), '\n', ' ');
    std::string out;
    std::size_t at = text.find_first_of("0123456789");
    while (at < text.size()) {
        const std::size_t blank = text.find(' ', at);
        std::size_t end = blank;
        do {
            end = text.find_first_of(",.", end + 1);
        } while (end < text.size() && text[end] == ',' &&
                 text.find_first_of("0123456789", end) != end + 2);
        end = std::min(end, text.size());
        out += tagged(bold(text.substr(at, blank - at)), text.substr(blank + 1, end - blank - 1));
        at = text.find_first_of("0123456789", end);
    }
    return out;
}

constexpr const char* files_text =
    ".TP\n"
    "\\fIFILE\\fR\n"
    "the database, one file\n"
    ".TP\n"
    "\\fIFILE\\fR\\fB\\-wal.\\fR\\fINUMBER\\fR\n"
    "its log, while a program has it open or after one died; the next program that opens the\n"
    "database for writing replays it\n";

constexpr const char* environment_text =
    ".TP\n"
    "\\fBNO_COLOR\\fR\n"
    "when it is set and not empty, nothing is coloured; off a terminal nothing ever is\n";

}  // namespace

std::string manual_page(const described_command& command) {
    // No date: the same program has the same page whenever it was built.
    std::string out =
        fmt::format(".TH PINYON 1 \"\" \"Pinyon {}\" \"Pinyon\"\n", program_version());
    out += heading("NAME");
    out += "pinyon \\- look into Pinyon databases, repair them and fill them from text\n";
    out += heading("SYNOPSIS");
    out += bold("pinyon") + " " + slanted("VERB FILE") + " [" + slanted("arguments") + "] [" +
           slanted("options") + "]\n.br\n" + bold("pinyon") + " " + slanted("FILE") + "\n.br\n" +
           bold("pinyon") + " " + slanted("VERB") + " " + bold("--help") + "\n";
    out += heading("DESCRIPTION");
    out += plain(command.summary) + "\n";
    out +=
        "What it inspects it never changes: files are opened read\\-only, no lock file and no\n"
        "temporary file is made, and a file that is damaged in any way ends with a message and an\n"
        "exit code. What it makes is a new file, which has its name only when it is whole.\n";
    out += heading("COMMON OPTIONS");
    for (described_option each : command.common) {
        each.text += exceptions_of(each, command.verbs);
        out += option_text(each);
    }
    for (const described_option& each : command.options) { out += option_text(each); }
    out += heading("VERBS");
    for (const described_verb& each : command.verbs) { out += verb_text(each, command.common); }
    out += heading("EXIT STATUS") + exit_codes(command.exit_codes);
    out += heading("ENVIRONMENT") + environment_text;
    out += heading("FILES") + files_text;
    out += heading("EXAMPLES") + literal(command.examples);
    return out;
}

}  // namespace pinyon::tool
