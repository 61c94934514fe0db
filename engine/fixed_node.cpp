#include "pinyon/engine/fixed_node.hpp"

#include <array>

#include "pinyon/mmap/error.hpp"

namespace pinyon {

namespace {

constexpr std::size_t lower_fence_offset = sizeof(format::page_header);

// Appends word `word` of a key of `width` bytes to the key's normal form.
void put_word(key_buffer& buffer, std::uint32_t width, unsigned word,
              std::uint64_t value) noexcept {
    const std::uint32_t begin = word * 8;
    const std::uint32_t size = std::min(width - begin, 8u);
    // The number of a narrow key stands at the low end, a word of a wide one at the high end.
    if (width < 8) { value <<= 64 - 8 * width; }
    const std::uint64_t ordered = __builtin_bswap64(value);
    std::memcpy(buffer.data() + begin, &ordered, size);
}

}  // namespace

bytes fixed_node::key(unsigned i, key_buffer& buffer) const noexcept {
    if (i == 0 && !leaf()) { return lower_fence(buffer); }
    buffer.resize(schema_->key_bytes);
    for (unsigned word = 0; word != geometry().words; ++word) {
        put_word(buffer, schema_->key_bytes, word, element(word, i));
    }
    return buffer.view();
}

bytes fixed_node::assemble_fence(std::size_t offset, key_buffer& buffer) const noexcept {
    buffer.resize(schema_->key_bytes);
    for (unsigned word = 0; word != geometry().words; ++word) {
        put_word(buffer, schema_->key_bytes, word,
                 load<std::uint64_t>(page_ + offset + std::size_t{word} * 8));
    }
    return buffer.view();
}

unsigned fixed_node::next_unsealed(unsigned i) const noexcept {
    // Most are sealed: passed by eights, which the compiler compares at once.
    using eight = std::array<std::uint32_t, 8>;
    const std::byte* sums = page_ + geometry().checksums;
    const unsigned end = count();
    for (; i + 8 <= end; i += 8) {
        const auto part = load<eight>(sums + std::size_t{i} * sizeof(std::uint32_t));
        unsigned zeros = 0;
        for (const std::uint32_t sum : part) { zeros += sum == 0 ? 1U : 0U; }
        if (zeros != 0) { break; }
    }
    while (i < end && load<std::uint32_t>(sums + std::size_t{i} * sizeof(std::uint32_t)) != 0) {
        ++i;
    }
    return i;
}

bytes fixed_node::lower_fence(key_buffer& buffer) const noexcept {
    if (!has_lower_fence()) {
        buffer.clear();
        return buffer.view();
    }
    return assemble_fence(lower_fence_offset, buffer);
}

bytes fixed_node::upper_fence(key_buffer& buffer) const noexcept {
    if (!has_upper_fence()) {
        buffer.clear();
        return buffer.view();
    }
    return assemble_fence(geometry().upper_fence, buffer);
}

unsigned fixed_node::entry_bytes() const noexcept {
    return geometry().stored_bytes +
           (leaf() ? schema_->value_bytes
                   : unsigned{sizeof(format::packed_child) + sizeof(std::uint32_t)});
}

// Narrows the range of entries that agree with the key's words so far, word by word.
search_result fixed_node::search_words(bytes key, unsigned first, unsigned last) const noexcept {
    const unsigned entries = capacity();
    for (unsigned word = 0; word != geometry().words; ++word) {
        const std::uint64_t wanted = word_of(key, word);
        const std::byte* column = page_ + element_at(word, 0, entries);
        first += column_search::below(column + std::size_t{first} * 8, last - first, wanted);
        last =
            first + column_search::not_above(column + std::size_t{first} * 8, last - first, wanted);
        if (first == last) { return {first, false}; }
    }
    return {first, true};
}

const char* fixed_node::header_defect() const noexcept {
    const auto header = load<format::page_header>(page_);
    if (header.identity != schema_->identity(level())) {
        return "the page is no fixed node of its tree";
    }
    if (header.count > capacity()) { return "the node counts more entries than its page holds"; }
    if ((header.fences & ~(format::no_lower_fence | format::no_upper_fence)) != 0) {
        return "the node has unknown fence flags";
    }
    if (header.lower_fence_bytes != (has_lower_fence() ? schema_->key_bytes : 0) ||
        header.upper_fence_bytes != (has_upper_fence() ? schema_->key_bytes : 0)) {
        return "a fence of the node has not the width of its keys";
    }
    if (header.lower != 0 || header.upper != 0 || header.garbage != 0 || header.prefix_bytes != 0 ||
        header.reserved != 0) {
        return "reserved fields of the node are not zero";
    }
    if (leaf() && header.count == 0 && (has_lower_fence() || has_upper_fence())) {
        return "the leaf is empty and not the root";
    }
    if (!leaf() && header.count < 2) { return "the inner node has fewer than two children"; }
    return nullptr;
}

const char* fixed_node::order_defect() const noexcept {
    const auto fence = [this](std::size_t offset, unsigned word) {
        return load<std::uint64_t>(page_ + offset + std::size_t{word} * 8);
    };
    // Negative, zero or positive: a < b, equal, a > b; each a function from the word's index to the
    // word.
    const auto order = [this](const auto& a, const auto& b) {
        for (unsigned word = 0; word != geometry().words; ++word) {
            if (a(word) != b(word)) { return a(word) < b(word) ? -1 : 1; }
        }
        return 0;
    };
    const auto entry = [this](unsigned i) {
        return [this, i](unsigned word) { return element(word, i); };
    };
    const auto lower = [&](unsigned word) {
        return has_lower_fence() ? fence(lower_fence_offset, word) : 0;
    };
    const auto upper = [&](unsigned word) { return fence(geometry().upper_fence, word); };
    const unsigned entries = count();
    for (unsigned i = 1; i < entries; ++i) {
        if (order(entry(i - 1), entry(i)) >= 0) { return "keys of the node are out of order"; }
    }
    if (has_lower_fence() && has_upper_fence() && order(lower, upper) >= 0) {
        return "the fences of the node are out of order";
    }
    if (!leaf() && order(entry(0), lower) != 0) {
        return "the first separator is not the lower fence";
    }
    if (entries != 0 && order(entry(0), lower) < 0) { return "a key is below the lower fence"; }
    if (entries != 0 && has_upper_fence() && order(entry(entries - 1), upper) >= 0) {
        return "a key is not below the upper fence";
    }
    return nullptr;
}

// Bits of an element that no key of this width has.
const char* fixed_node::padding_defect() const noexcept {
    const std::uint32_t width = schema_->key_bytes;
    const std::uint32_t used = width - (geometry().words - 1) * 8;  // bytes of the last word
    if (used == geometry().element_bytes) { return nullptr; }
    const std::uint64_t low = ~std::uint64_t{0} >> (8 * used);
    const std::uint64_t unused = width < 8 ? ~std::uint64_t{0} << (8 * used) : low;
    const unsigned word = geometry().words - 1;
    std::uint64_t bits = 0;
    for (unsigned i = 0; i != count(); ++i) { bits |= element(word, i); }
    for (const std::size_t offset : {lower_fence_offset, std::size_t{geometry().upper_fence}}) {
        bits |= load<std::uint64_t>(page_ + offset + std::size_t{word} * 8);
    }
    return (bits & unused) == 0 ? nullptr : "a key is wider than the keys of its tree";
}

const char* fixed_node::defect(bool deep) const noexcept {
    if (const char* found = header_defect()) { return found; }
    if (!leaf()) {
        const std::uint64_t first = format::first_page(schema_->page_bytes);
        for (unsigned i = 0; i != count(); ++i) {
            if (child(i).page < first) { return "a child's page number is not that of a node"; }
        }
    }
    if (!deep) { return nullptr; }
    if (const char* found = padding_defect()) { return found; }
    return order_defect();
}

// --- editing -------------------------------------------------------------------------------------

void fixed_node::editor::format(std::uint64_t page, unsigned level, std::uint64_t born,
                                const fence_pair& fences) {
    std::memset(bytes_, 0, schema_->page_bytes);
    format::page_header header{};
    header.page = page;
    header.identity = schema_->identity(level);
    header.born = born;
    const auto width = static_cast<std::uint16_t>(schema_->key_bytes);
    if (fences.lower) {
        header.lower_fence_bytes = width;
        store_fence(lower_fence_offset, *fences.lower);
    } else {
        header.fences |= format::no_lower_fence;
    }
    if (fences.upper) {
        header.upper_fence_bytes = width;
        store_fence(geometry().upper_fence, *fences.upper);
    } else {
        header.fences |= format::no_upper_fence;
    }
    store(bytes_, header);
}

void fixed_node::editor::store_fence(std::size_t offset, bytes key) noexcept {
    if (geometry().words == 1) {
        store(bytes_ + offset, number_of(key));
        return;
    }
    for (unsigned word = 0; word != geometry().words; ++word) {
        store(bytes_ + offset + std::size_t{word} * 8, word_of(key, word));
    }
}

void fixed_node::editor::store_element(unsigned word, unsigned i, std::uint64_t value) noexcept {
    // Little-endian: the low bytes are the narrower integer.
    std::memcpy(bytes_ + element_at(word, i, capacity()), &value, geometry().element_bytes);
}

void fixed_node::editor::store_key(unsigned i, bytes key) noexcept {
    if (geometry().words == 1) {
        store_element(0, i, number_of(key));
        return;
    }
    for (unsigned word = 0; word != geometry().words; ++word) {
        store_element(word, i, word_of(key, word));
    }
}

void fixed_node::editor::store_first_separator() noexcept {
    for (unsigned word = 0; word != geometry().words; ++word) {
        const std::size_t at = lower_fence_offset + std::size_t{word} * 8;
        store_element(word, 0, has_lower_fence() ? load<std::uint64_t>(bytes_ + at) : 0);
    }
}

void fixed_node::editor::shift(unsigned from, unsigned to) noexcept {
    const std::size_t entries = count() - from;
    const auto move = [&](std::size_t column, std::size_t width) {
        std::memmove(bytes_ + column + to * width, bytes_ + column + from * width, entries * width);
    };
    for (unsigned word = 0; word != geometry().words; ++word) {
        move(element_at(word, 0, capacity()), geometry().element_bytes);
    }
    if (leaf()) {
        move(geometry().values, schema_->value_bytes);
    } else {
        move(geometry().children, sizeof(format::packed_child));
        move(geometry().checksums, sizeof(std::uint32_t));
    }
}

void fixed_node::editor::insert(unsigned i, bytes key, bytes value, bool is_reference) {
    if (is_reference || key.size() != schema_->key_bytes || value.size() != schema_->value_bytes) {
        raise(errc::misuse, "a tree of fixed width takes keys and values of its width only");
    }
    const unsigned entries = count();
    if (entries >= capacity() || i > entries) { refuse_damaged(); }
    // A value that stands in this page moves with the entries behind i.
    std::array<std::byte, format::entry_bytes_max(format::page_bytes_max)> copy;
    if (value.data() >= bytes_ && value.data() < bytes_ + schema_->page_bytes && !value.empty()) {
        std::memcpy(copy.data(), value.data(), value.size());
        value = {copy.data(), value.size()};
    }
    shift(i, i + 1);
    store_key(i, key);
    if (!value.empty()) {
        std::memcpy(bytes_ + geometry().values + std::size_t{i} * value.size(), value.data(),
                    value.size());
    }
    set_count(entries + 1);
}

void fixed_node::editor::insert_child(unsigned i, bytes separator, const child_entry& child) {
    const unsigned entries = count();
    if (entries >= capacity() || i > entries || (i == 0 && entries != 0)) { refuse_damaged(); }
    shift(i, i + 1);
    if (i == 0) {
        store_first_separator();
    } else {
        store_key(i, separator);
    }
    set_count(entries + 1);
    set_child(i, child);
}

void fixed_node::editor::replace(unsigned i, bytes value, bool is_reference) {
    if (is_reference || value.size() != schema_->value_bytes) {
        raise(errc::misuse, "a tree of fixed width takes values of its width only");
    }
    if (i >= count()) { refuse_damaged(); }
    if (!value.empty()) {
        std::memmove(bytes_ + geometry().values + std::size_t{i} * value.size(), value.data(),
                     value.size());
    }
}

void fixed_node::editor::erase(unsigned i) {
    if (i >= count()) { refuse_damaged(); }
    shift(i + 1, i);
    set_count(count() - 1);
}

void fixed_node::editor::set_child(unsigned i, const child_entry& child) noexcept {
    format::packed_child packed;
    store48(packed.page.data(), child.page);
    store48(packed.count.data(), child.count);
    store(bytes_ + geometry().children + std::size_t{i} * sizeof packed, packed);
    store_checksum(bytes_ + geometry().checksums + std::size_t{i} * sizeof(std::uint32_t),
                   child.checksum);
}

void fixed_node::editor::append(const fixed_node& source, unsigned first, unsigned last) {
    const unsigned entries = count();
    if (first > last || last > source.count() || last - first > capacity() - entries ||
        leaf() != source.leaf()) {
        refuse_damaged();
    }
    const std::size_t moved = last - first;
    const auto copy = [&](std::size_t column, std::size_t width) {
        std::memcpy(bytes_ + column + entries * width, source.page_ + column + first * width,
                    moved * width);
    };
    for (unsigned word = 0; word != geometry().words; ++word) {
        copy(element_at(word, 0, capacity()), geometry().element_bytes);
    }
    if (leaf()) {
        copy(geometry().values, schema_->value_bytes);
    } else {
        copy(geometry().children, sizeof(format::packed_child));
        for (unsigned i = 0; i != moved; ++i) {
            store_checksum(bytes_ + geometry().checksums + std::size_t{entries + i} * 4,
                           source.child(first + i).checksum);
        }
    }
    set_count(entries + static_cast<unsigned>(moved));
    if (!leaf() && entries == 0 && moved != 0) { store_first_separator(); }
}

}  // namespace pinyon
