#include <fmt/format.h>

#include "pinyon/engine/check.hpp"
#include "tools/commands.hpp"
#include "tools/file_watch.hpp"
#include "tools/progress.hpp"
#include "tools/table.hpp"
#include "tools/verdict.hpp"

namespace pinyon::tool {

namespace {

std::string finding_text(const finding& found, bool coloured) {
    const bool grave = found.level == severity::error;
    std::string line =
        painted(grave ? "error" : "warning", grave ? colour::red : colour::yellow, coloured);
    if (found.page) { line += fmt::format("  page {}", *found.page); }
    if (found.offset) { line += fmt::format("  offset {}", *found.offset); }
    if (!found.tree.empty()) { line += fmt::format("  tree '{}'", escaped(found.tree)); }
    return line + fmt::format("  {}: {}", name(found.kind), escaped(found.text));
}

json pages_json(const check_summary& summary) {
    return {{"all", summary.page_count},        {"meta", summary.meta_pages},
            {"tree", summary.tree_pages},       {"large_value", summary.extent_pages},
            {"image", summary.image_pages},     {"free", summary.free_pages},
            {"pending", summary.pending_pages}, {"lost", summary.lost_pages}};
}

json as_json(const std::string& file, const check_summary& summary, exit_code code,
             const std::vector<finding>& findings) {
    json out{{"schema", "pinyon.check/1"},      {"file", escaped(file)},
             {"verdict", verdict(code)},        {"errors", summary.errors},
             {"warnings", summary.warnings},    {"complete", summary.complete},
             {"moved_on", summary.moved_on},    {"transaction", summary.transaction},
             {"page_bytes", summary.page_bytes}};
    out["pages"] = pages_json(summary);
    out["trees"] = json::array();
    for (const tree_summary& each : summary.trees) {
        out["trees"].push_back({{"name", shown_json(each.name, byte_style::automatic)},
                                {"entries", each.entries},
                                {"complete", each.complete}});
    }
    out["findings"] = json::array();
    for (const finding& each : findings) { out["findings"].push_back(finding_json(each)); }
    return out;
}

std::string as_text(const std::string& file, const check_summary& summary, exit_code code,
                    bool coloured) {
    const auto shade = code == exit_code::fine     ? colour::green
                       : code == exit_code::damage ? colour::red
                                                   : colour::yellow;
    std::string out = fmt::format("{}: {}", painted(escaped(file), colour::bold, coloured),
                                  painted(verdict(code), shade, coloured));
    if (summary.findings() != 0) { out += ", " + counted_findings(summary); }
    out += fmt::format(
        "\n  {} pages: {} in trees, {} in large values, {} free, {} held for the older "
        "meta, {} of the format",
        grouped(summary.page_count), grouped(summary.tree_pages), grouped(summary.extent_pages),
        grouped(summary.free_pages), grouped(summary.pending_pages),
        grouped(summary.meta_pages + summary.image_pages));
    if (summary.lost_pages != 0) {
        out += fmt::format(", {} without an owner", grouped(summary.lost_pages));
    }
    out += fmt::format("\n  {} entries in {} trees, as of transaction {}\n",
                       grouped(entries_in(summary)), grouped(summary.trees.size()),
                       grouped(summary.transaction));
    return out;
}

void explain(const check_arguments& arguments, const check_summary& summary, exit_code code,
             const streams& streams) {
    if (code == exit_code::incomplete) {
        throw refusal(
            code,
            summary.moved_on
                ? "a writer changed the file during the check, so the findings mean nothing"
                : "parts of the file could not be checked",
            "pinyon check " + shell_quoted(arguments.file));
    }
    if (arguments.quiet) { return; }
    if (code == exit_code::damage && !summary.complete &&
        summary.findings() >= arguments.errors_max) {
        streams.err << fmt::format(
            "pinyon check: {}: stopped after {} findings\n  next: pinyon check {} "
            "--max-errors 0\n",
            escaped(arguments.file), summary.findings(), shell_quoted(arguments.file));
    } else if (code == exit_code::damage) {
        streams.err << fmt::format(
            "pinyon check: {}: damage found\n  next: restore a copy, or save what can be "
            "saved: pinyon recover {} --output NEW\n",
            escaped(arguments.file), shell_quoted(arguments.file));
    } else if (summary.moved_on) {
        streams.err << fmt::format(
            "pinyon check: {}: a writer has moved on; what was checked is "
            "transaction {}\n",
            escaped(arguments.file), summary.transaction);
    }
}

}  // namespace

exit_code run_check(const check_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    progress line(streams, "check", "pages", 0, arguments.quiet);
    check_options options;
    options.root_descend = arguments.root_descend;
    options.max_errors = arguments.errors_max;

    std::vector<finding> findings;
    const auto on_finding = [&](const finding& found) {
        if (arguments.json) {
            findings.push_back(found);
            return;
        }
        line.clear();
        streams.out << finding_text(found, streams.out_colour) << '\n';
    };
    const auto on_progress = [&](const check_progress& now) {
        line.set_total(now.pages_total);
        line.update(now.pages_done, now.pages_done);
        return true;
    };
    const check_summary summary =
        watch.run([&] { return check(arguments.file, options, on_finding, on_progress); });
    line.clear();

    const exit_code code = outcome_of(summary);
    if (arguments.json) {
        streams.out << as_json(arguments.file, summary, code, findings).dump(2) << '\n';
    } else if (!arguments.quiet) {
        streams.out << as_text(arguments.file, summary, code, streams.out_colour);
    }
    streams.flush_results();
    explain(arguments, summary, code, streams);
    return code;
}

}  // namespace pinyon::tool
