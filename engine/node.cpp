#include "pinyon/engine/node.hpp"

#include <string>

#include "pinyon/mmap/error.hpp"

namespace pinyon {

namespace {

[[noreturn]] void refuse(const std::string& what) { raise(errc::misuse, what); }

[[nodiscard]] constexpr std::uint32_t round_up(std::uint32_t value, std::uint32_t unit) noexcept {
    return (value + unit - 1) / unit * unit;
}

[[nodiscard]] std::uint32_t leaf_bytes(const node_schema& schema, std::uint32_t entries) noexcept {
    const std::uint32_t keys = schema.fixed.keys + entries * schema.fixed.stored_bytes;
    return round_up(keys, schema.value_alignment) + entries * schema.value_bytes;
}

constexpr std::uint32_t child_bytes = sizeof(format::packed_child) + sizeof(std::uint32_t);

[[nodiscard]] std::uint32_t inner_bytes(const node_schema& schema,
                                        std::uint32_t children) noexcept {
    const std::uint32_t keys = schema.fixed.keys + children * schema.fixed.stored_bytes;
    const std::uint32_t packed = keys + children * std::uint32_t{sizeof(format::packed_child)};
    return round_up(packed, 4) + children * std::uint32_t{sizeof(std::uint32_t)};
}

void validate(const node_schema& schema) {
    if (schema.page_bytes < format::page_bytes_min || schema.page_bytes > format::page_bytes_max ||
        !std::has_single_bit(schema.page_bytes)) {
        raise(errc::page_size, "a page has 4096, 8192, 16384 or 32768 bytes");
    }
    if (schema.layout == format::node_layout::slotted) {
        if (schema.minimum_degree != 0) {
            refuse("a minimum degree needs keys and values of fixed width");
        }
        return;
    }
    if (schema.layout != format::node_layout::fixed) { refuse("the node layout is unknown"); }
    if (schema.key_bytes == 0 || schema.key_bytes > format::key_bytes_max(schema.page_bytes)) {
        refuse("keys of fixed width have 1 to " +
               std::to_string(format::key_bytes_max(schema.page_bytes)) + " bytes");
    }
    const std::uint32_t values_max = format::entry_bytes_max(schema.page_bytes) - schema.key_bytes;
    if (schema.value_bytes > values_max) {
        refuse("values of fixed width have at most " + std::to_string(values_max) +
               " bytes here; a tree with values of variable width takes longer ones");
    }
    if (!std::has_single_bit(schema.value_alignment) || schema.value_alignment > 16) {
        refuse("values are aligned to 1, 2, 4, 8 or 16 bytes");
    }
}

void place_keys(node_schema& schema) noexcept {
    fixed_geometry& fixed = schema.fixed;
    fixed.element_bytes = std::min(std::bit_ceil(schema.key_bytes), 8u);
    fixed.words = schema.key_bytes <= 8 ? 1 : (schema.key_bytes + 7) / 8;
    fixed.stored_bytes = fixed.element_bytes * fixed.words;
    const std::uint32_t fence_bytes = round_up(fixed.stored_bytes, 8);
    fixed.upper_fence = std::uint32_t{sizeof(format::page_header)} + fence_bytes;
    fixed.keys = fixed.upper_fence + fence_bytes;
}

}  // namespace

void complete(node_schema& schema) {
    validate(schema);
    schema.fixed = fixed_geometry{};
    if (schema.layout == format::node_layout::slotted) { return; }
    place_keys(schema);
    fixed_geometry& fixed = schema.fixed;

    // 1. As many entries as the page holds: the division ignores alignment, which costs one entry
    //    at most.
    const std::uint32_t room = schema.page_bytes - fixed.keys;
    fixed.leaf_capacity = room / (fixed.stored_bytes + schema.value_bytes);
    while (leaf_bytes(schema, fixed.leaf_capacity) > schema.page_bytes) { --fixed.leaf_capacity; }
    fixed.inner_capacity = room / (fixed.stored_bytes + child_bytes);
    while (inner_bytes(schema, fixed.inner_capacity) > schema.page_bytes) {
        --fixed.inner_capacity;
    }

    // 2. Or exactly those of the textbook: 2t - 1 keys in any node, so 2t children in an inner one.
    if (const std::uint32_t t = schema.minimum_degree; t != 0) {
        if (t == 1 || t > fixed.inner_capacity / 2 || 2 * t - 1 > fixed.leaf_capacity) {
            const std::uint32_t t_max =
                std::min(fixed.inner_capacity / 2, (fixed.leaf_capacity + 1) / 2);
            refuse("the minimum degree is 2 to " + std::to_string(t_max) +
                   " for keys and values of this width in a page of this size");
        }
        fixed.leaf_capacity = 2 * t - 1;
        fixed.inner_capacity = 2 * t;
    }

    // 3. Columns one behind the other.
    fixed.values =
        round_up(fixed.keys + fixed.leaf_capacity * fixed.stored_bytes, schema.value_alignment);
    fixed.children = fixed.keys + fixed.inner_capacity * fixed.stored_bytes;
    fixed.checksums = round_up(
        fixed.children + fixed.inner_capacity * std::uint32_t{sizeof(format::packed_child)}, 4);
}

void node_view::refuse_damaged() const {
    raise(
        errc::corrupt,
        "an entry does not fit the node where it belongs; run `pinyon check` and restore a backup",
        page());
}

}  // namespace pinyon
