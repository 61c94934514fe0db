// Keys by the type that the catalog names: normal form to text, and back, without C++ types. For
// tools.
//
// Numbers are written in decimal ("hex": hexadecimal), bool as false and true, "bytes(n)" as 2n
// hexadecimal digits. Text stands as it is but for \\ \n \r \t, and \xNN for control bytes and what
// is no UTF-8; the components of a tuple are parted by commas, so there a comma of the text itself
// is \x2c. Types of a program's own codecs are written like bytes.
//
// Invariants
//  1. parse_key(type, print_key(type, key)) is the key, for every key of the type but NaNs, which
//     are none.
//  2. print_key takes any bytes: what is no key of the type is written like bytes.
//
// Threads: pure functions. Failure: type_mismatch for text that names no key of the type.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pinyon/engine/bytes.hpp"

namespace pinyon {

[[nodiscard]] std::string print_key(std::string_view type, bytes key);
// The key; stands in `room`.
[[nodiscard]] bytes parse_key(std::string_view type, std::string_view text, key_buffer& room);

// Bytes of every key of the type; 0 when they vary or the type is not known.
[[nodiscard]] std::uint32_t key_width(std::string_view type);

}  // namespace pinyon
