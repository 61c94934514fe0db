// The cells of a page map: for each page, or for each 2, 4, 8, ... pages of a file of more than a
// million, what it is used for, by which tree, how full it is and when it was written. Filled in
// any order while a checker tells of pages; then coded in runs.
//
// Invariants
//  1. There are at most 2^20 cells, whatever page numbers the file claims.
//  2. A cell of several pages shows the first of them, or the first that is damaged. So parts of
//     the picture keep their proportions, and no damage is hidden.
//
// Threads: one. Failure: none.
#pragma once

#include <cstdint>
#include <vector>

#include "pinyon/engine/page_fact.hpp"
#include "tools/escape.hpp"

namespace pinyon::tool {

struct page_cell {
    page_use use = page_use::lost;
    bool damaged = false;
    std::uint8_t fill = 0;   // 0: not known; else 1 for empty to 21 for full
    std::uint32_t tree = 0;  // 0: of no tree; else one more than its index in the report
    std::uint64_t born = 0;  // transaction, 0: not known
};

class page_cells {
public:
    void mark(io::page_run pages, const page_cell& as);
    void mark_damaged(std::uint64_t page);

    // The map of the first `pages` pages, in at most `bytes_max` bytes: neighbouring cells are
    // joined until it fits. `transaction` is the newest one, from which ages count.
    [[nodiscard]] json coded(std::uint64_t pages, std::uint64_t transaction, std::size_t bytes_max);

private:
    void reach(std::uint64_t pages);
    void join_neighbours();
    [[nodiscard]] json code(std::uint64_t transaction) const;

    std::vector<page_cell> cells_;
    std::uint64_t grain_ = 1;  // pages a cell
};

}  // namespace pinyon::tool
