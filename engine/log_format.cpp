#include "pinyon/engine/log_format.hpp"

#include <limits>

#include "pinyon/engine/format.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace pinyon {

namespace {

constexpr std::string_view infix = "-wal.";
constexpr std::size_t digits = 20;  // of 2^64 - 1

}  // namespace

std::uint64_t checksum_of(const format::segment_header& header) noexcept {
    return XXH3_64bits(&header, offsetof(format::segment_header, checksum));
}

// The multiplier (2^64 / golden ratio) spreads neighbouring positions over all bits of the seed.
std::uint64_t checksum_of(const format::batch_header& header, std::uint64_t log_id) noexcept {
    return XXH3_64bits_withSeed(&header, offsetof(format::batch_header, checksum),
                                log_id ^ (header.position + 1) * 0x9e3779b97f4a7c15u);
}

std::uint64_t payload_checksum(bytes payload, std::uint64_t log_id,
                               std::uint64_t position) noexcept {
    return XXH3_64bits_withSeed(payload.data(), payload.size(), log_id ^ position);
}

std::string segment_name(const std::string& database, std::uint64_t sequence) {
    const std::string number = std::to_string(sequence);
    return database + std::string(infix) + std::string(digits - number.size(), '0') + number;
}

std::optional<std::uint64_t> parse_segment_name(std::string_view database,
                                                std::string_view name) noexcept {
    if (name.size() != database.size() + infix.size() + digits || !name.starts_with(database) ||
        name.substr(database.size(), infix.size()) != infix) {
        return std::nullopt;
    }
    constexpr std::uint64_t max = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t sequence = 0;
    for (const char c : name.substr(name.size() - digits)) {
        if (c < '0' || c > '9') { return std::nullopt; }
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (sequence > (max - digit) / 10) { return std::nullopt; }
        sequence = sequence * 10 + digit;
    }
    // The next one has a number, too.
    if (sequence == 0 || sequence > format::count_max) { return std::nullopt; }
    return sequence;
}

std::string_view file_name_of(std::string_view path) noexcept {
    return path.substr(path.rfind('/') + 1);
}

}  // namespace pinyon
