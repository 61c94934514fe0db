// The part of the checker that walks one tree, front to back, with an explicit stack of one page a
// level: checksums, identity, structure, fences, order, counts, degree, large values.
//
// Threads: one. Failure: findings.
#pragma once

#include <functional>

#include "pinyon/engine/check_context.hpp"
#include "pinyon/engine/node.hpp"

namespace pinyon {

using entry_visitor = std::function<void(bytes key, bytes value)>;

// Walks the tree and fills `figures`, of which name and record are there already. REQUIRES: a
// complete schema and a root level below format::height_max. Calls `on_entry` for each entry with
// an inline value. O(pages).
void check_tree(check_context& context, const node_schema& schema,
                const format::root_reference& root, tree_summary& figures,
                const entry_visitor& on_entry = {});

// Verifies one large value: its runs, their sum pages, every data page. `leaf` names it and was
// born in `born_max`. Returns the pages it takes, 0 when it is damaged.
[[nodiscard]] std::uint64_t check_extent(check_context& context,
                                         const format::extent_reference& reference,
                                         std::uint64_t leaf, std::uint64_t born_max);

}  // namespace pinyon
