#include "pinyon/engine/key_codec.hpp"

#include "pinyon/engine/value_codec.hpp"
#include "pinyon/mmap/error.hpp"

namespace pinyon {
namespace detail {
namespace {

constexpr std::byte zero{0x00};
constexpr std::byte escaped_zero{0xff};  // after a 00: the text itself holds a 00 here
constexpr std::byte end_mark{0x00};      // after a 00: the text ends before it

[[noreturn]] void raise_too_long() {
    raise(errc::key_too_long, "the encoded key exceeds " + std::to_string(key_buffer::capacity) +
                                  " bytes, more than any page can hold; shorten its text");
}

void append_byte(key_buffer& room, std::byte value) {
    if (room.size() == key_buffer::capacity) { raise_too_long(); }
    room.append({&value, 1});
}

}  // namespace

void raise_not_a_number() {
    raise(errc::misuse, "NaN has no place in the order of keys; test for it before the call");
}

void raise_key_width(const std::string& type, std::size_t expected, std::size_t found) {
    raise(errc::corrupt, "a key of type " + type + " takes " + std::to_string(expected) +
                             " bytes, but one of " + std::to_string(found) +
                             " is stored; run 'pinyon check' on the file");
}

void raise_key_shape(const std::string& type) {
    raise(errc::corrupt,
          "a stored key is not one that type " + type + " has; run 'pinyon check' on the file");
}

void raise_value_width(const std::string& type, std::size_t expected, std::size_t found) {
    raise(errc::corrupt, "a value of type " + type + " takes " + std::to_string(expected) +
                             " bytes, but one of " + std::to_string(found) +
                             " is stored; run 'pinyon check' on the file");
}

void raise_misaligned(const std::string& type) {
    raise(errc::misuse, "values of type " + type +
                            " are not aligned in this tree, whose keys vary in length: open it "
                            "with the type itself, not in place");
}

void append_part(key_buffer& room, bytes part) {
    if (part.size() > key_buffer::capacity - room.size()) { raise_too_long(); }
    room.append(part);
}

void append_escaped(key_buffer& room, bytes part) {
    for (const std::byte value : part) {
        append_byte(room, value);
        if (value == zero) { append_byte(room, escaped_zero); }
    }
    append_byte(room, zero);
    append_byte(room, end_mark);
}

bytes take_escaped(bytes& rest, key_buffer& room, const std::string& type) {
    // 1. Find the end mark, and whether anything before it is escaped.
    bool escapes = false;
    std::size_t at = 0;
    for (;; ++at) {
        if (at + 1 >= rest.size()) { raise_key_shape(type); }
        if (rest[at] != zero) { continue; }
        if (rest[at + 1] == end_mark) { break; }
        if (rest[at + 1] != escaped_zero) { raise_key_shape(type); }
        escapes = true;
        ++at;
    }
    const bytes part = rest.first(at);
    rest = rest.subspan(at + 2);
    if (!escapes) { return part; }

    // 2. Undo the escapes.
    const std::size_t start = room.size();
    for (std::size_t i = 0; i < part.size(); ++i) {
        append_byte(room, part[i]);
        if (part[i] == zero) { ++i; }
    }
    return room.view().subspan(start);
}

}  // namespace detail

bytes after_prefix(bytes prefix, key_buffer& room) {
    while (!prefix.empty() && prefix.back() == std::byte{0xff}) {
        prefix = prefix.first(prefix.size() - 1);
    }
    if (prefix.size() > key_buffer::capacity) { prefix = prefix.first(key_buffer::capacity); }
    room.assign(prefix);
    if (!prefix.empty()) {
        std::byte& last = room.data()[prefix.size() - 1];
        last = static_cast<std::byte>(std::to_integer<unsigned>(last) + 1);
    }
    return room.view();
}

}  // namespace pinyon
