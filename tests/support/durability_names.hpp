// How the long tests make their commits safe, in one place.
#pragma once

#include <cstdint>

#include "pinyon/pinyon.hpp"

namespace pinyon::test {

// How one commit is made safe.
enum class safety : std::uint8_t { durable, relaxed, relaxed_then_durable, checkpoint };

// Small logs and frequent checkpoints, so that short lives meet all of them; 0 leaves the default.
inline void use_small_log(options& chosen, std::uint64_t checkpoint_bytes) {
    chosen.checkpoint_bytes = checkpoint_bytes;
    if (checkpoint_bytes != 0) { chosen.log_segment_bytes = std::uint64_t{16} << 10; }
}

// True when the commit is durable as it returns.
inline bool commit(const database& db, write_transaction& tx, safety how) {
    switch (how) {
        case safety::relaxed:
            tx.commit(durability::relaxed);
            return false;
        case safety::relaxed_then_durable:
            db.wait_durable(tx.commit(durability::relaxed));
            return true;
        case safety::checkpoint:
            tx.commit(durability::checkpoint);
            return true;
        case safety::durable:
            tx.commit();
            return true;
    }
    return true;
}

}  // namespace pinyon::test
