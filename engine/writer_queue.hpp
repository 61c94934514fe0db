// The writers' queue: one holder at a time; those who wait longer than a moment get their turn in
// order of arrival, and nobody overtakes them. Not a mutex: the right to write belongs to a
// transaction, which may end on another thread than it began on.
//
// Threads: any. Failure: misuse when the thread that began the running write transaction asks
// again.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace pinyon {

class writer_queue {
public:
    // Waits for its turn; false when `timeout` ran out first.
    [[nodiscard]] bool enter(std::optional<std::chrono::milliseconds> timeout);
    // False when another transaction holds or awaits the turn.
    [[nodiscard]] bool try_enter();
    void leave() noexcept;
    [[nodiscard]] bool held() const;
    // How many have lain down to wait.
    [[nodiscard]] std::size_t waiting() const;

private:
    // One that waits, on its own thread's stack: the turn is handed to it, and nobody else wakes.
    struct waiter {
        std::condition_variable turn;
        bool granted = false;
    };

    void refuse_self() const;
    void take() noexcept;

    mutable std::mutex mutex_;
    std::deque<waiter*> waiting_;
    std::atomic<bool> held_{false};  // changes under the mutex
    std::thread::id holder_;
};

}  // namespace pinyon
