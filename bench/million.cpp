// One million entries of 8-byte keys and 100-byte values in memory, pool against raw mapping:
// insert, get, scan. The pool holds everything, so the difference is what the pool itself costs.
#include <array>
#include <filesystem>

#include "permutation.hpp"
#include "pinyon/pinyon.hpp"
#include "requirement.hpp"
#include "timed_report.hpp"

namespace {

using namespace pinyon;
using value_type = std::array<char, 100>;

constexpr std::uint64_t gets_per_pass = 200'000;
constexpr std::uint64_t transaction_entries = 1000;
constexpr tree_spec<std::uint64_t, value_type> spec{"million"};

std::uint64_t entries = 1'000'000;
std::uint64_t wrong = 0;

struct mode {
    const char* name;
    pinyon::paging paging;
};
constexpr mode modes[] = {{"pool", paging::pool}, {"raw", paging::raw}};

[[nodiscard]] options how(const mode& chosen) {
    options result;
    result.paging = chosen.paging;
    result.pool_bytes = std::uint64_t{1} << 30;
    return result;
}

[[nodiscard]] value_type value_of(std::uint64_t key) {
    value_type value{};
    std::memcpy(value.data(), &key, sizeof key);
    return value;
}

void fill(const database& db) {
    const bench::permutation order(entries, 42);
    for (std::uint64_t done = 0; done < entries; done += transaction_entries) {
        db.update([&](write_transaction& tx) {
            auto tree = tx.open(spec);
            for (std::uint64_t i = done; i < std::min(done + transaction_entries, entries); ++i) {
                const std::uint64_t key = order(i);
                tree.put(key, value_of(key));
            }
        });
    }
}

void insert(benchmark::State& state, const std::string& path, const mode& chosen) {
    for (auto round : state) {
        (void)round;
        std::filesystem::remove(path);
        fill(database::open(path, how(chosen)));
    }
}

void get(benchmark::State& state, const std::string& path, const mode& chosen) {
    const database db = database::open(path, how(chosen));
    const read_transaction tx = db.begin_read();
    const auto tree = tx.open(spec);
    std::uint64_t touched = 0;
    for (const auto& entry : tree.all()) { touched += static_cast<std::uint64_t>(entry.value[0]); }
    benchmark::DoNotOptimize(touched);
    const bench::permutation order(entries, 9);
    std::uint64_t next = 0;
    for (auto round : state) {
        (void)round;
        for (std::uint64_t i = 0; i < gets_per_pass; ++i) {
            const std::uint64_t key = order(next++ % entries);
            const auto value = tree.get(key);
            wrong += value && std::memcmp(value->data(), &key, sizeof key) == 0 ? 0 : 1;
        }
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * gets_per_pass));
}

void scan(benchmark::State& state, const std::string& path, const mode& chosen) {
    const database db = database::open(path, how(chosen));
    const read_transaction tx = db.begin_read();
    const auto tree = tx.open(spec);
    for (auto round : state) {
        (void)round;
        std::uint64_t expected = 0;
        for (const auto& entry : tree.all()) { wrong += entry.key == expected++ ? 0 : 1; }
        wrong += expected == entries ? 0 : 1;
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * entries));
}

}  // namespace

int main(int argc, char** argv) {
    if (const char* size = std::getenv("PINYON_BENCH_ENTRIES"); size != nullptr) {
        entries = std::strtoull(size, nullptr, 10);
    }
    const std::string folder = std::filesystem::temp_directory_path().string();
    std::printf("%llu entries of 8 + 100 bytes, %llu a transaction, in memory\n",
                static_cast<unsigned long long>(entries),
                static_cast<unsigned long long>(transaction_entries));
    pinyon::bench::print_methodology();
    pinyon::bench::initialise(argc, argv, "7");
    for (const mode& chosen : modes) {
        const std::string path = folder + "/pinyon-million-" + chosen.name + ".pinyon";
        std::filesystem::remove(path);
        fill(database::open(path, how(chosen)));
        const std::string scratch = folder + "/pinyon-million-insert-" + chosen.name + ".pinyon";
        const std::string name = chosen.name;
        benchmark::RegisterBenchmark(
            ("insert " + name).c_str(),
            [=](benchmark::State& state) { insert(state, scratch, chosen); })
            ->Unit(benchmark::kMillisecond)
            ->Iterations(1)
            ->UseRealTime();
        benchmark::RegisterBenchmark(("get " + name).c_str(), [=](benchmark::State& state) {
            get(state, path, chosen);
        })->Unit(benchmark::kMillisecond);
        benchmark::RegisterBenchmark(("scan " + name).c_str(), [=](benchmark::State& state) {
            scan(state, path, chosen);
        })->Unit(benchmark::kMillisecond);
    }
    pinyon::bench::timed_report report;
    benchmark::RunSpecifiedBenchmarks(&report);
    pinyon::bench::requirements verdict;
    verdict.equal("wrong results", 0, wrong);
    for (const char* work : {"insert", "get", "scan"}) {
        const double ratio =
            report.median(std::string(work) + " raw") / report.median(std::string(work) + " pool");
        std::printf(
            "%-8s pool runs at %.3f of raw mapping's speed (spread of repetitions %.2f and %.2f)\n",
            work, ratio, report.spread(std::string(work) + " pool"),
            report.spread(std::string(work) + " raw"));
    }
    verdict.at_least("random get in memory: pool against raw mapping", 0.95,
                     report.median("get raw") / report.median("get pool"));
    for (const mode& chosen : modes) {
        const auto checked = pinyon::check(folder + "/pinyon-million-" + chosen.name + ".pinyon",
                                           {}, [](const pinyon::finding& finding) {
                                               std::printf("check: %s\n", finding.text.c_str());
                                           });
        verdict.equal(std::string("findings of check, ") + chosen.name, 0, checked.findings());
        std::filesystem::remove(folder + "/pinyon-million-insert-" + chosen.name + ".pinyon");
    }
    return verdict.report();
}
