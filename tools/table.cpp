#include "tools/table.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace pinyon::tool {

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t at = text.size(); at > 3;) {
        at -= 3;
        text.insert(at, 1, ',');
    }
    return text;
}

std::string counted(std::uint64_t number, const char* one, const char* many) {
    return grouped(number) + ' ' + (number == 1 ? one : many);
}

std::string byte_size(std::uint64_t bytes) {
    constexpr std::array<const char*, 7> units{"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) { return fmt::format("{} {}", bytes, bytes == 1 ? "byte" : units[0]); }
    auto size = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (size >= 1024 && unit + 1 < units.size()) {
        size /= 1024;
        ++unit;
    }
    return fmt::format("{:.1f} {}", size, units[unit]);
}

std::string percentage(double part) { return fmt::format("{:.1f} %", part * 100); }

std::size_t width(std::string_view text) noexcept {
    std::size_t columns = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\x1b') {
            while (at < text.size() && text[at] != 'm') { ++at; }
        } else if ((static_cast<unsigned char>(text[at]) & 0xc0) != 0x80) {
            ++columns;
        }
    }
    return columns;
}

std::string clipped(std::string text, std::size_t columns) {
    if (width(text) <= columns) { return text; }
    std::size_t at = 0;
    for (std::size_t kept = 0; kept < columns - 3; ++kept) {
        do {
            ++at;
        } while (at < text.size() && (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80);
    }
    text.resize(at);
    return text + "...";
}

std::string painted(std::string_view text, colour how, bool wanted) {
    if (!wanted) { return std::string(text); }
    constexpr std::array<const char*, 5> codes{"1", "2", "31", "32", "33"};
    return fmt::format("\x1b[{}m{}\x1b[0m", codes[static_cast<std::size_t>(how)], text);
}

text_table::text_table(std::vector<std::string> headings, std::string indent)
    : headings_(std::move(headings)), indent_(std::move(indent)) {
    for (std::string& heading : headings_) {
        right_.push_back(heading.starts_with('>'));
        if (right_.back()) { heading.erase(0, 1); }
    }
}

void text_table::row(std::vector<std::string> cells) {
    cells.resize(headings_.size());
    rows_.push_back(std::move(cells));
}

std::string text_table::text(bool coloured) const {
    std::vector<std::size_t> widths;
    bool headed = false;
    for (std::size_t i = 0; i < headings_.size(); ++i) {
        widths.push_back(width(headings_[i]));
        headed = headed || !headings_[i].empty();
        for (const auto& cells : rows_) { widths[i] = std::max(widths[i], width(cells[i])); }
    }
    const auto line = [&](const std::vector<std::string>& cells) {
        std::string out = indent_;
        for (std::size_t i = 0; i < cells.size(); ++i) {
            const std::string blanks(widths[i] - width(cells[i]), ' ');
            out += i == 0 ? "" : "  ";
            out += right_[i] ? blanks + cells[i] : cells[i] + blanks;
        }
        out.erase(out.find_last_not_of(' ') + 1);
        return out;
    };
    std::string out;
    if (headed) { out += painted(line(headings_), colour::dim, coloured) + "\n"; }
    for (const auto& cells : rows_) { out += line(cells) + "\n"; }
    return out;
}

}  // namespace pinyon::tool
