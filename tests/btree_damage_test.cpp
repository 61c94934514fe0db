// Files that lie: pages that contradict their parents and trees forged with all checksums right end
// in an error, and nothing is changed by it.
#define BOOST_TEST_MODULE btree_damage
#include <boost/test/unit_test.hpp>

#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "support/errors.hpp"
#include "support/store_rig.hpp"

using namespace pinyon;
using namespace pinyon::test;

namespace {

// Overwrites bytes of a committed page and seals it and everything above it again, as a forger
// would. The tree has two levels.
void forge(store_rig& rig, std::uint64_t page, std::size_t offset, bytes content) {
    const std::uint32_t page_bytes = rig.tree.schema.page_bytes;
    rig.cool();
    const auto reseal = [&](std::uint64_t number, std::vector<std::byte>& data) {
        const std::uint32_t sum = rig.store->seal().of(number, data.data());
        store(data.data(), sum);
        rig.file->write(number * page_bytes, data);
        return sum;
    };
    std::vector<std::byte> data(page_bytes);
    BOOST_REQUIRE(rig.file->read(page * page_bytes, data) == page_bytes);
    std::memcpy(data.data() + offset, content.data(), content.size());
    const std::uint32_t sum = reseal(page, data);
    if (page != rig.tree.root.page) {
        std::vector<std::byte> root(page_bytes);
        BOOST_REQUIRE(rig.file->read(rig.tree.root.page * page_bytes, root) == page_bytes);
        fixed_node::editor node(root.data(), rig.tree.schema);
        for (unsigned i = 0; i < node.count(); ++i) {
            child_entry child = node.child(i);
            if (child.page != page) { continue; }
            child.checksum = sum;
            node.set_child(i, child);
        }
        rig.tree.root.checksum = reseal(rig.tree.root.page, root);
    } else {
        rig.tree.root.checksum = sum;
    }
}

template <class T>
bytes raw(const T& value) {
    return std::as_bytes(std::span(&value, 1));
}

struct two_levels {
    two_levels() : rig(fixed_schema()) {
        rig.begin();
        for (std::uint64_t i = 0; i < 1000; ++i) { rig.put(key_of(i), key_of(i)); }
        rig.commit();
        BOOST_REQUIRE(rig.tree.root.level == 1U);
        leaf = child(0).page;
    }
    child_entry child(unsigned index) {
        const io::page_view view =
            rig.store->read(rig.tree.schema, rig.tree.root.page, 1, rig.tree.root.checksum);
        return fixed_node(view.data, rig.tree.schema).child(index);
    }
    // Lets child 0 of the root be this.
    void forge_child(const child_entry& entry) {
        const io::page_view view =
            rig.store->read(rig.tree.schema, rig.tree.root.page, 1, rig.tree.root.checksum);
        std::vector<std::byte> root(view.data, view.data + 4096);
        fixed_node::editor(root.data(), rig.tree.schema).set_child(0, entry);
        forge(rig, rig.tree.root.page, 0, root);
    }
    errc get_error() {
        return code_of([&] { (void)rig.get(key_of(0)); });
    }

    store_rig rig;
    std::uint64_t leaf;
};

}  // namespace

BOOST_AUTO_TEST_CASE(pages_that_contradict_their_parents_are_corrupt) {
    struct damage {
        const char* name;
        std::size_t offset;
        std::uint64_t value;
    };
    const damage damages[] = {
        {"another tree", offsetof(format::page_header, identity),
         format::identity(format::page_kind::fixed_leaf, 0, 8)},
        {"another level", offsetof(format::page_header, identity),
         format::identity(format::page_kind::fixed_leaf, 1, 9)},
        {"another kind", offsetof(format::page_header, identity),
         format::identity(format::page_kind::slotted_leaf, 0, 9)},
        {"unknown flags", offsetof(format::page_header, identity),
         format::identity(format::page_kind::fixed_leaf, 0, 9) | 0x10000},
        {"another number", offsetof(format::page_header, page), 1234},
        {"from the future", offsetof(format::page_header, born), 99},
    };
    for (const damage& each : damages) {
        BOOST_TEST_CONTEXT(each.name) {
            two_levels tree;
            forge(tree.rig, tree.leaf, each.offset, raw(each.value));
            BOOST_TEST(tree.get_error() == errc::corrupt);
        }
    }
}

BOOST_AUTO_TEST_CASE(hostile_child_entries_are_corrupt) {
    struct damage {
        const char* name;
        child_entry (*entry)(two_levels&);
    };
    const damage damages[] = {
        {"a cycle",
         [](two_levels& tree) {
             return child_entry{tree.rig.tree.root.page, 5, 77};
         }},
        {"beyond the file",
         [](two_levels&) {
             return child_entry{format::page_number_max, 5, 77};
         }},
        {"a meta",
         [](two_levels&) {
             return child_entry{0, 5, 77};
         }},
        {"a wrong checksum",
         [](two_levels& tree) {
             return child_entry{tree.child(1).page, 5, 77};
         }},
    };
    for (const damage& each : damages) {
        BOOST_TEST_CONTEXT(each.name) {
            two_levels tree;
            tree.forge_child(each.entry(tree));
            BOOST_TEST(tree.get_error() == errc::corrupt);
        }
    }
    two_levels tree;
    tree.rig.tree.root.level = format::height_max;
    BOOST_TEST(tree.get_error() == errc::corrupt);
}

BOOST_AUTO_TEST_CASE(fences_that_lead_back_end_a_range) {
    two_levels tree;
    // The upper fence of the second leaf: the lowest key there is.
    const std::string from = key_of(tree.child(0).count);
    const std::vector<std::byte> zero(8);
    forge(tree.rig, tree.child(1).page, tree.rig.tree.schema.fixed.upper_fence, zero);
    tree.rig.begin();
    BOOST_TEST(code_of([&] {
                   (void)erase_range(*tree.rig.store, tree.rig.tree, as_bytes(from), std::nullopt);
               }) == errc::corrupt);
    tree.rig.abort();
}

BOOST_AUTO_TEST_CASE(forged_trees_end_changes_with_an_error) {
    BOOST_TEST_CONTEXT("a count too small to subtract from") {
        two_levels tree;
        child_entry entry = tree.child(0);
        entry.count = 0;
        tree.forge_child(entry);
        tree.rig.begin();
        const tree_state before = tree.rig.tree;
        BOOST_TEST(code_of([&] { tree.rig.erase(key_of(0)); }) == errc::corrupt);
        BOOST_TEST(tree.rig.tree.changes == before.changes);
        tree.rig.abort();
    }
    BOOST_TEST_CONTEXT("one leaf in two places") {
        two_levels tree;
        tree.forge_child(tree.child(1));
        tree.rig.begin();
        BOOST_TEST(code_of([&] { drop_tree(*tree.rig.store, tree.rig.tree); }) == errc::corrupt);
        tree.rig.abort();
        tree.rig.begin();
        // Ends, with an error or with fewer entries: the leaf is out of its place.
        try {
            (void)erase_range(*tree.rig.store, tree.rig.tree, std::nullopt, std::nullopt);
        } catch (const error& failure) { BOOST_TEST(failure.kind() == errc::corrupt); }
        tree.rig.abort();
    }
}
