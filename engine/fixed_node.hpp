// A node of a tree whose keys and values have fixed widths: packed columns, searched in place
// (node.hpp has the contract, FORMAT.md the bytes). A key of 8 bytes or fewer is stored as the
// unsigned integer that its normal form spells, little-endian; a wider one as words of 8 bytes in
// as many columns, the most significant first, the last one filled up with zero bytes.
//
// Invariants
//  1. count <= capacity of the schema; readers clamp it, so no column is left whatever the page
//     holds.
//  2. Elements ascend strictly; the separator of entry 0 repeats the lower fence (0 when open).
//  3. With a minimum degree t a leaf has at most 2t - 1 entries and an inner node 2t children.
//  4. Keys of another width than the schema's are placed by the order of bytes, and never found
//     equal.
//
// Threads and failure: node.hpp.
#pragma once

#include "pinyon/engine/column_search.hpp"
#include "pinyon/engine/node.hpp"

namespace pinyon {

class fixed_node : public node_view {
public:
    class editor;

    // REQUIRES: a page of schema.page_bytes with the identity of this schema; the schema is
    // complete and outlives the view.
    fixed_node(const std::byte* page, const node_schema& schema) noexcept
        : node_view(page, schema) {}

    // --- reading ---------------------------------------------------------------------------------

    [[nodiscard]] unsigned count() const noexcept { return std::min(raw_count(), capacity()); }

    [[nodiscard]] search_result lower_bound(bytes key) const noexcept {
        return search(key, 0, count());
    }
    [[nodiscard]] unsigned child_index(bytes key) const noexcept {
        const unsigned children = std::min(raw_count(), geometry().inner_capacity);
        if (children < 2) { return 0; }
        if (geometry().words == 1) [[likely]] {
            return below_or_equal(number_of(key), 1, children - 1);
        }
        const search_result found = search(key, 1, children);
        return found.equal ? found.index : found.index - 1;
    }
    [[nodiscard]] bytes key(unsigned i, key_buffer& buffer) const noexcept;
    [[nodiscard]] bytes value(unsigned i) const noexcept {
        return {page_ + geometry().values + std::size_t{i} * schema_->value_bytes,
                schema_->value_bytes};
    }
    [[nodiscard]] bool is_reference(unsigned /*i*/) const noexcept { return false; }
    [[nodiscard]] child_entry child(unsigned i) const noexcept {
        const auto packed = load<format::packed_child>(
            page_ + geometry().children + std::size_t{i} * sizeof(format::packed_child));
        return {
            load48(packed.page.data()), load48(packed.count.data()),
            load_checksum(page_ + geometry().checksums + std::size_t{i} * sizeof(std::uint32_t))};
    }

    // The first child from `i` on that has no checksum yet, or count(). Of an inner node.
    [[nodiscard]] unsigned next_unsealed(unsigned i) const noexcept;

    [[nodiscard]] bytes lower_fence(key_buffer& buffer) const noexcept;
    [[nodiscard]] bytes upper_fence(key_buffer& buffer) const noexcept;

    [[nodiscard]] unsigned used_bytes() const noexcept { return count() * entry_bytes(); }
    [[nodiscard]] unsigned capacity_bytes() const noexcept { return capacity() * entry_bytes(); }
    [[nodiscard]] const char* defect(bool deep) const noexcept;

    // Asks for the lines that a search reads: of a leaf the header and the first keys, of an inner
    // node the header and the first probes.
    static void prefetch(const std::byte* page, const node_schema& schema,
                         unsigned level) noexcept {
        __builtin_prefetch(page);
        const std::byte* keys = page + schema.fixed.keys;
        if (level == 0) {
            const std::uint32_t column = schema.fixed.leaf_capacity * schema.fixed.element_bytes;
            const std::uint32_t last = std::min(column, prefetch_bytes_max);
            for (std::uint32_t at = 0; at < last; at += 64) { __builtin_prefetch(keys + at); }
        } else {
            const std::uint32_t column = schema.fixed.inner_capacity * schema.fixed.element_bytes;
            for (std::uint32_t part = 1; part != 4; ++part) {
                __builtin_prefetch(keys + column * part / 4);
            }
        }
    }

    // --- planning --------------------------------------------------------------------------------

    // Values have the schema's width.
    [[nodiscard]] bool fits(bytes /*key*/, std::size_t /*payload_bytes*/) const noexcept {
        return count() < capacity();
    }
    [[nodiscard]] bool fits_replacement(unsigned /*i*/,
                                        std::size_t /*payload_bytes*/) const noexcept {
        return true;
    }
    // The middle; for an insertion behind the last entry of an ascending load all but the last
    // entry stay, unless a minimum degree forbids it.
    [[nodiscard]] unsigned split_index(unsigned insert_index, bool ascending) const noexcept {
        const unsigned entries = count();
        if (ascending && insert_index == entries && schema_->minimum_degree == 0) {
            return entries - 1;
        }
        return entries / 2;
    }
    [[nodiscard]] bytes separator(unsigned i, key_buffer& buffer) const noexcept {
        return key(i, buffer);
    }
    [[nodiscard]] bool underfull() const noexcept {
        const unsigned t = schema_->minimum_degree;
        if (t != 0) { return leaf() ? count() < t - 1 : count() < t; }
        return count() * 5 < capacity() * 2;
    }
    [[nodiscard]] static bool can_merge(const fixed_node& left, const fixed_node& right) noexcept {
        return left.count() + right.count() <= left.capacity();
    }
    [[nodiscard]] static unsigned balanced_index(const fixed_node& left,
                                                 const fixed_node& right) noexcept {
        return (left.count() + right.count()) / 2;
    }

protected:
    // Keys beyond are left to the processor's own prefetcher.
    static constexpr std::uint32_t prefetch_bytes_max = 512;

    [[nodiscard]] const fixed_geometry& geometry() const noexcept { return schema_->fixed; }
    [[nodiscard]] unsigned capacity() const noexcept {
        return leaf() ? geometry().leaf_capacity : geometry().inner_capacity;
    }
    [[nodiscard]] unsigned entry_bytes() const noexcept;
    // The offset of element i of column `word`; columns are as long as the node's capacity.
    [[nodiscard]] std::size_t element_at(unsigned word, unsigned i,
                                         unsigned capacity) const noexcept {
        return geometry().keys + (std::size_t{word} * capacity + i) * geometry().element_bytes;
    }
    [[nodiscard]] std::uint64_t element(unsigned word, unsigned i) const noexcept {
        return load_element(page_ + element_at(word, i, capacity()));
    }
    [[nodiscard]] std::uint64_t load_element(const std::byte* from) const noexcept {
        switch (geometry().element_bytes) {
            case 8:
                return load<std::uint64_t>(from);
            case 4:
                return load<std::uint32_t>(from);
            case 2:
                return load<std::uint16_t>(from);
            default:
                return load<std::uint8_t>(from);
        }
    }

    // The number that the bytes spell, as a key of at most 8 bytes: shorter ones end in zero bytes,
    // longer ones are cut.
    [[nodiscard]] std::uint64_t number_of(bytes key) const noexcept {
        const std::uint32_t width = schema_->key_bytes;
        if (key.size() == 8 && width == 8) [[likely]] {
            return __builtin_bswap64(load<std::uint64_t>(key.data()));
        }
        return word_of(key, 0) >> (64 - 8 * std::min(width, 8u));
    }
    // Bytes [8 * word, 8 * word + 8) of the key as a number, zero bytes behind its end or width.
    [[nodiscard]] std::uint64_t word_of(bytes key, unsigned word) const noexcept {
        const std::size_t end = std::min<std::size_t>(key.size(), schema_->key_bytes);
        const std::size_t begin = std::min(std::size_t{word} * 8, end);
        std::uint64_t value = 0;
        if (end != begin) {
            std::memcpy(&value, key.data() + begin, std::min<std::size_t>(end - begin, 8));
        }
        return __builtin_bswap64(value);
    }

    // Entries [first, last) for the first key >= `key`.
    [[nodiscard]] search_result search(bytes key, unsigned first, unsigned last) const noexcept {
        search_result result;
        if (geometry().words == 1) [[likely]] {
            const std::uint64_t wanted = number_of(key);
            result.index = first + below(wanted, first, last - first);
            result.equal = result.index < last && element(0, result.index) == wanted;
        } else {
            result = search_words(key, first, last);
        }
        if (key.size() != schema_->key_bytes) [[unlikely]] {
            if (result.equal && key.size() > schema_->key_bytes) { ++result.index; }
            result.equal = false;
        }
        return result;
    }
    [[nodiscard]] search_result search_words(bytes key, unsigned first,
                                             unsigned last) const noexcept;

    // One column, entries [first, first + n): how many elements are < wanted; or <= wanted.
    [[nodiscard]] unsigned below(std::uint64_t wanted, unsigned first, unsigned n) const noexcept {
        const std::byte* column = page_ + element_at(0, first, 0);
        switch (geometry().element_bytes) {
            case 8:
                return column_search::below<std::uint64_t>(column, n, wanted);
            case 4:
                return column_search::below(column, n, static_cast<std::uint32_t>(wanted));
            case 2:
                return column_search::below(column, n, static_cast<std::uint16_t>(wanted));
            default:
                return column_search::below(column, n, static_cast<std::uint8_t>(wanted));
        }
    }
    [[nodiscard]] unsigned below_or_equal(std::uint64_t wanted, unsigned first,
                                          unsigned n) const noexcept {
        const std::byte* column = page_ + element_at(0, first, 0);
        switch (geometry().element_bytes) {
            case 8:
                return column_search::not_above<std::uint64_t>(column, n, wanted);
            case 4:
                return column_search::not_above(column, n, static_cast<std::uint32_t>(wanted));
            case 2:
                return column_search::not_above(column, n, static_cast<std::uint16_t>(wanted));
            default:
                return column_search::not_above(column, n, static_cast<std::uint8_t>(wanted));
        }
    }

    [[nodiscard]] bytes assemble_fence(std::size_t offset, key_buffer& buffer) const noexcept;
    [[nodiscard]] const char* header_defect() const noexcept;
    [[nodiscard]] const char* order_defect() const noexcept;
    [[nodiscard]] const char* padding_defect() const noexcept;
};

class fixed_node::editor : public fixed_node {
public:
    editor(std::byte* page, const node_schema& schema) noexcept
        : fixed_node(page, schema), bytes_(page) {}

    void format(std::uint64_t page, unsigned level, std::uint64_t born, const fence_pair& fences);
    void insert(unsigned i, bytes key, bytes value, bool is_reference = false);
    void insert_child(unsigned i, bytes separator, const child_entry& child);
    void replace(unsigned i, bytes value, bool is_reference = false);
    void erase(unsigned i);
    void set_child(unsigned i, const child_entry& child) noexcept;
    void append(const fixed_node& source, unsigned first, unsigned last);

private:
    void set_count(unsigned count) noexcept {
        store(bytes_ + offsetof(format::page_header, count), std::uint32_t{count});
    }
    void store_element(unsigned word, unsigned i, std::uint64_t value) noexcept;
    void store_key(unsigned i, bytes key) noexcept;
    void store_first_separator() noexcept;
    void store_fence(std::size_t offset, bytes key) noexcept;
    // Moves entries [from, count) by one, up or down.
    void shift(unsigned from, unsigned to) noexcept;

    std::byte* bytes_;
};

}  // namespace pinyon
