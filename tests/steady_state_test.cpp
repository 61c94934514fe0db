// A database that has been running for a while asks the allocator for nothing: not to begin, look
// and end a read transaction, not to begin, change and commit a write transaction. So a commit
// cannot fail for memory that the one before it had, and threads do not meet in the allocator.
#define BOOST_TEST_MODULE steady_state
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/pinyon.hpp"
#include "pinyon/engine/recycled_memory.hpp"
#include "support/temporary_directory.hpp"

namespace {

// Of this thread; the background thread makes files and checkpoints, which take memory.
thread_local std::uint64_t allocations = 0;  // NOLINT: operator new has no other way to tell

}  // namespace

// Not inlined: the compiler sees a pair that does not match when it sees half of it.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
    ++allocations;
    void* const place = std::malloc(bytes == 0 ? 1 : bytes);
    if (place == nullptr) { throw std::bad_alloc(); }
    return place;
}
[[gnu::noinline]] void operator delete(void* place) noexcept { std::free(place); }
[[gnu::noinline]] void operator delete(void* place, std::size_t) noexcept { std::free(place); }

namespace {

using namespace pinyon;
using pinyon::test::temporary_directory;

constexpr std::uint64_t entries = 20'000;
constexpr std::uint64_t rounds = 1'000;

// Longer than a std::string holds in place.
constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers of those who came"};

// Allocations of `rounds` calls, after as many that nobody counts.
template <class Call>
[[nodiscard]] std::uint64_t allocations_of(const Call& call) {
    for (std::uint64_t i = 0; i < rounds; ++i) { call(i); }
    const std::uint64_t before = allocations;
    for (std::uint64_t i = 0; i < rounds; ++i) { call(rounds + i); }
    return allocations - before;
}

struct running_database {
    temporary_directory place;
    database db = database::open(place / "db");

    running_database() {
        db.update([](write_transaction& transaction) {
            auto tree = transaction.open(numbers);
            for (std::uint64_t i = 0; i < entries; ++i) { tree.put(i, i); }
        });
    }
    void put(std::uint64_t first, std::uint64_t count, durability when) const {
        write_transaction transaction = db.begin_write();
        auto tree = transaction.open(numbers);
        for (std::uint64_t i = first; i < first + count; ++i) { tree.put(i * 7919 % entries, i); }
        transaction.commit(when);
    }
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_counter_that_counts) {
    BOOST_TEST(allocations_of([](std::uint64_t /*round*/) {
                   ::operator delete(::operator new(8));
               }) == rounds);
}

BOOST_AUTO_TEST_CASE(a_relaxed_commit_allocates_nothing) {
    const running_database here;
    BOOST_TEST(allocations_of([&](std::uint64_t i) { here.put(i, 1, durability::relaxed); }) == 0U);
}

BOOST_AUTO_TEST_CASE(a_durable_commit_allocates_nothing) {
    const running_database here;
    BOOST_TEST(allocations_of([&](std::uint64_t i) { here.put(i, 1, durability::durable); }) == 0U);
}

// Lists of what a transaction changed grow with the largest one, and with what waits for the next
// checkpoint.
BOOST_AUTO_TEST_CASE(a_commit_of_many_puts_allocates_seldom) {
    const running_database here;
    BOOST_TEST(allocations_of([&](std::uint64_t i) {
                   here.put(i * 100, 100, durability::relaxed);
               }) < rounds / 20);
}

// Each holds pages back that the writer has to judge again.
BOOST_AUTO_TEST_CASE(a_commit_beside_snapshots_allocates_seldom) {
    const running_database here;
    std::optional<read_transaction> reader;
    BOOST_TEST(allocations_of([&](std::uint64_t i) {
                   if (i % 2 == 0) { reader = here.db.begin_read(); }
                   here.put(i, 1, durability::relaxed);
               }) < rounds / 20);
}

BOOST_AUTO_TEST_CASE(a_read_transaction_allocates_nothing) {
    const running_database here;
    std::uint64_t found = 0;
    BOOST_TEST(allocations_of([&](std::uint64_t i) {
                   const read_transaction transaction = here.db.begin_read();
                   const auto tree = transaction.open(numbers);
                   found += tree.get(i % entries) == i % entries ? 1U : 0U;
               }) == 0U);
    BOOST_TEST(found == 2 * rounds);
}

BOOST_AUTO_TEST_CASE(a_scan_allocates_nothing) {
    const running_database here;
    std::uint64_t sum = 0;
    BOOST_TEST(allocations_of([&](std::uint64_t i) {
                   const read_transaction transaction = here.db.begin_read();
                   for (const auto& [key, value] : transaction.open(numbers).range(i, i + 100)) {
                       sum += value - key;
                   }
               }) == 0U);
    BOOST_TEST(sum == 0U);
}

// --- the memory behind it ------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_thread_keeps_a_few_blocks_of_a_size) {
    std::vector<void*> blocks(100);
    for (void*& block : blocks) { block = recycled_memory::take(300); }
    for (void* block : blocks) { recycled_memory::give_back(block, 300); }
    const std::uint64_t before = allocations;
    for (void*& block : blocks) { block = recycled_memory::take(300); }
    BOOST_TEST(allocations - before == 96U);
    for (void* block : blocks) { recycled_memory::give_back(block, 300); }
}

BOOST_AUTO_TEST_CASE(what_is_long_is_not_kept) {
    const std::uint64_t before = allocations;
    for (int i = 0; i < 3; ++i) { recycled_memory::give_back(recycled_memory::take(513), 513); }
    BOOST_TEST(allocations - before == 3U);
}
