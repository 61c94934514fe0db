// The textbook benchmark: 20,000 keys in a tree of minimum degree 32 with pages of 4096 bytes,
// 50,000 searches of which 25,000 hit, through a pool of 256 frames, through raw mapping, and with
// no cache at all (a pread and a verification for each page visited).
// The requirement for 256 frames fails today (3.2 to 3.4): a goal that is not reached yet.
#include <filesystem>
#include <random>

#include "permutation.hpp"
#include "pinyon/pinyon.hpp"
#include "requirement.hpp"
#include "timed_report.hpp"

namespace {

using namespace pinyon;

constexpr std::uint64_t keys = 20'000;
constexpr std::uint64_t searches = 50'000;
constexpr std::uint32_t page_bytes = 4096;
constexpr std::uint64_t frames = 256;
// The required speed-up over no cache at all is what the textbook's own pool reached.
constexpr double required_over_no_cache = 4.24;

constexpr tree_spec<std::uint64_t, std::uint64_t> spec{"classic", tree_options{32}};

struct mode {
    const char* name;
    pinyon::paging paging;
    std::uint64_t pool_bytes;
};
// A frame's share of the page tables beneath it is in the budget: the tree spans two windows of 2
// MiB.
constexpr mode modes[] = {
    {"pool, 256 frames", paging::pool, (frames + 2) * page_bytes},
    {"pool, all pages fit", paging::pool, std::uint64_t{16} << 20},
    {"raw mapping", paging::raw, 0},
    {"no cache", paging::direct, 0},
};

// The order of the searches: half of them for keys that are there (even numbers), half for absent
// ones.
[[nodiscard]] std::vector<std::uint64_t> make_searches() {
    std::vector<std::uint64_t> wanted;
    const bench::permutation order(searches, 7);
    for (std::uint64_t i = 0; i < searches; ++i) {
        const std::uint64_t which = order(i);
        wanted.push_back(which % 2 == 0 ? which % (2 * keys) : which % (2 * keys) | 1);
    }
    return wanted;
}

void build(const std::string& path) {
    std::filesystem::remove(path);
    options chosen;
    chosen.page_bytes = page_bytes;
    database::open(path, chosen).update([](write_transaction& tx) {
        auto tree = tx.open(spec);
        const bench::permutation order(keys, 42);
        for (std::uint64_t i = 0; i < keys; ++i) {
            const std::uint64_t key = 2 * order(i);
            tree.put(key, key + 1);
        }
    });
}

std::uint64_t found_wrong = 0;

void search(benchmark::State& state, const std::string& path, const mode& chosen,
            const std::vector<std::uint64_t>& wanted) {
    options how;
    how.access = access_mode::read_only;
    how.paging = chosen.paging;
    how.pool_bytes = chosen.pool_bytes;
    const database db = database::open(path, how);
    const read_transaction tx = db.begin_read();
    const auto tree = tx.open(spec);
    const auto pass = [&] {
        std::uint64_t found = 0;
        for (const std::uint64_t key : wanted) {
            const auto value = tree.get(key);
            found += value && *value == key + 1 ? 1 : 0;
        }
        found_wrong += found == searches / 2 ? 0 : 1;
    };
    pass();
    const auto before = db.statistics().pool;
    std::uint64_t passes = 0;
    for (auto round : state) {
        (void)round;
        pass();
        ++passes;
    }
    const auto after = db.statistics().pool;
    const auto per_pass = [&](std::uint64_t from, std::uint64_t to) {
        return static_cast<double>(to - from) / static_cast<double>(passes);
    };
    const double visits = per_pass(before.visits, after.visits);
    const double misses = per_pass(before.misses, after.misses);
    state.counters["hits"] = visits - misses;
    state.counters["misses"] = misses;
    state.counters["reads"] = per_pass(before.reads, after.reads);
    state.counters["hit_rate"] = visits == 0 ? 0 : (visits - misses) / visits;
    state.counters["a_search"] = benchmark::Counter(
        static_cast<double>(searches),
        benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string path =
        (std::filesystem::temp_directory_path() / "pinyon-classic.pinyon").string();
    build(path);
    const std::vector<std::uint64_t> wanted = make_searches();
    std::printf(
        "%llu keys, %llu searches (half of them hit), minimum degree 32, pages of %u bytes\n",
        static_cast<unsigned long long>(keys), static_cast<unsigned long long>(searches),
        page_bytes);
    pinyon::bench::print_methodology();
    pinyon::bench::initialise(argc, argv, "7");
    for (const mode& chosen : modes) {
        benchmark::RegisterBenchmark(
            chosen.name, [&](benchmark::State& state) { search(state, path, chosen, wanted); })
            ->Unit(benchmark::kMillisecond)
            ->MinTime(0.2);
    }
    pinyon::bench::timed_report report;
    benchmark::RunSpecifiedBenchmarks(&report);

    const double raw = report.median("raw mapping");
    const double none = report.median("no cache");
    pinyon::bench::requirements verdict;
    verdict.equal("passes that did not find 25,000 of 50,000", 0, found_wrong);
    for (const char* name : {"pool, 256 frames", "pool, all pages fit"}) {
        const double time = report.median(name);
        std::printf("%-22s %.2f x no cache, %.3f x raw mapping (slowest/fastest repetition %.2f)\n",
                    name, none / time, raw / time, report.spread(name));
    }
    verdict.at_least("pool, 256 frames: times as fast as no cache", required_over_no_cache,
                     none / report.median("pool, 256 frames"));
    verdict.at_least("pool, all pages fit: times as fast as no cache", required_over_no_cache,
                     none / report.median("pool, all pages fit"));
    verdict.at_least("pool, all pages fit: speed of raw mapping", 0.95,
                     raw / report.median("pool, all pages fit"));
    const auto checked = pinyon::check(path, {}, [](const pinyon::finding& finding) {
        std::printf("check: %s\n", finding.text.c_str());
    });
    verdict.equal("findings of check", 0, checked.findings());
    std::printf("left for inspection: %s\n", path.c_str());
    return verdict.report();
}
