#include "tools/page_text.hpp"

#include <fmt/format.h>

#include "tools/entry_text.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// Keys in a line of a table; longer ones are cut.
constexpr std::size_t key_columns = 40;

std::string short_key(const std::string& type, const std::string& key, byte_style style) {
    return clipped(key_text(type, as_bytes(key), style), key_columns);
}

// Of the metas in this page.
std::string meta_defects(const page_survey& survey, const page_row& row) {
    std::string text;
    for (unsigned slot = 0; slot < 2; ++slot) {
        const meta_summary& meta = survey.summary().metas[slot];
        const bool here =
            format::meta_offset[slot] / survey.summary().page_bytes == row.pages.first;
        if (!here || meta.valid) { continue; }
        text += fmt::format("{}meta {}: {}", text.empty() ? "" : "; ", slot, escaped(meta.defect));
    }
    return text;
}

}  // namespace

std::string use_text(page_use use) {
    switch (use) {
        case page_use::meta:
            return "meta";
        case page_use::leaf:
            return "leaf";
        case page_use::inner:
            return "inner node";
        case page_use::extent_data:
            return "large value";
        case page_use::extent_sums:
            return "checksums of a large value";
        case page_use::image:
            return "free-space image";
        case page_use::free:
            return "free";
        case page_use::pending:
            return "pending";
        case page_use::lost:
            return "without an owner";
        case page_use::missing:
            return "behind the file's end";
    }
    return "unknown";
}

std::string tree_text(const page_survey& survey, std::size_t tree) {
    if (tree == page_fact::catalog) { return "the catalog"; }
    return "'" + escaped(survey.tree(tree).name) + "'";
}

json tree_name_json(const page_survey& survey, std::size_t tree) {
    return shown_json(survey.tree(tree).name, byte_style::automatic);
}

std::string pages_text(io::page_run pages) {
    if (pages.count == 1) { return fmt::format("page {}", pages.first); }
    return fmt::format("pages {} to {}", pages.first, pages.first + pages.count - 1);
}

std::string range_text(const std::string& type, const key_bounds& bounds, byte_style style) {
    if (!bounds.lower && !bounds.upper) { return "all keys"; }
    std::string text = "key";
    if (bounds.lower) { text = short_key(type, *bounds.lower, style) + " <= " + text; }
    if (bounds.upper) { text += " < " + short_key(type, *bounds.upper, style); }
    return text;
}

json bound_json(const std::string& type, const std::optional<std::string>& bound,
                byte_style style) {
    return bound ? key_json(type, as_bytes(*bound), style) : json(nullptr);
}

std::string pending_text(const page_survey& survey, const page_row& row) {
    const std::vector<unsigned> slots = survey.holders(row.born, row.retired);
    const std::string life =
        row.born + 1 == row.retired
            ? fmt::format("of transaction {}'s state", row.born)
            : fmt::format("of the states of transactions {} to {}", row.born, row.retired - 1);
    if (slots.empty()) { return life + ", which no meta holds: free for the next writer"; }
    return fmt::format("{}, held by meta {} (transaction {})", life, slots.front(),
                       survey.summary().metas[slots.front()].meta.transaction);
}

std::string note_text(const page_survey& survey, const page_row& row) {
    if (const finding* const found = survey.first_finding(row.pages); found != nullptr) {
        return std::string(name(found->kind)) + ": " + escaped(found->text);
    }
    if (row.use == page_use::pending) { return pending_text(survey, row); }
    if (row.use == page_use::meta && !row.sound) { return meta_defects(survey, row); }
    if (row.use == page_use::missing) {
        return fmt::format("the file was cut: {} pages are gone", grouped(row.pages.count));
    }
    if (row.use == page_use::lost) { return "no owner found"; }
    return row.sound ? "" : "cannot be verified";
}

double fill_of(const page_row& row) {
    if (row.capacity_bytes == 0) { return 0; }
    return static_cast<double>(row.used_bytes) / static_cast<double>(row.capacity_bytes);
}

}  // namespace pinyon::tool
