// What an entry must be before it may change a tree, for single changes and for bulk loads alike.
//
// Threads: pure functions. Failure: key_too_long, value_too_long, type_mismatch.
#pragma once

#include <string>

#include "pinyon/engine/slotted_node.hpp"
#include "pinyon/mmap/error.hpp"

namespace pinyon {

inline void check_key(const node_schema& schema, bytes key) {
    if (schema.layout == format::node_layout::fixed && key.size() != schema.key_bytes) {
        raise(errc::type_mismatch, "the tree's keys have " + std::to_string(schema.key_bytes) +
                                       " bytes, this one has " + std::to_string(key.size()));
    }
    if (key.size() > format::key_bytes_max(schema.page_bytes)) {
        raise(errc::key_too_long, "the encoded key has " + std::to_string(key.size()) +
                                      " bytes, at most " +
                                      std::to_string(format::key_bytes_max(schema.page_bytes)) +
                                      " fit: shorten it, or create the database with larger pages");
    }
}

inline void check_value(const node_schema& schema, bytes value) {
    if (schema.layout == format::node_layout::fixed && value.size() != schema.value_bytes) {
        raise(errc::type_mismatch, "the tree's values have " + std::to_string(schema.value_bytes) +
                                       " bytes, this one has " + std::to_string(value.size()));
    }
    if (value.size() > format::value_bytes_max) {
        raise(errc::value_too_long, "a value may have 2^40 bytes: store it in several entries");
    }
}

// False: the value goes to an extent.
[[nodiscard]] inline bool stands_inline(const node_schema& schema, bytes key,
                                        bytes value) noexcept {
    return schema.layout == format::node_layout::fixed ||
           key.size() + value.size() <= slotted_entry_max(schema.page_bytes);
}

}  // namespace pinyon
