// Whether a transaction is still running, for everything that has to know at every step.
//
// Invariants
//  1. Over once, it is over for ever.
//  2. In a forked child a transaction of the parent is over: its pages are not mapped there.
//
// Threads: one at a time.
#pragma once

#include <cstdint>

#include "pinyon/mmap/descriptor.hpp"

namespace pinyon {

class transaction_life {
public:
    // Two loads.
    [[nodiscard]] bool over() const noexcept { return over_ || inherited(); }
    // It is a parent's.
    [[nodiscard]] bool inherited() const noexcept { return process_ != io::fork_depth(); }
    void end() noexcept { over_ = true; }

private:
    bool over_ = false;
    std::uint32_t process_ = io::fork_depth();
};

}  // namespace pinyon
