// How much memory this process may use, for the default size of the pool.
#pragma once

#include <cstdint>

namespace pinyon::io {

// The smallest of the machine's memory, the limits of this process's control group and of the
// groups above it (v1 and v2), and RLIMIT_AS, in bytes.
[[nodiscard]] std::uint64_t memory_limit();

}  // namespace pinyon::io
