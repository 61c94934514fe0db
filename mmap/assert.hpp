// Assertions about our own mistakes: O(1), always on, also in release builds. Bytes from a file and
// errors of the system are never asserted.
#pragma once

namespace pinyon {

// Prints the broken condition and aborts: to go on could write damage.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace pinyon

// Where errors of the protocol are planted (mutant.hpp), what tests see of them is to be judged.
#ifdef PINYON_MUTANTS
#define PINYON_ASSERT(condition) static_cast<void>(sizeof(!(condition)))
#else
#define PINYON_ASSERT(condition) \
    ((condition) ? void() : ::pinyon::assertion_failed(#condition, __FILE__, __LINE__))
#endif
