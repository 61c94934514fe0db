#include "tools/hex_dump.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace pinyon::tool {

namespace {

constexpr std::size_t row_bytes = 16;
// What begins in one row; more is cut.
constexpr std::size_t marks_max = 4;

std::string marks_in(const std::multimap<std::uint64_t, std::string>& marks, std::uint64_t first) {
    std::string text;
    std::size_t shown = 0;
    for (auto each = marks.lower_bound(first);
         each != marks.end() && each->first < first + row_bytes; ++each) {
        if (shown++ == marks_max) { return text + ", ..."; }
        text += (text.empty() ? "" : ", ") + each->second;
    }
    return text;
}

std::string row_text(bytes row, std::uint64_t offset) {
    std::string digits;
    std::string text;
    for (std::size_t i = 0; i < row_bytes; ++i) {
        if (i % 8 == 0) { digits += ' '; }
        if (i >= row.size()) {
            digits += "   ";
            continue;
        }
        const auto value = std::to_integer<unsigned char>(row[i]);
        digits += fmt::format("{:02x} ", value);
        text += value >= 0x20 && value < 0x7f ? static_cast<char>(value) : '.';
    }
    return fmt::format("{:>12x} {} |{:<16}|", offset, digits, text);
}

}  // namespace

std::string hex_dump(bytes content, std::uint64_t offset,
                     const std::multimap<std::uint64_t, std::string>& marks) {
    std::string out;
    bytes before;
    bool repeating = false;
    for (std::size_t at = 0; at < content.size(); at += row_bytes) {
        const bytes row = content.subspan(at, std::min(row_bytes, content.size() - at));
        const std::string beside = marks_in(marks, at);
        const bool is_last = at + row_bytes >= content.size();
        if (at != 0 && equal(row, before) && beside.empty() && !is_last) {
            if (!repeating) { out += fmt::format("{:>12}\n", "*"); }
            repeating = true;
            continue;
        }
        repeating = false;
        before = row;
        out += row_text(row, offset + at);
        if (!beside.empty()) { out += "  " + beside; }
        out += '\n';
    }
    return out;
}

}  // namespace pinyon::tool
