#include "pinyon/mmap/frame_budget.hpp"

#include <algorithm>

#include "pinyon/mmap/assert.hpp"

namespace pinyon::io {

namespace {

// A pool smaller than this could not hold a path and its neighbours.
constexpr std::uint64_t frames_min = 8;

[[nodiscard]] std::uint64_t table_bytes(const mapping* view) noexcept {
    return view == nullptr
               ? 0
               : (view->bytes() / frame_budget::window_bytes + 2) * sizeof(std::uint16_t);
}

}  // namespace

frame_budget::frame_budget(std::uint64_t budget_bytes, std::uint32_t page_bytes,
                           const mapping& read, const mapping* write, std::uint64_t first)
    : budget_bytes_(budget_bytes),
      page_bytes_(page_bytes),
      read_memory_(table_bytes(&read)),
      write_memory_(table_bytes(write)) {
    const auto phase = [](const mapping& view) {
        return reinterpret_cast<std::uintptr_t>(view.base()) % window_bytes;
    };
    sides_[0] = {phase(read), write == nullptr ? first : 0, read.bytes(),
                 reinterpret_cast<std::uint16_t*>(read_memory_.data())};
    if (write != nullptr) {
        sides_[1] = {phase(*write), first, write->bytes(),
                     reinterpret_cast<std::uint16_t*>(write_memory_.data())};
    }
}

std::uint64_t frame_budget::frames_max() const noexcept {
    const std::uint64_t tables = windows() * window_cost;
    const std::uint64_t rest = budget_bytes_ > tables ? budget_bytes_ - tables : 0;
    return std::max(rest / page_bytes_, frames_min);
}

bool frame_budget::fits(page_view_kind view, page_number page) const noexcept {
    const side& one = sides_[static_cast<std::size_t>(view)];
    const std::uint64_t cost =
        page_bytes_ + (one.counts[window_of(one, page)] == 0 ? window_cost : 0);
    return used_bytes() + cost <= budget_bytes_ || frames() < frames_min;
}

void frame_budget::enter(page_view_kind view, page_number page) noexcept {
    const side& one = sides_[static_cast<std::size_t>(view)];
    if (one.counts[window_of(one, page)]++ == 0) { ++windows_; }
    ++frames_[static_cast<std::size_t>(view)];
    frames_peak_ = std::max(frames_peak_, frames());
}

byte_range frame_budget::range_of(const side& one, std::uint64_t window) const noexcept {
    const std::uint64_t low = window * window_bytes;
    // Where the base is not aligned to pages, the first one of a window may begin in the window
    // before.
    const std::uint64_t begin = low > one.phase ? low - one.phase : 0;
    const std::uint64_t first =
        std::max((begin + page_bytes_ - 1) / page_bytes_ * page_bytes_, one.first);
    const std::uint64_t end = std::min(low + window_bytes - one.phase, one.end);
    return {first, end - first};
}

void frame_budget::leave(page_view_kind view, std::span<const page_number> pages,
                         std::vector<byte_range>& out) {
    out.clear();
    out.reserve(pages.size());
    const side& one = sides_[static_cast<std::size_t>(view)];
    for (const page_number page : pages) {
        const std::uint64_t window = window_of(one, page);
        PINYON_ASSERT(one.counts[window] != 0);
        byte_range range{page * page_bytes_, page_bytes_};
        if (--one.counts[window] == 0) {
            --windows_;
            range = range_of(one, window);
            while (!out.empty() && out.back().offset >= range.offset) { out.pop_back(); }
        }
        // A page of 32 KiB may reach into the window before or behind that of its first byte.
        const std::uint64_t last = out.empty() ? 0 : out.back().offset + out.back().size;
        const std::uint64_t end = std::max(range.offset + range.size, (page + 1) * page_bytes_);
        if (!out.empty() && last >= range.offset) {
            out.back().size = std::max(last, end) - out.back().offset;
        } else {
            out.push_back({range.offset, end - range.offset});
        }
        --frames_[static_cast<std::size_t>(view)];
    }
}

}  // namespace pinyon::io
