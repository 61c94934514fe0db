// Bytes as people and programs can read them: what comes from a file never reaches a terminal as
// control bytes, and never reaches JSON as broken UTF-8.
//
// Threads: any. Failure: none.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace pinyon::tool {

// How bytes are shown. `automatic` is text, or hexadecimal where text would be mostly escapes.
enum class byte_style { automatic, text, hex, base64, redacted };

using json = nlohmann::ordered_json;

// The length of the UTF-8 character at the front of `text` when it is whole, valid and printable
// (no control, no direction override, no line separator); 0 otherwise.
[[nodiscard]] std::size_t printable_character(std::string_view text) noexcept;

// Printable characters as they are; \\ \n \r \t, and all other bytes as \xNN. Can be turned back.
[[nodiscard]] std::string escaped(std::string_view bytes);
[[nodiscard]] std::string hexadecimal(std::string_view bytes);
[[nodiscard]] std::string base64(std::string_view bytes);
// Back again; nullopt for what they do not write (hexadecimal digits may be of either case).
[[nodiscard]] std::optional<std::string> from_escaped(std::string_view text);
[[nodiscard]] std::optional<std::string> from_hexadecimal(std::string_view text);
[[nodiscard]] std::optional<std::string> from_base64(std::string_view text);
// The value of a hexadecimal digit; nullopt for another character.
[[nodiscard]] std::optional<unsigned> digit_value(char digit) noexcept;

// For a terminal or a line of text. Hexadecimal is written 0x... where the style is automatic, bare
// where it was asked for.
[[nodiscard]] std::string shown(std::string_view bytes, byte_style style);
// For JSON: a string where the bytes are valid UTF-8, else {"hex": "..."}; {"base64": "..."} and
// {"bytes": length} by style.
[[nodiscard]] json shown_json(std::string_view bytes, byte_style style);

// The word as a shell takes it: in quotes where it needs them, control bytes made visible.
[[nodiscard]] std::string shell_quoted(std::string_view word);

}  // namespace pinyon::tool
