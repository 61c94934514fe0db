// Text for people: numbers in groups, byte sizes, aligned tables, colour where it is wanted.
//
// Threads: any. Failure: none.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pinyon::tool {

[[nodiscard]] std::string grouped(std::uint64_t number);  // 34,924
// "1 page", "1,024 pages"; both words given.
[[nodiscard]] std::string counted(std::uint64_t number, const char* one, const char* many);
[[nodiscard]] std::string byte_size(std::uint64_t bytes);  // 1.5 MiB
[[nodiscard]] std::string percentage(double part);         // 0.987 -> 98.7 %
// Characters that a terminal shows, not bytes; escape sequences count nothing.
[[nodiscard]] std::size_t width(std::string_view text) noexcept;
// The text, or its beginning and "..." where it is wider than `columns`. REQUIRES: no escape
// sequences, columns > 3.
[[nodiscard]] std::string clipped(std::string text, std::size_t columns);

enum class colour { bold, dim, red, green, yellow };
// The text in this colour when `wanted`, else as it is.
[[nodiscard]] std::string painted(std::string_view text, colour how, bool wanted);

// Columns aligned by their widest cell; a column is set right when its heading begins with '>'.
class text_table {
public:
    explicit text_table(std::vector<std::string> headings, std::string indent = "  ");
    void row(std::vector<std::string> cells);
    // The lines, headings dim when `coloured`. No blanks at line ends.
    [[nodiscard]] std::string text(bool coloured) const;

private:
    std::vector<std::string> headings_;
    std::vector<bool> right_;
    std::string indent_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace pinyon::tool
