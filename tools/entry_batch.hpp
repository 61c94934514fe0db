// Entries held in memory until they are sorted: what an import collects before it fills a tree.
//
// Threads: one. Failure: none but out of memory.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "pinyon/engine/bytes.hpp"
#include "tools/csv_reader.hpp"

namespace pinyon::tool {

class entry_batch {
public:
    // Entries are collected up to this much, sorted, and given to the tree in order.
    static constexpr std::size_t memory_max = std::size_t{256} << 20;

    void add(bytes key, std::string_view value, text_position at);
    // By key; entries of the same key stay in the order they were added. O(n) when they are sorted.
    void sort();
    void clear() noexcept;

    [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }
    // Memory taken, as far as it grows with the entries.
    [[nodiscard]] std::size_t memory() const noexcept {
        return text_.size() + entries_.size() * sizeof(entry);
    }
    [[nodiscard]] bytes key(std::size_t i) const noexcept {
        return as_bytes(std::string_view(text_).substr(entries_[i].start, entries_[i].key_bytes));
    }
    [[nodiscard]] bytes value(std::size_t i) const noexcept {
        const entry& each = entries_[i];
        return as_bytes(
            std::string_view(text_).substr(each.start + each.key_bytes, each.value_bytes));
    }
    // Where the entry's key stands in the input.
    [[nodiscard]] text_position position(std::size_t i) const noexcept { return entries_[i].at; }

private:
    struct entry {
        std::size_t start;  // in text_: the key, then the value
        std::uint32_t key_bytes;
        std::uint32_t value_bytes;
        text_position at;
    };

    std::string text_;
    std::vector<entry> entries_;
};

}  // namespace pinyon::tool
