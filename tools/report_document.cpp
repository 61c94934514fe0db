#include "tools/report_document.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tools/report_page.hpp"
#include "tools/table.hpp"
#include "tools/verdict.hpp"

namespace pinyon::tool {

namespace {

// Shares of the whole; what one part leaves the next ones have.
constexpr std::size_t map_bytes_max = 750'000;
constexpr std::size_t nodes_bytes_max = 900'000;
// For pages in full, which come last.
constexpr std::size_t details_bytes_min = 150'000;
constexpr std::size_t label_max = 80;
constexpr std::size_t text_max = 400;

// The first part of a text that is already escaped, whole characters.
std::string clipped(const std::string& text, std::size_t most) {
    std::size_t end = 0;
    while (end < text.size()) {
        const std::size_t length =
            std::max<std::size_t>(printable_character(std::string_view(text).substr(end)), 1);
        if (end + length > most) { return text.substr(0, end) + "..."; }
        end += length;
    }
    return text;
}

template <std::size_t Size>
std::string type_text(const std::array<char, Size>& field) {
    return escaped(std::string_view(field.data(), ::strnlen(field.data(), Size)));
}

template <class Counts>
void add_counts(Counts& sum, const Counts& more) {
    for (std::size_t i = 0; i < sum.size(); ++i) { sum[i] += more[i]; }
}

bool is_fixed(const tree_summary& tree) {
    return tree.record.layout == static_cast<std::uint8_t>(format::node_layout::fixed);
}

json tree_json(const tree_summary& tree, bool catalog, const json& geometry) {
    json out{{"label", catalog ? "(catalog)" : clipped(escaped(tree.name), label_max)},
             {"key_type", catalog ? "string" : type_text(tree.record.key_type)},
             {"value_type", catalog ? "record" : type_text(tree.record.value_type)},
             {"layout", is_fixed(tree) ? "fixed" : "slotted"},
             {"value_bytes", tree.record.value_bytes},
             {"complete", tree.complete},
             {"entries", tree.entries},
             {"levels", tree.levels}};
    out["pages"] = {
        {"leaf", tree.leaves}, {"inner", tree.inners}, {"large_value", tree.extent_pages}};
    out["used"] = {{"leaf", tree.leaf_used_bytes}, {"inner", tree.inner_used_bytes}};
    out["room"] = {{"leaf", tree.leaf_capacity_bytes}, {"inner", tree.inner_capacity_bytes}};
    if (is_fixed(tree)) { out["geometry"] = geometry; }
    return out;
}

json trees_json(const check_summary& summary, const report_survey& survey) {
    json list = json::array();
    list.push_back(tree_json(summary.catalog, true, {}));
    const std::size_t count = std::min(summary.trees.size(), report_survey::trees_max);
    for (std::size_t i = 0; i < count; ++i) {
        list.push_back(tree_json(summary.trees[i], false, survey.geometry(i + 1)));
    }
    return list;
}

json histograms_json(const check_summary& summary, const report_survey& survey) {
    tree_summary sum;
    for (const tree_summary& each : summary.trees) {
        add_counts(sum.leaf_fill, each.leaf_fill);
        add_counts(sum.inner_fill, each.inner_fill);
        add_counts(sum.key_sizes, each.key_sizes);
        add_counts(sum.value_sizes, each.value_sizes);
    }
    return {{"leaf_fill", sum.leaf_fill},
            {"inner_fill", sum.inner_fill},
            {"key_sizes", sum.key_sizes},
            {"value_sizes", sum.value_sizes},
            {"free_runs", survey.free_runs()}};
}

json findings_json(const std::vector<finding>& findings) {
    json list = json::array();
    for (const finding& each : findings) {
        list.push_back({{"kind", name(each.kind)},
                        {"severity", name(each.level)},
                        {"page", each.page ? json(*each.page) : json()},
                        {"offset", each.offset ? json(*each.offset) : json()},
                        {"tree", clipped(escaped(each.tree), label_max)},
                        {"text", clipped(escaped(each.text), text_max)}});
    }
    return list;
}

json asked_json(const report_subject& subject, const report_survey& survey) {
    json list = json::array();
    for (const asked_key& each : survey.asked()) {
        const auto tree = std::find_if(
            subject.summary.trees.begin(), subject.summary.trees.end(),
            [&each](const tree_summary& candidate) { return candidate.name == each.tree; });
        if (tree == subject.summary.trees.end()) { continue; }
        const auto index = static_cast<std::size_t>(tree - subject.summary.trees.begin());
        if (index >= report_survey::trees_max) { continue; }
        list.push_back({{"tree", index + 1},
                        {"key", subject.may.keys ? json(hexadecimal(each.key)) : json()},
                        {"path", each.path},
                        {"found", each.found ? json(*each.found) : json()}});
    }
    return list;
}

json uses_json() {
    json list = json::array();
    for (unsigned i = 0; i <= static_cast<unsigned>(page_use::missing); ++i) {
        list.push_back(name(static_cast<page_use>(i)));
    }
    return list;
}

const char* style_name(byte_style style) {
    switch (style) {
        case byte_style::text:
            return "text";
        case byte_style::hex:
            return "hex";
        case byte_style::base64:
            return "base64";
        case byte_style::automatic:
        case byte_style::redacted:
            break;
    }
    return "auto";
}

std::string sentence(const report_subject& subject) {
    const check_summary& summary = subject.summary;
    if (subject.outcome == exit_code::fine) {
        return fmt::format("All {} pages were read and verified, and nothing is wrong with them.",
                           grouped(summary.page_count));
    }
    if (subject.outcome == exit_code::incomplete) {
        return summary.moved_on
                   ? "A writer changed the file while it was read: the findings mean nothing."
                   : "Parts of the file could not be checked.";
    }
    return counted_findings(summary) + ". What can still be read is shown.";
}

std::vector<std::string> notes(const report_subject& subject, const report_survey& survey,
                               const json& data) {
    const check_summary& summary = subject.summary;
    std::vector<std::string> list;
    if (subject.beside_writer) {
        list.push_back(fmt::format(
            "The file was open for writing elsewhere: this is its last checkpoint, transaction {}.",
            grouped(summary.transaction)));
    }
    if (summary.log_transactions != 0) {
        list.push_back(
            fmt::format("{} transactions stand in the log beside the file; a recovery "
                        "would add them, this picture leaves them out.",
                        grouped(summary.log_transactions)));
    }
    const auto grain = data["map"]["grain"].get<std::uint64_t>();
    if (grain > 1) {
        list.push_back(fmt::format("The map has one cell for each {} pages.", grouped(grain)));
    }
    if (survey.nodes_listed() < survey.nodes_met()) {
        list.push_back(fmt::format(
            "{} of {} nodes are listed, from the roots down: a search lights the way as far as "
            "these go. --key KEY adds the rest of the way to a key.",
            grouped(survey.nodes_listed()), grouped(survey.nodes_met())));
    }
    if (survey.details_listed() < survey.nodes_listed()) {
        list.push_back(fmt::format(
            "{} pages are shown with their entries: damaged ones, those on the way to a --key, and "
            "the upper levels.",
            grouped(survey.details_listed())));
    }
    if (summary.findings() > subject.findings.size()) {
        list.push_back(fmt::format("The first {} of {} findings are listed.",
                                   grouped(subject.findings.size()), grouped(summary.findings())));
    }
    if (summary.trees.size() > report_survey::trees_max) {
        list.push_back(fmt::format("The first {} of {} trees are listed.",
                                   grouped(report_survey::trees_max),
                                   grouped(summary.trees.size())));
    }
    if (subject.redacted) { list.emplace_back("Keys are hidden; names of trees are not."); }
    return list;
}

std::string head_html(const report_subject& subject, const std::vector<std::string>& notes) {
    const check_summary& summary = subject.summary;
    const std::string word = verdict(subject.outcome);
    std::string out = fmt::format(
        "<header>\n<p class=\"brand\">Pinyon report</p>\n<h1>{}</h1>\n"
        "<p class=\"verdict {}\"><strong>{}</strong> <span>{}</span></p>\n<dl class=\"facts\">\n",
        html_escaped(escaped(subject.file)), word, word, html_escaped(sentence(subject)));
    const auto fact = [&out](const char* name, const std::string& text) {
        out += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", name, html_escaped(text));
    };
    const auto free = static_cast<double>(summary.free_pages);
    const auto all = static_cast<double>(std::max<std::uint64_t>(summary.page_count, 1));
    fact("size", byte_size(summary.file_bytes));
    fact("pages", grouped(summary.page_count));
    fact("page size", fmt::format("{} KiB", summary.page_bytes / 1024));
    fact("trees", grouped(summary.trees.size()));
    fact("entries", grouped(entries_in(summary)));
    fact("transaction", grouped(summary.transaction));
    fact("free", percentage(free / all));
    fact("findings", grouped(summary.findings()));
    out += "</dl>\n";
    for (const std::string& each : notes) {
        out += fmt::format("<p class=\"note\">{}</p>\n", html_escaped(each));
    }
    return out + "</header>";
}

std::string foot_html(const report_subject& subject) {
    return fmt::format(
        "<footer><p>Made by pinyon {} from the file alone. {}</p></footer>",
        html_escaped(subject.version),
        subject.may.values ? "Values of the pages in full are in it." : "Values are not in it.");
}

json frame_json(const report_subject& subject, const report_survey& survey) {
    const check_summary& summary = subject.summary;
    return {{"schema", "pinyon.report-data/1"},
            {"page_bytes", summary.page_bytes},
            {"page_count", summary.page_count},
            {"transaction", summary.transaction},
            {"redacted", subject.redacted},
            {"style", style_name(subject.may.style)},
            {"uses", uses_json()},
            {"counts", survey.pages_by_use()},
            {"damaged_pages", survey.damaged_pages()},
            {"damaged_in_use", survey.damaged_in_use()},
            {"trees", trees_json(summary, survey)},
            {"histograms", histograms_json(summary, survey)},
            {"findings", findings_json(subject.findings)},
            {"keys", asked_json(subject, survey)}};
}

std::size_t room_beside(std::size_t used, std::size_t kept, std::size_t most) {
    const std::size_t taken = used + kept;
    return std::min(most, taken < report_bytes_max ? report_bytes_max - taken : 0);
}

}  // namespace

report_document make_report(const report_subject& subject, report_survey& survey) {
    const check_summary& summary = subject.summary;
    const auto written = [](const json& value) {
        return script_json(value.dump(-1, ' ', true, json::error_handler_t::replace));
    };
    json data = frame_json(subject, survey);
    // Head, foot and notes take less than 8,000 bytes but for the name, which is in them twice.
    std::size_t used = report_page_bytes() + written(data).size() + 8'000 +
                       2 * html_escaped(escaped(subject.file)).size();
    data["map"] =
        survey.cells().coded(summary.page_count, summary.transaction,
                             room_beside(used, details_bytes_min + 200'000, map_bytes_max));
    used += written(data["map"]).size();
    data["nodes"] =
        survey.nodes(summary.transaction, room_beside(used, details_bytes_min, nodes_bytes_max));
    used += written(data["nodes"]).size();
    const std::string details = script_json(survey.details(room_beside(used, 0, report_bytes_max)));

    report_document made;
    made.cells = data["map"]["cells"];
    made.pages_per_cell = data["map"]["grain"];
    made.nodes = survey.nodes_listed();
    made.details = survey.details_listed();
    std::string text = written(data);
    text.pop_back();  // the brace that ends the document
    text += ",\"details\":[" + details + "]}";
    made.html = report_page({.title = escaped(subject.file) + " - Pinyon report",
                             .head = head_html(subject, notes(subject, survey, data)),
                             .foot = foot_html(subject),
                             .data = std::move(text)});
    return made;
}

}  // namespace pinyon::tool
