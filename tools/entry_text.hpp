// Keys and values as the catalog types them: for text, for JSON, and from the command line.
//
// Threads: any. Failure: refusal(exit_code::usage) for words that are no key of their type.
#pragma once

#include <string>

#include "pinyon/engine/raw_tree.hpp"
#include "pinyon/engine/transaction.hpp"
#include "tools/escape.hpp"
#include "tools/exit_code.hpp"

namespace pinyon::tool {

// Numbers are written as numbers in every style but redacted; text and bytes as the style says.
[[nodiscard]] std::string key_text(const std::string& type, bytes key, byte_style style);
[[nodiscard]] json key_json(const std::string& type, bytes key, byte_style style);
[[nodiscard]] std::string value_text(const std::string& type, bytes value, byte_style style);
[[nodiscard]] json value_json(const std::string& type, bytes value, byte_style style);

// The key that `word` names in this tree; may stand in `room`.
[[nodiscard]] bytes parse_key(const tree_information& tree, const std::string& word,
                              key_buffer& room, const std::string& file);

}  // namespace pinyon::tool
