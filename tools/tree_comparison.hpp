// Two trees entry by entry: one walk over both in the order of their keys, without holding more of
// them than an entry each.
//
// Invariants
//  1. A walk ends as fine only after as many entries as the catalog counts, in ascending order.
//
// Threads: one. Failure: refusal that names the file (compared_file); bad_alloc.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "pinyon/engine/value_stream.hpp"
#include "tools/compared_file.hpp"

namespace pinyon::tool {

enum class entry_difference : std::uint8_t { only_a, only_b, changed };

// The walk over one of the trees: stands on an entry, or is done.
class tree_side {
public:
    // `file` outlives it.
    tree_side(const compared_file& file, tree_information tree);

    [[nodiscard]] const tree_information& tree() const noexcept { return tree_; }
    [[nodiscard]] bool done() const noexcept { return done_; }
    // REQUIRES for the rest: not done.
    void next();
    [[nodiscard]] bytes key() const noexcept { return key_; }
    [[nodiscard]] std::uint64_t value_length() const;
    // Whole; valid until the next call.
    [[nodiscard]] bytes value();
    // The value piece by piece.
    class pieces {
    public:
        explicit pieces(const tree_side& side);
        // Empty at the end; valid until the next call.
        [[nodiscard]] bytes next();

    private:
        const tree_side& side_;
        value_reader reader_;
        std::vector<std::byte> room_;
    };

private:
    void stand(bool valid);

    const compared_file& file_;
    tree_information tree_;
    raw_tree content_;
    raw_cursor at_;
    bool done_ = false;
    std::uint64_t walked_ = 0;
    std::vector<std::byte> key_;
    std::vector<std::byte> last_key_;
    std::vector<std::byte> room_;
};

struct comparison_counts {
    std::uint64_t only_a = 0;
    std::uint64_t only_b = 0;
    std::uint64_t changed = 0;
    std::uint64_t equal = 0;

    [[nodiscard]] std::uint64_t differences() const noexcept { return only_a + only_b + changed; }
    [[nodiscard]] std::uint64_t walked() const noexcept {
        return only_a + only_b + 2 * (changed + equal);
    }
};

// Calls `tell` for each difference, while both sides stand where it is, and `look` for each step;
// stops when `tell` returns false. O(entries of both).
[[nodiscard]] comparison_counts compare_trees(
    tree_side& a, tree_side& b, const std::function<bool(entry_difference)>& tell,
    const std::function<void(const comparison_counts&)>& look);

}  // namespace pinyon::tool
