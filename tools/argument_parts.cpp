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

void add_checkpoint(CLI::App& verb, data_arguments& into) {
    verb.add_flag("--checkpoint", into.checkpoint,
                  "the last checkpoint, without what the log beside the file adds");
}

void add_range(CLI::App& verb, range_arguments& into) {
    add_tree(verb, into.tree);
    CLI::Option* const from =
        verb.add_option("--from", into.from, "first key, included")->type_name("KEY");
    CLI::Option* const to =
        verb.add_option("--to", into.to, "last key, excluded")->type_name("KEY");
    verb.add_option("--prefix", into.prefix, "keys that begin so (keys of text and bytes)")
        ->type_name("TEXT")
        ->excludes(from)
        ->excludes(to);
}

void add_duplicates(CLI::App& verb, duplicate_rule& into) {
    add_choice<duplicate_rule>(
        verb, "--duplicates", into,
        {{"error", duplicate_rule::error},
         {"first", duplicate_rule::first},
         {"last", duplicate_rule::last}},
        "a key met again: error refuses the input, first keeps what is there, "
        "last replaces it (error)");
}

void add_ndjson(CLI::App& verb, bool& into) {
    verb.add_flag("--ndjson", into, "one JSON document a line")->excludes("--json");
}

}  // namespace pinyon::tool
