// Snapshots: which state is published, and which states readers still look at. Beginning and ending
// a snapshot takes no lock and allocates nothing once enough slots exist.
//
// Invariants
//  1. A reader stores its transaction's id in a slot and then finds that id still published, or
//     tries again; the writer publishes first and looks at the slots after that. So a snapshot that
//     the writer does not see in a slot starts from the new state (Dekker's argument; both sides
//     sequentially consistent).
//  2. Slots are never given back to the system before the registry goes.
//
// Threads: acquire and release from any thread; publish and kept by one writer at a time.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "pinyon/engine/format.hpp"

namespace pinyon {

// All that a reader needs to start from.
struct published_state {
    std::uint64_t transaction = 0;  // 0 is no transaction: ids begin at 1
    format::root_reference catalog{};
    std::uint64_t page_count = 0;
    std::uint32_t next_tree = 1;
};

class snapshot_registry {
public:
    using slot = std::atomic<std::uint64_t>;

    snapshot_registry();
    ~snapshot_registry();
    snapshot_registry(const snapshot_registry&) = delete;
    snapshot_registry& operator=(const snapshot_registry&) = delete;

    void publish(const published_state& state) noexcept;
    [[nodiscard]] published_state current() const noexcept;

    // The newest published state, held until its slot is released. O(1) unless many readers run.
    [[nodiscard]] slot& acquire(published_state& state);
    static void release(slot& held) noexcept { held.store(0, std::memory_order_seq_cst); }

    // Adds the ids that readers hold to `ids`, in no order.
    void held(std::vector<std::uint64_t>& ids) const;
    [[nodiscard]] std::uint64_t readers() const noexcept;

private:
    struct alignas(64) padded_slot {
        slot id{0};
    };
    struct chunk {
        std::array<padded_slot, 64> slots;
        std::atomic<chunk*> next{nullptr};
    };

    [[nodiscard]] slot& claim(std::uint64_t id);

    // A sequence lock: odd while the writer is inside.
    std::atomic<std::uint64_t> version_{0};
    std::array<std::atomic<std::uint64_t>, 7> words_{};
    std::atomic<std::uint64_t> published_{0};
    chunk first_;
};

}  // namespace pinyon
