// The B+tree: values in leaves, separators in inner nodes, all leaves at one depth, no sibling
// links. One algorithm over two node layouts (node.hpp). Search, insertion with split, deletion
// with borrow and merge after Comer, "The Ubiquitous B-Tree" (1979) and Cormen et al., ch. 18;
// copy-on-write after Rodeh, "B-trees, Shadowing, and Clones" (2008); subtree counts give ranks.
//
// Invariants (proved by check.hpp)
//  1. In every node lower fence <= key < upper fence, keys strictly ascending; fences equal what
//     the parents' separators imply.
//  2. All leaves have level 0; a child's level is its parent's less one.
//  3. No empty node but a root leaf; an inner node has two children or more.
//  4. An inner entry's count is the number of entries below it.
//  5. With a minimum degree t every node but the root has t-1..2t-1 keys (entries of a leaf,
//     separators of an inner node); without, a node below 40 % is merged or refilled when the
//     result fits.
//  6. A change either happens or leaves the tree as it was, unless it throws after its first page
//     change (io, no_space, corrupt): then the transaction is failed by the caller.
//
// Threads: one thread at a time per tree_state; any number of snapshots beside one writer.
// Failure: corrupt, io; changes also no_space, key_too_long, value_too_long (checked before any
// change).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "pinyon/engine/overflow.hpp"
#include "pinyon/engine/page_store.hpp"

namespace pinyon {

// A tree as one transaction sees it.
struct tree_state {
    node_schema schema;
    format::root_reference root{};
    bool holds_extents = false;
    std::uint64_t changes = 0;  // moves with every change: cursors seek again
};

// Makes an empty root leaf.
void create_tree(page_store& store, tree_state& tree);
// Retires every page and extent of the tree. Leaves are not read unless the tree holds extents.
// O(inner pages), O(pages) with extents.
void drop_tree(page_store& store, tree_state& tree);

// The value of `key`; a view of the page (or of the extent: at most overflow's view_bytes_max, else
// value_too_long). A key of another width than a fixed tree's is in no tree. O(log n).
[[nodiscard]] std::optional<bytes> find(page_store& store, const tree_state& tree, bytes key);
// The same without fetching a large value: the inline bytes, or its reference.
struct stored_value {
    bytes inline_bytes;
    std::optional<format::extent_reference> extent;
};
[[nodiscard]] std::optional<stored_value> find_stored(page_store& store, const tree_state& tree,
                                                      bytes key);
// `out[i]` becomes what find(keys[i]) returns. The descents are interleaved, so that their cache
// misses and page reads overlap. REQUIRES: out.size() >= keys.size().
void get_many(page_store& store, const tree_state& tree, std::span<const bytes> keys,
              std::span<std::optional<bytes>> out);
// Starts reading the leaves of these keys that are not in memory; waits for inner nodes alone.
void prefetch(page_store& store, const tree_state& tree, std::span<const bytes> keys);

enum class put_mode : std::uint8_t {
    replace_or_insert,
    insert_only,
};
// False when insert_only met the key. Values above slotted_entry_max with their key go to an
// extent; in a fixed tree a value has the tree's width (else type_mismatch). `key` and `value` may
// be views of this tree. O(log n), amortised one page change.
bool put(page_store& store, tree_state& tree, bytes key, bytes value, put_mode mode);
// Puts an extent that overflow's writer has made. Throws type_mismatch for a fixed tree.
void put_extent(page_store& store, tree_state& tree, bytes key,
                const format::extent_reference& extent);
// False when the key was not there. O(log n).
bool erase(page_store& store, tree_state& tree, bytes key);
// Erases all keys lo <= key < hi (absent bound: open); returns how many. One leaf at a time, with
// store.relieve() between two. O(leaves touched * log n).
std::uint64_t erase_range(page_store& store, tree_state& tree, std::optional<bytes> lo,
                          std::optional<bytes> hi);

// Number of keys < key. O(log n).
[[nodiscard]] std::uint64_t rank(page_store& store, const tree_state& tree, bytes key);

}  // namespace pinyon
