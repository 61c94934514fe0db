// Puts batches of imported entries into a tree: bottom-up for as long as an empty tree is met in
// order, entry by entry after that; and decides about keys that are met again.
//
// Threads: one. Failure: refusal for a duplicate; interruption; pinyon::error.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pinyon/engine/raw_tree.hpp"
#include "tools/arguments.hpp"
#include "tools/csv_reader.hpp"
#include "tools/entry_batch.hpp"

namespace pinyon::tool {

struct fill_counts {
    std::uint64_t inserted = 0;
    std::uint64_t replaced = 0;
    std::uint64_t skipped = 0;
};

class tree_filler {
public:
    // All outlive this. `reader` names the place of a duplicate.
    tree_filler(writable_raw_tree& tree, const csv_reader& reader,
                const import_arguments& arguments, const streams& streams);

    // Sorts the batch, puts it into the tree and clears it.
    void fill(entry_batch& batch);
    // Nothing follows.
    void finish();
    [[nodiscard]] const fill_counts& counts() const noexcept { return counts_; }

private:
    void refuse_duplicates(const entry_batch& batch) const;
    void put(const entry_batch& batch, std::size_t chosen, std::size_t of);

    writable_raw_tree& tree_;
    const csv_reader& reader_;
    const import_arguments& arguments_;
    const streams& streams_;
    std::optional<raw_loader> loader_;
    std::vector<std::byte> last_loaded_;
    fill_counts counts_;
};

}  // namespace pinyon::tool
