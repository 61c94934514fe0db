// A small database in which stale copies of pages abound, and what it holds: for tests of what must
// never come back.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "pinyon/engine/database.hpp"
#include "support/temporary_directory.hpp"

namespace pinyon::test {

using tree_content = std::map<std::string, std::string>;
using content = std::map<std::string, tree_content>;

// A database and what it holds, and every value that a key ever had.
class stale_workload {
public:
    static constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};
    static constexpr tree_spec<std::uint64_t, std::uint32_t> textbook{"textbook", tree_options{3}};
    static constexpr tree_spec<std::string_view, std::string_view> texts{"texts"};
    static constexpr tree_spec<std::string_view, std::string_view> large{"large"};

    explicit stale_workload(std::string path, std::uint32_t page_bytes = 4096)
        : path_(std::move(path)) {
        options how;
        how.page_bytes = page_bytes;
        how.background = background::none;
        how.log_segment_bytes = 8192;
        db_ = database::open(path_, how);
    }
    template <class Key, class Value>
    void put(write_transaction& tx, const tree_spec<Key, Value>& spec,
             const std::type_identity_t<Key>& key, const std::type_identity_t<Value>& value) {
        tx.open(spec).put(key, value);
        key_buffer room;
        std::vector<std::byte> value_room;
        const std::string stored_key(as_text(key_codec<Key>::encode(key, room)));
        const std::string stored(as_text(value_codec<Value>::encode(value, value_room)));
        now[std::string(spec.name)][stored_key] = stored;
        ever[std::string(spec.name)][stored_key].insert(stored);
    }
    template <class Key, class Value>
    void erase(write_transaction& tx, const tree_spec<Key, Value>& spec,
               const std::type_identity_t<Key>& key) {
        tx.open(spec).erase(key);
        key_buffer room;
        now[std::string(spec.name)].erase(std::string(as_text(key_codec<Key>::encode(key, room))));
    }

    // Puts, updates and erases over many checkpoints.
    void run(std::uint64_t seed, std::uint64_t rounds) {
        std::mt19937_64 random(seed);
        for (std::uint64_t round = 0; round < rounds; ++round) {
            db_->update([&](write_transaction& tx) { change(tx, random, round); });
            if (round % 2 == 0) { db_->checkpoint(); }
        }
        db_->update([&](write_transaction& tx) {
            auto dropped = tx.open(tree_spec<std::uint64_t, std::uint64_t>{"dropped"});
            for (std::uint64_t i = 0; i < 300; ++i) { dropped.put(i, i); }
        });
        db_->checkpoint();
        db_->update([&](write_transaction& tx) { tx.drop("dropped"); });
        db_->checkpoint();
    }
    void change(write_transaction& tx, std::mt19937_64& random, std::uint64_t round) {
        for (unsigned i = 0; i < 120; ++i) {
            put(tx, numbers, random() % 1500, round * 1'000'000 + i);
            if (i % 3 != 0) { erase(tx, numbers, random() % 1500); }
            if (i % 4 == 0) {
                put(tx, textbook, random() % 60, static_cast<std::uint32_t>(round));
                erase(tx, textbook, random() % 60);
                const std::string key =
                    "key/" + std::string(150 + i, 'k') + "/" + std::to_string(random() % 150);
                put(tx, texts, key.substr(4 * (i % 8 == 0)),
                    std::string(random() % 300, static_cast<char>('a' + round % 26)));
                erase(tx, texts, key);
            }
        }
        for (unsigned i = 0; i < 3; ++i) {
            put(tx, large, "large " + std::to_string(random() % 4),
                std::string(5000 + random() % 5000, static_cast<char>('A' + round % 26)));
        }
        erase(tx, large, "large " + std::to_string(random() % 4));
        put(tx, large, "small", std::to_string(round));
    }
    [[nodiscard]] database& opened() { return *db_; }
    void close() { db_->close(); }
    // The files as they are now, in another folder.
    void copy_to(const temporary_directory& there) const {
        namespace fs = std::filesystem;
        const fs::path from(path_);
        for (const auto& each : fs::directory_iterator(from.parent_path())) {
            if (each.path().filename().string().starts_with(from.filename().string())) {
                fs::copy_file(each.path(), there / each.path().filename().string());
            }
        }
    }

    content now;
    std::map<std::string, std::map<std::string, std::set<std::string>>> ever;

private:
    std::string path_;
    std::optional<database> db_;
};

}  // namespace pinyon::test
