// A node of a tree whose keys or values vary in width: slots that grow upwards, a heap that grows
// down (node.hpp has the contract, FORMAT.md the bytes). After Leis and others, "B-Trees Are Back"
// (SIGMOD 2025): the prefix that the two fences share is stored once, each slot holds the next four
// bytes of its key (its head), and sixteen of the heads stand in one line beside the header, the
// hints, so that most searches compare integers that are in cache.
//
// Invariants
//  1. Slots end at header.lower, the heap starts at header.upper; the fences stand at the page's
//     end, the lower one last; garbage is what the heap holds beside them and the cells.
//  2. prefix_bytes is the length of the fences' common prefix, 0 when one is open. Every key starts
//     with it. A head is the next four bytes, zero bytes behind the key's end, as a big-endian
//     number.
//  3. Hint i repeats the head of slot (i + 1) * (count / 17), while count > 32; else hints are
//     zero.
//  4. Cells of inner nodes are multiples of 4 bytes at multiples of 4; entry 0 has an empty key.
//
// Room: with P the page without header and hints, K the longest key and E the largest entry with
// its slot, a split by the middle leaves each half at most P / 2 + E / 2 of entries and old fence,
// and K for the new fence. E more fits because K + 3 E / 2 <= P / 2. Within a narrower range
// prefixes do not shrink.
//
// Threads and failure: node.hpp.
#pragma once

#include "pinyon/engine/node.hpp"

namespace pinyon {

namespace slotted {

inline constexpr unsigned hints = 16;
inline constexpr std::uint32_t hints_offset = sizeof(format::page_header);
inline constexpr std::uint32_t slots_offset = hints_offset + hints * 4;
inline constexpr std::uint32_t slot_bytes = 10;
// Offsets in a slot: heap offset of the cell, bytes of the key behind the prefix, bytes of the
// value with the reference mark, head.
inline constexpr std::uint32_t slot_key = 2;
inline constexpr std::uint32_t slot_value = 4;
inline constexpr std::uint32_t slot_head = 6;
inline constexpr std::uint16_t reference_mark = 0x8000;
// An inner cell: checksum, packed child, key.
inline constexpr std::uint32_t child_offset = 4;
inline constexpr std::uint32_t inner_cell_bytes = child_offset + sizeof(format::packed_child);
static_assert(slots_offset == 112 && inner_cell_bytes == 16);

[[nodiscard]] constexpr std::uint32_t inner_cell(std::uint32_t key_bytes) noexcept {
    return (inner_cell_bytes + key_bytes + 3) & ~std::uint32_t{3};
}

}  // namespace slotted

// Key and value bytes that a leaf takes as an entry: a quarter page less 48 bytes, so that splits
// make room.
[[nodiscard]] constexpr std::uint32_t slotted_entry_max(std::uint32_t page_bytes) noexcept {
    return page_bytes / 4 - 48;
}

namespace slotted {

// The arithmetic of "Room" above, doubled to stay in integers; 3 bytes align the cells of an inner
// node.
[[nodiscard]] constexpr bool split_makes_room(std::uint32_t page_bytes) noexcept {
    const std::uint32_t room = page_bytes - slots_offset - 3;
    const std::uint32_t key = format::key_bytes_max(page_bytes);
    const std::uint32_t leaf_entry = slotted_entry_max(page_bytes) + slot_bytes;
    const std::uint32_t inner_entry = inner_cell(key) + slot_bytes;
    return 2 * key + 3 * leaf_entry <= room + 3 && 2 * key + 3 * inner_entry <= room &&
           2 * key + 4 * inner_entry <= room &&  // four children beside the longest fences
           2 * key + 2 * leaf_entry <= room &&   // so what does not fit has two entries or more
           slotted_entry_max(page_bytes) >= key + sizeof(format::extent_reference);
}
static_assert(split_makes_room(4096) && split_makes_room(8192) && split_makes_room(16384) &&
              split_makes_room(32768));

}  // namespace slotted

class slotted_node : public node_view {
public:
    class editor;

    // REQUIRES: a page of schema.page_bytes of this layout without a shallow defect; the schema
    // outlives the view.
    slotted_node(const std::byte* page, const node_schema& schema) noexcept
        : node_view(page, schema) {}

    // --- reading ---------------------------------------------------------------------------------

    [[nodiscard]] unsigned count() const noexcept { return raw_count(); }

    [[nodiscard]] search_result lower_bound(bytes key) const noexcept {
        const unsigned entries = count();
        const unsigned prefix = prefix_bytes();
        if (const int order = compare_prefix(key, prefix); order != 0) [[unlikely]] {
            return {order < 0 ? 0u : entries, false};
        }
        return search(key.subspan(prefix), 0, entries);
    }
    [[nodiscard]] unsigned child_index(bytes key) const noexcept {
        const unsigned children = count();
        const unsigned prefix = prefix_bytes();
        if (const int order = compare_prefix(key, prefix); order != 0) [[unlikely]] {
            return order < 0 ? 0u : children - 1;
        }
        const search_result found = search(key.subspan(prefix), 1, children);
        return found.equal ? found.index : found.index - 1;
    }
    [[nodiscard]] bytes key(unsigned i, key_buffer& buffer) const noexcept;
    [[nodiscard]] bytes value(unsigned i) const noexcept {
        const std::byte* slot = slot_at(i);
        return {page_ + load<std::uint16_t>(slot) + load<std::uint16_t>(slot + slotted::slot_key),
                value_bytes(slot)};
    }
    [[nodiscard]] bool is_reference(unsigned i) const noexcept {
        return (load<std::uint16_t>(slot_at(i) + slotted::slot_value) & slotted::reference_mark) !=
               0;
    }
    [[nodiscard]] child_entry child(unsigned i) const noexcept {
        const std::byte* cell = page_ + load<std::uint16_t>(slot_at(i));
        const auto packed = load<format::packed_child>(cell + slotted::child_offset);
        return {load48(packed.page.data()), load48(packed.count.data()), load_checksum(cell)};
    }

    // The first child from `i` on that has no checksum yet, or count(). Of an inner node.
    [[nodiscard]] unsigned next_unsealed(unsigned i) const noexcept {
        while (i < count() && child(i).checksum != 0) { ++i; }
        return i;
    }

    [[nodiscard]] bytes lower_fence(key_buffer& buffer) const noexcept;
    [[nodiscard]] bytes upper_fence(key_buffer& buffer) const noexcept;

    [[nodiscard]] unsigned used_bytes() const noexcept;
    [[nodiscard]] unsigned capacity_bytes() const noexcept;
    [[nodiscard]] const char* defect(bool deep) const noexcept;

    // Asks for the lines that a search reads: header, hints, and of the slots those that come
    // first.
    static void prefetch(const std::byte* page, const node_schema& /*schema*/,
                         unsigned /*level*/) noexcept {
        __builtin_prefetch(page);
        __builtin_prefetch(page + 64);
        __builtin_prefetch(page + 128);
        __builtin_prefetch(page + 192);
    }

    // --- planning --------------------------------------------------------------------------------

    [[nodiscard]] bool fits(bytes key, std::size_t payload_bytes) const noexcept;
    [[nodiscard]] bool fits_replacement(unsigned i, std::size_t payload_bytes) const noexcept;
    // The middle by bytes, and near it the shortest separator; for an insertion behind the last
    // entry of an ascending load all but the last entry stay.
    [[nodiscard]] unsigned split_index(unsigned insert_index, bool ascending) const noexcept;
    [[nodiscard]] bytes separator(unsigned i, key_buffer& buffer) const noexcept;
    [[nodiscard]] bool underfull() const noexcept {
        return used_bytes() * 5 < capacity_bytes() * 2;
    }
    [[nodiscard]] static bool can_merge(const slotted_node& left,
                                        const slotted_node& right) noexcept;
    [[nodiscard]] static unsigned balanced_index(const slotted_node& left,
                                                 const slotted_node& right) noexcept;

protected:
    class row;

    [[nodiscard]] unsigned prefix_bytes() const noexcept {
        return field(offsetof(format::page_header, prefix_bytes));
    }
    [[nodiscard]] unsigned lower() const noexcept {
        return field(offsetof(format::page_header, lower));
    }
    [[nodiscard]] unsigned upper() const noexcept {
        return field(offsetof(format::page_header, upper));
    }
    [[nodiscard]] unsigned garbage() const noexcept {
        return field(offsetof(format::page_header, garbage));
    }
    // The fences where they stand, empty when open.
    [[nodiscard]] bytes lower_fence_view() const noexcept {
        const unsigned size = field(offsetof(format::page_header, lower_fence_bytes));
        return {page_ + schema_->page_bytes - size, size};
    }
    [[nodiscard]] bytes upper_fence_view() const noexcept {
        const unsigned size = field(offsetof(format::page_header, upper_fence_bytes));
        return {lower_fence_view().data() - size, size};
    }
    // Where cells end and fences begin.
    [[nodiscard]] unsigned heap_end() const noexcept {
        const auto fences = static_cast<unsigned>(upper_fence_view().data() - page_);
        return leaf() ? fences : fences & ~3u;
    }
    [[nodiscard]] const std::byte* slot_at(unsigned i) const noexcept {
        return page_ + slotted::slots_offset + std::size_t{i} * slotted::slot_bytes;
    }
    [[nodiscard]] static unsigned value_bytes(const std::byte* slot) noexcept {
        return load<std::uint16_t>(slot + slotted::slot_value) & (slotted::reference_mark - 1u);
    }
    [[nodiscard]] std::uint32_t head(unsigned i) const noexcept {
        return load<std::uint32_t>(slot_at(i) + slotted::slot_head);
    }
    // The key behind the prefix.
    [[nodiscard]] bytes suffix(unsigned i) const noexcept {
        const std::byte* slot = slot_at(i);
        const std::byte* cell = page_ + load<std::uint16_t>(slot);
        return {leaf() ? cell : cell + slotted::inner_cell_bytes,
                load<std::uint16_t>(slot + slotted::slot_key)};
    }
    // Bytes of the entry's cell.
    [[nodiscard]] unsigned cell_bytes(unsigned i) const noexcept {
        const std::byte* slot = slot_at(i);
        const unsigned key = load<std::uint16_t>(slot + slotted::slot_key);
        return leaf() ? key + value_bytes(slot) : slotted::inner_cell(key);
    }
    // Room for slots and cells once the heap is compact.
    [[nodiscard]] unsigned free_bytes() const noexcept { return upper() - lower() + garbage(); }

    [[nodiscard]] static std::uint32_t head_of(bytes suffix) noexcept {
        std::uint32_t value = 0;
        if (suffix.size() >= 4) [[likely]] {
            value = load<std::uint32_t>(suffix.data());
        } else if (!suffix.empty()) {
            std::memcpy(&value, suffix.data(), suffix.size());
        }
        return __builtin_bswap32(value);
    }
    // Negative when the key lies below all keys with the prefix, positive when above, 0 when it has
    // it.
    [[nodiscard]] int compare_prefix(bytes key, unsigned prefix) const noexcept {
        if (prefix == 0) { return 0; }
        const std::size_t common = std::min<std::size_t>(key.size(), prefix);
        if (common != 0) {
            const int order = std::memcmp(key.data(), lower_fence_view().data(), common);
            if (order != 0) { return order; }
        }
        return key.size() < prefix ? -1 : 0;
    }
    // Order of slot i's key and `wanted`, whose heads are equal: so their first four bytes are, or
    // the shorter's bytes.
    [[nodiscard]] int compare_rest(unsigned i, bytes wanted) const noexcept {
        const bytes stored = suffix(i);
        const std::size_t known = std::min<std::size_t>({4, stored.size(), wanted.size()});
        return compare(stored.subspan(known), wanted.subspan(known));
    }

    // Narrows [first, last) to where the first head >= wanted can be.
    void follow_hints(std::uint32_t wanted, unsigned& first, unsigned& last) const noexcept {
        const std::byte* hint = page_ + slotted::hints_offset;
        const unsigned distance = last / (slotted::hints + 1);
        unsigned below = 0;
        unsigned not_above = 0;
        for (unsigned i = 0; i != slotted::hints; ++i) {
            const auto value = load<std::uint32_t>(hint + std::size_t{i} * 4);
            below += value < wanted ? 1u : 0u;
            not_above += value <= wanted ? 1u : 0u;
        }
        first = std::max(first, below * distance);
        if (not_above < slotted::hints) { last = std::max(first, (not_above + 1) * distance); }
    }
    // Slots [first, last), last = count, for the first key >= `wanted`, a key behind the prefix.
    [[nodiscard]] search_result search(bytes wanted, unsigned first, unsigned last) const noexcept {
        if (first >= last) { return {first, false}; }
        const std::uint32_t wanted_head = head_of(wanted);
        if (last > 2 * slotted::hints) { follow_hints(wanted_head, first, last); }
        // 1. The first head >= wanted_head, without branches: see column_search.hpp.
        const std::byte* heads = slot_at(0) + slotted::slot_head;
        std::size_t index = first;
        std::size_t n = last - first;
        while (n > 0) {
            const std::size_t half = (n + 1) / 2;
            const auto probe =
                load<std::uint32_t>(heads + (index + half - 1) * slotted::slot_bytes);
            std::size_t less = probe < wanted_head ? 1 : 0;
            asm("" : "+r"(less));
            index += less * half;
            n -= half;
        }
        // 2. Mostly that is the entry, or there is none; else the keys with this head are compared
        //    whole.
        const auto found = static_cast<unsigned>(index);
        if (found == last || head(found) != wanted_head) { return {found, false}; }
        const int order = compare_rest(found, wanted);
        if (order >= 0) { return {found, order == 0}; }
        return search_equal_heads(wanted, wanted_head, found + 1, last);
    }
    [[nodiscard]] search_result search_equal_heads(bytes wanted, std::uint32_t wanted_head,
                                                   unsigned first, unsigned last) const noexcept;

    [[nodiscard]] unsigned shorter_separator(unsigned middle, unsigned left,
                                             unsigned right) const noexcept;
    [[nodiscard]] const char* header_defect() const noexcept;
    [[nodiscard]] const char* cells_defect() const noexcept;
    [[nodiscard]] const char* order_defect() const noexcept;
    [[nodiscard]] const char* overlap_defect() const noexcept;
};

class slotted_node::editor : public slotted_node {
public:
    editor(std::byte* page, const node_schema& schema) noexcept
        : slotted_node(page, schema), bytes_(page) {}

    void format(std::uint64_t page, unsigned level, std::uint64_t born, const fence_pair& fences);
    void insert(unsigned i, bytes key, bytes value, bool is_reference = false);
    void insert_child(unsigned i, bytes separator, const child_entry& child);
    void replace(unsigned i, bytes value, bool is_reference = false);
    void erase(unsigned i);
    void set_child(unsigned i, const child_entry& child) noexcept;
    void append(const slotted_node& source, unsigned first, unsigned last);

private:
    struct scratch;

    void set_field(std::size_t offset, unsigned value) noexcept {
        store(bytes_ + offset, static_cast<std::uint16_t>(value));
    }
    void set_count(unsigned count) noexcept {
        store(bytes_ + offsetof(format::page_header, count), std::uint32_t{count});
    }
    void set_head(unsigned i, std::uint32_t head) noexcept;
    [[nodiscard]] bool contiguous(std::size_t entry_bytes) const noexcept {
        return upper() - lower() >= entry_bytes;
    }
    // A slot at i, its head still 0, and a cell for it, which is returned. REQUIRES contiguous
    // room.
    std::byte* add_slot(unsigned i, std::size_t key_bytes, unsigned value_field,
                        std::size_t cell_bytes) noexcept;
    std::byte* add_cell(std::size_t cell_bytes) noexcept;
    void release_cell(unsigned offset, unsigned cell_bytes) noexcept;
    void copy_entry(const slotted_node& source, unsigned i);
    void update_hints(unsigned i, unsigned before) noexcept;
    // The slow paths: the node is written anew, compact, elsewhere and copied back, so that key and
    // value may stand in this page.
    void compact();
    void insert_compacting(unsigned i, bytes key, bytes value, bool is_reference);
    void insert_child_compacting(unsigned i, bytes separator, const child_entry& child);
    void replace_compacting(unsigned i, bytes value, bool is_reference);
    [[nodiscard]] bytes without_prefix(bytes key) const;

    std::byte* bytes_;
};

}  // namespace pinyon
