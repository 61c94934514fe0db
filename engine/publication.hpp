// Committed states on their way to the readers: a state is published when the log that made it is
// durable, in the order of the log.
//
// Invariants
//  1. States are published in the order of their commits; one whose commit asked for durability not
//     before the log is durable beyond it, and none before such a one in front of it.
//  2. Kept for page reuse are the published state and every one that waits: each of them may be
//     where a reader starts next.
//
// Threads: `reserve` and `push` by the writer; the rest from any thread.
#pragma once

#include <cstdint>
#include <mutex>
#include <vector>

#include "pinyon/engine/snapshot.hpp"

namespace pinyon {

class publication {
public:
    explicit publication(snapshot_registry& snapshots) noexcept : snapshots_(snapshots) {}

    // Room for one more waiting state, so that `push` cannot fail. Throws std::bad_alloc.
    void reserve();
    // The next state; its batch ends at `position`. `durable`: it waits until the log is durable up
    // to there. Returns the position that has to be durable before the state is published; 0: it
    // waits for nothing.
    std::uint64_t push(const published_state& state, std::uint64_t position, bool durable) noexcept;
    // Publishes what need not wait any longer when the log is durable up to `durable`.
    void advance(std::uint64_t durable) noexcept;
    // Publishes `state` past the queue: everything before it is durable by other means.
    void publish(const published_state& state) noexcept;
    // Adds the transactions of invariant 2.
    void kept(std::vector<std::uint64_t>& ids) const;

private:
    struct waiting_state {
        published_state state;
        std::uint64_t awaited;  // log position
    };

    snapshot_registry& snapshots_;
    mutable std::mutex mutex_;
    std::vector<waiting_state> waiting_;  // oldest first
};

}  // namespace pinyon
