// Sorted entries into an empty tree, bottom-up: each page is built once, filled to the fill factor,
// sealed and written once. With a minimum degree the last two nodes of each level are balanced.
//
// Invariants
//  1. Until `finish` the tree is the empty one it was; what was built goes back with the
//     transaction.
//  2. Of each level the entries of at most two nodes are in memory, in buffers of the loader's own:
//     no view of a private page lives from one call to the next, so the caller may relieve the pool
//     between calls.
//
// Threads: the writer's. Failure: misuse for keys out of order (nothing is appended then),
// type_mismatch; no_space, io, key_too_long, value_too_long.
#pragma once

#include <memory>

#include "pinyon/engine/btree.hpp"

namespace pinyon {

class bulk_loader {
public:
    static constexpr double fill_min = 0.5;

    // REQUIRES: both outlive the loader. Throws misuse unless the tree is empty and `fill`, the
    // part of each page to use, is in [fill_min, 1].
    bulk_loader(page_store& store, tree_state& tree, double fill);
    ~bulk_loader();
    bulk_loader(const bulk_loader&) = delete;
    bulk_loader& operator=(const bulk_loader&) = delete;

    // Keys strictly ascending. O(1) amortised.
    void append(bytes key, bytes value);
    // Closes all levels; the tree then has its new root. Nothing can be appended any more.
    void finish();

private:
    class implementation;
    template <class Node>
    class loader;

    std::unique_ptr<implementation> implementation_;
};

}  // namespace pinyon
