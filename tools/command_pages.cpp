#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/page_survey.hpp"
#include "tools/page_text.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// What one line tells: a page, or neighbours that are alike.
struct page_line {
    page_row row;
    std::uint64_t born_min = 0;
    bool damaged = false;
};

class page_lines {
public:
    page_lines(const pages_arguments& arguments, const page_survey& survey)
        : arguments_(arguments), survey_(survey) {}

    void each(const std::function<void(const page_line&)>& use) const {
        std::optional<page_line> open;
        for (const std::size_t index : survey_.by_page()) {
            const page_row& row = survey_.rows()[index];
            const page_line line{row, row.born, survey_.is_damaged(row)};
            if (!is_wanted(line)) { continue; }
            if (!arguments_.runs) {
                single_pages(line, use);
            } else if (open && is_alike(*open, line)) {
                join(*open, line);
            } else {
                if (open) { use(*open); }
                open = line;
            }
        }
        if (open) { use(*open); }
    }

private:
    [[nodiscard]] bool is_wanted(const page_line& line) const {
        if (arguments_.kind.damaged) { return line.damaged; }
        return !arguments_.kind.use || *arguments_.kind.use == line.row.use;
    }

    // Pages of a run have a line each; what is used of it is spread from its front. Those that the
    // file does not hold may be any number: they have one line.
    void single_pages(const page_line& line,
                      const std::function<void(const page_line&)>& use) const {
        const std::uint64_t page_bytes = survey_.summary().page_bytes;
        if (line.row.use == page_use::missing) { return use(line); }
        page_line one = line;
        one.row.pages.count = 1;
        for (std::uint64_t i = 0; i < line.row.pages.count; ++i) {
            one.row.pages.first = line.row.pages.first + i;
            if (line.row.pages.count != 1) {
                const std::uint64_t before = i * page_bytes;
                one.row.used_bytes = std::min(
                    page_bytes, line.row.used_bytes - std::min(line.row.used_bytes, before));
                one.row.capacity_bytes = line.row.capacity_bytes == 0 ? 0 : page_bytes;
                one.damaged = survey_.is_damaged(one.row);
            }
            if (is_wanted(one)) { use(one); }
        }
    }

    static bool is_alike(const page_line& a, const page_line& b) {
        return a.row.pages.first + a.row.pages.count == b.row.pages.first &&
               a.row.use == b.row.use && a.row.tree == b.row.tree && a.row.level == b.row.level &&
               a.damaged == b.damaged && a.row.retired == b.row.retired;
    }

    static void join(page_line& into, const page_line& next) {
        page_row& row = into.row;
        row.pages.count += next.row.pages.count;
        row.items += next.row.items;
        row.entries += next.row.entries;
        row.used_bytes += next.row.used_bytes;
        row.capacity_bytes += next.row.capacity_bytes;
        into.born_min = std::min(into.born_min, next.born_min);
        row.born = std::max(row.born, next.row.born);
        if (row.parent != next.row.parent) { row.parent.reset(); }
    }

    const pages_arguments& arguments_;
    const page_survey& survey_;
};

json line_json(const page_survey& survey, const page_line& line) {
    const page_row& row = line.row;
    json out{{"page", row.pages.first}, {"count", row.pages.count}, {"kind", name(row.use)}};
    if (row.tree) { out["tree"] = tree_name_json(survey, *row.tree); }
    if (row.is_node()) {
        out["level"] = row.level;
        out["items"] = row.items;
    }
    if (row.capacity_bytes != 0) { out["fill"] = fill_of(row); }
    if (row.born != 0) { out["transaction"] = row.born; }
    if (line.born_min != row.born) { out["oldest_transaction"] = line.born_min; }
    if (row.retired != 0) { out["retired"] = row.retired; }
    if (row.parent) { out["parent"] = *row.parent; }
    out["sound"] = !line.damaged;
    const std::string note = note_text(survey, row);
    if (!note.empty()) { out["note"] = note; }
    return out;
}

json head_json(const pages_arguments& arguments, const page_survey& survey) {
    const check_summary& summary = survey.summary();
    return {{"schema", "pinyon.pages/1"},         {"file", escaped(arguments.file)},
            {"page_bytes", summary.page_bytes},   {"page_count", summary.page_count},
            {"transaction", summary.transaction}, {"findings", summary.findings()},
            {"complete", summary.complete}};
}

void write_json(const pages_arguments& arguments, const page_survey& survey,
                const page_lines& lines, const streams& streams) {
    std::string head = head_json(arguments, survey).dump();
    head.pop_back();
    streams.out << head << ",\"pages\":[";
    bool first = true;
    lines.each([&](const page_line& line) {
        streams.out << (first ? "\n" : ",\n") << line_json(survey, line);
        first = false;
    });
    streams.out << "\n]}\n";
}

std::vector<std::string> cells(const page_survey& survey, const page_line& line, bool runs,
                               bool coloured) {
    const page_row& row = line.row;
    std::vector<std::string> out{std::to_string(row.pages.first)};
    if (runs) { out.push_back(grouped(row.pages.count)); }
    out.push_back(use_text(row.use));
    out.push_back(row.tree ? tree_text(survey, *row.tree) : "");
    out.push_back(row.is_node() ? std::to_string(row.level) : "");
    out.push_back(row.is_node() ? grouped(row.items) : "");
    out.push_back(row.capacity_bytes == 0 ? "" : percentage(fill_of(row)));
    if (line.born_min == row.born) {
        out.push_back(row.born == 0 ? "" : grouped(row.born));
    } else {
        out.push_back(grouped(line.born_min) + "-" + grouped(row.born));
    }
    out.push_back(row.parent ? std::to_string(*row.parent) : "");
    const std::string note = note_text(survey, row);
    out.push_back(line.damaged ? painted(note, colour::red, coloured) : note);
    return out;
}

void write_text(const pages_arguments& arguments, const page_survey& survey,
                const page_lines& lines, const streams& streams) {
    std::vector<std::string> headings{">page", "kind",     "tree",    ">level", ">items",
                                      ">fill", ">written", ">parent", "note"};
    if (arguments.runs) { headings.insert(headings.begin() + 1, ">pages"); }
    text_table table(headings, "");
    lines.each([&](const page_line& line) {
        table.row(cells(survey, line, arguments.runs, streams.out_colour));
    });
    streams.out << table.text(streams.out_colour);
}

}  // namespace

exit_code run_pages(const pages_arguments& arguments, const streams& streams) {
    const page_survey survey(arguments, streams, "pages");
    const page_lines lines(arguments, survey);
    if (arguments.json) {
        write_json(arguments, survey, lines, streams);
    } else if (arguments.ndjson) {
        lines.each([&](const page_line& line) { streams.out << line_json(survey, line) << '\n'; });
    } else {
        write_text(arguments, survey, lines, streams);
    }
    streams.flush_results();
    survey.conclude();
    return exit_code::fine;
}

}  // namespace pinyon::tool
