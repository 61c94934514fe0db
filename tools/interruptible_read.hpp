// Reading what may be long in coming (a pipe, a terminal) without losing an interrupt.
//
// The interrupts that end a verb, SIGINT and SIGTERM, set a flag. One that came between a look at
// the flag and a read would be noticed only when there is something to read: so they are let in
// while the wait lasts and at no other moment between the look and the read.
#pragma once

#include <atomic>
#include <cstddef>
#include <span>

namespace pinyon::tool {

// As read(2): how many bytes, 0 at the end, -1 with errno. Throws interruption when the flag is set
// before anything can be read. Null: there is no flag. REQUIRES: a descriptor >= 0.
[[nodiscard]] std::ptrdiff_t interruptible_read(int descriptor, std::span<char> out,
                                                const std::atomic<bool>* interrupted);

}  // namespace pinyon::tool
