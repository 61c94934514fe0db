// What can be saved of one state of a damaged file: its catalog, its trees, its orphans, and what
// remains lost. Nothing is written here.
//
// A tree whose record is lost is named by its number, "tree-7"; its types come from an older copy
// of its record where one is left (they never change), else its keys and values are raw bytes.
//
// Threads: one. Failure: as damaged_file.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pinyon/engine/catalog.hpp"
#include "pinyon/engine/fixed_node.hpp"
#include "pinyon/engine/free_space.hpp"
#include "pinyon/engine/slotted_node.hpp"
#include "tools/damaged_file.hpp"
#include "tools/orphan_pages.hpp"
#include "tools/tree_salvage.hpp"

namespace pinyon::tool {

struct salvaged_tree {
    std::string name;
    std::optional<std::string> last_known_name;  // of a tree that is named by its number
    std::uint32_t number = 0;
    tree_types types;
    std::uint32_t minimum_degree = 0;
    std::optional<std::uint64_t> expected;  // entries, as its record says
    std::unique_ptr<tree_salvage> content;  // null: its nodes cannot be read
    std::string problem;                    // why not
    // False: nothing proves that the tree was not dropped; what is found of it is lost+found alone.
    bool exists = true;

    [[nodiscard]] bool is_whole() const noexcept {
        return content && exists && content->is_whole() &&
               (!expected || *expected == content->entries());
    }
    // Entries that the record counts and no leaf holds, or whose value is damaged; absent: unknown.
    [[nodiscard]] std::optional<std::uint64_t> missing_entries() const noexcept;
};

class salvage {
public:
    // The state of `meta`. `is_assumed`: no meta names it (state_without_meta).
    salvage(damaged_file& file, const format::meta& meta, bool is_assumed);
    salvage(const salvage&) = delete;
    salvage& operator=(const salvage&) = delete;

    [[nodiscard]] const format::meta& meta() const noexcept { return meta_; }
    [[nodiscard]] bool is_assumed() const noexcept { return is_assumed_; }
    [[nodiscard]] std::vector<salvaged_tree>& trees() noexcept { return trees_; }
    [[nodiscard]] const std::vector<salvaged_tree>& trees() const noexcept { return trees_; }
    [[nodiscard]] const tree_salvage& catalog() const noexcept { return *catalog_; }
    [[nodiscard]] orphans orphans_of(std::uint32_t tree) const noexcept {
        return orphans_.of(tree);
    }
    // Why the free-space image does not tell which pages are in use; empty: it does.
    [[nodiscard]] const std::string& space_problem() const noexcept { return space_problem_; }
    // Everything that the state holds is there.
    [[nodiscard]] bool is_whole() const noexcept;
    // Lost nodes, of all trees and the catalog.
    [[nodiscard]] std::uint64_t lost_nodes() const noexcept;

    // Calls use(key, value) for each entry of a leaf that is sound by its own checksum and has this
    // schema; a value may be an extent reference. False: it is not.
    template <class Use>
    static bool for_each_entry(damaged_file& file, const node_schema& schema, std::uint64_t page,
                               Use&& use);

private:
    void load_space();
    void require_space_agrees();
    void add_records();
    void add_tree(std::string name, bytes record);
    void find_orphans();
    void add_unnamed();
    [[nodiscard]] std::map<std::uint32_t, std::pair<std::string, format::catalog_record>>
    older_records();

    damaged_file& file_;
    format::meta meta_;
    bool is_assumed_;
    page_set claimed_;
    std::optional<free_space> space_;
    std::string space_problem_;
    std::unique_ptr<tree_salvage> catalog_;
    std::vector<salvaged_tree> trees_;
    std::set<std::uint32_t> numbers_{format::catalog_tree};  // of trees with a record
    orphan_pages orphans_;
};

// Where no meta is left, a meta of the youngest state that pages show: every commit writes a root
// of the catalog, so the root as young as the youngest node is that of the last one. Without such a
// root the catalog is lost (a level of height_max). Nullopt: no page is a node.
[[nodiscard]] std::optional<format::meta> state_without_meta(damaged_file& file);

template <class Use>
bool salvage::for_each_entry(damaged_file& file, const node_schema& schema, std::uint64_t page,
                             Use&& use) {
    std::vector<std::byte> content(file.page_bytes());
    if (!file.read(page, content) || !file.is_node(page, content.data()) ||
        header_of(content.data()).identity != schema.identity(0)) {
        return false;
    }
    key_buffer room;
    const auto visit = [&](const auto& leaf) {
        if (leaf.defect(true) != nullptr) { return false; }
        for (unsigned i = 0; i < leaf.count(); ++i) {
            use(leaf.key(i, room), leaf.value(i), leaf.is_reference(i));
        }
        return true;
    };
    return schema.layout == format::node_layout::fixed
               ? visit(fixed_node(content.data(), schema))
               : visit(slotted_node(content.data(), schema));
}

}  // namespace pinyon::tool
