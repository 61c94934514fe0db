// What a page looks like on a map: which of a few shades it has, by its kind, its tree, how full it
// is or how old, and what each shade means.
//
// Invariants
//  1. Every page has a shade; shade 0 is for damage, whatever the map is by.
//
// Threads: any. Failure: none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/arguments.hpp"
#include "tools/page_survey.hpp"

namespace pinyon::tool {

// How a shade is drawn: a colour of the terminal's 256, and a letter where there are none.
struct page_shade {
    std::string name;
    char letter = ' ';
    unsigned colour = 0;
};

class page_shades {
public:
    page_shades(const page_survey& survey, map_colouring by);

    [[nodiscard]] const std::vector<page_shade>& all() const noexcept { return shades_; }
    // The index of the row's shade.
    [[nodiscard]] std::size_t of(const page_row& row) const;

private:
    void name_kinds();
    void name_trees();
    void name_fills();
    void name_ages();
    [[nodiscard]] std::size_t of_tree(const page_row& row) const;
    [[nodiscard]] std::size_t of_fill(const page_row& row) const;
    [[nodiscard]] std::size_t of_age(const page_row& row) const;

    const page_survey& survey_;
    map_colouring by_;
    std::vector<page_shade> shades_;
    std::size_t other_ = 0;  // the shade of pages that have no tree, no fill, no age
};

}  // namespace pinyon::tool
