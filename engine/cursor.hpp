// A position in a tree, moved by seeking and stepping in both directions. It keeps its path from the root;
// the parent tells it the next leaves, which it prefetches. In a write transaction it survives changes by
// seeking its key again.
//
// Threads: one at a time. Failure: corrupt, io; after a failure the cursor fails for ever.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "pinyon/engine/btree.hpp"

namespace pinyon {

class tree_cursor {
public:
    // `store` and `tree` outlive the cursor. At first it stands nowhere.
    tree_cursor(page_store& store, const tree_state& tree);

    [[nodiscard]] bool valid() const noexcept { return valid_; }
    // First entry with a key >= `key` (> with `after`); not valid when there is none. O(log n).
    void seek(bytes key, bool after = false);
    // Last entry with a key < `key` (<= with `including`).
    void seek_before(bytes key, bool including = false);
    void seek_nth(std::uint64_t n);  // O(log n) by subtree counts
    void first();
    void last();
    // REQUIRES: valid. O(1) amortised.
    void next();
    void previous();

    // REQUIRES: valid. The key stays until the cursor moves; the value as `find` says.
    [[nodiscard]] bytes key() const;
    [[nodiscard]] bytes value() const;
    [[nodiscard]] stored_value stored() const;

private:
    struct step {
        io::page_view view;
        unsigned index = 0;
        unsigned count = 0;
    };

    page_store* store_;
    const tree_state* tree_;
    bool valid_ = false;
    bool failed_ = false;
    std::uint64_t changes_ = 0;
    std::uint64_t ahead_ = 0;  // leaves asked for already
    unsigned height_ = 0;
    std::array<step, format::height_max> path_{};
    mutable key_buffer key_;
    mutable bool key_ready_ = false;
};

}  // namespace pinyon
