// Sorted entries into an empty tree, bottom-up: each page is built once, filled to the fill factor, sealed
// and written once. With a minimum degree the last two nodes of each level are balanced.
//
// Threads: the writer's. Failure: misuse for keys out of order; no_space, io, key_too_long, value_too_long.
#pragma once

#include "pinyon/engine/btree.hpp"

namespace pinyon {

class bulk_loader {
public:
    // REQUIRES: the tree is empty. `fill` in [0.5, 1]: the part of each page to use.
    bulk_loader(page_store& store, tree_state& tree, double fill);
    ~bulk_loader();
    bulk_loader(const bulk_loader&) = delete;
    bulk_loader& operator=(const bulk_loader&) = delete;

    // Keys strictly ascending. O(1) amortised.
    void append(bytes key, bytes value);
    // Closes all levels; the tree then has its new root.
    void finish();

private:
    struct implementation;
    std::unique_ptr<implementation> implementation_;
};

}  // namespace pinyon
