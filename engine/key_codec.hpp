// How values of a type become keys: bytes in normal form, whose order as unsigned bytes is the
// order of the values. Integers are big-endian with the sign bit flipped; floating-point numbers
// have all bits flipped when negative, else the sign bit (so that -1 < 0 < 1); text and bytes stand
// as they are. In a pair or tuple the components follow each other, nested ones flattened; text
// that is not the last component has each 00 written as 00 FF and ends with 00 00.
//
// A program makes its own types keys by specialising key_codec:
//
//     template <>
//     struct pinyon::key_codec<point> {
//         static std::string name() { return "point"; }   // in the catalog: at most 32 bytes
//         static constexpr std::uint32_t width = 8;       // bytes of every key; 0: they vary
//         // The key, which may stand in `room`.
//         static bytes encode(const point& value, key_buffer& room);
//         static point decode(bytes key);                 // throws corrupt for a bad shape
//     };
//
// Optional: `using argument = ...` what functions take in place of const T&; `using owned = ...` a
// type that holds what T only views; `decode(bytes, key_buffer& room)` when decoding needs room as
// long as the result lives.
//
// Invariants
//  1. decode(encode(x)) == x, but for -0.0, which becomes 0.0.
//  2. x < y exactly when encode(x) < encode(y), also inside tuples.
//
// Threads: all functions are pure.
// Failure: misuse for NaN; key_too_long for a tuple that exceeds key_buffer; corrupt for bytes that
// no value has.
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "pinyon/engine/bytes.hpp"

namespace pinyon {

// Not defined for types that cannot be keys.
template <class T>
struct key_codec;

template <class T>
concept key_type = requires(const T& value, key_buffer& room) {
    { key_codec<T>::name() } -> std::convertible_to<std::string>;
    { key_codec<T>::width } -> std::convertible_to<std::uint32_t>;
    { key_codec<T>::encode(value, room) } -> std::same_as<bytes>;
}
&&(
    requires(bytes key) {
        { key_codec<T>::decode(key) } -> std::convertible_to<T>;
    } ||
    requires(bytes key, key_buffer& room) {
        { key_codec<T>::decode(key, room) } -> std::convertible_to<T>;
    });

namespace detail {

[[noreturn]] void raise_not_a_number();
[[noreturn]] void raise_key_width(const std::string& type, std::size_t expected, std::size_t found);
[[noreturn]] void raise_key_shape(const std::string& type);
// Throw key_too_long when `room` is full.
void append_part(key_buffer& room, bytes part);
void append_escaped(key_buffer& room, bytes part);
// Takes an escaped part and its end mark off the front of `rest`. The result views `rest` when
// nothing was escaped in it, else `room`, where it is appended. Throws corrupt.
[[nodiscard]] bytes take_escaped(bytes& rest, key_buffer& room, const std::string& type);

// Numbers, bool and enums of up to 8 bytes.
template <class T>
concept scalar = std::same_as<T, std::remove_cv_t<T>> && sizeof(T) <= 8 &&
                 (std::is_integral_v<T> || std::is_enum_v<T> || std::is_floating_point_v<T>);

template <std::size_t Bytes>
using unsigned_of = std::conditional_t<
    Bytes == 1, std::uint8_t,
    std::conditional_t<Bytes == 2, std::uint16_t,
                       std::conditional_t<Bytes == 4, std::uint32_t, std::uint64_t>>>;

// "u64", "i32", "f64", "bool"; an enum is named as the integer that it stands on.
template <scalar T>
[[nodiscard]] std::string scalar_name() {
    if constexpr (std::is_enum_v<T>) {
        return scalar_name<std::underlying_type_t<T>>();
    } else if constexpr (std::same_as<T, bool>) {
        return "bool";
    } else {
        const char kind = std::is_floating_point_v<T> ? 'f' : std::is_signed_v<T> ? 'i' : 'u';
        return kind + std::to_string(sizeof(T) * 8);
    }
}

template <std::unsigned_integral U>
[[nodiscard]] constexpr U big_endian(U value) noexcept {
    if constexpr (sizeof(U) == 8) { return __builtin_bswap64(value); }
    if constexpr (sizeof(U) == 4) { return __builtin_bswap32(value); }
    if constexpr (sizeof(U) == 2) { return __builtin_bswap16(value); }
    return value;
}

// The unsigned number of the same width that orders as `value` does.
template <scalar T>
[[nodiscard]] unsigned_of<sizeof(T)> to_ordered(T value) {
    using word = unsigned_of<sizeof(T)>;
    constexpr auto sign = static_cast<word>(word{1} << (sizeof(T) * 8 - 1));
    if constexpr (std::is_enum_v<T>) {
        return to_ordered(static_cast<std::underlying_type_t<T>>(value));
    } else if constexpr (std::is_floating_point_v<T>) {
        if (std::isnan(value)) { raise_not_a_number(); }
        if (value == T{0}) { return sign; }
        const auto bits = std::bit_cast<word>(value);
        return (bits & sign) != 0 ? static_cast<word>(~bits) : static_cast<word>(bits | sign);
    } else if constexpr (std::is_signed_v<T>) {
        return static_cast<word>(static_cast<word>(value) ^ sign);
    } else {
        return static_cast<word>(value);
    }
}

template <scalar T>
[[nodiscard]] T from_ordered(unsigned_of<sizeof(T)> word_value) noexcept {
    using word = unsigned_of<sizeof(T)>;
    constexpr auto sign = static_cast<word>(word{1} << (sizeof(T) * 8 - 1));
    if constexpr (std::is_enum_v<T>) {
        return static_cast<T>(from_ordered<std::underlying_type_t<T>>(word_value));
    } else if constexpr (std::is_floating_point_v<T>) {
        return std::bit_cast<T>((word_value & sign) != 0 ? static_cast<word>(word_value ^ sign)
                                                         : static_cast<word>(~word_value));
    } else if constexpr (std::is_signed_v<T>) {
        return static_cast<T>(static_cast<word>(word_value ^ sign));
    } else {
        return static_cast<T>(word_value);
    }
}

}  // namespace detail

// Integers, floating-point numbers, bool, enums.
template <class T>
requires detail::scalar<T>
struct key_codec<T> {
    using argument = T;
    static constexpr std::uint32_t width = sizeof(T);

    [[nodiscard]] static std::string name() { return detail::scalar_name<T>(); }
    [[nodiscard]] static bytes encode(T value, key_buffer& room) {
        const auto word = detail::big_endian(detail::to_ordered(value));
        std::memcpy(room.data(), &word, sizeof word);
        room.resize(sizeof word);
        return room.view();
    }
    [[nodiscard]] static T decode(bytes key) {
        if (key.size() != width) [[unlikely]] {
            detail::raise_key_width(name(), width, key.size());
        }
        detail::unsigned_of<sizeof(T)> word = 0;
        std::memcpy(&word, key.data(), sizeof word);
        if constexpr (std::same_as<T, bool>) {
            if (word > 1) { detail::raise_key_shape(name()); }
        }
        return detail::from_ordered<T>(detail::big_endian(word));
    }
};

// Text, in the order of its bytes (for UTF-8: of its code points).
template <>
struct key_codec<std::string_view> {
    using argument = std::string_view;
    using owned = std::string;
    static constexpr std::uint32_t width = 0;

    [[nodiscard]] static std::string name() { return "string"; }
    [[nodiscard]] static bytes encode(std::string_view value, key_buffer&) {
        return as_bytes(value);
    }
    [[nodiscard]] static std::string_view decode(bytes key) { return as_text(key); }
};
template <>
struct key_codec<std::string> {
    using argument = std::string_view;
    static constexpr std::uint32_t width = 0;

    [[nodiscard]] static std::string name() { return "string"; }
    [[nodiscard]] static bytes encode(std::string_view value, key_buffer&) {
        return as_bytes(value);
    }
    [[nodiscard]] static std::string decode(bytes key) { return std::string(as_text(key)); }
};

// Raw bytes.
template <>
struct key_codec<bytes> {
    using argument = bytes;
    using owned = std::vector<std::byte>;
    static constexpr std::uint32_t width = 0;

    [[nodiscard]] static std::string name() { return "bytes"; }
    [[nodiscard]] static bytes encode(bytes value, key_buffer&) { return value; }
    [[nodiscard]] static bytes decode(bytes key) { return key; }
};
// A fixed number of raw bytes: hashes, UUIDs.
template <std::size_t Size>
requires(Size > 0 && Size <= key_buffer::capacity) struct key_codec<std::array<std::byte, Size>> {
    using value = std::array<std::byte, Size>;
    static constexpr std::uint32_t width = Size;

    [[nodiscard]] static std::string name() { return "bytes(" + std::to_string(Size) + ")"; }
    [[nodiscard]] static bytes encode(const value& key, key_buffer&) { return key; }
    [[nodiscard]] static value decode(bytes key) {
        if (key.size() != Size) [[unlikely]] { detail::raise_key_width(name(), Size, key.size()); }
        value result;
        std::memcpy(result.data(), key.data(), Size);
        return result;
    }
};

// What functions take for a key of type T.
namespace detail {
template <class T>
struct argument_of {
    using type = const T&;
};
template <class T>
requires requires { typename key_codec<T>::argument; }
struct argument_of<T> {
    using type = typename key_codec<T>::argument;
};
template <class T>
struct owned_of {
    using type = T;
};
template <class T>
requires requires { typename key_codec<T>::owned; }
struct owned_of<T> {
    using type = typename key_codec<T>::owned;
};
}  // namespace detail
template <class T>
using key_argument = typename detail::argument_of<T>::type;
// T, or what holds a copy of the bytes that T only views: std::string for std::string_view.
template <class T>
using owned_key = typename detail::owned_of<T>::type;

namespace detail {

template <class T>
inline constexpr bool is_tuple = false;
template <class... Parts>
inline constexpr bool is_tuple<std::tuple<Parts...>> = true;
template <class First, class Second>
inline constexpr bool is_tuple<std::pair<First, Second>> = true;

template <class T>
inline constexpr bool needs_room = !requires(bytes key) {
    key_codec<T>::decode(key);
};

template <class T>
void encode_part(const T& value, bool last, key_buffer& room) {
    if constexpr (is_tuple<T>) {
        key_codec<T>::encode_parts(value, last, room);
    } else {
        key_buffer own;
        const bytes part = key_codec<T>::encode(value, own);
        key_codec<T>::width != 0 || last ? append_part(room, part) : append_escaped(room, part);
    }
}

template <class T>
[[nodiscard]] T decode_part(bytes& rest, bool last, key_buffer& room) {
    if constexpr (is_tuple<T>) {
        return key_codec<T>::decode_parts(rest, last, room);
    } else if constexpr (key_codec<T>::width != 0) {
        if (rest.size() < key_codec<T>::width) { raise_key_shape(key_codec<T>::name()); }
        const bytes part = rest.first(key_codec<T>::width);
        rest = rest.subspan(key_codec<T>::width);
        return key_codec<T>::decode(part);
    } else {
        const bytes part =
            last ? std::exchange(rest, bytes{}) : take_escaped(rest, room, key_codec<T>::name());
        return key_codec<T>::decode(part);
    }
}

template <class T>
[[nodiscard]] owned_key<T> own_key(const T& value);

// Pairs and tuples.
template <class Tuple, class... Parts>
struct tuple_codec {
    static_assert((key_type<Parts> && ...),
                  "pinyon: each component of a pair or tuple key must itself be a key type");
    static constexpr std::uint32_t width =
        ((key_codec<Parts>::width != 0) && ...) ? (0u + ... + key_codec<Parts>::width) : 0u;

    [[nodiscard]] static std::string name() {
        std::string list;
        ((list += (list.empty() ? "" : ",") + key_codec<Parts>::name()), ...);
        return "tuple(" + list + ")";
    }
    [[nodiscard]] static bytes encode(const Tuple& value, key_buffer& room) {
        room.clear();
        encode_parts(value, true, room);
        return room.view();
    }
    [[nodiscard]] static Tuple decode(bytes key, key_buffer& room) {
        room.clear();
        bytes rest = key;
        Tuple result = decode_parts(rest, true, room);
        if (!rest.empty()) { raise_key_shape(name()); }
        return result;
    }

    static void encode_parts(const Tuple& value, bool last, key_buffer& room) {
        encode_parts(value, last, room, std::index_sequence_for<Parts...>());
    }
    [[nodiscard]] static Tuple decode_parts(bytes& rest, bool last, key_buffer& room) {
        return decode_parts(rest, last, room, std::index_sequence_for<Parts...>());
    }

private:
    template <std::size_t... Index>
    static void encode_parts(const Tuple& value, bool last, key_buffer& room,
                             std::index_sequence<Index...>) {
        (encode_part(std::get<Index>(value), last && Index + 1 == sizeof...(Parts), room), ...);
    }
    // The braces make the order of evaluation that of the components.
    template <std::size_t... Index>
    [[nodiscard]] static Tuple decode_parts(bytes& rest, bool last, key_buffer& room,
                                            std::index_sequence<Index...>) {
        return Tuple{decode_part<Parts>(rest, last && Index + 1 == sizeof...(Parts), room)...};
    }
};

}  // namespace detail

template <class First, class Second>
struct key_codec<std::pair<First, Second>>
    : detail::tuple_codec<std::pair<First, Second>, First, Second> {
    using owned = std::pair<owned_key<First>, owned_key<Second>>;
};
template <class... Parts>
requires(sizeof...(Parts) > 0) struct key_codec<std::tuple<Parts...>>
    : detail::tuple_codec<std::tuple<Parts...>, Parts...> {
    using owned = std::tuple<owned_key<Parts>...>;
};

// The value of a key. What it views stands in `key` or in `room`.
template <key_type T>
[[nodiscard]] T decode_key(bytes key, key_buffer& room) {
    if constexpr (detail::needs_room<T>) {
        return key_codec<T>::decode(key, room);
    } else {
        return key_codec<T>::decode(key);
    }
}

namespace detail {

template <class T>
owned_key<T> own_key(const T& value) {
    if constexpr (std::same_as<owned_key<T>, T>) {
        return value;
    } else if constexpr (is_tuple<T>) {
        return std::apply(
            [](const auto&... parts) {
                return owned_key<T>{own_key<std::remove_cvref_t<decltype(parts)>>(parts)...};
            },
            value);
    } else if constexpr (std::same_as<T, bytes>) {
        return owned_key<T>(value.begin(), value.end());
    } else {
        return owned_key<T>(value);
    }
}

}  // namespace detail

// The smallest byte string above every string that begins with `prefix`; empty: there is none.
[[nodiscard]] bytes after_prefix(bytes prefix, key_buffer& room);

}  // namespace pinyon
