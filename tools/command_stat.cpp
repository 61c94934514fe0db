#include <algorithm>

#include <fmt/format.h>

#include "pinyon/engine/check.hpp"
#include "tools/commands.hpp"
#include "tools/file_watch.hpp"
#include "tools/histogram.hpp"
#include "tools/progress.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// Text of a zero-padded field of a catalog record.
template <std::size_t Size>
std::string field_text(const std::array<char, Size>& field) {
    return escaped(std::string_view(field.data(), ::strnlen(field.data(), Size)));
}

bool is_fixed(const tree_summary& tree) {
    return tree.record.layout == static_cast<std::uint8_t>(format::node_layout::fixed);
}

template <std::size_t Size>
json histogram_json(const std::array<std::uint64_t, Size>& buckets) {
    std::size_t last = Size;
    while (last > 0 && buckets[last - 1] == 0) { --last; }
    return std::vector<std::uint64_t>(buckets.begin(),
                                      buckets.begin() + static_cast<std::ptrdiff_t>(last));
}

json sizes_json(std::uint64_t entries, std::uint64_t bytes, std::uint64_t longest,
                const size_histogram& sizes) {
    return {{"bytes", bytes},
            {"mean", ratio(bytes, entries)},
            {"max", longest},
            {"by_bits", histogram_json(sizes)}};
}

json tree_json(const tree_summary& tree) {
    json out{{"name", shown_json(tree.name, byte_style::automatic)},
             {"key_type", field_text(tree.record.key_type)},
             {"value_type", field_text(tree.record.value_type)},
             {"layout", is_fixed(tree) ? "fixed" : "slotted"},
             {"minimum_degree", tree.record.minimum_degree},
             {"complete", tree.complete},
             {"entries", tree.entries},
             {"levels", tree.levels}};
    out["pages"] = {
        {"leaf", tree.leaves}, {"inner", tree.inners}, {"large_value", tree.extent_pages}};
    out["fill"] = {{"leaf", ratio(tree.leaf_used_bytes, tree.leaf_capacity_bytes)},
                   {"inner", ratio(tree.inner_used_bytes, tree.inner_capacity_bytes)},
                   {"leaves_by_tenth", tree.leaf_fill},
                   {"inners_by_tenth", tree.inner_fill}};
    out["fan_out"] = {{"mean", ratio(tree.children, tree.inners)},
                      {"min", tree.children_min},
                      {"max", tree.children_max}};
    out["keys"] = sizes_json(tree.entries, tree.key_bytes, tree.key_bytes_max, tree.key_sizes);
    out["values"] =
        sizes_json(tree.entries, tree.value_bytes, tree.value_bytes_max, tree.value_sizes);
    out["large_values"] = {{"count", tree.extents}, {"bytes", tree.extent_bytes}};
    return out;
}

json as_json(const std::string& file, const check_summary& summary,
             const std::vector<const tree_summary*>& trees) {
    json out{{"schema", "pinyon.stat/1"},
             {"file", escaped(file)},
             {"bytes", summary.file_bytes},
             {"page_bytes", summary.page_bytes},
             {"transaction", summary.transaction},
             {"complete", summary.complete && summary.findings() == 0},
             {"findings", summary.findings()}};
    out["pages"] = {{"all", summary.page_count},
                    {"tree", summary.tree_pages},
                    {"large_value", summary.extent_pages},
                    {"free", summary.free_pages},
                    {"pending", summary.pending_pages},
                    {"free_runs", summary.free_runs},
                    {"longest_free_run", summary.free_run_pages_max}};
    out["trees"] = json::array();
    for (const tree_summary* each : trees) { out["trees"].push_back(tree_json(*each)); }
    return out;
}

template <std::size_t Size>
std::uint64_t most_of(const std::array<std::uint64_t, Size>& buckets) {
    return *std::max_element(buckets.begin(), buckets.end());
}

std::string size_table(const tree_summary& tree, bool coloured) {
    text_table table({">bytes", ">keys", "", ">values", ""}, "    ");
    std::size_t first = tree.key_sizes.size();
    std::size_t last = 0;
    for (std::size_t b = 0; b < tree.key_sizes.size(); ++b) {
        if (tree.key_sizes[b] + tree.value_sizes[b] == 0) { continue; }
        first = std::min(first, b);
        last = b;
    }
    for (std::size_t b = first; b <= last && b < tree.key_sizes.size(); ++b) {
        table.row({bucket_text(b), grouped(tree.key_sizes[b]),
                   bar(tree.key_sizes[b], most_of(tree.key_sizes)), grouped(tree.value_sizes[b]),
                   bar(tree.value_sizes[b], most_of(tree.value_sizes))});
    }
    return table.text(coloured);
}

std::string fill_table(const tree_summary& tree, bool coloured) {
    text_table table({">full to", ">leaves", "", ">inner", ""}, "    ");
    for (std::size_t b = 0; b < tree.leaf_fill.size(); ++b) {
        if (tree.leaf_fill[b] + tree.inner_fill[b] == 0) { continue; }
        table.row({fmt::format("{}-{} %", b * 10, b * 10 + 10), grouped(tree.leaf_fill[b]),
                   bar(tree.leaf_fill[b], most_of(tree.leaf_fill)), grouped(tree.inner_fill[b]),
                   bar(tree.inner_fill[b], most_of(tree.inner_fill))});
    }
    return table.text(coloured);
}

std::string tree_text(const tree_summary& tree, bool coloured) {
    std::string out = fmt::format(
        "\n{}  {} to {}, {}{}\n", painted(escaped(tree.name), colour::bold, coloured),
        field_text(tree.record.key_type), field_text(tree.record.value_type),
        is_fixed(tree) ? "fixed" : "slotted",
        tree.complete ? "" : painted(", not whole: parts are damaged", colour::red, coloured));
    text_table facts({"", ""}, "    ");
    facts.row({"entries", grouped(tree.entries)});
    facts.row({"levels", std::to_string(tree.levels)});
    facts.row({"pages", fmt::format("{} leaves, {} inner, {} for {} large values",
                                    grouped(tree.leaves), grouped(tree.inners),
                                    grouped(tree.extent_pages), grouped(tree.extents))});
    facts.row(
        {"fill", fmt::format("leaves {}, inner {}",
                             percentage(ratio(tree.leaf_used_bytes, tree.leaf_capacity_bytes)),
                             percentage(ratio(tree.inner_used_bytes, tree.inner_capacity_bytes)))});
    if (tree.inners != 0) {
        std::string text =
            fmt::format("{:.1f} children on average", ratio(tree.children, tree.inners));
        if (tree.children_max != 0) {
            text +=
                fmt::format(", {} to {} but for the root", tree.children_min, tree.children_max);
        }
        facts.row({"fan-out", text});
    }
    facts.row(
        {"keys", fmt::format("{:.1f} bytes on average, longest {}",
                             ratio(tree.key_bytes, tree.entries), grouped(tree.key_bytes_max))});
    facts.row({"values",
               fmt::format("{:.1f} bytes on average, longest {}",
                           ratio(tree.value_bytes, tree.entries), grouped(tree.value_bytes_max))});
    out += facts.text(coloured);
    if (tree.entries != 0) {
        out += "\n" + size_table(tree, coloured) + "\n" + fill_table(tree, coloured);
    }
    return out;
}

std::string as_text(const std::string& file, const check_summary& summary,
                    const std::vector<const tree_summary*>& trees, bool coloured) {
    const std::uint64_t page_bytes = summary.page_bytes;
    std::string out = painted(escaped(file), colour::bold, coloured) + "\n";
    text_table facts({"", ""}, "    ");
    facts.row({"pages", fmt::format("{} of {} KiB: {} in trees, {} in large values",
                                    grouped(summary.page_count), page_bytes / 1024,
                                    grouped(summary.tree_pages), grouped(summary.extent_pages))});
    facts.row(
        {"free", fmt::format("{} pages ({}) in {} runs, longest {}; {} held for the older meta",
                             grouped(summary.free_pages),
                             byte_size(summary.free_pages * page_bytes), grouped(summary.free_runs),
                             grouped(summary.free_run_pages_max), grouped(summary.pending_pages))});
    facts.row({"state", fmt::format("transaction {}", grouped(summary.transaction))});
    out += facts.text(coloured);
    for (const tree_summary* each : trees) { out += tree_text(*each, coloured); }
    return out;
}

std::vector<const tree_summary*> chosen_trees(const stat_arguments& arguments,
                                              const check_summary& summary) {
    std::vector<const tree_summary*> trees;
    for (const tree_summary& each : summary.trees) {
        if (!arguments.tree || each.name == *arguments.tree) { trees.push_back(&each); }
    }
    if (arguments.tree && trees.empty() && summary.findings() == 0) {
        throw refusal(exit_code::no, fmt::format("found no tree '{}'", escaped(*arguments.tree)),
                      "pinyon info " + shell_quoted(arguments.file));
    }
    return trees;
}

}  // namespace

exit_code run_stat(const stat_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    progress line(streams, "stat", "pages", 0, arguments.quiet);
    std::string first_finding;
    const auto on_finding = [&](const finding& found) {
        if (first_finding.empty()) { first_finding = found.text; }
    };
    const auto on_progress = [&](const check_progress& now) {
        line.set_total(now.pages_total);
        line.update(now.pages_done, now.pages_done);
        return true;
    };
    check_options options;
    options.max_errors = 0;
    const check_summary summary =
        watch.run([&] { return check(arguments.file, options, on_finding, on_progress); });
    line.clear();

    const std::vector<const tree_summary*> trees = chosen_trees(arguments, summary);
    if (arguments.json) {
        streams.out << as_json(arguments.file, summary, trees).dump(2) << '\n';
    } else {
        streams.out << as_text(arguments.file, summary, trees, streams.out_colour);
    }
    streams.flush_results();
    if (summary.findings() == 0 && summary.complete) { return exit_code::fine; }
    if (summary.findings() != 0 && !summary.moved_on) {
        throw refusal(
            exit_code::damage,
            fmt::format("the figures leave out what is damaged: {} findings, the first: {}",
                        grouped(summary.findings()), first_finding),
            "pinyon check " + shell_quoted(arguments.file));
    }
    throw refusal(exit_code::incomplete, "the file changed while it was read",
                  "pinyon stat " + shell_quoted(arguments.file));
}

}  // namespace pinyon::tool
