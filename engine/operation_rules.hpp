// What the operations of a log may say of the trees that are there: who replays asks before each
// change, who checks asks without making any.
//
// Invariants
//  1. The trees here are those that the catalog would list behind the operations followed so far.
//
// Threads: one at a time.
// Failure: log_corrupt for an operation that no state allows its tree (a tree that is not there, a
// key, a value or a name that it cannot have), log_mismatch for one of another state (a number, a
// name); both say what to do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "pinyon/engine/operation.hpp"

namespace pinyon {

// The record of the tree that `what` creates, as its creator made it. Throws log_corrupt when there
// can be none.
[[nodiscard]] format::catalog_record created_record(const operation& what,
                                                    std::uint32_t page_bytes);

// log_mismatch, and what to do about it.
[[noreturn]] void raise_other_state(const std::string& what);

class operation_rules {
public:
    // Of the trees that a catalog lists. Throws corrupt when two of them have one number.
    operation_rules(const std::vector<std::pair<std::string, format::catalog_record>>& trees,
                    std::uint32_t next_tree, std::uint32_t page_bytes);

    // Throws when the state does not allow `what`. O(1).
    void check(const operation& what);
    // The state behind `what`. REQUIRES: checked.
    void follow(const operation& what);

    // Throws log_corrupt when there is none.
    [[nodiscard]] const std::string& name_of(std::uint32_t tree) { return find(tree).name; }

private:
    struct known_tree {
        std::string name;
        format::catalog_record record;
    };

    [[nodiscard]] known_tree& find(std::uint32_t tree);
    void check_key(const known_tree& tree, bytes key) const;
    void check_value(const known_tree& tree, bytes value) const;
    void check_bound(const known_tree& tree, const std::optional<bytes>& bound) const;
    void check_created(const operation& what) const;
    void check_renamed(const operation& what) const;

    std::unordered_map<std::uint32_t, known_tree> trees_;
    std::unordered_set<std::string> names_;
    std::uint32_t next_tree_;
    std::uint32_t page_bytes_;
    // The one that was asked for last: operations on one tree follow each other.
    std::uint32_t last_number_ = 0;
    known_tree* last_ = nullptr;
};

}  // namespace pinyon
