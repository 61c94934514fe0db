// Cursors: both directions from anywhere, ranks, changes under the cursor, and files that lie about
// order.
#define BOOST_TEST_MODULE cursor
#include <boost/test/unit_test.hpp>

#include <iterator>
#include <string>
#include <vector>

#include "pinyon/engine/cursor.hpp"
#include "support/errors.hpp"
#include "support/store_rig.hpp"

using namespace pinyon;
using namespace pinyon::test;

namespace {

std::vector<node_schema> schemas() {
    return {fixed_schema(), slotted_schema(), fixed_schema(4096, 8, 8, 2), slotted_schema(16384)};
}

// Even numbers, so that there is room between them.
model even_numbers(store_rig& rig, std::uint64_t count) {
    model content;
    rig.begin();
    for (std::uint64_t i = 0; i < count; ++i) {
        rig.put(key_of(i * 2), content[key_of(i * 2)] = key_of(i));
    }
    rig.commit();
    rig.cool();
    return content;
}

void require_at(const tree_cursor& cursor, const model& content, model::const_iterator expected) {
    BOOST_TEST(cursor.valid() == (expected != content.end()));
    if (!cursor.valid() || expected == content.end()) { return; }
    // Together and one by one, in both orders: the key is put together once.
    const tree_cursor other = cursor;
    const auto [key, value] = other.entry();
    BOOST_TEST((text_of(key) == expected->first));
    BOOST_TEST((text_of(value) == expected->second));
    BOOST_TEST((text_of(cursor.key()) == expected->first));
    BOOST_TEST((text_of(cursor.value()) == expected->second));
    BOOST_TEST((text_of(cursor.entry().second) == expected->second));
}

}  // namespace

BOOST_AUTO_TEST_CASE(scans_meet_every_entry_in_both_directions) {
    for (const node_schema& schema : schemas()) {
        for (const auto over : {tree_cursor::over::snapshot, tree_cursor::over::changing_tree}) {
            for (const std::uint64_t count : {0U, 1U, 3000U}) {
                BOOST_TEST_CONTEXT("layout " << int(schema.layout) << ", entries " << count) {
                    store_rig rig(schema);
                    const model content = even_numbers(rig, count);
                    tree_cursor cursor(*rig.store, rig.tree, over);
                    BOOST_TEST(!cursor.valid());
                    cursor.first();
                    for (auto at = content.begin(); at != content.end(); ++at, cursor.next()) {
                        require_at(cursor, content, at);
                    }
                    BOOST_TEST(!cursor.valid());
                    rig.cool();
                    cursor.last();
                    for (auto at = content.rbegin(); at != content.rend();
                         ++at, cursor.previous()) {
                        require_at(cursor, content, std::prev(at.base()));
                    }
                    BOOST_TEST(!cursor.valid());
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(seeks_find_their_place) {
    for (const node_schema& schema : schemas()) {
        store_rig rig(schema);
        const model content = even_numbers(rig, 1000);
        tree_cursor cursor(*rig.store, rig.tree, tree_cursor::over::snapshot);
        for (std::uint64_t number = 0; number < 2003; ++number) {
            const std::string key = key_of(number);
            const auto lower = content.lower_bound(key);
            const auto upper = content.upper_bound(key);
            cursor.seek(as_bytes(key));
            require_at(cursor, content, lower);
            cursor.seek(as_bytes(key), true);
            require_at(cursor, content, upper);
            cursor.seek_before(as_bytes(key));
            require_at(cursor, content,
                       lower == content.begin() ? content.end() : std::prev(lower));
            cursor.seek_before(as_bytes(key), true);
            require_at(cursor, content,
                       upper == content.begin() ? content.end() : std::prev(upper));
        }
        for (std::uint64_t n = 0; n < 1001; n += 7) {
            cursor.seek_nth(n);
            require_at(cursor, content,
                       n < 1000 ? std::next(content.begin(), static_cast<long>(n)) : content.end());
        }
    }
}

BOOST_AUTO_TEST_CASE(random_walks_match_a_map) {
    for (const node_schema& schema : schemas()) {
        BOOST_TEST_CONTEXT("layout " << int(schema.layout) << ", seed 2") {
            store_rig rig(schema);
            const model content = even_numbers(rig, 2000);
            random_numbers random(2);
            tree_cursor cursor(*rig.store, rig.tree, tree_cursor::over::snapshot);
            for (unsigned walk = 0; walk < 60; ++walk) {
                const std::string from = key_of(random.below(4100));
                cursor.seek(as_bytes(from));
                auto at = content.lower_bound(from);
                for (unsigned i = 0; i < 100 && cursor.valid(); ++i) {
                    require_at(cursor, content, at);
                    if (random.below(100) < (walk % 2 == 0 ? 80U : 20U)) {
                        cursor.next();
                        ++at;
                    } else {
                        cursor.previous();
                        at = at == content.begin() ? content.end() : std::prev(at);
                    }
                }
                require_at(cursor, content, at);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_cursor_survives_changes_of_its_tree) {
    for (const node_schema& schema : schemas()) {
        BOOST_TEST_CONTEXT("layout " << int(schema.layout) << ", seed 4") {
            store_rig rig(schema);
            model content = even_numbers(rig, 1500);
            random_numbers random(4);
            rig.begin();
            tree_cursor cursor(*rig.store, rig.tree);
            cursor.first();
            auto at = content.begin();
            while (cursor.valid()) {
                BOOST_TEST((text_of(cursor.key()) == at->first));
                const std::string stood = at->first;
                const std::string key = key_of(random.below(3200));
                if (random.below(3) == 0) {
                    rig.put(key, content[key] = key_of(1));
                } else if (random.below(2) == 0) {
                    BOOST_TEST(rig.erase(key) == (content.erase(key) != 0));
                } else {
                    BOOST_TEST(rig.erase(stood));
                    content.erase(stood);
                }
                BOOST_TEST((text_of(cursor.key()) == stood));
                if (const auto still = content.find(stood); still != content.end()) {
                    BOOST_TEST((text_of(cursor.value()) == still->second));
                    BOOST_TEST((text_of(cursor.entry().first) == stood));
                    BOOST_TEST((text_of(cursor.entry().second) == still->second));
                }
                if (random.below(5) == 0) {
                    cursor.previous();
                    at = content.lower_bound(stood);
                    if (at == content.begin()) {
                        BOOST_TEST(!cursor.valid());
                        cursor.first();
                        at = content.begin();
                    } else {
                        --at;
                    }
                } else {
                    cursor.next();
                    at = content.upper_bound(stood);
                }
                BOOST_TEST(cursor.valid() == (at != content.end()));
            }
            rig.commit();
            rig.require(content);
        }
    }
}

BOOST_AUTO_TEST_CASE(asking_where_nothing_is_is_misuse) {
    store_rig rig(slotted_schema());
    even_numbers(rig, 3);
    tree_cursor cursor(*rig.store, rig.tree);
    BOOST_TEST(code_of([&] { (void)cursor.key(); }) == errc::misuse);
    BOOST_TEST(code_of([&] { (void)cursor.value(); }) == errc::misuse);
    BOOST_TEST(code_of([&] { (void)cursor.entry(); }) == errc::misuse);
    BOOST_TEST(code_of([&] { cursor.next(); }) == errc::misuse);
    BOOST_TEST(code_of([&] { cursor.previous(); }) == errc::misuse);
    cursor.first();
    rig.begin();
    rig.erase(key_of(0));
    BOOST_TEST(code_of([&] { (void)cursor.value(); }) == errc::misuse);
    BOOST_TEST(code_of([&] { (void)cursor.entry(); }) == errc::misuse);
    BOOST_TEST((text_of(cursor.key()) == key_of(0)));
    cursor.next();
    BOOST_TEST((text_of(cursor.key()) == key_of(2)));
}

BOOST_AUTO_TEST_CASE(large_values_are_read_through_the_cursor) {
    store_rig rig(slotted_schema());
    rig.begin();
    rig.put("large", std::string(50'000, 'l'));
    rig.put("small", "s");
    rig.commit();
    rig.cool();
    tree_cursor cursor(*rig.store, rig.tree, tree_cursor::over::snapshot);
    cursor.first();
    const auto [key, value] = cursor.entry();
    BOOST_TEST((text_of(key) == "large"));
    BOOST_TEST((text_of(value) == std::string(50'000, 'l')));
    BOOST_TEST(cursor.stored().extent.has_value());
    BOOST_TEST((text_of(cursor.value()) == std::string(50'000, 'l')));
    cursor.next();
    BOOST_TEST(!cursor.stored().extent.has_value());
    BOOST_TEST((text_of(cursor.value()) == "s"));
}

BOOST_AUTO_TEST_CASE(scans_ask_for_leaves_ahead) {
    store_rig rig(fixed_schema(4096, 8, 8, 8), 400 * 4096);
    even_numbers(rig, 10'000);
    const std::uint64_t leaves_min = 10'000 / 15;
    for (const bool forward : {true, false}) {
        rig.cool();
        const std::uint64_t before = rig.source->statistics().prefetches;
        tree_cursor cursor(*rig.store, rig.tree, tree_cursor::over::snapshot);
        forward ? cursor.first() : cursor.last();
        std::uint64_t entries = 0;
        for (; cursor.valid(); forward ? cursor.next() : cursor.previous()) { ++entries; }
        BOOST_TEST(entries == 10'000U);
        // All but the first leaves behind each node of level 2, which has eight parents or more.
        BOOST_TEST(rig.source->statistics().prefetches - before >= leaves_min * 9 / 10);
    }
}

BOOST_AUTO_TEST_CASE(a_cursor_reads_its_path_again_after_an_eviction) {
    for (const node_schema& schema : schemas()) {
        store_rig rig(schema);
        const model content = even_numbers(rig, 1000);
        tree_cursor cursor(*rig.store, rig.tree, tree_cursor::over::snapshot);
        cursor.first();
        for (auto at = content.begin(); at != content.end(); ++at) {
            rig.cool();
            require_at(cursor, content, at);
            rig.cool();
            cursor.next();
        }
        BOOST_TEST(!cursor.valid());
        // What comes back is verified.
        cursor.first();
        rig.cool();
        const std::uint64_t offset = (rig.tree.root.page + 1) * schema.page_bytes - 1;
        std::byte last[1];
        BOOST_REQUIRE(rig.file->read(offset, last) == 1U);
        last[0] ^= std::byte{1};
        rig.file->write(offset, last);
        BOOST_TEST(code_of([&] {
                       for (unsigned i = 0; i < 1000; ++i) { cursor.next(); }
                   }) == errc::corrupt);
    }
}

BOOST_AUTO_TEST_CASE(cursors_in_a_tiny_pool_see_everything) {
    store_rig rig(slotted_schema(), 64 * 4096);
    const model content = even_numbers(rig, 30'000);
    tree_cursor up(*rig.store, rig.tree, tree_cursor::over::snapshot);
    tree_cursor down(*rig.store, rig.tree, tree_cursor::over::snapshot);
    up.first();
    down.last();
    auto forward = content.begin();
    auto backward = content.rbegin();
    for (; up.valid(); up.next(), down.previous(), ++forward, ++backward) {
        BOOST_REQUIRE(forward != content.end());
        BOOST_REQUIRE((text_of(up.key()) == forward->first));
        BOOST_REQUIRE(down.valid());
        BOOST_REQUIRE((text_of(down.value()) == backward->second));
    }
    BOOST_TEST((forward == content.end()));
    BOOST_TEST(!down.valid());
}

BOOST_AUTO_TEST_CASE(leaves_out_of_order_are_corrupt_and_the_cursor_fails_for_ever) {
    store_rig rig(fixed_schema());
    even_numbers(rig, 1000);
    BOOST_REQUIRE(rig.tree.root.level == 1U);
    // The root, forged: its first and its last child are the same leaf.
    std::vector<std::byte> root(4096);
    const std::uint64_t offset = rig.tree.root.page * 4096;
    BOOST_REQUIRE(rig.file->read(offset, root) == 4096U);
    fixed_node::editor node(root.data(), rig.tree.schema);
    node.set_child(node.count() - 1, node.child(0));
    rig.cool();
    rig.tree.root.checksum = rig.store->seal().of(rig.tree.root.page, root.data());
    store(root.data(), rig.tree.root.checksum);
    rig.file->write(offset, root);

    tree_cursor cursor(*rig.store, rig.tree, tree_cursor::over::snapshot);
    cursor.first();
    BOOST_TEST(code_of([&] {
                   for (unsigned i = 0; i < 2000 && cursor.valid(); ++i) { cursor.next(); }
               }) == errc::corrupt);
    BOOST_TEST(!cursor.valid());
    BOOST_TEST(code_of([&] { cursor.first(); }) == errc::corrupt);
    tree_cursor other(*rig.store, rig.tree, tree_cursor::over::snapshot);
    other.last();
    BOOST_TEST(code_of([&] {
                   for (unsigned i = 0; i < 2000 && other.valid(); ++i) { other.previous(); }
               }) == errc::corrupt);
}

BOOST_AUTO_TEST_CASE(ranks_beyond_what_is_there_are_corrupt) {
    store_rig rig(fixed_schema());
    even_numbers(rig, 1000);
    rig.tree.root.count = 5000;
    tree_cursor cursor(*rig.store, rig.tree, tree_cursor::over::snapshot);
    BOOST_TEST(code_of([&] { cursor.seek_nth(3000); }) == errc::corrupt);
}
