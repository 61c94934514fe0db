// A set of page numbers: a bitmap with two summary levels, so that the next member and the next run
// are found in a few word operations however large the file is, and for each block of 4096 pages
// what its longest run may be, so that a search for a long run passes the blocks of short ones. 1
// bit a page and 1/51 of that for the rest.
//
// Invariants
//  1. A summary bit is set exactly while its word is not 0; bits at and above the capacity are 0.
//  2. size() is the number of members, runs() the number of maximal runs of them.
//  3. No run is longer inside a block than longest_ says.
//
// Threads: none of its own; guard it from outside.
// Failure: std::bad_alloc from `resize`; nothing else fails.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "pinyon/mmap/file.hpp"

namespace pinyon {

class page_set {
public:
    // Page numbers below `capacity` may be members. Keeps members below it.
    void resize(std::uint64_t capacity);
    // No members; the capacity stays. O(members / 64) for a set of runs.
    void clear() noexcept;

    [[nodiscard]] std::uint64_t capacity() const noexcept { return capacity_; }
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] std::uint64_t runs() const noexcept { return runs_; }
    [[nodiscard]] bool contains(std::uint64_t page) const noexcept {
        return page < capacity_ && (bits_[page / 64] >> (page % 64) & 1) != 0;
    }
    // True when every page of the run (none) is a member. O(run / 64).
    [[nodiscard]] bool contains_all(io::page_run run) const noexcept;
    [[nodiscard]] bool contains_none(io::page_run run) const noexcept;

    // False when it was a member already (was none), or is at or beyond the capacity: the caller
    // decides whether that is corruption.
    bool insert(std::uint64_t page) noexcept;
    bool erase(std::uint64_t page) noexcept;
    // The same for runs; false, and nothing is changed, unless all of the run changes. An empty run
    // changes nothing and is true.
    bool insert(io::page_run run) noexcept;
    bool erase(io::page_run run) noexcept;

    // First member at or after `from`. O(1) for practical sizes.
    [[nodiscard]] std::optional<std::uint64_t> next(std::uint64_t from) const noexcept;
    // First run of members at or after `from`, maximal but for a start before `from`. O(run / 64).
    [[nodiscard]] std::optional<io::page_run> next_run(std::uint64_t from) const noexcept;
    // First `count` consecutive members at or after `from`. O(capacity / 4096 + the runs of blocks
    // that changed since such a run was last looked for + runs over the borders of blocks / 64).
    [[nodiscard]] std::optional<io::page_run> find_run(std::uint64_t from,
                                                       std::uint64_t count) const noexcept;
    // The members as bits, page p in bit p % 64 of word p / 64; words of 0 at the end may be there.
    [[nodiscard]] std::span<const std::uint64_t> words() const noexcept { return bits_; }

private:
    [[nodiscard]] bool inside(io::page_run run) const noexcept {
        return run.first <= capacity_ && run.count <= capacity_ - run.first;
    }
    // Members next to the run, 0 to 2: what decides how the number of runs moves.
    [[nodiscard]] unsigned neighbours(io::page_run run) const noexcept;
    void set_word(std::uint64_t index, std::uint64_t value) noexcept;
    // First page at or after `from` that is no member; at most `limit`.
    [[nodiscard]] std::uint64_t next_gap(std::uint64_t from, std::uint64_t limit) const noexcept;
    // First of the members, from `floor` on, that end right before `end`; `end` itself: none do.
    [[nodiscard]] std::uint64_t run_before(std::uint64_t end, std::uint64_t floor) const noexcept;
    void note_longest(io::page_run inserted) noexcept;

    std::vector<std::uint64_t> bits_;
    std::vector<std::uint64_t> summary_;          // bit w: word w of bits_ is not 0
    std::vector<std::uint64_t> top_;              // bit s: word s of summary_ is not 0
    mutable std::vector<std::uint16_t> longest_;  // by block; a search makes it exact
    std::uint64_t capacity_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t runs_ = 0;
};

}  // namespace pinyon
