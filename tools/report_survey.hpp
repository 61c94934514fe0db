// What a report draws, gathered while the checker tells of pages: the cells of the map, the nodes
// of the trees, some pages in full, and the paths of the keys that were asked for.
//
// Invariants
//  1. Memory is bounded whatever the file is: at most 2^20 cells, and of nodes and pages in full no
//     more than fit a report several times over. Nodes beyond that are left out by whole levels,
//     the lowest first, but for those on the way to a key that was asked for.
//  2. Pages in full are kept by rank: damaged ones, those on the way to a key that was asked for,
//     then by depth from the root.
//
// Threads: one. Failure: none.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pinyon/engine/check.hpp"
#include "tools/page_cells.hpp"
#include "tools/page_detail.hpp"

namespace pinyon::tool {

// A key whose path the report holds whole.
struct asked_key {
    std::string tree;
    std::string key;  // in normal form
    std::vector<std::uint64_t> path{};
    std::optional<bool> found{};  // absent: the path does not reach a leaf
};

class report_survey {
public:
    // Trees beyond these share one place in the map, and their nodes are not listed.
    static constexpr std::size_t trees_max = 500;

    report_survey(disclosure may, std::vector<asked_key> asked);

    void add(const page_fact& fact);
    void add(const finding& found);

    [[nodiscard]] page_cells& cells() noexcept { return cells_; }
    // The node table, in at most about `bytes_max` bytes.
    [[nodiscard]] json nodes(std::uint64_t transaction, std::size_t bytes_max);
    // Pages in full as JSON, one behind the other with commas, in at most `bytes_max` bytes.
    [[nodiscard]] std::string details(std::size_t bytes_max);
    [[nodiscard]] json geometry(std::size_t tree) const;

    [[nodiscard]] const std::vector<asked_key>& asked() const noexcept { return asked_; }
    // Nodes that cannot be read, the first few.
    [[nodiscard]] const std::vector<std::uint64_t>& broken() const noexcept { return broken_; }
    // Keeps the header of a broken one.
    void add_header(std::uint64_t page, const format::page_header& header);

    [[nodiscard]] const auto& pages_by_use() const noexcept { return pages_by_use_; }
    [[nodiscard]] const auto& free_runs() const noexcept { return free_runs_; }
    [[nodiscard]] std::uint64_t damaged_in_use() const noexcept { return damaged_in_use_; }
    [[nodiscard]] std::uint64_t damaged_pages() const noexcept;
    [[nodiscard]] std::uint64_t nodes_met() const noexcept { return nodes_met_; }
    [[nodiscard]] std::uint64_t nodes_listed() const noexcept { return nodes_.size(); }
    [[nodiscard]] std::uint64_t details_listed() const noexcept { return details_listed_; }

private:
    struct node {
        std::uint64_t page = 0;
        std::uint32_t tree = 0;
        unsigned level = 0;
        unsigned depth = 0;  // from the root
        unsigned fill = 0;   // per mille
        bool sound = true;
        bool asked = false;  // on the way to a key
        std::uint64_t items = 0;
        std::uint64_t entries = 0;
        std::uint64_t born = 0;
        std::optional<std::string> fence{};
    };
    using rank = std::pair<unsigned, std::uint64_t>;

    void add_to_map(const page_fact& fact);
    void add_node(const page_fact& fact);
    void learn_types(const page_fact& catalog_leaf);
    [[nodiscard]] bool follow_asked(const page_fact& fact);
    void keep_node(const page_fact& fact, bool asked);
    void keep_detail(const page_fact& fact, bool asked);
    void store_detail(rank place, std::string text);
    void drop_lowest_level();
    [[nodiscard]] json code_nodes(std::uint64_t transaction) const;

    disclosure may_;
    std::vector<asked_key> asked_;
    page_cells cells_;
    std::vector<node> nodes_;
    unsigned depth_max_ = 256;  // deeper nodes are not listed
    unsigned root_level_ = 0;   // of the tree that is being walked
    std::uint64_t nodes_met_ = 0;
    std::size_t fence_bytes_ = 0;
    std::map<rank, std::string> details_;
    std::size_t detail_bytes_ = 0;
    bool details_full_ = false;
    std::uint64_t details_listed_ = 0;
    std::map<std::string, std::string, std::less<>> value_types_;
    std::map<std::size_t, json> geometry_;
    std::vector<std::uint64_t> broken_;
    std::array<std::uint64_t, static_cast<std::size_t>(page_use::missing) + 1> pages_by_use_{};
    std::array<std::uint64_t, 49> free_runs_{};  // by bits of their length
    std::uint64_t damaged_in_use_ = 0;
    std::set<std::uint64_t> blamed_;  // pages that findings name and that were told as sound
};

}  // namespace pinyon::tool
