// The command line of the verbs that look at the structure of a file: pages, page, owner, map,
// tree, path, free, log.
//
// Threads: any. Failure: none.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tools/arguments.hpp"

namespace CLI {
class App;
}

namespace pinyon::tool {

// The arguments of all of them, which CLI11 fills in.
struct structure_verbs {
    pages_arguments pages;
    page_arguments page;
    owner_arguments owner;
    map_arguments map;
    tree_arguments tree;
    path_arguments path;
    free_arguments free;
    log_arguments log;
};

// Declares each verb on its part of the parser. REQUIRES: `into` outlives it.
void declare_structure(const std::map<std::string, CLI::App*>& verbs, structure_verbs& into);

// The arguments of the verb of this name; nullopt when it is none of these.
[[nodiscard]] std::optional<verb_arguments> chosen_structure(const std::string& verb,
                                                             structure_verbs& all);

}  // namespace pinyon::tool
