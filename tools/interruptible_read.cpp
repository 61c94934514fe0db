#include "tools/interruptible_read.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "tools/exit_code.hpp"

namespace pinyon::tool {

namespace {

class interrupts_held {
public:
    interrupts_held() {
        sigset_t signals;
        sigemptyset(&signals);
        sigaddset(&signals, SIGINT);
        sigaddset(&signals, SIGTERM);
        ::pthread_sigmask(SIG_BLOCK, &signals, &before_);
    }
    ~interrupts_held() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
    interrupts_held(const interrupts_held&) = delete;
    interrupts_held& operator=(const interrupts_held&) = delete;

    // Lets them in while it waits for something to read, its end or an error.
    void wait_for(int descriptor) const {
        pollfd input{descriptor, POLLIN, 0};
        (void)::ppoll(&input, 1, nullptr, &before_);
    }

private:
    sigset_t before_{};
};

void check(const std::atomic<bool>* interrupted) {
    if (interrupted != nullptr && interrupted->load(std::memory_order_relaxed)) {
        throw interruption();
    }
}

}  // namespace

std::ptrdiff_t interruptible_read(int descriptor, std::span<char> out,
                                  const std::atomic<bool>* interrupted) {
    for (;;) {
        {
            const interrupts_held held;
            check(interrupted);
            held.wait_for(descriptor);
        }
        check(interrupted);
        const ssize_t got = ::read(descriptor, out.data(), out.size());
        if (got >= 0 || errno != EINTR) { return got; }
    }
}

}  // namespace pinyon::tool
