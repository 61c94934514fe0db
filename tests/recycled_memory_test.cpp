// Memory that threads keep for what they take next: given back by another thread than took it,
// after what the thread kept is gone, and by a thread that ends, where a leak would be found.
// `steady_state_test` counts what is taken from the system.
#define BOOST_TEST_MODULE recycled_memory
#include <boost/test/unit_test.hpp>
#include <optional>
#include <thread>
#include <vector>

#include "pinyon/engine/pinyon.hpp"
#include "pinyon/engine/recycled_memory.hpp"

namespace {

using namespace pinyon;

constexpr std::size_t threads = 4;
constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};

struct filled_database {
    database db = database::in_memory();

    filled_database() {
        db.update([](write_transaction& transaction) { transaction.open(numbers).put(7, 8); });
    }
    ~filled_database() { BOOST_TEST(db.statistics().readers == 0U); }
};

[[nodiscard]] bool is_there(const read_transaction& transaction) {
    return transaction.open(numbers).get(7) == 8U;
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_given_back_is_taken_again) {
    for (const std::size_t bytes :
         {std::size_t{0}, std::size_t{1}, std::size_t{64}, std::size_t{65}, std::size_t{512}}) {
        void* const block = recycled_memory::take(bytes);
        recycled_memory::give_back(block, bytes);
        BOOST_TEST(recycled_memory::take(bytes) == block);
        recycled_memory::give_back(block, bytes);
    }
}

BOOST_AUTO_TEST_CASE(threads_give_back_what_others_took) {
    std::vector<void*> blocks(1000);
    for (void*& block : blocks) { block = recycled_memory::take(100); }
    std::vector<std::thread> running;
    for (std::size_t first = 0; first < threads; ++first) {
        running.emplace_back([&blocks, first] {
            for (std::size_t i = first; i < blocks.size(); i += threads) {
                recycled_memory::give_back(blocks[i], 100);
                blocks[i] = recycled_memory::take(100);
            }
        });
    }
    for (std::thread& each : running) { each.join(); }
    for (void* block : blocks) { recycled_memory::give_back(block, 100); }
}

BOOST_FIXTURE_TEST_CASE(a_transaction_ends_on_another_thread_than_it_began, filled_database) {
    for (int i = 0; i < 10; ++i) {
        std::optional<read_transaction> reader = db.begin_read();
        BOOST_TEST(is_there(*reader));
        std::thread([&reader] { reader.reset(); }).join();
    }
}

// Made before the thread has given anything back, so destroyed after what it kept is gone.
BOOST_FIXTURE_TEST_CASE(a_transaction_may_end_with_its_thread, filled_database) {
    std::thread([this] {
        thread_local std::optional<read_transaction> reader;
        reader = db.begin_read();
        BOOST_TEST(is_there(db.begin_read()));
        BOOST_TEST(is_there(*reader));
    }).join();
}
