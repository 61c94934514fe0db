// Every page of a file with its owner and its state, as the checker tells it, at hand for the verbs
// that list, draw and explain pages.
//
// Invariants
//  1. Rows stand in the order in which the checker tells of pages: parents before children,
//     siblings and trees in order. `by_page` has the same rows by page.
//  2. Memory is bounded by the file: one row a run of pages with one owner.
//
// Threads: one. Failure: as check(); interruption; refusal from `conclude`.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/check.hpp"
#include "tools/file_watch.hpp"

namespace pinyon::tool {

// A page_fact without what is valid only while it is told.
struct page_row {
    io::page_run pages;
    page_use use = page_use::lost;
    bool sound = true;
    unsigned level = 0;
    std::uint32_t checksum = 0;
    std::optional<std::size_t> tree;
    std::optional<std::uint64_t> parent;
    std::uint64_t entries = 0;
    std::uint64_t items = 0;
    std::uint64_t used_bytes = 0;
    std::uint64_t capacity_bytes = 0;
    std::uint64_t born = 0;
    std::uint64_t retired = 0;

    [[nodiscard]] bool is_node() const noexcept {
        return use == page_use::leaf || use == page_use::inner;
    }
    [[nodiscard]] bool is_extent() const noexcept {
        return use == page_use::extent_data || use == page_use::extent_sums;
    }
};

// The fences of a node, in normal form; absent: open.
struct key_bounds {
    std::optional<std::string> lower;
    std::optional<std::string> upper;
};

class page_survey {
public:
    // Checks the file. `verb` is what the line of progress begins with; `with_bounds` keeps the
    // fences of the nodes. A remark on standard error says when the log goes on behind these pages.
    page_survey(const common_arguments& arguments, const streams& streams, const std::string& verb,
                bool with_bounds = false);

    [[nodiscard]] const check_summary& summary() const noexcept { return summary_; }
    [[nodiscard]] const std::vector<page_row>& rows() const noexcept { return rows_; }
    // Indices of rows, ascending by page.
    [[nodiscard]] const std::vector<std::size_t>& by_page() const noexcept { return by_page_; }
    // The row that tells of the page. REQUIRES: page < page_count.
    [[nodiscard]] const page_row& at(std::uint64_t page) const;
    // Of rows()[row]. REQUIRES: with_bounds.
    [[nodiscard]] const key_bounds& bounds(std::size_t row) const { return bounds_.at(row); }
    [[nodiscard]] const key_bounds& bounds(const page_row& row) const {
        return bounds(static_cast<std::size_t>(&row - rows_.data()));
    }
    // What was found of this page.
    [[nodiscard]] std::vector<const finding*> findings_of(std::uint64_t page) const;
    // What was found first of one of these pages; null: nothing.
    [[nodiscard]] const finding* first_finding(io::page_run pages) const;
    // True for pages that the checker found damaged, or named in a finding.
    [[nodiscard]] bool is_damaged(const page_row& row) const {
        return !row.sound || first_finding(row.pages) != nullptr;
    }

    [[nodiscard]] const tree_summary& tree(std::size_t index) const;
    // The type of a tree's keys, as the catalog names it.
    [[nodiscard]] std::string key_type(std::size_t tree) const;
    [[nodiscard]] std::string value_type(std::size_t tree) const;

    // What the nodes of a tree with rows look like.
    [[nodiscard]] node_schema schema(std::size_t tree) const;
    // The bytes of the pages as they are now, unverified; fewer where the file ends.
    [[nodiscard]] std::vector<std::byte> content(io::page_run pages) const;

    [[nodiscard]] const format::meta& meta() const noexcept {
        return summary_.metas[summary_.newest].meta;
    }
    // The slots whose state holds pages that lived [born, retired).
    [[nodiscard]] std::vector<unsigned> holders(std::uint64_t born, std::uint64_t retired) const;

    // Throws refusal when the newest state has no such page.
    void require_page(std::uint64_t page) const;
    // How a verb ends that has shown the whole file: returns, or throws refusal for damage and for
    // a file that changed.
    void conclude() const;
    // Throws refusal when the file changed while it was read.
    void require_unmoved() const;

private:
    void keep(const page_fact& fact, bool with_bounds);
    void tell_of_log(const streams& streams, const std::string& verb) const;

    std::string file_;
    check_summary summary_;
    std::vector<finding> findings_;
    std::multimap<std::uint64_t, std::size_t> findings_by_page_;
    std::vector<page_row> rows_;
    std::vector<key_bounds> bounds_;
    std::vector<std::size_t> by_page_;
};

}  // namespace pinyon::tool
