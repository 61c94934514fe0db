// The eviction order alone, against a list kept the obvious way.
#define BOOST_TEST_MODULE lru
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include "pinyon/mmap/lru.hpp"

namespace {

using namespace pinyon;
using io::eviction_rank;
using io::lru;
using io::page_number;

struct fixture {
    explicit fixture(std::uint32_t ring) : words(4096), order(words, ring), ring_ticks(ring) {}

    void use(page_number page) { words.word(page).tick.store(now); }
    void enter(page_number page, eviction_rank rank = eviction_rank::early) {
        use(page);
        order.insert(page, rank, now, now);
    }
    void advance(unsigned ticks = 1) {
        while (ticks-- != 0) {
            ++now;
            if (now % (ring_ticks / 4) == 0) { order.age(now); }
        }
    }
    page_number pop(eviction_rank rank = eviction_rank::early) {
        return order.pop_oldest(rank, now);
    }

    io::page_table words;
    lru order;
    std::uint32_t ring_ticks;
    std::uint16_t now = 1;
};

BOOST_AUTO_TEST_CASE(pages_leave_in_the_order_of_their_last_use) {
    fixture f(64);
    for (page_number page = 2; page < 6; ++page) {
        f.enter(page);
        f.advance();
    }
    f.use(2);
    f.advance();
    f.use(4);
    BOOST_TEST(f.pop() == 3u);
    BOOST_TEST(f.pop() == 5u);
    BOOST_TEST(f.pop() == 2u);
    BOOST_TEST(f.pop() == 4u);
    BOOST_TEST(f.pop() == lru::none);
}

BOOST_AUTO_TEST_CASE(pages_of_one_tick_leave_in_the_order_they_came) {
    fixture f(64);
    for (page_number page : {9u, 3u, 7u}) { f.enter(page); }
    BOOST_TEST(f.pop() == 9u);
    BOOST_TEST(f.pop() == 3u);
    BOOST_TEST(f.pop() == 7u);
}

BOOST_AUTO_TEST_CASE(ranks_are_apart) {
    fixture f(64);
    f.enter(2, eviction_rank::late);
    f.enter(3);
    BOOST_TEST(f.order.size(eviction_rank::late) == 1u);
    BOOST_TEST(f.order.size(eviction_rank::early) == 1u);
    BOOST_TEST(f.pop() == 3u);
    BOOST_TEST(f.pop() == lru::none);
    BOOST_TEST(f.pop(eviction_rank::late) == 2u);
}

BOOST_AUTO_TEST_CASE(a_removed_page_is_gone) {
    fixture f(64);
    for (page_number page = 2; page < 5; ++page) { f.enter(page); }
    f.order.remove(3);
    f.order.remove(3);
    BOOST_TEST(!f.order.contains(3));
    BOOST_TEST(f.pop() == 2u);
    BOOST_TEST(f.pop() == 4u);
    BOOST_TEST(f.order.size(eviction_rank::early) == 0u);
}

BOOST_AUTO_TEST_CASE(a_demoted_page_is_the_next_to_go) {
    fixture f(64);
    f.enter(2);
    f.advance();
    f.enter(3);
    f.advance();
    f.enter(4, eviction_rank::late);
    f.order.demote(4);
    f.order.demote(5);  // not listed: nothing
    BOOST_TEST(f.pop() == 4u);
    f.order.demote(3);
    BOOST_TEST(f.pop() == 3u);
    BOOST_TEST(f.pop() == 2u);
    BOOST_TEST(f.pop(eviction_rank::late) == lru::none);
}

BOOST_AUTO_TEST_CASE(probation_ends_with_a_use_in_a_later_tick) {
    fixture f(256);
    f.advance(100);
    for (page_number page : {2u, 3u}) {
        f.use(page);
        f.order.insert(page, eviction_rank::early, static_cast<std::uint16_t>(f.now - 20), f.now);
    }
    f.order.insert(4, eviction_rank::early, static_cast<std::uint16_t>(f.now - 10), 0);
    f.use(3);  // in the tick of its entry: the same visit
    f.advance();
    f.use(2);
    BOOST_TEST(f.pop() == 3u);
    BOOST_TEST(f.pop() == 4u);
    BOOST_TEST(f.pop() == 2u);
}

// A page that nobody used for more ticks than 16 bits hold must not look new.
BOOST_AUTO_TEST_CASE(time_comes_round_without_harm) {
    for (const std::uint32_t ring : {16u, 64u, 4096u, 32768u}) {
        BOOST_TEST_CONTEXT("ring " << ring) {
            fixture f(ring);
            f.enter(2);
            f.advance();
            f.enter(3);
            f.advance();
            f.use(2);
            for (unsigned round = 0; round < 5; ++round) {
                f.advance(30000);
                f.enter(10 + round);
            }
            BOOST_TEST(f.pop() == 3u);
            BOOST_TEST(f.pop() == 2u);
            for (unsigned round = 0; round < 5; ++round) { BOOST_TEST(f.pop() == 10u + round); }
        }
    }
}

// A reader may store a tick that it loaded long ago.
BOOST_AUTO_TEST_CASE(a_late_store_of_an_old_tick_makes_no_page_newer) {
    fixture f(64);
    f.advance(40);
    f.enter(2);
    f.advance();
    f.enter(3);
    f.words.word(3).tick.store(5);
    BOOST_TEST(f.pop() == 2u);
    f.enter(4);
    BOOST_TEST(f.pop() == 3u);
    f.words.word(4).tick.store(static_cast<std::uint16_t>(f.now + 7));  // a tick that is not yet
    BOOST_TEST(f.pop() == 4u);
}

BOOST_AUTO_TEST_CASE(random_work_agrees_with_a_plain_list) {
    for (std::uint32_t seed = 1; seed <= 20; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            std::minstd_rand random(seed);
            fixture f(32768);
            std::deque<page_number> model;  // used longest ago first
            const auto in_model = [&](page_number page) {
                return std::find(model.begin(), model.end(), page);
            };
            for (int step = 0; step < 5000; ++step) {
                const page_number page = 2 + random() % 100;
                f.advance();
                const auto dice = random() % 10;
                const auto place = in_model(page);
                if (dice < 6) {
                    if (place == model.end()) {
                        f.enter(page);
                    } else {
                        f.use(page);
                        model.erase(place);
                    }
                    model.push_back(page);
                } else if (dice < 7) {
                    f.order.remove(page);
                    if (place != model.end()) { model.erase(place); }
                } else if (dice < 8) {
                    f.order.demote(page);
                    if (place != model.end()) {
                        model.erase(place);
                        model.push_front(page);
                    }
                } else {
                    const page_number oldest = model.empty() ? lru::none : model.front();
                    if (!model.empty()) { model.pop_front(); }
                    BOOST_REQUIRE_EQUAL(f.pop(), oldest);
                }
                BOOST_REQUIRE_EQUAL(f.order.size(eviction_rank::early), model.size());
            }
        }
    }
}

}  // namespace
