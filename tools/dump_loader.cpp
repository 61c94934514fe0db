#include "tools/dump_loader.hpp"

#include <bit>
#include <set>

#include <fmt/format.h>

#include "pinyon/engine/value_codec.hpp"

namespace pinyon::tool {

dump_loader::dump_loader(dump_reader& reader, const dump_source& source,
                         const load_arguments& arguments, const streams& streams, progress& line)
    : reader_(reader), source_(source), arguments_(arguments), streams_(streams), line_(line) {}

std::uint32_t dump_loader::page_bytes() {
    more_ = reader_.next_tree(tree_);
    if (arguments_.page_bytes != 0) { return arguments_.page_bytes; }
    if (tree_.page_bytes == 0) { return format::page_bytes_default; }
    const std::set<std::uint32_t> sizes{4096, 8192, 16384, 32768};
    if (!sizes.contains(tree_.page_bytes)) {
        source_.refuse(tree_.at, fmt::format("found pages of {} bytes, expected 4096, 8192, 16384 "
                                             "or 32768",
                                             tree_.page_bytes));
    }
    return tree_.page_bytes;
}

void dump_loader::load(database& into) {
    write_transaction change = into.begin_write();
    for (; more_; more_ = reader_.next_tree(tree_)) { load_tree(change, into.page_bytes()); }
    if (arguments_.entries && *arguments_.entries != records_) {
        throw refusal(
            records_ < *arguments_.entries ? exit_code::incomplete : exit_code::no,
            fmt::format("found {} entries, expected --entries {}", records_, *arguments_.entries),
            "the dump again, to its end");
    }
    streams_.check_interrupt();
    change.commit(durability::checkpoint);
}

void dump_loader::load_tree(write_transaction& change, std::uint32_t page_bytes) {
    if (tree_.name.empty()) { tree_.name = arguments_.tree; }
    const auto [earlier, is_new] = lines_.emplace(tree_.name, tree_.at.line);
    if (!is_new) {
        source_.refuse(tree_.at, fmt::format("found tree '{}' again; it stands at line {} already",
                                             tree_.name, earlier->second));
    }
    writable_raw_tree tree = make_tree(change);
    tree_filler filler(
        tree,
        {arguments_.duplicates, tree_.types.key_type, byte_style::automatic,
         [this](text_position at, const std::string& text) { source_.refuse(at, text); }},
        streams_);
    entry_batch batch;
    dumped_entry entry;
    while (reader_.next_entry(entry)) {
        check_entry(entry, page_bytes);
        batch.add(as_bytes(entry.key), entry.value, entry.at);
        line_.update(reader_.bytes_read(), ++records_);
        if (batch.memory() >= entry_batch::memory_max) { filler.fill(batch); }
    }
    filler.fill(batch);
    filler.finish();
    trees_.push_back({tree_.name, tree_.types, tree.size(), filler.counts()});
}

// What a dump says of a tree may be what no tree is.
writable_raw_tree dump_loader::make_tree(write_transaction& change) {
    const tree_types& types = tree_.types;
    if (!std::has_single_bit(types.value_alignment) ||
        types.value_alignment > detail::value_alignment_max) {
        source_.refuse(tree_.at, fmt::format("found values aligned to {} bytes, expected 1, 2, 4, "
                                             "8 or 16",
                                             types.value_alignment));
    }
    try {
        return change.open_as(tree_.name, types, {tree_.minimum_degree});
    } catch (const error& failure) {
        if (failure.kind() != errc::misuse && failure.kind() != errc::key_too_long) { throw; }
        source_.refuse(tree_.at, failure.what());
    }
}

void dump_loader::check_entry(const dumped_entry& entry, std::uint32_t page_bytes) const {
    const std::size_t key_bytes_max = format::key_bytes_max(page_bytes);
    if (entry.key.size() > key_bytes_max) {
        source_.refuse(entry.at,
                       fmt::format("the key has {} bytes, expected at most {}, an eighth of a page "
                                   "(--page-bytes 32768 takes 4096)",
                                   entry.key.size(), key_bytes_max));
    }
    const auto check_width = [&](const char* what, const std::string& text, std::uint32_t width) {
        if (width == 0 || text.size() == width) { return; }
        source_.refuse(entry.at, fmt::format("found a {} of {} bytes, expected {} by its type",
                                             what, text.size(), width));
    };
    check_width("key", entry.key, tree_.types.key_bytes);
    check_width("value", entry.value, tree_.types.value_bytes);
}

}  // namespace pinyon::tool
