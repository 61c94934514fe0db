// The typed face: what a program does with trees, over fixed and slotted layouts, in reading and in
// writing transactions, against std::map.
#define BOOST_TEST_MODULE tree
#include "pinyon/engine/tree.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <numeric>
#include <random>

#include "pinyon/engine/pinyon.hpp"
#include "support/database_rig.hpp"
#include "support/errors.hpp"

namespace {

using pinyon::as_bytes;
using pinyon::as_text;
using pinyon::bytes;
using pinyon::errc;
using pinyon::read_transaction;
using pinyon::tree;
using pinyon::tree_spec;
using pinyon::writable_tree;
using pinyon::write_transaction;
using pinyon::test::code_of;
using pinyon::test::database_rig;
using namespace std::string_literals;

struct point {
    double x = 0;
    std::int32_t tag = 0;
    std::int32_t unused = 0;
    friend bool operator==(const point&, const point&) = default;
};

inline constexpr tree_spec<std::string_view, std::uint64_t> users{"users"};
inline constexpr tree_spec<std::uint64_t, std::uint64_t> squares{"squares"};
inline constexpr tree_spec<std::uint64_t, std::string_view> texts{"texts"};
inline constexpr tree_spec<std::int32_t, point> points{"points"};
using city = std::tuple<std::string_view, std::string_view, std::uint32_t>;
inline constexpr tree_spec<city, std::string_view> cities{"cities"};

// How a spec's model makes its keys and values from a number.
struct numbered {
    static std::uint64_t key(const tree_spec<std::uint64_t, std::uint64_t>&, std::uint64_t n) {
        return n * 1000003;
    }
    static std::uint64_t value(const tree_spec<std::uint64_t, std::uint64_t>&, std::uint64_t n) {
        return n;
    }
    static std::string key(const tree_spec<std::string_view, std::uint64_t>&, std::uint64_t n) {
        return "user/" + std::to_string(n) + std::string(n % 40, 'x');
    }
    static std::uint64_t value(const tree_spec<std::string_view, std::uint64_t>&, std::uint64_t n) {
        return n;
    }
    static std::uint64_t key(const tree_spec<std::uint64_t, std::string_view>&, std::uint64_t n) {
        return n;
    }
    // One in a hundred is large enough for an extent.
    static std::string value(const tree_spec<std::uint64_t, std::string_view>&, std::uint64_t n) {
        return std::string(n % 100 == 7 ? 5000 : n % 150, static_cast<char>('a' + n % 26));
    }
    static std::int32_t key(const tree_spec<std::int32_t, point>&, std::uint64_t n) {
        return static_cast<std::int32_t>(n) - 500;
    }
    static point value(const tree_spec<std::int32_t, point>&, std::uint64_t n) {
        return {static_cast<double>(n) / 2, static_cast<std::int32_t>(n), 0};
    }
    using owned_city = std::tuple<std::string, std::string, std::uint32_t>;
    static owned_city key(const tree_spec<city, std::string_view>&, std::uint64_t n) {
        return {std::string(n % 3, '\0'), "c" + std::to_string(n % 7),
                static_cast<std::uint32_t>(n)};
    }
    static std::string value(const tree_spec<city, std::string_view>&, std::uint64_t n) {
        return std::to_string(n);
    }
};

// Arguments view what models own.
template <class T>
const T& argument(const T& value) {
    return value;
}
city argument(const numbered::owned_city& value) {
    return {std::get<0>(value), std::get<1>(value), std::get<2>(value)};
}

template <class Key, class Value>
auto model_of(const tree_spec<Key, Value>& spec, std::uint64_t count) {
    using key_type = decltype(numbered::key(spec, 0));
    using value_type = decltype(numbered::value(spec, 0));
    std::map<key_type, value_type> model;
    for (std::uint64_t n = 0; n < count; ++n) {
        model[numbered::key(spec, n)] = numbered::value(spec, n);
    }
    return model;
}

template <class Key, class Value, class Model>
void require_equal(const tree<Key, Value>& found, const Model& expected) {
    BOOST_TEST(found.size() == expected.size());
    auto next = expected.begin();
    for (const auto [key, value] : found) {
        BOOST_REQUIRE(next != expected.end());
        BOOST_TEST((key == argument(next->first)));
        BOOST_TEST((value == next->second));
        ++next;
    }
    BOOST_TEST((next == expected.end()));
    for (const auto [key, value] : found.all().reversed()) {
        BOOST_REQUIRE(next != expected.begin());
        --next;
        BOOST_TEST((key == argument(next->first)));
        BOOST_TEST((value == next->second));
    }
    BOOST_TEST((next == expected.begin()));
}

// Everything that reads, at each of `count` numbers, half of which are in the tree.
template <class Key, class Value, class Model>
void require_searches(const tree_spec<Key, Value>& spec, const tree<Key, Value>& found,
                      const Model& expected, std::uint64_t count) {
    for (std::uint64_t n = 0; n < count; n += 7) {
        BOOST_TEST_CONTEXT("number " << n) {
            const auto key = numbered::key(spec, n);
            const auto at = expected.find(key);
            const auto value = found.get(argument(key));
            BOOST_TEST(value.has_value() == (at != expected.end()));
            if (value && at != expected.end()) { BOOST_TEST((*value == at->second)); }
            BOOST_TEST(found.contains(argument(key)) == (at != expected.end()));

            const auto above = expected.lower_bound(key);
            const auto rank = static_cast<std::uint64_t>(std::distance(expected.begin(), above));
            BOOST_TEST(found.rank(argument(key)) == rank);
            const auto it = found.lower_bound(argument(key));
            BOOST_TEST((it == found.end()) == (above == expected.end()));
            const auto nth = found.nth(rank);
            BOOST_TEST(nth.has_value() == (above != expected.end()));
            if (above != expected.end() && nth) {
                BOOST_TEST((it->key == argument(above->first)));
                BOOST_TEST((nth->key == above->first));
                BOOST_TEST((nth->value == above->second));
            }
        }
    }
}

template <class Key, class Value>
void check_reading(const tree_spec<Key, Value>& spec) {
    constexpr std::uint64_t count = 1200;
    database_rig rig;
    auto model = model_of(spec, count);
    rig->update([&](write_transaction& tx) {
        auto t = tx.open(spec);
        for (const auto& entry : model) { t.put(argument(entry.first), entry.second); }
        for (std::uint64_t n = 0; n < count; n += 2) {
            BOOST_TEST(t.erase(argument(numbered::key(spec, n))));
            BOOST_TEST(!t.erase(argument(numbered::key(spec, n))));
            model.erase(numbered::key(spec, n));
        }
        require_equal(t, model);
        require_searches(spec, t, model, count);
    });
    rig.reopen();
    rig->view([&](const read_transaction& tx) {
        const auto t = tx.open(spec);
        require_equal(t, model);
        require_searches(spec, t, model, count);
        BOOST_TEST((t.min()->key == model.begin()->first));
        BOOST_TEST((t.max()->key == model.rbegin()->first));
        BOOST_TEST(!t.nth(model.size()).has_value());
    });
}

// Steps by hand.
template <class Tree>
std::string joined(const Tree& range) {
    std::string list;
    for (const auto [key, value] : range) {
        list += (list.empty() ? "" : " ") + std::string(key) + "=" + std::to_string(value);
    }
    return list;
}

void put_letters(database_rig& rig) {
    rig->update([](write_transaction& tx) {
        auto t = tx.open(users);
        std::uint64_t n = 0;
        for (const char* name : {"a", "ab", "abc", "b", "ba", "c"}) { t.put(name, ++n); }
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(numbers_to_numbers) { check_reading(squares); }
BOOST_AUTO_TEST_CASE(text_to_numbers) { check_reading(users); }
BOOST_AUTO_TEST_CASE(numbers_to_text) { check_reading(texts); }
BOOST_AUTO_TEST_CASE(signed_numbers_to_structs) { check_reading(points); }
BOOST_AUTO_TEST_CASE(tuples_to_text) { check_reading(cities); }

BOOST_AUTO_TEST_CASE(put_replaces_and_insert_refuses) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        auto t = tx.open(users);
        t.put("ann", 1);
        t.put("ann", 2);
        BOOST_TEST(!t.insert("ann", 3));
        BOOST_TEST(t.insert("bob", 4));
        BOOST_TEST(t.get("ann").value() == 2u);
        BOOST_TEST(t.size() == 2u);
        BOOST_TEST(!t.get("carl").has_value());
    });
    rig->view([](const read_transaction& tx) {
        BOOST_TEST(joined(tx.open(users).all()) == "ann=2 bob=4");
    });
}

BOOST_AUTO_TEST_CASE(an_empty_tree_has_nothing_anywhere) {
    database_rig rig;
    rig->update([](write_transaction& tx) { static_cast<void>(tx.open(users)); });
    rig->view([](const read_transaction& tx) {
        const auto t = tx.open(users);
        BOOST_TEST(t.empty());
        BOOST_TEST((t.begin() == t.end()));
        BOOST_TEST(!t.min().has_value());
        BOOST_TEST(!t.max().has_value());
        BOOST_TEST(t.count("a", "z") == 0u);
        BOOST_TEST(t.rank("m") == 0u);
        auto at = t.cursor();
        BOOST_TEST(!at.valid());
        BOOST_TEST(!at.first());
        BOOST_TEST(!at.last());
        BOOST_TEST(!at.seek("a"));
        BOOST_TEST(!at.seek_before("a"));
        BOOST_TEST(!at.seek_nth(0));
        BOOST_TEST(joined(t.all().reversed()).empty());
    });
}

BOOST_AUTO_TEST_CASE(ranges_are_half_open_in_both_directions) {
    database_rig rig;
    put_letters(rig);
    rig->view([](const read_transaction& tx) {
        const auto t = tx.open(users);
        struct row {
            const char* lo;
            const char* hi;
            const char* forward;
            const char* backward;
        };
        const row rows[]{
            {"a", "b", "a=1 ab=2 abc=3", "abc=3 ab=2 a=1"},
            {"aa", "ba", "ab=2 abc=3 b=4", "b=4 abc=3 ab=2"},
            {"", "zz", "a=1 ab=2 abc=3 b=4 ba=5 c=6", "c=6 ba=5 b=4 abc=3 ab=2 a=1"},
            {"c", "d", "c=6", "c=6"},
            {"d", "e", "", ""},
            {"", "a", "", ""},
            {"b", "b", "", ""},
            {"c", "a", "", ""},
        };
        for (const row& line : rows) {
            BOOST_TEST_CONTEXT("'" << line.lo << "' to '" << line.hi << "'") {
                const auto range = t.range(line.lo, line.hi);
                BOOST_TEST(joined(range) == line.forward);
                BOOST_TEST(joined(range.reversed()) == line.backward);
                BOOST_TEST(joined(range.reversed().reversed()) == line.forward);
                const auto entries = std::count(
                    line.forward, line.forward + std::string_view(line.forward).size(), '=');
                BOOST_TEST(range.count() == static_cast<std::uint64_t>(entries));
                BOOST_TEST(t.count(line.lo, line.hi) == range.count());
                BOOST_TEST(range.empty() == (entries == 0));
            }
        }
        BOOST_TEST(joined(t.from("b")) == "b=4 ba=5 c=6");
        BOOST_TEST(joined(t.until("b")) == "a=1 ab=2 abc=3");
        BOOST_TEST(joined(t.until("b").reversed()) == "abc=3 ab=2 a=1");
    });
}

BOOST_AUTO_TEST_CASE(prefixes_of_text) {
    database_rig rig;
    put_letters(rig);
    rig->update([](write_transaction& tx) {
        auto t = tx.open(users);
        t.put("\xff", 7);
        t.put("\xff\xff", 8);
    });
    rig->view([](const read_transaction& tx) {
        const auto t = tx.open(users);
        BOOST_TEST(joined(t.prefix("a")) == "a=1 ab=2 abc=3");
        BOOST_TEST(joined(t.prefix("ab")) == "ab=2 abc=3");
        BOOST_TEST(joined(t.prefix("ab").reversed()) == "abc=3 ab=2");
        BOOST_TEST(t.prefix("x").empty());
        BOOST_TEST(t.prefix("\xff").count() == 2u);
        BOOST_TEST(t.prefix("\xff\xff").count() == 1u);
        BOOST_TEST(t.prefix("").count() == 8u);
        BOOST_TEST(t.prefix(std::string(5000, 'a')).empty());
    });
}

BOOST_AUTO_TEST_CASE(prefixes_of_tuples_are_their_first_components) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        auto t = tx.open(cities);
        t.put({"de", "Ulm", 1}, "a");
        t.put({"de", "Ulm", 2}, "b");
        t.put({"de", "Ulmen", 1}, "c");
        t.put({"dex", "Ulm", 1}, "d");
        using wide = tree_spec<std::tuple<std::uint16_t, std::uint32_t>, int>;
        auto fixed = tx.open(wide{"fixed"});
        for (std::uint16_t i = 0; i < 300; ++i) { fixed.put({i, 7}, i); }
        fixed.put({0xffff, 7}, -1);
    });
    rig->view([](const read_transaction& tx) {
        const auto t = tx.open(cities);
        BOOST_TEST(t.prefix("de").count() == 3u);
        BOOST_TEST(t.prefix("de", "Ulm").count() == 2u);
        BOOST_TEST(t.prefix("d").count() == 0u);
        for (const auto [key, value] : t.prefix("dex")) {
            BOOST_TEST((key == city{"dex", "Ulm", 1}));
            BOOST_TEST(value == "d");
        }
        using wide = tree_spec<std::tuple<std::uint16_t, std::uint32_t>, int>;
        const auto fixed = tx.open(wide{"fixed"});
        BOOST_TEST(fixed.prefix(std::uint16_t{255}).count() == 1u);
        BOOST_TEST(fixed.prefix(std::uint16_t{0xffff}).count() == 1u);
        BOOST_TEST((*fixed.prefix(std::uint16_t{256}).begin()).value == 256);
    });
}

BOOST_AUTO_TEST_CASE(iterators_step_both_ways) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        auto t = tx.open(squares);
        for (std::uint64_t i = 0; i < 2000; ++i) { t.put(i, i * i); }
    });
    rig->view([](const read_transaction& tx) {
        const auto t = tx.open(squares);
        static_assert(std::bidirectional_iterator<tree<std::uint64_t, std::uint64_t>::iterator>);
        const auto range = t.range(100, 1900);
        auto it = range.end();
        for (std::uint64_t i = 1900; i-- > 100;) {
            --it;
            BOOST_TEST(it->key == i);
        }
        BOOST_TEST((it == range.begin()));
        auto copy = it++;
        BOOST_TEST(copy->key == 100u);
        BOOST_TEST(it->key == 101u);
        BOOST_TEST((--it == copy));
        std::advance(it, 1800);
        BOOST_TEST((it == range.end()));
        const auto found = std::find_if(range.begin(), range.end(),
                                        [](const auto& entry) { return entry.value > 40000; });
        BOOST_TEST(found->key == 201u);
        BOOST_TEST(std::distance(range.begin(), range.end()) == 1800);
        auto back = range.reversed().begin();
        BOOST_TEST(back->key == 1899u);
        ++back;
        --back;
        BOOST_TEST(back->value == 1899u * 1899u);
    });
}

BOOST_AUTO_TEST_CASE(cursors_seek_and_step) {
    database_rig rig;
    put_letters(rig);
    rig->view([](const read_transaction& tx) {
        const auto t = tx.open(users);
        auto at = t.cursor();
        BOOST_TEST(at.seek("aa"));
        BOOST_TEST(at.key() == "ab");
        BOOST_TEST(at.value() == 2u);
        const std::string copy = at.key_copy();
        BOOST_TEST(at.next());
        BOOST_TEST(at.key() == "abc");
        BOOST_TEST(copy == "ab");
        BOOST_TEST(at.previous());
        BOOST_TEST(at.key() == "ab");
        BOOST_TEST(at.seek_before("b"));
        BOOST_TEST(at.key() == "abc");
        BOOST_TEST(!at.seek_before("a"));
        BOOST_TEST(!at.seek("ca"));
        BOOST_TEST(at.last());
        BOOST_TEST(at.key() == "c");
        BOOST_TEST(!at.next());
        BOOST_TEST(!at.valid());
        BOOST_TEST(at.seek_nth(3));
        BOOST_TEST(at.key() == "b");
        BOOST_TEST(!at.seek_nth(6));
        BOOST_TEST(at.seek(""));
        BOOST_TEST(at.key() == "a");
        BOOST_TEST(!at.seek(std::string(100000, 'z')));
        BOOST_TEST(at.seek_before(std::string(100000, 'b')));
        BOOST_TEST(at.key() == "ba");
    });
}

BOOST_AUTO_TEST_CASE(a_cursor_goes_on_beside_changes) {
    for (const bool inserting : {false, true}) {
        BOOST_TEST_CONTEXT((inserting ? "erasing and inserting" : "erasing")) {
            database_rig rig;
            rig->update([&](write_transaction& tx) {
                auto t = tx.open(squares);
                for (std::uint64_t i = 0; i < 3000; ++i) { t.put(2 * i, i); }
                std::uint64_t seen = 0;
                auto at = t.cursor();
                for (bool more = at.first(); more; more = at.next()) {
                    const std::uint64_t key = at.key();
                    BOOST_TEST(key == 2 * seen);
                    BOOST_TEST(t.erase(key));
                    ++seen;
                    if (!inserting) { continue; }
                    t.put(key + 1, 0);
                    BOOST_TEST(at.next());
                    BOOST_TEST(at.key() == key + 1);
                }
                BOOST_TEST(seen == 3000u);
                BOOST_TEST(t.size() == (inserting ? 3000u : 0u));
            });
        }
    }
}

BOOST_AUTO_TEST_CASE(get_many_finds_what_get_finds) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        auto numbers = tx.open(squares);
        auto words = tx.open(users);
        auto places = tx.open(cities);
        for (std::uint64_t i = 0; i < 3000; i += 2) {
            numbers.put(i, i * i);
            words.put("user" + std::to_string(i), i);
            places.put({"de", "Ulm", static_cast<std::uint32_t>(i)}, std::to_string(i));
        }
    });
    rig.reopen();
    rig->view([](const read_transaction& tx) {
        for (const std::size_t count : {0u, 1u, 63u, 64u, 65u, 1000u}) {
            BOOST_TEST_CONTEXT(count << " keys") {
                std::vector<std::uint64_t> keys(count);
                std::mt19937_64 random(count);
                for (auto& key : keys) { key = random() % 3100; }
                std::vector<std::optional<std::uint64_t>> found(count, 77);
                tx.open(squares).get_many(keys, found);
                std::vector<std::string> names;
                for (const auto key : keys) { names.push_back("user" + std::to_string(key)); }
                const std::vector<std::string_view> words(names.begin(), names.end());
                std::vector<std::optional<std::uint64_t>> of_words(count);
                tx.open(users).get_many(words, of_words);
                std::vector<city> places;
                for (const auto key : keys) {
                    places.push_back({"de", "Ulm", static_cast<std::uint32_t>(key)});
                }
                std::vector<std::optional<std::string_view>> of_places(count);
                tx.open(cities).get_many(places, of_places);
                for (std::size_t i = 0; i < count; ++i) {
                    const bool there = keys[i] % 2 == 0 && keys[i] < 3000;
                    BOOST_TEST(found[i].has_value() == there);
                    BOOST_TEST(of_words[i].has_value() == there);
                    BOOST_TEST(of_places[i].has_value() == there);
                    if (!there) { continue; }
                    BOOST_TEST(*found[i] == keys[i] * keys[i]);
                    BOOST_TEST(*of_words[i] == keys[i]);
                    BOOST_TEST(*of_places[i] == std::to_string(keys[i]));
                }
            }
        }
        std::vector<std::uint64_t> keys(3);
        std::vector<std::optional<std::uint64_t>> few(2);
        BOOST_TEST(code_of([&] { tx.open(squares).get_many(keys, few); }) == errc::misuse);
        std::vector<std::string_view> long_key{"user2", std::string_view()};
        const std::string monster(9999, 'x');
        long_key[1] = monster;
        std::vector<std::optional<std::uint64_t>> found(2);
        tx.open(users).get_many(long_key, found);
        BOOST_TEST(found[0].value() == 2u);
        BOOST_TEST(!found[1].has_value());
        tx.open(users).prefetch(long_key);
    });
}

BOOST_AUTO_TEST_CASE(prefetch_changes_nothing_that_is_seen) {
    database_rig rig;
    std::vector<std::uint64_t> keys;
    for (std::uint64_t i = 0; i < 3000; i += 2) { keys.push_back(i); }
    rig->update([&](write_transaction& tx) {
        auto t = tx.open(squares);
        t.prefetch(keys);  // of an empty tree
        for (const std::uint64_t key : keys) { t.put(key, key * key); }
    });
    rig.reopen();
    rig->update([&](write_transaction& tx) {
        auto t = tx.open(squares);
        const std::uint64_t before = rig->statistics().pool.prefetches;
        t.prefetch(keys);
        BOOST_TEST(rig->statistics().pool.prefetches > before);
        for (const std::uint64_t key : keys) {
            t.put(key, key);
            t.put(key + 1, key);
        }
        t.prefetch(keys);  // of private pages
        t.prefetch({});
        BOOST_TEST(t.get(8).value() == 8u);
    });
    rig.reopen();
    rig->view([](const read_transaction& tx) { BOOST_TEST(tx.open(squares).size() == 3000u); });
}

BOOST_AUTO_TEST_CASE(erase_range_erases_what_range_shows) {
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            database_rig rig;
            std::mt19937_64 random(seed);
            std::map<std::uint64_t, std::uint64_t> model;
            rig->update([&](write_transaction& tx) {
                auto t = tx.open(squares);
                for (int i = 0; i < 4000; ++i) {
                    const std::uint64_t key = random() % 10000;
                    t.put(key, key);
                    model[key] = key;
                }
                for (int i = 0; i < 20; ++i) {
                    const std::uint64_t lo = random() % 10000;
                    const std::uint64_t hi = lo + random() % 600;
                    const std::uint64_t expected = t.count(lo, hi);
                    BOOST_TEST(t.erase_range(lo, hi) == expected);
                    model.erase(model.lower_bound(lo), model.lower_bound(hi));
                    BOOST_TEST(t.size() == model.size());
                }
                BOOST_TEST(t.erase_range(500, 400) == 0u);
                require_equal(t, model);
            });
            rig->update([&](write_transaction& tx) {
                BOOST_TEST(tx.open(squares).clear() == model.size());
                BOOST_TEST(tx.open(squares).empty());
            });
        }
    }
}

BOOST_AUTO_TEST_CASE(large_values_are_one_view) {
    database_rig rig;
    std::string large(3 * 1024 * 1024, '\0');
    std::mt19937_64 random(5);
    for (char& letter : large) { letter = static_cast<char>(random()); }
    rig->update([&](write_transaction& tx) {
        auto t = tx.open(texts);
        t.put(1, large);
        t.put(2, "small");
        BOOST_TEST((t.get(1).value() == large));
    });
    rig.reopen();
    rig->view([&](const read_transaction& tx) {
        const auto t = tx.open(texts);
        BOOST_TEST((t.get(1).value() == large));
        BOOST_TEST((t.begin()->value == large));
        BOOST_TEST(t.raw().cursor().seek_nth(0));
        BOOST_TEST(t.get(2).value() == "small");
    });
    rig->update([&](write_transaction& tx) {
        auto t = tx.open(texts);
        t.put(1, "now small");
        BOOST_TEST(t.get(1).value() == "now small");
    });
}

BOOST_AUTO_TEST_CASE(streams_carry_values_of_every_length) {
    for (const std::size_t length : {0u, 1u, 900u, 1016u, 1017u, 4096u, 4097u, 100000u}) {
        BOOST_TEST_CONTEXT(length << " bytes") {
            database_rig rig;
            std::string text(length, '\0');
            std::iota(text.begin(), text.end(), '\0');
            rig->update([&](write_transaction& tx) {
                auto t = tx.open(texts);
                auto writer = t.put_stream(7, length);
                for (std::size_t at = 0; at < length; at += 777) {
                    writer.write(as_bytes(std::string_view(text).substr(at, 777)));
                }
                BOOST_TEST(!t.contains(7));
                BOOST_TEST(writer.written() == length);
                writer.finish();
                BOOST_TEST((t.get(7).value() == text));
            });
            rig.reopen();
            rig->view([&](const read_transaction& tx) {
                const auto t = tx.open(texts);
                BOOST_TEST(!t.get_stream(8).has_value());
                auto reader = t.get_stream(7).value();
                BOOST_TEST(reader.length() == length);
                std::string found;
                std::array<std::byte, 1000> part;
                while (const std::size_t taken = reader.read(part)) {
                    found += as_text(bytes(part).first(taken));
                }
                BOOST_TEST((found == text));
                reader.seek(length / 2);
                const std::size_t taken = reader.read(part);
                BOOST_TEST((as_text(bytes(part).first(taken)) ==
                            std::string_view(text).substr(length / 2, taken)));
                reader.seek(length + 10);
                BOOST_TEST(reader.read(part) == 0u);
                auto at = t.raw().cursor();
                BOOST_TEST(at.first());
                BOOST_TEST(at.value_length() == length);
            });
        }
    }
}

BOOST_AUTO_TEST_CASE(an_unfinished_stream_leaves_nothing_behind) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        auto t = tx.open(texts);
        t.put(1, "one");
        auto writer = t.put_stream(1, 100000);
        writer.write(as_bytes(std::string(50000, 'x')));
        auto moved = std::move(writer);
        moved.write(as_bytes(std::string(10, 'y')));
    });
    rig->view(
        [](const read_transaction& tx) { BOOST_TEST(tx.open(texts).get(1).value() == "one"); });
}

BOOST_AUTO_TEST_CASE(sorted_entries_are_loaded) {
    for (const std::size_t count : {0u, 1u, 100u, 20000u}) {
        for (const double fill : {0.5, 0.9, 1.0}) {
            BOOST_TEST_CONTEXT(count << " entries, fill " << fill) {
                database_rig rig;
                std::map<std::uint64_t, std::uint64_t> numbers;
                std::map<std::string, std::uint64_t> words;
                for (std::uint64_t i = 0; i < count; ++i) {
                    numbers[i * 3] = i;
                    words["w" + std::to_string(i)] = i;
                }
                rig->update([&](write_transaction& tx) {
                    BOOST_TEST(tx.open(squares).load(numbers, fill) == count);
                    BOOST_TEST(tx.open(users).load(words) == count);
                    BOOST_TEST(tx.open(squares).size() == count);
                });
                rig.reopen();
                rig->view([&](const read_transaction& tx) {
                    require_equal(tx.open(squares), numbers);
                    require_equal(tx.open(users), words);
                });
                rig->update([&](write_transaction& tx) {
                    auto t = tx.open(squares);
                    for (std::uint64_t i = 0; i < 200; ++i) { t.put(i * 3 + 1, i); }
                });
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_load_that_is_not_finished_leaves_an_empty_tree) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        auto t = tx.open(squares);
        {
            auto loader = t.raw().begin_load();
            pinyon::key_buffer room;
            const std::uint64_t value = 1;
            for (std::uint64_t i = 0; i < 5000; ++i) {
                loader.append(pinyon::key_codec<std::uint64_t>::encode(i, room),
                              std::as_bytes(std::span(&value, 1)));
            }
        }
        BOOST_TEST(t.empty());
        t.put(1, 1);
    });
    rig->view([](const read_transaction& tx) { BOOST_TEST(tx.open(squares).size() == 1u); });
}

BOOST_AUTO_TEST_CASE(a_load_out_of_order_leaves_an_empty_tree) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        auto t = tx.open(texts);
        std::vector<std::pair<std::uint64_t, std::string>> entries;
        for (std::uint64_t i = 0; i < 3000; ++i) { entries.emplace_back(i, std::string(i, 'x')); }
        entries.emplace_back(5, "out of order");
        BOOST_TEST(code_of([&] { t.load(entries); }) == errc::misuse);
        BOOST_TEST(t.empty());
        entries.pop_back();
        BOOST_TEST(t.load(entries) == 3000u);
    });
    rig->view([](const read_transaction& tx) { BOOST_TEST(tx.open(texts).size() == 3000u); });
}

BOOST_AUTO_TEST_CASE(raw_trees_count_and_rank_with_bounds_of_any_length) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        auto t = tx.open(squares);
        for (std::uint64_t i = 0; i < 600; ++i) { t.put(i, i); }
        t.put(~std::uint64_t{0}, 1);
    });
    rig->view([](const read_transaction& tx) {
        const auto t = tx.open_raw("squares");
        BOOST_TEST(t.size() == 601u);
        BOOST_TEST(t.rank(as_bytes("")) == 0u);
        BOOST_TEST(t.rank(as_bytes("\0\0\0\0\0\0\1"s)) == 256u);
        BOOST_TEST(t.rank(as_bytes("\0\0\0\0\0\0\1\0"s)) == 256u);
        BOOST_TEST(t.rank(as_bytes("\0\0\0\0\0\0\1\0\0"s)) == 257u);
        BOOST_TEST(t.rank(as_bytes("\xff")) == 600u);
        BOOST_TEST(t.rank(as_bytes(std::string(9, '\xff'))) == 601u);
        BOOST_TEST(t.count(std::nullopt, std::nullopt) == 601u);
        BOOST_TEST(t.count(as_bytes("\1"), std::nullopt) == 1u);
        auto at = t.cursor();
        BOOST_TEST(!at.seek(as_bytes(std::string(9, '\xff'))));
        BOOST_TEST(at.seek_before(as_bytes(std::string(9, '\xff'))));
        BOOST_TEST(as_text(at.key()) == std::string(8, '\xff'));
    });
    rig->update([](write_transaction& tx) {
        auto t = tx.open_raw("squares");
        BOOST_TEST(t.erase(as_bytes("\0\0\0\0\0\0\1"s), std::nullopt) == 345u);
        BOOST_TEST(t.size() == 256u);
    });
}

BOOST_AUTO_TEST_CASE(raw_trees_take_any_bytes) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        auto t = tx.open_raw("raw");
        t.put(as_bytes(""), as_bytes(""));
        t.put(as_bytes("\0"s), as_bytes("zero"));
        t.put(as_bytes(std::string(512, '\xff')), as_bytes("longest"));
    });
    rig.reopen();
    rig->view([](const read_transaction& tx) {
        const auto raw = tx.open_raw("raw");
        const tree<bytes, bytes> t(raw);
        BOOST_TEST(t.size() == 3u);
        BOOST_TEST(as_text(t.get(as_bytes("")).value()).empty());
        BOOST_TEST(as_text(t.get(as_bytes("\0"s)).value()) == "zero");
        BOOST_TEST(as_text(t.get(as_bytes(std::string(512, '\xff'))).value()) == "longest");
        BOOST_TEST(!t.get(as_bytes(std::string(513, '\xff'))).has_value());
        BOOST_TEST(t.rank(as_bytes(std::string(513, '\xff'))) == 3u);
        BOOST_TEST(t.prefix(as_bytes("\xff")).count() == 1u);
        BOOST_TEST((raw.types() == pinyon::raw_types()));
        BOOST_TEST(raw.name() == "raw");
    });
}

BOOST_AUTO_TEST_CASE(trees_of_a_minimum_degree) {
    database_rig rig;
    constexpr tree_spec<std::uint64_t, std::uint64_t> textbook{"textbook", {2}};
    rig->update([&](write_transaction& tx) {
        auto t = tx.open(textbook);
        for (std::uint64_t i = 0; i < 1000; ++i) { t.put(i * 7919 % 1000, i); }
        for (std::uint64_t i = 0; i < 1000; i += 3) { t.erase(i); }
    });
    rig.reopen();
    rig->view([&](const read_transaction& tx) {
        BOOST_TEST(tx.open(textbook).size() == 666u);
        BOOST_TEST(tx.trees().front().minimum_degree == 2u);
        BOOST_TEST(tx.trees().front().height >= 5u);
    });
}

BOOST_AUTO_TEST_CASE(values_of_wide_structs_go_to_extents) {
    using wide = std::array<std::uint64_t, 300>;
    constexpr tree_spec<std::uint32_t, wide> spec{"wide"};
    database_rig rig;
    wide value{};
    std::iota(value.begin(), value.end(), 0);
    rig->update([&](write_transaction& tx) {
        auto t = tx.open(spec);
        for (std::uint32_t i = 0; i < 50; ++i) { t.put(i, value); }
    });
    rig.reopen();
    rig->view([&](const read_transaction& tx) {
        const auto t = tx.open(spec);
        BOOST_TEST((t.get(49).value() == value));
        BOOST_TEST(tx.trees().front().holds_extents);
    });
}

BOOST_AUTO_TEST_CASE(values_are_shown_in_place) {
    constexpr tree_spec<std::int32_t, pinyon::in_place<point>> shown{"points"};
    database_rig rig;
    rig->update([&](write_transaction& tx) {
        auto t = tx.open(shown);
        for (std::int32_t i = -500; i < 500; ++i) { t.put(i, point{i / 2.0, i, 0}); }
    });
    rig->update([&](write_transaction& tx) { tx.open(points).put(7, point{0.5, 77, 0}); });
    rig.reopen();
    const read_transaction tx = rig->begin_read();
    const auto t = tx.open(shown);
    BOOST_TEST(!t.get(500).has_value());
    BOOST_TEST((**t.get(7) == point{0.5, 77, 0}));
    BOOST_TEST((*t.get(-500))->tag == -500);
    // Where it lies: the same address each time.
    BOOST_TEST(&**t.get(3) == &**t.get(3));
    const std::array<std::int32_t, 3> keys{-1, 1000, 1};
    std::array<std::optional<pinyon::in_place<point>>, 3> found;
    t.get_many(keys, found);
    BOOST_TEST((*found[0])->tag == -1);
    BOOST_TEST(!found[1].has_value());
    BOOST_TEST((*found[2])->tag == 1);
    std::int32_t next = -500;
    for (const auto [key, value] : t) {
        BOOST_TEST(key == next);
        BOOST_TEST(value->tag == (next == 7 ? 77 : next));
        ++next;
    }
    BOOST_TEST(next == 500);
}

BOOST_AUTO_TEST_CASE(values_beside_text_cannot_be_shown_in_place) {
    constexpr tree_spec<std::string_view, point> spec{"text"};
    constexpr tree_spec<std::string_view, pinyon::in_place<point>> shown{"text"};
    database_rig rig;
    rig->update([&](write_transaction& tx) {
        for (const char* name : {"a", "bc", "def", "ghij"}) { tx.open(spec).put(name, point{}); }
    });
    const read_transaction tx = rig->begin_read();
    unsigned refused = 0;
    for (const char* name : {"a", "bc", "def", "ghij"}) {
        BOOST_TEST(tx.open(spec).get(name).has_value());
        try {
            BOOST_TEST((**tx.open(shown).get(name) == point{}));
        } catch (const pinyon::error& failure) {
            BOOST_TEST(failure.kind() == errc::misuse);
            ++refused;
        }
    }
    BOOST_TEST(refused != 0u);
}

BOOST_AUTO_TEST_CASE(snapshots_keep_what_they_saw) {
    database_rig rig;
    put_letters(rig);
    const read_transaction before = rig->begin_read();
    const auto old = before.open(users);
    const auto range = old.range("a", "c");
    rig->update([](write_transaction& tx) {
        auto t = tx.open(users);
        t.put("aa", 100);
        t.erase("b");
    });
    BOOST_TEST(joined(range) == "a=1 ab=2 abc=3 b=4 ba=5");
    BOOST_TEST(old.size() == 6u);
    rig->view([](const read_transaction& tx) {
        BOOST_TEST(joined(tx.open(users).range("a", "c")) == "a=1 aa=100 ab=2 abc=3 ba=5");
    });
}
