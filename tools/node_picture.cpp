#include "tools/node_picture.hpp"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>

#include "pinyon/engine/fixed_node.hpp"
#include "pinyon/engine/slotted_node.hpp"

namespace pinyon::tool {

namespace {

std::string copied(bytes from) { return std::string(as_text(from)); }

// Bytes [offset, offset + count) of the page, fewer where it ends.
bytes part_of(bytes page, std::uint64_t offset, std::uint64_t count) {
    if (offset >= page.size()) { return {}; }
    return page.subspan(offset, std::min<std::uint64_t>(count, page.size() - offset));
}

std::string flags_text(unsigned flags) {
    std::string text = std::to_string(flags);
    if ((flags & format::no_lower_fence) != 0) { text += ", open below"; }
    if ((flags & format::no_upper_fence) != 0) { text += ", open above"; }
    return text;
}

// One node, with the identity that it should have, so that one that lies about its kind is read as
// what its parent means.
class decoder {
public:
    decoder(bytes page, const node_schema& schema, const node_expectation& expected)
        : page_(page.begin(), page.end()), schema_(schema), expected_(expected) {
        store(page_.data() + offsetof(format::page_header, identity),
              schema.identity(expected.level));
        header_ = header_of(page_.data());
    }

    [[nodiscard]] bool leaf() const noexcept { return expected_.level == 0; }
    [[nodiscard]] const format::page_header& header() const noexcept { return header_; }
    [[nodiscard]] bytes page() const noexcept { return page_; }
    [[nodiscard]] const node_schema& schema() const noexcept { return schema_; }

    [[nodiscard]] const char* defect() const {
        if (schema_.layout == format::node_layout::fixed) {
            return fixed_node(page_.data(), schema_).defect(true);
        }
        return slotted_node(page_.data(), schema_).defect(true);
    }

    [[nodiscard]] key_bounds bounds() const {
        key_bounds found;
        const bool has_lower = (header_.fences & format::no_lower_fence) == 0;
        const bool has_upper = (header_.fences & format::no_upper_fence) == 0;
        if (schema_.layout == format::node_layout::fixed) {
            const fixed_node node(page_.data(), schema_);
            key_buffer room;
            if (has_lower) { found.lower = copied(node.lower_fence(room)); }
            if (has_upper) { found.upper = copied(node.upper_fence(room)); }
            return found;
        }
        if (has_lower) { found.lower = copied(lower_fence()); }
        if (has_upper) { found.upper = copied(upper_fence()); }
        return found;
    }

    [[nodiscard]] std::vector<node_entry> entries() const {
        return schema_.layout == format::node_layout::fixed ? fixed_entries() : slotted_entries();
    }

private:
    // The fences of a slotted node stand at the page's end; one that is longer than the page is
    // cut.
    [[nodiscard]] bytes lower_fence() const {
        const bytes page = page_;
        return page.last(std::min<std::size_t>(header_.lower_fence_bytes, page.size()));
    }
    [[nodiscard]] bytes upper_fence() const {
        const bytes rest = page().first(page_.size() - lower_fence().size());
        return rest.last(std::min<std::size_t>(header_.upper_fence_bytes, rest.size()));
    }

    [[nodiscard]] std::vector<node_entry> fixed_entries() const {
        const fixed_node node(page_.data(), schema_);
        const fixed_geometry& at = schema_.fixed;
        std::vector<node_entry> entries(node.count());
        key_buffer room;
        for (unsigned i = 0; i < entries.size(); ++i) {
            node_entry& entry = entries[i];
            entry.offset = at.keys + std::uint64_t{i} * at.element_bytes;
            entry.key = copied(node.key(i, room));
            if (leaf()) {
                entry.place = at.values + std::uint64_t{i} * schema_.value_bytes;
                entry.value = copied(node.value(i));
            } else {
                entry.place = at.children + i * sizeof(format::packed_child);
                entry.child = node.child(i);
            }
            note_order(entries, i);
        }
        return entries;
    }

    [[nodiscard]] std::vector<node_entry> slotted_entries() const {
        const std::size_t room = (page_.size() - slotted::slots_offset) / slotted::slot_bytes;
        std::vector<node_entry> entries(std::min<std::size_t>(header_.count, room));
        for (unsigned i = 0; i < entries.size(); ++i) {
            entries[i] = slotted_entry(i);
            note_order(entries, i);
        }
        return entries;
    }

    [[nodiscard]] node_entry slotted_entry(unsigned i) const {
        node_entry entry;
        entry.offset = slotted::slots_offset + std::uint64_t{i} * slotted::slot_bytes;
        const std::byte* const slot = page_.data() + entry.offset;
        entry.place = load<std::uint16_t>(slot);
        const unsigned key_bytes = load<std::uint16_t>(slot + slotted::slot_key);
        const unsigned mark = load<std::uint16_t>(slot + slotted::slot_value);
        const unsigned value_bytes = leaf() ? mark & (slotted::reference_mark - 1u) : 0u;
        const unsigned front = leaf() ? 0u : slotted::inner_cell_bytes;
        if (entry.place < slotted::slots_offset ||
            entry.place + front + key_bytes + value_bytes > page_.size()) {
            entry.defect = fmt::format("its cell, {} bytes at {}, is outside of the heap",
                                       front + key_bytes + value_bytes, entry.place);
            return entry;
        }
        const bytes suffix = part_of(page_, entry.place + front, key_bytes);
        entry.key = prefix() + copied(suffix);
        if (!leaf() && i == 0) { entry.key = copied(lower_fence()); }
        if (load<std::uint32_t>(slot + slotted::slot_head) != head_of(suffix)) {
            entry.defect =
                fmt::format("head {}, expected {}",
                            hex_number(load<std::uint32_t>(slot + slotted::slot_head), 4),
                            hex_number(head_of(suffix), 4));
        }
        if (leaf()) {
            entry.value = copied(part_of(page_, entry.place + key_bytes, value_bytes));
            entry.is_reference = (mark & slotted::reference_mark) != 0;
        } else {
            entry.child = child_at(entry.place);
        }
        return entry;
    }

    // REQUIRES: an inner cell fits at `place`.
    [[nodiscard]] child_entry child_at(std::uint64_t place) const {
        const std::byte* const cell = page_.data() + place;
        const auto packed = load<format::packed_child>(cell + slotted::child_offset);
        return {load48(packed.page.data()), load48(packed.count.data()), load<std::uint32_t>(cell)};
    }

    [[nodiscard]] std::string prefix() const {
        return copied(part_of(lower_fence(), 0, header_.prefix_bytes));
    }

    static std::uint32_t head_of(bytes suffix) {
        std::uint32_t head = 0;
        for (std::size_t i = 0; i < sizeof head; ++i) {
            head = head << 8 | (i < suffix.size() ? std::to_integer<std::uint32_t>(suffix[i]) : 0);
        }
        return head;
    }

    void note_order(std::vector<node_entry>& entries, unsigned i) const {
        if (i <= (leaf() ? 0u : 1u) || !entries[i].defect.empty()) { return; }
        if (entries[i - 1].key >= entries[i].key) {
            entries[i].defect = "its key is not above the one before";
        }
    }

    std::vector<std::byte> page_;
    const node_schema& schema_;
    const node_expectation& expected_;
    format::page_header header_{};
};

// What the header should hold by the layout, the fences and the parent.
class header_judge {
public:
    header_judge(bytes page, const decoder& node, const page_seal& seal,
                 const node_expectation& expected)
        : found_(header_of(page.data())), node_(node), expected_(expected) {
        const std::uint32_t computed = seal.of(expected.page, page.data());
        list_.add(0, 4, "checksum", hex_number(found_.checksum, 4),
                  found_.checksum == computed ? "" : hex_number(computed, 4) + " (computed)");
        if (expected.checksum) {
            list_.fact(
                "checksum in its parent", hex_number(*expected.checksum, 4),
                *expected.checksum == computed ? "" : hex_number(computed, 4) + " (computed)");
        }
    }

    [[nodiscard]] field_list judge() {
        count();
        list_.number(8, 8, "page", found_.page, found_.page == expected_.page,
                     std::to_string(expected_.page));
        const std::uint64_t identity = node_.schema().identity(expected_.level);
        list_.add(16, 8, "identity", identity_text(found_.identity),
                  found_.identity == identity ? "" : identity_text(identity));
        list_.number(24, 8, "born", found_.born,
                     found_.born != 0 && found_.born <= expected_.born_max,
                     fmt::format("1 to {}", expected_.born_max));
        heap();
        fences();
        list_.number(46, 2, "reserved", found_.reserved, found_.reserved == 0, "0");
        return std::move(list_);
    }

private:
    [[nodiscard]] bool fixed() const { return node_.schema().layout == format::node_layout::fixed; }

    void count() {
        const bool by_parent = node_.leaf() && expected_.entries.has_value();
        const bool right = !by_parent || found_.count == *expected_.entries;
        list_.number(4, 4, node_.leaf() ? "entries" : "children", found_.count, right,
                     right ? "" : fmt::format("{}, as its parent counts", *expected_.entries));
    }

    void heap() {
        if (fixed()) {
            list_.number(32, 2, "lower", found_.lower, found_.lower == 0, "0");
            list_.number(34, 2, "upper", found_.upper, found_.upper == 0, "0");
            list_.number(36, 2, "garbage", found_.garbage, found_.garbage == 0, "0");
            return;
        }
        const std::uint64_t slots_end =
            slotted::slots_offset + std::uint64_t{found_.count} * slotted::slot_bytes;
        list_.number(32, 2, "lower, end of the slots", found_.lower, found_.lower == slots_end,
                     std::to_string(slots_end));
        const std::uint64_t page_bytes = node_.schema().page_bytes;
        const std::uint64_t fences =
            std::uint64_t{found_.lower_fence_bytes} + found_.upper_fence_bytes;
        const std::uint64_t end = page_bytes - std::min(page_bytes, fences);
        list_.number(34, 2, "upper, start of the heap", found_.upper,
                     slots_end <= found_.upper && found_.upper <= end,
                     fmt::format("{} to {}", slots_end, end));
        list_.number(36, 2, "garbage in the heap", found_.garbage,
                     found_.upper + found_.garbage <= end,
                     fmt::format("{} at most", end - std::min<std::uint64_t>(end, found_.upper)));
    }

    // Widths of the fences, and of what they share, as the parents' separators imply.
    void fences() {
        const auto& bounds = expected_.bounds;
        const unsigned flags = !bounds
                                   ? found_.fences
                                   : (bounds->lower ? 0u : unsigned{format::no_lower_fence}) |
                                         (bounds->upper ? 0u : unsigned{format::no_upper_fence});
        list_.add(38, 2, "fence flags", flags_text(found_.fences),
                  flags == found_.fences ? "" : flags_text(flags));
        const auto width = [](const std::optional<std::string>& fence) {
            return fence ? fence->size() : std::size_t{0};
        };
        const std::size_t lower = bounds ? width(bounds->lower) : found_.lower_fence_bytes;
        const std::size_t upper = bounds ? width(bounds->upper) : found_.upper_fence_bytes;
        list_.number(40, 2, "lower fence bytes", found_.lower_fence_bytes,
                     found_.lower_fence_bytes == lower, std::to_string(lower));
        list_.number(42, 2, "upper fence bytes", found_.upper_fence_bytes,
                     found_.upper_fence_bytes == upper, std::to_string(upper));
        std::size_t prefix = found_.prefix_bytes;
        if (fixed()) {
            prefix = 0;
        } else if (bounds) {
            prefix = bounds->lower && bounds->upper
                         ? common_prefix(as_bytes(*bounds->lower), as_bytes(*bounds->upper))
                         : 0;
        }
        list_.number(44, 2, "prefix bytes", found_.prefix_bytes, found_.prefix_bytes == prefix,
                     std::to_string(prefix));
    }

    format::page_header found_;
    const decoder& node_;
    const node_expectation& expected_;
    field_list list_;
};

}  // namespace

node_picture picture_of(bytes page, const node_schema& schema, const page_seal& seal,
                        const node_expectation& expected) {
    const decoder node(page, schema, expected);
    node_picture picture;
    picture.header = header_judge(page, node, seal, expected).judge();
    picture.bounds = node.bounds();
    picture.entries = node.entries();
    if (const char* const defect = node.defect(); defect != nullptr) { picture.defect = defect; }
    return picture;
}

std::string identity_text(std::uint64_t identity) {
    constexpr std::array<const char*, 5> kinds{"no node", "fixed leaf", "fixed inner node",
                                               "slotted leaf", "slotted inner node"};
    const std::size_t kind = identity & 0xff;
    std::string text = fmt::format("{}, level {}, tree {}",
                                   kind < kinds.size() ? kinds[kind] : fmt::format("kind {}", kind),
                                   format::level_of(identity), format::tree_of(identity));
    if (const std::uint64_t flags = identity >> 16 & 0xffff; flags != 0) {
        text += fmt::format(", flags {}", hex_number(flags, 2));
    }
    return text;
}

}  // namespace pinyon::tool
