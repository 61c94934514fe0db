// Small helpers for tests that read and write plain bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "pinyon/mmap/file.hpp"

namespace pinyon::test {

[[nodiscard]] inline std::vector<std::byte> bytes_of(std::string_view text) {
    std::vector<std::byte> result(text.size());
    if (!text.empty()) std::memcpy(result.data(), text.data(), text.size());
    return result;
}

// Bytes that depend on seed and position, so that misplaced ones show.
[[nodiscard]] inline std::vector<std::byte> pattern(std::size_t bytes, std::uint64_t seed) {
    std::vector<std::byte> result(bytes);
    std::uint64_t state = seed * 0x9e3779b97f4a7c15u + 1;
    for (std::byte& each : result) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        each = static_cast<std::byte>(state >> 32);
    }
    return result;
}

[[nodiscard]] inline std::vector<std::byte> read_all(io::file& file, std::uint64_t offset,
                                                     std::size_t bytes) {
    std::vector<std::byte> result(bytes);
    result.resize(file.read(offset, result));
    return result;
}

}  // namespace pinyon::test
