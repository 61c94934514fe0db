// The writers' queue: order of arrival, time-outs, and the thread that would wait for itself.
#define BOOST_TEST_MODULE writer_queue
#include "pinyon/engine/writer_queue.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <thread>
#include <vector>

#include "support/errors.hpp"

namespace {

using namespace std::chrono_literals;
using pinyon::errc;
using pinyon::writer_queue;
using pinyon::test::code_of;

BOOST_AUTO_TEST_CASE(one_holder_at_a_time) {
    writer_queue queue;
    BOOST_TEST(queue.enter(std::nullopt));
    BOOST_TEST(queue.held());
    std::thread([&] {
        BOOST_TEST(!queue.try_enter());
        BOOST_TEST(!queue.enter(5ms));
    }).join();
    queue.leave();
    BOOST_TEST(queue.try_enter());
    queue.leave();
    BOOST_TEST(!queue.held());
}

BOOST_AUTO_TEST_CASE(the_same_thread_is_refused_instead_of_waiting_for_itself) {
    writer_queue queue;
    BOOST_TEST(queue.enter(std::nullopt));
    BOOST_TEST(code_of([&] { (void)queue.enter(std::nullopt); }) == errc::misuse);
    BOOST_TEST(code_of([&] { (void)queue.try_enter(); }) == errc::misuse);
    queue.leave();
}

BOOST_AUTO_TEST_CASE(waiters_come_in_order_of_arrival) {
    writer_queue queue;
    BOOST_TEST(queue.enter(std::nullopt));
    std::vector<int> order;
    std::vector<std::thread> waiters;
    for (int i = 0; i < 5; ++i) {
        waiters.emplace_back([&queue, &order, i] {
            if (queue.enter(std::nullopt)) { order.push_back(i); }
            queue.leave();
        });
        // On a busy machine a yield of its may last longer than any time that one would sleep here.
        while (queue.waiting() == static_cast<std::size_t>(i)) { std::this_thread::sleep_for(1ms); }
    }
    queue.leave();
    for (auto& waiter : waiters) { waiter.join(); }
    BOOST_TEST(order == (std::vector<int>{0, 1, 2, 3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_that_gives_up_does_not_block_the_next) {
    writer_queue queue;
    BOOST_TEST(queue.enter(std::nullopt));
    bool second = false;
    std::thread impatient([&] { BOOST_TEST(!queue.enter(20ms)); });
    std::this_thread::sleep_for(5ms);
    std::thread patient([&] { second = queue.enter(5s); });
    impatient.join();
    queue.leave();
    patient.join();
    BOOST_TEST(second);
}

BOOST_AUTO_TEST_CASE(the_turn_may_end_on_another_thread) {
    writer_queue queue;
    BOOST_TEST(queue.enter(std::nullopt));
    std::thread([&] { queue.leave(); }).join();
    BOOST_TEST(queue.try_enter());
    queue.leave();
}

}  // namespace
