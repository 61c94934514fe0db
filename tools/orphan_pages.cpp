#include "tools/orphan_pages.hpp"

#include <algorithm>
#include <tuple>

#include "pinyon/engine/node.hpp"

namespace pinyon::tool {

namespace {

[[nodiscard]] bool comes_before(const orphan& a, const orphan& b) noexcept {
    return std::tuple(a.tree, ~a.born, static_cast<std::uint8_t>(~a.level), a.page) <
           std::tuple(b.tree, ~b.born, static_cast<std::uint8_t>(~b.level), b.page);
}

[[nodiscard]] bool is_kind(format::page_kind kind, unsigned level) noexcept {
    switch (kind) {
        case format::page_kind::fixed_leaf:
        case format::page_kind::slotted_leaf:
            return level == 0;
        case format::page_kind::fixed_inner:
        case format::page_kind::slotted_inner:
            return level != 0 && level < format::height_max;
        case format::page_kind::none:
            break;
    }
    return false;
}

}  // namespace

void orphan_pages::find(damaged_file& file, const page_set& owned, std::uint64_t limit,
                        const free_space* space, std::uint64_t newest) {
    all_.clear();
    std::vector<std::byte> page(file.page_bytes());
    for (std::uint64_t number = file.first_page(); number < std::min(limit, file.pages());
         ++number) {
        if (owned.contains(number) || !file.read(number, page) ||
            !file.is_node(number, page.data())) {
            continue;
        }
        const format::page_header header = header_of(page.data());
        const format::page_kind kind = format::kind_of(header.identity);
        const unsigned level = format::level_of(header.identity);
        if (!is_kind(kind, level)) { continue; }
        orphan found;
        found.page = number;
        found.born = header.born;
        found.tree = format::tree_of(header.identity);
        found.level = static_cast<std::uint8_t>(level);
        found.fixed =
            kind == format::page_kind::fixed_leaf || kind == format::page_kind::fixed_inner;
        found.in_use = space != nullptr && header.born <= newest && !space->is_free(number) &&
                       !space->held_set().contains(number);
        all_.push_back(found);
    }
    std::sort(all_.begin(), all_.end(), comes_before);
}

orphans orphan_pages::of(std::uint32_t tree) const noexcept {
    const auto below = [](const orphan& a, std::uint32_t b) { return a.tree < b; };
    const auto first = std::lower_bound(all_.begin(), all_.end(), tree, below);
    auto last = first;
    while (last != all_.end() && last->tree == tree) { ++last; }
    return {first, last};
}

}  // namespace pinyon::tool
