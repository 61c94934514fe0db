#include "tools/field_list.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tools/table.hpp"

namespace pinyon::tool {

void field_list::add(std::uint64_t offset, std::uint32_t bytes, std::string name, std::string found,
                     std::string expected) {
    fields_.push_back({offset, bytes, std::move(name), std::move(found), std::move(expected)});
}

void field_list::number(std::uint64_t offset, std::uint32_t bytes, std::string name,
                        std::uint64_t found, bool right, std::string expected) {
    add(offset, bytes, std::move(name), std::to_string(found),
        right ? std::string() : std::move(expected));
}

void field_list::fact(std::string name, std::string found, std::string expected) {
    add(0, 0, std::move(name), std::move(found), std::move(expected));
}

std::string field_list::text(std::uint64_t page_offset, bool coloured) const {
    const bool located = std::any_of(fields_.begin(), fields_.end(),
                                     [](const page_field& each) { return each.bytes != 0; });
    std::vector<std::string> headings{"field", "found", ""};
    if (located) { headings.insert(headings.begin(), {">offset", ">bytes"}); }
    text_table table(headings);
    for (const page_field& each : fields_) {
        std::vector<std::string> cells{each.name, each.found, ""};
        if (!each.expected.empty()) {
            cells[2] = painted("wrong: expected " + each.expected, colour::red, coloured);
        }
        if (located) {
            const bool placed = each.bytes != 0;
            cells.insert(cells.begin(), {placed ? std::to_string(page_offset + each.offset) : "",
                                         placed ? std::to_string(each.bytes) : ""});
        }
        table.row(cells);
    }
    return table.text(coloured);
}

json field_list::as_json(std::uint64_t page_offset) const {
    json out = json::array();
    for (const page_field& each : fields_) {
        json field{{"name", each.name}};
        if (each.bytes != 0) {
            field["offset"] = page_offset + each.offset;
            field["bytes"] = each.bytes;
        }
        field["found"] = each.found;
        if (!each.expected.empty()) { field["expected"] = each.expected; }
        out.push_back(std::move(field));
    }
    return out;
}

std::string hex_number(std::uint64_t value, unsigned bytes) {
    return fmt::format("0x{:0{}x}", value, 2 * bytes);
}

}  // namespace pinyon::tool
