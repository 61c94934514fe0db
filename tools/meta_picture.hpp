// A meta block field by field, as its bytes are, with what of it no meta may hold.
//
// Threads: pure functions. Failure: none.
#pragma once

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/format.hpp"
#include "tools/field_list.hpp"

namespace pinyon::tool {

// The fields of the meta in `block`, at their offsets from it; a block that ends inside the meta is
// read as if zeros followed.
[[nodiscard]] field_list meta_fields(bytes block, unsigned slot);

// "6f1c...-..." with its dashes.
[[nodiscard]] std::string uuid_text(const std::array<std::uint8_t, 16>& uuid);

}  // namespace pinyon::tool
