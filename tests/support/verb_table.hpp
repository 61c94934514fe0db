// How each verb of the command is called on files that are damaged, and what may be said of its
// answer: one line a verb. A verb without a line fails tool_matrix_test.
//
// %f is the file, %s the sound one, %t a tree and %k a key in it, %a a key that is not in it, %p a
// page, %o a name for what it makes.
//
// Threads: immutable. Failure: none.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace pinyon::test {

enum class verb_effect {
    tells,           // changes nothing, makes nothing
    makes_database,  // at %o: with exit code 0 all that FILE holds
    makes_text,      // at %o: with exit code 0 what it is of a sound file
    makes_page,      // at %o: a report, of damaged files too
    changes,         // FILE itself, which keeps all that it had
};

// What exit code 0 (or 1, "no") has to mean on a file that is damaged.
enum class verb_promise {
    data,       // the answer is that of the sound file
    structure,  // the same, but of a file with an older meta, which is a sound one
    verdict,    // the same, and no page in use is damaged
    bytes,      // as structure, unless it is about a damaged page that nothing uses
    nothing,    // an end, in time; what it makes is judged by itself
};

struct verb_row {
    std::string_view verb;
    verb_promise promise{};
    verb_effect effect{};
    std::string_view made_with;  // exit codes, as digits, that may leave something at %o
    std::vector<std::string> forms;
    std::string_view input = {};  // on standard input
};

[[nodiscard]] inline const std::vector<verb_row>& verb_table() {
    using enum verb_effect;
    using enum verb_promise;
    static const std::vector<verb_row> rows{
        {"info", structure, tells, "", {"%f", "%f --json"}},
        {"check", verdict, tells, "", {"%f", "%f --json", "%f --root-descend --max-errors 0"}},
        {"stat", verdict, tells, "", {"%f", "%f --json"}},
        {"pages", verdict, tells, "", {"%f", "%f --runs", "%f --ndjson", "%f --kind damaged"}},
        {"page", bytes, tells, "", {"%f %p", "%f %p --hex", "%f %p --json"}},
        {"owner", bytes, tells, "", {"%f %p", "%f %p --json"}},
        {"map", verdict, tells, "", {"%f", "%f --by tree", "%f --by fill --json", "%f --by age"}},
        {"tree",
         structure,
         tells,
         "",
         {"%f", "%f --tree %t --dot", "%f --json", "%f --ndjson --depth 1"}},
        {"path",
         structure,
         tells,
         "",
         {"%f %k --tree %t", "%f %k --tree %t --json", "%f %a --tree %t"}},
        {"free", structure, tells, "", {"%f", "%f --json"}},
        {"log", structure, tells, "", {"%f", "%f --json", "%f --operations --ndjson"}},
        {"report",
         verdict,
         makes_page,
         "036",
         {"%f --output %o", "%f --output %o --tree %t --key %k --values --json"}},
        {"import", nothing, changes, "", {"%f - --tree new"}, "a\nb\n"},
        {"get", data, tells, "", {"%f %k --tree %t", "%f %k --tree %t --json", "%f %a --tree %t"}},
        {"scan",
         data,
         tells,
         "",
         {"%f --tree %t", "%f --tree %t --reverse", "%f --tree %t --json", "%f --tree %t --limit 3",
          "%f --tree %t --from %k --limit 5"}},
        {"count",
         data,
         tells,
         "",
         {"%f --tree %t", "%f --tree %t --from %k", "%f --tree %t --json"}},
        {"diff", data, tells, "", {"%f %s", "%f %s --tree %t --json"}},
        {"dump",
         data,
         tells,
         "",
         {"%f", "%f --tree %t --format bdb", "%f --format ndjson", "%f --tree %t --format csv"}},
        {"load", nothing, makes_database, "", {"%f --output %o", "%f --format ndjson --output %o"}},
        {"compact", nothing, makes_database, "0", {"%f --output %o", "%f --output %o --json"}},
        {"backup", nothing, makes_database, "0", {"%f --output %o", "%f --output %o --json"}},
        {"bench", nothing, tells, "", {"%f --tree %t --seconds 0.01"}},
        {"recover", nothing, makes_database, "06", {"%f --output %o", "%f --output %o --json"}},
    };
    return rows;
}

}  // namespace pinyon::test
