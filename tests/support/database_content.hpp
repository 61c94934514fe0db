// What a database file holds, as a value: to compare two files by what a program would see.
//
// Threads: one. Failure: pinyon::error.
#pragma once

#include <map>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include "pinyon/engine/database.hpp"
#include "tools/stored_value.hpp"

namespace pinyon::test {

struct stored_tree {
    tree_types types;
    std::uint32_t minimum_degree = 0;
    std::map<std::string, std::string> entries;  // keys in normal form, values as stored

    friend bool operator==(const stored_tree&, const stored_tree&) = default;
};

using database_content = std::map<std::string, stored_tree>;

[[nodiscard]] inline database_content content_of(const std::string& path) {
    options how;
    how.access = access_mode::read_only;
    how.replay = replay::in_memory;
    const database db = database::open(path, how);
    const read_transaction tx = db.begin_read();
    database_content all;
    for (const tree_information& each : tx.trees()) {
        const raw_tree tree = tx.open_raw(each.name);
        stored_tree& content = all[each.name];
        content.types = tree.types();
        content.minimum_degree = each.minimum_degree;
        raw_cursor at = tree.cursor();
        std::vector<std::byte> room;
        for (bool valid = at.first(); valid; valid = at.next()) {
            content.entries[std::string(as_text(at.key()))] =
                std::string(as_text(tool::value_at(tree, at, room)));
        }
    }
    return all;
}

// The entries alone, as programs see them that know no types.
[[nodiscard]] inline std::map<std::string, std::map<std::string, std::string>> entries_of(
    const std::string& path) {
    std::map<std::string, std::map<std::string, std::string>> all;
    for (auto& [name, tree] : content_of(path)) { all[name] = tree.entries; }
    return all;
}

}  // namespace pinyon::test
