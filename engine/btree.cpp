// The tree as a whole and everything that only reads it; changes are in btree_change.cpp.
#include "pinyon/engine/btree.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include "pinyon/engine/descent.hpp"

namespace pinyon {

namespace {

// Descents under way at once: enough to keep a processor's outstanding misses and a device's queue
// busy.
constexpr std::size_t batch_keys_max = 32;

[[nodiscard]] bytes value_of(page_store& store, const stored_value& found) {
    return found.extent ? view_extent(store, *found.extent) : found.inline_bytes;
}

template <class Node>
[[nodiscard]] std::optional<stored_value> stored_at(const page_store& store,
                                                    const node_schema& schema,
                                                    const child_entry& leaf, bytes key) {
    return look_at<Node>(store, schema, leaf, 0, [&](const Node& node, const auto&) {
        const search_result found = node.lower_bound(key);
        return found.equal ? std::optional(stored_in(node, found.index)) : std::nullopt;
    });
}

using leaf_batch = std::array<child_entry, batch_keys_max>;

// The leaves of the keys; those that are not in memory are being read.
template <class Node>
void find_leaves(page_store& store, const tree_state& tree, std::span<const bytes> keys,
                 leaf_batch& at) {
    std::fill_n(at.begin(), keys.size(), root_entry(tree));
    for (unsigned level = tree.root.level; level > 0; --level) {
        for (std::size_t i = 0; i < keys.size(); ++i) {
            at[i] = child_for<Node>(store, tree.schema, at[i], level, keys[i]);
        }
    }
    std::array<io::page_number, batch_keys_max> leaves;
    for (std::size_t i = 0; i < keys.size(); ++i) { leaves[i] = at[i].page; }
    store.source().prefetch({leaves.data(), keys.size()});
    store.source().count_visits(keys.size() * std::uint64_t{tree.root.level});
}

template <class Node>
void get_batch(page_store& store, const tree_state& tree, std::span<const bytes> keys,
               std::span<std::optional<bytes>> out) {
    leaf_batch at;
    find_leaves<Node>(store, tree, keys, at);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        const auto found = stored_at<Node>(store, tree.schema, at[i], keys[i]);
        out[i] = found ? std::optional(value_of(store, *found)) : std::nullopt;
    }
    store.source().count_visits(keys.size());
}

// Calls `work(first, count)` for each batch of `keys`.
template <class Work>
void in_batches(std::span<const bytes> keys, Work&& work) {
    for (std::size_t first = 0; first < keys.size(); first += batch_keys_max) {
        work(first, std::min(batch_keys_max, keys.size() - first));
    }
}

// Takes all pages of a tree out of use. A tree has no more pages than the file, so a crafted one
// that shares subtrees is found out before the walk explodes.
template <class Node>
class tree_dropper {
public:
    tree_dropper(page_store& store, const tree_state& tree) : store_(store), tree_(tree) {}

    void drop(const child_entry& at, unsigned level) {
        if (++visited_ > store_.page_limit()) {
            raise_damaged(at.page, "is reached more than once in one tree");
        }
        if (level == 0 && !tree_.holds_extents) {
            store_.retire(at.page, 0);
            return;
        }
        std::vector<child_entry> children;
        const std::uint64_t born = look_at<Node>(
            store_, tree_.schema, at, level, [&](const Node& node, const io::page_view&) {
                children.clear();
                for (unsigned index = 0; level > 0 && index < node.count(); ++index) {
                    children.push_back(node.child(index));
                }
                return node.born();
            });
        if (level == 0) { drop_extents(at); }
        for (const child_entry& child : children) { drop(child, level - 1); }
        store_.retire(at.page, born);
    }

private:
    void drop_extents(const child_entry& leaf) {
        std::vector<format::extent_reference> extents;
        (void)look_at<Node>(store_, tree_.schema, leaf, 0,
                            [&](const Node& node, const io::page_view&) {
                                extents.clear();
                                for (unsigned index = 0; index < node.count(); ++index) {
                                    if (node.is_reference(index)) {
                                        extents.push_back(reference_in(node, index));
                                    }
                                }
                                return extents.size();
                            });
        for (const format::extent_reference& extent : extents) { retire_extent(store_, extent); }
    }

    page_store& store_;
    const tree_state& tree_;
    std::uint64_t visited_ = 0;
};

}  // namespace

void create_tree(page_store& store, tree_state& tree) {
    const private_page root = store.create(0);
    with_layout(tree.schema, [&]<class Node>(std::type_identity<Node>) {
        typename Node::editor(root.data, tree.schema).format(root.page, 0, store.transaction(), {});
    });
    tree.root = {root.page, 0, 0, 0};
    tree.holds_extents = false;
    ++tree.changes;
}

void drop_tree(page_store& store, tree_state& tree) {
    ++tree.changes;
    with_layout(tree.schema, [&]<class Node>(std::type_identity<Node>) {
        tree_dropper<Node>(store, tree).drop(root_entry(tree), tree.root.level);
    });
    tree.root = {};
}

std::optional<stored_value> find_stored(page_store& store, const tree_state& tree, bytes key) {
    return with_layout(tree.schema, [&]<class Node>(std::type_identity<Node>) {
        return stored_at<Node>(store, tree.schema, leaf_for<Node>(store, tree, key), key);
    });
}

std::optional<bytes> find(page_store& store, const tree_state& tree, bytes key) {
    const std::optional<stored_value> found = find_stored(store, tree, key);
    if (!found) { return std::nullopt; }
    return value_of(store, *found);
}

void get_many(page_store& store, const tree_state& tree, std::span<const bytes> keys,
              std::span<std::optional<bytes>> out) {
    if (out.size() < keys.size()) {
        raise(errc::misuse, "get_many needs room for one result a key");
    }
    with_layout(tree.schema, [&]<class Node>(std::type_identity<Node>) {
        in_batches(keys, [&](std::size_t first, std::size_t count) {
            get_batch<Node>(store, tree, keys.subspan(first, count), out.subspan(first, count));
        });
    });
}

void prefetch(page_store& store, const tree_state& tree, std::span<const bytes> keys) {
    with_layout(tree.schema, [&]<class Node>(std::type_identity<Node>) {
        in_batches(keys, [&](std::size_t first, std::size_t count) {
            leaf_batch at;
            find_leaves<Node>(store, tree, keys.subspan(first, count), at);
        });
    });
}

std::uint64_t rank(page_store& store, const tree_state& tree, bytes key) {
    struct step {
        child_entry child;
        std::uint64_t before = 0;
    };
    return with_layout(tree.schema, [&]<class Node>(std::type_identity<Node>) {
        child_entry at = root_entry(tree);
        std::uint64_t before = 0;
        for (unsigned level = tree.root.level; level > 0; --level) {
            const step next =
                look_at<Node>(store, tree.schema, at, level, [&](const Node& node, const auto&) {
                    const unsigned child = node.child_index(key);
                    step here{node.child(child), 0};
                    for (unsigned index = 0; index < child; ++index) {
                        here.before += node.child(index).count;
                    }
                    return here;
                });
            before += next.before;
            at = next.child;
            expect<Node>(store, tree.schema, at.page, level - 1);
        }
        store.source().count_visits(tree.root.level + 1);
        return before +
               look_at<Node>(store, tree.schema, at, 0, [&](const Node& node, const auto&) {
                   return node.lower_bound(key).index;
               });
    });
}

}  // namespace pinyon
