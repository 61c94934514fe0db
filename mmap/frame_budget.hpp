// What the mapped pages cost: frames of both views, and a page table of 4 KiB for each 2 MiB window
// of addresses in which a view has one. Turns pages that leave into the ranges to unmap: runs, and
// the whole window once nothing is left in it, because only that gives its page table back.
//
// Invariants
//  1. used_bytes() = frames() * page_bytes + windows() * 4096.
//  2. A page is entered in a view at most once at a time.
//
// Threads: one at a time (the pool's mutex), but windows() and frames(view) from any thread.
// Failure: no_space from the constructor, bad_alloc from `leave` before anything has changed.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "pinyon/mmap/file.hpp"
#include "pinyon/mmap/page_table.hpp"

namespace pinyon::io {

enum class page_view_kind : std::uint8_t { read = 0, write = 1 };

class frame_budget {
public:
    static constexpr std::uint64_t window_bytes = std::uint64_t{2} << 20;
    static constexpr std::uint64_t window_cost = 4096;

    // `write` is null when there is no second view; `first` is the first byte that it maps.
    frame_budget(std::uint64_t budget_bytes, std::uint32_t page_bytes, const mapping& read,
                 const mapping* write, std::uint64_t first);

    [[nodiscard]] std::uint64_t budget_bytes() const noexcept { return budget_bytes_; }
    [[nodiscard]] std::uint64_t used_bytes() const noexcept {
        return frames() * page_bytes_ + windows() * window_cost;
    }
    [[nodiscard]] std::uint64_t frames() const noexcept { return frames_[0] + frames_[1]; }
    [[nodiscard]] std::uint64_t frames(page_view_kind view) const noexcept {
        return frames_[static_cast<std::size_t>(view)];
    }
    [[nodiscard]] std::uint64_t frames_peak() const noexcept { return frames_peak_; }
    [[nodiscard]] std::uint64_t windows() const noexcept { return windows_; }
    // The frames for which there is room beside the page tables of now.
    [[nodiscard]] std::uint64_t frames_max() const noexcept;

    // Whether this page could be entered within the budget.
    [[nodiscard]] bool fits(page_view_kind view, page_number page) const noexcept;
    void enter(page_view_kind view, page_number page) noexcept;
    // `pages` ascend. Replaces `out` by the ranges that must be unmapped now.
    void leave(page_view_kind view, std::span<const page_number> pages,
               std::vector<byte_range>& out);

private:
    struct side {
        std::uint64_t phase = 0;  // of the view's base within a window
        std::uint64_t first = 0;  // bytes that the view maps
        std::uint64_t end = 0;
        std::uint16_t* counts = nullptr;  // pages in each window
    };

    [[nodiscard]] std::uint64_t window_of(const side& one, page_number page) const noexcept {
        return (page * page_bytes_ + one.phase) / window_bytes;
    }
    [[nodiscard]] byte_range range_of(const side& one, std::uint64_t window) const noexcept;

    std::uint64_t budget_bytes_;
    std::uint32_t page_bytes_;
    reserved_memory read_memory_;
    reserved_memory write_memory_;
    std::array<side, 2> sides_;
    std::array<std::atomic<std::uint64_t>, 2> frames_{};
    std::atomic<std::uint64_t> windows_{0};
    std::uint64_t frames_peak_ = 0;
};

}  // namespace pinyon::io
