#include "tools/page_cells.hpp"

#include <algorithm>
#include <bit>

#include "tools/run_code.hpp"

namespace pinyon::tool {

namespace {

constexpr std::uint64_t cells_max = std::uint64_t{1} << 20;
// Ages are told in powers of two, and this one stands for all greater ones: one letter each.
constexpr std::uint64_t age_step_max = 25;

constexpr std::uint64_t cells_for(std::uint64_t pages, std::uint64_t grain) noexcept {
    return pages / grain + (pages % grain != 0 ? 1 : 0);
}

// 0: not known. 1: written by the newest transaction, 2: by the one before, 3: two or three before,
// 4: four to seven, and so on.
std::uint64_t age_step(std::uint64_t born, std::uint64_t transaction) noexcept {
    if (born == 0) { return 0; }
    const std::uint64_t before = transaction > born ? transaction - born : 0;
    return std::min<std::uint64_t>(age_step_max,
                                   1 + static_cast<std::uint64_t>(std::bit_width(before)));
}

}  // namespace

void page_cells::join_neighbours() {
    const std::size_t half = (cells_.size() + 1) / 2;
    for (std::size_t i = 0; i < half; ++i) {
        const page_cell& first = cells_[2 * i];
        const bool has_second = 2 * i + 1 < cells_.size();
        cells_[i] =
            has_second && cells_[2 * i + 1].damaged && !first.damaged ? cells_[2 * i + 1] : first;
    }
    cells_.resize(half);
    grain_ *= 2;
}

void page_cells::reach(std::uint64_t pages) {
    while (cells_for(pages, grain_) > cells_max) { join_neighbours(); }
    const std::uint64_t needed = cells_for(pages, grain_);
    if (needed > cells_.size()) { cells_.resize(needed); }
}

void page_cells::mark(io::page_run pages, const page_cell& as) {
    if (pages.count == 0) { return; }
    const std::uint64_t end = pages.first + pages.count;
    reach(end);
    // A cell is the run's when its first page is; damage shows wherever the run touches.
    const std::uint64_t first = as.damaged ? pages.first / grain_ : cells_for(pages.first, grain_);
    for (std::uint64_t i = first; i < cells_for(end, grain_); ++i) {
        if (!cells_[i].damaged) { cells_[i] = as; }
    }
}

void page_cells::mark_damaged(std::uint64_t page) {
    reach(page + 1);
    cells_[page / grain_].damaged = true;
}

json page_cells::coded(std::uint64_t pages, std::uint64_t transaction, std::size_t bytes_max) {
    reach(pages);
    cells_.resize(cells_for(pages, grain_));
    json map = code(transaction);
    const auto size = [&map] {
        std::size_t bytes = 0;
        for (const char* plane : {"kind", "tree", "fill", "age"}) {
            bytes += map[plane].get_ref<const std::string&>().size();
        }
        return bytes;
    };
    while (size() > bytes_max && cells_.size() > 1) {
        join_neighbours();
        map = code(transaction);
    }
    return map;
}

json page_cells::code(std::uint64_t transaction) const {
    run_code kind;
    run_code tree;
    run_code fill;
    run_code age;
    for (const page_cell& each : cells_) {
        kind.add(2 * static_cast<std::uint64_t>(each.use) + (each.damaged ? 1 : 0));
        tree.add(each.tree);
        fill.add(each.fill);
        age.add(age_step(each.born, transaction));
    }
    return {{"grain", grain_},     {"cells", cells_.size()}, {"kind", kind.text()},
            {"tree", tree.text()}, {"fill", fill.text()},    {"age", age.text()}};
}

}  // namespace pinyon::tool
