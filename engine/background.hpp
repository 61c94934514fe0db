// A thread that does a piece of work when it is woken and once in each period.
//
// Invariants
//  1. The work never runs in two threads at once, and not after `stop` has returned.
//
// Threads: start and stop by one thread at a time, wake from any.
// Failure: std::system_error from `start`; the work itself must not throw.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace pinyon {

class background_thread {
public:
    background_thread() = default;
    ~background_thread() { stop(); }
    background_thread(const background_thread&) = delete;
    background_thread& operator=(const background_thread&) = delete;

    void start(std::function<void()> work, std::chrono::milliseconds period);
    void wake() noexcept;
    // Waits for the running piece of work; does nothing when there is no thread.
    void stop() noexcept;
    [[nodiscard]] bool running() const noexcept { return thread_.joinable(); }

private:
    void loop();

    std::function<void()> work_;
    std::chrono::milliseconds period_{};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool woken_ = false;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace pinyon
