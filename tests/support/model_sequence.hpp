// A database and, beside it, maps that say what it must hold: operations on both, one at a time,
// each chosen by whoever drives it. Transactions with changes, lookups and cursors in two trees,
// one of each layout; snapshots that stay; commits of each kind, aborts, checkpoints; closing, the
// end of the process and the loss of power at any moment, and reopening.
//
// Threads: one. Failure: runtime_error says what is wrong.
#pragma once

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "support/crash_disk.hpp"
#include "support/crash_model.hpp"
#include "support/small_log.hpp"

namespace pinyon::test {

struct model_shape {
    const char* name;
    std::uint32_t page_bytes;
    pinyon::paging paging;
    std::uint64_t pool_pages;
    std::uint32_t minimum_degree;  // of the tree of fixed layout
};

inline constexpr model_shape model_shapes[] = {
    {"4 KiB, pool of 16 pages", 4096, paging::pool, 16, 0},
    {"4 KiB, pool, degree 2", 4096, paging::pool, 256, 2},
    {"4 KiB, raw", 4096, paging::raw, 0, 0},
    {"16 KiB, pool of 16 pages", 16384, paging::pool, 16, 0},
    {"16 KiB, raw, degree 32", 16384, paging::raw, 0, 32},
    {"4 KiB, pool of 16 pages, degree 2", 4096, paging::pool, 16, 2},
};

class model_sequence {
public:
    // Chooses a number below its argument.
    using chooser = std::function<std::uint64_t(std::uint64_t)>;

    model_sequence(const model_shape& shape, std::uint64_t seed, chooser choose)
        : shape_(shape), choose_(std::move(choose)), seed_(seed) {
        disk_ = std::make_unique<crash_disk>(seed_);
        reopen();
    }

    void step() {
        if (tx_) {
            in_transaction();
        } else {
            outside();
        }
    }
    // Ends all, and looks at what is left.
    void finish() {
        if (tx_) { commit(durability::durable); }
        look();
        close();
        check_all();
        reopen();
        look();
    }

private:
    struct reader {
        read_transaction tx;
        model seen;
    };
    static constexpr std::size_t readers_max = 3;
    static constexpr std::array<const char*, 2> trees{"slotted", "fixed"};

    static void require(bool right, const char* what) {
        if (!right) { throw std::runtime_error(what); }
    }
    [[nodiscard]] bool happens(std::uint64_t one_in) { return choose_(one_in) == 0; }

    // --- outside of a transaction ----------------------------------------------------------------

    void outside() {
        switch (choose_(24)) {
            case 0:
                return close_and_reopen();
            case 1:
                return crash(true);
            case 2:
                return crash(false);
            case 3:
                db_->checkpoint();
                safe_ = history_.size() - 1;
                return;
            case 4:
            case 5:
                return begin_reading();
            case 6:
                return end_reading();
            case 7:
                db_->wait_durable(position_);
                safe_ = history_.size() - 1;
                return;
            case 8:
                return look();
            default:
                tx_.emplace(db_->begin_write());
                running_ = history_.back();
        }
    }
    void begin_reading() {
        if (readers_.size() == readers_max) { end_reading(); }
        readers_.push_back({db_->begin_read(), history_.back()});
    }
    void end_reading() {
        if (readers_.empty()) { return; }
        const auto which = readers_.begin() + static_cast<std::ptrdiff_t>(choose_(readers_.size()));
        compare(which->tx, which->seen);
        readers_.erase(which);
    }
    void look() { compare(db_->begin_read(), history_.back()); }

    void close() {
        for (const reader& each : readers_) { compare(each.tx, each.seen); }
        readers_.clear();
        db_->close();
        db_.reset();
        safe_ = history_.size() - 1;
    }
    void close_and_reopen() {
        close();
        reopen();
    }
    void reopen() {
        options how;
        how.page_bytes = shape_.page_bytes;
        how.paging = shape_.paging;
        how.pool_bytes = shape_.pool_pages * shape_.page_bytes;
        how.files = disk_.get();
        use_small_log_inside_calls(how, 24 << 10);
        db_ = std::make_unique<database>(database::open("m.pinyon", how));
        position_ = 0;
    }
    // The process ends here; or the power fails, and the medium has what it has.
    void crash(bool power) {
        disk_->notice_stores();
        std::vector<crash_disk::fate> fates(disk_->pending().size());
        const std::uint64_t often = choose_(5);
        for (crash_disk::fate& fate : fates) { fate.kept = !power || choose_(4) < often; }
        disk_image image;
        block_store blocks;
        disk_->crash(fates, seed_, image, blocks);
        readers_.clear();
        tx_.reset();
        db_.reset();
        // The image's blocks are in the old disk.
        const auto before = std::exchange(disk_, std::make_unique<crash_disk>(++seed_));
        load(image);
        reopen();
        adopt();
    }
    void load(const disk_image& image) {
        std::array<std::byte, block_bytes> block{};
        for (std::size_t i = 0; i != image.used; ++i) {
            const file_image& content = image.files[i].content;
            const auto file = disk_->open(image.files[i].name, io::open_mode::create_new);
            file->grow(content.size);
            for (std::uint64_t at = 0; at < content.size; at += block_bytes) {
                const block_value value = content.get(at / block_bytes);
                if (value.hash == 0) { continue; }
                std::memcpy(block.data(), value.data, block_bytes);
                file->write(at, std::span(block).first(static_cast<std::size_t>(
                                    std::min<std::uint64_t>(block_bytes, content.size - at))));
            }
            file->sync();
        }
        disk_->sync_directory("m.pinyon");
    }
    void adopt() {
        const content_digest shown = digest_of(db_->begin_read());
        for (std::size_t at = history_.size(); at-- != safe_;) {
            if (digest_of(history_[at]) != shown) { continue; }
            history_.resize(at + 1);
            safe_ = at;
            return look();
        }
        require(false, "after a crash it shows what was never committed, or an old state");
    }

    // --- inside ----------------------------------------------------------------------------------

    void in_transaction() {
        switch (choose_(40)) {
            case 0:
                tx_->abort();
                return tx_.reset();
            case 1:
                return commit(durability::checkpoint);
            case 2:
                return commit(durability::relaxed);
            case 3:
            case 4:
            case 5:
                return commit(durability::durable);
            case 6:
                // Commits nothing, and crashes.
                return crash(choose_(2) == 0);
            case 7:
                return drop();
            case 8:
                return load_tree();
            case 9:
            case 10:
                // Readers see nothing of it.
                return look();
            default: {
                const std::size_t which = choose_(trees.size());
                writable_raw_tree tree = open(which);
                model_tree& expected = running_[trees[which]];
                expected.fixed = which == 1;
                return change(tree, expected);
            }
        }
    }
    void commit(durability how) {
        const std::uint64_t position = tx_->commit(how);
        tx_.reset();
        const bool changed = digest_of(running_) != digest_of(history_.back());
        if (position != 0) { position_ = position; }
        if (changed) { history_.push_back(running_); }
        // A commit of nothing waits for nothing.
        if (is_safe_on_return(how) && (changed || position != 0)) { safe_ = history_.size() - 1; }
    }
    [[nodiscard]] writable_raw_tree open(std::size_t which) {
        tree_options chosen;
        chosen.minimum_degree = which == 1 ? shape_.minimum_degree : 0;
        return tx_->open_as(trees[which], types_of(which == 1), chosen);
    }
    void drop() {
        const char* const name = trees[choose_(trees.size())];
        require(tx_->drop(name) == (running_.erase(name) == 1), "drop is wrong");
    }
    void load_tree() {
        const std::size_t which = choose_(trees.size());
        writable_raw_tree tree = open(which);
        model_tree& expected = running_[trees[which]];
        expected.fixed = which == 1;
        if (!tree.empty()) { return; }
        const std::uint64_t count = choose_(400);
        for (std::uint64_t i = 0; i != count; ++i) {
            expected.entries[key_of(which == 1, i * 5)] = random_value(which == 1);
        }
        raw_loader loader = tree.begin_load();
        for (const auto& entry : expected.entries) {
            loader.append(as_bytes(entry.first), as_bytes(entry.second));
        }
        loader.finish();
    }

    void change(writable_raw_tree& tree, model_tree& expected) {
        auto& entries = expected.entries;
        const std::string key = random_key(expected.fixed);
        const std::string value = random_value(expected.fixed);
        switch (choose_(10)) {
            case 0:
                require(tree.insert(as_bytes(key), as_bytes(value)) ==
                            entries.emplace(key, value).second,
                        "insert is wrong");
                break;
            case 1:
            case 2: {
                const auto near = entries.lower_bound(key);
                const std::string victim = near == entries.end() ? key : near->first;
                require(tree.erase(as_bytes(victim)) == (entries.erase(victim) == 1),
                        "erase is wrong");
                break;
            }
            case 3:
                erase_range(tree, entries, key);
                break;
            case 4:
                look_up(tree, entries, key);
                break;
            case 5:
                walk(tree, entries, key);
                break;
            default:
                tree.put(as_bytes(key), as_bytes(value));
                entries[key] = value;
        }
        require(tree.size() == entries.size(), "size is wrong");
    }
    using entry_map = std::map<std::string, std::string>;

    void erase_range(writable_raw_tree& tree, entry_map& entries, const std::string& key) {
        const std::string other = random_key(tree.name() == trees[1]);
        const std::string& low = std::min(key, other);
        const std::string& high = std::max(key, other);
        const bool from_front = happens(16);
        const bool to_back = happens(16);
        const auto from = from_front ? entries.begin() : entries.lower_bound(low);
        const auto to = to_back ? entries.end() : entries.lower_bound(high);
        const auto count = static_cast<std::uint64_t>(std::distance(from, to));
        std::optional<bytes> first;
        std::optional<bytes> end;
        if (!from_front) { first = as_bytes(low); }
        if (!to_back) { end = as_bytes(high); }
        require(tree.count(first, end) == count, "count of a range is wrong");
        require(tree.erase(first, end) == count, "erase of a range is wrong");
        entries.erase(from, to);
    }
    static void look_up(const raw_tree& tree, const entry_map& entries, const std::string& key) {
        const auto entry = entries.find(key);
        const auto value = tree.get(as_bytes(key));
        require(value.has_value() == (entry != entries.end()), "get finds otherwise");
        require(!value || as_text(*value) == entry->second, "get shows another value");
        const auto rank =
            static_cast<std::uint64_t>(std::distance(entries.begin(), entries.lower_bound(key)));
        require(tree.rank(as_bytes(key)) == rank, "rank is wrong");
        const auto nth = tree.nth(rank);
        require(nth.has_value() == (rank != entries.size()), "nth is wrong");
        require(!nth || as_text(nth->first) == entries.lower_bound(key)->first,
                "nth shows another entry");
    }
    // A few steps in both directions from somewhere.
    void walk(const raw_tree& tree, const entry_map& entries, const std::string& key) {
        raw_cursor cursor = tree.cursor();
        auto at = entries.lower_bound(key);
        require(cursor.seek(as_bytes(key)) == (at != entries.end()), "seek is wrong");
        for (std::uint64_t steps = choose_(12); steps != 0 && cursor.valid(); --steps) {
            require(as_text(cursor.key()) == at->first, "a cursor shows another key");
            require(as_text(cursor.value()) == at->second, "a cursor shows another value");
            if (choose_(3) != 0) {
                ++at;
                require(cursor.next() == (at != entries.end()), "next is wrong");
            } else {
                const bool is_first = at == entries.begin();
                require(cursor.previous() == !is_first, "previous is wrong");
                if (is_first) { return; }
                --at;
            }
        }
    }

    [[nodiscard]] static std::string key_of(bool fixed, std::uint64_t number) {
        if (!fixed) { return "key/" + std::to_string(number); }
        std::string key(8, '\0');
        for (std::size_t i = 8; i-- != 0; number >>= 8) {
            key[i] = static_cast<char>(number & 0xff);
        }
        return key;
    }
    [[nodiscard]] std::string random_key(bool fixed) {
        std::string key = key_of(fixed, choose_(1000));
        if (!fixed && happens(24)) { key += std::string(choose_(300), 'k'); }
        return key;
    }
    [[nodiscard]] std::string random_value(bool fixed) {
        const auto letter = static_cast<char>('a' + choose_(26));
        if (fixed) { return std::string(24, letter); }
        return std::string(happens(32) ? choose_(20'000) : choose_(120), letter);
    }

    // --- looking ---------------------------------------------------------------------------------

    static void compare(const read_transaction& tx, const model& expected) {
        require(tx.trees().size() == expected.size(), "there are other trees");
        for (const auto& each : expected) {
            const raw_tree tree = tx.open_raw(each.first);
            require(tree.size() == each.second.entries.size(), "a tree has another size");
            raw_cursor cursor = tree.cursor();
            cursor.first();
            for (const auto& entry : each.second.entries) {
                require(cursor.valid(), "entries are missing");
                require(as_text(cursor.key()) == entry.first, "another key");
                require(as_text(cursor.value()) == entry.second, "another value");
                cursor.next();
            }
            require(!cursor.valid(), "there are more entries");
        }
    }
    void check_all() {
        check_options how;
        how.files = disk_.get();
        std::string found;
        (void)check("m.pinyon", how, [&](const finding& each) { found = each.text; });
        if (!found.empty()) { throw std::runtime_error("check finds: " + found); }
    }

    const model_shape& shape_;
    chooser choose_;
    std::uint64_t seed_;
    std::unique_ptr<crash_disk> disk_;
    std::unique_ptr<database> db_;
    std::vector<reader> readers_;
    std::optional<write_transaction> tx_;
    model running_;
    std::vector<model> history_{{}};
    std::size_t safe_ = 0;  // of history_: what must be there after a crash, or a later one
    std::uint64_t position_ = 0;
};

}  // namespace pinyon::test
