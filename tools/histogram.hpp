// Counts by size, drawn in text.
//
// Threads: any. Failure: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pinyon::tool {

// 0 where the whole is 0.
[[nodiscard]] double ratio(std::uint64_t part, std::uint64_t whole);

// A row of blocks, at most 24, as long as `count` is of `most`; none for 0, at least one otherwise.
[[nodiscard]] std::string bar(std::uint64_t count, std::uint64_t most);

// What a bucket of numbers of `bits` bits holds: "0", "1", "2-3", "4-7", and so on.
[[nodiscard]] std::string bucket_text(std::size_t bits);

}  // namespace pinyon::tool
