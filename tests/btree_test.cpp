// The B+tree in both layouts and both page sizes: against std::map, and in the situations that a
// random workload may miss.
#define BOOST_TEST_MODULE btree
#include <boost/test/unit_test.hpp>

#include <iterator>
#include <string>
#include <vector>

#include "support/errors.hpp"
#include "support/store_rig.hpp"

using namespace pinyon;
using namespace pinyon::test;

namespace {

// How keys and values of a workload are made.
struct shape {
    const char* name;
    node_schema schema;
    std::string (*key)(std::uint64_t);
    std::size_t value_min;
    std::size_t value_max;
};

std::string number_key(std::uint64_t n) { return key_of(n * 0x9e3779b97f4a7c15u); }
std::string wide_key(std::uint64_t n) { return key_of(n * 0x9e3779b97f4a7c15u) + key_of(n, 5); }
std::string word_key(std::uint64_t n) {
    return std::to_string(n * 7919) + std::string(n % 13, 'x');
}
// Keys that are prefixes of others: an incoming key may be the very separator of the split it
// causes.
std::string nested_key(std::uint64_t n) {
    std::string key;
    for (std::uint64_t mixed = n * 0x9e3779b97f4a7c15u >> 48; mixed > 1; mixed >>= 1) {
        key += mixed % 2 == 0 ? 'a' : 'b';
    }
    return key.substr(0, n % 14);
}
// Long keys that share long prefixes: separators of hundreds of bytes, few entries in an inner
// node.
std::string long_key(std::uint64_t n) {
    const std::uint64_t mixed = n * 0x9e3779b97f4a7c15u >> 40;
    return std::string(3 + mixed % 5 * 90, static_cast<char>('a' + mixed % 3)) + key_of(mixed, 3) +
           std::string(mixed % 7 * 20, 'z');
}
std::string longest_key(std::uint64_t n) {
    return std::string(508, 'k') + key_of(n * 40503 % 65536, 4);
}

std::vector<shape> shapes() {
    std::vector<shape> all;
    for (const std::uint32_t page : {4096U, 16384U}) {
        all.push_back({"fixed 8/8", fixed_schema(page), number_key, 8, 8});
        all.push_back({"fixed 13/100", fixed_schema(page, 13, 100), wide_key, 100, 100});
        all.push_back({"words", slotted_schema(page), word_key, 0, 120});
        all.push_back({"nested words", slotted_schema(page), nested_key, 0, 500});
        all.push_back({"long keys", slotted_schema(page), long_key, 0, 300});
        all.push_back({"longest keys", slotted_schema(page), longest_key, 0, 400});
    }
    all.push_back({"large values", slotted_schema(), word_key, 0, 6000});
    return all;
}

std::string some_value(const shape& of, random_numbers& random) {
    const std::size_t size = of.value_min + random.below(of.value_max - of.value_min + 1);
    std::string value(size, '\0');
    for (char& each : value) { each = static_cast<char>(random()); }
    return value;
}

// One random change of `rig` and of `expected`, or a look at both.
void random_step(store_rig& rig, model& expected, const shape& of, random_numbers& random,
                 std::uint64_t keys, unsigned erase_percent) {
    const std::string key = of.key(random.below(keys));
    const std::uint64_t dice = random.below(100);
    if (dice < erase_percent) {
        BOOST_TEST(rig.erase(key) == (expected.erase(key) != 0));
    } else if (dice < erase_percent + 8) {
        const std::string value = some_value(of, random);
        BOOST_TEST(rig.put(key, value, put_mode::insert_only) ==
                   expected.emplace(key, value).second);
    } else if (dice < erase_percent + 16) {
        const auto found = expected.find(key);
        BOOST_TEST((rig.get(key) ==
                    (found == expected.end() ? std::nullopt : std::optional(found->second))));
    } else {
        const std::string value = some_value(of, random);
        BOOST_TEST(rig.put(key, value));
        expected[key] = value;
    }
}

std::uint64_t model_rank(const model& content, const std::string& key) {
    return static_cast<std::uint64_t>(std::distance(content.begin(), content.lower_bound(key)));
}

}  // namespace

BOOST_AUTO_TEST_CASE(random_changes_match_a_map) {
    for (const shape& of : shapes()) {
        BOOST_TEST_CONTEXT(of.name << ", page " << of.schema.page_bytes << ", seed 1") {
            store_rig rig(of.schema);
            random_numbers random(1);
            model expected;
            // Grows, stays, shrinks to nothing.
            const unsigned erase_percent[] = {10, 10, 10, 40, 40, 70, 84, 84};
            for (const unsigned percent : erase_percent) {
                rig.begin();
                for (unsigned i = 0; i < 400; ++i) {
                    random_step(rig, expected, of, random, 900, percent);
                }
                rig.commit();
                rig.require(expected);
                rig.cool();
            }
            rig.begin();
            while (!expected.empty()) {
                BOOST_TEST(rig.erase(expected.begin()->first));
                expected.erase(expected.begin());
            }
            rig.commit();
            rig.require({});
            BOOST_TEST(rig.tree.root.level == 0U);
        }
    }
}

BOOST_AUTO_TEST_CASE(random_changes_match_a_map_without_a_pool) {
    for (const shape& of : shapes()) {
        BOOST_TEST_CONTEXT(of.name << ", page " << of.schema.page_bytes << ", seed 2") {
            store_rig rig(of.schema, 0);
            random_numbers random(2);
            model expected;
            for (const unsigned percent : {10U, 40U, 80U}) {
                rig.begin();
                for (unsigned i = 0; i < 800; ++i) {
                    random_step(rig, expected, of, random, 600, percent);
                }
                rig.commit();
                rig.require(expected);
                rig.cool();
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(orders_of_insertion_and_deletion) {
    struct order {
        const char* name;
        std::uint64_t (*at)(std::uint64_t, std::uint64_t);
    };
    const order orders[] = {
        {"ascending", [](std::uint64_t i, std::uint64_t) { return i; }},
        {"descending", [](std::uint64_t i, std::uint64_t n) { return n - 1 - i; }},
        {"from the middle",
         [](std::uint64_t i, std::uint64_t n) {
             return i % 2 == 0 ? n / 2 + i / 2 : n / 2 - 1 - i / 2;
         }},
    };
    constexpr std::uint64_t count = 3000;
    for (const node_schema& schema :
         {fixed_schema(), slotted_schema(), fixed_schema(4096, 8, 8, 3)}) {
        for (const order& in : orders) {
            for (const order& out : orders) {
                BOOST_TEST_CONTEXT("in " << in.name << ", out " << out.name) {
                    store_rig rig(schema);
                    rig.begin();
                    for (std::uint64_t i = 0; i < count; ++i) {
                        rig.put(key_of(in.at(i, count)), key_of(i));
                    }
                    rig.commit();
                    BOOST_TEST(rig.validate().size() == count);
                    rig.begin();
                    for (std::uint64_t i = 0; i < count / 2; ++i) {
                        BOOST_TEST(rig.erase(key_of(out.at(i, count))));
                    }
                    BOOST_TEST(!rig.erase(key_of(out.at(0, count))));
                    rig.commit();
                    BOOST_TEST(rig.validate().size() == count - count / 2);
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(ascending_inserts_fill_their_pages) {
    for (const node_schema& schema : {fixed_schema(), slotted_schema()}) {
        store_rig rig(schema);
        rig.begin();
        constexpr std::uint64_t count = 20'000;
        for (std::uint64_t i = 0; i < count; ++i) { rig.put(key_of(i), key_of(i)); }
        rig.commit();
        const std::uint64_t used = rig.store->space().page_count() -
                                   rig.store->space().free_pages() -
                                   rig.store->space().held_pages();
        BOOST_TEST(used * 4096 < count * 16 * 18 / 10);
    }
}

BOOST_AUTO_TEST_CASE(root_splits_and_shrinks) {
    store_rig rig(fixed_schema(4096, 8, 8, 2));
    rig.begin();
    for (std::uint64_t i = 0; i < 3; ++i) { rig.put(key_of(i), key_of(i)); }
    BOOST_TEST(rig.tree.root.level == 0U);
    rig.put(key_of(3), key_of(3));
    BOOST_TEST(rig.tree.root.level == 1U);
    BOOST_TEST(rig.tree.root.count == 4U);
    for (std::uint64_t i = 0; i < 3; ++i) { BOOST_TEST(rig.erase(key_of(i))); }
    BOOST_TEST(rig.tree.root.level == 0U);
    BOOST_TEST((rig.get(key_of(3)) == key_of(3)));
    rig.commit();
    rig.require({{key_of(3), key_of(3)}});
}

BOOST_AUTO_TEST_CASE(refused_changes_change_nothing) {
    for (const node_schema& schema : {fixed_schema(), slotted_schema()}) {
        store_rig rig(schema);
        rig.begin();
        rig.put(key_of(1), key_of(10));
        rig.commit();
        const tree_state before = rig.tree;
        rig.begin();
        BOOST_TEST(!rig.put(key_of(1), key_of(11), put_mode::insert_only));
        BOOST_TEST(!rig.erase(key_of(2)));
        BOOST_TEST(erase_range(*rig.store, rig.tree, as_bytes(key_of(2)), std::nullopt) == 0U);
        BOOST_TEST(rig.tree.changes == before.changes);
        BOOST_TEST(rig.tree.root.page == before.root.page);
        BOOST_TEST(rig.tree.root.checksum == before.root.checksum);
        rig.commit();
        rig.require({{key_of(1), key_of(10)}});
    }
}

BOOST_AUTO_TEST_CASE(arguments_are_checked_before_any_change) {
    store_rig fixed(fixed_schema());
    store_rig slotted(slotted_schema());
    fixed.begin();
    slotted.begin();
    const std::uint64_t changes[] = {fixed.tree.changes, slotted.tree.changes};
    BOOST_TEST(code_of([&] { fixed.put("seven b", key_of(1)); }) == errc::type_mismatch);
    BOOST_TEST(code_of([&] { fixed.put(key_of(1), "short"); }) == errc::type_mismatch);
    BOOST_TEST(code_of([&] { put_extent(*fixed.store, fixed.tree, as_bytes(key_of(1)), {}); }) ==
               errc::type_mismatch);
    BOOST_TEST(code_of([&] { slotted.put(std::string(513, 'k'), ""); }) == errc::key_too_long);
    BOOST_TEST(slotted.put(std::string(512, 'k'), "fits"));
    BOOST_TEST(!slotted.erase(std::string(600, 'k')));
    BOOST_TEST(!fixed.get("short").has_value());
    BOOST_TEST(!slotted.get(std::string(6000, 'k')).has_value());
    BOOST_TEST(fixed.tree.changes == changes[0]);
    BOOST_TEST(slotted.tree.changes == changes[1] + 1);
}

BOOST_AUTO_TEST_CASE(empty_keys_and_values_are_entries) {
    store_rig rig(slotted_schema());
    rig.begin();
    rig.put("", "empty key");
    rig.put("empty value", "");
    rig.commit();
    rig.require({{"", "empty key"}, {"empty value", ""}});
    rig.begin();
    BOOST_TEST(rig.erase(""));
    rig.commit();
    rig.require({{"empty value", ""}});
}

BOOST_AUTO_TEST_CASE(values_may_be_views_of_the_tree) {
    store_rig rig(slotted_schema());
    rig.begin();
    rig.put("a", std::string(700, 'v'));
    for (unsigned i = 0; i < 200; ++i) {
        const auto value = find(*rig.store, rig.tree, as_bytes("a"));
        BOOST_REQUIRE(value.has_value());
        put(*rig.store, rig.tree, as_bytes("b" + std::to_string(i)), *value, put_mode::insert_only);
    }
    rig.commit();
    for (const auto& [key, value] : rig.validate()) {
        BOOST_TEST((value == std::string(700, 'v')), "at " << key);
    }
}

BOOST_AUTO_TEST_CASE(replacing_with_other_lengths_splits_and_refills) {
    store_rig rig(slotted_schema());
    model expected;
    rig.begin();
    for (std::uint64_t i = 0; i < 400; ++i) { rig.put(key_of(i), expected[key_of(i)] = "small"); }
    rig.commit();
    for (const std::size_t size : {900U, 0U, 300U, 3U}) {
        rig.begin();
        for (std::uint64_t i = 0; i < 400; ++i) {
            rig.put(key_of(i * 7 % 400), expected[key_of(i * 7 % 400)] = std::string(size, 'r'));
        }
        rig.commit();
        rig.require(expected);
    }
    BOOST_TEST(rig.store->space().free_pages() + rig.store->space().held_pages() > 0U);
}

// Deleting moves entries between leaves whose keys share hundreds of bytes, and the separators that
// were short become long: the parent has no room for one, and is split by an erase.
BOOST_AUTO_TEST_CASE(erasing_can_split_an_ancestor) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
        for (const std::uint64_t group : {3U, 6U, 20U}) {
            BOOST_TEST_CONTEXT("seed " << seed << ", group " << group) {
                store_rig rig(slotted_schema());
                random_numbers random(seed);
                model expected;
                rig.begin();
                for (std::uint64_t i = 0; i < 6000; ++i) {
                    const std::uint64_t n = random.below(1500);
                    const std::string key = key_of(n / group * 40503 % 65536, 2) +
                                            std::string(480, 'p') + key_of(n % group, 1);
                    if (random.below(100) < (i / 1000 % 2 == 0 ? 35U : 65U)) {
                        BOOST_TEST(rig.erase(key) == (expected.erase(key) != 0));
                    } else {
                        rig.put(key, expected[key] =
                                         std::string(random.below(i % 3 == 0 ? 440 : 20), 'v'));
                    }
                }
                rig.commit();
                rig.require(expected);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(ranges_are_erased) {
    for (const node_schema& schema : {fixed_schema(), slotted_schema(), fixed_schema(4096, 8, 8, 2),
                                      fixed_schema(4096, 8, 8, 32)}) {
        BOOST_TEST_CONTEXT("layout " << int(schema.layout) << ", t " << schema.minimum_degree
                                     << ", seed 3") {
            random_numbers random(3);
            for (unsigned round = 0; round < 12; ++round) {
                store_rig rig(schema);
                model expected;
                rig.begin();
                for (std::uint64_t i = 0; i < 1500; ++i) {
                    rig.put(key_of(i * 2), expected[key_of(i * 2)] = key_of(i));
                }
                for (unsigned i = 0; i < 4; ++i) {
                    const std::uint64_t from = random.below(3000);
                    const std::uint64_t to = from + random.below(i == 3 ? 4000 : 300);
                    std::optional<std::string> lo = key_of(from);
                    std::optional<std::string> hi = key_of(to);
                    if (round % 4 == 1) { lo.reset(); }
                    if (round % 4 == 2 && i == 3) { hi.reset(); }
                    const auto first = lo ? expected.lower_bound(*lo) : expected.begin();
                    const auto last = hi ? expected.lower_bound(*hi) : expected.end();
                    const auto gone = static_cast<std::uint64_t>(std::distance(first, last));
                    BOOST_TEST(erase_range(*rig.store, rig.tree,
                                           lo ? std::optional(as_bytes(*lo)) : std::nullopt,
                                           hi ? std::optional(as_bytes(*hi)) : std::nullopt) ==
                               gone);
                    expected.erase(first, last);
                }
                rig.commit();
                rig.require(expected);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(bounds_of_any_length_are_accepted) {
    for (const node_schema& schema : {fixed_schema(), slotted_schema(), slotted_schema(32768)}) {
        store_rig rig(schema);
        rig.begin();
        for (std::uint64_t i = 0; i < 100; ++i) { rig.put(key_of(i << 32), key_of(i)); }
        const std::string past_fifty = key_of(50ULL << 32) + std::string(9000, 'x');
        BOOST_TEST(rank(*rig.store, rig.tree, as_bytes(past_fifty)) == 51U);
        BOOST_TEST(rank(*rig.store, rig.tree, as_bytes(key_of(50ULL << 32).substr(0, 4))) == 50U);
        BOOST_TEST(rank(*rig.store, rig.tree, {}) == 0U);
        BOOST_TEST(erase_range(*rig.store, rig.tree, as_bytes(past_fifty), std::nullopt) == 49U);
        BOOST_TEST(erase_range(*rig.store, rig.tree, std::nullopt, as_bytes(past_fifty)) == 51U);
        rig.commit();
        rig.require({});
    }
}

BOOST_AUTO_TEST_CASE(ranks_and_get_many_match_a_map) {
    for (const shape& of : shapes()) {
        BOOST_TEST_CONTEXT(of.name << ", page " << of.schema.page_bytes << ", seed 5") {
            store_rig rig(of.schema);
            random_numbers random(5);
            model expected;
            rig.begin();
            for (unsigned i = 0; i < 700; ++i) { random_step(rig, expected, of, random, 1500, 5); }
            rig.commit();
            rig.cool();
            std::vector<std::string> keys;
            for (std::uint64_t i = 0; i < 1000; ++i) { keys.push_back(of.key(random.below(1500))); }
            std::vector<bytes> wanted;
            for (const std::string& key : keys) { wanted.push_back(as_bytes(key)); }
            std::vector<std::optional<bytes>> found(keys.size());
            get_many(*rig.store, rig.tree, wanted, found);
            for (std::size_t i = 0; i < keys.size(); ++i) {
                const auto at = expected.find(keys[i]);
                BOOST_TEST(found[i].has_value() == (at != expected.end()));
                if (found[i]) { BOOST_TEST((text_of(*found[i]) == at->second)); }
                if (i % 10 == 0) {
                    BOOST_TEST(rank(*rig.store, rig.tree, wanted[i]) ==
                               model_rank(expected, keys[i]));
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(prefetch_asks_for_leaves_that_are_not_there) {
    for (const node_schema& schema : {fixed_schema(), slotted_schema()}) {
        store_rig rig(schema, std::uint64_t{64} * 4096);
        rig.begin();
        for (std::uint64_t i = 0; i < 20'000; ++i) { rig.put(key_of(i), key_of(i)); }
        rig.commit();
        rig.cool();
        std::vector<std::string> keys;
        for (std::uint64_t i = 0; i < 20'000; i += 500) { keys.push_back(key_of(i)); }
        std::vector<bytes> wanted;
        for (const std::string& key : keys) { wanted.push_back(as_bytes(key)); }
        const auto asked = [&] {
            const std::uint64_t before = rig.source->statistics().prefetches;
            prefetch(*rig.store, rig.tree, wanted);
            return rig.source->statistics().prefetches - before;
        };
        BOOST_TEST(asked() == keys.size());
        BOOST_TEST(rig.get(keys[7]).value() == keys[7]);
        BOOST_TEST(asked() == keys.size() - 1);  // that leaf is there
        wanted.clear();
        BOOST_TEST(asked() == 0u);
    }
}

BOOST_AUTO_TEST_CASE(get_many_checks_its_room) {
    store_rig rig(fixed_schema());
    const std::string key = key_of(1);
    const bytes wanted[] = {as_bytes(key)};
    BOOST_TEST(code_of([&] { get_many(*rig.store, rig.tree, wanted, {}); }) == errc::misuse);
}

BOOST_AUTO_TEST_CASE(dropping_gives_all_pages_back) {
    for (const std::size_t value_bytes : {20U, 5000U}) {
        store_rig rig(slotted_schema());
        rig.begin();
        for (std::uint64_t i = 0; i < 2000; ++i) {
            rig.put(key_of(i), std::string(i % 10 == 0 ? value_bytes : 8, 'v'));
        }
        rig.commit();
        rig.begin();
        rig.put(key_of(5), "changed in the transaction that drops");
        drop_tree(*rig.store, rig.tree);
        create_tree(*rig.store, rig.tree);
        rig.commit();
        rig.begin();
        rig.commit();
        rig.require({});
        BOOST_TEST(rig.store->space().held_pages() == 0U);
    }
}

BOOST_AUTO_TEST_CASE(aborted_changes_leave_the_tree) {
    for (const node_schema& schema : {fixed_schema(), slotted_schema()}) {
        store_rig rig(schema);
        model expected;
        rig.begin();
        for (std::uint64_t i = 0; i < 2000; ++i) {
            rig.put(key_of(i), expected[key_of(i)] = key_of(i));
        }
        rig.commit();
        rig.begin();
        for (std::uint64_t i = 0; i < 2000; i += 3) { rig.erase(key_of(i)); }
        for (std::uint64_t i = 2000; i < 2500; ++i) { rig.put(key_of(i), key_of(i)); }
        rig.abort();
        rig.cool();
        rig.require(expected);
    }
}

BOOST_AUTO_TEST_CASE(a_pool_far_smaller_than_the_tree_suffices) {
    for (const node_schema& schema : {fixed_schema(4096, 8, 100), slotted_schema()}) {
        store_rig rig(schema, 64 * 4096);
        model expected;
        random_numbers random(11);
        for (unsigned round = 0; round < 4; ++round) {
            rig.begin();
            for (std::uint64_t i = 0; i < 2500; ++i) {
                const std::string key = number_key(random.below(20'000));
                rig.put(key, expected[key] = std::string(100, static_cast<char>(i)));
            }
            rig.commit();
        }
        rig.require(expected);
        BOOST_TEST(rig.source->statistics().evictions > 0U);
    }
}

BOOST_AUTO_TEST_CASE(visits_are_counted) {
    store_rig rig(fixed_schema());
    rig.begin();
    for (std::uint64_t i = 0; i < 2000; ++i) { rig.put(key_of(i), key_of(i)); }
    rig.commit();
    BOOST_REQUIRE(rig.tree.root.level == 1U);
    const std::uint64_t before = rig.source->statistics().visits;
    for (std::uint64_t i = 0; i < 100; ++i) { BOOST_TEST(rig.get(key_of(i)).has_value()); }
    BOOST_TEST(rig.source->statistics().visits - before == 200U);
}
