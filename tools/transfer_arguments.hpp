// The command line of the verbs that turn a file into text and text into a file: dump, load.
//
// Threads: any. Failure: refusal(exit_code::usage) from `chosen_transfer`.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "tools/arguments.hpp"

namespace CLI {
class App;
}

namespace pinyon::tool {

// The arguments of both, which CLI11 fills in.
struct transfer_verbs {
    dump_arguments dump;
    load_arguments load;
};

// Declares each verb on its part of the parser; `footer` ends the help of all verbs. REQUIRES:
// `into` outlives it.
void declare_transfer(const std::map<std::string, CLI::App*>& verbs, transfer_verbs& into,
                      const std::string& footer);

// The arguments of the verb of this name; nullopt when it is none of these.
[[nodiscard]] std::optional<verb_arguments> chosen_transfer(const std::string& verb,
                                                            transfer_verbs& all);

}  // namespace pinyon::tool
