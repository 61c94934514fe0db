// The command line of the verbs that compare and copy whole files: diff, compact, backup.
//
// Threads: any. Failure: none.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tools/arguments.hpp"

namespace CLI {
class App;
}

namespace pinyon::tool {

// The arguments of all of them, which CLI11 fills in.
struct copy_verbs {
    diff_arguments diff;
    compact_arguments compact;
    backup_arguments backup;
};

// Declares each verb on its part of the parser; `footer` is the program's. REQUIRES: `into`
// outlives it.
void declare_copies(const std::map<std::string, CLI::App*>& verbs, const std::string& footer,
                    copy_verbs& into);

// The arguments of the verb of this name; nullopt when it is none of these.
[[nodiscard]] std::optional<verb_arguments> chosen_copy(const std::string& verb, copy_verbs& all);

}  // namespace pinyon::tool
