// Whether cost bends as a store grows: the same work on one million entries and on many times more,
// beside LMDB in its faster mode (MDB_WRITEMAP); the time to open, bytes an entry, and one to four
// reading threads. Trees are loaded in ascending order, and all of both stores stays in memory.
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "contest.hpp"

namespace pinyon::bench {

namespace {

struct settings : round_settings {
    std::vector<std::uint64_t> sizes = {1'000'000, 10'000'000, 50'000'000};
};

constexpr const char* peer = "LMDB map";
constexpr const char* opening = "open and look once";

[[nodiscard]] std::string get_by(unsigned threads) {
    return "get, threads: " + std::to_string(threads);
}

// A store that can be closed and opened, and is read once behind each open.
template <store S>
class reopened_store {
public:
    explicit reopened_store(store_options how) : how_(std::move(how)) {}
    [[nodiscard]] const store_options& options() const noexcept { return how_; }
    void close() { store_.reset(); }
    [[nodiscard]] S& open() {
        store_ = std::make_unique<S>(how_);
        warm_ = false;
        return *store_;
    }
    // All of it in memory. REQUIRES: it is open.
    [[nodiscard]] S& warm() {
        if (!std::exchange(warm_, true)) {
            progress("reading all of " + how_.path);
            typename S::reader reader(*store_);
            (void)reader.scan([](const auto&, std::string_view) {});
        }
        return *store_;
    }

private:
    store_options how_;
    std::unique_ptr<S> store_;
    bool warm_ = false;
};

// One size of the stores.
class grade {
public:
    grade(const settings& how, std::uint64_t entries) : how_(how) {
        plan_ = {key_kind::numbers, entries, how.seconds, &wrong_};
        name_ = std::to_string(entries);
        sorted_ = sorted_indices<std::uint64_t>(plan_);
        add<pinyon_store<std::uint64_t>>("Pinyon");
#ifdef PINYON_BENCH_LMDB
        add<lmdb_store<std::uint64_t, lmdb_mode::write_map>>(peer);
#endif
        sorted_ = {};
    }

    void run(results_file& results) {
        std::printf("\n%s entries: loaded\n", name_.c_str());
        loads_.print("nanoseconds");
        sizes_.print("bytes an entry");
        nlohmann::ordered_json bytes;
        for (const std::string& store : sizes_.names()) { bytes[store] = sizes_.median(store); }
        results.note("bytes an entry, " + name_, bytes);
        results.add(name_ + ": load", loads_);
        works_.run(name_, how_.rounds, results);
    }

    [[nodiscard]] std::uint64_t entries() const noexcept { return plan_.entries; }
    [[nodiscard]] std::uint64_t wrong() const noexcept { return wrong_; }
    [[nodiscard]] double bytes_an_entry() const { return sizes_.median("Pinyon"); }
    [[nodiscard]] const interleaved* find(const std::string& work) const {
        return works_.find(work);
    }

private:
    template <store S>
    void add(const char* name) {
        progress(name_ + " into " + name);
        const auto one = std::make_shared<reopened_store<S>>(
            store_options{how_.folder + "/" + name, safety::process_end,
                          plan_.entries * 256 + (std::uint64_t{1} << 30)});
        loads_.record(name, load(one->open(), plan_, sorted_));
        one->close();
        sizes_.record(name, static_cast<double>(disk_bytes_of(one->options().path)) /
                                static_cast<double>(plan_.entries));
        works_.add(opening, name, [this, one] {
            one->close();
            stopwatch watch;
            watch.start();
            look(one->open());
            watch.stop(1);
            return watch.nanoseconds();
        });
        const auto on_open = [&](const std::string& work, auto measure) {
            works_.add(work, name, [one, measure] { return measure(one->warm()); });
        };
        on_open("get", [this](S& from) { return get(from, plan_); });
        if constexpr (reads_many<S>) {
            on_open("get_many, 64 keys", [this](S& from) { return get_many(from, plan_); });
        }
        for (const unsigned threads : {1u, 2u, 4u}) {
            on_open(get_by(threads),
                    [this, threads](S& from) { return get_by_threads(from, plan_, threads); });
        }
        on_open("scan, an entry", [this](S& from) { return scan(from, plan_); });
        on_open("seek and 100 entries", [this](S& from) { return seek(from, plan_); });
        on_open("update, 1000 a transaction",
                [this](S& to) { return update(to, plan_, entries_a_transaction); });
    }

    template <store S>
    void look(S& from) {
        typename S::reader reader(from);
        const std::uint64_t index = random_numbers(next_seed()).below(plan_.entries);
        bool right = false;
        reader.get(key_number(index), [&](std::uint64_t, std::string_view value) {
            right = value_of::index(value) == index;
        });
        wrong_ += right ? 0 : 1;
    }

    const settings& how_;
    std::string name_;
    work_plan plan_;
    std::uint64_t wrong_ = 0;
    std::vector<std::uint64_t> sorted_;
    interleaved loads_;
    interleaved sizes_;
    works works_;
};

// At ten million entries the lines of one million hold, and nothing bends on the way up.
class verdicts {
public:
    explicit verdicts(requirements& verdict) : verdict_(verdict) {}

    void in_memory(const grade& at) {
        const std::string name = std::to_string(at.entries());
        const auto against = [&](const char* work, double required, const char* theirs) {
            const interleaved* peers = at.find(theirs);
            if (!peers->has(peer)) { return; }
            verdict_.at_least(name + ": " + work + ", against LMDB", required,
                              peers->median(peer) / at.find(work)->median("Pinyon"));
        };
        against("get", 3.0, "get");
        against("get_many, 64 keys", 6.0, "get");
        against("scan, an entry", 3.0, "scan, an entry");
        against("seek and 100 entries", 2.0, "seek and 100 entries");
        against("update, 1000 a transaction", 1.3, "update, 1000 a transaction");
        verdict_.at_least(
            name + ": 2 threads against 1", 1.8,
            at.find(get_by(1))->median("Pinyon") / at.find(get_by(2))->median("Pinyon"));
        verdict_.equal(name + ": wrong results", 0, at.wrong());
    }

    // REQUIRES: `large` has more entries.
    void growth(const grade& small, const grade& large) {
        const std::string name =
            std::to_string(small.entries()) + " to " + std::to_string(large.entries()) + ": ";
        for (const char* work :
             {"get", "scan, an entry", "seek and 100 entries", "update, 1000 a transaction"}) {
            const auto growth_of = [&](const std::string& store) {
                return large.find(work)->median(store) / small.find(work)->median(store);
            };
            if (!large.find(work)->has(peer)) { continue; }
            verdict_.at_most(name + work + ", growth / LMDB's", 1.1,
                             growth_of("Pinyon") / growth_of(peer));
        }
        verdict_.at_most(name + "bytes an entry, growth", 1.02,
                         large.bytes_an_entry() / small.bytes_an_entry());
        verdict_.at_most(
            name + "open, growth", 2,
            large.find(opening)->median("Pinyon") / small.find(opening)->median("Pinyon"));
    }

private:
    requirements& verdict_;
};

}  // namespace

}  // namespace pinyon::bench

int main(int argc, char** argv) {
    using namespace pinyon::bench;
    settings how;
    CLI::App program("The same work on ever larger stores, and by more threads");
    how.offer(program, "scale", argv[0]);
    program.add_option("--sizes", how.sizes, "entries, ascending")
        ->delimiter(',')
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    program.add_flag_callback(
        "--full", [&how] { how.sizes.push_back(100'000'000); }, "100 million too");
    CLI11_PARSE(program, argc, argv);
    how.make_folder();
    results_file results(how, argc, argv);
    describe_stores<std::uint64_t>(results);
    requirements verdict;
    verdicts judge(verdict);
    std::unique_ptr<grade> first;
    for (const std::uint64_t entries : how.sizes) {
        how.make_folder();
        auto now = std::make_unique<grade>(how, entries);
        now->run(results);
        judge.in_memory(*now);
        if (first) {
            judge.growth(*first, *now);
        } else {
            first = std::move(now);
        }
    }
    std::filesystem::remove_all(how.folder);
    return results.finish(verdict);
}
