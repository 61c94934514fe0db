// What a long benchmark is at, on a terminal alone.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <string>

namespace pinyon::bench {

// The line is overwritten by whatever is printed next.
inline void progress(const std::string& text) {
    if (::isatty(STDERR_FILENO) != 0) { std::fprintf(stderr, "\r\033[K%s\r", text.c_str()); }
}

}  // namespace pinyon::bench
