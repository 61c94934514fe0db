// A node taken apart byte by byte, whatever state it is in: header fields, fences, entries, each
// with its place, and what of it is wrong.
//
// Invariants
//  1. No byte outside the page is looked at, whatever the page says; at most as many entries are
//     shown as a page has room for.
//
// Threads: pure functions. Failure: none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/checksum.hpp"
#include "pinyon/engine/node.hpp"
#include "tools/field_list.hpp"
#include "tools/page_survey.hpp"

namespace pinyon::tool {

// What is known of the page from outside.
struct node_expectation {
    std::uint64_t page = 0;
    unsigned level = 0;
    std::uint64_t born_max = 0;
    std::optional<std::uint32_t> checksum;  // as its parent holds it
    std::optional<key_bounds> bounds;       // as its parents' separators imply
    std::optional<std::uint64_t> entries;   // in its subtree, as its parent counts them
};

struct node_entry {
    std::uint64_t offset = 0;  // of the slot, or of the key's element
    std::uint64_t place = 0;   // of the cell, or of the value or child
    std::string key;           // whole, in normal form
    std::string value;         // of a leaf: the value, or the reference to a large one
    bool is_reference = false;
    std::optional<child_entry> child;  // of an inner node
    std::string defect;                // empty: none
};

struct node_picture {
    field_list header;
    key_bounds bounds;  // as the page states them
    std::vector<node_entry> entries;
    std::string defect;  // what the layout forbids, found first; empty: nothing
};

// Takes the page apart by the schema of the tree that it should belong to. REQUIRES: a complete
// schema, as many bytes as its pages have.
[[nodiscard]] node_picture picture_of(bytes page, const node_schema& schema, const page_seal& seal,
                                      const node_expectation& expected);

// "fixed leaf, level 0, tree 3".
[[nodiscard]] std::string identity_text(std::uint64_t identity);

}  // namespace pinyon::tool
