// What the crash tests ask of the engine beyond transactions: when commits are safe, small logs,
// checkpoints on request, no thread of its own.
#pragma once

#include <cstdint>

#include "pinyon/pinyon.hpp"

namespace pinyon::test {

enum class safety : std::uint8_t { durable, relaxed, checkpoint };

template <class Durability = durability>
[[nodiscard]] constexpr Durability as_durability(safety how) noexcept {
    if constexpr (requires { Durability::durable; }) {
        if (how == safety::durable) { return Durability::durable; }
        if (how == safety::relaxed) { return Durability::relaxed; }
    }
    return Durability::checkpoint;
}

// True when a commit that returned has survived whatever comes.
template <class Durability = durability>
[[nodiscard]] constexpr bool is_safe_on_return(safety how) noexcept {
    if constexpr (requires { Durability::relaxed; }) { return how != safety::relaxed; }
    return true;
}

// Everything runs inside the calls, and logs and checkpoints are small enough to be met often.
template <class Options = options>
void make_small(Options& chosen, std::uint64_t checkpoint_bytes) {
    if constexpr (requires { chosen.background; }) {
        chosen.background = decltype(chosen.background)::none;
    }
    if constexpr (requires { chosen.log_segment_bytes; }) { chosen.log_segment_bytes = 16 << 10; }
    if constexpr (requires { chosen.checkpoint_bytes; }) {
        chosen.checkpoint_bytes = checkpoint_bytes;
    }
}

template <class Database = database>
void checkpoint_now(const Database& db) {
    if constexpr (requires { db.checkpoint(); }) { db.checkpoint(); }
}

// Waits until all that was committed is safe; false where the engine has nothing to wait for.
template <class Database = database, class Position>
void wait_until_safe(const Database& db, Position position) {
    if constexpr (requires { db.wait_durable(position); }) { db.wait_durable(position); }
}

// Commits; returns the log position behind it where the engine has one.
template <class Transaction = write_transaction>
std::uint64_t commit(Transaction& tx, safety how) {
    if constexpr (std::is_void_v<decltype(tx.commit())>) {
        tx.commit(as_durability<>(how));
        return 0;
    } else {
        return tx.commit(as_durability<>(how));
    }
}

}  // namespace pinyon::test
