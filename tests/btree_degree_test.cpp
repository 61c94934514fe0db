// Trees with a minimum degree t: t-1 to 2t-1 keys in every node but the root, after every single
// change, as in the textbook. store_rig's validator counts them.
#define BOOST_TEST_MODULE btree_degree
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "support/store_rig.hpp"

using namespace pinyon;
using namespace pinyon::test;

namespace {

node_schema degree_schema(unsigned t) { return fixed_schema(4096, 8, 8, t); }

// What stands in each leaf and how the tree is built: "[1 2][3 4]" for two leaves.
class drawn_tree {
public:
    explicit drawn_tree(store_rig& rig) : rig_(rig) {
        const format::root_reference& root = rig.tree.root;
        draw({root.page, root.count, root.checksum}, root.level);
    }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

private:
    void draw(const child_entry& at, unsigned level) {
        const io::page_view view = rig_.store->read(rig_.tree.schema, at.page, level, at.checksum);
        const fixed_node node(view.data, rig_.tree.schema);
        key_buffer buffer;
        text_ += level == 0 ? "[" : "(";
        for (unsigned i = 0; i < node.count(); ++i) {
            if (level != 0) {
                draw(node.child(i), level - 1);
            } else {
                text_ += (i == 0 ? "" : " ") +
                         std::to_string(static_cast<unsigned char>(node.key(i, buffer)[7]));
            }
        }
        text_ += level == 0 ? "]" : ")";
    }

    store_rig& rig_;
    std::string text_;
};

std::string draw(store_rig& rig) { return drawn_tree(rig).text(); }

void put_all(store_rig& rig, std::initializer_list<std::uint64_t> keys) {
    for (const std::uint64_t key : keys) { rig.put(key_of(key), key_of(key)); }
}

}  // namespace

BOOST_AUTO_TEST_CASE(bounds_hold_after_every_change) {
    for (const unsigned t : {2U, 3U, 32U}) {
        BOOST_TEST_CONTEXT("t " << t << ", seed " << t) {
            store_rig rig(degree_schema(t));
            random_numbers random(t);
            model expected;
            const std::uint64_t keys = 20 * t;
            for (unsigned step = 0; step < 600; ++step) {
                rig.begin();
                const std::string key = key_of(random.below(keys));
                if (random.below(1200) < 300 + step) {
                    BOOST_TEST(rig.erase(key) == (expected.erase(key) != 0));
                } else {
                    rig.put(key, expected[key] = key_of(step));
                }
                rig.commit();
                rig.require(expected);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(large_trees_keep_their_bounds) {
    for (const unsigned t : {2U, 3U, 32U}) {
        BOOST_TEST_CONTEXT("t " << t << ", seed " << t) {
            store_rig rig(degree_schema(t));
            random_numbers random(t);
            model expected;
            for (unsigned round = 0; round < 10; ++round) {
                rig.begin();
                for (unsigned i = 0; i < 800; ++i) {
                    const std::string key = key_of(random.below(4000));
                    if (random.below(10) < round) {
                        BOOST_TEST(rig.erase(key) == (expected.erase(key) != 0));
                    } else {
                        rig.put(key, expected[key] = key_of(i));
                    }
                }
                rig.commit();
                rig.require(expected);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_full_root_leaf_splits_in_the_middle) {
    store_rig rig(degree_schema(2));
    rig.begin();
    put_all(rig, {1, 2, 3});
    BOOST_TEST(draw(rig) == "[1 2 3]");
    put_all(rig, {4});
    BOOST_TEST(draw(rig) == "([1][2 3 4])");
}

BOOST_AUTO_TEST_CASE(an_underfull_leaf_borrows_from_the_left) {
    store_rig rig(degree_schema(2));
    rig.begin();
    put_all(rig, {2, 4, 6, 8, 1});
    BOOST_TEST(draw(rig) == "([1 2][4 6 8])");
    rig.erase(key_of(8));
    rig.erase(key_of(6));
    rig.erase(key_of(4));
    BOOST_TEST(draw(rig) == "([1][2])");
}

BOOST_AUTO_TEST_CASE(an_underfull_leaf_borrows_from_the_right) {
    store_rig rig(degree_schema(2));
    rig.begin();
    put_all(rig, {1, 2, 3, 4});
    BOOST_TEST(draw(rig) == "([1][2 3 4])");
    rig.erase(key_of(1));
    BOOST_TEST(draw(rig) == "([2][3 4])");
}

BOOST_AUTO_TEST_CASE(minimal_leaves_merge_and_the_root_shrinks) {
    store_rig rig(degree_schema(2));
    rig.begin();
    put_all(rig, {1, 2, 3, 4});
    rig.erase(key_of(4));
    rig.erase(key_of(3));
    BOOST_TEST(draw(rig) == "([1][2])");
    rig.erase(key_of(1));
    BOOST_TEST(draw(rig) == "[2]");
    rig.erase(key_of(2));
    BOOST_TEST(draw(rig) == "[]");
}

BOOST_AUTO_TEST_CASE(inner_nodes_split_borrow_and_merge) {
    store_rig rig(degree_schema(2));
    rig.begin();
    put_all(rig, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
    BOOST_TEST(rig.tree.root.level >= 2U);
    // Inner nodes lose children from either end.
    for (const std::uint64_t key : {1U, 2U, 12U, 11U, 3U, 10U}) {
        BOOST_TEST(rig.erase(key_of(key)));
        rig.commit();
        rig.validate();
        rig.begin();
    }
    rig.commit();
    model expected;
    for (std::uint64_t key = 4; key <= 9; ++key) { expected[key_of(key)] = key_of(key); }
    rig.require(expected);
}

BOOST_AUTO_TEST_CASE(ranges_keep_the_bounds) {
    for (const unsigned t : {2U, 3U, 32U}) {
        for (std::uint64_t from = 0; from < 1000; from += 83) {
            BOOST_TEST_CONTEXT("t " << t << ", from " << from) {
                store_rig rig(degree_schema(t));
                rig.begin();
                for (std::uint64_t i = 0; i < 1000; ++i) { rig.put(key_of(i), key_of(i)); }
                BOOST_TEST(erase_range(*rig.store, rig.tree, as_bytes(key_of(from)),
                                       as_bytes(key_of(from + 300))) ==
                           std::min<std::uint64_t>(300, 1000 - from));
                rig.commit();
                rig.validate();
            }
        }
    }
}
