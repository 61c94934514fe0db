// A position in a tree, moved by seeking and stepping in both directions. It keeps its path from
// the root; the parent of the leaf, and the one behind that, tell it the next leaves, which it
// prefetches once a scan is under way. A cursor over a tree that changes keeps its key and finds
// its place again after each change.
//
// Invariants
//  1. Leaves passed in one direction have ascending (or descending) keys: a file in which they do
//     not is corrupt, so that a scan ends whatever the file says.
//  2. After a failure (corrupt, io) the cursor fails for ever.
//
// Threads: one at a time. Failure: corrupt, io; misuse when an entry is asked for where there is
// none.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "pinyon/engine/btree.hpp"

namespace pinyon {

class tree_cursor {
public:
    enum class over : std::uint8_t {
        changing_tree,  // survives changes of the tree
        snapshot,       // the tree never changes: keys are assembled only when they are asked for
    };

    // `store` and `tree` outlive the cursor. At first it stands nowhere.
    tree_cursor(page_store& store, const tree_state& tree,
                over what = over::changing_tree) noexcept;

    [[nodiscard]] bool valid() const noexcept { return valid_; }
    // First entry with a key >= `key` (> with `after`); not valid when there is none. O(log n).
    void seek(bytes key, bool after = false);
    // Last entry with a key < `key` (<= with `including`).
    void seek_before(bytes key, bool including = false);
    void seek_nth(std::uint64_t n);  // O(log n) by subtree counts
    void first();
    void last();
    // REQUIRES: valid. O(1) amortised. After a change they go to the neighbour of the key they
    // stood on, whether its entry is still there or not.
    void next() {
        if (!try_next()) { step_to(direction::forward); }
    }
    void previous() {
        if (!try_previous()) { step_to(direction::backward); }
    }
    // Most steps stay in the leaf of a snapshot: those alone. False, and nothing happened, when
    // there is more to it.
    [[nodiscard]] bool try_next() noexcept { return step_in_leaf(direction::forward); }
    [[nodiscard]] bool try_previous() noexcept { return step_in_leaf(direction::backward); }

    // REQUIRES: valid. The key stays until the cursor moves; the value as `find` says. When the
    // entry was erased meanwhile the key is still there and the value is misuse.
    [[nodiscard]] bytes key() const;
    [[nodiscard]] bytes value() const;
    [[nodiscard]] stored_value stored() const;
    // key() and value() in one look at the leaf.
    [[nodiscard]] std::pair<bytes, bytes> entry() const;
    // The same where a snapshot's keys are stored as numbers of 64 bits and the leaf is still
    // there; else false.
    [[nodiscard]] bool number_entry(std::uint64_t& key, bytes& value) const noexcept {
        const step& leaf = path_[0];
        if (!numbers_ || !valid_ || failure_ || !store_->unchanged(leaf.view)) [[unlikely]] {
            return false;
        }
        const node_schema& schema = tree_->schema;
        key = load<std::uint64_t>(leaf.view.data + schema.fixed.keys +
                                  std::size_t{leaf.index} * sizeof key);
        value = {
            leaf.view.data + schema.fixed.values + std::size_t{leaf.index} * schema.value_bytes,
            schema.value_bytes};
        return store_->unchanged(leaf.view);
    }

private:
    enum class direction : std::uint8_t { forward, backward };
    // A node of the path; [0] is the leaf.
    struct step {
        io::page_view view;
        std::uint32_t checksum = 0;
        unsigned index = 0;
        unsigned count = 0;
    };

    template <class Work>
    auto guarded(Work&& work) const;
    template <class Seek>
    void move(Seek&& seek);
    void step_to(direction towards);
    void require_valid() const;
    // Nothing is looked at.
    [[nodiscard]] bool step_in_leaf(direction towards) noexcept {
        step& leaf = path_[0];
        const bool forward = towards == direction::forward;
        if (what_ != over::snapshot || !valid_ || failure_ ||
            (forward ? leaf.index + 1 >= leaf.count : leaf.index == 0)) {
            return false;
        }
        leaf.index += forward ? 1U : ~0U;
        key_ready_ = false;
        prefetch_coming();
        return true;
    }
    // The processor's own prefetcher ends where a page ends: each step asks for a few lines of the
    // next leaf, so that all of it is there when it is entered.
    void prefetch_coming() noexcept {
        if (coming_left_ == 0) { return; }
        for (unsigned line = 0; line != 3 && coming_left_ != 0; ++line) {
            __builtin_prefetch(coming_);
            coming_ += 64;
            coming_left_ -= 64;
        }
    }
    [[nodiscard]] bool stale() const noexcept { return changes_ != tree_->changes; }

    template <class Node, class Look>
    auto look(unsigned level, Look&& look) const;
    template <class Node, class Choose>
    child_entry enter(unsigned level, const child_entry& at, Choose&& choose);
    template <class Node, class Choose>
    void descend(Choose&& choose);
    template <class Node>
    bool seek_from(bytes key, bool after);
    template <class Node>
    bool seek_to(bytes key, bool including);
    template <class Node>
    bool seek_rank(std::uint64_t n);
    template <class Node>
    bool step_leaf(direction towards, bytes edge);
    template <class Node>
    void read_ahead(direction towards);
    template <class Node>
    void read_beyond(direction towards, unsigned left);
    template <class Node>
    void assemble_key() const;

    page_store* store_;
    const tree_state* tree_;
    over what_;
    bool numbers_;  // number_entry has a chance
    bool valid_ = false;
    mutable bool key_ready_ = false;
    mutable std::optional<errc> failure_;
    std::uint64_t changes_ = 0;
    direction scanning_ = direction::forward;
    unsigned scanned_ = 0;  // leaves passed in that direction
    unsigned ahead_ = 0;    // leaves of the parent that were asked for, counted in that direction
    // What was done about the parent behind this one.
    struct next_parent {
        bool asked = false;
        bool done = false;
        unsigned ahead = 0;  // leaves of it that were asked for
    };
    next_parent beyond_;
    const std::byte* coming_ = nullptr;  // the part of the next leaf that was not asked for yet
    std::uint32_t coming_left_ = 0;
    mutable std::array<step, format::height_max> path_;
    mutable key_buffer key_;
};

}  // namespace pinyon
