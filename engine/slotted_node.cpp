#include "pinyon/engine/slotted_node.hpp"

namespace pinyon {

using namespace slotted;

// --- reading -------------------------------------------------------------------------------------

bytes slotted_node::key(unsigned i, key_buffer& buffer) const noexcept {
    if (i == 0 && !leaf()) { return lower_fence(buffer); }
    buffer.assign(lower_fence_view().first(prefix_bytes()));
    buffer.append(suffix(i));
    return buffer.view();
}

bytes slotted_node::lower_fence(key_buffer& buffer) const noexcept {
    buffer.assign(lower_fence_view());
    return buffer.view();
}

bytes slotted_node::upper_fence(key_buffer& buffer) const noexcept {
    buffer.assign(upper_fence_view());
    return buffer.view();
}

unsigned slotted_node::used_bytes() const noexcept {
    return lower() - slots_offset + heap_end() - upper() - garbage();
}

unsigned slotted_node::capacity_bytes() const noexcept { return heap_end() - slots_offset; }

search_result slotted_node::search_equal_heads(bytes wanted, std::uint32_t wanted_head,
                                               unsigned first, unsigned last) const noexcept {
    while (first != last) {
        const unsigned middle = first + (last - first) / 2;
        const std::uint32_t stored = head(middle);
        const int order =
            stored != wanted_head ? (stored < wanted_head ? -1 : 1) : compare_rest(middle, wanted);
        if (order == 0) { return {middle, true}; }
        if (order < 0) {
            first = middle + 1;
        } else {
            last = middle;
        }
    }
    return {first, false};
}

// --- validation ----------------------------------------------------------------------------------

const char* slotted_node::header_defect() const noexcept {
    const auto header = load<format::page_header>(page_);
    const std::uint32_t page_bytes = schema_->page_bytes;
    const std::uint32_t key_max = format::key_bytes_max(page_bytes);
    if (header.identity != schema_->identity(level())) {
        return "the page is no slotted node of its tree";
    }
    if ((header.fences & ~(format::no_lower_fence | format::no_upper_fence)) != 0) {
        return "the node has unknown fence flags";
    }
    if (header.lower_fence_bytes > key_max || header.upper_fence_bytes > key_max ||
        (!has_lower_fence() && header.lower_fence_bytes != 0) ||
        (!has_upper_fence() && header.upper_fence_bytes != 0)) {
        return "a fence of the node has an impossible length";
    }
    if (header.prefix_bytes > std::min(header.lower_fence_bytes, header.upper_fence_bytes)) {
        return "the prefix of the node is longer than its fences";
    }
    if (header.reserved != 0) { return "reserved fields of the node are not zero"; }
    if (header.count > (page_bytes - slots_offset) / slot_bytes ||
        header.lower != slots_offset + header.count * slot_bytes || header.lower > header.upper ||
        header.upper > heap_end() || header.garbage > heap_end() - header.upper) {
        return "the bounds of slots and heap contradict each other";
    }
    if (leaf() && header.count == 0 && (has_lower_fence() || has_upper_fence())) {
        return "the leaf is empty and not the root";
    }
    if (!leaf() && header.count < 2) { return "the inner node has fewer than two children"; }
    return nullptr;
}

const char* slotted_node::cells_defect() const noexcept {
    const bool is_leaf = leaf();
    const unsigned begin = upper();
    const unsigned end = heap_end();
    const unsigned suffix_max = format::key_bytes_max(schema_->page_bytes) - prefix_bytes();
    const std::uint64_t page_min = format::first_page(schema_->page_bytes);
    unsigned live = 0;
    for (unsigned i = 0; i != count(); ++i) {
        const std::byte* slot = slot_at(i);
        const unsigned offset = load<std::uint16_t>(slot);
        const unsigned size = cell_bytes(i);
        if (offset < begin || offset > end || size > end - offset) {
            return "a slot points outside the heap";
        }
        if (load<std::uint16_t>(slot + slot_key) > suffix_max) { return "a key is too long"; }
        live += size;
        if (is_leaf) {
            if (is_reference(i) && value_bytes(slot) != sizeof(format::extent_reference)) {
                return "a reference to a large value has an impossible length";
            }
            continue;
        }
        if (offset % 4 != 0) { return "a cell of the inner node is not aligned"; }
        if (load<std::uint16_t>(slot + slot_value) != 0) { return "an inner entry has a value"; }
        if (child(i).page < page_min) { return "a child's page number is not that of a node"; }
    }
    if (!is_leaf && !suffix(0).empty()) { return "the first separator is not empty"; }
    if (live + garbage() != end - begin) { return "the heap's garbage is counted wrongly"; }
    return nullptr;
}

const char* slotted_node::order_defect() const noexcept {
    const unsigned entries = count();
    const unsigned prefix = prefix_bytes();
    const bool closed = has_lower_fence() && has_upper_fence();
    if (closed && compare(lower_fence_view(), upper_fence_view()) >= 0) {
        return "the fences of the node are out of order";
    }
    if (prefix != (closed ? common_prefix(lower_fence_view(), upper_fence_view()) : 0)) {
        return "the prefix is not what the fences share";
    }
    for (unsigned i = 0; i != entries; ++i) {
        if (head(i) != head_of(suffix(i))) { return "a head is not that of its key"; }
        if (leaf() && prefix + cell_bytes(i) > slotted_entry_max(schema_->page_bytes)) {
            return "an entry is longer than a leaf takes";
        }
        if (i > (leaf() ? 0u : 1u) && compare(suffix(i - 1), suffix(i)) >= 0) {
            return "keys of the node are out of order";
        }
    }
    const unsigned distance = entries / (hints + 1);
    for (unsigned i = 0; i != hints; ++i) {
        const auto hint = load<std::uint32_t>(page_ + hints_offset + std::size_t{i} * 4);
        if (hint != (entries > 2 * hints ? head(distance * (i + 1)) : 0)) {
            return "a hint is not the head it repeats";
        }
    }
    const unsigned first = leaf() ? 0 : 1;
    if (entries <= first) { return nullptr; }
    const int above = compare(suffix(first), lower_fence_view().subspan(prefix));
    if (has_lower_fence() && (leaf() ? above < 0 : above <= 0)) {
        return "a key is below the lower fence";
    }
    if (has_upper_fence() &&
        compare(suffix(entries - 1), upper_fence_view().subspan(prefix)) >= 0) {
        return "a key is not below the upper fence";
    }
    return nullptr;
}

const char* slotted_node::overlap_defect() const noexcept {
    std::array<bool, format::page_bytes_max> taken;
    std::fill_n(taken.begin(), schema_->page_bytes, false);
    for (unsigned i = 0; i != count(); ++i) {
        const unsigned offset = load<std::uint16_t>(slot_at(i));
        for (unsigned at = offset; at != offset + cell_bytes(i); ++at) {
            if (taken[at]) { return "cells of the heap overlap"; }
            taken[at] = true;
        }
    }
    return nullptr;
}

const char* slotted_node::defect(bool deep) const noexcept {
    if (const char* found = header_defect()) { return found; }
    if (const char* found = cells_defect()) { return found; }
    if (!deep) { return nullptr; }
    if (const char* found = overlap_defect()) { return found; }
    return order_defect();
}

// --- planning ------------------------------------------------------------------------------------

namespace {

// Room for slots and cells between fences of these lengths.
[[nodiscard]] unsigned room_between(const node_schema& schema, bool leaf, std::size_t lower_bytes,
                                    std::size_t upper_bytes) noexcept {
    const auto end = schema.page_bytes - static_cast<unsigned>(lower_bytes + upper_bytes);
    return (leaf ? end : end & ~3u) - slots_offset;
}

}  // namespace

// The entries of two neighbours in a row.
class slotted_node::row {
public:
    row(const slotted_node& left, const slotted_node& right) noexcept
        : left_(left), right_(right), split_(left.count()), count_(split_ + right.count()) {}

    [[nodiscard]] unsigned count() const noexcept { return count_; }
    // Slot and cell as they are now.
    [[nodiscard]] unsigned entry_bytes(unsigned i) const noexcept {
        return slot_bytes + (i < split_ ? left_.cell_bytes(i) : right_.cell_bytes(i - split_));
    }
    // True when entries [first, last) fit one node with these fences.
    [[nodiscard]] bool fit(unsigned first, unsigned last, bytes lower, bytes upper,
                           bool closed) const noexcept {
        const auto prefix = closed ? static_cast<unsigned>(common_prefix(lower, upper)) : 0u;
        const unsigned room =
            room_between(*left_.schema_, left_.leaf(), lower.size(), upper.size());
        unsigned used = 0;
        for (unsigned i = first; i != last; ++i) {
            const unsigned key = key_bytes(i);
            const unsigned stored = key > prefix ? key - prefix : 0;
            used += slot_bytes;
            if (left_.leaf()) {
                used += stored + value_size(i);
            } else {
                used += inner_cell(i == first ? 0 : stored);
            }
        }
        return used <= room;
    }
    // True when both parts fit with the boundary before entry i, which is not where it is now.
    [[nodiscard]] bool fit_parted(unsigned i) const noexcept {
        key_buffer buffer;
        const bytes boundary =
            i < split_ ? left_.separator(i, buffer) : right_.separator(i - split_, buffer);
        return fit(0, i, left_.lower_fence_view(), boundary, left_.has_lower_fence()) &&
               fit(i, count_, boundary, right_.upper_fence_view(), right_.has_upper_fence());
    }

private:
    [[nodiscard]] unsigned key_bytes(unsigned i) const noexcept {
        if (i == split_ && !left_.leaf()) {
            return static_cast<unsigned>(right_.lower_fence_view().size());
        }
        const slotted_node& node = i < split_ ? left_ : right_;
        const bytes stored = node.suffix(i < split_ ? i : i - split_);
        return node.prefix_bytes() + static_cast<unsigned>(stored.size());
    }
    [[nodiscard]] unsigned value_size(unsigned i) const noexcept {
        return value_bytes(i < split_ ? left_.slot_at(i) : right_.slot_at(i - split_));
    }

    const slotted_node& left_;
    const slotted_node& right_;
    unsigned split_;
    unsigned count_;
};

bool slotted_node::fits(bytes key, std::size_t payload_bytes) const noexcept {
    const std::size_t stored = key.size() > prefix_bytes() ? key.size() - prefix_bytes() : 0;
    const std::size_t cell =
        leaf() ? stored + payload_bytes : inner_cell(static_cast<std::uint32_t>(stored));
    return slot_bytes + cell <= free_bytes();
}

bool slotted_node::fits_replacement(unsigned i, std::size_t payload_bytes) const noexcept {
    return suffix(i).size() + payload_bytes <= free_bytes() + cell_bytes(i);
}

unsigned slotted_node::split_index(unsigned insert_index, bool ascending) const noexcept {
    const unsigned entries = count();
    const unsigned side_min = leaf() ? 1 : 2;
    if (entries < 2 * side_min) { return entries / 2; }
    if (ascending && insert_index == entries) { return entries - 1; }
    // The boundary that leaves the halves, each with its old fence, most alike.
    unsigned left = field(offsetof(format::page_header, lower_fence_bytes));
    unsigned right = field(offsetof(format::page_header, upper_fence_bytes));
    for (unsigned i = 0; i != entries; ++i) { right += slot_bytes + cell_bytes(i); }
    for (unsigned middle = 0;; ++middle) {
        const unsigned entry = slot_bytes + cell_bytes(middle);
        const bool even = right <= left + entry;
        if (middle == entries - side_min || (even && middle >= side_min)) {
            return leaf() ? shorter_separator(middle, left, right) : middle;
        }
        left += entry;
        right -= entry;
    }
}

// An index near `middle`, which leaves halves of these bytes, with a shorter separator, such that
// any entry then still fits either half; a sixteenth of the entries to either side costs little
// balance.
unsigned slotted_node::shorter_separator(unsigned middle, unsigned left,
                                         unsigned right) const noexcept {
    const unsigned entries = count();
    const unsigned room = schema_->page_bytes - slots_offset;
    const unsigned reserve = slotted_entry_max(schema_->page_bytes) + slot_bytes;
    const auto separator_bytes = [this](unsigned i) {
        return static_cast<unsigned>(prefix_bytes() + common_prefix(suffix(i - 1), suffix(i)) + 1);
    };
    unsigned best = middle;
    unsigned best_bytes = separator_bytes(middle);
    const auto consider = [&](unsigned i, unsigned larger_half) {
        const unsigned found = separator_bytes(i);
        if (found < best_bytes && larger_half + reserve + found <= room) {
            best = i;
            best_bytes = found;
        }
    };
    unsigned left_grown = left;
    unsigned right_grown = right;
    for (unsigned distance = 1; distance <= entries / 16; ++distance) {
        if (middle + distance < entries) {
            left_grown += slot_bytes + cell_bytes(middle + distance - 1);
            consider(middle + distance, std::max(left_grown, right));
        }
        if (middle > distance) {
            right_grown += slot_bytes + cell_bytes(middle - distance);
            consider(middle - distance, std::max(left, right_grown));
        }
    }
    return best;
}

bytes slotted_node::separator(unsigned i, key_buffer& buffer) const noexcept {
    const bytes whole = key(i, buffer);
    if (!leaf()) { return whole; }
    const std::size_t shared = prefix_bytes() + common_prefix(suffix(i - 1), suffix(i));
    buffer.resize(std::min(shared + 1, whole.size()));
    return buffer.view();
}

bool slotted_node::can_merge(const slotted_node& left, const slotted_node& right) noexcept {
    const row entries(left, right);
    return entries.fit(0, entries.count(), left.lower_fence_view(), right.upper_fence_view(),
                       left.has_lower_fence() && right.has_upper_fence());
}

unsigned slotted_node::balanced_index(const slotted_node& left,
                                      const slotted_node& right) noexcept {
    const row entries(left, right);
    const unsigned boundary = left.count();
    const unsigned side_min = left.leaf() ? 1 : 2;
    if (entries.count() < 2 * side_min) { return boundary; }
    unsigned total = 0;
    for (unsigned i = 0; i != entries.count(); ++i) { total += entries.entry_bytes(i); }
    unsigned middle = 0;
    for (unsigned before = 0; middle != entries.count(); ++middle) {
        before += entries.entry_bytes(middle);
        if (before * 2 > total) { break; }
    }
    middle = std::clamp(middle, side_min, entries.count() - side_min);
    // Towards where it is now: a part that takes entries in may lose its prefix and overflow.
    while (middle != boundary && !entries.fit_parted(middle)) {
        middle = middle < boundary ? middle + 1 : middle - 1;
    }
    return middle;
}

}  // namespace pinyon
