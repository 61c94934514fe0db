#include "pinyon/engine/publication.hpp"

#include <algorithm>

#include "pinyon/mmap/assert.hpp"
#include "pinyon/mmap/mutant.hpp"

namespace pinyon {

void publication::reserve() {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() == waiting_.capacity()) { waiting_.reserve(2 * waiting_.size() + 8); }
}

std::uint64_t publication::push(const published_state& state, std::uint64_t position,
                                bool durable) noexcept {
    const std::lock_guard lock(mutex_);
    PINYON_ASSERT(waiting_.size() < waiting_.capacity());
    const std::uint64_t before = waiting_.empty() ? 0 : waiting_.back().awaited;
    const std::uint64_t awaited = durable ? position : before;
    waiting_.push_back({state, awaited});
    return awaited;
}

void publication::advance(std::uint64_t durable) noexcept {
    const std::lock_guard lock(mutex_);
    const auto still_waiting =
        std::find_if(waiting_.begin(), waiting_.end(),
                     [durable](const waiting_state& each) { return each.awaited > durable; });
    if (still_waiting == waiting_.begin()) { return; }
    snapshots_.publish((still_waiting - 1)->state);
    waiting_.erase(waiting_.begin(), still_waiting);
}

void publication::publish(const published_state& state) noexcept {
    const std::lock_guard lock(mutex_);
    waiting_.clear();
    snapshots_.publish(state);
}

void publication::kept(std::vector<std::uint64_t>& ids) const {
    const std::lock_guard lock(mutex_);
    if (!mutant(26) || waiting_.empty()) { ids.push_back(snapshots_.current().transaction); }
    for (const waiting_state& each : waiting_) { ids.push_back(each.state.transaction); }
}

}  // namespace pinyon
