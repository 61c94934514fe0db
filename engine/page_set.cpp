#include "pinyon/engine/page_set.hpp"

#include <algorithm>
#include <bit>

namespace pinyon {
namespace {

constexpr std::uint64_t all_ones = ~std::uint64_t{0};
constexpr std::uint64_t block_pages = std::uint64_t{64} * 64;  // of one word of the summary

constexpr std::uint64_t words_for(std::uint64_t bits) noexcept {
    return bits / 64 + (bits % 64 != 0);
}

// First set bit of `words` at or after `from`.
std::optional<std::uint64_t> next_bit(const std::vector<std::uint64_t>& words,
                                      std::uint64_t from) noexcept {
    std::uint64_t index = from / 64;
    if (index >= words.size()) { return std::nullopt; }
    std::uint64_t word = words[index] & (all_ones << from % 64);
    while (word == 0) {
        if (++index == words.size()) { return std::nullopt; }
        word = words[index];
    }
    return index * 64 + static_cast<unsigned>(std::countr_zero(word));
}

// Calls `visit(word index, mask)` for each word that the run touches; stops when it returns false.
template <class Visit>
bool each_word(io::page_run run, Visit visit) noexcept {
    std::uint64_t page = run.first;
    const std::uint64_t end = run.first + run.count;
    while (page < end) {
        const std::uint64_t in_word = std::min<std::uint64_t>(64 - page % 64, end - page);
        const std::uint64_t mask = (in_word == 64 ? all_ones : (std::uint64_t{1} << in_word) - 1)
                                   << page % 64;
        if (!visit(page / 64, mask)) { return false; }
        page += in_word;
    }
    return true;
}

}  // namespace

void page_set::resize(std::uint64_t capacity) {
    if (capacity < capacity_) {
        while (const auto run = next_run(capacity)) { erase(*run); }
    }
    const std::uint64_t words = words_for(capacity);
    const std::uint64_t summaries = words_for(words);
    bits_.resize(words);
    summary_.resize(summaries);
    top_.resize(words_for(summaries));
    longest_.resize(summaries);
    capacity_ = capacity;
}

void page_set::clear() noexcept {
    while (size_ != 0) { erase(*next_run(0)); }
}

bool page_set::contains_all(io::page_run run) const noexcept {
    return inside(run) && each_word(run, [this](std::uint64_t index, std::uint64_t mask) {
               return (bits_[index] & mask) == mask;
           });
}

bool page_set::contains_none(io::page_run run) const noexcept {
    if (run.first >= capacity_) { return true; }
    run.count = std::min(run.count, capacity_ - run.first);
    return each_word(run, [this](std::uint64_t index, std::uint64_t mask) {
        return (bits_[index] & mask) == 0;
    });
}

bool page_set::insert(std::uint64_t page) noexcept {
    if (page >= capacity_ || contains(page)) { return false; }
    runs_ = runs_ + 1 - neighbours({page, 1});
    set_word(page / 64, bits_[page / 64] | std::uint64_t{1} << page % 64);
    ++size_;
    note_longest({page, 1});
    return true;
}

bool page_set::erase(std::uint64_t page) noexcept {
    if (!contains(page)) { return false; }
    runs_ = runs_ + neighbours({page, 1}) - 1;
    set_word(page / 64, bits_[page / 64] & ~(std::uint64_t{1} << page % 64));
    --size_;
    return true;
}

bool page_set::insert(io::page_run run) noexcept {
    if (run.count == 0) { return true; }
    if (!inside(run) || !contains_none(run)) { return false; }
    runs_ = runs_ + 1 - neighbours(run);
    each_word(run, [this](std::uint64_t index, std::uint64_t mask) {
        set_word(index, bits_[index] | mask);
        return true;
    });
    size_ += run.count;
    note_longest(run);
    return true;
}

bool page_set::erase(io::page_run run) noexcept {
    if (run.count == 0) { return true; }
    if (!contains_all(run)) { return false; }
    runs_ = runs_ + neighbours(run) - 1;
    each_word(run, [this](std::uint64_t index, std::uint64_t mask) {
        set_word(index, bits_[index] & ~mask);
        return true;
    });
    size_ -= run.count;
    return true;
}

std::optional<std::uint64_t> page_set::next(std::uint64_t from) const noexcept {
    if (from >= capacity_) { return std::nullopt; }
    std::uint64_t index = from / 64;
    if (const std::uint64_t word = bits_[index] & (all_ones << from % 64); word != 0) {
        return index * 64 + static_cast<unsigned>(std::countr_zero(word));
    }
    // 1. The next word with members, by its summary word or, beyond that, by the top level.
    if (++index >= bits_.size()) { return std::nullopt; }
    std::uint64_t summary = summary_[index / 64] & (all_ones << index % 64);
    std::uint64_t at = index / 64;
    if (summary == 0) {
        const auto found = next_bit(top_, at + 1);
        if (!found) { return std::nullopt; }
        at = *found;
        summary = summary_[at];
    }
    // 2. The first member in it.
    index = at * 64 + static_cast<unsigned>(std::countr_zero(summary));
    return index * 64 + static_cast<unsigned>(std::countr_zero(bits_[index]));
}

std::optional<io::page_run> page_set::next_run(std::uint64_t from) const noexcept {
    const auto first = next(from);
    if (!first) { return std::nullopt; }
    return io::page_run{*first, next_gap(*first, capacity_) - *first};
}

std::optional<io::page_run> page_set::find_run(std::uint64_t from,
                                               std::uint64_t count) const noexcept {
    if (count == 0 || count > size_) { return std::nullopt; }
    for (std::uint64_t at = from; at < capacity_;) {
        const std::uint64_t floor = at / block_pages * block_pages;
        const std::uint64_t end = std::min(floor + block_pages, capacity_);
        std::uint16_t& known = longest_[at / block_pages];
        // Only the run that goes on in the next block may be long enough.
        if (known < count) { at = std::max(at, run_before(end, floor)); }
        const std::uint64_t first_end = next_gap(floor, end);
        const bool all_seen = at <= first_end || next(first_end).value_or(capacity_) >= at;
        std::uint64_t longest = first_end - floor;
        while (at < end) {
            const auto run = next_run(at);
            if (run && run->count >= count) { return io::page_run{run->first, count}; }
            if (!run || run->first >= end) { break; }
            at = run->first + run->count;
            longest = std::max(longest, std::min(at, end) - run->first);
        }
        if (all_seen) { known = static_cast<std::uint16_t>(longest); }
        at = std::max(at, end);
    }
    return std::nullopt;
}

unsigned page_set::neighbours(io::page_run run) const noexcept {
    const unsigned before = run.first != 0 && contains(run.first - 1) ? 1 : 0;
    return before + (contains(run.first + run.count) ? 1 : 0);
}

void page_set::set_word(std::uint64_t index, std::uint64_t value) noexcept {
    bits_[index] = value;
    const std::uint64_t bit = std::uint64_t{1} << index % 64;
    std::uint64_t& summary = summary_[index / 64];
    summary = value != 0 ? summary | bit : summary & ~bit;
    const std::uint64_t top_bit = std::uint64_t{1} << index / 64 % 64;
    std::uint64_t& top = top_[index / 64 / 64];
    top = summary != 0 ? top | top_bit : top & ~top_bit;
}

std::uint64_t page_set::next_gap(std::uint64_t from, std::uint64_t limit) const noexcept {
    if (from >= limit) { return limit; }
    std::uint64_t index = from / 64;
    std::uint64_t gaps = ~bits_[index] & (all_ones << from % 64);
    while (gaps == 0) {
        if (++index * 64 >= limit) { return limit; }
        gaps = ~bits_[index];
    }
    return std::min(limit, index * 64 + static_cast<unsigned>(std::countr_zero(gaps)));
}

std::uint64_t page_set::run_before(std::uint64_t end, std::uint64_t floor) const noexcept {
    while (end > floor) {
        const std::uint64_t last = end - 1;
        const std::uint64_t gaps = ~bits_[last / 64] << (63 - last % 64);
        const auto members = static_cast<unsigned>(std::countl_zero(gaps));
        end -= std::min<std::uint64_t>(members, last % 64 + 1);
        if (members <= last % 64) { break; }
    }
    return std::max(end, floor);
}

void page_set::note_longest(io::page_run inserted) noexcept {
    const std::uint64_t inserted_end = inserted.first + inserted.count;
    for (std::uint64_t at = inserted.first; at < inserted_end;) {
        const std::uint64_t floor = at / block_pages * block_pages;
        const std::uint64_t end = std::min(floor + block_pages, capacity_);
        const std::uint64_t run = next_gap(at, end) - run_before(at, floor);
        std::uint16_t& known = longest_[at / block_pages];
        known = std::max(known, static_cast<std::uint16_t>(run));
        at = end;
    }
}

}  // namespace pinyon
