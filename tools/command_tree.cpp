#include <set>

#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/page_survey.hpp"
#include "tools/page_text.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// The rows of the nodes that are asked for, and of the large values below their leaves, parents
// before children.
class shown_nodes {
public:
    shown_nodes(const tree_arguments& arguments, const page_survey& survey) : survey_(survey) {
        const std::vector<page_row>& rows = survey.rows();
        for (std::size_t i = 0; i < rows.size(); ++i) {
            if (rows[i].tree && is_wanted(arguments, rows[i])) { rows_.push_back(i); }
        }
    }

    [[nodiscard]] const std::vector<std::size_t>& rows() const noexcept { return rows_; }

private:
    [[nodiscard]] bool is_wanted(const tree_arguments& arguments, const page_row& row) const {
        const tree_summary& tree = survey_.tree(*row.tree);
        if (arguments.tree && (*row.tree == page_fact::catalog || tree.name != *arguments.tree)) {
            return false;
        }
        return depth_of(row) <= arguments.depth;
    }
    // Large values stand below the leaves.
    [[nodiscard]] std::uint64_t depth_of(const page_row& row) const {
        const std::uint64_t levels = survey_.tree(*row.tree).levels;
        return row.is_node() ? levels - 1 - row.level : levels;
    }

    const page_survey& survey_;
    std::vector<std::size_t> rows_;
};

const char* short_use(const page_row& row) { return row.use == page_use::leaf ? "leaf" : "inner"; }

std::string items_text(const page_row& row) {
    if (row.use == page_use::leaf) { return counted(row.items, "entry", "entries"); }
    return counted(row.items, "child", "children") + ", " +
           counted(row.entries, "entry", "entries");
}

// One line of the indented tree.
std::string line_text(const tree_arguments& arguments, const page_survey& survey, std::size_t index,
                      bool coloured) {
    const page_row& row = survey.rows()[index];
    const std::uint64_t levels = survey.tree(*row.tree).levels;
    const std::uint64_t depth = row.is_node() ? levels - 1 - row.level : levels;
    std::string line(2 + 2 * depth, ' ');
    if (!row.is_node()) {
        line += painted(fmt::format("{}  {}", pages_text(row.pages), use_text(row.use)),
                        colour::dim, coloured);
    } else {
        line += fmt::format("{}  {}  ", painted(pages_text(row.pages), colour::bold, coloured),
                            short_use(row));
        if (row.capacity_bytes != 0) {
            line += fmt::format("{}, {} full  ", items_text(row), percentage(fill_of(row)));
        }
        line += range_text(survey.key_type(*row.tree), survey.bounds(index), arguments.bytes);
    }
    if (survey.is_damaged(row)) {
        line += "  " + painted(note_text(survey, row), colour::red, coloured);
    }
    return line + "\n";
}

void write_text(const tree_arguments& arguments, const page_survey& survey,
                const shown_nodes& nodes, const streams& streams) {
    std::optional<std::size_t> tree;
    for (const std::size_t index : nodes.rows()) {
        const page_row& row = survey.rows()[index];
        if (tree != row.tree) {
            tree = row.tree;
            const tree_summary& of = survey.tree(*tree);
            streams.out << fmt::format(
                "{}  {}, {}\n", painted(tree_text(survey, *tree), colour::bold, streams.out_colour),
                counted(of.entries, "entry", "entries"), counted(of.levels, "level", "levels"));
        }
        streams.out << line_text(arguments, survey, index, streams.out_colour);
        streams.check_interrupt();
    }
}

json node_json(const tree_arguments& arguments, const page_survey& survey, std::size_t index) {
    const page_row& row = survey.rows()[index];
    json out{{"tree", tree_name_json(survey, *row.tree)},
             {"page", row.pages.first},
             {"kind", name(row.use)}};
    if (row.parent) { out["parent"] = *row.parent; }
    if (!row.is_node()) {
        out["count"] = row.pages.count;
        out["bytes"] = row.used_bytes;
    } else {
        const std::string type = survey.key_type(*row.tree);
        const key_bounds& bounds = survey.bounds(index);
        out["level"] = row.level;
        out["items"] = row.items;
        out["entries"] = row.entries;
        if (row.capacity_bytes != 0) { out["fill"] = fill_of(row); }
        out["lower"] = bound_json(type, bounds.lower, arguments.bytes);
        out["upper"] = bound_json(type, bounds.upper, arguments.bytes);
    }
    out["sound"] = !survey.is_damaged(row);
    if (survey.is_damaged(row)) { out["note"] = note_text(survey, row); }
    return out;
}

void write_json(const tree_arguments& arguments, const page_survey& survey,
                const shown_nodes& nodes, const streams& streams) {
    const check_summary& summary = survey.summary();
    std::string head = json{{"schema", "pinyon.tree/1"},
                            {"file", escaped(arguments.file)},
                            {"page_bytes", summary.page_bytes},
                            {"transaction", summary.transaction},
                            {"findings", summary.findings()}}
                           .dump();
    head.pop_back();
    streams.out << head << ",\"nodes\":[";
    bool first = true;
    for (const std::size_t index : nodes.rows()) {
        streams.out << (first ? "\n" : ",\n") << node_json(arguments, survey, index);
        first = false;
    }
    streams.out << "\n]}\n";
}

// A string of the dot language: quotes and backslashes are escaped, lines are parted.
std::string dot_quoted(const std::string& text) {
    std::string out = "\"";
    for (const char each : text) {
        if (each == '"' || each == '\\') { out += '\\'; }
        out += each == '\n' ? std::string("\\n") : std::string(1, each);
    }
    return out + "\"";
}

void write_dot(const tree_arguments& arguments, const page_survey& survey, const shown_nodes& nodes,
               const streams& streams) {
    streams.out << "digraph pinyon {\n  node [shape=box, fontname=\"monospace\", style=filled, "
                   "fillcolor=white];\n";
    std::set<std::uint64_t> drawn;
    for (const std::size_t index : nodes.rows()) {
        const page_row& row = survey.rows()[index];
        const std::uint64_t page = row.pages.first;
        std::string label = pages_text(row.pages) + "\n" + use_text(row.use);
        if (row.is_node()) {
            label += fmt::format(
                "\n{}\n{}", items_text(row),
                range_text(survey.key_type(*row.tree), survey.bounds(index), arguments.bytes));
        }
        if (!row.parent) { label.insert(0, tree_text(survey, *row.tree) + "\n"); }
        streams.out << fmt::format("  p{} [label={}{}];\n", page, dot_quoted(label),
                                   survey.is_damaged(row) ? ", fillcolor=\"#d55e00\"" : "");
        drawn.insert(page);
        if (row.parent && drawn.contains(*row.parent)) {
            streams.out << fmt::format("  p{} -> p{};\n", *row.parent, page);
        }
    }
    streams.out << "}\n";
}

void require_tree(const tree_arguments& arguments, const page_survey& survey) {
    if (!arguments.tree || survey.summary().findings() != 0) { return; }
    for (const tree_summary& each : survey.summary().trees) {
        if (each.name == *arguments.tree) { return; }
    }
    throw refusal(exit_code::no, fmt::format("found no tree '{}'", escaped(*arguments.tree)),
                  "pinyon info " + shell_quoted(arguments.file));
}

}  // namespace

exit_code run_tree(const tree_arguments& arguments, const streams& streams) {
    const page_survey survey(arguments, streams, "tree", true);
    survey.require_unmoved();
    require_tree(arguments, survey);
    const shown_nodes nodes(arguments, survey);
    if (arguments.json) {
        write_json(arguments, survey, nodes, streams);
    } else if (arguments.ndjson) {
        for (const std::size_t index : nodes.rows()) {
            streams.out << node_json(arguments, survey, index) << '\n';
        }
    } else if (arguments.dot) {
        write_dot(arguments, survey, nodes, streams);
    } else {
        write_text(arguments, survey, nodes, streams);
    }
    streams.flush_results();
    survey.conclude();
    return exit_code::fine;
}

}  // namespace pinyon::tool
