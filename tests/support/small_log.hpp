// How the long tests open a database, so that they meet its log and its checkpoints often.
#pragma once

#include <cstdint>

#include "pinyon/pinyon.hpp"

namespace pinyon::test {

// True when a commit that returned survives whatever comes.
[[nodiscard]] constexpr bool is_safe_on_return(durability how) noexcept {
    return how != durability::relaxed;
}

// Short segments and frequent checkpoints, so that short lives meet all of them; 0 leaves the
// defaults.
inline void use_small_log(options& chosen, std::uint64_t checkpoint_bytes) {
    chosen.checkpoint_bytes = checkpoint_bytes;
    if (checkpoint_bytes != 0) { chosen.log_segment_bytes = std::uint64_t{16} << 10; }
}

// The same without a thread of the database's own: everything runs inside the calls.
inline void use_small_log_inside_calls(options& chosen, std::uint64_t checkpoint_bytes) {
    use_small_log(chosen, checkpoint_bytes);
    chosen.background = background::none;
}

}  // namespace pinyon::test
