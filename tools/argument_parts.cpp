#include "tools/argument_parts.hpp"

#include <sstream>

namespace pinyon::tool {

void add_common(CLI::App& verb, common_arguments& into) {
    static const std::map<std::string, byte_style> styles{{"auto", byte_style::automatic},
                                                          {"text", byte_style::text},
                                                          {"hex", byte_style::hex},
                                                          {"base64", byte_style::base64},
                                                          {"redacted", byte_style::redacted}};
    verb.add_option("FILE", into.file, "the database")->required()->type_name("");
    verb.add_flag("--json", into.json, "one JSON document with a schema name");
    verb.add_flag("-q,--quiet", into.quiet, "no progress, no remarks");
    verb.add_option_function<std::string>(
            "--bytes", [&into](const std::string& word) { into.bytes = styles.at(word); },
            "how bytes are shown: auto, text, hex, base64, redacted")
        ->type_name("STYLE")
        ->check(one_of(styles));
}

std::vector<std::string> choices_of(CLI::Option& option) {
    std::vector<std::string> words;
    // Throws when there is no check at all.
    for (int index = 0;; ++index) {
        try {
            std::istringstream names(option.get_validator(index)->get_name());
            for (std::string word; names >> word;) { words.push_back(word); }
        } catch (const CLI::OptionNotFound&) { return words; }
    }
}

void add_tree(CLI::App& verb, std::optional<std::string>& into) {
    verb.add_option("--tree", into, "which tree; may be left out when there is one")
        ->type_name("NAME");
}

void add_ndjson(CLI::App& verb, bool& into) {
    verb.add_flag("--ndjson", into, "one JSON document a line")->excludes("--json");
}

}  // namespace pinyon::tool
