// A file many times larger than the pool: entries of 8 + 100 bytes inserted in random order through
// 64 MiB, read, half of them erased, reopened, checked, and written again; with everything the
// kernel offers and then without each of its newer services. Another process watches the memory
// that the file's mappings take.
//
//   budget [--entries N] [--pool MIB] [--fallback-entries N] [--only NAME]
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <string>

#include "permutation.hpp"
#include "pinyon/mmap/file.hpp"
#include "pinyon/pinyon.hpp"
#include "requirement.hpp"
#include "rss_sampler.hpp"

namespace {

using namespace pinyon;
using value_type = std::array<char, 100>;

constexpr tree_spec<std::uint64_t, value_type> spec{"budget"};
constexpr std::uint64_t transaction_entries = 1000;
constexpr std::uint64_t gets = 200'000;

struct settings {
    std::uint64_t entries = 10'000'000;
    std::uint64_t fallback_entries = 10'000'000;
    std::uint64_t pool_bytes = std::uint64_t{64} << 20;
    std::string only;
};

struct variant {
    const char* name;
    void (*withhold)(io::capabilities&);
};
constexpr variant variants[] = {
    {"all services", [](io::capabilities&) {}},
    {"no userfaultfd", [](io::capabilities& c) { c.userfaultfd = false; }},
    {"no PAGEMAP_SCAN", [](io::capabilities& c) { c.pagemap_scan = false; }},
    {"no process_madvise", [](io::capabilities& c) { c.process_madvise = false; }},
    {"no MADV_POPULATE", [](io::capabilities& c) { c.populate = false; }},
    {"no fallocate", [](io::capabilities& c) { c.fallocate = false; }},
    {"small address space", [](io::capabilities& c) { c.large_reservation = false; }},
};

[[nodiscard]] value_type value_of(std::uint64_t key) {
    value_type value{};
    std::memcpy(value.data(), &key, sizeof key);
    std::memcpy(value.data() + 92, &key, sizeof key);
    return value;
}

class budget_run {
public:
    budget_run(const variant& chosen, const settings& how, std::uint64_t entries)
        : name_(chosen.name),
          entries_(entries),
          path_(std::filesystem::temp_directory_path() / "pinyon-budget.pinyon") {
        io::capabilities allowed;
        chosen.withhold(allowed);
        files_ = io::make_posix_file_system(allowed);
        options_.files = files_.get();
        options_.pool_bytes = how.pool_bytes;
        std::filesystem::remove(path_);
    }

    void measure(bench::requirements& verdict) {
        std::printf("\n%s: %llu entries through %llu MiB\n", name_.c_str(),
                    static_cast<unsigned long long>(entries_),
                    static_cast<unsigned long long>(options_.pool_bytes >> 20));
        bench::rss_sampler sampler(path_.string());
        first_life();
        const double first_bytes = static_cast<double>(std::filesystem::file_size(path_));
        second_life();
        const double second_bytes = static_cast<double>(std::filesystem::file_size(path_));
        const bench::rss_samples seen = sampler.stop();
        const std::uint64_t findings = checked();

        const double budget = static_cast<double>(options_.pool_bytes);
        std::printf(
            "  Rss of the file's mappings: %llu samples at %.0f Hz, maximum %.2f MiB, budget %.2f "
            "MiB\n",
            static_cast<unsigned long long>(seen.count), seen.hertz,
            static_cast<double>(seen.max_bytes) / (1 << 20), budget / (1 << 20));
        std::printf("  file: %.1f MiB after the first round, %.1f MiB after the second\n",
                    first_bytes / (1 << 20), second_bytes / (1 << 20));
        const std::string prefix = name_ + ": ";
        verdict.at_least(prefix + "samples a second", 20, seen.hertz);
        verdict.at_most(prefix + "maximum Rss / budget", 1.05,
                        static_cast<double>(seen.max_bytes) / budget);
        verdict.at_least(prefix + "file / budget", 1, first_bytes / budget);
        verdict.at_most(prefix + "file after second round / first", 1.10,
                        second_bytes / first_bytes);
        verdict.equal(prefix + "wrong or missing entries", 0, wrong_);
        verdict.equal(prefix + "findings of check", 0, findings);
    }

private:
    template <class Work>
    void phase(const char* what, std::uint64_t count, Work&& work) {
        const auto start = std::chrono::steady_clock::now();
        work();
        const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
        std::printf("  %-28s %9.1f s  %10.0f /s\n", what, passed.count(),
                    static_cast<double>(count) / passed.count());
        std::fflush(stdout);
    }

    // Applies `change(tree, key)` to the keys [0, entries) in random order, 1,000 a transaction. A
    // file that outgrows a small address space is reopened, as the error says.
    template <class Change>
    void in_transactions(database& db, std::uint64_t seed, Change&& change) {
        const bench::permutation order(entries_, seed);
        for (std::uint64_t done = 0; done < entries_;) {
            try {
                done = db.update(
                    [&](write_transaction& tx) {
                        auto tree = tx.open(spec);
                        std::uint64_t next = done;
                        for (std::uint64_t changed = 0;
                             changed < transaction_entries && next < entries_; ++next) {
                            changed += change(tree, order(next)) ? 1 : 0;
                        }
                        return next;
                    },
                    durability::checkpoint);
            } catch (const error& failure) {
                if (failure.kind() != errc::no_space || files_->offers().large_reservation) {
                    throw;
                }
                db.close();
                db = database::open(path_.string(), options_);
            }
        }
    }

    static bool put(writable_tree<std::uint64_t, value_type>& tree, std::uint64_t key) {
        tree.put(key, value_of(key));
        return true;
    }
    [[nodiscard]] static bool is_odd(std::uint64_t key) noexcept { return key % 2 == 1; }

    void first_life() {
        database db = database::open(path_.string(), options_);
        phase("insert, random order", entries_, [&] { in_transactions(db, 42, put); });
        phase("random get", gets, [&] { random_gets(db, entries_); });
        phase("scan", entries_, [&] { scan(db, 1); });
        phase("erase every other", entries_ / 2, [&] {
            in_transactions(db, 17, [](auto& tree, std::uint64_t key) {
                return is_odd(key) && tree.erase(key);
            });
        });
        scan(db, 2);
        print_pool(db);
    }

    void second_life() {
        database db = database::open(path_.string(), options_);
        phase("scan after reopening", entries_ / 2, [&] { scan(db, 2); });
        phase("insert the erased again", entries_ / 2, [&] {
            in_transactions(db, 23, [](auto& tree, std::uint64_t key) {
                return is_odd(key) && put(tree, key);
            });
        });
        phase("scan", entries_, [&] { scan(db, 1); });
        print_pool(db);
    }

    void random_gets(const database& db, std::uint64_t keys) {
        const read_transaction tx = db.begin_read();
        const auto tree = tx.open(spec);
        const bench::permutation order(keys, 5);
        for (std::uint64_t i = 0; i < gets; ++i) {
            const std::uint64_t key = order(i % keys);
            const auto value = tree.get(key);
            wrong_ += value && *value == value_of(key) ? 0 : 1;
        }
    }

    // Every `step`-th key must be there, and nothing else.
    void scan(const database& db, std::uint64_t step) {
        const read_transaction tx = db.begin_read();
        std::uint64_t expected = 0;
        for (const auto& entry : tx.open(spec).all()) {
            wrong_ += entry.key == expected && entry.value == value_of(entry.key) ? 0 : 1;
            expected += step;
        }
        wrong_ += expected >= entries_ ? 0 : 1;
    }

    static void print_pool(const database& db) {
        const database_statistics facts = db.statistics();
        std::printf(
            "  pool: %.2f %% hits, %llu evictions, %llu write-backs, %llu swept, %llu of %llu "
            "frames at most\n",
            100.0 * static_cast<double>(facts.pool.hits()) / static_cast<double>(facts.pool.visits),
            static_cast<unsigned long long>(facts.pool.evictions),
            static_cast<unsigned long long>(facts.pool.write_backs),
            static_cast<unsigned long long>(facts.pool.swept),
            static_cast<unsigned long long>(facts.pool.frames_peak),
            static_cast<unsigned long long>(facts.pool.frames_max));
    }

    [[nodiscard]] std::uint64_t checked() {
        std::uint64_t findings = 0;
        phase("check", entries_, [&] {
            findings = check(path_.string(), {}, [](const finding& found) {
                           std::printf("  check: %s\n", found.text.c_str());
                       }).findings();
        });
        return findings;
    }

    std::string name_;
    std::uint64_t entries_;
    std::filesystem::path path_;
    std::unique_ptr<io::file_system> files_;
    options options_;
    std::uint64_t wrong_ = 0;
};

[[nodiscard]] settings parse(int argc, char** argv) {
    settings how;
    for (int i = 1; i < argc; i += 2) {
        const std::string_view flag = argv[i];
        const char* value = i + 1 < argc ? argv[i + 1] : nullptr;
        if (value != nullptr && flag == "--only") {
            how.only = value;
        } else if (value != nullptr && flag == "--entries") {
            how.entries = std::strtoull(value, nullptr, 10);
        } else if (value != nullptr && flag == "--fallback-entries") {
            how.fallback_entries = std::strtoull(value, nullptr, 10);
        } else if (value != nullptr && flag == "--pool") {
            how.pool_bytes = std::strtoull(value, nullptr, 10) << 20;
        } else {
            std::fprintf(
                stderr, "budget [--entries N] [--pool MIB] [--fallback-entries N] [--only NAME]\n");
            std::exit(2);
        }
    }
    return how;
}

[[nodiscard]] int measure(const settings& how) {
    bench::requirements verdict;
    for (const variant& chosen : variants) {
        if (!how.only.empty() && how.only != chosen.name) { continue; }
        const bool first = &chosen == &variants[0];
        try {
            budget_run(chosen, how, first ? how.entries : how.fallback_entries).measure(verdict);
        } catch (const error& failure) {
            std::printf("  %s\n", failure.what());
            verdict.equal(chosen.name + std::string(": errors"), 0, 1);
        }
    }
    return verdict.report();
}

}  // namespace

// The work happens in a child, because the sampler stops it (rss_sampler.hpp).
int main(int argc, char** argv) {
    const int worker = ::fork();
    if (worker == 0) { return measure(parse(argc, argv)); }
    int status = 1;
    ::waitpid(worker, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
