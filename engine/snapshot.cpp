#include "pinyon/engine/snapshot.hpp"

#include <functional>
#include <thread>

namespace pinyon {

snapshot_registry::snapshot_registry() = default;

snapshot_registry::~snapshot_registry() {
    chunk* next = first_.next.load(std::memory_order_relaxed);
    while (next != nullptr) {
        const std::unique_ptr<chunk> gone(next);
        next = gone->next.load(std::memory_order_relaxed);
    }
}

void snapshot_registry::publish(const published_state& state) noexcept {
    const std::array<std::uint64_t, 7> words{
        state.transaction,   state.catalog.page, state.catalog.count, state.catalog.checksum,
        state.catalog.level, state.page_count,   state.next_tree};
    version_.fetch_add(1, std::memory_order_acq_rel);
    for (std::size_t i = 0; i < words.size(); ++i) {
        words_[i].store(words[i], std::memory_order_release);
    }
    version_.fetch_add(1, std::memory_order_release);
    published_.store(state.transaction, std::memory_order_seq_cst);
}

published_state snapshot_registry::current() const noexcept {
    std::array<std::uint64_t, 7> words{};
    for (;;) {
        const std::uint64_t before = version_.load(std::memory_order_acquire);
        for (std::size_t i = 0; i < words.size(); ++i) {
            words[i] = words_[i].load(std::memory_order_acquire);
        }
        if ((before & 1) == 0 && version_.load(std::memory_order_acquire) == before) { break; }
        std::this_thread::yield();
    }
    return {words[0],
            {words[1], words[2], static_cast<std::uint32_t>(words[3]),
             static_cast<std::uint32_t>(words[4])},
            words[5],
            static_cast<std::uint32_t>(words[6])};
}

snapshot_registry::slot& snapshot_registry::claim(std::uint64_t id) {
    // Threads start at different slots, so that they seldom meet in one.
    const std::size_t start = std::hash<std::thread::id>{}(std::this_thread::get_id());
    for (chunk* part = &first_;;) {
        for (std::size_t i = 0; i < part->slots.size(); ++i) {
            slot& candidate = part->slots[(start + i) % part->slots.size()].id;
            std::uint64_t free = 0;
            if (candidate.load(std::memory_order_relaxed) == 0 &&
                candidate.compare_exchange_strong(free, id, std::memory_order_seq_cst)) {
                return candidate;
            }
        }
        chunk* next = part->next.load(std::memory_order_acquire);
        if (next == nullptr) {
            auto fresh = std::make_unique<chunk>();
            if (part->next.compare_exchange_strong(next, fresh.get(), std::memory_order_acq_rel)) {
                next = fresh.release();
            }
        }
        part = next;
    }
}

snapshot_registry::slot& snapshot_registry::acquire(published_state& state) {
    state = current();
    slot& mine = claim(state.transaction);
    while (published_.load(std::memory_order_seq_cst) != state.transaction) {
        state = current();
        mine.store(state.transaction, std::memory_order_seq_cst);
    }
    return mine;
}

void snapshot_registry::held(std::vector<std::uint64_t>& ids) const {
    for (const chunk* part = &first_; part != nullptr;
         part = part->next.load(std::memory_order_acquire)) {
        for (const padded_slot& entry : part->slots) {
            if (const std::uint64_t id = entry.id.load(std::memory_order_seq_cst); id != 0) {
                ids.push_back(id);
            }
        }
    }
}

std::uint64_t snapshot_registry::readers() const noexcept {
    std::uint64_t count = 0;
    for (const chunk* part = &first_; part != nullptr;
         part = part->next.load(std::memory_order_acquire)) {
        for (const padded_slot& entry : part->slots) {
            count += entry.id.load(std::memory_order_relaxed) != 0 ? 1U : 0U;
        }
    }
    return count;
}

}  // namespace pinyon
