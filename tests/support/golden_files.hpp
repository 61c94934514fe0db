// The golden files: small databases of every kind that the format knows, and a model of each that
// says what it holds. They are made on a disk in memory whose random numbers and clock are the same
// in each run, so that one build always writes the same bytes.
//
// Threads: one at a time. Failure: pinyon::error.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "pinyon/engine/meta.hpp"
#include "pinyon/pinyon.hpp"
#include "support/crash_disk.hpp"
#include "support/saved_files.hpp"

namespace pinyon::test {

// What a tree holds: keys in normal form, values as stored.
struct golden_tree {
    std::string key_type;
    std::string value_type;
    std::map<std::string, std::string> entries;
};

struct golden_file {
    std::string name;  // without ".pinyon"
    std::map<std::string, golden_tree> trees;
    saved_files files;              // the database and the segments of its log
    std::vector<saved_file> older;  // the database as it was before each change, oldest first
};

struct golden_measure {
    double value;
    std::uint32_t unit;
    std::uint32_t source;
};

// A database that is filled, and the model beside it.
class golden_writer {
public:
    golden_writer(std::string name, std::uint64_t seed, std::uint32_t page_bytes = 4096)
        : path_(name + ".pinyon"), disk_(seed, false) {
        result_.name = std::move(name);
        disk_.limit_growth(std::uint64_t{64} << 10);
        options chosen;
        chosen.files = &disk_;
        chosen.page_bytes = page_bytes;
        chosen.pool_bytes = std::uint64_t{8} << 20;
        chosen.background = background::none;
        chosen.checkpoint_interval = {};
        chosen.log_segment_bytes = 8192;
        db_ = database::open(path_, chosen);
    }

    template <class Change>
    void update(Change&& change, durability when = durability::durable) {
        note_older();
        db_->update([&](write_transaction& tx) { change(tx); }, when);
    }
    template <class Key, class Value>
    void put(write_transaction& tx, const tree_spec<Key, Value>& spec,
             const std::type_identity_t<Key>& key, const std::type_identity_t<Value>& value) {
        tx.open(spec).put(key, value);
        std::vector<std::byte> room;
        note(spec).entries[text(key)] =
            std::string(as_text(value_codec<Value>::encode(value, room)));
    }
    template <class Key, class Value>
    void erase(write_transaction& tx, const tree_spec<Key, Value>& spec,
               const std::type_identity_t<Key>& key) {
        tx.open(spec).erase(key);
        note(spec).entries.erase(text(key));
    }
    // Keys lo <= key < hi.
    template <class Key, class Value>
    void erase_range(write_transaction& tx, const tree_spec<Key, Value>& spec,
                     const std::type_identity_t<Key>& lo, const std::type_identity_t<Key>& hi) {
        tx.open(spec).erase_range(lo, hi);
        auto& entries = note(spec).entries;
        entries.erase(entries.lower_bound(text(lo)), entries.lower_bound(text(hi)));
    }
    void drop(write_transaction& tx, const std::string& tree) {
        tx.drop(tree);
        result_.trees.erase(tree);
    }
    void rename(write_transaction& tx, const std::string& from, const std::string& to) {
        tx.rename(from, to);
        auto entry = result_.trees.extract(from);
        entry.key() = to;
        result_.trees.insert(std::move(entry));
    }
    void checkpoint() {
        note_older();
        db_->checkpoint();
    }

    // The files as a clean close leaves them.
    golden_file close() {
        db_->close();
        return save();
    }
    // The files as they are found when the process dies now.
    golden_file stop() { return save(); }

private:
    template <class Key, class Value>
    golden_tree& note(const tree_spec<Key, Value>& spec) {
        golden_tree& tree = result_.trees[std::string(spec.name)];
        tree.key_type = spec.types().key_type;
        tree.value_type = spec.types().value_type;
        return tree;
    }
    template <class Key>
    static std::string text(const Key& key) {
        key_buffer room;
        return std::string(as_text(key_codec<Key>::encode(key, room)));
    }

    void note_older() { result_.older.push_back(save_file(disk_, path_)); }
    // The database without the space that is reserved behind its pages.
    golden_file save() {
        result_.files = save_all(disk_);
        const auto file = disk_.open(path_, io::open_mode::read_only);
        const format::meta meta = read_metas(*file, path_).current();
        result_.files.at(path_).cut(meta.page_count * meta.page_bytes);
        return std::move(result_);
    }

    std::string path_;
    golden_file result_;
    crash_disk disk_;
    std::optional<database> db_;
};

// --- the files -----------------------------------------------------------------------------------

namespace golden {

inline constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};
inline constexpr tree_spec<std::uint64_t, std::uint32_t> textbook{"textbook", tree_options{2}};
inline constexpr tree_spec<std::uint64_t, golden_measure> measures{"measures"};
inline constexpr tree_spec<std::tuple<std::uint64_t, std::uint64_t, std::uint32_t>, std::uint8_t>
    wide{"wide"};
inline constexpr tree_spec<std::tuple<std::uint8_t, std::uint16_t>, bool> narrow{"narrow"};
inline constexpr tree_spec<std::string_view, std::string_view> texts{"texts"};
inline constexpr tree_spec<std::string_view, std::string_view> paths{"paths"};
inline constexpr tree_spec<bytes, bytes> blobs{"blobs"};

[[nodiscard]] inline std::string pattern(std::uint64_t seed, std::size_t size) {
    std::string value(size, '\0');
    for (std::size_t i = 0; i < size; ++i) {
        value[i] = static_cast<char>((seed * 131 + i * 7 + i / 251) & 0xff);
    }
    return value;
}

inline golden_file make_empty() { return golden_writer("empty", 1).close(); }

// Nodes of columns: one word and several, aligned values, a minimum degree with many levels.
inline golden_file make_fixed() {
    golden_writer file("fixed", 2);
    file.update([&](write_transaction& tx) {
        for (std::uint64_t i = 0; i < 1000; ++i) {
            file.put(tx, numbers, i * 7919 % 100'003 << 20, i * i);
        }
        for (std::uint64_t i = 0; i < 60; ++i) {
            file.put(tx, textbook, i * 31 % 61, static_cast<std::uint32_t>(i));
        }
        for (std::uint64_t i = 0; i < 150; ++i) {
            file.put(tx, measures, i << 32 | i,
                     golden_measure{static_cast<double>(i) / 8, static_cast<std::uint32_t>(i), 5});
        }
        for (std::uint64_t i = 0; i < 200; ++i) {
            file.put(tx, wide, {i % 7, i % 11 << 60, static_cast<std::uint32_t>(i)},
                     static_cast<std::uint8_t>(i));
            file.put(tx, narrow, {static_cast<std::uint8_t>(i % 3), static_cast<std::uint16_t>(i)},
                     i % 2 == 0);
        }
    });
    return file.close();
}

// Nodes of slots: prefixes cut off, long keys that make several levels, values of many sizes.
inline golden_file make_slotted() {
    golden_writer file("slotted", 3);
    file.update([&](write_transaction& tx) {
        for (std::uint64_t i = 0; i < 500; ++i) {
            const std::string name = "/usr/share/doc/package-" + std::to_string(i * 7919 % 1000) +
                                     "/changelog/part-" + std::to_string(i % 9);
            file.put(tx, paths, name, pattern(i, i % 40));
        }
        for (std::uint64_t i = 0; i < 150; ++i) {
            const std::string key = std::to_string(i * 37 % 1000) + std::string(i % 100, 'k');
            file.put(tx, texts, key, pattern(i, i * 13 % 400));
            // Neighbours that part behind 450 bytes: long separators, few children, many levels.
            const std::string same(450, static_cast<char>('a' + i % 3));
            file.put(tx, blobs, as_bytes(same + pattern(i, 20)), as_bytes(pattern(i, 400)));
        }
        file.put(tx, texts, "", "the empty key");
        const std::string zeros("\0\0\0", 3);
        file.put(tx, blobs, as_bytes(zeros), as_bytes("three zero bytes"));
        file.put(tx, blobs, as_bytes(zeros.substr(1)), as_bytes(""));
    });
    return file.close();
}

// Every type of keys and of values that the catalog can name, at the ends of its range.
inline golden_file make_types() {
    golden_writer file("types", 4);
    using limits8 = std::numeric_limits<std::int8_t>;
    using limits64 = std::numeric_limits<std::int64_t>;
    constexpr double infinity = std::numeric_limits<double>::infinity();
    file.update([&](write_transaction& tx) {
        const auto keys = [&]<class Key>(const char* name, std::initializer_list<Key> all) {
            std::uint16_t n = 0;
            const tree_spec<Key, std::uint16_t> spec{name};
            for (const Key& key : all) { file.put(tx, spec, key, ++n); }
        };
        keys("key u8", {std::uint8_t{0}, std::uint8_t{255}});
        keys("key u16", {std::uint16_t{0}, std::uint16_t{256}, std::uint16_t{65535}});
        keys("key u32", {0U, 1U << 31, ~0U});
        keys("key u64", {std::uint64_t{0}, std::uint64_t{1} << 63, ~std::uint64_t{0}});
        keys("key i8", {limits8::min(), std::int8_t{-1}, std::int8_t{0}, limits8::max()});
        keys("key i16", {std::int16_t{-32768}, std::int16_t{-1}, std::int16_t{32767}});
        keys("key i32", {-2'000'000'000, -1, 0, 2'000'000'000});
        keys("key i64", {limits64::min(), std::int64_t{-1}, std::int64_t{0}, limits64::max()});
        keys("key f32", {-1.5F, 0.0F, 3.25F});
        keys("key f64", {-infinity, -0.0, 1e-300, infinity});
        keys("key bool", {false, true});
        keys("key string", {std::string_view("a"), std::string_view("\xc3\xa4")});
        keys("key tuple",
             {std::tuple<std::string_view, std::int32_t>{"a", -1},
              std::tuple<std::string_view, std::int32_t>{std::string_view("a\0", 2), 0},
              std::tuple<std::string_view, std::int32_t>{"ab", 1}});
        keys("key pair", {std::pair<std::uint32_t, std::string_view>{1, "x"},
                          std::pair<std::uint32_t, std::string_view>{1, "xyz"}});

        const auto values = [&]<class Value>(const char* name, std::initializer_list<Value> all) {
            std::uint16_t n = 0;
            const tree_spec<std::uint16_t, Value> spec{name};
            for (const Value& value : all) { file.put(tx, spec, ++n, value); }
        };
        values("value u8", {std::uint8_t{7}});
        values("value i64", {limits64::min(), std::int64_t{-2}});
        values("value f32", {-0.0F, 2.5F});
        values("value f64", {infinity, 0.1});
        values("value bool", {true, false});
        values("value string", {std::string_view(""), std::string_view("pi\xc3\xb1on")});
        values("value struct", {golden_measure{0.5, 6, 7}});
    });
    return file.close();
}

// Values in extents, of one page and of several.
inline golden_file make_large() {
    golden_writer file("large", 5);
    file.update([&](write_transaction& tx) {
        for (const std::size_t size : {900U, 1000U, 4096U, 4097U, 20'000U, 60'000U}) {
            const std::string value = pattern(size, size);
            file.put(tx, texts, "of " + std::to_string(size), value);
        }
    });
    return file.close();
}

// Updates and erases over many checkpoints: free pages in runs, pages that only the older meta's
// state has, and copies of nodes that are no longer true.
inline golden_file make_used(const std::string& name, std::uint64_t seed, std::uint64_t entries,
                             std::uint64_t erased_of_ten) {
    golden_writer file(name, seed);
    for (std::uint64_t round = 0; round < 6; ++round) {
        file.update([&](write_transaction& tx) {
            for (std::uint64_t i = round % 3; i < entries; i += 1 + round % 2) {
                file.put(tx, numbers, i * 7919 % 100'003, i + round * 1'000'000);
                if (i % 4 == 0) {
                    file.put(tx, paths, "entry/" + std::to_string(i * 31 % 1009),
                             pattern(i + round, 20 + round * 10));
                }
            }
            file.put(tx, texts, "large " + std::to_string(round % 3), pattern(round, 9000));
        });
        file.checkpoint();
        file.update([&](write_transaction& tx) {
            for (std::uint64_t i = 0; i < entries; ++i) {
                if (i % 10 < erased_of_ten) { file.erase(tx, numbers, i * 7919 % 100'003); }
            }
        });
        file.checkpoint();
    }
    return file.stop();
}

inline golden_file make_pending() { return make_used("pending", 6, 800, 3); }

// So many holes that the free-space image is a bitmap.
inline golden_file make_bitmap() {
    golden_writer file("bitmap", 7);
    const auto key = [](std::uint64_t i) { return "text " + std::to_string(1000 + i); };
    file.update([&](write_transaction& tx) {
        for (std::uint64_t i = 0; i < 200; ++i) { file.put(tx, texts, key(i), pattern(i, 900)); }
    });
    file.checkpoint();
    file.update([&](write_transaction& tx) {
        for (std::uint64_t i = 0; i < 200; ++i) {
            if (i / 5 % 2 == 0) { file.put(tx, texts, key(i), pattern(i, 901)); }
        }
    });
    for (std::uint64_t i = 0; i < 3; ++i) {
        file.checkpoint();
        file.update([&](write_transaction& tx) { file.put(tx, texts, "last", pattern(i, 9)); });
    }
    return file.close();
}

// A process that died: every kind of operation stands in the log alone, in several segments.
inline golden_file make_log() {
    golden_writer file("log", 8);
    file.update([&](write_transaction& tx) {
        for (std::uint64_t i = 0; i < 300; ++i) { file.put(tx, numbers, i, i); }
        file.put(tx, texts, "kept", "as it was");
        file.put(tx, texts, "gone", "soon");
        file.put(tx, measures, std::uint64_t{1}, golden_measure{1, 2, 3});
    });
    file.checkpoint();
    file.update([&](write_transaction& tx) {
        for (std::uint64_t i = 0; i < 300; i += 3) { file.put(tx, numbers, i, i * 1000); }
        file.erase(tx, texts, "gone");
    });
    file.update([&](write_transaction& tx) {
        file.erase_range(tx, numbers, 100, 150);
        file.put(tx, textbook, std::uint64_t{5}, 55U);
        file.put(tx, paths, "/new", "tree");
        file.drop(tx, "measures");
    });
    file.update([&](write_transaction& tx) {
        file.rename(tx, "texts", "renamed");
        file.put(tx, paths, "/large", pattern(9, 12'000));
    });
    file.update([&](write_transaction& tx) { file.put(tx, paths, "/last", "batch"); });
    return file.stop();
}

// The same kinds of things in larger pages.
inline golden_file make_large_pages() {
    golden_writer file("pages-16384", 9, 16384);
    file.update([&](write_transaction& tx) {
        for (std::uint64_t i = 0; i < 2200; ++i) { file.put(tx, numbers, i * 7919 % 100'003, i); }
        for (std::uint64_t i = 0; i < 150; ++i) {
            file.put(tx, texts, "text " + std::to_string(i * 37 % 1000), pattern(i, i * 3));
        }
        file.put(tx, texts, "large", pattern(1, 30'000));
    });
    file.update([&](write_transaction& tx) { file.erase_range(tx, numbers, 0, 20'000); });
    return file.close();
}

}  // namespace golden

[[nodiscard]] inline std::vector<golden_file> make_golden_files() {
    std::vector<golden_file> all;
    all.push_back(golden::make_empty());
    all.push_back(golden::make_fixed());
    all.push_back(golden::make_slotted());
    all.push_back(golden::make_types());
    all.push_back(golden::make_large());
    all.push_back(golden::make_pending());
    all.push_back(golden::make_bitmap());
    all.push_back(golden::make_log());
    all.push_back(golden::make_large_pages());
    return all;
}

}  // namespace pinyon::test
