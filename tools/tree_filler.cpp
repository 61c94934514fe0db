#include "tools/tree_filler.hpp"

#include <utility>

#include <fmt/format.h>

#include "tools/entry_text.hpp"

namespace pinyon::tool {

namespace {

// One past the last entry with the key of entry `first`.
std::size_t end_of_equals(const entry_batch& batch, std::size_t first) {
    std::size_t end = first + 1;
    while (end < batch.size() && equal(batch.key(end), batch.key(first))) { ++end; }
    return end;
}

}  // namespace

tree_filler::tree_filler(writable_raw_tree& tree, duplicate_policy policy, const streams& streams)
    : tree_(tree), policy_(std::move(policy)), streams_(streams) {
    if (tree.empty()) { loader_ = tree.begin_load(); }
}

void tree_filler::fill(entry_batch& batch) {
    batch.sort();
    if (policy_.rule == duplicate_rule::error) { refuse_duplicates(batch); }
    const bool goes_on = loader_ && (last_loaded_.empty() || batch.size() == 0 ||
                                     compare(last_loaded_, batch.key(0)) < 0);
    if (!goes_on) { finish(); }
    std::size_t end = 0;
    for (std::size_t first = 0; first < batch.size(); first = end) {
        end = end_of_equals(batch, first);
        const bool last_wins = policy_.rule == duplicate_rule::last;
        put(batch, last_wins ? end - 1 : first, end - first);
        streams_.check_interrupt();
    }
    if (loader_ && batch.size() != 0) {
        const bytes last = batch.key(batch.size() - 1);
        last_loaded_.assign(last.begin(), last.end());
    }
    batch.clear();
}

// The first one in the order of the input, so that the message does not depend on the keys' order.
void tree_filler::refuse_duplicates(const entry_batch& batch) const {
    std::optional<std::size_t> found;
    std::size_t earlier = 0;
    for (std::size_t i = 1; i < batch.size(); ++i) {
        if (!equal(batch.key(i - 1), batch.key(i))) { continue; }
        const text_position at = batch.position(i);
        if (!found || std::pair(at.line, at.column) <
                          std::pair(batch.position(*found).line, batch.position(*found).column)) {
            found = i;
            earlier = i - 1;
        }
    }
    if (!found) { return; }
    policy_.refuse(
        batch.position(*found),
        fmt::format("duplicate key '{}'; it stands at line {} already (--duplicates first or "
                    "last decides)",
                    key_text(policy_.key_type, batch.key(*found), policy_.bytes),
                    batch.position(earlier).line));
}

// `chosen` of `of` entries with the same key.
void tree_filler::put(const entry_batch& batch, std::size_t chosen, std::size_t of) {
    const bytes key = batch.key(chosen);
    if (loader_) {
        loader_->append(key, batch.value(chosen));
        ++counts_.inserted;
        counts_.skipped += of - 1;
        return;
    }
    if (tree_.insert(key, batch.value(chosen))) {
        ++counts_.inserted;
        counts_.skipped += of - 1;
    } else if (policy_.rule == duplicate_rule::last) {
        tree_.put(key, batch.value(chosen));
        ++counts_.replaced;
        counts_.skipped += of - 1;
    } else if (policy_.rule == duplicate_rule::first) {
        counts_.skipped += of;
    } else {
        policy_.refuse(
            batch.position(chosen),
            fmt::format("key '{}' is in the tree already (--duplicates first or last decides)",
                        key_text(policy_.key_type, key, policy_.bytes)));
    }
}

void tree_filler::finish() {
    if (loader_) { loader_->finish(); }
    loader_.reset();
}

}  // namespace pinyon::tool
