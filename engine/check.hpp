// The checker: proves of a file, offline, all that the format promises, and says of each thing that
// is wrong where it stands, what was found and what was expected. The same walk counts what
// statistics need.
//
// Invariants
//  1. The file is opened read-only and read by position alone: no mapping, no lock, no temporary
//     file.
//  2. Every byte is input. A page is looked into only after its checksum and its shape have been
//     verified; each page is visited at most once; memory is bounded by the file's size (a few bits
//     a page, one page a level, a list of the trees).
//  3. The same file gives the same findings in the same order.
//
// Threads: any; each call is on its own. Beside a writer it checks the last checkpoint, and says in
// the summary when that moved on meanwhile: its findings then mean nothing.
// Failure: an error for what cannot be checked: not_found, permission, is_directory, io,
// not_a_database, version, truncated (inside the metas), corrupt (neither meta is usable). All else
// is a finding.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/format.hpp"
#include "pinyon/engine/page_fact.hpp"

namespace pinyon {

namespace io {
class file_system;
}

enum class finding_kind : std::uint8_t {
    meta_damaged,       // one slot is not valid; the other one serves
    meta_disagrees,     // the two valid slots contradict each other
    meta_padding,       // bytes behind a meta that are always zero are not
    file_truncated,     // the file ends before the last page of its newest meta
    page_unreadable,    // the operating system or the end of the file refuses the page
    page_out_of_range,  // a reference to a page that no tree may use
    checksum_page,      // the page's bytes do not match the checksum in its own header
    checksum_parent,    // the page is not the one that its parent means: stale, lost or misdirected
    checksum_missing,   // a parent without a checksum for its child
    page_number,        // the page names itself otherwise
    page_identity,      // kind, level or tree differ from what the parent implies
    page_born,          // born after its parent or after the meta, or before the first transaction
    node_structure,     // the node's bytes contradict its layout
    node_empty,         // a node without entries, or an inner node with one child
    node_degree,        // fewer or more keys than the tree's minimum degree allows
    node_fences,        // the fences are not those that the parents' separators imply
    node_order,         // keys not ascending from leaf to leaf
    entry_size,         // a key or value of another size than the tree's types have
    count_subtree,      // a count differs from what is there
    extent_reference,   // a large value's reference is impossible
    extent_checksum,    // a page of a large value, or its sums, fails its checksum
    page_used_twice,    // two owners
    page_used_and_free,  // in use and in the free-space image
    page_lost,           // neither in use nor free
    space_checksum,      // the free-space image fails its checksum
    space_structure,     // the free-space image contradicts itself or the file
    catalog_record,      // a tree's record is impossible
    descent,             // a search from the root does not find an entry that a leaf holds
    log_missing,         // the log that the file needs is gone
    log_mismatch,        // the log belongs to another file or another moment
    log_corrupt,         // the log is damaged before an acknowledged commit
};

// The stable word for a kind, "page_used_twice" for finding_kind::page_used_twice.
[[nodiscard]] const char* name(finding_kind kind) noexcept;

enum class severity : std::uint8_t {
    warning,  // nothing is lost by it
    error,    // something is lost, or would be by going on
};

[[nodiscard]] const char* name(severity level) noexcept;

struct finding {
    finding_kind kind{};
    severity level = severity::error;
    std::optional<std::uint64_t> page;
    std::optional<std::uint64_t> offset;  // in the file
    std::string tree;                     // empty: of no tree, or of the catalog
    std::string text;                     // what was found, what was expected
};

struct check_options {
    // For every key: the search from the root ends at its entry.
    bool root_descend = false;
    // Stop after so many findings; 0: never.
    std::uint64_t max_errors = 100;
    // Null: the operating system's.
    io::file_system* files = nullptr;
    // Called for each run of pages of one owner (page_fact.hpp). A check that is stopped tells no
    // more. Empty: nothing is gathered for it.
    std::function<void(const page_fact&)> on_page;
};

struct check_progress {
    std::uint64_t pages_done = 0;
    std::uint64_t pages_total = 0;
};

struct meta_summary {
    bool valid = false;
    std::string defect;   // why not
    format::meta meta{};  // when valid
};

// Sizes counted in powers of two: bucket b holds sizes of b bits (0, 1, 2-3, 4-7, ...).
using size_histogram = std::array<std::uint64_t, 42>;
// Bucket b holds nodes that are full to b/10 up to (b + 1)/10.
using fill_histogram = std::array<std::uint64_t, 10>;

struct tree_summary {
    std::string name;                 // empty: the catalog
    format::catalog_record record{};  // of the catalog only the root
    // False: parts of the tree could not be read; all figures are of the rest.
    bool complete = true;
    std::uint32_t levels = 0;
    std::uint64_t entries = 0;
    std::uint64_t leaves = 0;
    std::uint64_t inners = 0;
    std::uint64_t children = 0;      // of all inner nodes
    std::uint32_t children_min = 0;  // of one inner node but the root
    std::uint32_t children_max = 0;
    std::uint64_t leaf_used_bytes = 0;
    std::uint64_t leaf_capacity_bytes = 0;
    std::uint64_t inner_used_bytes = 0;
    std::uint64_t inner_capacity_bytes = 0;
    fill_histogram leaf_fill{};
    fill_histogram inner_fill{};
    std::uint64_t key_bytes = 0;    // in normal form, of all keys
    std::uint64_t value_bytes = 0;  // of all values, large ones included
    std::uint64_t key_bytes_max = 0;
    std::uint64_t value_bytes_max = 0;
    size_histogram key_sizes{};
    size_histogram value_sizes{};
    std::uint64_t extents = 0;  // large values
    std::uint64_t extent_pages = 0;
    std::uint64_t extent_bytes = 0;
};

struct check_summary {
    std::uint64_t file_bytes = 0;
    std::uint32_t page_bytes = 0;
    std::array<std::uint8_t, 16> uuid{};
    std::array<meta_summary, 2> metas;
    unsigned newest = 0;  // the slot that was checked
    std::uint64_t page_count = 0;
    std::uint64_t transaction = 0;

    // Pages by use; their sum is page_count when the check is complete and nothing is found.
    std::uint64_t meta_pages = 0;
    std::uint64_t tree_pages = 0;  // nodes, the catalog's included
    std::uint64_t extent_pages = 0;
    std::uint64_t image_pages = 0;
    std::uint64_t free_pages = 0;
    std::uint64_t pending_pages = 0;
    std::uint64_t lost_pages = 0;  // or of the parts that could not be read
    std::uint64_t free_runs = 0;
    std::uint64_t free_run_pages_max = 0;

    tree_summary catalog;
    std::vector<tree_summary> trees;  // in the order of their names

    // What a recovery would replay.
    std::uint64_t log_transactions = 0;
    std::uint64_t log_bytes = 0;

    std::uint64_t errors = 0;
    std::uint64_t warnings = 0;
    // False: stopped by max_errors or by on_progress, or a part could not be read.
    bool complete = true;
    // A checkpoint took place meanwhile.
    bool moved_on = false;

    [[nodiscard]] std::uint64_t findings() const noexcept { return errors + warnings; }
};

// Checks the file at `path`. Calls `on_finding` for each finding, and `on_progress` now and then:
// the check stops when that returns false. O(file).
[[nodiscard]] check_summary check(
    const std::string& path, const check_options& options,
    const std::function<void(const finding&)>& on_finding,
    const std::function<bool(const check_progress&)>& on_progress = {});

}  // namespace pinyon
