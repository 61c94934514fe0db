#include "tools/page_survey.hpp"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>

#include "pinyon/engine/catalog.hpp"
#include "tools/progress.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

std::optional<std::string> copied(const std::optional<bytes>& fence) {
    if (!fence) { return std::nullopt; }
    return std::string(as_text(*fence));
}

}  // namespace

page_survey::page_survey(const common_arguments& arguments, const streams& streams,
                         const std::string& verb, bool with_bounds)
    : file_(arguments.file) {
    const file_watch watch(arguments, streams);
    progress line(streams, verb, "pages", 0, arguments.quiet);
    check_options options;
    options.max_errors = 0;
    options.on_page = [&](const page_fact& fact) { keep(fact, with_bounds); };
    const auto on_finding = [&](const finding& found) {
        if (found.page) { findings_by_page_.emplace(*found.page, findings_.size()); }
        findings_.push_back(found);
    };
    const auto on_progress = [&](const check_progress& now) {
        line.set_total(now.pages_total);
        line.update(now.pages_done, now.pages_done);
        return true;
    };
    summary_ = watch.run([&] { return check(file_, options, on_finding, on_progress); });
    line.clear();
    by_page_.resize(rows_.size());
    std::iota(by_page_.begin(), by_page_.end(), std::size_t{0});
    std::sort(by_page_.begin(), by_page_.end(), [this](std::size_t a, std::size_t b) {
        return rows_[a].pages.first < rows_[b].pages.first;
    });
    if (!arguments.quiet && !watch.beside_writer()) { tell_of_log(streams, verb); }
}

void page_survey::keep(const page_fact& fact, bool with_bounds) {
    page_row row;
    row.pages = fact.pages;
    row.use = fact.use;
    row.sound = fact.sound;
    row.level = fact.level;
    row.checksum = fact.checksum;
    row.tree = fact.tree;
    row.parent = fact.parent;
    row.entries = fact.entries;
    row.items = fact.items;
    row.used_bytes = fact.used_bytes;
    row.capacity_bytes = fact.capacity_bytes;
    row.born = fact.born;
    row.retired = fact.retired;
    rows_.push_back(row);
    if (with_bounds) { bounds_.push_back({copied(fact.fences.lower), copied(fact.fences.upper)}); }
}

// The pages are those of the last checkpoint: a person who has just written should know.
void page_survey::tell_of_log(const streams& streams, const std::string& verb) const {
    if (summary_.log_transactions == 0) { return; }
    streams.err << fmt::format(
                       "pinyon {}: {}: these are the pages of the last checkpoint; the log beside "
                       "the file holds {} more transactions\n  next: pinyon log {}\n",
                       verb, escaped(file_), grouped(summary_.log_transactions),
                       shell_quoted(file_))
                << std::flush;
}

const page_row& page_survey::at(std::uint64_t page) const {
    const auto after = std::upper_bound(
        by_page_.begin(), by_page_.end(), page,
        [this](std::uint64_t wanted, std::size_t row) { return wanted < rows_[row].pages.first; });
    return rows_.at(*std::prev(after));
}

std::vector<const finding*> page_survey::findings_of(std::uint64_t page) const {
    std::vector<const finding*> found;
    const auto [first, last] = findings_by_page_.equal_range(page);
    for (auto each = first; each != last; ++each) { found.push_back(&findings_[each->second]); }
    return found;
}

const finding* page_survey::first_finding(io::page_run pages) const {
    const auto first = findings_by_page_.lower_bound(pages.first);
    if (first == findings_by_page_.end() || first->first - pages.first >= pages.count) {
        return nullptr;
    }
    return &findings_[first->second];
}

const tree_summary& page_survey::tree(std::size_t index) const {
    return index == page_fact::catalog ? summary_.catalog : summary_.trees.at(index);
}

std::string page_survey::key_type(std::size_t tree) const {
    return tree == page_fact::catalog ? "string" : types_of(this->tree(tree).record).key_type;
}

std::string page_survey::value_type(std::size_t tree) const {
    return tree == page_fact::catalog ? "bytes" : types_of(this->tree(tree).record).value_type;
}

node_schema page_survey::schema(std::size_t tree) const {
    if (tree == page_fact::catalog) { return catalog_schema(summary_.page_bytes); }
    return state_of(this->tree(tree).record, summary_.page_bytes, summary_.page_count).schema;
}

std::vector<std::byte> page_survey::content(io::page_run pages) const {
    const std::uint64_t page_bytes = summary_.page_bytes;
    const auto file = open_to_inspect(file_);
    const std::uint64_t offset = pages.first * page_bytes;
    const std::uint64_t there = file->size() - std::min(file->size(), offset);
    std::vector<std::byte> bytes(std::min(pages.count * page_bytes, there));
    bytes.resize(file->read(offset, bytes));
    return bytes;
}

void page_survey::require_page(std::uint64_t page) const {
    if (page < summary_.page_count) { return; }
    throw refusal(exit_code::no,
                  fmt::format("found no page {}, expected 0 to {}: what stands behind them in the "
                              "file means nothing",
                              page, summary_.page_count - 1),
                  "pinyon info " + shell_quoted(file_));
}

std::vector<unsigned> page_survey::holders(std::uint64_t born, std::uint64_t retired) const {
    std::vector<unsigned> slots;
    for (unsigned slot = 0; slot < 2; ++slot) {
        const meta_summary& each = summary_.metas[slot];
        if (each.valid && born <= each.meta.transaction && each.meta.transaction < retired) {
            slots.push_back(slot);
        }
    }
    return slots;
}

void page_survey::require_unmoved() const {
    if (!summary_.moved_on) { return; }
    throw refusal(exit_code::incomplete, "a writer changed the file while it was read",
                  "the same command again, when the writer rests");
}

void page_survey::conclude() const {
    require_unmoved();
    if (summary_.findings() != 0) {
        throw refusal(exit_code::damage,
                      fmt::format("{} findings, the first: {}", grouped(summary_.findings()),
                                  findings_.front().text),
                      "pinyon check " + shell_quoted(file_));
    }
    if (!summary_.complete) {
        throw refusal(exit_code::incomplete, "parts of the file could not be looked at",
                      "pinyon check " + shell_quoted(file_));
    }
}

}  // namespace pinyon::tool
