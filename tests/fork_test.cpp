// What the child of a fork may do with a database of its parent: nothing, and it harms nobody.
#define BOOST_TEST_MODULE fork
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "pinyon/engine/check.hpp"
#include "pinyon/engine/database.hpp"
#include "support/errors.hpp"
#include "support/forked_child.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace pinyon;
using pinyon::test::in_child;
using pinyon::test::temporary_directory;

constexpr tree_spec<std::uint64_t, std::string_view> spec{"entries"};
constexpr std::uint64_t keys = 5000;

void fill(const database& db, const std::string& value) {
    db.update([&](write_transaction& tx) {
        auto tree = tx.open(spec);
        for (std::uint64_t key = 0; key != keys; ++key) { tree.put(key, value); }
    });
}

[[nodiscard]] std::uint64_t wrong_values(const database& db, const std::string& value) {
    return db.view([&](const read_transaction& tx) {
        const auto tree = tx.open(spec);
        std::uint64_t wrong = 0;
        for (std::uint64_t key = 0; key != keys; ++key) {
            const auto found = tree.get(key);
            wrong += found && *found == value ? 0 : 1;
        }
        return wrong;
    });
}

[[nodiscard]] bool is_misuse(const std::function<void()>& body) {
    try {
        body();
    } catch (const error& caught) { return caught.kind() == errc::misuse; }
    return false;
}

struct fixture {
    fixture() {
        chosen.page_bytes = 4096;
        chosen.pool_bytes = std::uint64_t{8} << 20;
        open();
        fill(*db, "old");
    }
    ~fixture() {
        db.reset();
        const check_summary found =
            check(path, {}, [](const finding& each) { BOOST_TEST(false, each.text); });
        BOOST_TEST(found.complete);
    }
    void open() { db.emplace(database::open(path, chosen)); }

    temporary_directory directory;
    std::string path = directory / "file";
    options chosen;
    std::optional<database> db;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_child_begins_nothing) {
    fixture f;
    BOOST_TEST(in_child([&] {
                   const database& db = *f.db;
                   if (db.is_open()) { return 1; }
                   if (!is_misuse([&] { (void)db.begin_read(); })) { return 2; }
                   if (!is_misuse([&] { (void)db.begin_write(); })) { return 3; }
                   if (!is_misuse([&] { (void)db.begin_write(std::chrono::milliseconds(1)); })) {
                       return 4;
                   }
                   if (!is_misuse([&] { (void)db.try_begin_write(); })) { return 5; }
                   if (!is_misuse([&] { (void)db.statistics(); })) { return 6; }
                   if (!is_misuse([&] { db.release_memory(); })) { return 7; }
                   if (!is_misuse([&] { db.update([](write_transaction&) {}); })) { return 8; }
                   return 0;
               }) == 0);
    BOOST_TEST(wrong_values(*f.db, "old") == 0u);
}

BOOST_AUTO_TEST_CASE(a_parents_read_transaction_is_over_in_the_child) {
    fixture f;
    read_transaction tx = f.db->begin_read();
    const auto tree = tx.open(spec);
    auto cursor = tree.cursor();
    BOOST_REQUIRE(cursor.seek(7));
    auto stream = tree.get_stream(9);
    BOOST_TEST(in_child([&] {
                   if (!is_misuse([&] { (void)tree.get(5); })) { return 1; }
                   if (!is_misuse([&] { (void)tree.contains(5); })) { return 2; }
                   if (!is_misuse([&] { (void)tree.size(); })) { return 3; }
                   if (!is_misuse([&] { cursor.next(); })) { return 4; }
                   if (!is_misuse([&] { (void)cursor.value(); })) { return 5; }
                   if (!is_misuse([&] { (void)tx.open(spec); })) { return 6; }
                   if (!is_misuse([&] { (void)tx.trees(); })) { return 7; }
                   std::byte byte{};
                   if (!is_misuse([&] { (void)stream->read({&byte, 1}); })) { return 8; }
                   tx.end();
                   return 0;
               }) == 0);
    // The parent's snapshot is what it was.
    fill(*f.db, "new");
    BOOST_TEST((tree.get(5) == "old"));
    BOOST_TEST(cursor.next());
    BOOST_TEST(f.db->statistics().readers == 1u);
}

BOOST_AUTO_TEST_CASE(a_parents_write_transaction_is_over_in_the_child) {
    fixture f;
    std::optional<write_transaction> tx(f.db->begin_write());
    std::optional<writable_tree<std::uint64_t, std::string_view>> tree(tx->open(spec));
    for (std::uint64_t key = 0; key != keys; ++key) { tree->put(key, "new"); }
    auto stream = std::make_unique<value_writer>(tree->put_stream(keys + 1, 100'000));
    BOOST_TEST(in_child([&] {
                   if (!is_misuse([&] { (void)tree->get(5); })) { return 1; }
                   if (!is_misuse([&] { tree->put(5, "child"); })) { return 2; }
                   if (!is_misuse([&] { (void)tree->erase(5); })) { return 3; }
                   if (!is_misuse([&] { (void)tx->drop("entries"); })) { return 4; }
                   stream.reset();
                   if (!is_misuse([&] { (void)tx->commit(); })) { return 5; }
                   tree.reset();
                   tx.reset();
                   return 0;
               }) == 0);
    stream.reset();
    tx->commit();
    BOOST_TEST(wrong_values(*f.db, "new") == 0u);
}

BOOST_AUTO_TEST_CASE(handles_end_in_the_child_without_harm) {
    fixture f;
    std::optional<read_transaction> reader(f.db->begin_read());
    std::optional<write_transaction> writer(f.db->begin_write());
    writer->open(spec).put(5, "new");
    BOOST_TEST(in_child([&] {
                   f.db->close();
                   f.db.reset();
                   reader.reset();
                   writer.reset();
                   return 0;
               }) == 0);
    BOOST_TEST(in_child([&] {
                   writer->abort();
                   reader->end();
                   f.db->close();
                   f.db->close();
                   return f.db->is_open() ? 1 : 0;
               }) == 0);
    writer->commit();
    BOOST_TEST((reader->open(spec).get(5) == "old"));
    reader.reset();
    BOOST_TEST((f.db->view([](const read_transaction& tx) {
        return std::string(*tx.open(spec).get(5));
    }) == "new"));
    f.db->close();
}

BOOST_AUTO_TEST_CASE(a_child_that_lives_on_holds_no_lock) {
    fixture f;
    int gate[2];
    BOOST_REQUIRE(::pipe(gate) == 0);
    const ::pid_t child = ::fork();
    if (child == 0) {
        ::alarm(test::child_seconds_max);
        char byte = 0;
        ::close(gate[1]);
        (void)!::read(gate[0], &byte, 1);
        ::_exit(0);
    }
    // While the parent has it open, the child gets what every other process gets.
    BOOST_TEST(in_child([&] {
                   try {
                       (void)database::open(f.path, f.chosen);
                   } catch (const error& caught) { return caught.kind() == errc::busy ? 0 : 1; }
                   return 2;
               }) == 0);
    f.db->close();
    f.open();
    BOOST_TEST(wrong_values(*f.db, "old") == 0u);
    f.db->close();
    // And once it is closed, the child may have it.
    BOOST_TEST(in_child([&] {
                   const database db = database::open(f.path, f.chosen);
                   fill(db, "child");
                   return wrong_values(db, "child") == 0 ? 0 : 1;
               }) == 0);
    ::close(gate[0]);
    ::close(gate[1]);
    BOOST_TEST(::waitpid(child, nullptr, 0) == child);
    f.open();
    BOOST_TEST(wrong_values(*f.db, "child") == 0u);
}

BOOST_AUTO_TEST_CASE(a_child_opens_files_of_its_own_and_has_children) {
    fixture f;
    BOOST_TEST(in_child([&] {
                   const database mine = database::open(f.directory / "mine", f.chosen);
                   fill(mine, "mine");
                   if (wrong_values(mine, "mine") != 0) { return 1; }
                   if (!is_misuse([&] { (void)f.db->begin_read(); })) { return 2; }
                   const int below = in_child([&] {
                       if (!is_misuse([&] { (void)mine.begin_read(); })) { return 3; }
                       if (!is_misuse([&] { (void)f.db->begin_read(); })) { return 4; }
                       return 0;
                   });
                   return below != 0 ? below : wrong_values(mine, "mine") == 0 ? 0 : 5;
               }) == 0);
    BOOST_TEST(wrong_values(*f.db, "old") == 0u);
}

BOOST_AUTO_TEST_CASE(a_database_in_memory_stays_with_the_parent) {
    std::optional<database> db(database::in_memory());
    fill(*db, "memory");
    BOOST_TEST(in_child([&] {
                   if (!is_misuse([&] { (void)db->begin_read(); })) { return 1; }
                   db.reset();
                   return 0;
               }) == 0);
    BOOST_TEST(wrong_values(*db, "memory") == 0u);
}

// Threads of the parent are in the middle of everything, with its locks held, when it forks.
BOOST_AUTO_TEST_CASE(forks_beside_busy_threads_hang_nobody) {
    fixture f;
    f.db.reset();
    f.chosen.pool_bytes = std::uint64_t{256} << 10;
    f.open();
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> wrong{0};
    std::vector<std::thread> threads;
    threads.emplace_back([&] {
        for (std::uint64_t round = 0; !stop; ++round) {
            f.db->update([&](write_transaction& tx) {
                auto tree = tx.open(spec);
                for (std::uint64_t key = 0; key < keys; key += 97) { tree.put(key, "old"); }
            });
        }
    });
    for (int reader = 0; reader != 2; ++reader) {
        threads.emplace_back([&] {
            while (!stop) { wrong += wrong_values(*f.db, "old"); }
        });
    }
    for (int round = 0; round != 20; ++round) {
        const int end = in_child([&] {
            if (!is_misuse([&] { (void)f.db->begin_write(); })) { return 1; }
            f.db->close();
            f.db.reset();
            return 0;
        });
        BOOST_TEST(end == 0);
    }
    stop = true;
    for (std::thread& thread : threads) { thread.join(); }
    BOOST_TEST(wrong == 0u);
}
