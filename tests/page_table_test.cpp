#define BOOST_TEST_MODULE page_table
#include "pinyon/mmap/page_table.hpp"

#include <boost/test/unit_test.hpp>
#include <thread>
#include <utility>
#include <vector>

namespace io = pinyon::io;

BOOST_AUTO_TEST_CASE(a_table_for_a_tebibyte_costs_nothing_and_is_zero) {
    constexpr io::page_number capacity = io::page_number{1} << 28;
    const io::page_table table(capacity);
    BOOST_TEST(table.capacity() == capacity);
    for (const io::page_number page : {io::page_number{0}, capacity / 2, capacity - 1}) {
        BOOST_TEST(table.word(page).state.load() == 0);
        BOOST_TEST(table.word(page).tick.load() == 0);
        BOOST_TEST(table.pins(page).load() == 0u);
        BOOST_TEST(table.sum(page) == 0u);
    }
}

BOOST_AUTO_TEST_CASE(words_pins_and_sums_are_apart) {
    const io::page_table table(8);
    table.word(3).state.store(io::page_word::admitted);
    table.pins(3).store(7);
    table.set_sum(3, 0xdeadbeef);
    BOOST_TEST(table.word(3).state.load() == io::page_word::admitted);
    BOOST_TEST(table.pins(3).load() == 7u);
    BOOST_TEST(table.sum(3) == 0xdeadbeefu);
    BOOST_TEST(table.word(2).state.load() == 0);
    BOOST_TEST(table.sum(4) == 0u);
}

BOOST_AUTO_TEST_CASE(a_table_can_be_moved) {
    io::page_table table(8);
    table.set_sum(1, 5);
    const io::page_table moved(std::move(table));
    BOOST_TEST(moved.sum(1) == 5u);
    BOOST_TEST(moved.capacity() == 8u);
}

BOOST_AUTO_TEST_CASE(visits_are_counted_by_more_threads_than_there_are_slots) {
    constexpr unsigned threads = 2 * io::visit_counters::slots;
    constexpr std::uint64_t each = 1000;
    io::visit_counters counters;
    // Two rounds: the second takes the slots that the first gave back.
    for (int round = 0; round != 2; ++round) {
        std::vector<std::thread> running;
        for (unsigned i = 0; i != threads; ++i) {
            running.emplace_back([&counters] {
                for (std::uint64_t n = 0; n != each; ++n) counters.add_visits(2);
            });
        }
        for (std::thread& thread : running) thread.join();
    }
    BOOST_TEST(counters.visits() == 2 * 2 * each * threads);
}
