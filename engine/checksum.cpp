#include "pinyon/engine/checksum.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace pinyon {

namespace {

// The multiplier spreads neighbouring page numbers over all bits of the seed (2^64 / golden ratio).
[[nodiscard]] std::uint64_t seed_at(std::uint64_t seed, std::uint64_t page) noexcept {
    return seed ^ (page + 1) * 0x9e3779b97f4a7c15u;
}

// 0 means "not known" wherever a 32-bit checksum is kept.
[[nodiscard]] std::uint32_t narrow(std::uint64_t hash) noexcept {
    const auto low = static_cast<std::uint32_t>(hash);
    return low == 0 ? 1 : low;
}

}  // namespace

std::uint32_t page_seal::of(std::uint64_t page, const std::byte* data) const noexcept {
    return narrow(XXH3_64bits_withSeed(data + 4, page_bytes - 4, seed_at(seed, page)));
}

std::uint32_t page_seal::of_raw(std::uint64_t page, bytes data) const noexcept {
    return narrow(XXH3_64bits_withSeed(data.data(), data.size(), seed_at(seed, page)));
}

std::uint64_t page_seal::of_image(std::uint64_t page, bytes data) const noexcept {
    return XXH3_64bits_withSeed(data.data(), data.size(), seed_at(seed, page));
}

std::uint64_t seed_of(const std::array<std::uint8_t, 16>& uuid) noexcept {
    return XXH3_64bits(uuid.data(), uuid.size());
}

std::uint64_t checksum_of(const format::meta& meta) noexcept {
    return XXH3_64bits(&meta, offsetof(format::meta, checksum));
}

}  // namespace pinyon
