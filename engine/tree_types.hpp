// What a tree holds: the types as the catalog names them, and the specification by which a program
// names a tree together with its C++ types.
//
// Threads: immutable values. Failure: none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>

#include "pinyon/engine/key_codec.hpp"
#include "pinyon/engine/options.hpp"
#include "pinyon/engine/value_codec.hpp"

namespace pinyon {

// Keys and values of a tree as the catalog describes them: "u64", "i32", "f64", "bool", "string",
// "bytes", "bytes(16)", "tuple(u32,string)", "struct(24,8)" (bytes, alignment), "hex" (a u64 that
// tools write in hexadecimal; programs open it as u64), or the name of a program's own codec.
struct tree_types {
    std::string key_type;
    std::string value_type;
    std::uint32_t key_bytes = 0;    // of every encoded key; 0: they vary
    std::uint32_t value_bytes = 0;  // of every value; 0: they vary
    std::uint16_t value_alignment = 1;

    // True when packed columns hold the tree, provided that an entry fits (see make_record).
    [[nodiscard]] bool fixed_layout() const noexcept { return key_bytes != 0 && value_bytes != 0; }
    friend bool operator==(const tree_types&, const tree_types&) = default;
};

// Bytes to bytes, of any length.
[[nodiscard]] inline tree_types raw_types() { return {"bytes", "bytes", 0, 0, 1}; }

namespace detail {

template <class T>
constexpr void require_key() {
    static_assert(std::is_same_v<T, std::remove_cvref_t<T>>,
                  "pinyon: a key type is written without const, volatile and reference");
    static_assert(!std::is_pointer_v<T>,
                  "pinyon: a pointer cannot be a key, it means nothing in the next process; use "
                  "std::string_view for text, pinyon::bytes for memory");
    static_assert(key_type<T>,
                  "pinyon: a key must be an integer, a floating-point number, bool, an enum, "
                  "std::string_view, pinyon::bytes, or a pair or tuple of these; for another type "
                  "specialise pinyon::key_codec<T>");
}

template <class T>
constexpr void require_value() {
    static_assert(std::is_same_v<T, std::remove_cvref_t<T>>,
                  "pinyon: a value type is written without const, volatile and reference");
    static_assert(!std::is_pointer_v<T>,
                  "pinyon: a pointer cannot be a value, it means nothing in the next process; use "
                  "std::string_view for text, pinyon::bytes for memory");
    static_assert(
        value_type<T>,
        "pinyon: a value must be an integer, a floating-point number, bool, an enum, "
        "std::string_view, pinyon::bytes, or a trivially copyable struct without views; for "
        "another type specialise pinyon::value_codec<T>");
}

}  // namespace detail

// Names a tree and its types; meant to stand once, in a header of the program:
//
//     inline constexpr pinyon::tree_spec<std::string_view, std::uint64_t> users{"users"};
template <class Key, class Value>
struct tree_spec {
    std::string_view name;
    tree_options options{};

    // `tree_name` outlives the specification; a literal does.
    constexpr tree_spec(std::string_view tree_name, tree_options how = {}) noexcept
        : name(tree_name), options(how) {
        detail::require_key<Key>();
        detail::require_value<Value>();
    }
    constexpr tree_spec(const char* tree_name, tree_options how = {}) noexcept
        : tree_spec(std::string_view(tree_name), how) {}

    [[nodiscard]] static const tree_types& types() {
        static const tree_types all{key_codec<Key>::name(), value_codec<Value>::name(),
                                    key_codec<Key>::width, value_codec<Value>::width,
                                    value_codec<Value>::alignment};
        return all;
    }
};

}  // namespace pinyon
