// Words for pages, the same in every verb: what a page is used for, how full it is, which keys its
// range holds, and what is to be said of it beside.
//
// Threads: any. Failure: none.
#pragma once

#include <string>

#include "tools/page_survey.hpp"

namespace pinyon::tool {

// "leaf", "inner node", "free-space image".
[[nodiscard]] std::string use_text(page_use use);
// "'users'" or "the catalog"; control bytes escaped.
[[nodiscard]] std::string tree_text(const page_survey& survey, std::size_t tree);
[[nodiscard]] json tree_name_json(const page_survey& survey, std::size_t tree);

// "page 7", "pages 7 to 9".
[[nodiscard]] std::string pages_text(io::page_run pages);

// "3021 <= key < 4096", "key < 7", "all keys"; of keys of this type.
[[nodiscard]] std::string range_text(const std::string& type, const key_bounds& bounds,
                                     byte_style style);
[[nodiscard]] json bound_json(const std::string& type, const std::optional<std::string>& bound,
                              byte_style style);

// Why pages that no newest state holds are not free yet, or that they are for the next writer.
[[nodiscard]] std::string pending_text(const page_survey& survey, const page_row& row);
// What there is to say of the run beside its figures: what was found first, or why it waits.
[[nodiscard]] std::string note_text(const page_survey& survey, const page_row& row);

// Part of the room that is used; 0 where there is none.
[[nodiscard]] double fill_of(const page_row& row);

}  // namespace pinyon::tool
