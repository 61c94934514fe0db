// Values of any length as one run of bytes: small ones viewed in their page, large ones read piece
// by piece.
//
// Threads: one. Failure: corrupt, io; out of memory for what does not fit.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "pinyon/engine/raw_tree.hpp"

namespace pinyon::tool {

// A copy of the value; nullopt when there is no such key.
[[nodiscard]] std::optional<std::vector<std::byte>> read_value(const raw_tree& tree, bytes key);

// The value that the cursor stands on; may stand in `room`. Valid until the cursor moves.
[[nodiscard]] bytes value_at(const raw_tree& tree, const raw_cursor& at,
                             std::vector<std::byte>& room);

// The same piece by piece, so that no length needs much memory. Throws corrupt when less is there
// than the tree says.
void for_each_piece(const raw_tree& tree, const raw_cursor& at,
                    const std::function<void(bytes)>& use);

}  // namespace pinyon::tool
