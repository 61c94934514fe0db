#include "tools/inspected_file.hpp"

#include "tools/tree_choice.hpp"

namespace pinyon::tool {

database open_to_read(const std::string& file, bool checkpoint) {
    options chosen;
    chosen.access = access_mode::read_only;
    chosen.paging = paging::direct;
    chosen.replay = checkpoint ? replay::ignore : replay::in_memory;
    return database::open(file, chosen);
}

inspected_file::inspected_file(const std::string& file, bool checkpoint)
    : database_(open_to_read(file, checkpoint)), snapshot_(database_.begin_read()) {}

tree_information tree_of(const read_transaction& snapshot, const std::optional<std::string>& name,
                         const std::string& file) {
    const std::vector<tree_information> trees = snapshot.trees();
    std::vector<std::string> names;
    names.reserve(trees.size());
    for (const tree_information& each : trees) { names.push_back(each.name); }
    return trees[choose_tree(names, name, file)];
}

}  // namespace pinyon::tool
