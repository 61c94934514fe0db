// What a program may do wrong: each mistake has its error, which says what to do, and loses
// nothing.
#define BOOST_TEST_MODULE api
#include <boost/test/unit_test.hpp>
#include <functional>
#include <limits>
#include <thread>

#include "pinyon/engine/pinyon.hpp"
#include "support/database_rig.hpp"
#include "support/errors.hpp"
#include "support/simulated_disk.hpp"

namespace {

using pinyon::as_bytes;
using pinyon::database;
using pinyon::errc;
using pinyon::read_transaction;
using pinyon::tree_spec;
using pinyon::write_transaction;
using pinyon::test::code_of;
using pinyon::test::database_rig;
using namespace std::chrono_literals;

inline constexpr tree_spec<std::string_view, std::uint64_t> users{"users"};
inline constexpr tree_spec<std::uint64_t, std::string_view> texts{"texts"};
inline constexpr tree_spec<double, std::uint32_t> scores{"scores"};

template <class T>
void use(T&&) {}

void fill(database_rig& rig) {
    rig->update([](write_transaction& tx) {
        tx.open(users).put("ann", 1);
        tx.open(texts).put(1, "one");
        tx.open(scores).put(0.5, 5);
    });
}

// What `fill` wrote is there, and what `added` names.
void require_intact(database_rig& rig, std::uint64_t people = 1) {
    rig.reopen();
    rig->view([&](const read_transaction& tx) {
        BOOST_TEST(tx.open(users).get("ann").value() == 1u);
        BOOST_TEST(tx.open(users).size() == people);
        BOOST_TEST(tx.open(texts).get(1).value() == "one");
        BOOST_TEST(tx.open(scores).get(0.5).value() == 5u);
    });
    rig.require_sound();
}

// A call on the handles of a transaction.
struct handles {
    pinyon::tree<std::string_view, std::uint64_t> users;
    pinyon::tree<std::uint64_t, std::string_view> texts;
};
struct reading_call {
    const char* what;
    std::function<void(handles&)> run;
};
const reading_call reading_calls[]{
    {"get", [](handles& h) { use(h.users.get("ann")); }},
    {"contains", [](handles& h) { use(h.users.contains("ann")); }},
    {"size", [](handles& h) { use(h.users.size()); }},
    {"count", [](handles& h) { use(h.users.count("a", "b")); }},
    {"rank", [](handles& h) { use(h.users.rank("a")); }},
    {"nth", [](handles& h) { use(h.users.nth(0)); }},
    {"range", [](handles& h) { use(h.users.range("a", "b").begin()); }},
    {"begin", [](handles& h) { use(h.users.begin()); }},
    {"cursor", [](handles& h) { h.users.cursor().first(); }},
    {"name", [](handles& h) { use(h.users.name()); }},
    {"get_stream", [](handles& h) { use(h.texts.get_stream(1)); }},
    {"get_many",
     [](handles& h) {
         const std::array<std::string_view, 1> keys{"ann"};
         std::array<std::optional<std::uint64_t>, 1> found;
         h.users.get_many(keys, found);
     }},
    {"prefetch",
     [](handles& h) {
         const std::array<std::string_view, 1> keys{"ann"};
         h.users.prefetch(keys);
     }},
};

void require_all_misuse(handles& of_ended) {
    for (const reading_call& call : reading_calls) {
        BOOST_TEST_CONTEXT(call.what) {
            BOOST_TEST(code_of([&] { call.run(of_ended); }) == errc::misuse);
        }
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_second_write_transaction_in_one_thread_is_misuse) {
    database_rig rig;
    fill(rig);
    write_transaction first = rig->begin_write();
    first.open(users).put("bob", 2);
    BOOST_TEST(code_of([&] { use(rig->begin_write()); }) == errc::misuse);
    BOOST_TEST(code_of([&] { use(rig->begin_write(1ms)); }) == errc::misuse);
    BOOST_TEST(code_of([&] { rig->update([](write_transaction&) {}); }) == errc::misuse);
    first.open(users).put("carl", 3);
    first.commit();
    require_intact(rig, 3);
}

BOOST_AUTO_TEST_CASE(a_write_transaction_beside_one_in_another_thread_is_busy) {
    database_rig rig;
    fill(rig);
    write_transaction first = rig->begin_write();
    first.open(users).put("bob", 2);
    std::thread([&] {
        BOOST_TEST(!rig->try_begin_write().has_value());
        BOOST_TEST(code_of([&] { use(rig->begin_write(1ms)); }) == errc::busy);
    }).join();
    first.commit();
    require_intact(rig, 2);
}

BOOST_AUTO_TEST_CASE(handles_of_an_ended_read_transaction_are_misuse) {
    database_rig rig;
    fill(rig);
    {
        read_transaction tx = rig->begin_read();
        handles of_tx{tx.open(users), tx.open(texts)};
        auto cursor = of_tx.users.cursor();
        BOOST_TEST(cursor.first());
        auto stream = of_tx.texts.get_stream(1).value();
        for (const reading_call& call : reading_calls) { BOOST_CHECK_NO_THROW(call.run(of_tx)); }
        tx.end();
        require_all_misuse(of_tx);
        BOOST_TEST(code_of([&] { cursor.next(); }) == errc::misuse);
        BOOST_TEST(code_of([&] { use(cursor.key()); }) == errc::misuse);
        BOOST_TEST(code_of([&] { use(cursor.value()); }) == errc::misuse);
        std::array<std::byte, 8> room;
        BOOST_TEST(code_of([&] { stream.read(room); }) == errc::misuse);
        BOOST_TEST(code_of([&] { use(tx.open(users)); }) == errc::misuse);
        BOOST_TEST(code_of([&] { use(tx.trees()); }) == errc::misuse);
        BOOST_TEST(!tx.active());
    }
    require_intact(rig);
}

BOOST_AUTO_TEST_CASE(handles_of_a_committed_or_aborted_write_transaction_are_misuse) {
    for (const bool commits : {true, false}) {
        BOOST_TEST_CONTEXT((commits ? "commit" : "abort")) {
            database_rig rig;
            fill(rig);
            write_transaction tx = rig->begin_write();
            auto people = tx.open(users);
            auto notes = tx.open(texts);
            handles of_tx{people, notes};
            people.put("bob", 2);
            auto stream = notes.put_stream(9, 100000);
            stream.write(as_bytes(std::string(90000, 'x')));
            auto load = tx.open_raw("loaded").begin_load();
            load.append(as_bytes("a"), as_bytes("b"));
            if (commits) {
                BOOST_TEST(code_of([&] { tx.commit(); }) == errc::misuse);
                BOOST_TEST(tx.active());
                stream.write(as_bytes(std::string(10000, 'x')));
                stream.finish();
                BOOST_TEST(code_of([&] { tx.commit(); }) == errc::misuse);
                load.finish();
                tx.commit();
            } else {
                tx.abort();
            }
            BOOST_TEST(!tx.active());
            require_all_misuse(of_tx);
            BOOST_TEST(code_of([&] { people.put("carl", 3); }) == errc::misuse);
            BOOST_TEST(code_of([&] { people.insert("carl", 3); }) == errc::misuse);
            BOOST_TEST(code_of([&] { people.erase("ann"); }) == errc::misuse);
            BOOST_TEST(code_of([&] { people.erase_range("a", "z"); }) == errc::misuse);
            BOOST_TEST(code_of([&] { people.clear(); }) == errc::misuse);
            BOOST_TEST(code_of([&] { use(notes.put_stream(1, 5)); }) == errc::misuse);
            BOOST_TEST(code_of([&] { stream.write(as_bytes("x")); }) == errc::misuse);
            BOOST_TEST(code_of([&] { stream.finish(); }) == errc::misuse);
            BOOST_TEST(code_of([&] { load.append(as_bytes("b"), as_bytes("c")); }) == errc::misuse);
            BOOST_TEST(code_of([&] { load.finish(); }) == errc::misuse);
            BOOST_TEST(code_of([&] { tx.commit(); }) == errc::misuse);
            BOOST_TEST(code_of([&] { use(tx.open(users)); }) == errc::misuse);
            BOOST_TEST(code_of([&] { tx.drop("users"); }) == errc::misuse);
            tx.abort();
        }
    }
}

BOOST_AUTO_TEST_CASE(an_ended_write_transaction_leaves_what_it_committed) {
    database_rig rig;
    fill(rig);
    {
        write_transaction tx = rig->begin_write();
        tx.open(users).put("bob", 2);
    }
    require_intact(rig);
    write_transaction tx = rig->begin_write();
    tx.open(users).put("bob", 2);
    tx.commit();
    require_intact(rig, 2);
}

BOOST_AUTO_TEST_CASE(a_moved_transaction_goes_on_in_its_new_place) {
    database_rig rig;
    fill(rig);
    {
        read_transaction first = rig->begin_read();
        auto people = first.open(users);
        read_transaction second = std::move(first);
        BOOST_TEST(people.get("ann").value() == 1u);
        BOOST_TEST(code_of([&] { use(first.open(users)); }) ==
                   errc::misuse);  // NOLINT(*-use-after-move)
        BOOST_TEST(second.open(users).size() == 1u);

        write_transaction from = rig->begin_write();
        auto change = from.open(users);
        write_transaction to = std::move(from);
        BOOST_TEST(code_of([&] { from.commit(); }) == errc::misuse);  // NOLINT(*-use-after-move)
        change.put("bob", 2);
        to.commit();
    }
    require_intact(rig, 2);
}

BOOST_AUTO_TEST_CASE(an_empty_handle_is_misuse) {
    pinyon::raw_tree raw;
    BOOST_TEST(code_of([&] { use(raw.size()); }) == errc::misuse);
    pinyon::raw_cursor cursor;
    BOOST_TEST(!cursor.valid());
    BOOST_TEST(code_of([&] { cursor.first(); }) == errc::misuse);
    BOOST_TEST(code_of([&] { cursor.next(); }) == errc::misuse);
    BOOST_TEST(code_of([&] { use(cursor.key()); }) == errc::misuse);
}

BOOST_AUTO_TEST_CASE(moving_beyond_the_ends_is_misuse) {
    database_rig rig;
    fill(rig);
    rig->view([](const read_transaction& tx) {
        const auto t = tx.open(users);
        auto cursor = t.cursor();
        BOOST_TEST(code_of([&] { cursor.next(); }) == errc::misuse);
        BOOST_TEST(code_of([&] { use(cursor.key()); }) == errc::misuse);
        BOOST_TEST(cursor.first());
        BOOST_TEST(!cursor.next());
        BOOST_TEST(code_of([&] { cursor.next(); }) == errc::misuse);
        BOOST_TEST(code_of([&] { cursor.previous(); }) == errc::misuse);
        auto end = t.end();
        BOOST_TEST(code_of([&] { ++end; }) == errc::misuse);
        BOOST_TEST(code_of([&] { use(*end); }) == errc::misuse);
    });
}

BOOST_AUTO_TEST_CASE(a_closed_database_refuses_and_waits_for_its_transactions) {
    database_rig rig;
    fill(rig);
    database copy = *rig.db;
    {
        const read_transaction running = copy.begin_read();
        BOOST_TEST(code_of([&] { copy.close(); }) == errc::misuse);
        BOOST_TEST(running.open(users).size() == 1u);
    }
    {
        write_transaction running = copy.begin_write();
        running.open(users).put("bob", 2);
        BOOST_TEST(code_of([&] { copy.close(); }) == errc::misuse);
        running.commit();
    }
    copy.close();
    BOOST_TEST(!copy.is_open());
    BOOST_TEST(!rig->is_open());
    BOOST_TEST(code_of([&] { use(rig->begin_read()); }) == errc::misuse);
    BOOST_TEST(code_of([&] { use(rig->begin_write()); }) == errc::misuse);
    BOOST_TEST(code_of([&] { use(rig->try_begin_write()); }) == errc::misuse);
    require_intact(rig, 2);
}

BOOST_AUTO_TEST_CASE(keys_of_512_bytes_fit_and_of_513_do_not) {
    for (const std::uint32_t page_bytes : {4096u, 16384u}) {
        BOOST_TEST_CONTEXT(page_bytes << " bytes a page") {
            database_rig rig(page_bytes);
            fill(rig);
            const std::string fits(page_bytes / 8, 'k');
            const std::string too_long(page_bytes / 8 + 1, 'k');
            rig->update([&](write_transaction& tx) {
                auto t = tx.open(users);
                t.put(fits, 2);
                BOOST_TEST(code_of([&] { t.put(too_long, 3); }) == errc::key_too_long);
                BOOST_TEST(code_of([&] { t.insert(too_long, 3); }) == errc::key_too_long);
                BOOST_TEST(code_of([&] { t.put(std::string(1 << 20, 'k'), 3); }) ==
                           errc::key_too_long);
                BOOST_TEST(!t.erase(too_long));
                BOOST_TEST(!t.contains(too_long));
                BOOST_TEST(t.get(fits).value() == 2u);
            });
            require_intact(rig, 2);
        }
    }
}

BOOST_AUTO_TEST_CASE(values_above_the_limit_are_too_long) {
    database_rig rig;
    fill(rig);
    rig->update([](write_transaction& tx) {
        auto t = tx.open(texts);
        constexpr std::uint64_t limit = pinyon::format::value_bytes_max;
        BOOST_TEST(code_of([&] { use(t.put_stream(2, limit + 1)); }) == errc::value_too_long);
        BOOST_TEST(code_of([&] { use(t.put_stream(2, ~std::uint64_t{0})); }) ==
                   errc::value_too_long);
        t.put(3, "three");
    });
    require_intact(rig);
}

BOOST_AUTO_TEST_CASE(a_value_that_no_view_can_show_is_read_as_a_stream) {
    database_rig rig;
    fill(rig);
    constexpr std::uint64_t length = std::uint64_t{5} << 20;  // above half of the rig's pool
    rig->update([&](write_transaction& tx) {
        auto writer = tx.open(texts).put_stream(2, length);
        const std::string part(1 << 20, 'v');
        for (std::uint64_t done = 0; done < length; done += part.size()) {
            writer.write(as_bytes(part));
        }
        writer.finish();
    });
    rig->view([&](const read_transaction& tx) {
        const auto t = tx.open(texts);
        BOOST_TEST(code_of([&] { use(t.get(2)); }) == errc::value_too_long);
        BOOST_TEST(t.contains(2));
        auto reader = t.get_stream(2).value();
        std::vector<std::byte> part(100000);
        std::uint64_t done = 0;
        while (const std::size_t taken = reader.read(part)) { done += taken; }
        BOOST_TEST(done == length);
    });
    require_intact(rig);
}

BOOST_AUTO_TEST_CASE(streams_of_the_wrong_length_are_misuse) {
    database_rig rig;
    fill(rig);
    rig->update([](write_transaction& tx) {
        auto t = tx.open(texts);
        for (const std::uint64_t length : {std::uint64_t{10}, std::uint64_t{9000}}) {
            BOOST_TEST_CONTEXT(length << " bytes announced") {
                auto writer = t.put_stream(2, length);
                const std::string text(length, 'x');
                BOOST_TEST(code_of([&] { writer.finish(); }) == errc::misuse);
                writer.write(as_bytes(text).first(length - 1));
                BOOST_TEST(code_of([&] { writer.finish(); }) == errc::misuse);
                BOOST_TEST(code_of([&] { writer.write(as_bytes("xx")); }) == errc::misuse);
                writer.write(as_bytes("x"));
                writer.finish();
                BOOST_TEST(code_of([&] { writer.write(as_bytes("x")); }) == errc::misuse);
                BOOST_TEST(code_of([&] { writer.finish(); }) == errc::misuse);
                BOOST_TEST((t.get(2).value() == text));
            }
        }
    });
    require_intact(rig);
}

BOOST_AUTO_TEST_CASE(a_stream_beside_a_change_of_its_tree_is_misuse) {
    database_rig rig;
    fill(rig);
    rig->update([](write_transaction& tx) {
        auto t = tx.open(texts);
        auto reader = t.get_stream(1).value();
        t.put(2, "two");
        std::array<std::byte, 8> room;
        BOOST_TEST(code_of([&] { reader.read(room); }) == errc::misuse);
    });
    require_intact(rig);
}

BOOST_AUTO_TEST_CASE(other_types_are_a_mismatch) {
    database_rig rig;
    fill(rig);
    constexpr tree_spec<std::string_view, std::int64_t> other_value{"users"};
    constexpr tree_spec<std::uint64_t, std::uint64_t> other_key{"users"};
    constexpr tree_spec<float, std::uint32_t> other_width{"scores"};
    rig->view([&](const read_transaction& tx) {
        BOOST_TEST(code_of([&] { use(tx.open(other_value)); }) == errc::type_mismatch);
        BOOST_TEST(code_of([&] { use(tx.open(other_key)); }) == errc::type_mismatch);
        BOOST_TEST(code_of([&] { use(tx.find(other_key)); }) == errc::type_mismatch);
        BOOST_TEST(code_of([&] { use(tx.open(other_width)); }) == errc::type_mismatch);
    });
    rig->update([&](write_transaction& tx) {
        BOOST_TEST(code_of([&] { use(tx.open(other_value)); }) == errc::type_mismatch);
        BOOST_TEST(code_of([&] {
                       use(tx.open_as("users", {"u64", "u64", 8, 8, 8}));
                   }) == errc::type_mismatch);
        tx.open(users).put("bob", 2);
    });
    require_intact(rig, 2);
}

BOOST_AUTO_TEST_CASE(raw_bytes_of_another_width_are_a_mismatch) {
    database_rig rig;
    fill(rig);
    rig->update([&](write_transaction& tx) {
        auto fixed = tx.open_raw("scores");
        const auto mismatch = [](const std::function<void()>& call) {
            BOOST_TEST(code_of(call) == errc::type_mismatch);
        };
        const std::string key(8, 'k');
        mismatch([&] { fixed.put(as_bytes("short"), as_bytes("four")); });
        mismatch([&] { fixed.put(as_bytes(key), as_bytes("five!")); });
        mismatch([&] { fixed.insert(as_bytes(""), as_bytes("four")); });
        mismatch([&] { use(fixed.get(as_bytes("short"))); });
        mismatch([&] { use(fixed.contains(as_bytes("short"))); });
        mismatch([&] { fixed.erase(as_bytes("short")); });
        mismatch([&] { use(fixed.put_stream(as_bytes(key), 4)); });
        auto slotted = tx.open_raw("texts");
        mismatch([&] { slotted.put(as_bytes("short"), as_bytes("x")); });
        mismatch([&] { use(slotted.put_stream(as_bytes("short"), 4)); });
        auto numbers = tx.open_raw("users");
        mismatch([&] { numbers.put(as_bytes("zoe"), as_bytes("not eight")); });
    });
    require_intact(rig);
}

BOOST_AUTO_TEST_CASE(there_is_no_tree_before_it_is_created) {
    database_rig rig;
    fill(rig);
    constexpr tree_spec<int, int> nothing{"nothing"};
    rig->view([&](const read_transaction& tx) {
        BOOST_TEST(code_of([&] { use(tx.open(nothing)); }) == errc::no_such_tree);
        BOOST_TEST(code_of([&] { use(tx.open_raw("nothing")); }) == errc::no_such_tree);
        BOOST_TEST(!tx.find(nothing).has_value());
        BOOST_TEST(!tx.contains("nothing"));
    });
    rig->update([&](write_transaction& tx) {
        constexpr tree_spec<int, int> unnamed{""};
        BOOST_TEST(code_of([&] { use(tx.open(unnamed)); }) == errc::misuse);
        BOOST_TEST(code_of([&] { tx.rename("nothing", "x"); }) == errc::no_such_tree);
        BOOST_TEST(code_of([&] { tx.rename("users", "texts"); }) == errc::exists);
        BOOST_TEST(code_of([&] { tx.rename("users", "a\nb"); }) == errc::misuse);
    });
    require_intact(rig);
}

BOOST_AUTO_TEST_CASE(nan_is_no_key) {
    database_rig rig;
    fill(rig);
    constexpr double nan = std::numeric_limits<double>::quiet_NaN();
    rig->update([&](write_transaction& tx) {
        auto t = tx.open(scores);
        BOOST_TEST(code_of([&] { t.put(nan, 1); }) == errc::misuse);
        BOOST_TEST(code_of([&] { use(t.get(nan)); }) == errc::misuse);
        t.put(-0.0, 7);
        BOOST_TEST(t.get(0.0).value() == 7u);
    });
    require_intact(rig);
}

BOOST_AUTO_TEST_CASE(loads_into_the_wrong_place_or_order_are_misuse) {
    database_rig rig;
    fill(rig);
    BOOST_TEST(code_of([&] {
                   rig->update(
                       [](write_transaction& tx) { use(tx.open_raw("users").begin_load()); });
               }) == errc::misuse);
    BOOST_TEST(code_of([&] {
                   rig->update(
                       [](write_transaction& tx) { use(tx.open_raw("new").begin_load(1.5)); });
               }) == errc::misuse);
    BOOST_TEST(code_of([&] {
                   rig->update([](write_transaction& tx) {
                       auto load = tx.open_raw("new").begin_load();
                       load.append(as_bytes("b"), as_bytes("1"));
                       load.append(as_bytes("a"), as_bytes("2"));
                   });
               }) == errc::misuse);
    BOOST_TEST(code_of([&] {
                   rig->update([](write_transaction& tx) {
                       auto tree = tx.open_raw("new");
                       auto load = tree.begin_load();
                       load.append(as_bytes("b"), as_bytes("1"));
                       tree.put(as_bytes("a"), as_bytes("2"));
                       load.append(as_bytes("c"), as_bytes("3"));
                   });
               }) == errc::misuse);
    rig->view([](const read_transaction& tx) { BOOST_TEST(!tx.contains("new")); });
    require_intact(rig);
}

BOOST_AUTO_TEST_CASE(a_read_only_database_changes_nothing) {
    database_rig rig;
    fill(rig);
    rig.db.reset();
    pinyon::options reading = rig.chosen;
    reading.access = pinyon::access_mode::read_only;
    rig.db.emplace(database::open(rig.path, reading));
    BOOST_TEST(code_of([&] { use(rig->begin_write()); }) == errc::read_only);
    BOOST_TEST(code_of([&] { use(rig->begin_write(1ms)); }) == errc::read_only);
    BOOST_TEST(code_of([&] { use(rig->try_begin_write()); }) == errc::read_only);
    BOOST_TEST(code_of([&] { rig->update([](write_transaction&) {}); }) == errc::read_only);
    rig->view(
        [](const read_transaction& tx) { BOOST_TEST(tx.open(users).get("ann").value() == 1u); });
    require_intact(rig);
}

BOOST_AUTO_TEST_CASE(a_mistake_in_an_argument_does_not_fail_the_transaction) {
    database_rig rig;
    fill(rig);
    {
        write_transaction tx = rig->begin_write();
        auto t = tx.open(users);
        t.put("bob", 2);
        BOOST_TEST(code_of([&] { t.put(std::string(600, 'k'), 3); }) == errc::key_too_long);
        BOOST_TEST(code_of([&] { tx.rename("nothing", "x"); }) == errc::no_such_tree);
        tx.commit();
    }
    require_intact(rig, 2);
}

BOOST_AUTO_TEST_CASE(after_a_failed_change_the_transaction_can_only_be_aborted) {
    database_rig rig;
    fill(rig);
    rig.db.reset();
    pinyon::test::simulated_disk disk(rig.files);
    pinyon::options chosen = rig.chosen;
    chosen.files = &disk;
    rig.db.emplace(database::open(rig.path, chosen));
    {
        write_transaction tx = rig->begin_write();
        auto t = tx.open(users);
        auto notes = tx.open(texts);
        t.put("bob", 2);
        pinyon::test::fault_plan full;
        full.for_ever = true;
        full.kind = pinyon::test::disk_fault::no_space;
        full.on = pinyon::test::writing_calls;
        disk.plan(full);
        BOOST_TEST(code_of([&] { notes.put(2, std::string(4 << 20, 'x')); }) == errc::no_space);
        BOOST_TEST(disk.fired() > 0u);
        disk.heal();
        BOOST_TEST(code_of([&] { t.put("carl", 3); }) == errc::transaction_failed);
        BOOST_TEST(code_of([&] { t.erase("ann"); }) == errc::transaction_failed);
        BOOST_TEST(code_of([&] { tx.drop("users"); }) == errc::transaction_failed);
        BOOST_TEST(t.get("ann").value() == 1u);
        BOOST_TEST(code_of([&] { tx.commit(); }) == errc::transaction_failed);
    }
    rig->update([](write_transaction& tx) { tx.open(users).put("bob", 2); });
    rig.db.reset();
    require_intact(rig, 2);
}

BOOST_AUTO_TEST_CASE(a_large_load_is_written_while_it_goes_on) {
    database_rig rig;
    fill(rig);
    rig.db.reset();
    pinyon::test::simulated_disk disk(rig.files);
    pinyon::options chosen = rig.chosen;
    chosen.files = &disk;
    rig.db.emplace(database::open(rig.path, chosen));
    const auto starts = pinyon::test::calls(pinyon::test::disk_call::start_write_back);
    const auto load = [&rig] {
        rig->update([](write_transaction& tx) {
            auto loader = tx.open_raw("loaded").begin_load();
            const std::string value(900, 'v');
            for (std::uint32_t i = 0; i < 20'000; ++i) {
                std::array<char, 12> key{};
                std::snprintf(key.data(), key.size(), "%08u", i);
                loader.append(pinyon::as_bytes(std::string_view(key.data(), 8)),
                              pinyon::as_bytes(value));
            }
            loader.finish();
        });
    };
    pinyon::test::fault_plan broken;
    broken.on = starts;
    disk.plan(broken);
    BOOST_TEST(code_of(load) == errc::io);
    BOOST_TEST(disk.fired() == 1u);
    disk.heal();
    disk.forget();
    load();
    BOOST_TEST(disk.operations(starts) == 2u);  // of 20 MB, each 8 MiB
    BOOST_TEST(rig->begin_read().open_raw("loaded").size() == 20'000u);
    rig.db.reset();
    rig.db.emplace(database::open(rig.path, rig.chosen));
}

BOOST_AUTO_TEST_CASE(an_exception_in_update_aborts) {
    database_rig rig;
    fill(rig);
    BOOST_CHECK_THROW(rig->update([](write_transaction& tx) {
        tx.open(users).clear();
        tx.drop("texts");
        throw std::runtime_error("the program's own");
    }),
                      std::runtime_error);
    require_intact(rig);
}

BOOST_AUTO_TEST_CASE(update_and_view_return_what_their_functions_return) {
    database_rig rig;
    fill(rig);
    const bool fresh =
        rig->update([](write_transaction& tx) { return tx.open(users).insert("bob", 2); });
    BOOST_TEST(fresh);
    BOOST_TEST(rig->view([](const read_transaction& tx) { return tx.open(users).size(); }) == 2u);
}
