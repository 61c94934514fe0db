#include "pinyon/engine/background.hpp"

#include <utility>

namespace pinyon {

void background_thread::start(std::function<void()> work, std::chrono::milliseconds period) {
    work_ = std::move(work);
    period_ = period;
    stopping_ = false;
    thread_ = std::thread([this] { loop(); });
}

void background_thread::wake() noexcept {
    {
        const std::lock_guard lock(mutex_);
        woken_ = true;
    }
    changed_.notify_one();
}

void background_thread::stop() noexcept {
    if (!thread_.joinable()) { return; }
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_one();
    thread_.join();
}

void background_thread::loop() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        changed_.wait_for(lock, period_, [this] { return woken_ || stopping_; });
        if (stopping_) { return; }
        woken_ = false;
        lock.unlock();
        work_();
        lock.lock();
    }
}

}  // namespace pinyon
