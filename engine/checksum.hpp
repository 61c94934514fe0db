// Checksums: XXH3, seeded by the file's identity and the page's own number, so that a page of
// another file or of another place never verifies. They detect damage; they are no authentication.
#pragma once

#include <array>
#include <cstdint>

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/format.hpp"

namespace pinyon {

// How the pages of one file are verified.
struct page_seal {
    std::uint64_t seed = 0;  // seed_of(uuid)
    std::uint32_t page_bytes = format::page_bytes_default;

    // Of a page with a header: its bytes from offset 4 to its end. Never 0. About 0.15 us for 4
    // KiB.
    [[nodiscard]] std::uint32_t of(std::uint64_t page, const std::byte* data) const noexcept;
    // Of raw bytes (extents, sum pages) that begin at `page`. Never 0.
    [[nodiscard]] std::uint32_t of_raw(std::uint64_t page, bytes data) const noexcept;
    // Of the free-space image that begins at `page`, at full width.
    [[nodiscard]] std::uint64_t of_image(std::uint64_t page, bytes data) const noexcept;
};

[[nodiscard]] std::uint64_t seed_of(const std::array<std::uint8_t, 16>& uuid) noexcept;
// Of a meta: all bytes before its checksum, unseeded, so that it is verifiable before anything is
// known.
[[nodiscard]] std::uint64_t checksum_of(const format::meta& meta) noexcept;

}  // namespace pinyon
