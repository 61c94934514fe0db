// The calls of the log as the long tests use them, in one place: while the engine knows checkpoint
// commits alone (PINYON_TESTS_LOG 0) each of them is one.
#pragma once

#include <cstdint>

#include "pinyon/pinyon.hpp"

#define PINYON_TESTS_LOG 0

namespace pinyon::test {

// How one commit is made safe.
enum class safety : std::uint8_t { durable, relaxed, relaxed_then_durable, checkpoint };

// Small logs and frequent checkpoints, so that short lives meet all of them; 0 leaves the default.
inline void use_small_log([[maybe_unused]] options& chosen,
                          [[maybe_unused]] std::uint64_t checkpoint_bytes) {
#if PINYON_TESTS_LOG
    chosen.checkpoint_bytes = checkpoint_bytes;
    if (checkpoint_bytes != 0) { chosen.log_segment_bytes = std::uint64_t{16} << 10; }
#endif
}

// True when the commit is durable as it returns.
inline bool commit([[maybe_unused]] const database& db, write_transaction& tx,
                   [[maybe_unused]] safety how) {
#if PINYON_TESTS_LOG
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
            break;
    }
#endif
    tx.commit();
    return true;
}

inline void checkpoint([[maybe_unused]] const database& db) {
#if PINYON_TESTS_LOG
    db.checkpoint();
#endif
}

}  // namespace pinyon::test
