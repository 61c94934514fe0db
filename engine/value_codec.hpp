// How values of a type become the bytes that a leaf holds: numbers, bool, enums and trivially
// copyable structs as they stand in memory (little-endian), text and bytes as they are. Structs are
// returned by value, or shown in place (in_place).
//
// A struct goes into the file with its padding, whatever that holds, and comes back by memcpy: it
// must not hold pointers, references or views, and a change of its members changes what old files
// mean.
//
// A program stores its own types by specialising value_codec:
//
//     template <>
//     struct pinyon::value_codec<person> {
//         static std::string name() { return "person"; }  // in the catalog: at most 32 bytes
//         static constexpr std::uint32_t width = 0;       // bytes of every value; 0: they vary
//         static constexpr std::uint16_t alignment = 1;
//         // The bytes, which may stand in `room`.
//         static bytes encode(const person& value, std::vector<std::byte>& room);
//         static person decode(bytes value);              // throws corrupt for a bad shape
//     };
//
// Optional: `using argument = ...` as for key_codec.
//
// Threads: all functions are pure. Failure: corrupt for bytes that no value has.
#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/key_codec.hpp"

namespace pinyon {

// Not defined for types that cannot be values.
template <class T>
struct value_codec;

template <class T>
concept value_type = requires(const T& value, bytes stored, std::vector<std::byte>& room) {
    { value_codec<T>::name() } -> std::convertible_to<std::string>;
    { value_codec<T>::width } -> std::convertible_to<std::uint32_t>;
    { value_codec<T>::alignment } -> std::convertible_to<std::uint16_t>;
    { value_codec<T>::encode(value, room) } -> std::same_as<bytes>;
    { value_codec<T>::decode(stored) } -> std::convertible_to<T>;
};

template <class T>
class in_place;

namespace detail {

[[noreturn]] void raise_value_width(const std::string& type, std::size_t expected,
                                    std::size_t found);
[[noreturn]] void raise_misaligned(const std::string& type);

// The widest alignment that a leaf gives its values.
inline constexpr std::size_t value_alignment_max = 16;

template <class T>
inline constexpr bool is_view = false;
template <class T, std::size_t Size>
inline constexpr bool is_view<std::span<T, Size>> = true;
template <class Char, class Traits>
inline constexpr bool is_view<std::basic_string_view<Char, Traits>> = true;
template <class T>
inline constexpr bool is_view<in_place<T>> = true;

// What memcpy carries to another process. Views are trivially copyable too, but mean nothing there;
// numbers have a codec of their own.
template <class T>
inline constexpr bool is_plain = std::same_as<T, std::remove_cv_t<T>> &&
                                 (std::is_class_v<T> ||
                                  std::is_union_v<T>)&&std::is_trivially_copyable_v<T> &&
                                 !is_view<T> && alignof(T) <= value_alignment_max;
template <class T, std::size_t Size>
inline constexpr bool is_plain<std::array<T, Size>> = Size > 0 && (scalar<T> || is_plain<T>);

template <class T>
[[nodiscard]] T copy_stored(bytes stored) {
    std::array<std::byte, sizeof(T)> copy;
    std::memcpy(copy.data(), stored.data(), sizeof(T));
    return std::bit_cast<T>(copy);
}

}  // namespace detail

// Integers, floating-point numbers, bool, enums.
template <class T>
requires detail::scalar<T>
struct value_codec<T> {
    using argument = const T&;
    static constexpr std::uint32_t width = sizeof(T);
    static constexpr std::uint16_t alignment = alignof(T);

    [[nodiscard]] static std::string name() { return detail::scalar_name<T>(); }
    [[nodiscard]] static bytes encode(const T& value, std::vector<std::byte>&) {
        return std::as_bytes(std::span(&value, 1));
    }
    [[nodiscard]] static T decode(bytes stored) {
        if (stored.size() != width) [[unlikely]] {
            detail::raise_value_width(name(), width, stored.size());
        }
        if constexpr (std::same_as<T, bool>) {
            return stored.front() != std::byte{0};
        } else {
            return detail::copy_stored<T>(stored);
        }
    }
};

// Trivially copyable structs and arrays.
template <class T>
requires(detail::is_plain<T>) struct value_codec<T> {
    using argument = const T&;
    static constexpr std::uint32_t width = sizeof(T);
    static constexpr std::uint16_t alignment = alignof(T);

    [[nodiscard]] static std::string name() {
        return "struct(" + std::to_string(width) + "," + std::to_string(alignment) + ")";
    }
    [[nodiscard]] static bytes encode(const T& value, std::vector<std::byte>&) {
        return std::as_bytes(std::span(&value, 1));
    }
    [[nodiscard]] static T decode(bytes stored) {
        if (stored.size() != width) [[unlikely]] {
            detail::raise_value_width(name(), width, stored.size());
        }
        return detail::copy_stored<T>(stored);
    }
};

// A value of such a type where it lies in the file's mapping, for programs that look at a part of
// it: what string_view is for text. A tree of T may be opened as one of in_place<T>; misuse where
// keys vary in length and T needs alignment.
template <class T>
class in_place {
public:
    // REQUIRES: `value` outlives this.
    in_place(const T& value) noexcept : value_(&value) {}                 // NOLINT: as a reference
    [[nodiscard]] operator const T&() const noexcept { return *value_; }  // NOLINT: as a reference
    [[nodiscard]] const T& operator*() const noexcept { return *value_; }
    [[nodiscard]] const T* operator->() const noexcept { return value_; }

private:
    const T* value_;
};
template <class T>
requires(detail::is_plain<T>) struct value_codec<in_place<T>> {
    using argument = const T&;
    static constexpr std::uint32_t width = value_codec<T>::width;
    static constexpr std::uint16_t alignment = value_codec<T>::alignment;

    [[nodiscard]] static std::string name() { return value_codec<T>::name(); }
    [[nodiscard]] static bytes encode(const T& value, std::vector<std::byte>& room) {
        return value_codec<T>::encode(value, room);
    }
    [[nodiscard]] static in_place<T> decode(bytes stored) {
        if (stored.size() != width) [[unlikely]] {
            detail::raise_value_width(name(), width, stored.size());
        }
        // Columns of fixed width are aligned as the type asks; beside keys that vary, values stand
        // anywhere.
        if (reinterpret_cast<std::uintptr_t>(stored.data()) % alignof(T) != 0) [[unlikely]] {
            detail::raise_misaligned(name());
        }
        return *reinterpret_cast<const T*>(stored.data());
    }
};

// Text and raw bytes: views of the file's mapping, or copies.
namespace detail {
struct varying_codec {
    static constexpr std::uint32_t width = 0;
    static constexpr std::uint16_t alignment = 1;
};
}  // namespace detail
template <>
struct value_codec<std::string_view> : detail::varying_codec {
    using argument = std::string_view;
    [[nodiscard]] static std::string name() { return "string"; }
    [[nodiscard]] static bytes encode(std::string_view value, std::vector<std::byte>&) {
        return as_bytes(value);
    }
    [[nodiscard]] static std::string_view decode(bytes stored) { return as_text(stored); }
};
template <>
struct value_codec<std::string> : detail::varying_codec {
    using argument = std::string_view;
    [[nodiscard]] static std::string name() { return "string"; }
    [[nodiscard]] static bytes encode(std::string_view value, std::vector<std::byte>&) {
        return as_bytes(value);
    }
    [[nodiscard]] static std::string decode(bytes stored) { return std::string(as_text(stored)); }
};
template <>
struct value_codec<bytes> : detail::varying_codec {
    using argument = bytes;
    [[nodiscard]] static std::string name() { return "bytes"; }
    [[nodiscard]] static bytes encode(bytes value, std::vector<std::byte>&) { return value; }
    [[nodiscard]] static bytes decode(bytes stored) { return stored; }
};
template <>
struct value_codec<std::vector<std::byte>> : detail::varying_codec {
    using argument = bytes;
    [[nodiscard]] static std::string name() { return "bytes"; }
    [[nodiscard]] static bytes encode(bytes value, std::vector<std::byte>&) { return value; }
    [[nodiscard]] static std::vector<std::byte> decode(bytes stored) {
        return {stored.begin(), stored.end()};
    }
};

// What functions take for a value of type T.
namespace detail {
template <class T>
struct value_argument_of {
    using type = const T&;
};
template <class T>
requires requires { typename value_codec<T>::argument; }
struct value_argument_of<T> {
    using type = typename value_codec<T>::argument;
};
}  // namespace detail
template <class T>
using value_argument = typename detail::value_argument_of<T>::type;

}  // namespace pinyon
