// Four readers and a writer at once, in a pool much smaller than the file: snapshots stay whole,
// evictions and commits go on. ThreadSanitizer runs the same.
#define BOOST_TEST_MODULE concurrency
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <random>
#include <thread>
#include <vector>

#include "pinyon/pinyon.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace pinyon;

// Every commit adds one to the value of some keys and takes one from others: the sum never changes,
// and a snapshot that mixed two states would show another one.
constexpr std::uint64_t keys = 20'000;
constexpr std::uint64_t start = 1000;
constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};
constexpr tree_spec<std::string_view, std::string_view> texts{"texts"};

[[nodiscard]] std::chrono::milliseconds running_time() {
    const char* seconds = std::getenv("PINYON_CONCURRENCY_SECONDS");
    return seconds != nullptr ? std::chrono::seconds(std::atoi(seconds))
                              : std::chrono::milliseconds(2500);
}

void fill(const database& db) {
    db.update([](write_transaction& tx) {
        auto tree = tx.open(numbers);
        for (std::uint64_t key = 0; key < keys; ++key) { tree.put(key, start); }
        auto other = tx.open(texts);
        for (std::uint64_t key = 0; key < keys / 10; ++key) {
            const std::string text = "key" + std::to_string(key);
            other.put(text, std::string(key % 300, 'x'));
        }
    });
}

void transfer(const database& db, std::mt19937_64& random) {
    db.update([&](write_transaction& tx) {
        auto tree = tx.open(numbers);
        auto other = tx.open(texts);
        for (int i = 0; i < 20; ++i) {
            const std::uint64_t from = random() % keys;
            const std::uint64_t to = random() % keys;
            tree.put(from, *tree.get(from) - 1);
            tree.put(to, *tree.get(to) + 1);
            const std::string text = "key" + std::to_string(random() % (keys / 10));
            if (!other.erase(text)) { other.put(text, std::string(random() % 300, 'y')); }
        }
    });
}

// Returns how many of its snapshots were wrong.
[[nodiscard]] int read_all(const database& db, std::mt19937_64& random) {
    const read_transaction tx = db.begin_read();
    const auto tree = tx.open(numbers);
    std::uint64_t sum = 0;
    std::uint64_t expected_key = 0;
    int wrong = 0;
    for (const auto& entry : tree.all()) {
        wrong += entry.key == expected_key++ ? 0 : 1;
        sum += entry.value;
    }
    for (int i = 0; i < 100; ++i) { wrong += tree.get(random() % keys) ? 0 : 1; }
    wrong += tree.get(keys + random() % keys) ? 1 : 0;
    std::uint64_t entries = 0;
    for (const auto& entry : tx.open(texts).all()) { entries += entry.value.size() < 300 ? 1 : 0; }
    wrong += entries == tx.open(texts).size() ? 0 : 1;
    return wrong + (sum == keys * start ? 0 : 1);
}

void run(paging mode, std::uint64_t pool_bytes) {
    const test::temporary_directory folder;
    options chosen;
    chosen.paging = mode;
    chosen.pool_bytes = pool_bytes;
    const database db = database::open(folder / "a.pinyon", chosen);
    fill(db);
    std::atomic<bool> stop{false};
    std::atomic<int> wrong{0};
    std::atomic<int> snapshots{0};
    std::vector<std::thread> readers;
    for (unsigned i = 0; i < 4; ++i) {
        readers.emplace_back([&, i] {
            std::mt19937_64 random(i);
            while (!stop.load()) {
                wrong += read_all(db, random);
                ++snapshots;
            }
        });
    }
    std::mt19937_64 random(99);
    int commits = 0;
    for (const auto end = std::chrono::steady_clock::now() + running_time();
         std::chrono::steady_clock::now() < end; ++commits) {
        transfer(db, random);
    }
    stop.store(true);
    for (auto& reader : readers) { reader.join(); }
    BOOST_TEST(wrong.load() == 0);
    BOOST_TEST(snapshots.load() > 4);
    BOOST_TEST(commits > 4);
    const auto facts = db.statistics();
    BOOST_TEST_MESSAGE(commits << " commits, " << snapshots.load() << " snapshots, "
                               << facts.pool.evictions << " evictions, " << facts.file_pages
                               << " pages");
    // With no reader left, one more commit frees what they held: the file has stopped growing.
    transfer(db, random);
    transfer(db, random);
    BOOST_TEST(db.statistics().held_pages < facts.file_pages / 2);
}

BOOST_AUTO_TEST_CASE(four_readers_and_a_writer_in_a_small_pool) { run(paging::pool, 256 << 10); }
BOOST_AUTO_TEST_CASE(four_readers_and_a_writer_in_a_large_pool) { run(paging::pool, 64 << 20); }
BOOST_AUTO_TEST_CASE(four_readers_and_a_writer_in_raw_mapping) { run(paging::raw, 0); }

BOOST_AUTO_TEST_CASE(writers_take_turns) {
    const database db = database::in_memory();
    fill(db);
    std::vector<std::thread> writers;
    for (unsigned i = 0; i < 4; ++i) {
        writers.emplace_back([&db, i] {
            std::mt19937_64 random(i);
            for (int round = 0; round < 20; ++round) { transfer(db, random); }
        });
    }
    for (auto& writer : writers) { writer.join(); }
    std::mt19937_64 random(1);
    BOOST_TEST(read_all(db, random) == 0);
    BOOST_TEST(db.statistics().commits == 81U);
}

}  // namespace
