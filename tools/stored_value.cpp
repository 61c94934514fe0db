#include "tools/stored_value.hpp"

#include <algorithm>

#include "pinyon/engine/value_stream.hpp"
#include "pinyon/mmap/error.hpp"

namespace pinyon::tool {

namespace {

// No leaf of any page size holds a longer value.
constexpr std::uint64_t inline_bytes_max = format::entry_bytes_max(format::page_bytes_max);
// Memory grows by this much, so that a length that lies does not cost more than what is there.
constexpr std::size_t step_bytes = std::size_t{1} << 20;

}  // namespace

std::optional<std::vector<std::byte>> read_value(const raw_tree& tree, bytes key) {
    std::optional<value_reader> reader = tree.get_stream(key);
    if (!reader) { return std::nullopt; }
    std::vector<std::byte> value;
    while (value.size() < reader->length()) {
        const std::size_t done = value.size();
        value.resize(std::min<std::uint64_t>(reader->length(), done + step_bytes));
        const std::size_t got = reader->read(std::span(value).subspan(done));
        value.resize(done + got);
        if (got == 0) { break; }
    }
    return value;
}

bytes value_at(const raw_tree& tree, const raw_cursor& at, std::vector<std::byte>& room) {
    if (at.value_length() <= inline_bytes_max) { return at.value(); }
    room = read_value(tree, at.key()).value_or(std::vector<std::byte>());
    return room;
}

void for_each_piece(const raw_tree& tree, const raw_cursor& at,
                    const std::function<void(bytes)>& use) {
    if (at.value_length() <= inline_bytes_max) { return use(at.value()); }
    std::optional<value_reader> reader = tree.get_stream(at.key());
    if (!reader) { raise(errc::corrupt, "a key that a cursor shows is not found by a search"); }
    std::vector<std::byte> piece(std::min<std::uint64_t>(reader->length(), step_bytes));
    while (reader->position() < reader->length()) {
        const std::size_t got = reader->read(piece);
        if (got == 0) { raise(errc::corrupt, "a large value ends too early"); }
        use(bytes(piece).first(got));
    }
}

}  // namespace pinyon::tool
