// Every number below `size` once, in an order that looks random, without a table: a Feistel network
// over the next even number of bits, walked until it lands inside.
#pragma once

#include <bit>
#include <cstdint>

namespace pinyon::bench {

class permutation {
public:
    permutation(std::uint64_t size, std::uint64_t seed) noexcept
        : size_(size),
          half_bits_((static_cast<unsigned>(std::bit_width(size)) + 1) / 2),
          seed_(seed) {}

    // REQUIRES: index < size.
    [[nodiscard]] std::uint64_t operator()(std::uint64_t index) const noexcept {
        do { index = rounds(index); } while (index >= size_);
        return index;
    }

private:
    [[nodiscard]] std::uint64_t rounds(std::uint64_t value) const noexcept {
        const std::uint64_t mask = (std::uint64_t{1} << half_bits_) - 1;
        std::uint64_t left = value >> half_bits_;
        std::uint64_t right = value & mask;
        for (std::uint64_t round = 0; round < 4; ++round) {
            const std::uint64_t mixed = (right + seed_ + round) * 0x9e3779b97f4a7c15u;
            const std::uint64_t next =
                left ^ ((mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9u >> 31 & mask);
            left = right;
            right = next;
        }
        return left << half_bits_ | right;
    }

    std::uint64_t size_;
    unsigned half_bits_;
    std::uint64_t seed_;
};

}  // namespace pinyon::bench
