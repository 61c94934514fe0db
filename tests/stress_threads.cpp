// One writer, four readers, checkpoints and evictions at once for a number of seconds, in a pool
// much smaller than the file: every snapshot is whole and never older than the one before.
// ThreadSanitizer runs the same.
//
//   stress_threads [--states SECONDS] [--seed S]
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include "support/journal.hpp"
#include "support/small_log.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace pinyon;
using test::splitmix;

// A commit takes from some keys what it gives to others: the sum never changes, and a snapshot of
// two states mixed would show another one.
constexpr std::uint64_t keys = 4000;
constexpr std::uint64_t start = 1000;
constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};
constexpr tree_spec<std::string_view, std::string_view> texts{"texts"};
constexpr tree_spec<std::uint64_t, std::uint64_t> clock_tree{"clock"};

class stress {
public:
    stress(std::uint64_t seconds, std::uint64_t seed)
        : seed_(seed), end_(std::chrono::steady_clock::now() + std::chrono::seconds(seconds)) {
        options chosen;
        chosen.pool_bytes = std::uint64_t{192} << 10;
        test::use_small_log(chosen, std::uint64_t{128} << 10);
        db_ = database::open(folder_ / "a.pinyon", chosen);
        db_->update([](write_transaction& tx) {
            auto tree = tx.open(numbers);
            for (std::uint64_t key = 0; key != keys; ++key) { tree.put(key, start); }
            auto other = tx.open(texts);
            for (std::uint64_t key = 0; key != keys / 4; ++key) {
                other.put("key" + std::to_string(key), std::string(key % 300, 'x'));
            }
            tx.open(clock_tree).put(0, 0);
        });
    }

    void run() {
        std::vector<std::thread> all;
        for (std::uint64_t i = 0; i != 4; ++i) {
            all.emplace_back([this, i] { guarded([&] { read(i); }); });
        }
        all.emplace_back([this] { guarded([this] { disturb(); }); });
        guarded([this] { write(); });
        for (std::thread& each : all) { each.join(); }
    }

    [[nodiscard]] int report(std::uint64_t seconds) const {
        const database_statistics facts = db_->statistics();
        std::printf(
            "T13: %llu seconds of threads (%llu commits, %llu snapshots, %llu evictions), %llu "
            "violations, seed %llu\n",
            static_cast<unsigned long long>(seconds),
            static_cast<unsigned long long>(commits_.load()),
            static_cast<unsigned long long>(snapshots_.load()),
            static_cast<unsigned long long>(facts.pool.evictions),
            static_cast<unsigned long long>(wrong_.load()), static_cast<unsigned long long>(seed_));
        return wrong_.load() == 0 && commits_.load() > 0 && snapshots_.load() > 0 ? 0 : 1;
    }

private:
    [[nodiscard]] bool over() const { return std::chrono::steady_clock::now() >= end_; }

    template <class Work>
    void guarded(Work&& work) {
        try {
            work();
        } catch (const error& failure) {
            std::printf("%s\n", failure.what());
            ++wrong_;
        }
    }

    void write() {
        splitmix random(seed_);
        for (std::uint64_t n = 1; !over(); ++n) {
            write_transaction tx = db_->begin_write();
            auto tree = tx.open(numbers);
            auto other = tx.open(texts);
            for (int i = 0; i != 10; ++i) {
                const std::uint64_t from = random.below(keys);
                const std::uint64_t to = random.below(keys);
                tree.put(from, *tree.get(from) - 1);
                tree.put(to, *tree.get(to) + 1);
                const std::string text = "key" + std::to_string(random.below(keys / 4));
                if (!other.erase(text)) { other.put(text, std::string(random.below(300), 'y')); }
            }
            tx.open(clock_tree).put(0, n);
            if (random.below(16) == 0) {
                tx.abort();
                --n;
                continue;
            }
            const std::uint64_t choice = random.below(16);
            tx.commit(choice == 0  ? durability::checkpoint
                      : choice < 6 ? durability::durable
                                   : durability::relaxed);
            ++commits_;
        }
    }

    void read(std::uint64_t number) {
        splitmix random(seed_ + number + 1);
        std::uint64_t seen = 0;
        while (!over()) {
            const read_transaction tx = db_->begin_read();
            const auto tree = tx.open(numbers);
            std::uint64_t sum = 0;
            std::uint64_t count = 0;
            for (const auto& entry : tree.all()) {
                wrong_ += entry.key == count++ ? 0U : 1U;
                sum += entry.value;
            }
            wrong_ += sum == keys * start && count == keys ? 0U : 1U;
            for (int i = 0; i != 50; ++i) { wrong_ += tree.get(random.below(keys)) ? 0U : 1U; }
            std::uint64_t entries = 0;
            for (const auto& entry : tx.open(texts).all()) {
                entries += entry.value.size() < 300 ? 1U : 0U;
            }
            wrong_ += entries == tx.open(texts).size() ? 0U : 1U;
            const std::uint64_t now = *tx.open(clock_tree).get(0);
            wrong_ += now >= seen ? 0U : 1U;
            seen = now;
            ++snapshots_;
        }
    }

    void disturb() {
        splitmix random(seed_ + 99);
        while (!over()) {
            db_->checkpoint();
            if (random.below(4) == 0) { db_->release_memory(); }
            (void)db_->statistics();
            std::this_thread::sleep_for(std::chrono::milliseconds(random.below(20)));
        }
    }

    std::uint64_t seed_;
    std::chrono::steady_clock::time_point end_;
    test::temporary_directory folder_;
    std::optional<database> db_;
    std::atomic<std::uint64_t> commits_{0};
    std::atomic<std::uint64_t> snapshots_{0};
    std::atomic<std::uint64_t> wrong_{0};
};

}  // namespace

int main(int count, char** arguments) {
    std::uint64_t seconds = 5;
    std::uint64_t seed = 1;
    for (int i = 1; i + 1 < count; ++i) {
        const std::string_view flag = arguments[i];
        if (flag == "--states") { seconds = std::strtoull(arguments[i + 1], nullptr, 10); }
        if (flag == "--seed") { seed = std::strtoull(arguments[i + 1], nullptr, 10); }
    }
    stress all(seconds, seed);
    all.run();
    return all.report(seconds);
}
