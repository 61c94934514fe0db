#include "tools/salvage_writer.hpp"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "pinyon/engine/catalog.hpp"
#include "pinyon/engine/overflow.hpp"
#include "pinyon/engine/value_stream.hpp"
#include "tools/exit_code.hpp"

namespace pinyon::tool {

namespace {

// Longer values are copied piece by piece.
constexpr std::uint64_t piece_bytes = std::uint64_t{1} << 20;

[[nodiscard]] tree_types transaction_types(const tree_types& types) {
    return {types.key_type, "u64", types.key_bytes, sizeof(std::uint64_t), sizeof(std::uint64_t)};
}

[[nodiscard]] bool is_damage(const error& failure) noexcept {
    return exit_code_of(failure.kind()) == exit_code::damage || failure.kind() == errc::io;
}

// The reference that stands in a leaf in place of a large value; nullopt: it cannot be one.
[[nodiscard]] std::optional<format::extent_reference> reference_in(bytes value) {
    if (value.size() != sizeof(format::extent_reference)) { return std::nullopt; }
    return load<format::extent_reference>(value.data());
}

[[nodiscard]] std::vector<std::byte> read_short(page_store& store,
                                                const format::extent_reference& reference) {
    extent_reader reader(store, reference);
    std::vector<std::byte> value(reader.length());
    if (reader.read(0, value) != value.size()) {
        raise(errc::truncated, "a large value ends too early");
    }
    return value;
}

void copy_long(page_store& store, const format::extent_reference& reference,
               writable_raw_tree& into, bytes key, const std::function<void()>& look) {
    extent_reader reader(store, reference);
    value_writer writer = into.put_stream(key, reader.length());
    std::vector<std::byte> piece(piece_bytes);
    while (writer.written() < writer.length()) {
        const std::size_t got = reader.read(writer.written(), piece);
        if (got == 0) { raise(errc::truncated, "a large value ends too early"); }
        writer.write(bytes(piece).first(got));
        look();
    }
    writer.finish();
}

// A forged leaf may hold what its tree's types do not.
[[nodiscard]] bool fits(const salvaged_tree& tree, bytes key, std::uint64_t value_bytes) noexcept {
    const tree_types& types = tree.types;
    return (types.key_bytes == 0 || types.key_bytes == key.size()) &&
           (types.value_bytes == 0 || types.value_bytes == value_bytes);
}

[[noreturn]] void refuse_changed(std::uint64_t page) {
    throw refusal(exit_code::incomplete,
                  fmt::format("page {} reads otherwise than a moment ago: the file changes, or its "
                              "medium fails",
                              page),
                  "the same command again, when nobody writes");
}

}  // namespace

std::string transactions_of(const std::string& lost_found) { return lost_found + "@transaction"; }

salvage_writer::salvage_writer(database& to, damaged_file& from, const salvage& what,
                               std::function<void()> look)
    : to_(to), from_(from), what_(what), look_(std::move(look)) {}

// --- trees ---------------------------------------------------------------------------------------

std::vector<written_tree> salvage_writer::write(bool younger_too) {
    for (const salvaged_tree& tree : what_.trees()) { names_.insert(tree.name); }
    write_transaction change = to_.begin_write();
    std::vector<written_tree> all;
    for (const salvaged_tree& tree : what_.trees()) {
        written_tree written;
        if (tree.content) {
            if (tree.exists) { written.entries = load(change, tree); }
            find_lost(change, tree, younger_too, written);
            homes_[tree.number] = {tree.exists ? tree.name : std::string(), written.lost_found};
        }
        all.push_back(std::move(written));
    }
    change.commit(durability::checkpoint);
    return all;
}

std::uint64_t salvage_writer::load(write_transaction& change, const salvaged_tree& tree) {
    writable_raw_tree into = change.open_as(tree.name, tree.types, {tree.minimum_degree});
    std::uint64_t entries = 0;
    bool has_long = false;
    {
        raw_loader loader = into.begin_load();
        tree.content->for_each_leaf([&](std::uint64_t page) {
            look_();
            has_long |= load_leaf(tree, page, loader, entries);
        });
        loader.finish();
    }
    if (has_long) { put_large(tree, into, entries); }
    return entries;
}

// Returns whether there are values too long to be held.
bool salvage_writer::load_leaf(const salvaged_tree& tree, std::uint64_t page, raw_loader& loader,
                               std::uint64_t& entries) {
    bool has_long = false;
    const auto append = [&](bytes key, bytes value, bool is_reference) {
        if (!is_reference) {
            if (!fits(tree, key, value.size())) { return; }
            loader.append(key, value);
            ++entries;
            return;
        }
        const auto reference = reference_in(value);
        if (!reference || tree.content->damaged_values().contains(own(key)) ||
            !fits(tree, key, reference->length)) {
            return;
        }
        if (reference->length > piece_bytes) {
            has_long = true;
            return;
        }
        loader.append(key, read_short(from_.store(), *reference));
        ++entries;
    };
    try {
        if (salvage::for_each_entry(from_, tree.content->schema(), page, append)) {
            return has_long;
        }
    } catch (const error& failure) {
        // Keys out of order are those of a page that was written meanwhile.
        if (!is_damage(failure) && failure.kind() != errc::misuse) { throw; }
    }
    refuse_changed(page);
}

void salvage_writer::put_large(const salvaged_tree& tree, writable_raw_tree& into,
                               std::uint64_t& entries) {
    tree.content->for_each_leaf([&](std::uint64_t page) {
        const auto copy = [&](bytes key, bytes value, bool is_reference) {
            const auto reference = is_reference ? reference_in(value) : std::nullopt;
            if (!reference || reference->length <= piece_bytes ||
                !fits(tree, key, reference->length) ||
                tree.content->damaged_values().contains(own(key))) {
                return;
            }
            copy_long(from_.store(), *reference, into, key, look_);
            ++entries;
        };
        if (!salvage::for_each_entry(from_, tree.content->schema(), page, copy)) {
            refuse_changed(page);
        }
    });
}

// --- lost+found ----------------------------------------------------------------------------------

// Older copies, the youngest first, so that the first one of a key is the last that is known of it.
void salvage_writer::find_lost(write_transaction& change, const salvaged_tree& tree,
                               bool younger_too, written_tree& written) {
    std::vector<key_span> ranges;
    for (missing_part& each : tree.content->missing()) { ranges.push_back(std::move(each.range)); }
    for (const key_bytes& key : tree.content->damaged_values()) {
        ranges.push_back(key_span::of(key));
    }
    if (ranges.empty()) { return; }
    std::sort(ranges.begin(), ranges.end(),
              [](const key_span& a, const key_span& b) { return compare(a.lower, b.lower) < 0; });
    const auto is_missing = [&ranges](bytes key) {
        const auto behind = std::upper_bound(
            ranges.begin(), ranges.end(), key,
            [](bytes k, const key_span& range) { return compare(k, range.lower) < 0; });
        return behind != ranges.begin() && std::prev(behind)->contains(key);
    };

    const std::string name = free_name(tree.name, tree.number);
    std::optional<writable_raw_tree> into;
    std::optional<writable_raw_tree> transactions;
    for (const orphan& each : what_.orphans_of(tree.number)) {
        look_();
        if (each.level != 0 || (each.born > what_.meta().transaction && !younger_too)) { continue; }
        const auto keep = [&](bytes key, bytes value, bool is_reference) {
            const auto reference = is_reference ? reference_in(value) : std::nullopt;
            if (!is_missing(key) || is_reference != reference.has_value() ||
                !fits(tree, key, reference ? reference->length : value.size()) ||
                (into && into->contains(key))) {
                return;
            }
            if (!into) {
                into = change.open_as(name, tree.types, {tree.minimum_degree});
                transactions = change.open_as(transactions_of(name), transaction_types(tree.types));
            }
            try {
                if (reference) {
                    copy_long(from_.store(), *reference, *into, key, look_);
                } else {
                    into->put(key, value);
                }
            } catch (const error& failure) {
                if (!is_damage(failure)) { throw; }
                return;  // its pages hold something else by now
            }
            transactions->put(key, std::as_bytes(std::span(&each.born, 1)));
        };
        (void)salvage::for_each_entry(from_, tree.content->schema(), each.page, keep);
    }
    if (!into) { return; }
    written.lost_found = name;
    names_.insert(name);
    names_.insert(transactions_of(name));
}

// A name for what is lost of a tree: no tree has it.
std::string salvage_writer::free_name(const std::string& tree, std::uint32_t number) {
    const std::size_t longest = format::key_bytes_max(from_.page_bytes());
    std::string name = "lost+found/" + tree;
    if (transactions_of(name).size() > longest) {
        name = fmt::format("lost+found/tree-{}", number);
    }
    while (names_.contains(name) || names_.contains(transactions_of(name))) { name += '~'; }
    return name;
}

// --- the log -------------------------------------------------------------------------------------

replayed_log salvage_writer::replay(std::uint64_t durable_floor) {
    replayed_log counts;
    io::file_system& files = io::posix_file_system();
    try {
        log_reader log(files, from_.resolved(), list_segments(files, from_.resolved()),
                       what_.meta(), durable_floor);
        while (const std::optional<log_batch> batch = log.next()) { apply(*batch, counts); }
    } catch (const error& failure) {
        switch (failure.kind()) {
            case errc::no_space:
            case errc::poisoned:
            case errc::commit_unknown:
                throw;
            default:
                counts.problem = failure.what();
        }
        if (homes_before_) { homes_ = std::move(*homes_before_); }
    }
    return counts;
}

// All of the batch or nothing.
void salvage_writer::apply(const log_batch& batch, replayed_log& counts) {
    look_();
    homes_before_.reset();
    write_transaction change = to_.begin_write();
    replayed_log with = counts;
    operation_reader reader(batch.payload, batch.operations);
    while (const std::optional<operation> what = reader.next()) { apply(change, *what, with); }
    change.commit(durability::relaxed);
    homes_before_.reset();
    counts = with;
    ++counts.transactions;
}

// What the log says of a key is younger than all that was found of it: lost+found forgets the key.
void salvage_writer::apply(write_transaction& change, const operation& what, replayed_log& counts) {
    const bool is_change = what.kind == operation_kind::put || what.kind == operation_kind::erase ||
                           what.kind == operation_kind::erase_range;
    if (!is_change && !homes_before_) { homes_before_ = homes_; }
    if (what.kind == operation_kind::create_tree) { return create(change, what); }
    const auto found = homes_.find(what.tree);
    if (found == homes_.end() || found->second.name.empty() ||
        !change.contains(found->second.name)) {
        ++counts.skipped;
        return;
    }
    ++counts.operations;
    home& at = found->second;
    std::vector<std::string> beside;
    if (!at.lost_found.empty()) { beside = {at.lost_found, transactions_of(at.lost_found)}; }
    switch (what.kind) {
        case operation_kind::put:
            change.open_raw(at.name).put(what.key, what.value);
            for (const std::string& each : beside) { change.open_raw(each).erase(what.key); }
            break;
        case operation_kind::erase:
            change.open_raw(at.name).erase(what.key);
            for (const std::string& each : beside) { change.open_raw(each).erase(what.key); }
            break;
        case operation_kind::erase_range:
            change.open_raw(at.name).erase(what.lower, what.upper);
            for (const std::string& each : beside) {
                change.open_raw(each).erase(what.lower, what.upper);
            }
            break;
        case operation_kind::drop_tree:
            change.drop(at.name);
            for (const std::string& each : beside) { change.drop(each); }
            homes_.erase(found);
            break;
        case operation_kind::rename_tree:
            change.rename(at.name, what.name);
            at.name = what.name;
            break;
        case operation_kind::create_tree:
            break;
    }
}

void salvage_writer::create(write_transaction& change, const operation& what) {
    if (change.contains(what.name)) {
        raise(errc::log_mismatch,
              "a tree '" + std::string(what.name) + "' is created that is there");
    }
    (void)change.open_as(what.name, types_of(what.record), {what.record.minimum_degree});
    homes_[what.tree] = {std::string(what.name), {}};
}

std::optional<std::string> salvage_writer::name_of(const salvaged_tree& tree) const {
    if (!tree.content) { return tree.name; }
    const auto found = homes_.find(tree.number);
    if (found == homes_.end()) { return std::nullopt; }
    return tree.exists ? found->second.name : tree.name;
}

void salvage_writer::finish() {
    write_transaction change = to_.begin_write();
    for (auto& [number, at] : homes_) {
        if (at.lost_found.empty() || !change.open_raw(at.lost_found).empty()) { continue; }
        change.drop(at.lost_found);
        change.drop(transactions_of(at.lost_found));
    }
    change.commit(durability::relaxed);
}

std::string log_problem(const std::string& path, const format::meta& meta,
                        std::uint64_t durable_floor, std::uint64_t& transactions) {
    io::file_system& files = io::posix_file_system();
    transactions = 0;
    try {
        log_reader log(files, path, list_segments(files, path), meta, durable_floor);
        while (log.next()) { ++transactions; }
        return {};
    } catch (const error& failure) { return failure.what(); }
}

}  // namespace pinyon::tool
