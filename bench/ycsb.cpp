// The core workloads of YCSB (Cooper et al., "Benchmarking Cloud Serving Systems with YCSB", 2010)
// and readers beside a writer: every store in the same rounds, each operation a transaction of its
// own, commits that outlive the process. Keys are 8-byte numbers and values 100 bytes, where YCSB
// takes ten fields of 100.
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "contest.hpp"
#include "probe.hpp"

namespace pinyon::bench {

namespace {

struct settings : round_settings {
    std::uint64_t entries = 1'000'000;
    std::string only;
};

// Parts of a hundred; what is left is reads.
struct mix {
    const char* name;
    unsigned updates = 0;
    unsigned inserts = 0;
    unsigned scans = 0;
    unsigned changes = 0;  // a read, and a write of what was read
    bool latest = false;   // popular is what came last
};
constexpr mix mixes[] = {
    {"A, half updates", 50},
    {"B, 5 % updates", 5},
    {"C, reads alone"},
    {"D, reads of the latest, 5 % inserts", 0, 5, 0, 0, true},
    {"E, short scans, 5 % inserts", 0, 5, 95},
    {"F, half read-modify-write", 0, 0, 0, 50},
};
constexpr std::uint64_t scan_most = 100;

// A filled store; it grows while workloads insert.
template <store S>
class grown_store {
public:
    grown_store(const std::string& name, const settings& how, const work_plan& plan)
        : filled_(name, {how.folder + "/" + name}, plan), entries_(plan.entries) {}
    [[nodiscard]] S& get() { return filled_.get(); }
    [[nodiscard]] std::uint64_t entries() const noexcept { return entries_; }
    // The number of another entry.
    [[nodiscard]] std::uint64_t grow() noexcept { return entries_++; }

private:
    filled_store<S> filled_;
    std::uint64_t entries_;
};

// One thread's work on a store. Every function is one operation; false: its result was wrong.
template <store S>
class client {
public:
    client(S& of, probe& times) : store_(of), times_(times) {}

    [[nodiscard]] bool read(std::uint64_t index) {
        return timed([&] { return look(index); });
    }
    [[nodiscard]] bool write(std::uint64_t index) {
        return timed([&] { return put(index); });
    }
    // Two transactions: not every store reads in one that writes.
    [[nodiscard]] bool change(std::uint64_t index) {
        return timed([&] { return look(index) && put(index); });
    }
    [[nodiscard]] bool scan(std::uint64_t index, std::uint64_t most) {
        return timed([&] {
            bool right = false;
            bool first = true;
            typename S::reader reader(store_);
            const std::uint64_t seen =
                reader.scan(key_number(index), most, [&](std::uint64_t, std::string_view value) {
                    if (std::exchange(first, false)) { right = value_of::index(value) == index; }
                });
            return right && seen <= most;
        });
    }

private:
    template <class Work>
    [[nodiscard]] bool timed(Work&& work) {
        times_.begin();
        const bool right = work();
        times_.end(1);
        return right;
    }
    [[nodiscard]] bool look(std::uint64_t index) {
        bool right = false;
        typename S::reader reader(store_);
        reader.get(key_number(index), [&](std::uint64_t, std::string_view value) {
            right = value_of::index(value) == index;
        });
        return right;
    }
    [[nodiscard]] bool put(std::uint64_t index) {
        typename S::writer writer(store_);
        writer.put(key_number(index), value_of(index).view());
        writer.commit();
        return true;
    }

    S& store_;
    probe& times_;
};

template <store S>
[[nodiscard]] figure run_mix(const mix& parts, grown_store<S>& on, double seconds,
                             std::uint64_t& wrong) {
    S& store = on.get();  // filled before the time begins
    random_numbers random(next_seed());
    zipfian_numbers popular(on.entries(), next_seed());
    probe times(seconds);
    client<S> mine(store, times);
    const auto chosen = [&] {
        return parts.latest ? on.entries() - 1 - popular.rank() : popular.next();
    };
    while (!times.over()) {
        std::uint64_t part = random.below(100);
        const auto is = [&part](unsigned share) {
            const bool hit = part < share;
            part -= share;
            return hit;
        };
        bool right = false;
        if (is(parts.updates)) {
            right = mine.write(chosen());
        } else if (is(parts.inserts)) {
            right = mine.write(on.grow());
        } else if (is(parts.scans)) {
            right = mine.scan(chosen(), 1 + random.below(scan_most));
        } else if (is(parts.changes)) {
            right = mine.change(chosen());
        } else {
            right = mine.read(chosen());
        }
        wrong += right ? 0 : 1;
    }
    return figure_of(times);
}

// Lookups of one thread, a transaction each, while another updates one entry after the other.
template <store S>
[[nodiscard]] figure read_beside_writer(grown_store<S>& on, double seconds, std::uint64_t& wrong) {
    S& store = on.get();
    std::atomic<bool> stop{false};
    std::uint64_t written = 0;
    std::thread writing([&, seed = next_seed()] {
        S mine = store.connect();
        random_numbers random(seed);
        for (; !stop.load(std::memory_order_relaxed); ++written) {
            const std::uint64_t index = random.below(on.entries());
            typename S::writer writer(mine);
            writer.put(key_number(index), value_of(index).view());
            writer.commit();
        }
    });
    random_numbers random(next_seed());
    probe times(seconds);
    client<S> mine(store, times);
    while (!times.over()) { wrong += mine.read(random.below(on.entries())) ? 0 : 1; }
    stop = true;
    writing.join();
    figure result = figure_of(times);
    result.facts["writes_a_second"] = static_cast<double>(written) / times.elapsed();
    return result;
}

class ycsb {
public:
    explicit ycsb(const settings& how) : how_(how) {
        plan_ = {key_kind::numbers, how.entries, how.seconds, &wrong_};
        for_each_store<std::uint64_t>(
            [this]<class S>(std::type_identity<S>, const char* each) { add<S>(each); });
    }

    void run(results_file& results) { works_.run("YCSB", how_.rounds, results); }

    void judge(requirements& verdict) const {
        for (const mix& each : mixes) { judge(each.name, verdict); }
        verdict.equal("wrong results", 0, wrong_);
    }

private:
    static constexpr const char* beside = "reads beside a writer";

    template <store S>
    void add(const char* name) {
        const auto on = std::make_shared<grown_store<S>>(name, how_, plan_);
        for (const mix& each : mixes) {
            offer(each.name, name,
                  [this, on, &each] { return run_mix(each, *on, how_.seconds, wrong_); });
        }
        // Its memory has no snapshots.
        if (std::string(name) != "std::map") {
            offer(beside, name,
                  [this, on] { return read_beside_writer(*on, how_.seconds, wrong_); });
        }
    }

    void offer(const std::string& work, const char* name, std::function<figure()> measure) {
        if (work.find(how_.only) == std::string::npos) { return; }
        works_.add(work, name, std::move(measure));
    }

    // Every peer that keeps its data: Pinyon is not slower than the fastest.
    void judge(const char* work, requirements& verdict) const {
        const interleaved* times = works_.find(work);
        if (times == nullptr) { return; }
        const std::string best =
            best_of(*times, {"LMDB", "LMDB map", "SQLite", "RocksDB", "LevelDB"});
        if (best.empty()) { return; }
        verdict.at_least(std::string(work) + ", against " + best, 1.0,
                         times->ratio(best, "Pinyon"));
    }

    const settings& how_;
    work_plan plan_;
    std::uint64_t wrong_ = 0;
    works works_;
};

}  // namespace

}  // namespace pinyon::bench

int main(int argc, char** argv) {
    using namespace pinyon::bench;
    settings how;
    CLI::App program("YCSB A to F with zipfian keys, and readers beside a writer");
    how.offer(program, "ycsb", argv[0]);
    program.add_option("--entries", how.entries, "in each store")->capture_default_str();
    program.add_option("--only", how.only, "workloads whose name has this in it");
    CLI11_PARSE(program, argc, argv);
    how.make_folder();
    results_file results(how, argc, argv);
    results.note("entries", how.entries);
    std::printf(
        "%llu entries of 8-byte numbers and %zu bytes, all in memory; each operation a transaction "
        "of its own, which outlives the process and not a power cut; %u rounds of %.1f s, "
        "medians, ratios within a round. Files in %s\n",
        static_cast<unsigned long long>(how.entries), value_bytes, how.rounds, how.seconds,
        how.folder.c_str());
    describe_stores<std::uint64_t>(results);
    requirements verdict;
    {
        ycsb run(how);
        run.run(results);
        run.judge(verdict);
    }
    std::filesystem::remove_all(how.folder);
    return results.finish(verdict);
}
