// The pool against the raw mapping, LMDB beside both, on a tree that was filled in random order:
// while it fits in memory, and while it is several times larger than what the process may use. Each
// measurement is a process of its own, under the limit before it touches the file, with none of the
// file in the page cache. Before it is measured, all of a file that fits is read once; of a larger
// one the same work goes on until as much was read as the process may use. "get, cold" and scans of
// large files are measured from the empty cache on.
//
// Exit code 77: it cannot run here, where no control group can limit memory, say.
#include <atomic>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "contest.hpp"
#include "limited_run.hpp"

namespace pinyon::bench {

namespace {

struct settings : round_settings {
    std::uint64_t limit_bytes = 0;
    std::vector<double> times = {0.5, 4};
    std::string work;  // empty: all of it
};

constexpr std::uint64_t bytes_an_entry = 160;  // of a file filled in random order, about
constexpr double warm_up_spans_max = 4;        // in times of the measurement behind it

// --- what is done, for a while -------------------------------------------------------------------

template <store S, class Next>
[[nodiscard]] limited_result get_one_by_one(S& from, const work_span& span, Next&& next) {
    typename S::reader reader(from);
    limited_probe times(span);
    while (!times.over()) {
        const std::uint64_t index = next();
        bool right = false;
        times.begin();
        reader.get(key_number(index), [&](std::uint64_t, std::string_view value) {
            right = value_of::index(value) == index;
        });
        times.end(1, right ? 0 : 1);
    }
    return times.result();
}

template <store S>
[[nodiscard]] limited_result get_uniform(S& from, std::uint64_t entries, const work_span& span) {
    random_numbers random(next_seed());
    return get_one_by_one(from, span, [&] { return random.below(entries); });
}

template <store S>
[[nodiscard]] limited_result get_popular(S& from, std::uint64_t entries, const work_span& span) {
    zipfian_numbers random(entries, next_seed());
    return get_one_by_one(from, span, [&] { return random.next(); });
}

// Where the store has no such call, one by one.
template <store S>
[[nodiscard]] limited_result get_batches(S& from, std::uint64_t entries, const work_span& span) {
    if constexpr (reads_many<S>) {
        typename S::reader reader(from);
        draw keys(entries);
        limited_probe times(span);
        while (!times.over()) {
            const std::vector<std::uint64_t>& indices = keys.next(64);
            const drawn_keys<std::uint64_t> drawn(key_kind::numbers, indices);
            std::uint64_t right = 0;
            times.begin();
            reader.get_many(drawn.all(), [&](std::size_t i, std::string_view value) {
                right += value_of::index(value) == indices[i] ? 1 : 0;
            });
            times.end(indices.size(), indices.size() - right);
        }
        return times.result();
    } else {
        return get_uniform(from, entries, span);
    }
}

// One scan after the other, timed by thousands of entries; an exception ends the last one.
template <store S>
[[nodiscard]] limited_result scan_all(S& from, const work_span& span) {
    typename S::reader reader(from);
    limited_probe times(span);
    bool stop = false;
    while (!stop) {
        std::uint64_t last = 0;
        std::uint64_t seen = 0;
        std::uint64_t wrong = 0;
        times.begin();
        struct enough {};
        try {
            (void)reader.scan([&](std::uint64_t key, std::string_view value) {
                wrong += key > last || last == 0 ? 0 : 1;
                wrong += key_number(value_of::index(value)) == key ? 0 : 1;
                last = key;
                if (++seen == 1000) {
                    times.end(seen, wrong);
                    seen = 0;
                    wrong = 0;
                    if (times.over()) { throw enough(); }
                    times.begin();
                }
            });
            times.end(seen, wrong);
        } catch (const enough&) { stop = true; }
        stop = stop || times.over();
    }
    return times.result();
}

// Lookups while another thread reads everything in order, on and on.
template <store S>
[[nodiscard]] limited_result get_beside_scan(S& from, std::uint64_t entries,
                                             const work_span& span) {
    std::atomic<bool> stop{false};
    std::thread scanning([&stop, &from] {
        S mine = from.connect();
        typename S::reader reader(mine);
        struct enough {};
        try {
            while (!stop.load(std::memory_order_relaxed)) {
                (void)reader.scan([&stop](std::uint64_t, std::string_view) {
                    if (stop.load(std::memory_order_relaxed)) { throw enough(); }
                });
            }
        } catch (const enough&) {}
    });
    const limited_result result = get_uniform(from, entries, span);
    stop = true;
    scanning.join();
    return result;
}

template <store S>
[[nodiscard]] limited_result update_uniform(S& to, std::uint64_t entries, const work_span& span) {
    draw keys(entries);
    limited_probe times(span);
    while (!times.over()) {
        const std::vector<std::uint64_t>& indices = keys.next(entries_a_transaction);
        const drawn_keys<std::uint64_t> drawn(key_kind::numbers, indices);
        times.begin();
        typename S::writer writer(to);
        if constexpr (reads_ahead<S>) { writer.prefetch(drawn.all()); }
        for (std::size_t i = 0; i < indices.size(); ++i) {
            writer.put(drawn.all()[i], value_of(indices[i]).view());
        }
        writer.commit();
        times.end(indices.size(), 0);
    }
    return times.result();
}

// --- who does it ---------------------------------------------------------------------------------

struct measurement {
    std::string work;
    std::uint64_t entries = 0;
    double seconds = 0;
    std::uint64_t limit_bytes = 0;
    bool fits = false;
};

struct contestant {
    std::string name;
    std::string file;
    std::function<limited_result(const measurement&)> run;
};

template <store S>
[[nodiscard]] limited_result run_work(S& store, const measurement& what, const work_span& span) {
    if (what.work == "get" || what.work == "get, cold") {
        return get_uniform(store, what.entries, span);
    }
    if (what.work == "get, zipfian") { return get_popular(store, what.entries, span); }
    if (what.work == "get_many") { return get_batches(store, what.entries, span); }
    if (what.work == "scan") { return scan_all(store, span); }
    if (what.work == "get beside a scan") { return get_beside_scan(store, what.entries, span); }
    return update_uniform(store, what.entries, span);
}

template <store S>
void warm_up(S& store, const measurement& what) {
    if (what.work == "get, cold") { return; }
    if (what.fits) {
        typename S::reader reader(store);
        (void)reader.scan([](std::uint64_t, std::string_view) {});
    } else if (what.work != "scan") {  // whose pages come once each
        (void)run_work(store, what, {warm_up_spans_max * what.seconds, what.limit_bytes});
    }
}

template <store S>
[[nodiscard]] contestant contestant_of(const char* name, const std::string& file,
                                       std::uint64_t cache_bytes) {
    return {name, file, [file, cache_bytes](const measurement& what) {
                S store(store_options{file, safety::process_end, cache_bytes});
                warm_up(store, what);
                return run_work(store, what, {what.seconds});
            }};
}

const std::vector<std::string> all_work = {"get",  "get, cold",         "get, zipfian", "get_many",
                                           "scan", "get beside a scan", "update"};

// One size of the file.
class comparison {
public:
    comparison(const settings& how, double times)
        : how_(how),
          times_(times),
          entries_(static_cast<std::uint64_t>(static_cast<double>(how.limit_bytes) * times) /
                   bytes_an_entry) {
        const std::string ours = how.folder + "/pinyon";
        // Without `release` the page cache keeps what the pool lets go; with it the pool is all.
        const std::uint64_t all = how.limit_bytes / 4 * 3;
        using pool = pinyon_store<std::uint64_t>;
        using release = pinyon_store<std::uint64_t, pinyon_mode::release>;
        using raw = pinyon_store<std::uint64_t, pinyon_mode::raw>;
        using raw_default = pinyon_store<std::uint64_t, pinyon_mode::raw_default>;
        contestants_ = {contestant_of<pool>("pool", ours, fits() ? all : how.limit_bytes / 2),
                        contestant_of<release>("pool, release", ours, all),
                        contestant_of<raw>("raw", ours, 0),
                        contestant_of<raw_default>("raw, default", ours, 0)};
        fill_in_child<pool>(ours);
#ifdef PINYON_BENCH_LMDB
        const std::string theirs = how.folder + "/lmdb";
        using lmdb = lmdb_store<std::uint64_t>;
        using lmdb_random = lmdb_store<std::uint64_t, lmdb_mode::no_read_ahead>;
        contestants_.push_back(contestant_of<lmdb>("LMDB", theirs, 0));
        contestants_.push_back(contestant_of<lmdb_random>("LMDB NORDAHEAD", theirs, 0));
        fill_in_child<lmdb_store<std::uint64_t, lmdb_mode::write_map>>(theirs);
#endif
    }

    void run(results_file& results, requirements& verdict) {
        for (const std::string& work : all_work) {
            if (how_.work.empty() || how_.work == work) { measure(work, results); }
        }
        judge(verdict);
    }

private:
    [[nodiscard]] bool fits() const noexcept { return times_ < 1; }

    template <store S>
    void fill_in_child(const std::string& file) {
        progress("filling " + file);
        (void)run_limited(0, {}, [&] {
            S store(store_options{file});
            std::uint64_t wrong = 0;
            (void)fill(store, {key_kind::numbers, entries_, 0, &wrong});
            return limited_result();
        });
    }

    void measure(const std::string& work, results_file& results) {
        std::map<std::string, limited_result> last;
        interleaved& times = works_[work];
        for (const contestant& each : contestants_) {
            times.add(each.name, [this, &each, &work, &last] {
                progress(work + ": " + each.name);
                const limited_result result =
                    run_limited(how_.limit_bytes, files_of(each.file), [&] {
                        return each.run({work, entries_, how_.seconds, how_.limit_bytes, fits()});
                    });
                wrong_ += result.wrong;
                last[each.name] = result;
                return figure(1e9 / result.rate(), facts_of(result));
            });
        }
        times.run(how_.rounds);
        std::printf("\n%g times the limit (%llu entries): %s\n", times_,
                    static_cast<unsigned long long>(entries_), work.c_str());
        times.print("microseconds", 1e3);
        print_facts(last);
        std::fflush(stdout);
        char name[64];
        std::snprintf(name, sizeof name, "%g x: %s", times_, work.c_str());
        results.add(name, times);
    }

    [[nodiscard]] static std::map<std::string, double> facts_of(const limited_result& run) {
        std::map<std::string, double> facts = run.times.facts();
        facts.merge(run.used.facts());
        facts["rss_bytes"] = static_cast<double>(run.rss_bytes);
        facts["operations"] = static_cast<double>(run.operations);
        for (unsigned second = 0; second < run.series_seconds; ++second) {
            facts["second_" + std::to_string(second)] = static_cast<double>(run.series[second]);
        }
        return facts;
    }

    // Of the last round.
    void print_facts(const std::map<std::string, limited_result>& last) const {
        std::printf("%-16s %9s %8s %8s %8s %9s %9s  %s\n", "last round", "worst, us", "minor",
                    "major", "Rss, MB", "MB read", "written", "each second");
        for (const contestant& each : contestants_) {
            const limited_result& run = last.at(each.name);
            const auto mb = [](std::uint64_t bytes) { return static_cast<double>(bytes) / 1e6; };
            std::printf("%-16s %9llu %8llu %8llu %8.0f %9.0f %9.0f ", each.name.c_str(),
                        static_cast<unsigned long long>(run.times.worst / 1000),
                        static_cast<unsigned long long>(run.used.minor_faults),
                        static_cast<unsigned long long>(run.used.major_faults), mb(run.rss_bytes),
                        mb(run.used.bytes_read), mb(run.used.bytes_written));
            for (unsigned second = 0; second < std::min(run.series_seconds, 6u); ++second) {
                std::printf(" %llu", static_cast<unsigned long long>(run.series[second]));
            }
            std::printf("\n");
        }
    }

    void require(requirements& verdict, const char* work, const char* theirs, double required,
                 const char* against = nullptr) {
        const interleaved& ours = works_[work];
        const interleaved& base = works_[against == nullptr ? work : against];
        if (!base.has(theirs)) { return; }
        const std::string best = best_of(ours, {"pool", "pool, release"});
        if (best.empty()) { return; }
        char name[96];
        std::snprintf(name, sizeof name, "%g x, %s: %s / %s", times_, work, best.c_str(), theirs);
        verdict.at_least(name, required, base.median(theirs) / ours.median(best));
    }

    // Against the raw mapping at its best, with advice or without.
    void require_beside_raw(requirements& verdict, const char* work, double required) {
        require(verdict, work, best_of(works_[work], {"raw", "raw, default"}).c_str(), required);
    }

    void judge(requirements& verdict) {
        if (fits()) {
            for (const char* work : {"get", "get, zipfian", "get_many", "scan", "update"}) {
                require_beside_raw(verdict, work, 0.95);
            }
        } else {
            require(verdict, "get", "LMDB NORDAHEAD", 1.1);
            require_beside_raw(verdict, "get", 1.0);
            require(verdict, "get", "raw, default", 50);
            require(verdict, "get", "LMDB", 50);
            require(verdict, "get_many", "LMDB NORDAHEAD", 3, "get");
            require(verdict, "scan", "LMDB NORDAHEAD", 5);
            require(verdict, "update", "LMDB NORDAHEAD", 1.2);
        }
        char name[64];
        std::snprintf(name, sizeof name, "%g x: wrong results", times_);
        verdict.equal(name, 0, wrong_);
    }

    const settings& how_;
    double times_;
    std::uint64_t entries_;
    std::vector<contestant> contestants_;
    works works_;
    std::uint64_t wrong_ = 0;
};

}  // namespace

}  // namespace pinyon::bench

int main(int argc, char** argv) {
    using namespace pinyon::bench;
    settings how;
    how.seconds = 2;
    std::uint64_t limit_mib = 256;
    CLI::App program(
        "The pool against the raw mapping, in memory and larger than memory; LMDB beside both.\n"
        "Exit code 77: it cannot run here, where no control group can limit memory, say");
    how.offer(program, "pool-vs-raw", argv[0]);
    program.add_option("--limit", limit_mib, "memory of each measurement, in MiB")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    program.add_option("--times", how.times, "sizes of the file, in limits")
        ->delimiter(',')
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    program.add_option("--work", how.work, "this alone")->check(CLI::IsMember(all_work));
    program.add_flag_callback(
        "--full",
        [&how] {
            how.times = {0.5, 1.2, 4, 10};
        },
        "all sizes");
    CLI11_PARSE(program, argc, argv);
    how.limit_bytes = limit_mib << 20;
    how.make_folder();
    results_file results(how, argc, argv);
    results.note("limit_bytes", how.limit_bytes);
    requirements verdict;
    std::printf(
        "entries of 8-byte numbers and %zu bytes, filled in random order; a limit of %llu MiB for "
        "each measurement; %u rounds of %.1f s, medians. Files in %s\n",
        value_bytes, static_cast<unsigned long long>(limit_mib), how.rounds, how.seconds,
        how.folder.c_str());
    try {
        for (const double times : how.times) {
            how.make_folder();
            comparison(how, times).run(results, verdict);
        }
    } catch (const std::runtime_error& why) {
        std::printf("SKIPPED pool-vs-raw: %s\n", why.what());
        return 77;
    }
    std::filesystem::remove_all(how.folder);
    return results.finish(verdict);
}
