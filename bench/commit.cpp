// Durable commits of one small put each (16-byte key, 100-byte value): a bare loop that appends and
// syncs as many bytes, Pinyon with one thread and with eight, and other stores beside them, all in
// the same rounds on the same file system. On a busy machine a thread that wakes from a sync waits
// for a processor, one alone more than eight together: the table says for how long. Then what a
// commit's cost depends on, and recovery.
//
// commit [--dir FOLDER] [--rounds N] [--seconds S] [--scale F] [--only rates|sizes|recovery]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "bare_log.hpp"
#include "commit_costs.hpp"
#include "interleaved.hpp"
#include "pinyon/pinyon.hpp"
#include "requirement.hpp"
#include "stores/all.hpp"

namespace {

using namespace pinyon;
using clock_type = std::chrono::steady_clock;

constexpr unsigned threads_max = 8;
constexpr std::uint64_t keys = 1'000'000;
constexpr tree_spec<std::string_view, std::string_view> spec{"entries"};

struct settings {
    std::string folder;
    unsigned rounds = 7;
    double seconds = 1;
    double scale = 1;
    std::string only;

    [[nodiscard]] bool wants(const char* part) const { return only.empty() || only == part; }
};

[[nodiscard]] settings read_arguments(int argc, char** argv) {
    settings result;
    result.folder = (std::filesystem::absolute(argv[0]).parent_path() / "commit-files").string();
    for (int i = 1; i < argc; ++i) {
        const std::string name = argv[i];
        const char* value = i + 1 < argc ? argv[++i] : nullptr;
        if (value == nullptr) {
            std::fprintf(stderr, "%s needs a value\n", name.c_str());
            std::exit(2);
        }
        if (name == "--dir") {
            result.folder = std::string(value) + "/pinyon-commit-files";
        } else if (name == "--rounds") {
            result.rounds = static_cast<unsigned>(std::max(1, std::atoi(value)));
        } else if (name == "--seconds") {
            result.seconds = std::atof(value);
        } else if (name == "--scale") {
            result.scale = std::atof(value);
        } else if (name == "--only") {
            result.only = value;
        } else {
            std::fprintf(stderr, "unknown: %s\n", name.c_str());
            std::exit(2);
        }
    }
    return result;
}

// Keys of 16 bytes in random order, values of 100.
class puts {
public:
    explicit puts(std::uint64_t seed) : random_(seed) {}
    [[nodiscard]] const std::string& next() {
        char text[17];
        std::snprintf(text, sizeof text, "%016llx",
                      static_cast<unsigned long long>(random_() % keys * 0x9e3779b97f4a7c15u));
        key_.assign(text, 16);
        return key_;
    }
    [[nodiscard]] const std::string& value() const { return value_; }

private:
    std::mt19937_64 random_;
    std::string key_;
    std::string value_ = std::string(100, 'v');
};

// What the runs of one contestant came to.
struct run_facts {
    std::uint64_t commits = 0;
    std::uint64_t syncs = 0;
    double seconds = 0;  // of all threads together
    double queued = 0;   // of these, ready to run with no processor free
};

// Seconds that this thread stood in the scheduler's queue; 0 where the kernel does not tell.
[[nodiscard]] double seconds_queued() {
    std::ifstream file("/proc/thread-self/schedstat");
    double running = 0;
    double queued = 0;
    file >> running >> queued;
    return queued / 1e9;
}

// Commits a second of so many threads, each of which repeats `commit(thread, puts)`.
template <class Commit>
[[nodiscard]] double rate(unsigned threads, double seconds, run_facts& facts, Commit&& commit) {
    static std::atomic<std::uint64_t> seeds{1};
    std::atomic<bool> stop{false};
    std::mutex mutex;
    std::uint64_t done = 0;
    const clock_type::time_point start = clock_type::now();
    const auto elapsed = [start] {
        return std::chrono::duration<double>(clock_type::now() - start).count();
    };
    std::vector<std::thread> running;
    for (unsigned thread = 0; thread < threads; ++thread) {
        running.emplace_back([&, thread] {
            puts mine(seeds.fetch_add(1));
            std::uint64_t mine_done = 0;
            while (!stop.load(std::memory_order_relaxed)) {
                commit(thread, mine);
                ++mine_done;
            }
            const std::lock_guard lock(mutex);
            done += mine_done;
            facts.queued += seconds_queued();
            facts.seconds += elapsed();
        });
    }
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop = true;
    for (std::thread& thread : running) { thread.join(); }
    facts.commits += done;
    return static_cast<double>(done) / elapsed();
}

void put_one(const database& db, puts& from, durability when) {
    db.update([&](write_transaction& tx) { tx.open(spec).put(from.next(), from.value()); }, when);
}

// What a commit of one put adds to the log.
[[nodiscard]] std::uint64_t batch_bytes(const database& db) {
    puts some(0);
    std::uint64_t positions[2];
    for (std::uint64_t& position : positions) {
        write_transaction tx = db.begin_write();
        tx.open(spec).put(some.next(), some.value());
        position = tx.commit(durability::durable);
    }
    return positions[1] - positions[0];
}

void print_peers(const bench::interleaved& rates) {
    const struct {
        const char* ours;
        const char* peer;
        double wanted;
    } lines[] = {{"Pinyon, 1 thread", "SQLite, 1 thread", 0.95},
                 {"Pinyon, 8 threads", "SQLite, 8 threads", 0.95},
                 {"Pinyon, 1 thread", "LMDB, 1 thread", 2}};
    for (const auto& line : lines) {
        if (!rates.has(line.peer)) { continue; }
        std::printf("for information: %s is %.2f x %s (aim: %.2f)\n", line.ours,
                    rates.ratio(line.ours, line.peer), line.peer, line.wanted);
    }
}

// The name of the fastest shared loop.
[[nodiscard]] std::string best_shared(const bench::interleaved& rates,
                                      const std::vector<std::string>& names) {
    std::string best = names.front();
    for (const std::string& name : names) {
        if (rates.median(name) > rates.median(best)) { best = name; }
    }
    return best;
}

void print_facts(const std::map<std::string, run_facts>& facts) {
    std::printf("\n%-44s %14s %26s\n", "", "commits a sync", "waited for a processor, %");
    for (const auto& [name, found] : facts) {
        char grouped[32] = "-";
        if (found.syncs != 0) {
            std::snprintf(grouped, sizeof grouped, "%.2f",
                          static_cast<double>(found.commits) / static_cast<double>(found.syncs));
        }
        std::printf("%-44s %14s %26.1f\n", name.c_str(), grouped,
                    100 * found.queued / found.seconds);
    }
}

// Everything that runs in the same rounds.
class contest {
public:
    explicit contest(const settings& how)
        : how_(how),
          db_(database::open(how.folder + "/pinyon")),
          relaxed_db_(database::open(how.folder + "/pinyon-relaxed")),
          bytes_(batch_bytes(db_)) {
        std::printf(
            "a commit of one put adds %llu bytes to the log; the bare loops append as many\n",
            static_cast<unsigned long long>(bytes_));
        add_bare("bare loop, 1 thread", 1, std::nullopt);
        add_pinyon("Pinyon, 1 thread", db_, 1, durability::durable);
        for (const bench::sharing way :
             {bench::sharing::own_writes, bench::sharing::ordered_writes,
              bench::sharing::leader_writes, bench::sharing::patient_leader}) {
            shared_.push_back(std::string("bare, 8 threads, ") + bench::name(way));
            add_bare(shared_.back(), threads_max, way);
        }
        add_pinyon("Pinyon, 8 threads", db_, threads_max, durability::durable);
        add_pinyon("Pinyon, 1 thread, relaxed", relaxed_db_, 1, durability::relaxed);
#ifdef PINYON_BENCH_LMDB
        add_peer<bench::lmdb_store<std::string_view>>("LMDB", {1});
#endif
#ifdef PINYON_BENCH_SQLITE
        add_peer<bench::sqlite_store<std::string_view>>("SQLite", {1, threads_max});
#endif
    }

    void run(bench::requirements& verdict) {
        rates_.run(how_.rounds);
        rates_.print("commits a second");
        print_facts(facts_);
        print_peers(rates_);
        const std::string best = best_shared(rates_, shared_);
        std::printf("the best shared loop: %s\n", best.c_str());
        verdict.at_least("durable, 1 thread: rate of the bare loop", 0.9,
                         rates_.ratio("Pinyon, 1 thread", "bare loop, 1 thread"));
        verdict.at_least("durable, 8 threads: rate of the best bare shared loop", 0.8,
                         rates_.ratio("Pinyon, 8 threads", best));
        verdict.at_least("durable, 8 threads: times the rate of 1 thread", 3,
                         rates_.ratio("Pinyon, 8 threads", "Pinyon, 1 thread"));
    }

private:
    // One thread alone without a way to share.
    void add_bare(const std::string& name, unsigned threads, std::optional<bench::sharing> way) {
        logs_.push_back(
            std::make_unique<bench::bare_log>(how_.folder + "/bare-" + std::to_string(logs_.size()),
                                              std::uint64_t{64} << 20, bytes_));
        rates_.add(name, [this, threads, way, log = logs_.back().get(), &facts = facts_[name]] {
            const std::uint64_t before = log->syncs();
            const double result = rate(threads, how_.seconds, facts, [&](unsigned, puts&) {
                way ? log->append_shared(*way) : log->append();
            });
            facts.syncs += log->syncs() - before;
            return result;
        });
    }
    void add_pinyon(const std::string& name, const database& db, unsigned threads,
                    durability when) {
        rates_.add(name, [this, &db, threads, when, &facts = facts_[name]] {
            const std::uint64_t before = db.statistics().log_syncs;
            const double result = rate(threads, how_.seconds, facts,
                                       [&](unsigned, puts& from) { put_one(db, from, when); });
            facts.syncs += db.statistics().log_syncs - before;
            return result;
        });
    }
    template <bench::store S>
    void add_peer(const char* name, const std::vector<unsigned>& numbers_of_threads) {
        std::printf("beside it: %s\n", S::describe().c_str());
        // A connection a thread.
        std::vector<std::shared_ptr<S>> stores;
        stores.push_back(std::make_shared<S>(
            bench::store_options{how_.folder + "/" + name, bench::safety::power_loss}));
        while (stores.size() != threads_max) {
            stores.push_back(std::shared_ptr<S>(new S(stores.front()->connect())));
        }
        for (const unsigned threads : numbers_of_threads) {
            const std::string called =
                name + (threads == 1 ? std::string(", 1 thread")
                                     : ", " + std::to_string(threads) + " threads");
            rates_.add(called, [this, threads, stores, &facts = facts_[called]] {
                return rate(threads, how_.seconds, facts, [&](unsigned thread, puts& from) {
                    typename S::writer writer(*stores[thread]);
                    writer.put(from.next(), from.value());
                    writer.commit();
                });
            });
        }
    }

    const settings& how_;
    database db_;
    database relaxed_db_;  // of its own: what those commits leave to be written is not db_'s work
    std::uint64_t bytes_;
    std::vector<std::unique_ptr<bench::bare_log>> logs_;
    std::vector<std::string> shared_;
    std::map<std::string, run_facts> facts_;
    bench::interleaved rates_;
};

}  // namespace

int main(int argc, char** argv) {
    const settings how = read_arguments(argc, argv);
    std::filesystem::remove_all(how.folder);
    std::filesystem::create_directories(how.folder);
    std::printf("%u rounds of %.1f s a contestant, medians of the rounds; files in %s\n",
                how.rounds, how.seconds, how.folder.c_str());
    bench::requirements verdict;
    if (how.wants("rates")) { contest(how).run(verdict); }
    const bench::cost_settings costs{how.folder, how.rounds, how.scale};
    if (how.wants("sizes")) { bench::measure_sizes(costs, verdict); }
    if (how.wants("recovery")) { bench::measure_recovery(costs, verdict); }
    std::filesystem::remove_all(how.folder);
    return verdict.report();
}
