// Collects pages and has them read ahead, in as few ranges as they make and 64 pages a call. No
// allocation. What cannot be read ahead is not.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <span>

#include "pinyon/mmap/file.hpp"

namespace pinyon::io {

// Reader: a mapping or a file, whose `will_need` starts the reading.
template <class Reader>
class read_ahead {
public:
    read_ahead(Reader& reader, std::uint32_t page_bytes) noexcept
        : reader_(reader), page_bytes_(page_bytes) {}

    void add(page_number page) noexcept {
        if (count_ == pages_.size()) { send(); }
        pages_[count_++] = page;
    }

    // Sends what is left; returns the number of pages sent in all.
    std::uint64_t finish() noexcept {
        send();
        return sent_;
    }

private:
    void send() noexcept {
        std::sort(pages_.begin(), pages_.begin() + static_cast<std::ptrdiff_t>(count_));
        std::array<byte_range, 64> ranges{};
        std::size_t used = 0;
        for (std::size_t i = 0; i < count_; ++i) {
            const std::uint64_t offset = pages_[i] * page_bytes_;
            if (used != 0 && ranges[used - 1].offset + ranges[used - 1].size >= offset) {
                ranges[used - 1].size = offset + page_bytes_ - ranges[used - 1].offset;
            } else {
                ranges[used++] = {offset, page_bytes_};
            }
        }
        try {
            if (used != 0) {
                reader_.will_need({ranges.data(), used});
                sent_ += count_;
            }
        } catch (const std::exception&) {
            // Advice alone: the fetch that follows meets the same trouble and says so.
        }
        count_ = 0;
    }

    Reader& reader_;
    std::uint32_t page_bytes_;
    std::array<page_number, 64> pages_{};
    std::size_t count_ = 0;
    std::uint64_t sent_ = 0;
};

}  // namespace pinyon::io
