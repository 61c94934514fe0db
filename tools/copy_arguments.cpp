#include "tools/copy_arguments.hpp"

#include "tools/argument_parts.hpp"

namespace pinyon::tool {

namespace {

constexpr const char* diff_footer =
    R"(Lines with - are of FILE, those with + of OTHER, those with ~ of both: with --values a
changed entry is a line of each. Trees are compared by name, keys and values by their
bytes; page size, number of pages and minimum degree make no difference. Exit code 0:
equal; 1: different. --quiet says nothing else, and stops at the first difference.

)";

constexpr const char* compact_footer =
    R"(NEW is a database of its own, with an id of its own: its pages are full and in order of
the keys, with next to no free ones. FILE is only read. A log that a crash left beside
it is applied; of a file that a program has open, it is the last checkpoint, and exit
code 6 when that moved on too soon: back it up first.

)";

constexpr const char* backup_footer =
    R"(NEW is the same database at one moment: the same id, the same pages at the same places,
free ones left out as holes. While a program writes, that moment is its last checkpoint,
and what it committed since is not in NEW; no checkpoint and no commit waits for the
copy. Without a program at work, a log that a crash left is applied to NEW. NEW is
verified as `pinyon check` does before it gets its name. Exit code 6: the state was
overwritten faster than it could be copied; nothing was made.

)";

void declare_diff(CLI::App& verb, diff_arguments& into) {
    add_common(verb, into);
    verb.add_option("OTHER", into.other, "the database to compare it with")
        ->required()
        ->type_name("");
    add_ndjson(verb, into.ndjson);
    verb.add_option("--tree", into.tree, "only this one (all)")->type_name("NAME");
    verb.add_option("--limit", into.limit, "show at most so many differences; all are counted")
        ->type_name("N")
        ->check(CLI::NonNegativeNumber.description(""));
    verb.add_flag("--values", into.values, "also the values");
    add_checkpoint(verb, into);
}

void add_output(CLI::App& verb, std::string& into) {
    verb.add_option("--output", into, "the file to make; must not exist")
        ->required()
        ->type_name("NEW");
}

}  // namespace

void declare_copies(const std::map<std::string, CLI::App*>& verbs, const std::string& footer,
                    copy_verbs& into) {
    declare_diff(*verbs.at("diff"), into.diff);
    verbs.at("diff")->footer(diff_footer + footer);

    add_common(*verbs.at("compact"), into.compact);
    add_output(*verbs.at("compact"), into.compact.output);
    add_checkpoint(*verbs.at("compact"), into.compact);
    verbs.at("compact")->footer(compact_footer + footer);

    add_common(*verbs.at("backup"), into.backup);
    add_output(*verbs.at("backup"), into.backup.output);
    add_checkpoint(*verbs.at("backup"), into.backup);
    verbs.at("backup")->footer(backup_footer + footer);
}

std::optional<verb_arguments> chosen_copy(const std::string& verb, copy_verbs& all) {
    if (verb == "diff") { return std::move(all.diff); }
    if (verb == "compact") { return std::move(all.compact); }
    if (verb == "backup") { return std::move(all.backup); }
    return std::nullopt;
}

}  // namespace pinyon::tool
