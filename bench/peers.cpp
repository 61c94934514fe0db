// Pinyon beside LMDB, SQLite, RocksDB, LevelDB and std::map, everything in memory: the same keys,
// the same values, the same work, results looked at, all stores in the same rounds.
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "contest.hpp"

namespace pinyon::bench {

namespace {

struct settings : round_settings {
    std::uint64_t entries = 1'000'000;
    std::string only;
    std::string store;

    [[nodiscard]] bool wants(const std::string& work) const {
        return only.empty() || work.find(only) != std::string::npos;
    }
    [[nodiscard]] bool wants_store(const std::string& name) const {
        return store.empty() || store == name;
    }
};

// All work on one kind of key.
template <class Key>
class contest {
public:
    contest(const settings& how, key_kind kind, const char* name) : how_(how), name_(name) {
        plan_ = {kind, how.entries, how.seconds, &wrong_};
        for_each_store<Key>([this]<class S>(std::type_identity<S>, const char* each) {
            this->template add<S>(each);
        });
    }

    void run(results_file& results) {
        works_.run(name_, how_.rounds, results);
        footprints_.report(name_, results);
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] bool empty() const noexcept { return works_.empty(); }
    [[nodiscard]] std::uint64_t wrong() const noexcept { return wrong_; }
    // Null when it was not measured.
    [[nodiscard]] const interleaved* find(const std::string& work) const {
        return works_.find(work);
    }

private:
    template <store S>
    void add(const char* name) {
        const auto each =
            std::make_shared<filled_store<S>>(name, options_of(name), plan_, &footprints_);
        const auto on_filled = [this, name, each](const char* work, auto measure) {
            register_work(work, name, [each, measure] { return measure(each->get()); });
        };
        const auto on_empty = [this, name](const char* work, safety commits, auto measure) {
            register_work(work, name, [this, name, commits, measure] {
                store_options options = options_of(std::string(name) + " empty");
                options.commits = commits;
                for (const std::string& file : files_of(options.path)) {
                    std::filesystem::remove_all(file);
                }
                S store(options);
                return measure(store);
            });
        };
        on_filled("get", [this](S& from) { return get(from, plan_); });
        on_filled("get, absent", [this](S& from) { return get_absent(from, plan_); });
        on_filled("get, a transaction each", [this](S& from) { return get_alone(from, plan_); });
        if constexpr (reads_many<S>) {
            on_filled("get_many, 64 keys", [this](S& from) { return get_many(from, plan_); });
        }
        on_filled("scan, an entry", [this](S& from) { return scan(from, plan_); });
        on_filled("seek and 100 entries", [this](S& from) { return seek(from, plan_); });
        on_filled("update, 1000 a transaction",
                  [this](S& to) { return update(to, plan_, entries_a_transaction); });
        on_filled("update, one a transaction", [this](S& to) { return update(to, plan_, 1); });
        on_filled("delete, 1000 a transaction",
                  [this](S& from) { return erase(from, plan_, entries_a_transaction); });
        on_filled("delete, one a transaction", [this](S& from) { return erase(from, plan_, 1); });
        on_empty("fill, random order", safety::process_end,
                 [this](S& to) { return fill(to, plan_); });
        on_empty("fill, sorted", safety::process_end,
                 [this](S& to) { return fill(to, plan_, sorted()); });
        // Of every store with its sync: Pinyon makes so large a transaction durable in any case.
        on_empty("bulk load, sorted", safety::power_loss,
                 [this](S& to) { return load(to, plan_, sorted()); });
    }

    // Indices of all keys by ascending key, once they are wanted.
    [[nodiscard]] const std::vector<std::uint64_t>& sorted() {
        if (sorted_.empty()) { sorted_ = sorted_indices<Key>(plan_); }
        return sorted_;
    }

    void register_work(const std::string& work, const char* name,
                       const std::function<figure()>& measure) {
        if (!how_.wants(name_ + ": " + work) || !how_.wants_store(name)) { return; }
        works_.add(work, name, measure);
    }

    [[nodiscard]] store_options options_of(const std::string& name) const {
        return {how_.folder + "/" + name_ + "-" + name};
    }

    const settings& how_;
    std::string name_;
    work_plan plan_;
    std::uint64_t wrong_ = 0;
    std::vector<std::uint64_t> sorted_;
    footprints footprints_;
    works works_;
};

// Durable commits of one put each, by one thread and by eight.
class durable_contest {
public:
    explicit durable_contest(const settings& how) : how_(how) {
        if (!how.wants("durable commit")) { return; }
        for_each_store<std::uint64_t>([this]<class S>(std::type_identity<S>, const char* each) {
            const std::string name = each;
            if (name != "Pinyon raw" && name != "LMDB map" && name != "std::map") { add<S>(each); }
        });
    }

    void run(results_file& results, requirements& verdict) {
        if (times_.empty()) { return; }
        progress("durable commits");
        times_.run(how_.rounds);
        std::printf("\ndurable commits of one put\n");
        times_.print("nanoseconds");
        results.add("durable commit", times_);
        const auto against = [&](const char* threads, const std::vector<std::string>& peers,
                                 double required) {
            const std::string best = best_of(times_, peers, threads);
            if (best.empty() || !times_.has(std::string("Pinyon") + threads)) { return; }
            verdict.at_least("durable commit" + std::string(threads) + ", against " + best,
                             required, times_.ratio(best, std::string("Pinyon") + threads));
        };
        against(", 1 thread", {"SQLite"}, 0.95);
        against(", 1 thread", {"LMDB"}, 2.0);
        against(", 8 threads", {"LMDB", "SQLite", "RocksDB", "LevelDB"}, 3.0);
    }

private:
    template <store S>
    void add(const char* name) {
        if (!how_.wants_store(name)) { return; }
        const auto store = std::make_shared<S>(
            store_options{how_.folder + "/durable-" + name, safety::power_loss});
        for (const unsigned threads : {1u, 8u}) {
            times_.add(name + (threads == 1 ? std::string(", 1 thread") : ", 8 threads"),
                       [this, store, threads] {
                           return durable_commits(*store, threads, how_.entries, how_.seconds * 2);
                       });
        }
    }

    const settings& how_;
    interleaved times_;
};

void describe(const settings& how, results_file& results) {
    std::printf(
        "%llu entries of 8-byte or url keys and values of %zu bytes, all in memory; %u rounds, "
        "each begun by another store; medians, ratios within a round; p50 to p99.9 of what is "
        "waited for: a lookup, a call of 64 keys, a transaction. No store syncs but for durable "
        "commits and the sorted load; a commit outlives the process. Files in %s\n",
        static_cast<unsigned long long>(how.entries), value_bytes, how.rounds, how.folder.c_str());
    describe_stores<std::uint64_t>(results, how.store);
}

// How many times as fast Pinyon's `work` is as the peers' fastest.
struct target {
    const char* work;
    double required;
    std::vector<std::string> peers;
    const char* against = nullptr;  // the peers' work, where it is called otherwise
};

const std::vector<std::string> lmdb = {"LMDB", "LMDB map"};

template <class Key>
void judge(const contest<Key>& run, const std::vector<target>& targets, requirements& verdict) {
    if (run.empty()) { return; }
    for (const target& each : targets) {
        const interleaved* ours = run.find(each.work);
        const interleaved* theirs = run.find(each.against == nullptr ? each.work : each.against);
        if (ours == nullptr || theirs == nullptr || !ours->has("Pinyon")) { continue; }
        const std::string best = best_of(*theirs, each.peers);
        if (best.empty()) { continue; }
        const double ratio = ours == theirs ? ours->ratio(best, "Pinyon")
                                            : theirs->median(best) / ours->median("Pinyon");
        verdict.at_least(run.name() + ": " + each.work + ", against " + best, each.required, ratio);
    }
    verdict.equal(run.name() + ": wrong results", 0, run.wrong());
}

}  // namespace

}  // namespace pinyon::bench

int main(int argc, char** argv) {
    using namespace pinyon::bench;
    settings how;
    how.seconds = 0.25;
    CLI::App program("Pinyon beside other stores, everything in memory");
    how.offer(program, "peers", argv[0]);
    program.add_option("--entries", how.entries, "in each store")->capture_default_str();
    program.add_option("--only", how.only, "work whose name has this in it");
    program.add_option("--store", how.store, "this one alone");
    CLI11_PARSE(program, argc, argv);
    how.make_folder();
    results_file results(how, argc, argv);
    results.note("entries", how.entries);
    describe(how, results);
    requirements verdict;
    {
        contest<std::uint64_t> numbers(how, key_kind::numbers, "numbers");
        numbers.run(results);
        judge(numbers,
              {{"get", 3.0, lmdb},
               {"get, a transaction each", 1.5, lmdb},
               {"get_many, 64 keys", 6.0, lmdb, "get"},
               {"scan, an entry", 3.0, lmdb},
               {"seek and 100 entries", 2.0, lmdb},
               {"fill, random order", 1.5, {"LMDB map"}},
               {"bulk load, sorted", 3.0, lmdb},
               {"update, 1000 a transaction", 1.3, {"LMDB map"}},
               {"delete, 1000 a transaction", 1.3, {"LMDB map"}},
               {"update, one a transaction", 1.5, {"LMDB map"}},
               {"get", 0.95, {"Pinyon raw"}}},
              verdict);
    }
    {
        contest<std::string_view> bytes(how, key_kind::short_bytes, "bytes");
        bytes.run(results);
        judge(bytes,
              {{"get", 2.0, lmdb},
               {"scan, an entry", 1.5, lmdb},
               {"seek and 100 entries", 1.5, lmdb}},
              verdict);
    }
    {
        contest<std::string_view> urls(how, key_kind::urls, "urls");
        urls.run(results);
        judge(urls, {{"get", 1.6, lmdb}}, verdict);
    }
    durable_contest(how).run(results, verdict);
    std::filesystem::remove_all(how.folder);
    return results.finish(verdict);
}
