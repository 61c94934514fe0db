// Pinyon beside LMDB, SQLite, RocksDB, LevelDB and std::map, everything in memory: the same keys,
// the same values, the same work, results looked at, all stores in the same rounds.
//
// peers [--dir FOLDER] [--rounds N] [--seconds S] [--entries N] [--only WORK] [--store NAME]
#include <algorithm>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "interleaved.hpp"
#include "progress.hpp"
#include "requirement.hpp"
#include "stores/all.hpp"
#include "workloads.hpp"

namespace pinyon::bench {

namespace {

struct settings {
    std::string folder;
    unsigned rounds = 5;
    double seconds = 0.25;
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

// The fastest of these by its median; empty: none was measured.
[[nodiscard]] std::string best_of(const interleaved& times, const std::vector<std::string>& names,
                                  const std::string& suffix = {}) {
    std::string best;
    for (const std::string& name : names) {
        const std::string each = name + suffix;
        if (times.has(each) && (best.empty() || times.median(each) < times.median(best))) {
            best = each;
        }
    }
    return best;
}

[[noreturn]] void usage(const std::string& what) {
    std::fprintf(stderr,
                 "%s\npeers [--dir FOLDER] [--rounds N] [--seconds S] [--entries N] [--only WORK] "
                 "[--store NAME]\n",
                 what.c_str());
    std::exit(2);
}

[[nodiscard]] settings read_arguments(int argc, char** argv) {
    settings result;
    std::filesystem::path folder = std::filesystem::absolute(argv[0]).parent_path();
    for (int i = 1; i < argc; i += 2) {
        const std::string name = argv[i];
        if (i + 1 == argc) { usage(name + " needs a value"); }
        const char* value = argv[i + 1];
        if (name == "--dir") {
            folder = value;
        } else if (name == "--rounds") {
            result.rounds = static_cast<unsigned>(std::max(1, std::atoi(value)));
        } else if (name == "--seconds") {
            result.seconds = std::atof(value);
        } else if (name == "--entries") {
            result.entries = std::strtoull(value, nullptr, 10);
        } else if (name == "--only") {
            result.only = value;
        } else if (name == "--store") {
            result.store = value;
        } else {
            usage("unknown: " + name);
        }
    }
    result.folder = (folder / "pinyon-peers").string();
    return result;
}

// A store that is filled, and read once, when it is first used.
template <class S>
class filled_store {
public:
    filled_store(std::string name, const store_options& how, const work_plan& plan)
        : name_(std::move(name)), how_(how), plan_(plan) {}
    [[nodiscard]] S& get() {
        if (!store_) {
            progress("filling " + name_);
            store_ = std::make_unique<S>(how_);
            (void)fill(*store_, plan_);
            // All of it is in memory, and verified where a store does that, before time is taken.
            typename S::reader reader(*store_);
            (void)reader.scan([](const auto&, std::string_view) {});
        }
        return *store_;
    }

private:
    std::string name_;
    store_options how_;
    const work_plan& plan_;
    std::unique_ptr<S> store_;
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

    void run() {
        for (auto& [work, contestants] : works_) {
            progress(name_ + ": " + work);
            contestants.run(how_.rounds);
            std::printf("\n%s: %s\n", name_.c_str(), work.c_str());
            contestants.print("nanoseconds");
            std::fflush(stdout);
        }
    }

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] bool empty() const noexcept { return works_.empty(); }
    [[nodiscard]] std::uint64_t wrong() const noexcept { return wrong_; }
    // Null when it was not measured.
    [[nodiscard]] const interleaved* find(const std::string& work) const {
        const auto found = std::find_if(works_.begin(), works_.end(),
                                        [&work](const auto& each) { return each.first == work; });
        return found == works_.end() ? nullptr : &found->second;
    }

private:
    template <store S>
    void add(const char* name) {
        const auto each =
            std::make_shared<filled_store<S>>(name_ + " into " + name, options_of(name), plan_);
        const auto on_filled = [this, name, each](const char* work, auto measure) {
            register_work(work, name, [each, measure] { return measure(each->get()); });
        };
        const auto on_empty = [this, name](const char* work, auto measure) {
            register_work(work, name, [this, name, measure] {
                const store_options options = options_of(std::string(name) + " empty");
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
        if constexpr (requires(typename S::reader & reader, std::span<const Key> keys) {
                          reader.get_many(keys, [](std::size_t, std::string_view) {});
                      }) {
            on_filled("get_many, 64 keys", [this](S& from) { return get_many(from, plan_); });
        }
        on_filled("scan, an entry", [this](S& from) { return scan(from, plan_); });
        on_filled("seek and 100 entries", [this](S& from) { return seek(from, plan_); });
        on_filled("update, 1000 a transaction",
                  [this](S& to) { return update(to, plan_, entries_a_transaction); });
        on_filled("update, one a transaction", [this](S& to) { return update(to, plan_, 1); });
        on_filled("delete, 1000 a transaction", [this](S& from) { return erase(from, plan_); });
        on_empty("fill, random order", [this](S& to) { return fill(to, plan_); });
        on_empty("bulk load, sorted", [this](S& to) {
            if (sorted_.empty()) { sorted_ = sorted_indices<Key>(plan_); }
            return load(to, plan_, sorted_);
        });
    }

    void register_work(const std::string& work, const char* name,
                       const std::function<double()>& measure) {
        if (!how_.wants(name_ + ": " + work) || !how_.wants_store(name)) { return; }
        auto found = std::find_if(works_.begin(), works_.end(),
                                  [&work](const auto& each) { return each.first == work; });
        if (found == works_.end()) { found = works_.emplace(found, work, interleaved()); }
        found->second.add(name, measure);
    }

    [[nodiscard]] store_options options_of(const std::string& name) const {
        return {how_.folder + "/" + name_ + "-" + name};
    }
    const settings& how_;
    std::string name_;
    work_plan plan_;
    std::uint64_t wrong_ = 0;
    std::vector<std::uint64_t> sorted_;
    std::vector<std::pair<std::string, interleaved>> works_;
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

    void run(requirements& verdict) {
        if (times_.empty()) { return; }
        progress("durable commits");
        times_.run(how_.rounds);
        std::printf("\ndurable commits of one put\n");
        times_.print("nanoseconds");
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

void describe(const settings& how) {
    std::printf(
        "%llu entries of 8-byte or url keys and values of %zu bytes, all in memory; %u rounds, "
        "each "
        "begun by another store; medians, ratios within a round. No store syncs but for durable "
        "commits; a commit outlives the process. Files in %s\n",
        static_cast<unsigned long long>(how.entries), value_bytes, how.rounds, how.folder.c_str());
    for_each_store<std::uint64_t>([&how]<class S>(std::type_identity<S>, const char* name) {
        if (how.wants_store(name)) { std::printf("  %-12s %s\n", name, S::describe().c_str()); }
    });
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
    const settings how = read_arguments(argc, argv);
    std::filesystem::remove_all(how.folder);
    std::filesystem::create_directories(how.folder);
    describe(how);
    requirements verdict;
    {
        contest<std::uint64_t> numbers(how, key_kind::numbers, "numbers");
        numbers.run();
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
        bytes.run();
        judge(bytes,
              {{"get", 2.0, lmdb},
               {"scan, an entry", 1.5, lmdb},
               {"seek and 100 entries", 1.5, lmdb}},
              verdict);
    }
    {
        contest<std::string_view> urls(how, key_kind::urls, "urls");
        urls.run();
        judge(urls, {{"get", 1.6, lmdb}}, verdict);
    }
    durable_contest(how).run(verdict);
    std::filesystem::remove_all(how.folder);
    return verdict.report();
}
