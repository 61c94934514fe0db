// A journal of transactions: what the n-th one does is a function of the seed and n alone, and it
// writes n into the database. So whoever knows the seed knows what a file must hold after n.
//
// Keys and values are few and small, but for some large values: thousands of transactions stay a
// small file, and every kind of change is among them.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pinyon/pinyon.hpp"

namespace pinyon::test {

// A small generator: a journal makes one for each transaction.
class splitmix {
public:
    explicit splitmix(std::uint64_t seed) noexcept : state_(seed) {}
    std::uint64_t operator()() noexcept {
        state_ += 0x9e3779b97f4a7c15U;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9U;
        mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111ebU;
        return mixed ^ (mixed >> 31);
    }
    // 0 up to bound - 1.
    std::uint64_t below(std::uint64_t bound) noexcept { return (*this)() % bound; }

private:
    std::uint64_t state_;
};

// Tree by tree, key by key, in normal form.
using content = std::map<std::string, std::map<std::string, std::string>>;

class journal {
public:
    explicit journal(std::uint64_t seed) noexcept : seed_(seed) {}

    // The number of the last transaction that the database holds, 0 for none.
    template <class Transaction>
    [[nodiscard]] static std::uint64_t last(Transaction& tx) {
        if (!tx.contains(progress.name)) { return 0; }
        return tx.open(progress).get(0).value_or(0);
    }
    [[nodiscard]] static std::uint64_t last_of(const database& db) {
        const read_transaction tx = db.begin_read();
        return last(tx);
    }

    // Does what transaction n does, in a database that holds n - 1.
    void write(write_transaction& tx, std::uint64_t n) const {
        for (const change& each : changes(n)) { write(tx, each); }
        tx.open(progress).put(0, n);
    }

    void apply(content& model, std::uint64_t n) const {
        for (const change& each : changes(n)) { apply(model, each); }
    }

    [[nodiscard]] static content read(const read_transaction& tx) {
        content found;
        for (const tree_information& each : tx.trees()) {
            if (each.name == progress.name) { continue; }
            auto& entries = found[each.name];
            const raw_tree tree = tx.open_raw(each.name);
            raw_cursor cursor = tree.cursor();
            for (bool there = cursor.first(); there; there = cursor.next()) {
                entries.emplace(as_text(cursor.key()), as_text(cursor.value()));
            }
            // What the tree says of its size.
            if (entries.size() != tree.size()) { found[each.name + ": wrong size"]["?"] = "?"; }
        }
        return found;
    }

private:
    enum class kind : std::uint8_t {
        put,
        erase,
        erase_range,
        put_number,
        erase_number,
        scratch,
        drop,
        rename
    };
    struct change {
        kind what{};
        std::string key;
        std::string other;  // the value, or the end of the range
    };

    static constexpr tree_spec<std::uint64_t, std::uint64_t> progress{"progress"};
    static constexpr tree_spec<std::uint64_t, std::array<char, 24>> numbers{"numbers"};
    static constexpr const char* words = "words";
    static constexpr const char* scratch = "scratch";
    static constexpr const char* moved = "moved";
    static constexpr std::uint64_t keys = 300;

    [[nodiscard]] static std::string word(std::uint64_t number) {
        std::array<char, 24> text{};
        std::snprintf(text.data(), text.size(), "word%05u", static_cast<unsigned>(number));
        return text.data();
    }
    [[nodiscard]] static std::string number_key(std::uint64_t number) {
        std::string key(8, '\0');
        for (std::size_t i = 8; i-- != 0; number >>= 8) { key[i] = static_cast<char>(number); }
        return key;
    }
    [[nodiscard]] static std::string value(splitmix& random) {
        const std::uint64_t choice = random.below(100);
        const std::uint64_t length =
            choice == 0 ? random.below(60'000) : random.below(choice < 5 ? 9000 : 90);
        std::string text(length, '\0');
        const std::uint64_t mark = random();
        for (std::size_t i = 0; i < text.size(); ++i) {
            text[i] = static_cast<char>('a' + (mark + i * i) % 26);
        }
        return text;
    }

    [[nodiscard]] std::vector<change> changes(std::uint64_t n) const {
        splitmix random(seed_ * 0xd1342543de82ef95U + n);
        std::vector<change> list(1 + random.below(8));
        for (change& each : list) {
            const std::uint64_t choice = random.below(100);
            const std::uint64_t key = random.below(keys);
            if (choice < 45) {
                each = {kind::put, word(key), value(random)};
            } else if (choice < 60) {
                each = {kind::erase, word(key), {}};
            } else if (choice < 63) {
                each = {kind::erase_range, word(key), word(key + random.below(20))};
            } else if (choice < 80) {
                each = {kind::put_number, number_key(key),
                        std::string(24, static_cast<char>('a' + random.below(26)))};
            } else if (choice < 88) {
                each = {kind::erase_number, number_key(key), {}};
            } else if (choice < 96) {
                each = {kind::scratch, word(key), value(random)};
            } else {
                each = {choice < 98 ? kind::drop : kind::rename, {}, {}};
            }
        }
        return list;
    }

    static void write(write_transaction& tx, const change& each) {
        const bytes key = as_bytes(each.key);
        const bytes other = as_bytes(each.other);
        switch (each.what) {
            case kind::put:
                return tx.open_raw(words).put(key, other);
            case kind::erase:
                return static_cast<void>(tx.open_raw(words).erase(key));
            case kind::erase_range:
                return static_cast<void>(tx.open_raw(words).erase(key, other));
            case kind::put_number:
                return tx.open_as(numbers.name, numbers.types()).put(key, other);
            case kind::erase_number:
                return static_cast<void>(tx.open_as(numbers.name, numbers.types()).erase(key));
            case kind::scratch:
                return tx.open_raw(scratch).put(key, other);
            case kind::drop:
                return static_cast<void>(tx.drop(moved));
            case kind::rename:
                if (tx.contains(scratch) && !tx.contains(moved)) { tx.rename(scratch, moved); }
        }
    }

    static void apply(content& model, const change& each) {
        switch (each.what) {
            case kind::put:
                model[words][each.key] = each.other;
                break;
            case kind::erase:
                model[words].erase(each.key);
                break;
            case kind::erase_range: {
                auto& tree = model[words];
                tree.erase(tree.lower_bound(each.key), tree.lower_bound(each.other));
                break;
            }
            case kind::put_number:
                model[std::string(numbers.name)][each.key] = each.other;
                break;
            case kind::erase_number:
                model[std::string(numbers.name)].erase(each.key);
                break;
            case kind::scratch:
                model[scratch][each.key] = each.other;
                break;
            case kind::drop:
                model.erase(moved);
                break;
            case kind::rename:
                if (model.count(scratch) != 0 && model.count(moved) == 0) {
                    model[moved] = std::move(model[scratch]);
                    model.erase(scratch);
                }
        }
    }

    std::uint64_t seed_;
};

}  // namespace pinyon::test
