// Planted protocol errors, for the proof that the tests find each of them (tests/mutants.txt). Code
// asks `mutant(n)` at the step that is wrong in mutant n, and the environment chooses one for a
// process: PINYON_MUTANT=n. Only a build with the CMake option PINYON_MUTANTS has them; it cannot
// be installed. In any other `mutant` is the constant false, and nothing of it is left.
#pragma once

#ifdef PINYON_MUTANTS
#include <cstdlib>
#endif

namespace pinyon {

#ifdef PINYON_MUTANTS

[[nodiscard]] inline bool mutant(unsigned long number) noexcept {
    static const unsigned long chosen = [] {
        const char* text = std::getenv("PINYON_MUTANT");
        return text == nullptr ? 0 : std::strtoul(text, nullptr, 10);
    }();
    return number == chosen;
}

#else

[[nodiscard]] constexpr bool mutant(unsigned long) noexcept { return false; }

#endif

}  // namespace pinyon
