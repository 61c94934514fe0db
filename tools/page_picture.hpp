// One page decoded, whatever it is: a node, a meta, a page of a large value, of the free-space
// image, or of nobody.
//
// Invariants
//  1. What the bytes say is shown also where it is wrong; then beside it what was expected.
//
// Threads: one. Failure: io, for bytes that cannot be read.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/field_list.hpp"
#include "tools/node_picture.hpp"
#include "tools/page_survey.hpp"

namespace pinyon::tool {

struct page_picture {
    std::vector<std::byte> content;  // shorter than a page where the file ends
    // Field lists with their headings ("meta 0"), offsets from the start of the page.
    std::vector<std::pair<std::string, field_list>> lists;
    std::optional<node_picture> node;
    // Of the tree whose node it is, or was.
    std::string key_type;
    std::string value_type;
    unsigned level = 0;
    std::vector<std::string> remarks;
};

[[nodiscard]] page_picture picture_of(const page_survey& survey, std::uint64_t page);

// What can be said of a meta page (0 or 1) of a file of which nothing else can be made out; its
// pages are taken to have 4 KiB.
[[nodiscard]] page_picture picture_of_lone_meta(const std::string& file, std::uint64_t page);

}  // namespace pinyon::tool
