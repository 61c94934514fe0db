// What the two node layouts share: the schema of a tree, the header every node begins with, and the
// contract that fixed_node.hpp and slotted_node.hpp both meet, so that one B+tree serves both.
//
// A node is `count` entries in key order. In a leaf an entry is a key and a value. In an inner node
// it is a separator and a child: child i holds the keys from separator i (inclusive) up to
// separator i + 1 (exclusive); separator 0 is the node's lower fence and is not stored again. Every
// node states its fences: lower <= key < upper; an absent fence is open.
//
// Keys are given and returned in normal form: bytes whose order is the order of the keys.
//
// Both layouts provide (Node = fixed_node or slotted_node, a view of constant bytes; Node::editor,
// which derives from it, for the bytes of a private page):
//
//   Node(const std::byte* page, const node_schema&)   editor(std::byte* page, const node_schema&)
//   reading     count() level() leaf() page() born()
//               lower_bound(key) -> {index, equal}    leaf: first entry with a key >= key
//               child_index(key) -> index             inner: the child whose range holds key
//               key(i, buffer) -> bytes               whole key; inner 0: the lower fence, empty
//                                                     when it is open
//               value(i) -> bytes                     leaf: value, or an extent_reference
//               is_reference(i) -> bool               leaf: which of the two
//               child(i) -> child_entry               inner
//               has_lower_fence() has_upper_fence()
//               lower_fence(buffer) upper_fence(buffer)
//                                                     empty when open
//               used_bytes() capacity_bytes()         payload used, payload room of an empty node
//               defect(deep) -> const char*           null when sound; reads inside the page only.
//                                                     Shallow: once it is null no function here
//                                                     leaves the page, whatever its bytes are
//               static prefetch(page, schema, level)  of a node that is about to be searched
//   planning    fits(key, payload_bytes) -> bool      leaf: value bytes; inner: payload_bytes = 0
//               fits_replacement(i, payload_bytes)    leaf
//               split_index(insert_index, ascending)  first entry of the right half
//               separator(i, buffer) -> bytes         0 < i < count. Leaf: shortest key that parts
//                                                     entries i-1 and i; inner: key(i)
//               underfull() -> bool                   below 40 % (or below t - 1 keys)
//               static can_merge(left, right)         right's entries fit behind left's
//               static balanced_index(left, right)    of the entries of both in a row, where to
//                                                     part them evenly so that both parts fit;
//                                                     left.count(): leave them as they are
//   editing     (errc::corrupt when a damaged node makes a REQUIRES fail; nothing outside the page
//               is hurt)
//               format(page, level, born, fences)     an empty node; the fences are elsewhere
//               insert(i, key, value, is_reference)   leaf. REQUIRES: fits
//               insert_child(i, separator, child)     inner. REQUIRES: fits, i > 0 (i = 0 only into
//                                                     an empty node: separator ignored)
//               replace(i, value, is_reference)       leaf. REQUIRES: fits_replacement
//               erase(i)                              inner: i > 0
//               set_child(i, child_entry)             inner, in place
//               append(source, first, last)           entries [first, last) of another node of this
//                                                     schema and level. REQUIRES: they fit
//
// Splitting always makes room: after a split of a node that an entry of at most the layout's limit
// (or a separator of format::key_bytes_max) did not fit, at split_index, it fits the half it
// belongs to.
// Threads: views of one page from any thread; an editor's page is its writer's alone.
// Complexity: searches O(log count) comparisons; insert and erase O(page); all else O(1) or
// O(entries moved).
#pragma once

#include <atomic>
#include <bit>
#include <cstring>
#include <optional>

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/format.hpp"

namespace pinyon {

// Where the columns of a fixed node stand: byte offsets in the page, computed once for a tree so
// that a visit only adds. A key is `words` elements, one in each of as many columns.
struct fixed_geometry {
    std::uint32_t element_bytes = 0;  // 1, 2, 4 or 8
    std::uint32_t words = 0;          // 1, or more 8-byte elements for keys wider than 8 bytes
    std::uint32_t stored_bytes = 0;   // of a key: element_bytes * words
    std::uint32_t upper_fence = 0;    // the lower fence stands behind the header
    std::uint32_t keys = 0;
    std::uint32_t leaf_capacity = 0;  // entries
    std::uint32_t values = 0;
    std::uint32_t inner_capacity = 0;  // children
    std::uint32_t children = 0;
    std::uint32_t checksums = 0;
};

// Constant for a tree; from its catalog record. Every schema goes through complete() once before a
// node is made of it.
struct node_schema {
    std::uint32_t page_bytes = format::page_bytes_default;
    std::uint32_t tree = 0;
    format::node_layout layout = format::node_layout::slotted;
    std::uint32_t key_bytes = 0;        // fixed layout: width of a key in normal form
    std::uint32_t value_bytes = 0;      // fixed layout: width of a value
    std::uint32_t value_alignment = 1;  // fixed layout: of the first value, a power of two up to 16
    std::uint32_t minimum_degree = 0;   // fixed layout: t, or 0 for as many as fit
    fixed_geometry fixed{};             // set by complete()

    [[nodiscard]] format::page_kind kind(unsigned level) const noexcept {
        if (layout == format::node_layout::fixed) {
            return level == 0 ? format::page_kind::fixed_leaf : format::page_kind::fixed_inner;
        }
        return level == 0 ? format::page_kind::slotted_leaf : format::page_kind::slotted_inner;
    }
    [[nodiscard]] std::uint64_t identity(unsigned level) const noexcept {
        return format::identity(kind(level), level, tree);
    }
};

// Validates the schema and computes its geometry; the same for the same members. Throws misuse when
// a page cannot hold such nodes: a width of 0 or above the limits of format.hpp, an alignment that
// is no power of two up to 16, a minimum degree of 1 or one whose 2t entries exceed the page.
void complete(node_schema& schema);

struct child_entry {
    std::uint64_t page = 0;
    std::uint64_t count = 0;     // entries in its subtree
    std::uint32_t checksum = 0;  // 0: not sealed yet
};

struct search_result {
    unsigned index = 0;
    bool equal = false;
};

// Absent = open.
struct fence_pair {
    std::optional<bytes> lower;
    std::optional<bytes> upper;
};

template <class T>
[[nodiscard]] T load(const std::byte* from) noexcept {
    T value;
    std::memcpy(&value, from, sizeof value);
    return value;
}
template <class T>
void store(std::byte* to, const T& value) noexcept {
    std::memcpy(to, &value, sizeof value);
}

[[nodiscard]] inline std::uint64_t load48(const std::uint8_t* from) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, from, 6);
    return value;
}
inline void store48(std::uint8_t* to, std::uint64_t value) noexcept { std::memcpy(to, &value, 6); }

// Child checksums are the one thing stored into a committed page (when it is sealed): 4-byte
// aligned, through atomic_ref on both sides.
[[nodiscard]] inline std::uint32_t load_checksum(const std::byte* word) noexcept {
    auto* aligned = reinterpret_cast<std::uint32_t*>(const_cast<std::byte*>(word));
    return std::atomic_ref<std::uint32_t>(*aligned).load(std::memory_order_relaxed);
}
inline void store_checksum(std::byte* word, std::uint32_t value) noexcept {
    std::atomic_ref<std::uint32_t>(*reinterpret_cast<std::uint32_t*>(word))
        .store(value, std::memory_order_relaxed);
}

// The header of the node at `page`.
[[nodiscard]] inline format::page_header header_of(const std::byte* page) noexcept {
    return load<format::page_header>(page);
}

// The part of reading that is the same in both layouts.
class node_view {
public:
    [[nodiscard]] unsigned level() const noexcept {
        return format::level_of(
            load<std::uint64_t>(page_ + offsetof(format::page_header, identity)));
    }
    [[nodiscard]] bool leaf() const noexcept { return level() == 0; }
    [[nodiscard]] std::uint64_t page() const noexcept {
        return load<std::uint64_t>(page_ + offsetof(format::page_header, page));
    }
    [[nodiscard]] std::uint64_t born() const noexcept {
        return load<std::uint64_t>(page_ + offsetof(format::page_header, born));
    }
    [[nodiscard]] bool has_lower_fence() const noexcept {
        return (field(offsetof(format::page_header, fences)) & format::no_lower_fence) == 0;
    }
    [[nodiscard]] bool has_upper_fence() const noexcept {
        return (field(offsetof(format::page_header, fences)) & format::no_upper_fence) == 0;
    }

protected:
    node_view(const std::byte* page, const node_schema& schema) noexcept
        : page_(page), schema_(&schema) {}

    // What the header counts, which in a damaged page is anything.
    [[nodiscard]] std::uint32_t raw_count() const noexcept {
        return load<std::uint32_t>(page_ + offsetof(format::page_header, count));
    }
    [[nodiscard]] unsigned field(std::size_t offset) const noexcept {
        return load<std::uint16_t>(page_ + offset);
    }
    // Throws corrupt: an edit does not fit because the node is damaged.
    [[noreturn]] void refuse_damaged() const;

    const std::byte* page_;
    const node_schema* schema_;
};

}  // namespace pinyon
