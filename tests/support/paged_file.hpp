// A file of numbered, sealed pages and the warden that verifies them: what tests of page sources
// read and write. A page: checksum (4 bytes), a version of its content (4), its own number (8),
// bytes that follow from number and version.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstring>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

#include "pinyon/mmap/page_source.hpp"

namespace pinyon::io {

// Lets Boost.Test print the runs it compares.
inline std::ostream& boost_test_print_type(std::ostream& out, const page_run& run) {
    return out << run.first << '+' << run.count;
}

}  // namespace pinyon::io

namespace pinyon::test {

[[nodiscard]] inline std::uint64_t word_at(const std::byte* data, std::size_t offset) noexcept {
    std::uint64_t value = 0;
    std::memcpy(&value, data + offset, sizeof value);
    return value;
}

[[nodiscard]] inline std::uint32_t page_checksum(std::uint64_t page,
                                                 std::span<const std::byte> bytes) noexcept {
    std::uint64_t sum = page * 0x9e3779b97f4a7c15u + (word_at(bytes.data(), 0) >> 32);
    for (std::size_t at = 8; at < bytes.size(); at += 8) {
        sum = (sum ^ word_at(bytes.data(), at)) * 0xff51afd7ed558ccdu;
        sum ^= sum >> 29;
    }
    const auto short_sum = static_cast<std::uint32_t>(sum >> 16);
    return short_sum == 0 ? 1 : short_sum;
}

// The content of a page, not sealed.
inline void fill_page(std::uint64_t page, std::uint32_t version,
                      std::span<std::byte> out) noexcept {
    std::uint64_t state = (page << 20) + version;
    for (std::size_t at = 0; at < out.size(); at += 8) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        std::memcpy(out.data() + at, &state, 8);
    }
    const std::uint32_t unsealed = 0;
    std::memcpy(out.data(), &unsealed, 4);
    std::memcpy(out.data() + 4, &version, 4);
    std::memcpy(out.data() + 8, &page, 8);
}

inline std::uint32_t seal_page(std::uint64_t page, std::span<std::byte> bytes) noexcept {
    const std::uint32_t sum = page_checksum(page, bytes);
    std::memcpy(bytes.data(), &sum, 4);
    return sum;
}

[[nodiscard]] inline std::uint32_t version_of(const std::byte* data) noexcept {
    std::uint32_t version = 0;
    std::memcpy(&version, data + 4, 4);
    return version;
}

// True when the bytes are those of this page in this version.
[[nodiscard]] inline bool holds(const std::byte* data, std::uint64_t page, std::uint32_t version,
                                std::uint32_t page_bytes) {
    std::vector<std::byte> expected(page_bytes);
    fill_page(page, version, expected);
    return std::memcmp(data + 4, expected.data() + 4, page_bytes - 4) == 0;
}

class counting_warden final : public io::page_warden {
public:
    void admit(const io::page_reference& reference, std::span<const std::byte> page) override {
        admissions.fetch_add(1, std::memory_order_relaxed);
        if (page_checksum(reference.page, page) != reference.checksum) {
            raise(errc::corrupt, "the page does not have the checksum of its reference",
                  reference.page);
        }
    }
    [[nodiscard]] std::uint32_t seal(std::uint64_t page, std::span<std::byte> bytes) override {
        seals.fetch_add(1, std::memory_order_relaxed);
        return seal_page(page, bytes);
    }

    std::atomic<std::uint64_t> admissions{0};
    std::atomic<std::uint64_t> seals{0};
};

// A new file of `pages` pages, each of version 0 and sealed; sums[page] is what its parent would
// hold.
class paged_file {
public:
    paged_file(io::file_system& files, const std::string& path, std::uint64_t page_count,
               std::uint32_t bytes_a_page = 4096)
        : pages(page_count), page_bytes(bytes_a_page), sums(page_count) {
        file = files.open(path, io::open_mode::create_new);
        file->grow(pages * page_bytes);
        std::vector<std::byte> page(page_bytes);
        for (std::uint64_t number = first_page(); number < pages; ++number) {
            fill_page(number, 0, page);
            sums[number] = seal_page(number, page);
            file->write(number * page_bytes, page);
        }
        file->sync();
    }

    [[nodiscard]] std::uint64_t first_page() const noexcept { return page_bytes == 4096 ? 2 : 1; }
    [[nodiscard]] io::page_reference reference(std::uint64_t page,
                                               io::residency kind = io::residency::leaf) const {
        return {page, sums[page], 7,
                static_cast<std::uint8_t>(kind == io::residency::inner ? 1 : 0), kind};
    }
    // The unsealed content of a version, as `create` takes it.
    [[nodiscard]] std::vector<std::byte> content(std::uint64_t page, std::uint32_t version) const {
        std::vector<std::byte> bytes(page_bytes);
        fill_page(page, version, bytes);
        return bytes;
    }
    // What a writer does before it commits: seals the page in place and tells the source.
    void seal(io::page_source& source, std::uint64_t page) {
        const io::page_reference own{page, 0, 7, 0, io::residency::leaf};
        std::byte* data = source.writable(own);
        sums[page] = seal_page(page, {data, page_bytes});
        source.set_sum(page, sums[page]);
    }

    std::uint64_t pages;
    std::uint32_t page_bytes;
    std::vector<std::uint32_t> sums;
    std::unique_ptr<io::file> file;
};

}  // namespace pinyon::test
