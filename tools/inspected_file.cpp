#include "tools/inspected_file.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tools/escape.hpp"

namespace pinyon::tool {

namespace {

// How many trees a message names.
constexpr std::size_t names_max = 8;

std::string tree_names(const std::vector<tree_information>& trees) {
    std::vector<std::string> names;
    for (const tree_information& each : trees) {
        if (names.size() == names_max) {
            names.push_back(fmt::format("and {} more", trees.size() - names_max));
            break;
        }
        names.push_back("'" + escaped(each.name) + "'");
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

database open_to_read(const std::string& file) {
    options chosen;
    chosen.access = access_mode::read_only;
    chosen.paging = paging::direct;
    try {
        return database::open(file, chosen);
    } catch (const error& failure) {
        if (failure.kind() != errc::recovery_required) { throw; }
    }
    chosen.paging = paging::pool;
    chosen.replay = replay::in_memory;
    return database::open(file, chosen);
}

inspected_file::inspected_file(const std::string& file)
    : database_(open_to_read(file)), snapshot_(database_.begin_read()) {}

tree_information inspected_file::tree(const std::optional<std::string>& name) const {
    const std::vector<tree_information> trees = snapshot_.trees();
    const std::string look = "pinyon info " + shell_quoted(database_.path());
    if (trees.empty()) { throw refusal(exit_code::no, "the file holds no tree", look); }
    if (!name) {
        if (trees.size() == 1) { return trees.front(); }
        throw refusal(exit_code::usage,
                      fmt::format("the file holds {} trees, {}: expected --tree NAME", trees.size(),
                                  tree_names(trees)),
                      look);
    }
    const auto found =
        std::find_if(trees.begin(), trees.end(),
                     [&name](const tree_information& each) { return each.name == *name; });
    if (found == trees.end()) {
        throw refusal(
            exit_code::no,
            fmt::format("found no tree '{}'; there are {}", escaped(*name), tree_names(trees)),
            look);
    }
    return *found;
}

}  // namespace pinyon::tool
