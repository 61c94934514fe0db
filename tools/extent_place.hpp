// Where a page of a large value belongs: which leaf and which entry name it, and which part of the
// value it holds.
//
// Threads: one. Failure: none; nullopt where what should name the page does not (any more).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "pinyon/engine/format.hpp"
#include "tools/page_survey.hpp"

namespace pinyon::tool {

// A run of pages: data pages, then their sums.
struct extent_shape {
    std::uint64_t data_pages = 0;
    std::uint64_t sum_pages = 0;
};
[[nodiscard]] extent_shape shape_of(const format::extent_reference& run,
                                    std::uint32_t page_bytes) noexcept;

struct extent_place {
    std::uint64_t leaf = 0;
    unsigned entry = 0;
    std::string key;                   // in normal form
    format::extent_reference value{};  // as the leaf holds it
    // The run that the page is in: the value's, one of its pieces, or the list of these.
    format::extent_reference run{};
    std::optional<std::uint64_t> piece;  // of a value of several
    bool is_list = false;
    std::uint64_t index = 0;  // of the page in its run
};

// REQUIRES: survey.at(page).is_extent().
[[nodiscard]] std::optional<extent_place> find_extent(const page_survey& survey,
                                                      std::uint64_t page);

}  // namespace pinyon::tool
