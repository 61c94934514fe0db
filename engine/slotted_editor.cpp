#include "pinyon/engine/slotted_node.hpp"

namespace pinyon {

using namespace slotted;

bytes slotted_node::editor::without_prefix(bytes key) const {
    const unsigned prefix = prefix_bytes();
    if (compare_prefix(key, prefix) != 0 ||
        key.size() > format::key_bytes_max(schema_->page_bytes)) {
        refuse_damaged();
    }
    return key.subspan(prefix);
}

void slotted_node::editor::format(std::uint64_t page, unsigned level, std::uint64_t born,
                                  const fence_pair& fences) {
    const bytes lower_fence = fences.lower.value_or(bytes{});
    const bytes upper_fence = fences.upper.value_or(bytes{});
    const std::size_t key_max = format::key_bytes_max(schema_->page_bytes);
    if (lower_fence.size() > key_max || upper_fence.size() > key_max) { refuse_damaged(); }
    std::memset(bytes_, 0, schema_->page_bytes);
    format::page_header header{};
    header.page = page;
    header.identity = schema_->identity(level);
    header.born = born;
    header.lower = slots_offset;
    header.lower_fence_bytes = static_cast<std::uint16_t>(lower_fence.size());
    header.upper_fence_bytes = static_cast<std::uint16_t>(upper_fence.size());
    if (!fences.lower) { header.fences |= format::no_lower_fence; }
    if (!fences.upper) { header.fences |= format::no_upper_fence; }
    if (fences.lower && fences.upper) {
        header.prefix_bytes = static_cast<std::uint16_t>(common_prefix(lower_fence, upper_fence));
    }
    store(bytes_, header);
    set_field(offsetof(format::page_header, upper), heap_end());
    std::byte* at = bytes_ + schema_->page_bytes - lower_fence.size();
    if (!lower_fence.empty()) { std::memcpy(at, lower_fence.data(), lower_fence.size()); }
    at -= upper_fence.size();
    if (!upper_fence.empty()) { std::memcpy(at, upper_fence.data(), upper_fence.size()); }
}

void slotted_node::editor::set_head(unsigned i, std::uint32_t head) noexcept {
    store(bytes_ + slots_offset + std::size_t{i} * slot_bytes + slot_head, head);
}

std::byte* slotted_node::editor::add_cell(std::size_t cell_bytes) noexcept {
    const auto offset = upper() - static_cast<unsigned>(cell_bytes);
    set_field(offsetof(format::page_header, upper), offset);
    return bytes_ + offset;
}

std::byte* slotted_node::editor::add_slot(unsigned i, std::size_t key_bytes, unsigned value_field,
                                          std::size_t cell_bytes) noexcept {
    std::byte* cell = add_cell(cell_bytes);
    const unsigned entries = count();
    std::byte* slot = bytes_ + slots_offset + std::size_t{i} * slot_bytes;
    std::memmove(slot + slot_bytes, slot, std::size_t{entries - i} * slot_bytes);
    store(slot, static_cast<std::uint16_t>(cell - bytes_));
    store(slot + slot_key, static_cast<std::uint16_t>(key_bytes));
    store(slot + slot_value, static_cast<std::uint16_t>(value_field));
    store(slot + slot_head, std::uint32_t{0});
    set_field(offsetof(format::page_header, lower), lower() + slot_bytes);
    set_count(entries + 1);
    return cell;
}

// What lies at the heap's start goes back to the free space, the rest is garbage.
void slotted_node::editor::release_cell(unsigned offset, unsigned cell_bytes) noexcept {
    if (offset == upper()) {
        set_field(offsetof(format::page_header, upper), offset + cell_bytes);
    } else {
        set_field(offsetof(format::page_header, garbage), garbage() + cell_bytes);
    }
}

// After the entries from i on have moved; `before` is what count() was.
void slotted_node::editor::update_hints(unsigned i, unsigned before) noexcept {
    std::byte* hint = bytes_ + hints_offset;
    const unsigned entries = count();
    if (entries <= 2 * hints) {
        if (before > 2 * hints) { std::memset(hint, 0, std::size_t{hints} * 4); }
        return;
    }
    const unsigned distance = entries / (hints + 1);
    const bool same = before > 2 * hints && before / (hints + 1) == distance;
    const unsigned first = same && i > distance ? i / distance - 1 : 0;
    for (unsigned k = first; k < hints; ++k) {
        store(hint + std::size_t{k} * 4, head(distance * (k + 1)));
    }
}

void slotted_node::editor::insert(unsigned i, bytes key, bytes value, bool is_reference) {
    const bytes stored = without_prefix(key);
    const std::size_t cell_size = stored.size() + value.size();
    if (!contiguous(slot_bytes + cell_size)) [[unlikely]] {
        insert_compacting(i, key, value, is_reference);
        return;
    }
    if (i > count()) { refuse_damaged(); }
    const auto mark = is_reference ? unsigned{reference_mark} : 0u;
    std::byte* cell =
        add_slot(i, stored.size(), static_cast<unsigned>(value.size()) | mark, cell_size);
    if (!stored.empty()) { std::memcpy(cell, stored.data(), stored.size()); }
    if (!value.empty()) { std::memcpy(cell + stored.size(), value.data(), value.size()); }
    set_head(i, head_of(stored));
    update_hints(i, count() - 1);
}

void slotted_node::editor::insert_child(unsigned i, bytes separator, const child_entry& child) {
    if (i > count() || (i == 0) != (count() == 0)) { refuse_damaged(); }
    const bytes stored = i == 0 ? bytes{} : without_prefix(separator);
    const unsigned cell_size = inner_cell(static_cast<std::uint32_t>(stored.size()));
    if (!contiguous(slot_bytes + cell_size)) [[unlikely]] {
        insert_child_compacting(i, separator, child);
        return;
    }
    std::byte* cell = add_slot(i, stored.size(), 0, cell_size);
    std::memset(cell, 0, cell_size);
    if (!stored.empty()) { std::memcpy(cell + inner_cell_bytes, stored.data(), stored.size()); }
    set_child(i, child);
    set_head(i, head_of(stored));
    update_hints(i, count() - 1);
}

void slotted_node::editor::replace(unsigned i, bytes value, bool is_reference) {
    if (i >= count()) { refuse_damaged(); }
    std::byte* slot = bytes_ + slots_offset + std::size_t{i} * slot_bytes;
    const std::size_t key_size = suffix(i).size();
    const unsigned before = cell_bytes(i);
    const auto after = static_cast<unsigned>(key_size + value.size());
    const auto old_offset = load<std::uint16_t>(slot);
    std::byte* cell = bytes_ + old_offset;
    if (after <= before) {
        set_field(offsetof(format::page_header, garbage), garbage() + before - after);
    } else if (contiguous(after)) {
        cell = add_cell(after);
        if (key_size != 0) { std::memcpy(cell, bytes_ + old_offset, key_size); }
        set_field(offsetof(format::page_header, garbage), garbage() + before);
        store(slot, static_cast<std::uint16_t>(cell - bytes_));
    } else {
        replace_compacting(i, value, is_reference);
        return;
    }
    if (!value.empty()) { std::memmove(cell + key_size, value.data(), value.size()); }
    const auto mark = is_reference ? unsigned{reference_mark} : 0u;
    store(slot + slot_value, static_cast<std::uint16_t>(value.size() | mark));
}

void slotted_node::editor::erase(unsigned i) {
    const unsigned entries = count();
    if (i >= entries || (i == 0 && !leaf())) { refuse_damaged(); }
    std::byte* slot = bytes_ + slots_offset + std::size_t{i} * slot_bytes;
    release_cell(load<std::uint16_t>(slot), cell_bytes(i));
    std::memmove(slot, slot + slot_bytes, std::size_t{entries - i - 1} * slot_bytes);
    set_field(offsetof(format::page_header, lower), lower() - slot_bytes);
    set_count(entries - 1);
    if (entries == 1) {
        set_field(offsetof(format::page_header, upper), heap_end());
        set_field(offsetof(format::page_header, garbage), 0);
    }
    update_hints(i, entries);
}

void slotted_node::editor::set_child(unsigned i, const child_entry& child) noexcept {
    format::packed_child packed;
    store48(packed.page.data(), child.page);
    store48(packed.count.data(), child.count);
    std::byte* cell = bytes_ + load<std::uint16_t>(slot_at(i));
    store(cell + child_offset, packed);
    store_checksum(cell, child.checksum);
}

void slotted_node::editor::append(const slotted_node& source, unsigned first, unsigned last) {
    if (last > source.count() || source.leaf() != leaf()) { refuse_damaged(); }
    if (garbage() != 0) { compact(); }
    for (unsigned i = first; i < last; ++i) { copy_entry(source, i); }
    update_hints(0, 0);
}

// The key of `source` is cut after this node's prefix: what that is shorter by than the source's
// comes from the source's lower fence.
void slotted_node::editor::copy_entry(const slotted_node& source, unsigned i) {
    const unsigned to = count();
    bytes extra;
    bytes stored = source.suffix(i);
    if (!leaf() && to == 0) {
        stored = {};
    } else if (!leaf() && i == 0) {
        stored = without_prefix(source.lower_fence_view());
    } else if (prefix_bytes() < source.prefix_bytes()) {
        extra = source.lower_fence_view().first(source.prefix_bytes()).subspan(prefix_bytes());
    } else {
        const unsigned cut = prefix_bytes() - source.prefix_bytes();
        if (cut > stored.size()) { refuse_damaged(); }
        stored = stored.subspan(cut);
    }
    const std::size_t key_size = extra.size() + stored.size();
    const bytes value = leaf() ? source.value(i) : bytes{};
    const std::size_t cell_size =
        leaf() ? key_size + value.size() : inner_cell(static_cast<std::uint32_t>(key_size));
    if (!contiguous(slot_bytes + cell_size)) { refuse_damaged(); }
    const auto value_field = load<std::uint16_t>(source.slot_at(i) + slot_value);
    std::byte* cell = add_slot(to, key_size, value_field, cell_size);
    std::byte* at = leaf() ? cell : cell + inner_cell_bytes;
    if (!leaf()) {
        std::memset(cell, 0, cell_size);
        set_child(to, source.child(i));
    }
    if (!extra.empty()) { std::memcpy(at, extra.data(), extra.size()); }
    at += extra.size();
    if (!stored.empty()) { std::memcpy(at, stored.data(), stored.size()); }
    if (!value.empty()) { std::memcpy(at + stored.size(), value.data(), value.size()); }
    set_head(to, head_of(suffix(to)));
}

// An empty node with the frame of another: header and fences. The array is left unset beyond its
// page.
struct slotted_node::editor::scratch {
    explicit scratch(const editor& node) noexcept : page_bytes(node.schema_->page_bytes) {
        std::memset(storage.data(), 0, page_bytes);
        std::memcpy(storage.data(), node.bytes_, sizeof(format::page_header));
        const unsigned end = node.heap_end();
        std::memcpy(storage.data() + end, node.bytes_ + end, page_bytes - end);
        editor fresh(storage.data(), *node.schema_);
        fresh.set_count(0);
        fresh.set_field(offsetof(format::page_header, lower), slots_offset);
        fresh.set_field(offsetof(format::page_header, upper), end);
        fresh.set_field(offsetof(format::page_header, garbage), 0);
    }
    void copy_to(editor& node) const noexcept {
        std::memcpy(node.bytes_, storage.data(), page_bytes);
    }

    std::uint32_t page_bytes;
    alignas(8) std::array<std::byte, format::page_bytes_max> storage;
};

[[gnu::noinline]] void slotted_node::editor::compact() {
    scratch copy(*this);
    editor fresh(copy.storage.data(), *schema_);
    fresh.append(*this, 0, count());
    copy.copy_to(*this);
}

[[gnu::noinline]] void slotted_node::editor::insert_compacting(unsigned i, bytes key, bytes value,
                                                               bool is_reference) {
    // A fresh node has no garbage: what does not fit it then fits nowhere.
    if (garbage() == 0 || !fits(key, value.size())) { refuse_damaged(); }
    scratch copy(*this);
    editor fresh(copy.storage.data(), *schema_);
    fresh.append(*this, 0, count());
    fresh.insert(i, key, value, is_reference);
    copy.copy_to(*this);
}

[[gnu::noinline]] void slotted_node::editor::insert_child_compacting(unsigned i, bytes separator,
                                                                     const child_entry& child) {
    if (garbage() == 0 || !fits(separator, 0)) { refuse_damaged(); }
    scratch copy(*this);
    editor fresh(copy.storage.data(), *schema_);
    fresh.append(*this, 0, count());
    fresh.insert_child(i, separator, child);
    copy.copy_to(*this);
}

[[gnu::noinline]] void slotted_node::editor::replace_compacting(unsigned i, bytes value,
                                                                bool is_reference) {
    if (!fits_replacement(i, value.size())) { refuse_damaged(); }
    key_buffer buffer;
    const bytes whole = key(i, buffer);
    scratch copy(*this);
    editor fresh(copy.storage.data(), *schema_);
    fresh.append(*this, 0, i);
    fresh.insert(i, whole, value, is_reference);
    fresh.append(*this, i + 1, count());
    copy.copy_to(*this);
}

}  // namespace pinyon
