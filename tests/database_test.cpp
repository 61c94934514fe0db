// Opening, closing and sharing a database: every way in which a file can be unusable has its own
// error, and nothing is lost by meeting it.
#define BOOST_TEST_MODULE database
#include "pinyon/engine/database.hpp"

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <thread>

#include "pinyon/engine/format.hpp"
#include "pinyon/engine/log_format.hpp"
#include "pinyon/engine/meta.hpp"
#include "pinyon/mmap/memory_file.hpp"
#include "support/errors.hpp"
#include "support/forked_child.hpp"
#include "support/temporary_directory.hpp"
#include "support/whole_file.hpp"

namespace {

using pinyon::access_mode;
using pinyon::as_bytes;
using pinyon::as_text;
using pinyon::database;
using pinyon::errc;
using pinyon::options;
using pinyon::test::code_of;
using pinyon::test::in_child;
using pinyon::test::read_file;
using pinyon::test::temporary_directory;
using pinyon::test::write_file;
namespace format = pinyon::format;

struct fixture {
    temporary_directory folder;
    std::string path = folder / "a.pinyon";

    void fill(std::uint32_t page_bytes = 4096) const {
        options chosen;
        chosen.page_bytes = page_bytes;
        database::open(path, chosen).update([](pinyon::write_transaction& tx) {
            auto tree = tx.open_raw("t");
            for (int i = 0; i < 1000; ++i) {
                const std::string key = "key" + std::to_string(i);
                tree.put(as_bytes(key), as_bytes("value"));
            }
        });
    }
    [[nodiscard]] static std::uint64_t entries(const database& db) {
        return db.view([](const pinyon::read_transaction& tx) { return tx.open_raw("t").size(); });
    }
    [[nodiscard]] errc open_failure(const options& chosen = {}) const {
        return code_of([&] { (void)database::open(path, chosen); });
    }
    // Opening failed and left the file as it was.
    void require_refusal(errc expected, const options& chosen = {}) const {
        const auto before = read_file(path);
        BOOST_TEST(open_failure(chosen) == expected);
        BOOST_TEST((read_file(path) == before));
    }
};

[[nodiscard]] options with(access_mode access) {
    options chosen;
    chosen.access = access;
    return chosen;
}

BOOST_FIXTURE_TEST_CASE(what_was_committed_is_there_after_reopening, fixture) {
    for (const std::uint32_t page_bytes : {4096U, 8192U, 16384U, 32768U}) {
        BOOST_TEST_CONTEXT("page size " << page_bytes) {
            std::filesystem::remove(path);
            fill(page_bytes);
            const database db = database::open(path);
            BOOST_TEST(db.page_bytes() == page_bytes);
            BOOST_TEST(entries(db) == 1000U);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(a_new_file_is_private_to_its_owner_and_leaves_nothing_beside_it, fixture) {
    fill();
    struct stat facts {};
    BOOST_REQUIRE(::stat(path.c_str(), &facts) == 0);
    BOOST_TEST((facts.st_mode & 0777U) == 0600U);
    std::size_t files = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        (void)entry;
        ++files;
    }
    BOOST_TEST(files == 1U);
}

BOOST_FIXTURE_TEST_CASE(a_missing_file, fixture) {
    BOOST_TEST(open_failure(with(access_mode::must_exist)) == errc::not_found);
    BOOST_TEST(open_failure(with(access_mode::read_only)) == errc::not_found);
    BOOST_TEST(!std::filesystem::exists(path));
    path = folder / "no/such/folder/a.pinyon";
    BOOST_TEST(open_failure() == errc::not_found);
}

BOOST_FIXTURE_TEST_CASE(a_directory, fixture) {
    std::filesystem::create_directory(path);
    BOOST_TEST(open_failure() == errc::is_directory);
}

BOOST_FIXTURE_TEST_CASE(a_zero_length_file, fixture) {
    write_file(path, {});
    require_refusal(errc::not_a_database);
}

BOOST_FIXTURE_TEST_CASE(a_file_of_something_else, fixture) {
    write_file(path, std::string(10000, 'x'));
    require_refusal(errc::not_a_database);
}

BOOST_FIXTURE_TEST_CASE(a_file_that_was_cut, fixture) {
    fill();
    const auto whole = read_file(path);
    for (const std::size_t size :
         {std::size_t{9000}, std::size_t{100}, whole.size() - 1, whole.size() / 2}) {
        BOOST_TEST_CONTEXT("cut to " << size) {
            write_file(path, {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)});
            require_refusal(errc::truncated);
        }
    }
    write_file(path, whole);
    BOOST_TEST(entries(database::open(path)) == 1000U);
}

BOOST_FIXTURE_TEST_CASE(a_newer_version, fixture) {
    fill();
    auto content = read_file(path);
    for (const std::size_t slot : {0U, 4096U}) {
        const std::uint32_t newer = format::version + 1;
        std::memcpy(content.data() + slot + offsetof(format::meta, version), &newer, sizeof newer);
    }
    write_file(path, content);
    require_refusal(errc::version);
}

BOOST_FIXTURE_TEST_CASE(another_page_size, fixture) {
    fill(4096);
    options chosen;
    chosen.page_bytes = 16384;
    require_refusal(errc::page_size, chosen);
    chosen.page_bytes = 5000;
    require_refusal(errc::page_size, chosen);
}

BOOST_FIXTURE_TEST_CASE(both_metas_damaged, fixture) {
    fill();
    auto content = read_file(path);
    content[200] ^= 1;
    content[4096 + 200] ^= 1;
    write_file(path, content);
    require_refusal(errc::corrupt);
}

BOOST_FIXTURE_TEST_CASE(a_read_only_database_changes_nothing, fixture) {
    fill();
    const auto before = read_file(path);
    {
        const database db = database::open(path, with(access_mode::read_only));
        BOOST_TEST(entries(db) == 1000U);
        BOOST_TEST(code_of([&] { (void)db.begin_write(); }) == errc::read_only);
    }
    BOOST_TEST((read_file(path) == before));
}

// Root may open anything, so this asks as nobody.
BOOST_FIXTURE_TEST_CASE(a_file_without_permission, fixture) {
    fill();
    std::filesystem::permissions(folder.path(), std::filesystem::perms::all);
    std::filesystem::permissions(path, std::filesystem::perms{0444});
    BOOST_TEST(in_child([&] {
                   if (::geteuid() == 0 && ::setuid(65534) != 0) { return 9; }
                   try {
                       (void)database::open(path);
                       return 4;
                   } catch (const pinyon::error& failure) {
                       if (failure.kind() != errc::permission) { return 1; }
                   }
                   try {
                       return entries(database::open(path, with(access_mode::read_only))) == 1000
                                  ? 0
                                  : 2;
                   } catch (const pinyon::error&) { return 3; }
               }) == 0);
}

BOOST_FIXTURE_TEST_CASE(a_file_that_is_open_elsewhere, fixture) {
    fill();
    {
        const database first = database::open(path);
        BOOST_TEST(open_failure() == errc::busy);
        BOOST_TEST(open_failure(with(access_mode::read_only)) == errc::busy);
        BOOST_TEST(in_child([&] {
                       try {
                           (void)database::open(path);
                       } catch (const pinyon::error& failure) {
                           return failure.kind() == errc::busy ? 0 : 1;
                       }
                       return 2;
                   }) == 0);
        BOOST_TEST(entries(first) == 1000U);
    }
    const database reader = database::open(path, with(access_mode::read_only));
    const database second_reader = database::open(path, with(access_mode::read_only));
    BOOST_TEST(open_failure() == errc::busy);
    options patient;
    patient.lock_timeout = std::chrono::milliseconds(30);
    BOOST_TEST(open_failure(patient) == errc::busy);
}

BOOST_FIXTURE_TEST_CASE(waiting_for_the_lock, fixture) {
    fill();
    auto first = std::make_unique<database>(database::open(path));
    std::thread closer([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        first.reset();
    });
    options patient;
    patient.lock_timeout = std::chrono::seconds(10);
    BOOST_TEST(entries(database::open(path, patient)) == 1000U);
    closer.join();
}

// The file-size limit stands for a full disk: growing the file fails with the same error.
BOOST_FIXTURE_TEST_CASE(a_full_disk_fails_the_commit_and_loses_nothing, fixture) {
    fill();
    BOOST_TEST(in_child([&] {
                   ::signal(SIGXFSZ, SIG_IGN);
                   const rlimit limit{2U << 20, 2U << 20};
                   if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) { return 9; }
                   const database db = database::open(path);
                   errc met{};
                   try {
                       db.update([](pinyon::write_transaction& tx) {
                           auto tree = tx.open_raw("t");
                           const std::string value(900, 'v');
                           for (int i = 0; i < 10000; ++i) {
                               const std::string key = "more" + std::to_string(i);
                               tree.put(as_bytes(key), as_bytes(value));
                           }
                       });
                   } catch (const pinyon::error& failure) { met = failure.kind(); }
                   if (met != errc::no_space) { return 1; }
                   if (entries(db) != 1000) { return 2; }
                   // Not sticky: what fits goes in.
                   db.update([](pinyon::write_transaction& tx) {
                       tx.open_raw("t").erase(as_bytes("key1"));
                   });
                   return entries(db) == 999 ? 0 : 3;
               }) == 0);
    BOOST_TEST(entries(database::open(path)) == 999U);
}

BOOST_FIXTURE_TEST_CASE(closing_with_transactions_running_is_misuse, fixture) {
    fill();
    database db = database::open(path);
    {
        auto reader = db.begin_read();
        BOOST_TEST(code_of([&] { db.close(); }) == errc::misuse);
        BOOST_TEST(reader.open_raw("t").size() == 1000U);
    }
    {
        auto writer = db.begin_write();
        BOOST_TEST(code_of([&] { db.close(); }) == errc::misuse);
    }
    db.close();
    db.close();
    BOOST_TEST(!db.is_open());
    BOOST_TEST(code_of([&] { (void)db.begin_read(); }) == errc::misuse);
    BOOST_TEST(code_of([&] { (void)db.begin_write(); }) == errc::misuse);
    BOOST_TEST(code_of([&] { (void)db.statistics(); }) == errc::misuse);
    BOOST_TEST(entries(database::open(path)) == 1000U);
}

BOOST_FIXTURE_TEST_CASE(a_transaction_keeps_the_database_open, fixture) {
    fill();
    auto reader = [&] { return database::open(path).begin_read(); }();
    BOOST_TEST(reader.open_raw("t").size() == 1000U);
    BOOST_TEST(open_failure() == errc::busy);
    reader.end();
    BOOST_TEST(entries(database::open(path)) == 1000U);
}

BOOST_FIXTURE_TEST_CASE(a_second_writer, fixture) {
    fill();
    const database db = database::open(path);
    auto writer = db.begin_write();
    BOOST_TEST(code_of([&] { (void)db.begin_write(); }) == errc::misuse);
    std::thread([&] {
        BOOST_TEST(!db.try_begin_write());
        BOOST_TEST(code_of([&] { (void)db.begin_write(std::chrono::milliseconds(5)); }) ==
                   errc::busy);
    }).join();
    writer.abort();
    BOOST_TEST(db.try_begin_write().has_value());
}

BOOST_FIXTURE_TEST_CASE(an_aborted_transaction_leaves_no_trace, fixture) {
    fill();
    const database db = database::open(path);
    for (int round = 0; round < 20; ++round) {
        auto writer = db.begin_write();
        auto tree = writer.open_raw("t");
        for (int i = 0; i < 1000; ++i) { tree.erase(as_bytes("key" + std::to_string(i))); }
        (void)writer.open_raw("another");
        writer.abort();
    }
    BOOST_TEST(entries(db) == 1000U);
    BOOST_TEST(!db.begin_read().contains("another"));
    const auto pages = db.statistics().file_pages;
    db.update(
        [](pinyon::write_transaction& tx) { tx.open_raw("t").put(as_bytes("x"), as_bytes("y")); });
    BOOST_TEST(db.statistics().file_pages == pages);
}

// Pages that were nodes a moment ago become part of a large value: what was verified then says
// nothing about what stands there now.
BOOST_AUTO_TEST_CASE(a_recycled_page_is_verified_again_as_part_of_a_large_value) {
    pinyon::io::memory_file_system files;
    options how;
    how.files = &files;
    const database db = database::open("a.pinyon", how);
    const auto each_key = [&](auto&& use) {
        for (int i = 0; i < 3000; ++i) { use("key" + std::to_string(i)); }
    };
    db.update([&](pinyon::write_transaction& tx) {
        auto tree = tx.open_raw("t");
        each_key([&](const std::string& key) {
            tree.put(as_bytes(key), as_bytes(std::string(200, 'v')));
        });
    });
    {
        const auto tx = db.begin_read();
        const auto tree = tx.open_raw("t");
        each_key([&](const std::string& key) { BOOST_TEST(tree.get(as_bytes(key)).has_value()); });
    }
    db.update([&](pinyon::write_transaction& tx) { tx.drop("t"); });
    db.update([&](pinyon::write_transaction& tx) {
        tx.open_raw("u").put(as_bytes("large"), as_bytes(std::string(400'000, 'Z')));
    });
    const auto file = files.open(db.path(), pinyon::io::open_mode::read_write);
    std::vector<char> content(file->size());
    BOOST_REQUIRE(file->read(0, std::as_writable_bytes(std::span(content))) == content.size());
    const std::string inside(4096, 'Z');
    const std::size_t place = std::string_view(content.data(), content.size()).find(inside);
    BOOST_REQUIRE(place != std::string_view::npos);
    file->write(place, as_bytes("?"));
    BOOST_TEST(code_of([&] {
                   const auto tx = db.begin_read();
                   (void)tx.open_raw("u").get(as_bytes("large"));
               }) == errc::corrupt);
}

// As a backup does: it holds the lock byte of the slot whose state it reads.
BOOST_AUTO_TEST_CASE(a_state_that_another_process_reads_is_kept) {
    pinyon::io::memory_file_system files;
    options how;
    how.files = &files;
    const database db = database::open("a.pinyon", how);
    const auto rewrite = [&](char value) {
        const auto put_all = [&](pinyon::write_transaction& tx) {
            auto tree = tx.open_raw("t");
            for (int i = 0; i < 300; ++i) {
                tree.put(as_bytes("key" + std::to_string(i)), as_bytes(std::string(100, value)));
            }
        };
        db.update(put_all, pinyon::durability::checkpoint);
    };
    rewrite('a');
    const auto copy = [&] {
        const auto file = files.open(db.path(), pinyon::io::open_mode::read_only);
        std::vector<std::byte> content(file->size());
        BOOST_REQUIRE(file->read(0, content) == content.size());
        return content;
    };
    const auto before = copy();
    auto reader = files.open(db.path(), pinyon::io::open_mode::read_only);
    BOOST_REQUIRE(reader->try_lock(pinyon::io::lock_byte::meta0, pinyon::io::lock_mode::shared));
    for (char value = 'b'; value < 'j'; ++value) { rewrite(value); }
    BOOST_TEST(db.statistics().held_pages > 0U);
    // Every page of the state that it reads is as it was: the metas as they were, in front of the
    // pages as they are, make a file that shows it.
    auto mixed = copy();
    std::copy_n(before.begin(), 8192, mixed.begin());
    {
        const auto file = files.open("mixed.pinyon", pinyon::io::open_mode::create_new);
        file->write(0, mixed);
    }
    const database old = database::open("mixed.pinyon", how);
    const auto tx = old.begin_read();
    const auto tree = tx.open_raw("t");
    for (int i = 0; i < 300; ++i) {
        const auto value = tree.get(as_bytes("key" + std::to_string(i)));
        BOOST_REQUIRE(value.has_value());
        BOOST_TEST(as_text(*value) == std::string(100, 'a'));
    }
    reader->unlock(pinyon::io::lock_byte::meta0);
    rewrite('z');
    rewrite('z');
    BOOST_TEST(db.statistics().held_pages == 0U);
}

BOOST_AUTO_TEST_CASE(a_database_in_memory) {
    const database db = database::in_memory();
    db.update(
        [](pinyon::write_transaction& tx) { tx.open_raw("t").put(as_bytes("x"), as_bytes("y")); });
    const auto tx = db.begin_read();
    const auto value = tx.open_raw("t").get(as_bytes("x"));
    BOOST_REQUIRE(value.has_value());
    BOOST_TEST(as_text(*value) == "y");
}

BOOST_FIXTURE_TEST_CASE(two_metas_of_different_transactions_still_open, fixture) {
    fill();
    // As a crash between the two meta writes of a commit leaves it.
    const auto older = read_file(path);
    database::open(path).update([](pinyon::write_transaction& tx) {
        tx.open_raw("t").put(as_bytes("new"), as_bytes("y"));
    });
    auto content = read_file(path);
    pinyon::format::meta first{};
    pinyon::format::meta second{};
    std::memcpy(&first, content.data(), sizeof first);
    std::memcpy(&second, content.data() + 4096, sizeof second);
    const std::size_t last_written = first.sequence > second.sequence ? 0 : 4096;
    std::memcpy(content.data() + last_written, older.data() + last_written, 512);
    write_file(path, content);
    for (int round = 0; round < 3; ++round) {
        const database db = database::open(path);
        BOOST_TEST(entries(db) == 1001U + static_cast<unsigned>(round));
        db.update([&](pinyon::write_transaction& tx) {
            tx.open_raw("t").put(as_bytes("again" + std::to_string(round)), as_bytes("y"));
        });
    }
}

// A writer that began there would leave numbers that no reader takes.
BOOST_FIXTURE_TEST_CASE(a_log_file_of_an_impossible_number_stops_writers, fixture) {
    fill();
    const std::string name = pinyon::segment_name(path, format::count_max);
    write_file(name, {});
    require_refusal(errc::corrupt);
    BOOST_TEST(entries(database::open(path, with(access_mode::read_only))) == 1000U);
    std::filesystem::remove(name);
    BOOST_TEST(entries(database::open(path)) == 1000U);
}

BOOST_FIXTURE_TEST_CASE(a_meta_that_counts_too_far_stops_writers, fixture) {
    fill();
    auto content = read_file(path);
    for (std::size_t slot = 0; slot != 2; ++slot) {
        format::meta meta{};
        std::memcpy(&meta, content.data() + slot * 4096, sizeof meta);
        meta.sequence += format::count_max / 2 + 1;
        meta.checksum = pinyon::checksum_of(meta);
        std::memcpy(content.data() + slot * 4096, &meta, sizeof meta);
    }
    write_file(path, content);
    require_refusal(errc::corrupt);
    BOOST_TEST(entries(database::open(path, with(access_mode::read_only))) == 1000U);
}

}  // namespace
