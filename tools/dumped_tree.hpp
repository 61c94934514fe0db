// What a dump says of a tree and of an entry, whatever its format.
//
// Threads: immutable values. Failure: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pinyon/engine/tree_types.hpp"
#include "tools/csv_reader.hpp"

namespace pinyon::tool {

struct dumped_tree {
    std::string name;  // empty: the dump has none
    tree_types types = raw_types();
    std::uint32_t minimum_degree = 0;
    std::uint32_t page_bytes = 0;  // of the file it comes from; 0: the dump does not say
    text_position at;              // where the dump begins with it
};

struct dumped_entry {
    std::string key;    // in normal form
    std::string value;  // as stored
    text_position at;
};

// No page size takes a longer key.
inline constexpr std::size_t dumped_key_bytes_max = key_buffer::capacity;
// A value has to be in memory as a whole.
inline constexpr std::size_t dumped_value_bytes_max = std::size_t{1} << 30;
// Where text writes a byte with up to six (ndjson) or four, and a line stands in memory: 15 MiB of
// them are less than the longest line or record that is read.
inline constexpr std::size_t noted_value_bytes_max = std::size_t{15} << 20;

}  // namespace pinyon::tool
