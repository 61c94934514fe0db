#include "pinyon/engine/writer_queue.hpp"

#include <algorithm>

#include "pinyon/mmap/error.hpp"

namespace pinyon {

void writer_queue::refuse_self() const {
    if (held_ && holder_ == std::this_thread::get_id()) {
        raise(errc::misuse,
              "this thread has a write transaction already and would wait for itself: commit or "
              "abort that first");
    }
}

bool writer_queue::enter(std::optional<std::chrono::milliseconds> timeout) {
    std::unique_lock lock(mutex_);
    refuse_self();
    const std::uint64_t ticket = next_ticket_++;
    waiting_.push_back(ticket);
    const auto my_turn = [&] { return !held_ && waiting_.front() == ticket; };
    if (!timeout) {
        turn_.wait(lock, my_turn);
    } else if (!turn_.wait_for(lock, *timeout, my_turn)) {
        waiting_.erase(std::find(waiting_.begin(), waiting_.end(), ticket));
        turn_.notify_all();
        return false;
    }
    waiting_.pop_front();
    held_ = true;
    holder_ = std::this_thread::get_id();
    return true;
}

bool writer_queue::try_enter() {
    const std::lock_guard lock(mutex_);
    refuse_self();
    if (held_ || !waiting_.empty()) { return false; }
    held_ = true;
    holder_ = std::this_thread::get_id();
    return true;
}

void writer_queue::leave() noexcept {
    {
        const std::lock_guard lock(mutex_);
        held_ = false;
        holder_ = {};
    }
    turn_.notify_all();
}

bool writer_queue::held() const {
    const std::lock_guard lock(mutex_);
    return held_;
}

}  // namespace pinyon
