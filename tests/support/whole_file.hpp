// Whole files, read and written past the engine.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <utility>

namespace pinyon::test {

// Empty when there is none. Not byte by byte: instrumented, that took nine tenths of some tests.
[[nodiscard]] inline std::string read_file(const std::string& path) {
    const std::ifstream in(path, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}

inline void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

}  // namespace pinyon::test
