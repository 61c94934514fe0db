// Whole files, read and written past the engine.
#pragma once

#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace pinyon::test {

[[nodiscard]] inline std::vector<char> read_file(const std::string& path) {
    std::ifstream input(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(input), std::istreambuf_iterator<char>()};
}

inline void write_file(const std::string& path, const std::vector<char>& content) {
    std::ofstream output(path, std::ios::binary | std::ios::trunc);
    output.write(content.data(), static_cast<std::streamsize>(content.size()));
}

}  // namespace pinyon::test
