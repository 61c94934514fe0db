// A database file that may be damaged anywhere: what its metas say and, where both are gone, its
// page size and uuid as far as anything still tells them; and its pages, each judged by itself.
//
// Invariants
//  1. The file is opened read-only and read by position alone. What cannot be read is damaged, not
//     an error.
//  2. A page is believed only when its own checksum, seeded by the file's uuid and the page's
//     number, is right.
//
// Threads: one.
// Failure: the constructor: not_found, permission, is_directory, version, not_a_database, io;
// refusal(damage) where nothing tells the uuid. Large values: corrupt, io, truncated.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/checksum.hpp"
#include "pinyon/engine/log_segment.hpp"
#include "pinyon/engine/page_set.hpp"
#include "pinyon/engine/page_store.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon::tool {

class damaged_file {
public:
    explicit damaged_file(const std::string& path);

    [[nodiscard]] const std::string& resolved() const noexcept { return resolved_; }
    // The metas that can be used, newest first: none, one or two.
    [[nodiscard]] const std::vector<format::meta>& metas() const noexcept { return metas_; }
    // Why a slot is not among them; empty: it is.
    [[nodiscard]] const std::array<std::string, 2>& defects() const noexcept { return defects_; }

    [[nodiscard]] std::uint32_t page_bytes() const noexcept { return seal_.page_bytes; }
    [[nodiscard]] std::uint64_t first_page() const noexcept {
        return format::first_page(page_bytes());
    }
    // Whole pages that the file has.
    [[nodiscard]] std::uint64_t pages() const noexcept { return pages_; }
    [[nodiscard]] const page_seal& seal() const noexcept { return seal_; }

    // Whole pages from `first` on into `out`. False: they cannot be read.
    [[nodiscard]] bool read(std::uint64_t first, std::span<std::byte> out);
    // Whether the page is a node by its own checksum and number.
    [[nodiscard]] bool is_node(std::uint64_t page, const std::byte* data) const noexcept;
    // Called before pages are read, with how many have been so far; may throw.
    void on_read(std::function<void(std::uint64_t pages)> look) { on_read_ = std::move(look); }
    // Those of large values are read past this.
    void note_read(io::page_run run) noexcept;
    // Each counts once.
    [[nodiscard]] std::uint64_t pages_read() const noexcept { return seen_.size(); }

    // For large values (overflow.hpp).
    [[nodiscard]] page_store& store() noexcept { return *store_; }

private:
    void read_metas();
    [[nodiscard]] bool guess_identity();
    [[nodiscard]] std::uint64_t nodes_under(const page_seal& seal);
    void attach();

    std::string path_;
    std::string resolved_;
    std::unique_ptr<io::file> file_;
    std::uint64_t file_bytes_ = 0;
    std::vector<format::meta> metas_;
    std::array<std::string, 2> defects_;
    page_seal seal_;
    std::uint64_t pages_ = 0;
    page_set seen_;
    std::function<void(std::uint64_t)> on_read_;
    std::unique_ptr<page_store> store_;
    std::unique_ptr<io::page_source> source_;
};

}  // namespace pinyon::tool
