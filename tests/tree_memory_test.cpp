// What a thread remembers of trees is never what another commit, another database or an abort has
// made untrue.
#define BOOST_TEST_MODULE tree_memory
#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>

#include "pinyon/engine/pinyon.hpp"
#include "pinyon/engine/tree_memory.hpp"
#include "support/database_rig.hpp"
#include "support/errors.hpp"

using namespace pinyon;
using pinyon::test::code_of;
using pinyon::test::database_rig;

namespace {

constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};
constexpr tree_spec<std::uint64_t, std::string_view> texts{"numbers"};

void put(const database& db, std::uint64_t key, std::uint64_t value) {
    db.update([&](write_transaction& tx) { tx.open(numbers).put(key, value); });
}

// In another thread, whose memory is its own.
template <class Work>
void elsewhere(Work&& work) {
    std::thread(std::forward<Work>(work)).join();
}

tree_state state_with_root(std::uint64_t page) {
    tree_state result;
    result.root.page = page;
    result.changes = 7;
    return result;
}

}  // namespace

BOOST_AUTO_TEST_CASE(it_finds_a_tree_at_its_moment_alone) {
    tree_memory memory;
    const format::catalog_record record{};
    memory.keep({1, 10}, "a", record, state_with_root(5));
    BOOST_REQUIRE(memory.find({1, 10}, "a") != nullptr);
    BOOST_TEST(memory.find({1, 10}, "a")->state.root.page == 5u);
    BOOST_TEST(memory.find({1, 10}, "a")->state.changes == 0u);
    BOOST_TEST(memory.find({1, 11}, "a") == nullptr);
    BOOST_TEST(memory.find({2, 10}, "a") == nullptr);
    BOOST_TEST(memory.find({1, 10}, "ab") == nullptr);
    BOOST_TEST(memory.find({1, 10}, "") == nullptr);
    memory.keep({1, 11}, "a", record, state_with_root(6));
    BOOST_TEST(memory.find({1, 10}, "a") == nullptr);
    BOOST_TEST(memory.find({1, 11}, "a")->state.root.page == 6u);
}

BOOST_AUTO_TEST_CASE(it_forgets_the_oldest_and_never_keeps_long_names) {
    tree_memory memory;
    const format::catalog_record record{};
    for (std::uint64_t i = 0; i < 5; ++i) {
        memory.keep({1, 1}, "tree " + std::to_string(i), record, state_with_root(i));
    }
    BOOST_TEST(memory.find({1, 1}, "tree 0") == nullptr);
    BOOST_TEST(memory.find({1, 1}, "tree 4")->state.root.page == 4u);
    memory.keep({1, 1}, std::string(49, 'x'), record, state_with_root(9));
    BOOST_TEST(memory.find({1, 1}, std::string(49, 'x')) == nullptr);
    BOOST_TEST(memory.find({1, 1}, std::string(48, 'x')) == nullptr);
    BOOST_TEST(memory.find({1, 1}, "tree 1") != nullptr);
}

BOOST_AUTO_TEST_CASE(a_commit_of_another_thread_is_seen) {
    database_rig rig;
    put(*rig.db, 1, 1);
    for (std::uint64_t round = 2; round != 50; ++round) {
        elsewhere([&] { put(*rig.db, 1, round); });
        BOOST_TEST(rig.db->begin_read().open(numbers).get(1).value() == round);
    }
}

BOOST_AUTO_TEST_CASE(a_tree_renamed_or_made_anew_elsewhere_is_seen) {
    database_rig rig;
    put(*rig.db, 1, 1);
    elsewhere([&] { rig.db->update([](write_transaction& tx) { tx.rename("numbers", "old"); }); });
    BOOST_TEST(code_of([&] { (void)rig.db->begin_read().open(numbers); }) == errc::no_such_tree);
    BOOST_TEST(rig.db->begin_read().open_raw("old").size() == 1u);
    elsewhere([&] { rig.db->update([](write_transaction& tx) { tx.open(texts).put(1, "one"); }); });
    BOOST_TEST(code_of([&] { (void)rig.db->begin_read().open(numbers); }) == errc::type_mismatch);
    BOOST_TEST(rig.db->begin_read().open(texts).get(1).value() == "one");
}

BOOST_AUTO_TEST_CASE(what_was_aborted_is_not_remembered) {
    database_rig rig;
    put(*rig.db, 1, 1);
    {
        write_transaction tx = rig.db->begin_write();
        tx.open(numbers).put(2, 2);
        (void)tx.open_as("other", raw_types());
        tx.drop("numbers");
        BOOST_TEST(!tx.contains("numbers"));
        tx.abort();
    }
    const read_transaction tx = rig.db->begin_read();
    BOOST_TEST(tx.open(numbers).size() == 1u);
    BOOST_TEST(!tx.contains("other"));
}

BOOST_AUTO_TEST_CASE(a_dropped_tree_is_gone_for_the_thread_that_dropped_it) {
    database_rig rig;
    put(*rig.db, 1, 1);
    rig.db->update([](write_transaction& tx) {
        BOOST_TEST(tx.open(numbers).size() == 1u);
        tx.drop("numbers");
    });
    BOOST_TEST(!rig.db->begin_read().contains("numbers"));
    rig.db->update([](write_transaction& tx) { tx.open(texts).put(7, "seven"); });
    BOOST_TEST(rig.db->begin_read().open(texts).get(7).value() == "seven");
}

BOOST_AUTO_TEST_CASE(another_database_has_its_own_trees) {
    database_rig first;
    database_rig second;
    put(*first.db, 1, 1);
    put(*second.db, 1, 2);
    for (int round = 0; round != 3; ++round) {
        BOOST_TEST(first.db->begin_read().open(numbers).get(1).value() == 1u);
        BOOST_TEST(second.db->begin_read().open(numbers).get(1).value() == 2u);
    }
    put(*first.db, 1, 3);
    first.reopen();
    BOOST_TEST(first.db->begin_read().open(numbers).get(1).value() == 3u);
}

BOOST_AUTO_TEST_CASE(a_snapshot_keeps_its_trees_beside_later_commits) {
    database_rig rig;
    put(*rig.db, 1, 1);
    const read_transaction before = rig.db->begin_read();
    put(*rig.db, 1, 2);
    BOOST_TEST(before.open(numbers).get(1).value() == 1u);
    const read_transaction after = rig.db->begin_read();
    BOOST_TEST(after.open(numbers).get(1).value() == 2u);
    BOOST_TEST(before.open_raw("numbers").size() == 1u);
}
