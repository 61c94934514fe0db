#include "tools/page_detail.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "pinyon/engine/fixed_node.hpp"
#include "pinyon/engine/slotted_node.hpp"
#include "tools/entry_text.hpp"
#include "tools/run_code.hpp"

namespace pinyon::tool {

namespace {

// Bytes of a value that are shown; the rest is counted.
constexpr std::size_t value_shown_max = 64;

std::string value_sample(const std::string& type, bytes value, byte_style style) {
    if (value.size() <= value_shown_max) { return value_text(type, value, style); }
    return fmt::format("{} ... ({} bytes)", shown(as_text(value.first(value_shown_max)), style),
                       value.size());
}

template <class Node>
void add_keys(json& out, const Node& node) {
    key_code keys;
    key_buffer room;
    for (unsigned i = 0; i < node.count(); ++i) {
        const bool open = !node.leaf() && i == 0 && !node.has_lower_fence();
        keys.add(open ? std::nullopt : std::optional(node.key(i, room)));
    }
    out["keys"] = keys.text();
}

template <class Node>
void add_values(json& out, const Node& node, const std::string& type, const disclosure& may) {
    run_code lengths;
    json large = json::array();
    json texts = json::array();
    for (unsigned i = 0; i < node.count(); ++i) {
        const bytes value = node.value(i);
        if (node.is_reference(i)) {
            const auto reference = load<format::extent_reference>(value.data());
            lengths.add(reference.length);
            large.push_back({i, reference.first});
            if (may.values) { texts.push_back(fmt::format("{} bytes", reference.length)); }
        } else {
            lengths.add(value.size());
            if (may.values) { texts.push_back(value_sample(type, value, may.style)); }
        }
    }
    out["values"] = lengths.text();
    if (!large.empty()) { out["large"] = std::move(large); }
    if (may.values) { out["texts"] = std::move(texts); }
}

template <class Node>
void add_children(json& out, const Node& node) {
    difference_code pages;
    run_code counts;
    for (unsigned i = 0; i < node.count(); ++i) {
        const child_entry child = node.child(i);
        pages.add(child.page);
        counts.add(child.count);
    }
    out["children"] = pages.text();
    out["counts"] = counts.text();
}

template <class Node>
void add_entries(json& out, const Node& node, const std::string& value_type,
                 const disclosure& may) {
    if (may.keys) { add_keys(out, node); }
    if (node.leaf()) {
        add_values(out, node, value_type, may);
    } else {
        add_children(out, node);
    }
}

// Where the cells of a slotted node stand.
void add_cells(json& out, const page_fact& fact, const format::page_header& header) {
    run_code offsets;
    run_code sizes;
    for (unsigned i = 0; i < header.count; ++i) {
        const std::byte* slot =
            fact.content + slotted::slots_offset + std::size_t{i} * slotted::slot_bytes;
        const std::uint32_t key = load<std::uint16_t>(slot + slotted::slot_key);
        const std::uint32_t value =
            load<std::uint16_t>(slot + slotted::slot_value) & (slotted::reference_mark - 1u);
        offsets.add(load<std::uint16_t>(slot));
        sizes.add(fact.level == 0 ? key + value : slotted::inner_cell(key));
    }
    out["lower"] = header.lower;
    out["upper"] = header.upper;
    out["garbage"] = header.garbage;
    out["prefix"] = header.prefix_bytes;
    out["fence_bytes"] = header.lower_fence_bytes + header.upper_fence_bytes;
    out["cells_at"] = offsets.text();
    out["cells_bytes"] = sizes.text();
}

}  // namespace

json page_detail(const page_fact& node, const std::string& value_type, const disclosure& may) {
    const format::page_header header = header_of(node.content);
    const bool fixed = node.schema->layout == format::node_layout::fixed;
    json out{{"page", node.pages.first},
             {"level", node.level},
             {"layout", fixed ? "fixed" : "slotted"},
             {"count", node.items},
             {"checksum", fmt::format("{:#010x}", header.checksum)}};
    if (fixed) {
        add_entries(out, fixed_node(node.content, *node.schema), value_type, may);
    } else {
        add_cells(out, node, header);
        add_entries(out, slotted_node(node.content, *node.schema), value_type, may);
    }
    return out;
}

json header_fields(const format::page_header& header) {
    json out = json::array();
    const auto add = [&out](const char* field, const std::string& found) {
        out.push_back({field, found});
    };
    add("checksum", fmt::format("{:#010x}", header.checksum));
    add("count", fmt::format("{}", header.count));
    add("page", fmt::format("{}", header.page));
    add("kind", fmt::format("{}", static_cast<unsigned>(format::kind_of(header.identity))));
    add("level", fmt::format("{}", format::level_of(header.identity)));
    add("flags", fmt::format("{:#x}", header.identity >> 16 & 0xffff));
    add("tree", fmt::format("{}", format::tree_of(header.identity)));
    add("born", fmt::format("{}", header.born));
    add("lower", fmt::format("{}", header.lower));
    add("upper", fmt::format("{}", header.upper));
    add("garbage", fmt::format("{}", header.garbage));
    add("fences", fmt::format("{}", header.fences));
    add("lower_fence_bytes", fmt::format("{}", header.lower_fence_bytes));
    add("upper_fence_bytes", fmt::format("{}", header.upper_fence_bytes));
    add("prefix_bytes", fmt::format("{}", header.prefix_bytes));
    return out;
}

json geometry_json(const node_schema& schema) {
    const fixed_geometry& fixed = schema.fixed;
    return {{"element_bytes", fixed.element_bytes},
            {"words", fixed.words},
            {"keys", fixed.keys},
            {"leaf_capacity", fixed.leaf_capacity},
            {"values", fixed.values},
            {"inner_capacity", fixed.inner_capacity},
            {"children", fixed.children},
            {"checksums", fixed.checksums}};
}

}  // namespace pinyon::tool
