// What is left of one tree: its sound leaves in the order of their keys, and the parts that are
// lost. A part whose leaf is gone is gone. A part whose inner node is gone may be filled again with
// the nodes that hung below it.
//
// What makes an orphan current, and so an entry of it no entry that was erased since: the
// free-space image of the same state says that its page is in use. Every page in use belongs to the
// state that the meta names, so one that no sound parent names hangs below a lost node. Without
// that image nothing is filled. The age of pages proves nothing: of a leaf that is itself destroyed
// the copy before it is the youngest there is, with the same range and often as many entries; and a
// page may be of a transaction that was never committed.
//
// Invariants
//  1. Each page is taken once; leaves never overlap, so their keys ascend over the whole tree.
//  2. Memory: 8 bytes a leaf, and the bounds of what is lost.
//
// Threads: one. Failure: as damaged_file.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pinyon/engine/node.hpp"
#include "pinyon/engine/page_set.hpp"
#include "tools/damaged_file.hpp"
#include "tools/key_span.hpp"
#include "tools/orphan_pages.hpp"

namespace pinyon::tool {

// Keys that nothing current covers.
struct missing_part {
    key_span range;
    std::optional<std::uint64_t> page;     // of the lost node
    std::optional<std::uint64_t> entries;  // that its parent counted, where nothing of it was found
    std::string why;
};

class tree_salvage {
public:
    // `claimed`: pages that have an owner. All outlive this.
    tree_salvage(damaged_file& file, page_set& claimed, const node_schema& schema)
        : file_(file), claimed_(claimed), schema_(schema) {}

    // Walks the tree from its root. `born_max`: of the state.
    void walk(const format::root_reference& root, std::uint64_t born_max);
    // In place of `walk`: no one knows the root.
    void lose_all(std::uint64_t born_max);
    // Puts those back that are in use. Once, after the sound parts of all trees were walked.
    void fill(orphans found);

    [[nodiscard]] const node_schema& schema() const noexcept { return schema_; }
    // Calls use(page) for each leaf, in the order of their keys.
    void for_each_leaf(const std::function<void(std::uint64_t page)>& use) const;
    // In the order of their keys, apart from each other.
    [[nodiscard]] std::vector<missing_part> missing() const;
    // Entries whose large value is damaged; they stand in sound leaves.
    [[nodiscard]] const std::set<key_bytes>& damaged_values() const noexcept {
        return damaged_values_;
    }
    [[nodiscard]] bool is_whole() const noexcept {
        return open_.empty() && damaged_values_.empty();
    }
    // Entries in all leaves, and in those that were orphans.
    [[nodiscard]] std::uint64_t entries() const noexcept {
        return sound_entries_ + orphan_entries_;
    }
    [[nodiscard]] std::uint64_t entries_of_orphans() const noexcept { return orphan_entries_; }
    // Nodes that parents name and that are not there.
    [[nodiscard]] std::uint64_t lost_nodes() const noexcept { return lost_nodes_; }

private:
    // Pages of leaves, and `lost_mark` with the index of a part where one is missing.
    using leaf_row = std::vector<std::uint64_t>;
    static constexpr std::uint64_t lost_mark = std::uint64_t{1} << 63;

    struct found_part {
        key_span range;
        leaf_row leaves;
    };
    struct lost_part {
        key_span range;
        unsigned level = 0;
        std::uint64_t page = 0;
        std::optional<std::uint64_t> entries;
        std::uint64_t born_max = 0;
        std::string why;
        std::vector<found_part> found;
    };
    // A range that no leaf covers yet.
    struct open_range {
        std::optional<key_bytes> upper;
        std::size_t part = 0;
    };
    using open_ranges = std::map<key_bytes, open_range>;  // by lower bound, apart
    // Where a walk stands.
    struct place {
        key_span range;
        std::uint64_t born_max = 0;
    };

    std::uint64_t walk_node(const child_entry& child, unsigned level, const place& at,
                            leaf_row& leaves);
    template <class Node>
    std::uint64_t walk_as(const child_entry& child, unsigned level, const place& at,
                          leaf_row& leaves);
    template <class Node>
    [[nodiscard]] std::string defect_of(const child_entry& child, unsigned level, const place& at,
                                        const std::vector<std::byte>& page) const;
    template <class Node>
    void check_values(const Node& leaf);
    [[nodiscard]] bool is_value_sound(const format::extent_reference& reference);
    void lose(const child_entry& child, std::optional<std::uint64_t> entries, unsigned level,
              const place& at, std::string why, leaf_row& leaves);

    [[nodiscard]] std::optional<key_span> range_of(const orphan& candidate);
    void offer(const orphan& candidate);
    void put_back(const orphan& node, const key_span& range, std::size_t part);
    // The open range that holds all of this one, or the end.
    [[nodiscard]] open_ranges::iterator open_around(const key_span& range);
    void close(open_ranges::iterator open, const key_span& range);
    void visit(const leaf_row& leaves, const std::function<void(std::uint64_t)>& use) const;

    damaged_file& file_;
    page_set& claimed_;
    node_schema schema_;
    leaf_row leaves_;
    std::deque<lost_part> parts_;
    open_ranges open_;
    std::set<key_bytes> damaged_values_;
    std::uint64_t sound_entries_ = 0;
    std::uint64_t orphan_entries_ = 0;
    std::uint64_t lost_nodes_ = 0;
};

}  // namespace pinyon::tool
