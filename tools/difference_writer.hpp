// What differs between two files, written as it is found: as lines, as one JSON document or as one
// a line, with a summary at the end.
//
// Invariants
//  1. The JSON document is closed also when the comparison breaks off, and then says so.
//
// Threads: one. Failure: refusal when the results cannot be written.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/arguments.hpp"
#include "tools/table.hpp"
#include "tools/tree_comparison.hpp"

namespace pinyon::tool {

// How one tree fared.
struct compared_tree {
    std::string name;
    std::optional<tree_information> a;  // absent: there is none of this name
    std::optional<tree_information> b;
    bool types_differ = false;  // then its entries were not compared
    comparison_counts counts;

    [[nodiscard]] bool is_equal() const noexcept {
        return a && b && !types_differ && counts.differences() == 0;
    }
};

class difference_writer {
public:
    // Both outlive it.
    difference_writer(const diff_arguments& arguments, const streams& streams);
    ~difference_writer();
    difference_writer(const difference_writer&) = delete;
    difference_writer& operator=(const difference_writer&) = delete;

    // Of a tree that is in one file alone, or whose types differ.
    void tree(const compared_tree& compared);
    // What both sides stand on, or the one that the kind names.
    void entry(entry_difference kind, tree_side& a, tree_side& b);
    // The comparison has come to its end.
    void finish(const std::vector<compared_tree>& trees);

private:
    [[nodiscard]] bool may_show();
    void line(const std::string& sign, const std::string& text, colour how);
    void entry_text(entry_difference kind, tree_side& a, tree_side& b);
    void object(const json& difference);
    void close(const json& summary);
    [[nodiscard]] json summary(const std::vector<compared_tree>& trees, bool complete) const;
    [[nodiscard]] std::string summary_text(const std::vector<compared_tree>& trees) const;

    const diff_arguments& arguments_;
    const streams& streams_;
    std::uint64_t shown_ = 0;
    std::uint64_t left_out_ = 0;
    std::string named_;  // the tree whose heading stands above the last line
    bool has_heading_ = false;
    bool closed_ = false;
};

}  // namespace pinyon::tool
