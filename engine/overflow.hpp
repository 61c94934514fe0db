// Large values: each stands in a run of raw pages, data pages first, then sum pages with one 4-byte
// checksum a data page; the leaf holds an extent_reference. A value longer than run_bytes_max is
// cut into pieces of that size, and the references of the pieces are themselves stored as a run. A
// run belongs to one version of one value: it is never written again.
//
// Invariants
//  1. sums_checksum covers the sum pages, and each sum covers one data page (its unused tail is
//     zero), so every page is verified before its first byte is returned.
//  2. Lengths and page numbers from a file are checked against the file's size before memory is
//     taken.
//
// Threads: readers from any thread; the writer as the transaction's.
// Failure: corrupt, io; no_space from the writer; value_too_long from `view`.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "pinyon/engine/page_store.hpp"

namespace pinyon {

// One piece: bounded so that a single run is easy to find and a view fits a pool.
inline constexpr std::uint64_t run_bytes_max = std::uint64_t{64} << 20;

// Pages that `length` bytes take, sum pages included (without those of the list of pieces).
[[nodiscard]] std::uint64_t extent_pages(std::uint64_t length, std::uint32_t page_bytes) noexcept;

class run_writer;

// Writes a value front to back without holding it: a page a call, past the views.
class extent_writer {
public:
    // REQUIRES: length > 0. Throws value_too_long above format::value_bytes_max.
    extent_writer(page_store& store, std::uint64_t length);
    ~extent_writer();
    extent_writer(const extent_writer&) = delete;
    extent_writer& operator=(const extent_writer&) = delete;
    // Throws misuse when more than `length` bytes come in all.
    void write(bytes chunk);
    // All bytes are there: returns the reference for the leaf. Throws misuse when some are missing.
    [[nodiscard]] format::extent_reference finish();
    // In place of `finish`: the pages taken so far are free again. A writer that goes without
    // either keeps them until the transaction aborts.
    void abandon();
    [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
    [[nodiscard]] std::uint64_t length() const noexcept { return length_; }

private:
    page_store& store_;
    std::uint64_t length_;
    std::uint64_t written_ = 0;
    std::unique_ptr<run_writer> run_;  // of the piece being written
    std::vector<format::extent_reference> pieces_;
};

// Reads a value in order or at any offset, verifying what it passes. Holds one piece's checksums at
// a time.
class extent_reader {
public:
    // Verifies the reference and its list of pieces; reads no data.
    extent_reader(page_store& store, const format::extent_reference& reference);
    [[nodiscard]] std::uint64_t length() const noexcept { return reference_.length; }
    // Reads up to out.size() bytes at `offset`; returns fewer only at the end.
    std::size_t read(std::uint64_t offset, std::span<std::byte> out);

private:
    void load_piece(std::uint64_t index);
    void read_ahead(std::uint64_t first_page, std::uint64_t pages);
    std::size_t read_in_piece(std::uint64_t offset, std::span<std::byte> out);

    page_store* store_;
    format::extent_reference reference_;
    std::vector<format::extent_reference> pieces_;
    std::vector<std::uint32_t> sums_;  // of piece_
    std::uint64_t piece_ = ~std::uint64_t{0};
    std::uint64_t next_offset_ = 0;  // where a read in order would begin
    std::uint64_t ahead_ = 0;        // pages of the piece asked for already
};

// The longest value that `view_extent` returns: run_bytes_max or half the pool.
[[nodiscard]] std::uint64_t view_bytes_max(const page_store& store);
// The whole value as one view of the mapping, every page verified. O(pages).
[[nodiscard]] bytes view_extent(page_store& store, const format::extent_reference& reference);

// Retires all runs of the value.
void retire_extent(page_store& store, const format::extent_reference& reference);

// Calls `run(page_run, born)` for each run of the value, for the checker. Throws corrupt.
void for_each_run(page_store& store, const format::extent_reference& reference,
                  const std::function<void(io::page_run, std::uint64_t born)>& run);
// Verifies every page of the value. O(pages).
void verify_extent(page_store& store, const format::extent_reference& reference);

}  // namespace pinyon
