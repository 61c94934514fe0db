#include "tools/paging_contestant.hpp"

#include <algorithm>

#include "pinyon/engine/checksum.hpp"
#include "pinyon/engine/value_stream.hpp"

namespace pinyon::tool {

namespace {

// Values are looked at in pieces of this size, whether a view shows them or a stream brings them.
constexpr std::size_t piece_bytes = std::size_t{64} << 10;
// Between two looks at whether the person has had enough.
constexpr std::uint64_t entries_a_look = 1024;
// Odd, with bits all over: each step spreads what came before.
constexpr std::uint64_t mixing = 0x9e3779b97f4a7c15u;

void mix(std::uint64_t& into, std::uint64_t next) noexcept { into = (into ^ next) * mixing; }

// The value that `fetch` returns, piece by piece: at least one, the last one shorter.
template <class Fetch, class Look>
void for_each_piece(const raw_tree& tree, bytes key, Fetch&& fetch, Look&& look) {
    try {
        bytes rest = fetch();
        while (rest.size() > piece_bytes) {
            look(rest.first(piece_bytes));
            rest = rest.subspan(piece_bytes);
        }
        look(rest);
        return;
    } catch (const error& failure) {
        if (failure.kind() != errc::value_too_long) { throw; }
    }
    auto reader = tree.get_stream(key);
    std::vector<std::byte> room(piece_bytes);
    std::size_t got = 0;
    do {
        got = reader ? reader->read(room) : 0;
        look(bytes(room.data(), got));
    } while (got == piece_bytes && reader->position() < reader->length());
}

// What a timed read leaves behind, so that none can be left out: its length and its ends.
void trace(std::uint64_t& into, bytes piece) noexcept {
    std::uint64_t next = piece.size();
    if (!piece.empty()) {
        next = next << 16 | std::to_integer<std::uint64_t>(piece.front()) << 8 |
               std::to_integer<std::uint64_t>(piece.back());
    }
    mix(into, next);
}

}  // namespace

paging_contestant::paging_contestant(const std::string& file, const options& how,
                                     const streams& streams)
    : streams_(streams), database_(database::open(file, how)), snapshot_(database_.begin_read()) {}

paging_contestant::content paging_contestant::read_all(const key_look& look) const {
    content out;
    const page_seal seal;
    raw_cursor at = tree_.cursor();
    for (bool valid = at.first(); valid; valid = at.next()) {
        const bytes key = at.key();
        mix(out.checksum, seal.of_image(0, key));
        for_each_piece(
            tree_, key, [&at] { return at.value(); },
            [&](bytes piece) {
                mix(out.checksum, seal.of_image(0, piece));
                mix(out.checksum, piece.size());
            });
        look(out.entries, key);
        ++out.entries;
    }
    return out;
}

reads paging_contestant::run(paging_work what, const key_sequence& keys, std::uint64_t first,
                             std::uint64_t count) const {
    reads out;
    raw_cursor at = tree_.cursor();
    for (std::uint64_t i = 0; i < count; ++i) {
        switch (what) {
            case paging_work::get:
                get(keys[first + i], out);
                break;
            case paging_work::scan:
                scan(out);
                break;
            case paging_work::seek:
                seek(at, keys[first + i], out);
                break;
        }
        if (i % entries_a_look == 0) { streams_.check_interrupt(); }
    }
    return out;
}

void paging_contestant::get(bytes key, reads& into) const {
    ++into.units;
    bool found = true;
    for_each_piece(
        tree_, key,
        [&] {
            const std::optional<bytes> value = tree_.get(key);
            found = value.has_value();
            return value.value_or(bytes());
        },
        [&](bytes piece) { trace(into.trace, piece); });
    into.found += found ? 1 : 0;
}

void paging_contestant::scan(reads& into) const {
    raw_cursor at = tree_.cursor();
    for (bool valid = at.first(); valid; valid = at.next()) {
        trace(into.trace, at.key());
        for_each_piece(
            tree_, at.key(), [&at] { return at.value(); },
            [&](bytes piece) { trace(into.trace, piece); });
        if (++into.units % entries_a_look == 0) { streams_.check_interrupt(); }
    }
    into.found = into.units;
}

void paging_contestant::seek(raw_cursor& at, bytes key, reads& into) const {
    ++into.units;
    std::uint64_t left = seek_entries;
    bool valid = at.seek(key);
    into.found += valid && std::equal(key.begin(), key.end(), at.key().begin(), at.key().end());
    for (; valid && left != 0; --left) {
        trace(into.trace, at.key());
        for_each_piece(
            tree_, at.key(), [&at] { return at.value(); },
            [&](bytes piece) { trace(into.trace, piece); });
        valid = at.next();
    }
}

}  // namespace pinyon::tool
