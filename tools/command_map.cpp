#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/page_shade.hpp"
#include "tools/page_survey.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

constexpr std::uint64_t rows_max = 20;
// Page numbers have at most 15 digits, in groups of three.
constexpr std::uint64_t margin_columns = 12;
constexpr std::uint64_t columns_min = 16;

// The file cut into cells of as many pages each; a cell has the shade of most of its pages, but
// damage shows wherever there is any.
struct page_map {
    std::uint64_t cells_in_row = 0;
    std::uint64_t cell_pages = 1;
    std::vector<std::size_t> cells;          // shades
    std::vector<std::uint64_t> shade_pages;  // pages of each shade
};

// Counts the pages of one cell by shade.
class cell_count {
public:
    explicit cell_count(std::size_t shades) : pages_(shades) {}

    void add(std::size_t shade, std::uint64_t pages) { pages_[shade] += pages; }
    // The cell's shade; the count begins anew.
    [[nodiscard]] std::size_t take() {
        const auto most = std::max_element(pages_.begin(), pages_.end());
        const std::size_t shade =
            pages_[0] != 0 ? 0 : static_cast<std::size_t>(most - pages_.begin());
        std::fill(pages_.begin(), pages_.end(), 0);
        return shade;
    }

private:
    std::vector<std::uint64_t> pages_;
};

page_map draw(const page_survey& survey, const page_shades& shades, unsigned columns) {
    page_map map;
    const std::uint64_t pages = survey.summary().page_count;
    map.cells_in_row = std::max<std::uint64_t>(columns_min, columns) - margin_columns;
    // Powers of two, so that the numbers at the side are round.
    while (map.cell_pages * map.cells_in_row * rows_max < pages) { map.cell_pages *= 2; }
    map.shade_pages.resize(shades.all().size());
    cell_count count(shades.all().size());
    std::uint64_t room = map.cell_pages;  // of the cell that is being filled
    for (const std::size_t index : survey.by_page()) {
        const page_row& row = survey.rows()[index];
        const std::size_t shade = shades.of(row);
        map.shade_pages[shade] += row.pages.count;
        for (std::uint64_t left = row.pages.count; left != 0;) {
            const std::uint64_t step = std::min(left, room);
            count.add(shade, step);
            left -= step;
            room -= step;
            if (room != 0) { continue; }
            map.cells.push_back(count.take());
            room = map.cell_pages;
        }
    }
    if (room != map.cell_pages) { map.cells.push_back(count.take()); }
    return map;
}

std::string in_colour(const std::string& text, unsigned colour) {
    return fmt::format("\x1b[38;5;{}m{}\x1b[0m", colour, text);
}

// Neighbours of one shade, drawn with one change of colour.
std::string cells_text(const page_map& map, const page_shades& shades, std::size_t first,
                       std::size_t last, bool coloured) {
    std::string out;
    while (first < last) {
        const page_shade& shade = shades.all()[map.cells[first]];
        std::string blocks;
        std::size_t end = first;
        while (end < last && map.cells[end] == map.cells[first]) {
            if (coloured) {
                blocks += "\u2588";
            } else {
                blocks += shade.letter;
            }
            ++end;
        }
        out += coloured ? in_colour(blocks, shade.colour) : blocks;
        first = end;
    }
    return out;
}

std::string legend_text(const page_map& map, const page_shades& shades, std::uint64_t page_bytes,
                        bool coloured) {
    text_table table({"", "", ">pages", ""}, "  ");
    for (std::size_t i = 0; i < shades.all().size(); ++i) {
        if (map.shade_pages[i] == 0) { continue; }
        const page_shade& shade = shades.all()[i];
        table.row(
            {coloured ? in_colour("\u2588\u2588", shade.colour) : std::string(1, shade.letter),
             shade.name, grouped(map.shade_pages[i]), byte_size(map.shade_pages[i] * page_bytes)});
    }
    return table.text(coloured);
}

std::string as_text(const map_arguments& arguments, const page_survey& survey, const page_map& map,
                    const page_shades& shades, bool coloured) {
    const check_summary& summary = survey.summary();
    std::string out = fmt::format("{}  {} pages of {} KiB, {} in a cell\n\n",
                                  painted(escaped(arguments.file), colour::bold, coloured),
                                  grouped(summary.page_count), summary.page_bytes / 1024,
                                  grouped(map.cell_pages));
    for (std::size_t first = 0; first < map.cells.size(); first += map.cells_in_row) {
        const std::size_t last = std::min<std::size_t>(map.cells.size(), first + map.cells_in_row);
        out += fmt::format("{:>{}}  {}\n", grouped(first * map.cell_pages), margin_columns - 2,
                           cells_text(map, shades, first, last, coloured));
    }
    return out + "\n" + legend_text(map, shades, summary.page_bytes, coloured);
}

json as_json(const map_arguments& arguments, const page_survey& survey, const page_map& map,
             const page_shades& shades) {
    static const std::map<map_colouring, const char*> words{{map_colouring::kind, "kind"},
                                                            {map_colouring::tree, "tree"},
                                                            {map_colouring::fill, "fill"},
                                                            {map_colouring::age, "age"}};
    const check_summary& summary = survey.summary();
    json out{{"schema", "pinyon.map/1"},         {"file", escaped(arguments.file)},
             {"by", words.at(arguments.by)},     {"page_bytes", summary.page_bytes},
             {"page_count", summary.page_count}, {"pages_in_cell", map.cell_pages},
             {"findings", summary.findings()}};
    out["rows"] = json::array();
    for (std::size_t first = 0; first < map.cells.size(); first += map.cells_in_row) {
        const std::size_t last = std::min<std::size_t>(map.cells.size(), first + map.cells_in_row);
        out["rows"].push_back(cells_text(map, shades, first, last, false));
    }
    out["legend"] = json::array();
    for (std::size_t i = 0; i < shades.all().size(); ++i) {
        if (map.shade_pages[i] == 0) { continue; }
        const page_shade& shade = shades.all()[i];
        out["legend"].push_back({{"letter", std::string(1, shade.letter)},
                                 {"name", shade.name},
                                 {"pages", map.shade_pages[i]}});
    }
    return out;
}

}  // namespace

exit_code run_map(const map_arguments& arguments, const streams& streams) {
    const page_survey survey(arguments, streams, "map");
    const page_shades shades(survey, arguments.by);
    const page_map map = draw(survey, shades, streams.out_is_terminal ? streams.columns : 80);
    if (arguments.json) {
        streams.out << as_json(arguments, survey, map, shades).dump(2) << '\n';
    } else {
        streams.out << as_text(arguments, survey, map, shades, streams.out_colour);
    }
    streams.flush_results();
    survey.conclude();
    return exit_code::fine;
}

}  // namespace pinyon::tool
