// Keys and values in a notation that is read back to the same bytes, whatever they are: for JSON,
// and for the fields of a table. Where what people read (entry_text.hpp) can be turned back it is
// that, so numbers are numbers; else {"hex": ...}, and in a field \h and hexadecimal digits.
//
// Invariants
//  1. key_of(type, noted_key(type, key, style)) is the key, and so for the others. Fields are read
//     in the style in which they were written.
//
// Threads: pure functions. Failure: nullopt for what is no notation of the type.
#pragma once

#include <optional>
#include <string>

#include "pinyon/engine/bytes.hpp"
#include "tools/escape.hpp"

namespace pinyon::tool {

[[nodiscard]] json noted_key(const std::string& type, bytes key, byte_style style);
[[nodiscard]] json noted_value(const std::string& type, bytes value, byte_style style);
[[nodiscard]] std::optional<std::string> key_of(const std::string& type, const json& noted);
[[nodiscard]] std::optional<std::string> value_of(const std::string& type, const json& noted);
// Bytes that have no type: a string, {"hex": ...} or {"base64": ...}.
[[nodiscard]] std::optional<std::string> bytes_of(const json& noted);

// Styles: text (also automatic), hex, base64; they say how what is no number is written.
[[nodiscard]] std::string key_field(const std::string& type, bytes key, byte_style style);
[[nodiscard]] std::string value_field(const std::string& type, bytes value, byte_style style);
[[nodiscard]] std::optional<std::string> key_of_field(const std::string& type,
                                                      const std::string& field, byte_style style);
[[nodiscard]] std::optional<std::string> value_of_field(const std::string& type,
                                                        const std::string& field, byte_style style);

// True for keys and values that stand as bytes, which a style writes in its way.
[[nodiscard]] bool is_styled_key(const std::string& type) noexcept;
[[nodiscard]] bool is_styled_value(const std::string& type) noexcept;

}  // namespace pinyon::tool
