// The HTML of a report: one file that needs nothing but itself. The page, its style and its script
// are those of tools/report/, embedded when the program is built; the rest is what was found.
//
// Invariants
//  1. What comes from the file reaches HTML only through `html_escaped` and `script_json`: neither
//     leaves a character that could end a string, a tag, a comment or a script.
//  2. The page's policy names the hashes of its one style and its one script: a browser runs
//     nothing else, and loads nothing.
//
// Threads: any. Failure: none.
#pragma once

#include <string>
#include <string_view>

namespace pinyon::tool {

// Text as HTML shows it, in elements and in quoted attributes.
[[nodiscard]] std::string html_escaped(std::string_view text);

// JSON for a script element: pure ASCII without `<`, `>` and `&`. REQUIRES: valid JSON in ASCII.
[[nodiscard]] std::string script_json(std::string_view document);

// What differs from report to report: `head` and `foot` are HTML, `data` is script_json.
struct report_text {
    std::string title;
    std::string head;
    std::string foot;
    std::string data;
};

[[nodiscard]] std::string report_page(const report_text& text);
// Bytes of a page without text.
[[nodiscard]] std::size_t report_page_bytes();

}  // namespace pinyon::tool
