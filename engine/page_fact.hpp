// What the checker tells of the pages of a file while it accounts for them: whose they are, what
// stands in them, and whether they are sound. Whoever draws a file collects these.
//
// Invariants
//  1. Of a check that is not stopped every page below the meta's page_count is told once, by its
//     first owner: a second one is a finding (page_used_twice, page_used_and_free).
//  2. A node is told before its children and before the large values that it names; children of a
//     node, and trees, in order. Free, pending and lost pages, and those behind the file's end,
//     come last, in this order.
//
// Threads: those of the checker. Failure: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "pinyon/engine/node.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon {

enum class page_use : std::uint8_t {
    meta,         // with pages above 4 KiB both metas share page 0
    leaf,         //
    inner,        //
    extent_data,  // data pages of a large value, or of its list of pieces
    extent_sums,  // their checksums
    image,        // the free-space image
    free,         //
    pending,      // of an older state alone, which the other meta may still hold
    lost,         // no owner was found: there is none, or it is below what cannot be read
    missing,      // the file ends before it
};

// The stable word for a use, "extent_sums" for page_use::extent_sums.
[[nodiscard]] const char* name(page_use use) noexcept;

// A run of pages with one owner and one state. Views are valid during the call.
struct page_fact {
    // Stands for the catalog where others have their index in check_summary::trees.
    static constexpr std::size_t catalog = std::numeric_limits<std::size_t>::max();

    io::page_run pages;
    page_use use = page_use::lost;
    // Nothing was found to be wrong with them; of large values, each page matches its checksum.
    // What is found of a page later, because another owner appears, names it in the finding.
    bool sound = true;
    std::optional<std::size_t> tree;  // absent: of no tree
    std::string_view tree_name;       // empty: the catalog, or no tree
    // The page that names them: the parent of a node, the leaf of a large value, the page in the
    // list of pieces. Absent: a root, or what a meta names.
    std::optional<std::uint64_t> parent;

    // Of a node that fails its verification: what its parent implies.
    unsigned level = 0;
    std::uint64_t entries = 0;   // in the subtree, as the parent counts them
    std::uint64_t items = 0;     // entries of a leaf, children of an inner node; 0: not known
    fence_pair fences;           // as the parents' separators imply, in normal form
    std::uint32_t checksum = 0;  // as the parent holds it
    // Payload and room for it. Of large values: bytes of the value, of its sums, and of the pages.
    std::uint64_t used_bytes = 0;
    std::uint64_t capacity_bytes = 0;
    // Transaction that wrote them, 0: not known. Of a meta page its newest valid meta's, of pending
    // pages as the image says.
    std::uint64_t born = 0;
    std::uint64_t retired = 0;  // pending: the first state without them
    // A node whose bytes contradict nothing, for a fixed_node or slotted_node; else null.
    const std::byte* content = nullptr;
    const node_schema* schema = nullptr;
};

}  // namespace pinyon
