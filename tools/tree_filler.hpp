// Puts batches of entries from a text into a tree: bottom-up for as long as an empty tree is met in
// order, entry by entry after that; and decides about keys that are met again.
//
// Threads: one. Failure: refusal for a duplicate; interruption; pinyon::error.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/raw_tree.hpp"
#include "tools/arguments.hpp"
#include "tools/entry_batch.hpp"

namespace pinyon::tool {

struct fill_counts {
    std::uint64_t inserted = 0;
    std::uint64_t replaced = 0;
    std::uint64_t skipped = 0;
};

// What happens to a key that is met again, and how a message names it.
struct duplicate_policy {
    duplicate_rule rule = duplicate_rule::error;
    std::string key_type;
    byte_style bytes = byte_style::automatic;
    // Ends the verb with a message about a place of the input.
    std::function<void(text_position, const std::string&)> refuse;
};

class tree_filler {
public:
    // `tree` and `streams` outlive this.
    tree_filler(writable_raw_tree& tree, duplicate_policy policy, const streams& streams);

    // Sorts the batch, puts it into the tree and clears it.
    void fill(entry_batch& batch);
    // Nothing follows.
    void finish();
    [[nodiscard]] const fill_counts& counts() const noexcept { return counts_; }

private:
    void refuse_duplicates(const entry_batch& batch) const;
    void put(const entry_batch& batch, std::size_t chosen, std::size_t of);

    writable_raw_tree& tree_;
    duplicate_policy policy_;
    const streams& streams_;
    std::optional<raw_loader> loader_;
    std::vector<std::byte> last_loaded_;
    fill_counts counts_;
};

}  // namespace pinyon::tool
