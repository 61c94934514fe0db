// Insertion, replacement and deletion: arguments are checked and the tree is read first, so that
// what is refused changes nothing.
#include <array>
#include <string>
#include <vector>

#include "pinyon/engine/btree.hpp"
#include "pinyon/engine/entry_rules.hpp"
#include "pinyon/engine/tree_change.hpp"

namespace pinyon {

namespace {

// An entry on its way into the tree: a copy, because the caller may hand in views of the very page
// that is about to change.
class incoming_entry {
public:
    incoming_entry(bytes key,
                   bytes payload) noexcept {  // NOLINT(*-member-init): storage stays unset
        key_.assign(key);
        if (!payload.empty()) { std::memcpy(payload_.data(), payload.data(), payload.size()); }
        payload_bytes_ = payload.size();
    }
    [[nodiscard]] bytes key() const noexcept { return key_.view(); }
    [[nodiscard]] bytes payload() const noexcept { return {payload_.data(), payload_bytes_}; }

private:
    key_buffer key_;
    std::array<std::byte, format::page_bytes_max> payload_;
    std::size_t payload_bytes_;
};

template <class Node>
bool put_entry(page_store& store, tree_state& tree, bytes key, bytes payload, bool is_reference,
               put_mode mode) {
    const incoming_entry entry(key, payload);
    tree_change<Node> change(store, tree);
    const search_result at =
        change.descend(entry.key(), [](const Node&, search_result found) { return found; });
    if (at.equal && mode == put_mode::insert_only) { return false; }
    change.make_writable(at.equal ? 0 : 1, 0);
    if (!at.equal) {
        change.insert(at.index, entry.key(), entry.payload(), is_reference);
        return true;
    }
    std::optional<format::extent_reference> replaced;
    if (change.leaf().is_reference(at.index)) { replaced = reference_in(change.leaf(), at.index); }
    change.replace(at.index, entry.key(), entry.payload(), is_reference);
    if (replaced) { retire_extent(store, *replaced); }
    return true;
}

bool put_payload(page_store& store, tree_state& tree, bytes key, bytes payload, bool is_reference,
                 put_mode mode) {
    return with_layout(tree.schema, [&]<class Node>(std::type_identity<Node>) {
        return put_entry<Node>(store, tree, key, payload, is_reference, mode);
    });
}

template <class Node>
bool erase_entry(page_store& store, tree_state& tree, bytes key) {
    key_buffer kept;
    kept.assign(key);
    tree_change<Node> change(store, tree);
    const search_result at =
        change.descend(kept.view(), [](const Node&, search_result found) { return found; });
    if (!at.equal) { return false; }
    change.make_writable(0, 1);
    std::optional<format::extent_reference> erased;
    if (change.leaf().is_reference(at.index)) { erased = reference_in(change.leaf(), at.index); }
    change.erase(at.index, at.index + 1);
    if (erased) { retire_extent(store, *erased); }
    return true;
}

// What one leaf has of a range.
struct leaf_part {
    unsigned first = 0;
    unsigned last = 0;
    bool ends = false;  // the range ends in this leaf
};

template <class Node>
void erase_part(page_store& store, tree_change<Node>& change, const leaf_part& part) {
    change.make_writable(0, part.last - part.first);
    std::vector<format::extent_reference> extents;
    for (unsigned index = part.first; index < part.last; ++index) {
        if (change.leaf().is_reference(index)) {
            extents.push_back(reference_in(change.leaf(), index));
        }
    }
    change.erase(part.first, part.last);
    for (const format::extent_reference& extent : extents) { retire_extent(store, extent); }
}

// Leaf by leaf: each step begins where the leaf before it ended.
template <class Node>
std::uint64_t erase_between(page_store& store, tree_state& tree, std::vector<std::byte> from,
                            std::optional<bytes> hi) {
    std::uint64_t erased = 0;
    for (;;) {
        std::vector<std::byte> next;
        key_buffer scratch;
        tree_change<Node> change(store, tree);
        const leaf_part part = change.descend(from, [&](const Node& leaf, search_result found) {
            const unsigned last = hi ? leaf.lower_bound(*hi).index : leaf.count();
            const bytes fence = leaf.upper_fence(scratch);
            next.assign(fence.begin(), fence.end());
            return leaf_part{found.index, last, last < leaf.count() || !leaf.has_upper_fence()};
        });
        if (part.last > part.first) {
            erase_part(store, change, part);
            erased += part.last - part.first;
            store.relieve();
        }
        if (part.ends || (hi && compare(next, *hi) >= 0)) { return erased; }
        if (compare(next, from) <= 0) {
            raise(errc::corrupt,
                  "the fences of a leaf contradict those of its parents; run `pinyon check` on the "
                  "file");
        }
        from.swap(next);
    }
}

// A copy of a bound, which may be a view of the tree. No key is longer than the limit, so what
// comes after one more byte decides nothing.
[[nodiscard]] std::vector<std::byte> held_bound(const node_schema& schema, bytes bound) {
    const bytes kept = bound.first(
        std::min<std::size_t>(bound.size(), format::key_bytes_max(schema.page_bytes) + 1));
    return {kept.begin(), kept.end()};
}

}  // namespace

bool put(page_store& store, tree_state& tree, bytes key, bytes value, put_mode mode) {
    check_key(tree.schema, key);
    check_value(tree.schema, value);
    if (stands_inline(tree.schema, key, value)) {
        return put_payload(store, tree, key, value, false, mode);
    }
    if (mode == put_mode::insert_only && find_stored(store, tree, key)) { return false; }
    extent_writer writer(store, value.size());
    writer.write(value);
    put_extent(store, tree, key, writer.finish());
    return true;
}

void put_extent(page_store& store, tree_state& tree, bytes key,
                const format::extent_reference& extent) {
    check_key(tree.schema, key);
    if (tree.schema.layout == format::node_layout::fixed) {
        raise(errc::type_mismatch, "a tree of fixed-width values holds no large ones");
    }
    tree.holds_extents = true;
    put_payload(store, tree, key, std::as_bytes(std::span(&extent, 1)), true,
                put_mode::replace_or_insert);
}

bool erase(page_store& store, tree_state& tree, bytes key) {
    if (key.size() > format::key_bytes_max(tree.schema.page_bytes)) { return false; }
    return with_layout(tree.schema, [&]<class Node>(std::type_identity<Node>) {
        return erase_entry<Node>(store, tree, key);
    });
}

std::uint64_t erase_range(page_store& store, tree_state& tree, std::optional<bytes> lo,
                          std::optional<bytes> hi) {
    if (lo && hi && compare(*lo, *hi) >= 0) { return 0; }
    const std::vector<std::byte> from = held_bound(tree.schema, lo.value_or(bytes{}));
    const std::vector<std::byte> to = held_bound(tree.schema, hi.value_or(bytes{}));
    return with_layout(tree.schema, [&]<class Node>(std::type_identity<Node>) {
        return erase_between<Node>(store, tree, from, hi ? std::optional(bytes(to)) : std::nullopt);
    });
}

}  // namespace pinyon
