// One page of a tree in full, as a report shows it: the figures of its header, where its entries
// stand, their keys and, where they were asked for, their values.
//
// Threads: any. Failure: none; `header_fields` reads nothing but the header.
#pragma once

#include <string>

#include "pinyon/engine/page_fact.hpp"
#include "tools/escape.hpp"

namespace pinyon::tool {

// What may be shown of the bytes that a program stored.
struct disclosure {
    bool keys = true;
    bool values = false;
    byte_style style = byte_style::automatic;  // of values
};

// REQUIRES: a node with content.
[[nodiscard]] json page_detail(const page_fact& node, const std::string& value_type,
                               const disclosure& may);

// A header as it stands in a damaged page: pairs of the field's name and what was found.
[[nodiscard]] json header_fields(const format::page_header& header);

// The numbers by which a fixed node's columns are found.
[[nodiscard]] json geometry_json(const node_schema& schema);

}  // namespace pinyon::tool
