// Bytes as rows of sixteen, in hexadecimal and as text, with what begins in each row beside it.
//
// Threads: pure functions. Failure: none.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "pinyon/engine/bytes.hpp"

namespace pinyon::tool {

// `offset`: of the first byte in the file. `marks`: what begins where, by offset in `content`. Rows
// that repeat the one before are one line "*", but for those with marks.
[[nodiscard]] std::string hex_dump(bytes content, std::uint64_t offset,
                                   const std::multimap<std::uint64_t, std::string>& marks);

}  // namespace pinyon::tool
