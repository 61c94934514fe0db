// One way of paging, open on a tree, and the work that is measured on it.
//
// Threads: one. Failure: as database::open; corrupt, io; interruption.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "pinyon/engine/database.hpp"
#include "tools/streams.hpp"

namespace pinyon::tool {

// Keys one behind the other, so that many take little more than their bytes.
class key_list {
public:
    void add(bytes key) {
        bytes_.insert(bytes_.end(), key.begin(), key.end());
        ends_.push_back(bytes_.size());
    }
    [[nodiscard]] std::size_t size() const noexcept { return ends_.size(); }
    [[nodiscard]] bytes operator[](std::size_t index) const noexcept {
        const std::size_t start = index == 0 ? 0 : ends_[index - 1];
        return {bytes_.data() + start, ends_[index] - start};
    }

private:
    std::vector<std::byte> bytes_;
    std::vector<std::size_t> ends_;
};

// Keys in the order in which they are asked for.
struct key_sequence {
    key_list keys;
    std::vector<std::uint32_t> order;

    [[nodiscard]] bytes operator[](std::uint64_t turn) const noexcept {
        return keys[order[turn % order.size()]];
    }
};

enum class paging_work { get, scan, seek };

// What some reads gave: the same for both, or something is wrong.
struct reads {
    std::uint64_t units = 0;  // gets, seeks, or entries
    std::uint64_t found = 0;
    std::uint64_t trace = 0;  // of lengths and outer bytes of what was read, in order

    friend bool operator==(const reads&, const reads&) = default;
};

class paging_contestant {
public:
    // REQUIRES: `how` is read-only.
    paging_contestant(const std::string& file, const options& how, const streams& streams);

    [[nodiscard]] const read_transaction& snapshot() const noexcept { return snapshot_; }
    [[nodiscard]] database_statistics statistics() const { return database_.statistics(); }
    void open_tree(const std::string& name) { tree_ = snapshot_.open_raw(name); }
    [[nodiscard]] const raw_tree& tree() const noexcept { return tree_; }

    // Every entry once, in order: how many there are, and the checksum of all keys and values.
    // `look` is shown each key, with its number.
    using key_look = std::function<void(std::uint64_t number, bytes key)>;
    struct content {
        std::uint64_t entries = 0;
        std::uint64_t checksum = 0;
    };
    [[nodiscard]] content read_all(const key_look& look) const;

    // `count` gets, scans of the whole tree, or seeks with the entries behind them, the keys from
    // turn `first` on.
    [[nodiscard]] reads run(paging_work what, const key_sequence& keys, std::uint64_t first,
                            std::uint64_t count) const;

    // Entries that a seek reads.
    static constexpr std::uint64_t seek_entries = 100;

private:
    void get(bytes key, reads& into) const;
    void scan(reads& into) const;
    void seek(raw_cursor& at, bytes key, reads& into) const;

    const streams& streams_;
    database database_;
    read_transaction snapshot_;
    raw_tree tree_;
};

}  // namespace pinyon::tool
