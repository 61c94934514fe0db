#include "tools/tree_salvage.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "pinyon/engine/descent.hpp"
#include "pinyon/engine/overflow.hpp"
#include "tools/exit_code.hpp"

namespace pinyon::tool {

namespace {

// What the separators of `node` imply for its child, itself being `range`.
template <class Node>
key_span range_of_child(const Node& node, unsigned child, const key_span& range) {
    key_buffer room;
    key_span result = range;
    if (child != 0) { result.lower = own(node.key(child, room)); }
    if (child + 1 != node.count()) { result.upper = own(node.key(child + 1, room)); }
    return result;
}

template <class Node>
key_span fences_of(const Node& node) {
    key_buffer room;
    key_span result;
    if (node.has_lower_fence()) { result.lower = own(node.lower_fence(room)); }
    if (node.has_upper_fence()) { result.upper = own(node.upper_fence(room)); }
    return result;
}

}  // namespace

void tree_salvage::walk(const format::root_reference& root, std::uint64_t born_max) {
    sound_entries_ =
        walk_node({root.page, root.count, root.checksum}, root.level, {{}, born_max}, leaves_);
}

void tree_salvage::lose_all(std::uint64_t born_max) {
    lose({}, std::nullopt, format::height_max, {{}, born_max}, "nothing names its root", leaves_);
}

// --- the walk ------------------------------------------------------------------------------------

std::uint64_t tree_salvage::walk_node(const child_entry& child, unsigned level, const place& at,
                                      leaf_row& leaves) {
    return with_layout(schema_, [&]<class Node>(std::type_identity<Node>) {
        return walk_as<Node>(child, level, at, leaves);
    });
}

// Returns the entries of the leaves that are there. One page a level is in memory.
template <class Node>
std::uint64_t tree_salvage::walk_as(const child_entry& child, unsigned level, const place& at,
                                    leaf_row& leaves) {
    std::vector<std::byte> page(file_.page_bytes());
    std::string why;
    if (child.page < file_.first_page() || child.page >= file_.pages()) {
        why = "lies behind the end of the file";
    } else if (!claimed_.insert(child.page)) {
        why = "has another owner already";
    } else if (!file_.read(child.page, page)) {
        why = "cannot be read";
    } else {
        why = defect_of<Node>(child, level, at, page);
    }
    if (!why.empty()) {
        lose(child, child.count, level, at, std::move(why), leaves);
        return 0;
    }
    const Node node(page.data(), schema_);
    if (level == 0) {
        leaves.push_back(child.page);
        check_values(node);
        return node.count();
    }
    std::uint64_t entries = 0;
    for (unsigned i = 0; i < node.count(); ++i) {
        const place below{range_of_child(node, i, at.range), node.born()};
        entries += walk_as<Node>(node.child(i), level - 1, below, leaves);
    }
    return entries;
}

// Empty: the node is the one that its parent means, and sound.
template <class Node>
std::string tree_salvage::defect_of(const child_entry& child, unsigned level, const place& at,
                                    const std::vector<std::byte>& page) const {
    const format::page_header header = header_of(page.data());
    if (file_.seal().of(child.page, page.data()) != child.checksum) {
        return header.page == child.page && file_.is_node(child.page, page.data())
                   ? "is another version than its parent means"
                   : "has a wrong checksum";
    }
    if (!file_.is_node(child.page, page.data())) { return "contradicts itself"; }
    if (header.identity != schema_.identity(level)) { return "is another node than is due"; }
    if (header.born > at.born_max) { return "was born after its parent"; }
    const Node node(page.data(), schema_);
    if (const char* defect = node.defect(true); defect != nullptr) { return defect; }
    if (level != 0 && node.count() < 2) { return "has one child alone"; }
    if (fences_of(node) != at.range) { return "has other fences than its parent's separators"; }
    return {};
}

// Claims the pages of large values, and notes the keys of those that are damaged.
template <class Node>
void tree_salvage::check_values(const Node& leaf) {
    key_buffer room;
    for (unsigned i = 0; i < leaf.count(); ++i) {
        if (!leaf.is_reference(i)) { continue; }
        const bytes value = leaf.value(i);
        if (value.size() != sizeof(format::extent_reference) ||
            !is_value_sound(load<format::extent_reference>(value.data()))) {
            damaged_values_.insert(own(leaf.key(i, room)));
        }
    }
}

bool tree_salvage::is_value_sound(const format::extent_reference& reference) {
    try {
        for_each_run(file_.store(), reference,
                     [this](io::page_run run, std::uint64_t) { (void)claimed_.insert(run); });
        verify_extent(file_.store(), reference);
        return true;
    } catch (const error& failure) {
        if (exit_code_of(failure.kind()) != exit_code::damage && failure.kind() != errc::io) {
            throw;
        }
        return false;
    }
}

void tree_salvage::lose(const child_entry& child, std::optional<std::uint64_t> entries,
                        unsigned level, const place& at, std::string why, leaf_row& leaves) {
    const std::size_t index = parts_.size();
    lost_part part;
    part.range = at.range;
    part.level = level;
    part.page = child.page;
    part.entries = entries;
    part.born_max = at.born_max;
    part.why = std::move(why);
    parts_.push_back(std::move(part));
    leaves.push_back(lost_mark | index);
    open_.insert_or_assign(at.range.lower, open_range{at.range.upper, index});
    ++lost_nodes_;
}

// --- filling what is lost ------------------------------------------------------------------------

void tree_salvage::fill(orphans found) {
    if (open_.empty()) { return; }
    for (const orphan& candidate : found) {
        if (candidate.in_use && !claimed_.contains(candidate.page)) { offer(candidate); }
    }
    for (lost_part& part : parts_) {
        std::sort(part.found.begin(), part.found.end(),
                  [](const found_part& a, const found_part& b) {
                      return compare(a.range.lower, b.range.lower) < 0;
                  });
    }
}

// Youngest first, and of one age the highest: so parents come before their children, which they
// claim.
void tree_salvage::offer(const orphan& candidate) {
    const std::optional<key_span> range = range_of(candidate);
    if (!range) { return; }
    const auto open = open_around(*range);
    if (open == open_.end()) { return; }
    const lost_part& part = parts_[open->second.part];
    if (candidate.level >= part.level || candidate.born > part.born_max) { return; }
    const std::size_t index = open->second.part;
    close(open, *range);
    put_back(candidate, *range, index);
}

// What the node says about itself, when it is sound.
std::optional<key_span> tree_salvage::range_of(const orphan& candidate) {
    std::vector<std::byte> page(file_.page_bytes());
    if (!file_.read(candidate.page, page) || !file_.is_node(candidate.page, page.data()) ||
        header_of(page.data()).identity != schema_.identity(candidate.level)) {
        return std::nullopt;
    }
    return with_layout(schema_,
                       [&]<class Node>(std::type_identity<Node>) -> std::optional<key_span> {
                           const Node node(page.data(), schema_);
                           if (node.defect(true) != nullptr) { return std::nullopt; }
                           return fences_of(node);
                       });
}

void tree_salvage::put_back(const orphan& node, const key_span& range, std::size_t part) {
    std::vector<std::byte> page(file_.page_bytes());
    const std::uint32_t checksum =
        file_.read(node.page, page) ? header_of(page.data()).checksum : 0;
    found_part found{range, {}};
    orphan_entries_ += walk_node({node.page, 0, checksum}, node.level,
                                 {range, parts_[part].born_max}, found.leaves);
    parts_[part].found.push_back(std::move(found));
}

tree_salvage::open_ranges::iterator tree_salvage::open_around(const key_span& range) {
    auto at = open_.upper_bound(range.lower);
    if (at == open_.begin()) { return open_.end(); }
    --at;
    return key_span{at->first, at->second.upper}.contains(range) ? at : open_.end();
}

void tree_salvage::close(open_ranges::iterator open, const key_span& range) {
    const key_bytes lower = open->first;
    const open_range whole = open->second;
    open_.erase(open);
    if (lower < range.lower) { open_[lower] = {range.lower, whole.part}; }
    if (range.upper && range.upper != whole.upper) {
        open_[*range.upper] = {whole.upper, whole.part};
    }
}

// --- looking -------------------------------------------------------------------------------------

void tree_salvage::for_each_leaf(const std::function<void(std::uint64_t)>& use) const {
    visit(leaves_, use);
}

void tree_salvage::visit(const leaf_row& leaves,
                         const std::function<void(std::uint64_t)>& use) const {
    for (const std::uint64_t item : leaves) {
        if ((item & lost_mark) == 0) {
            use(item);
            continue;
        }
        for (const found_part& found : parts_[item & ~lost_mark].found) {
            visit(found.leaves, use);
        }
    }
}

std::vector<missing_part> tree_salvage::missing() const {
    std::vector<missing_part> all;
    for (const auto& [lower, open] : open_) {
        const lost_part& part = parts_[open.part];
        missing_part missing;
        missing.range = {lower, open.upper};
        if (part.page != 0) { missing.page = part.page; }
        if (missing.range == part.range) { missing.entries = part.entries; }
        missing.why = part.why;
        all.push_back(std::move(missing));
    }
    return all;
}

}  // namespace pinyon::tool
