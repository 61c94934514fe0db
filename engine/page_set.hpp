// A set of page numbers: a bitmap with two summary levels, so that the next member and the next run are
// found in a few word operations however large the file is. 1 bit a page and 1/64 of that for the summaries.
//
// Threads: none of its own; guard it from outside.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "pinyon/mmap/file.hpp"

namespace pinyon {

class page_set {
public:
    // Page numbers below `capacity` may be members. Keeps members below it.
    void resize(std::uint64_t capacity);

    [[nodiscard]] std::uint64_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] bool contains(std::uint64_t page) const noexcept;
    // False when it was a member already (was none): the caller decides whether that is corruption.
    bool insert(std::uint64_t page) noexcept;
    bool erase(std::uint64_t page) noexcept;
    // The same for runs; false, and nothing is changed, unless all of the run changes.
    bool insert(io::page_run run) noexcept;
    bool erase(io::page_run run) noexcept;

    // First member at or after `from`. O(1) for practical sizes.
    [[nodiscard]] std::optional<std::uint64_t> next(std::uint64_t from) const noexcept;
    // First maximal run of members at or after `from`. O(run / 64).
    [[nodiscard]] std::optional<io::page_run> next_run(std::uint64_t from) const noexcept;
    // First `count` consecutive members at or after `from`. O(members / 64).
    [[nodiscard]] std::optional<io::page_run> find_run(std::uint64_t from, std::uint64_t count) const noexcept;

private:
    std::vector<std::uint64_t> bits_;
    std::vector<std::uint64_t> summary_;  // bit w: word w of bits_ is not 0
    std::vector<std::uint64_t> top_;      // bit s: word s of summary_ is not 0
    std::uint64_t capacity_ = 0;
    std::uint64_t size_ = 0;
};

}  // namespace pinyon
