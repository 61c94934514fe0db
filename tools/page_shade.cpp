#include "tools/page_shade.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

#include "tools/histogram.hpp"
#include "tools/page_text.hpp"

namespace pinyon::tool {

namespace {

// After Okabe and Ito, whose colours most people tell apart: the nearest of the 256.
constexpr unsigned orange = 214;
constexpr unsigned sky_blue = 74;
constexpr unsigned green = 36;
constexpr unsigned yellow = 227;
constexpr unsigned blue = 25;
constexpr unsigned vermilion = 166;
constexpr unsigned purple = 175;
constexpr unsigned grey = 238;
constexpr unsigned light_grey = 250;
constexpr unsigned red = 196;

constexpr std::array tree_colours{sky_blue, orange, green, yellow, blue, purple, vermilion};
// From dark to light, after viridis.
constexpr std::array<unsigned, 10> scale{53, 54, 60, 24, 30, 29, 35, 71, 149, 227};

// Trees that have a shade of their own; the others share one.
constexpr std::size_t trees_max = 25;

// Ages beyond share the last shade.
constexpr std::size_t age_shades = scale.size();

// The bits of how many transactions ago: 0, 1, 2-3, 4-7, and so on.
std::size_t age_bucket(std::uint64_t age) {
    return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(age)), age_shades - 1);
}

}  // namespace

page_shades::page_shades(const page_survey& survey, map_colouring by) : survey_(survey), by_(by) {
    shades_.push_back({"damaged", '!', red});
    switch (by) {
        case map_colouring::kind:
            name_kinds();
            break;
        case map_colouring::tree:
            name_trees();
            break;
        case map_colouring::fill:
            name_fills();
            break;
        case map_colouring::age:
            name_ages();
            break;
    }
}

// In the order of page_use.
void page_shades::name_kinds() {
    constexpr std::array<std::pair<char, unsigned>, 10> looks{{{'M', purple},
                                                               {'l', sky_blue},
                                                               {'I', blue},
                                                               {'v', green},
                                                               {'s', light_grey},
                                                               {'F', yellow},
                                                               {'.', grey},
                                                               {'p', orange},
                                                               {'?', vermilion},
                                                               {'_', vermilion}}};
    for (std::size_t use = 0; use < looks.size(); ++use) {
        shades_.push_back(
            {use_text(static_cast<page_use>(use)), looks[use].first, looks[use].second});
    }
}

void page_shades::name_trees() {
    shades_.push_back({"the catalog", 'C', light_grey});
    const std::size_t trees = std::min(survey_.summary().trees.size(), trees_max);
    for (std::size_t i = 0; i < trees; ++i) {
        shades_.push_back({tree_text(survey_, i), static_cast<char>('a' + i),
                           tree_colours[i % tree_colours.size()]});
    }
    shades_.push_back({"other trees", 'z', vermilion});
    other_ = shades_.size();
    shades_.push_back({"of no tree", '.', grey});
}

void page_shades::name_fills() {
    for (std::size_t tenth = 0; tenth < scale.size(); ++tenth) {
        shades_.push_back({fmt::format("{}-{} % full", tenth * 10, tenth * 10 + 10),
                           static_cast<char>('0' + tenth), scale[tenth]});
    }
    other_ = shades_.size();
    shades_.push_back({"holds no data", '.', grey});
}

void page_shades::name_ages() {
    for (std::size_t bits = 0; bits < age_shades; ++bits) {
        std::string name = "written " + bucket_text(bits) + " transactions ago";
        if (bits + 1 == age_shades) {
            name = fmt::format("written {} transactions ago or more", 1 << (bits - 1));
        }
        shades_.push_back(
            {std::move(name), static_cast<char>('0' + bits), scale[age_shades - 1 - bits]});
    }
    other_ = shades_.size();
    shades_.push_back({"free, or not known", '.', grey});
}

std::size_t page_shades::of(const page_row& row) const {
    const bool is_gone = row.use == page_use::lost || row.use == page_use::missing;
    if (by_ == map_colouring::kind && is_gone) { return 1 + static_cast<std::size_t>(row.use); }
    if (survey_.is_damaged(row)) { return 0; }
    switch (by_) {
        case map_colouring::kind:
            return 1 + static_cast<std::size_t>(row.use);
        case map_colouring::tree:
            return of_tree(row);
        case map_colouring::fill:
            return of_fill(row);
        case map_colouring::age:
            return of_age(row);
    }
    return other_;
}

std::size_t page_shades::of_tree(const page_row& row) const {
    if (!row.tree) { return other_; }
    if (*row.tree == page_fact::catalog) { return 1; }
    return 2 + std::min(*row.tree, other_ - 3);
}

std::size_t page_shades::of_fill(const page_row& row) const {
    if (row.capacity_bytes == 0) { return other_; }
    return 1 + std::min<std::size_t>(scale.size() - 1, static_cast<std::size_t>(fill_of(row) * 10));
}

std::size_t page_shades::of_age(const page_row& row) const {
    if (row.born == 0 || row.use == page_use::pending) { return other_; }
    return 1 + age_bucket(survey_.summary().transaction - row.born);
}

}  // namespace pinyon::tool
