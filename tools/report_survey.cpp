#include "tools/report_survey.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "pinyon/engine/fixed_node.hpp"
#include "pinyon/engine/slotted_node.hpp"
#include "tools/run_code.hpp"

namespace pinyon::tool {

namespace {

// Several times what a report of 2 MB takes: the coding decides in the end.
constexpr std::size_t nodes_max = 100'000;
constexpr std::size_t fence_bytes_max = std::size_t{8} << 20;
constexpr std::size_t detail_bytes_max = std::size_t{4} << 20;
constexpr std::size_t broken_max = 200;
constexpr std::size_t blamed_max = 10'000;

constexpr unsigned rank_damaged = 0;
constexpr unsigned rank_asked = 1;
constexpr unsigned rank_root = 2;

bool is_node(const page_fact& fact) noexcept {
    return fact.use == page_use::leaf || fact.use == page_use::inner;
}

bool is_used(page_use use) noexcept {
    return use != page_use::free && use != page_use::pending && use != page_use::lost &&
           use != page_use::missing;
}

// 0: of no tree; 1: the catalog; 2 and up: trees in order; one more for all that are not listed.
std::uint32_t place_of(const page_fact& fact) noexcept {
    if (!fact.tree) { return 0; }
    if (*fact.tree == page_fact::catalog) { return 1; }
    return static_cast<std::uint32_t>(std::min(*fact.tree, report_survey::trees_max) + 2);
}

std::uint64_t part_of(const page_fact& fact, std::uint64_t whole) noexcept {
    const auto share =
        static_cast<double>(fact.used_bytes) / static_cast<double>(fact.capacity_bytes);
    return static_cast<std::uint64_t>(
        std::llround(std::min(share, 1.0) * static_cast<double>(whole)));
}

bool holds(const fence_pair& fences, bytes key) {
    return (!fences.lower || compare(*fences.lower, key) <= 0) &&
           (!fences.upper || compare(key, *fences.upper) < 0);
}

bool leaf_has(const page_fact& leaf, bytes key) {
    if (leaf.schema->layout == format::node_layout::fixed) {
        return fixed_node(leaf.content, *leaf.schema).lower_bound(key).equal;
    }
    return slotted_node(leaf.content, *leaf.schema).lower_bound(key).equal;
}

}  // namespace

report_survey::report_survey(disclosure may, std::vector<asked_key> asked)
    : may_(may), asked_(std::move(asked)) {}

void report_survey::add(const page_fact& fact) {
    pages_by_use_[static_cast<std::size_t>(fact.use)] += fact.pages.count;
    if (fact.use == page_use::free) {
        ++free_runs_[std::min<std::size_t>(
            free_runs_.size() - 1, static_cast<std::size_t>(std::bit_width(fact.pages.count)))];
    }
    add_to_map(fact);
    if (is_node(fact)) { add_node(fact); }
}

void report_survey::add_to_map(const page_fact& fact) {
    page_cell cell;
    cell.use = fact.use;
    cell.damaged = !fact.sound && is_used(fact.use);
    cell.tree = place_of(fact);
    cell.born = fact.born;
    if (fact.capacity_bytes != 0) { cell.fill = static_cast<std::uint8_t>(1 + part_of(fact, 20)); }
    if (cell.damaged) { damaged_in_use_ += fact.pages.count; }
    cells_.mark(fact.pages, cell);
}

// Findings come before the page is told, or, where another owner appears, behind it.
void report_survey::add(const finding& found) {
    const bool about_page = found.page && *found.page <= format::page_number_max;
    const bool second_owner = found.kind == finding_kind::page_used_twice ||
                              found.kind == finding_kind::page_used_and_free;
    if (!about_page || !second_owner) { return; }
    cells_.mark_damaged(*found.page);
    if (blamed_.size() < blamed_max) { blamed_.insert(*found.page); }
}

std::uint64_t report_survey::damaged_pages() const noexcept {
    return damaged_in_use_ + blamed_.size();
}

void report_survey::add_node(const page_fact& fact) {
    ++nodes_met_;
    if (!fact.parent) { root_level_ = fact.level; }
    if (fact.content == nullptr) {
        if (broken_.size() < broken_max) { broken_.push_back(fact.pages.first); }
    } else if (fact.tree == page_fact::catalog && fact.level == 0 && may_.values) {
        learn_types(fact);
    }
    const std::uint32_t place = place_of(fact);
    if (place == 0 || place == trees_max + 2) { return; }
    if (fact.schema != nullptr && fact.schema->layout == format::node_layout::fixed &&
        !geometry_.contains(place - 1)) {
        geometry_[place - 1] = geometry_json(*fact.schema);
    }
    const bool asked = follow_asked(fact);
    keep_node(fact, asked);
    if (fact.content != nullptr) { keep_detail(fact, asked); }
}

void report_survey::learn_types(const page_fact& catalog_leaf) {
    const slotted_node leaf(catalog_leaf.content, *catalog_leaf.schema);
    key_buffer room;
    for (unsigned i = 0; i < leaf.count(); ++i) {
        const bytes value = leaf.value(i);
        if (leaf.is_reference(i) || value.size() != sizeof(format::catalog_record)) { continue; }
        const auto record = load<format::catalog_record>(value.data());
        const std::string_view type(record.value_type.data(), record.value_type.size());
        value_types_[std::string(as_text(leaf.key(i, room)))] = type.substr(0, type.find('\0'));
    }
}

bool report_survey::follow_asked(const page_fact& fact) {
    bool on_a_path = false;
    for (asked_key& each : asked_) {
        if (fact.tree == page_fact::catalog || fact.tree_name != each.tree ||
            !holds(fact.fences, as_bytes(each.key))) {
            continue;
        }
        each.path.push_back(fact.pages.first);
        on_a_path = true;
        if (fact.level == 0 && fact.content != nullptr) {
            each.found = leaf_has(fact, as_bytes(each.key));
        }
    }
    return on_a_path;
}

void report_survey::keep_node(const page_fact& fact, bool asked) {
    const unsigned depth = root_level_ - std::min(root_level_, fact.level);
    if (depth > depth_max_ && !asked) { return; }
    node made{.page = fact.pages.first,
              .tree = place_of(fact) - 1,
              .level = fact.level,
              .depth = depth,
              .sound = fact.sound,
              .asked = asked,
              .items = fact.items,
              .entries = fact.entries,
              .born = fact.born};
    if (fact.capacity_bytes != 0) { made.fill = static_cast<unsigned>(part_of(fact, 1000)); }
    if (may_.keys && fact.fences.lower) {
        made.fence = std::string(as_text(*fact.fences.lower));
        fence_bytes_ += made.fence->size();
    }
    nodes_.push_back(std::move(made));
    while (nodes_.size() > nodes_max || fence_bytes_ > fence_bytes_max) { drop_lowest_level(); }
}

// Where roots alone are too many, the last half of them goes.
void report_survey::drop_lowest_level() {
    unsigned deepest = 0;
    for (const node& each : nodes_) {
        if (!each.asked) { deepest = std::max(deepest, each.depth); }
    }
    const auto is_dropped = [&](const node& each) { return !each.asked && each.depth == deepest; };
    if (deepest != 0) {
        std::erase_if(nodes_, is_dropped);
        depth_max_ = deepest - 1;
    } else {
        const auto half = nodes_.begin() + static_cast<std::ptrdiff_t>(nodes_.size() / 2);
        nodes_.erase(std::remove_if(half, nodes_.end(), is_dropped), nodes_.end());
    }
    fence_bytes_ = 0;
    for (const node& each : nodes_) { fence_bytes_ += each.fence ? each.fence->size() : 0; }
}

void report_survey::keep_detail(const page_fact& fact, bool asked) {
    const unsigned depth = root_level_ - std::min(root_level_, fact.level);
    const rank place{!fact.sound ? rank_damaged
                     : asked     ? rank_asked
                                 : rank_root + depth,
                     nodes_met_};
    if (details_full_ && !details_.empty() && place > details_.rbegin()->first) { return; }
    const auto type = value_types_.find(fact.tree_name);
    const json made = page_detail(fact, type == value_types_.end() ? "bytes" : type->second, may_);
    store_detail(place, made.dump(-1, ' ', true, json::error_handler_t::replace));
}

void report_survey::add_header(std::uint64_t page, const format::page_header& header) {
    const json made{{"page", page}, {"header", header_fields(header)}};
    store_detail({rank_damaged, page}, made.dump());
}

void report_survey::store_detail(rank place, std::string text) {
    detail_bytes_ += text.size();
    details_.insert_or_assign(place, std::move(text));
    while (detail_bytes_ > detail_bytes_max) {
        const auto last = std::prev(details_.end());
        detail_bytes_ -= last->second.size();
        details_.erase(last);
        details_full_ = true;
    }
}

std::string report_survey::details(std::size_t bytes_max) {
    std::string out;
    details_listed_ = 0;
    for (const auto& [place, text] : details_) {
        if (out.size() + text.size() + 1 > bytes_max) { continue; }
        out += (out.empty() ? "" : ",") + text;
        ++details_listed_;
    }
    return out;
}

json report_survey::geometry(std::size_t tree) const {
    const auto found = geometry_.find(tree);
    return found == geometry_.end() ? json() : found->second;
}

json report_survey::nodes(std::uint64_t transaction, std::size_t bytes_max) {
    json table = code_nodes(transaction);
    while (table.dump().size() > bytes_max && nodes_.size() > 1) {
        const std::size_t before = nodes_.size();
        drop_lowest_level();
        if (nodes_.size() == before) { break; }  // all that is left was asked for
        table = code_nodes(transaction);
    }
    return table;
}

json report_survey::code_nodes(std::uint64_t transaction) const {
    difference_code page;
    run_code tree;
    run_code level;
    run_code items;
    run_code entries;
    run_code fill;
    run_code age;
    key_code fence;
    json unsound = json::array();
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        const node& each = nodes_[i];
        page.add(each.page);
        tree.add(each.tree);
        level.add(each.level);
        items.add(each.items);
        entries.add(each.level == 0 ? 0 : each.entries);
        fill.add(each.fill);
        age.add(each.born == 0 ? 0 : 1 + (transaction - std::min(transaction, each.born)));
        fence.add(each.fence ? std::optional(as_bytes(*each.fence)) : std::nullopt);
        if (!each.sound) { unsound.push_back(i); }
    }
    json out{{"count", nodes_.size()}, {"page", page.text()},       {"tree", tree.text()},
             {"level", level.text()},  {"items", items.text()},     {"fill", fill.text()},
             {"age", age.text()},      {"entries", entries.text()}, {"fence", json()},
             {"unsound", unsound}};
    if (may_.keys) { out["fence"] = fence.text(); }
    return out;
}

}  // namespace pinyon::tool
