// The bytes of the log, as structs: the layout that FORMAT.md describes, with the checksums and the
// file names that go with it.
//
// A log is a row of segments, files beside the database file. A segment is a header alone in its
// block, then batches back to back, each at a multiple of 8 bytes, then zeros. A batch is one
// transaction. Positions count the bytes of batches only and go on from log to log, so that a
// position names one moment in the life of a database.
//
// Threads: pure functions.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "pinyon/engine/bytes.hpp"

namespace pinyon {

// A place between two batches.
struct log_cut {
    std::uint64_t position = 0;
    std::uint64_t chain = 0;  // checksum of the batch that ends there, 0 at the first of all

    friend bool operator==(const log_cut&, const log_cut&) = default;
};

namespace format {

inline constexpr std::array<char, 8> log_magic{'P', 'I', 'N', 'Y', 'O', 'N', 'W', 'L'};
inline constexpr std::uint32_t log_version = 1;
inline constexpr std::uint32_t batch_magic = 0x42415750;  // "PWAB"

// The header's block; the first batch follows it.
inline constexpr std::uint32_t segment_block_bytes = 4096;
// Operations are buffered up to 16 MiB; the last one may bring an entry of the largest page.
inline constexpr std::uint64_t payload_bytes_max = (std::uint64_t{16} << 20) + (64 << 10);
// The file of a segment: what a writer may be asked for, and what a reader looks at.
inline constexpr std::uint64_t segment_bytes_min = 2 * std::uint64_t{segment_block_bytes};
inline constexpr std::uint64_t segment_bytes_max = std::uint64_t{64} << 20;

struct segment_header {
    std::array<char, 8> magic;
    std::uint32_t version;
    std::uint32_t reserved0;
    std::array<std::uint8_t, 16> uuid;  // of the database
    std::uint64_t log_id;               // random, one per open that commits
    std::uint64_t sequence;             // the number in the file's name
    std::uint64_t position;             // of the first batch
    std::uint64_t previous_end;         // where the segment before ended: position
    std::uint64_t previous_sequence;    // of this log; 0: this is its first
    std::uint64_t chain;                // checksum of the batch before, whatever log it was in
    std::array<std::uint64_t, 5> reserved1;
    std::uint64_t checksum;  // of the bytes before it
};
static_assert(sizeof(segment_header) == 128 && std::is_trivially_copyable_v<segment_header>);
static_assert(offsetof(segment_header, version) == 8 && offsetof(segment_header, reserved0) == 12);
static_assert(offsetof(segment_header, uuid) == 16 && offsetof(segment_header, log_id) == 32);
static_assert(offsetof(segment_header, sequence) == 40 && offsetof(segment_header, position) == 48);
static_assert(offsetof(segment_header, previous_end) == 56);
static_assert(offsetof(segment_header, previous_sequence) == 64);
static_assert(offsetof(segment_header, chain) == 72 && offsetof(segment_header, reserved1) == 80);
static_assert(offsetof(segment_header, checksum) == 120);

struct batch_header {
    std::uint32_t magic;
    std::uint32_t operations;
    std::uint64_t position;          // of this header
    std::uint64_t length;            // of the payload, which zeros fill up to a multiple of 8
    std::uint64_t transaction;       // one more than the batch before's
    std::uint64_t durable;           // the log was durable up to there when this was written
    std::uint64_t previous;          // checksum of the batch before: the chain
    std::uint64_t payload_checksum;  // of `length` bytes
    std::uint64_t checksum;          // of the bytes before it
};
static_assert(sizeof(batch_header) == 64 && std::is_trivially_copyable_v<batch_header>);
static_assert(offsetof(batch_header, operations) == 4 && offsetof(batch_header, position) == 8);
static_assert(offsetof(batch_header, length) == 16 && offsetof(batch_header, transaction) == 24);
static_assert(offsetof(batch_header, durable) == 32 && offsetof(batch_header, previous) == 40);
static_assert(offsetof(batch_header, payload_checksum) == 48);
static_assert(offsetof(batch_header, checksum) == 56);

// Bytes that a batch takes in the log. REQUIRES: length <= payload_bytes_max.
[[nodiscard]] constexpr std::uint64_t batch_bytes(std::uint64_t length) noexcept {
    return sizeof(batch_header) + ((length + 7) & ~std::uint64_t{7});
}
static_assert(segment_block_bytes + batch_bytes(payload_bytes_max) <= segment_bytes_max);

}  // namespace format

// Unseeded, so that a header is verifiable before anything is known.
[[nodiscard]] std::uint64_t checksum_of(const format::segment_header& header) noexcept;
// Seeded by log and place, so that a batch of another log or from another place never verifies.
[[nodiscard]] std::uint64_t checksum_of(const format::batch_header& header,
                                        std::uint64_t log_id) noexcept;
[[nodiscard]] std::uint64_t payload_checksum(bytes payload, std::uint64_t log_id,
                                             std::uint64_t position) noexcept;

// "<database file>-wal.<20 digits>", a path when given one.
[[nodiscard]] std::string segment_name(const std::string& database, std::uint64_t sequence);
// The sequence in the name of a segment of this database (names without directory); nullopt for
// any other file. Sequences start at 1.
[[nodiscard]] std::optional<std::uint64_t> parse_segment_name(std::string_view database,
                                                              std::string_view name) noexcept;
// The last component of a path.
[[nodiscard]] std::string_view file_name_of(std::string_view path) noexcept;

}  // namespace pinyon
