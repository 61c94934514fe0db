// Fields of a page as they are found and, where that is wrong, as they should be.
//
// Threads: any. Failure: none.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/escape.hpp"

namespace pinyon::tool {

struct page_field {
    std::uint64_t offset = 0;  // in the page
    std::uint32_t bytes = 0;   // 0: no field of the page, but a fact about it
    std::string name;
    std::string found;
    std::string expected;  // empty: it is as it should be, or nobody knows
};

class field_list {
public:
    void add(std::uint64_t offset, std::uint32_t bytes, std::string name, std::string found,
             std::string expected = {});
    // A number; wrong when `right` is false, and then `expected` says what it should be.
    void number(std::uint64_t offset, std::uint32_t bytes, std::string name, std::uint64_t found,
                bool right = true, std::string expected = {});
    void fact(std::string name, std::string found, std::string expected = {});

    [[nodiscard]] const std::vector<page_field>& all() const noexcept { return fields_; }

    // A table with offsets in the file; `page_offset` is where the page begins.
    [[nodiscard]] std::string text(std::uint64_t page_offset, bool coloured) const;
    [[nodiscard]] json as_json(std::uint64_t page_offset) const;

private:
    std::vector<page_field> fields_;
};

// "0x1a2b3c4d", of as many bytes.
[[nodiscard]] std::string hex_number(std::uint64_t value, unsigned bytes);

}  // namespace pinyon::tool
