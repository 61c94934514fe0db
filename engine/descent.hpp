// Visits of a tree's nodes, shared by lookups, changes, cursors and loads. Every read of a node
// goes through `look_at`: what it returns was read while the page was verified, or the visit is
// repeated.
//
// Invariants
//  1. A descent ends: the level falls by exactly one a step (page_store::read compares it), and no
//     tree is higher than format::height_max.
//
// Threads: as page_store::read.
// Failure: corrupt with the page number; io.
#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "pinyon/engine/btree.hpp"
#include "pinyon/engine/fixed_node.hpp"
#include "pinyon/engine/slotted_node.hpp"

namespace pinyon {

// A page that is evicted between its arrival and the end of one search, so many times in a row, is
// in a pool that cannot hold what its threads read at this moment.
inline constexpr unsigned visit_attempts_max = 100'000;

// Calls `call(std::type_identity<Node>{})` with the node class of the tree: the one branch that an
// operation spends on the layout.
template <class Call>
decltype(auto) with_layout(const node_schema& schema, Call&& call) {
    if (schema.layout == format::node_layout::fixed) {
        return call(std::type_identity<fixed_node>{});
    }
    return call(std::type_identity<slotted_node>{});
}

[[noreturn]] inline void raise_damaged(std::uint64_t page, const std::string& what) {
    raise(errc::corrupt,
          "page " + std::to_string(page) + ": " + what + "; run `pinyon check` on the file", page);
}

[[nodiscard]] inline child_entry root_entry(const tree_state& tree) {
    if (tree.root.level >= format::height_max) [[unlikely]] {
        raise_damaged(tree.root.page, "is the root of a tree that is higher than a tree can be");
    }
    return {tree.root.page, tree.root.count, tree.root.checksum};
}

// Asks for the lines that a search of this node reads, as soon as its number is known: they arrive
// together, where the search itself would wait for one after the other.
template <class Node>
void expect(const page_store& store, const node_schema& schema, std::uint64_t page,
            unsigned level) noexcept {
    if (const std::byte* const place = store.source().expect(page)) {
        Node::prefetch(place, schema, level);
    }
}

// look(node, view), of a node named by its parent's entry `at`.
template <class Node, class Look>
[[nodiscard]] auto look_at(const page_store& store, const node_schema& schema,
                           const child_entry& at, unsigned level, Look&& look) {
    for (unsigned attempt = 0; attempt < visit_attempts_max; ++attempt) {
        const io::page_view view = store.read(schema, at.page, level, at.checksum);
        try {
            auto result = look(Node(view.data, schema), view);
            if (store.unchanged(view)) [[likely]] { return result; }
        } catch (const error&) {
            store.source().require_readable({view.data, 1});  // what was judged may be zeros
            throw;
        }
    }
    raise(errc::io,
          "page " + std::to_string(at.page) +
              " is evicted faster than it can be read: give the pool more memory (pool_bytes)",
          at.page);
}

// The child of `at` (at `level` > 0) whose range holds `key`; on its way to the processor already.
template <class Node>
[[nodiscard]] child_entry child_for(const page_store& store, const node_schema& schema,
                                    const child_entry& at, unsigned level, bytes key) {
    const child_entry child = look_at<Node>(
        store, schema, at, level,
        [&](const Node& node, const auto&) { return node.child(node.child_index(key)); });
    expect<Node>(store, schema, child.page, level - 1);
    return child;
}

// The leaf whose range holds `key`.
template <class Node>
[[nodiscard]] child_entry leaf_for(const page_store& store, const tree_state& tree, bytes key) {
    child_entry at = root_entry(tree);
    for (unsigned level = tree.root.level; level > 0; --level) {
        at = child_for<Node>(store, tree.schema, at, level, key);
    }
    store.source().count_visits(tree.root.level + 1);
    return at;
}

// The reference in place of entry `index`'s value.
template <class Node>
[[nodiscard]] format::extent_reference reference_in(const Node& leaf, unsigned index) {
    const bytes value = leaf.value(index);
    if (value.size() != sizeof(format::extent_reference)) [[unlikely]] {
        raise_damaged(leaf.page(), "a reference to a large value has the wrong length");
    }
    return load<format::extent_reference>(value.data());
}

template <class Node>
[[nodiscard]] stored_value stored_in(const Node& leaf, unsigned index) {
    if (leaf.is_reference(index)) { return {{}, reference_in(leaf, index)}; }
    return {leaf.value(index), std::nullopt};
}

// Absent when open.
template <class Node>
[[nodiscard]] std::optional<bytes> lower_fence_of(const Node& node, key_buffer& buffer) {
    return node.has_lower_fence() ? std::optional(node.lower_fence(buffer)) : std::nullopt;
}
template <class Node>
[[nodiscard]] std::optional<bytes> upper_fence_of(const Node& node, key_buffer& buffer) {
    return node.has_upper_fence() ? std::optional(node.upper_fence(buffer)) : std::nullopt;
}

// Entries in the subtree of a node.
template <class Node>
[[nodiscard]] std::uint64_t entries_below(const Node& node) {
    if (node.leaf()) { return node.count(); }
    std::uint64_t entries = 0;
    for (unsigned index = 0; index < node.count(); ++index) { entries += node.child(index).count; }
    return entries;
}

}  // namespace pinyon
