// What the crash tests ask of the engine beyond transactions: when commits are safe, small logs,
// no thread of its own.
#pragma once

#include <cstdint>

#include "pinyon/pinyon.hpp"

namespace pinyon::test {

enum class safety : std::uint8_t { durable, relaxed, checkpoint };

[[nodiscard]] constexpr durability as_durability(safety how) noexcept {
    switch (how) {
        case safety::durable:
            return durability::durable;
        case safety::relaxed:
            return durability::relaxed;
        case safety::checkpoint:
            break;
    }
    return durability::checkpoint;
}

// True when a commit that returned has survived whatever comes.
[[nodiscard]] constexpr bool is_safe_on_return(safety how) noexcept {
    return how != safety::relaxed;
}

// Everything runs inside the calls, and logs and checkpoints are small enough to be met often.
inline void make_small(options& chosen, std::uint64_t checkpoint_bytes) {
    chosen.background = background::none;
    chosen.log_segment_bytes = 16 << 10;
    chosen.checkpoint_bytes = checkpoint_bytes;
}

inline std::uint64_t commit(write_transaction& tx, safety how) {
    return tx.commit(as_durability(how));
}

}  // namespace pinyon::test
