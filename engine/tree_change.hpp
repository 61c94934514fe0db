// One change of a tree: a path from the root to a leaf, first only read, then made writable from
// the top down, then changed from the leaf upwards by splits, borrows and merges.
//
// Invariants
//  1. After `make_writable` every node of the path is private, and the entry of each in its parent
//     has its page, its new count and checksum 0.
//  2. While a node is being split or refilled, its parent's entries still add up to the parent's
//     own count; so a parent that must be split on the way knows the counts of its halves.
//
// Threads: the writer's. An object serves one change: its pointers die at the next
// page_store::relieve.
// Failure: corrupt, io, no_space; before the first page change the tree is as it was.
#pragma once

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "pinyon/engine/descent.hpp"

namespace pinyon {

template <class Node>
class tree_change {
public:
    using editor = typename Node::editor;

    tree_change(page_store& store,
                tree_state& tree) noexcept  // NOLINT(*-member-init): scratch stays unset
        : store_(store), tree_(tree), schema_(tree.schema) {}
    tree_change(const tree_change&) = delete;
    tree_change& operator=(const tree_change&) = delete;

    // Finds the path to the leaf whose range holds `key`; changes nothing. `look(leaf,
    // search_result)` reads the leaf; returns what it returns.
    template <class Look>
    auto descend(bytes key, Look&& look);
    // Makes the path private; its subtrees will have `added` more entries and `removed` fewer.
    void make_writable(std::uint64_t added, std::uint64_t removed);

    // On the leaf of the path, after make_writable with the counts to match.
    void insert(unsigned index, bytes key, bytes payload, bool is_reference);
    void replace(unsigned index, bytes key, bytes payload, bool is_reference);
    // Entries [first, last).
    void erase(unsigned first, unsigned last);
    [[nodiscard]] Node leaf() const { return Node(path_[0].data, schema_); }

private:
    // A node of the path; [0] is the leaf. Trivial, so that an unused path costs nothing.
    struct step {
        const std::byte* seen;
        std::byte* data;
        std::uint64_t page;
        std::uint64_t count;  // of its subtree
        std::uint32_t checksum;
        unsigned index;  // of the child on the path
        std::uint16_t state;
    };
    using page_buffer = std::array<std::byte, format::page_bytes_max>;
    // A neighbour of a node of the path, copied to sibling_ when it was read.
    struct neighbour {
        io::page_view view;
        child_entry entry;
        unsigned index;
    };

    // A node of the path and its neighbour as they were, in key order.
    struct neighbours {
        Node left;
        Node right;
        bool from_left;  // the neighbour is the left one
    };

    [[nodiscard]] editor edit(unsigned level) const { return editor(path_[level].data, schema_); }
    [[nodiscard]] bool is_root(unsigned level) const noexcept { return level == tree_.root.level; }

    void grow_root();
    void shrink_root();
    [[nodiscard]] unsigned split_point(const Node& node, unsigned position) const;
    void split(unsigned level, bytes key);
    void add_sibling(unsigned level, bytes separator, const child_entry& left,
                     const child_entry& right);
    [[nodiscard]] static bytes held(bytes key, key_buffer& buffer);

    void refill_path();
    bool refill(unsigned level);
    [[nodiscard]] neighbour load(unsigned level, unsigned index);
    [[nodiscard]] neighbours set_aside(unsigned level, const neighbour& other);
    [[nodiscard]] bool should_merge(const Node& left, const Node& right) const;
    void merge(unsigned level, const neighbour& other);
    void balance(unsigned level, const neighbour& other);

    page_store& store_;
    tree_state& tree_;
    const node_schema& schema_;
    std::array<step, format::height_max> path_;
    alignas(64) page_buffer own_;      // a node of the path before it is built anew
    alignas(64) page_buffer sibling_;  // its neighbour
};

template <class Node>
template <class Look>
auto tree_change<Node>::descend(bytes key, Look&& look) {
    child_entry at = root_entry(tree_);
    for (unsigned level = tree_.root.level; level > 0; --level) {
        step& here = path_[level];
        const child_entry child = look_at<Node>(
            store_, schema_, at, level, [&](const Node& node, const io::page_view& view) {
                const unsigned index = node.child_index(key);
                here = {view.data, nullptr, at.page, at.count, at.checksum, index, view.state};
                return node.child(index);
            });
        at = child;
        expect<Node>(store_, schema_, at.page, level - 1);
    }
    store_.source().count_visits(tree_.root.level + 1);
    return look_at<Node>(store_, schema_, at, 0, [&](const Node& node, const io::page_view& view) {
        path_[0] = {view.data, nullptr, at.page, at.count, at.checksum, 0, view.state};
        return look(node, node.lower_bound(key));
    });
}

template <class Node>
void tree_change<Node>::make_writable(std::uint64_t added, std::uint64_t removed) {
    for (unsigned level = 0; level <= tree_.root.level; ++level) {
        if (path_[level].count < removed) {
            raise_damaged(path_[level].page, "its parent counts too few entries in it");
        }
    }
    ++tree_.changes;
    for (unsigned level = tree_.root.level + 1; level-- > 0;) {
        step& here = path_[level];
        const private_page own =
            store_.writable(schema_, {here.seen, here.page, here.state}, level, here.checksum);
        here.data = own.data;
        here.page = own.page;
        here.count += added;
        here.count -= removed;
        if (is_root(level)) {
            tree_.root = {here.page, here.count, 0, level};
        } else {
            edit(level + 1).set_child(path_[level + 1].index, {here.page, here.count, 0});
        }
    }
}

template <class Node>
void tree_change<Node>::insert(unsigned index, bytes key, bytes payload, bool is_reference) {
    path_[0].index = index;
    while (!leaf().fits(key, payload.size())) { split(0, key); }
    edit(0).insert(path_[0].index, key, payload, is_reference);
}

template <class Node>
void tree_change<Node>::replace(unsigned index, bytes key, bytes payload, bool is_reference) {
    editor node = edit(0);
    if (node.fits_replacement(index, payload.size())) {
        node.replace(index, payload, is_reference);
        refill_path();
    } else {
        node.erase(index);
        insert(index, key, payload, is_reference);
    }
}

template <class Node>
void tree_change<Node>::erase(unsigned first, unsigned last) {
    editor node = edit(0);
    while (last > first) { node.erase(--last); }
    refill_path();
}

template <class Node>
void tree_change<Node>::grow_root() {
    const unsigned level = tree_.root.level + 1;
    if (level >= format::height_max) {
        raise_damaged(tree_.root.page, "is the root of a tree that cannot grow");
    }
    const private_page root = store_.create(level);
    editor node(root.data, schema_);
    node.format(root.page, level, store_.transaction(), {});
    node.insert_child(0, {}, {tree_.root.page, tree_.root.count, 0});
    path_[level] = {root.data, root.data, root.page, tree_.root.count, 0, 0, 0};
    tree_.root = {root.page, tree_.root.count, 0, level};
}

// A root with one child is no level of its own.
template <class Node>
void tree_change<Node>::shrink_root() {
    struct root_look {
        unsigned children;
        child_entry first;
        std::uint64_t born;
    };
    while (tree_.root.level > 0) {
        const unsigned level = tree_.root.level;
        const root_look root = look_at<Node>(
            store_, schema_, root_entry(tree_), level, [](const Node& node, const auto&) {
                return root_look{node.count(), node.child(0), node.born()};
            });
        if (root.children != 1) { return; }
        store_.retire(tree_.root.page, root.born);
        tree_.root = {root.first.page, root.first.count, root.first.checksum, level - 1};
    }
}

// Where to cut the node when the next entry comes in at `position`: first entry of the right half.
template <class Node>
unsigned tree_change<Node>::split_point(const Node& node, unsigned position) const {
    const unsigned count = node.count();
    const bool ascending =
        schema_.minimum_degree == 0 && position == count && !node.has_upper_fence();
    const unsigned index = node.split_index(position, ascending);
    // An inner half needs two children, the newcomer included; a leaf half one entry.
    const unsigned least = node.leaf() ? 1 : 2;
    if (count < 2 * least) { raise_damaged(node.page(), "is full with too few entries"); }
    const unsigned most = position > index && !node.leaf() ? count - least + 1 : count - least;
    return std::clamp(index, least, most);
}

// Splits the node of the path at `level`, so that there is room at its index (a leaf, for `key`) or
// behind it (an inner node); the path then leads through the half that has the room.
template <class Node>
void tree_change<Node>::split(unsigned level, bytes key) {
    if (is_root(level)) { grow_root(); }
    step& here = path_[level];
    const unsigned position = level == 0 ? here.index : here.index + 1;
    std::memcpy(own_.data(), here.data, schema_.page_bytes);
    const Node old(own_.data(), schema_);
    const unsigned cut = split_point(old, position);
    key_buffer lower_buffer;
    key_buffer upper_buffer;
    key_buffer separator_buffer;
    const std::optional<bytes> lower = lower_fence_of(old, lower_buffer);
    const std::optional<bytes> upper = upper_fence_of(old, upper_buffer);
    const bytes separator = held(old.separator(cut, separator_buffer), separator_buffer);
    const bool goes_right = level == 0 ? compare(key, separator) >= 0 : position > cut;

    const private_page added = store_.create(level);
    editor right(added.data, schema_);
    right.format(added.page, level, store_.transaction(), {separator, upper});
    right.append(old, cut, old.count());
    editor left(here.data, schema_);
    left.format(here.page, level, store_.transaction(), {lower, separator});
    left.append(old, 0, cut);

    // A leaf is split for an entry that its ancestors count already.
    const std::uint64_t pending = level == 0 ? 1 : 0;
    const std::uint64_t right_count = entries_below<Node>(right) + (goes_right ? pending : 0);
    const std::uint64_t left_count = entries_below<Node>(left) + (goes_right ? 0 : pending);
    add_sibling(level, separator, {here.page, left_count, 0}, {added.page, right_count, 0});
    if (goes_right) {
        here = {added.data, added.data, added.page, right_count, 0, here.index - cut, 0};
        ++path_[level + 1].index;
    } else {
        here.count = left_count;
    }
}

// The path's node at `level` has become two: puts both into the parent. The parent's entry for the
// node still counts both.
template <class Node>
void tree_change<Node>::add_sibling(unsigned level, bytes separator, const child_entry& left,
                                    const child_entry& right) {
    while (!Node(path_[level + 1].data, schema_).fits(separator, 0)) { split(level + 1, {}); }
    editor parent = edit(level + 1);
    const unsigned index = path_[level + 1].index;
    parent.set_child(index, left);
    parent.insert_child(index + 1, separator, right);
}

// From the leaf upwards: nodes that have become too empty take entries from a neighbour or become
// one with it, and a root that is left with one child goes.
template <class Node>
void tree_change<Node>::refill_path() {
    for (unsigned level = 0; level < tree_.root.level; ++level) {
        const Node node(path_[level].data, schema_);
        const bool too_few = node.count() < (node.leaf() ? 1U : 2U);
        if (!too_few && !node.underfull()) { return; }
        if (!refill(level)) { return; }
    }
    shrink_root();
}

// True when the parent has lost a child.
template <class Node>
bool tree_change<Node>::refill(unsigned level) {
    const unsigned index = path_[level + 1].index;
    const unsigned children = edit(level + 1).count();
    const Node own(path_[level].data, schema_);
    const Node other(sibling_.data(), schema_);
    std::optional<neighbour> fuller;
    std::uint32_t fuller_bytes = 0;
    for (const bool left_side : {true, false}) {
        if (left_side ? index == 0 : index + 1 >= children) { continue; }
        const neighbour candidate = load(level, left_side ? index - 1 : index + 1);
        if (left_side ? should_merge(other, own) : should_merge(own, other)) {
            merge(level, candidate);
            return true;
        }
        if (!fuller || other.used_bytes() > fuller_bytes) {
            fuller_bytes = static_cast<std::uint32_t>(other.used_bytes());
            fuller = candidate;
        }
    }
    if (!fuller) { return false; }
    balance(level, load(level, fuller->index));
    return false;
}

template <class Node>
auto tree_change<Node>::load(unsigned level, unsigned index) -> neighbour {
    const child_entry entry = edit(level + 1).child(index);
    const io::page_view found =
        look_at<Node>(store_, schema_, entry, level, [&](const Node&, const io::page_view& view) {
            std::memcpy(sibling_.data(), view.data, schema_.page_bytes);
            return view;
        });
    return {found, entry, index};
}

// With a minimum degree nodes are merged only when there are too few entries for two; without,
// whenever the result fits.
template <class Node>
bool tree_change<Node>::should_merge(const Node& left, const Node& right) const {
    if (schema_.minimum_degree != 0) {
        const unsigned least = left.leaf() ? schema_.minimum_degree - 1 : schema_.minimum_degree;
        if (left.count() + right.count() >= 2 * least) { return false; }
    }
    return Node::can_merge(left, right);
}

// Copies the node of this level to own_; its neighbour is in sibling_ already.
template <class Node>
auto tree_change<Node>::set_aside(unsigned level, const neighbour& other) -> neighbours {
    std::memcpy(own_.data(), path_[level].data, schema_.page_bytes);
    const Node own(own_.data(), schema_);
    const Node sibling(sibling_.data(), schema_);
    if (other.index < path_[level + 1].index) { return {sibling, own, true}; }
    return {own, sibling, false};
}

template <class Node>
void tree_change<Node>::merge(unsigned level, const neighbour& other) {
    step& here = path_[level];
    step& above = path_[level + 1];
    const auto [left, right, from_left] = set_aside(level, other);
    key_buffer lower;
    key_buffer upper;
    editor merged(here.data, schema_);
    merged.format(here.page, level, store_.transaction(),
                  {lower_fence_of(left, lower), upper_fence_of(right, upper)});
    merged.append(left, 0, left.count());
    merged.append(right, 0, right.count());

    above.index = std::min(above.index, other.index);
    here.count += other.entry.count;
    editor parent = edit(level + 1);
    parent.set_child(above.index, {here.page, here.count, 0});
    parent.erase(above.index + 1);
    store_.retire(other.entry.page, from_left ? left.born() : right.born());
}

// The same key, in the buffer: it outlives the page that it may be a view of.
template <class Node>
bytes tree_change<Node>::held(bytes key, key_buffer& buffer) {
    if (key.data() != buffer.data()) { buffer.assign(key); }
    return {buffer.data(), key.size()};
}

template <class Node>
void tree_change<Node>::balance(unsigned level, const neighbour& other) {
    step& here = path_[level];
    step& above = path_[level + 1];
    const auto [left, right, from_left] = set_aside(level, other);
    const unsigned cut = Node::balanced_index(left, right);
    if (cut == left.count()) { return; }
    const private_page taken = store_.writable(schema_, other.view, level, other.entry.checksum);
    const private_page kept{here.page, here.data};
    const private_page& left_page = from_left ? taken : kept;
    const private_page& right_page = from_left ? kept : taken;

    key_buffer lower;
    key_buffer upper;
    key_buffer separator_buffer;
    const bytes separator =
        held(cut < left.count() ? left.separator(cut, separator_buffer)
                                : right.separator(cut - left.count(), separator_buffer),
             separator_buffer);
    editor new_left(left_page.data, schema_);
    new_left.format(left_page.page, level, store_.transaction(),
                    {lower_fence_of(left, lower), separator});
    new_left.append(left, 0, std::min(cut, left.count()));
    if (cut > left.count()) { new_left.append(right, 0, cut - left.count()); }
    editor new_right(right_page.data, schema_);
    new_right.format(right_page.page, level, store_.transaction(),
                     {separator, upper_fence_of(right, upper)});
    if (cut < left.count()) { new_right.append(left, cut, left.count()); }
    new_right.append(right, cut > left.count() ? cut - left.count() : 0, right.count());

    // The separator changes, and a longer one may not fit the parent: both nodes become one entry,
    // which then splits in two like any other.
    const std::uint64_t left_count = entries_below<Node>(new_left);
    const std::uint64_t right_count = entries_below<Node>(new_right);
    above.index = std::min(above.index, other.index);
    editor parent = edit(level + 1);
    parent.set_child(above.index, {left_page.page, left_count + right_count, 0});
    parent.erase(above.index + 1);
    add_sibling(level, separator, {left_page.page, left_count, 0},
                {right_page.page, right_count, 0});
}

}  // namespace pinyon
