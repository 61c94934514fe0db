// Nodes that no sound parent names, found by looking at every page of a file that has no owner:
// what hangs below a lost node, and older copies of nodes that were changed since.
//
// Threads: one. Failure: as damaged_file.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "pinyon/engine/free_space.hpp"
#include "pinyon/engine/page_set.hpp"
#include "tools/damaged_file.hpp"

namespace pinyon::tool {

struct orphan {
    std::uint64_t page = 0;
    std::uint64_t born = 0;
    std::uint32_t tree = 0;
    std::uint8_t level = 0;
    bool fixed = false;
    // In use by the state of the meta, because its free-space image says that the page is neither
    // free nor an older state's alone.
    bool in_use = false;
};

// Those of one tree.
using orphans = std::span<const orphan>;

class orphan_pages {
public:
    // Looks at the pages below `limit` that are not in `owned`. `space`: what the meta's image
    // says, null when that is lost; `newest`: the meta's transaction. 24 bytes an orphan.
    void find(damaged_file& file, const page_set& owned, std::uint64_t limit,
              const free_space* space, std::uint64_t newest);

    // By tree; in a tree the youngest first, and of one age the highest level first.
    [[nodiscard]] const std::vector<orphan>& all() const noexcept { return all_; }
    [[nodiscard]] orphans of(std::uint32_t tree) const noexcept;

private:
    std::vector<orphan> all_;
};

}  // namespace pinyon::tool
