#include "pinyon/mmap/assert.hpp"

#include <cstdio>
#include <cstdlib>

namespace pinyon {

void assertion_failed(const char* condition, const char* file, int line) noexcept {
    std::fprintf(
        stderr,
        "pinyon: broken invariant: %s (%s:%d); please report this with the steps that led to it\n",
        condition, file, line);
    std::abort();
}

}  // namespace pinyon
