// What a store takes on the disk: after a fill in random order and after a sorted load, beside
// LMDB; and under steady random updates with checkpoints near and far apart.
#include <cstdio>
#include <filesystem>
#include <string>

#include "contest.hpp"

namespace pinyon::bench {

namespace {

struct settings : run_settings {
    std::uint64_t entries = 1'000'000;
};

using ours = pinyon_store<std::uint64_t>;
constexpr double mib = 1 << 20;

[[nodiscard]] double bytes_of(const std::string& path) {
    double sum = 0;
    for (const std::string& each : files_of(path)) {
        sum += static_cast<double>(std::filesystem::file_size(each));
    }
    return sum;
}

// Pages that hold something of the last commit, in bytes.
[[nodiscard]] double live_bytes(const database_statistics& now) {
    return static_cast<double>(now.file_pages - now.free_pages - now.held_pages) * now.page_bytes;
}

void print_line(const char* what, double bytes, std::uint64_t entries) {
    std::printf("  %-44s %10.1f MiB %10.1f bytes an entry\n", what, bytes / mib,
                bytes / static_cast<double>(entries));
}

class space {
public:
    explicit space(const settings& how) : how_(how) {
        plan_ = {key_kind::numbers, how.entries, 0, &wrong_};
        raw_bytes_ = static_cast<double>(how.entries) * (sizeof(std::uint64_t) + value_bytes);
    }

    void filled([[maybe_unused]] requirements& verdict) {
        std::printf("\nfilled in random order, closed\n");
        print_line("keys and values", raw_bytes_, how_.entries);
        const std::string path = make<ours>("fill", [this](ours& to) { (void)fill(to, plan_); });
        const double live = live_bytes(database::open(path).statistics());
        print_line("Pinyon, live pages", live, how_.entries);
        print_line("Pinyon, file", bytes_of(path), how_.entries);
#ifdef PINYON_BENCH_LMDB
        using lmdb = lmdb_store<std::uint64_t>;
        const std::string peer = make<lmdb>("LMDB", [this](lmdb& to) { (void)fill(to, plan_); });
        const double theirs = bytes_of(peer);
        print_line("LMDB, file", theirs, how_.entries);
        verdict.at_most("random fill: live pages / LMDB's file", 1.0, live / theirs);
#endif
    }

    void loaded(requirements& verdict) {
        std::printf("\nloaded in ascending order, closed\n");
        const std::vector<std::uint64_t> sorted = sorted_indices<std::uint64_t>(plan_);
        const std::string path =
            make<ours>("load", [&](ours& to) { (void)load(to, plan_, sorted); });
        print_line("Pinyon, file", bytes_of(path), how_.entries);
        verdict.at_most("sorted load: file / keys and values", 1.15, bytes_of(path) / raw_bytes_);
    }

    // `checkpoint_bytes` of log between two checkpoints; 0: the default.
    void updated(std::uint64_t checkpoint_bytes, requirements& verdict) {
        // Until the file holds what it holds for good: a state for each meta, and one between.
        constexpr std::uint64_t checkpoints_before = 4;
        constexpr unsigned rounds_before_max = 12;
        constexpr unsigned rounds = 10;
        char name[64] = "checkpoints as by default";
        if (checkpoint_bytes != 0) {
            std::snprintf(name, sizeof name, "checkpoints every %llu MiB of log",
                          static_cast<unsigned long long>(checkpoint_bytes >> 20));
        }
        std::printf("\nrandom updates, as many as entries in each round; %s\n", name);
        std::printf("  %-8s %12s %12s %12s %12s\n", "round", "file, MiB", "live", "held", "free");
        options how;
        how.checkpoint_bytes = checkpoint_bytes;
        const std::string path = how_.folder + "/steady";
        for (const std::string& file : files_of(path)) { std::filesystem::remove(file); }
        const database steady = database::open(path, how);
        ours store(steady);
        (void)fill(store, plan_);
        double file = 0;
        double before = 0;
        double worst = 0;
        unsigned last = ~0U;
        for (unsigned round = 1; round <= last; ++round) {
            update_all(store, round);
            const database_statistics now = steady.statistics();
            const auto part = [&now](std::uint64_t pages) {
                return static_cast<double>(pages) * now.page_bytes;
            };
            std::printf("  %-8u %12.1f %12.1f %12.1f %12.1f\n", round, part(now.file_pages) / mib,
                        live_bytes(now) / mib, part(now.held_pages) / mib,
                        part(now.free_pages) / mib);
            std::fflush(stdout);
            file = part(now.file_pages);
            worst = std::max(worst, file / live_bytes(now));
            if (before == 0 &&
                (now.checkpoints >= checkpoints_before || round == rounds_before_max)) {
                before = file;
                last = round + rounds;
            }
        }
        verdict.at_most(std::string(name) + ": file / live pages", 3.2, worst);
        verdict.at_most(std::string(name) + ": growth over ten more rounds", 1.0, file / before);
    }

    [[nodiscard]] std::uint64_t wrong() const noexcept { return wrong_; }

private:
    template <store S, class Work>
    [[nodiscard]] std::string make(const std::string& name, Work&& work) {
        progress("making " + name);
        const std::string path = how_.folder + "/" + name;
        S store(store_options{path});
        work(store);
        return path;
    }

    // As many random updates as there are entries.
    void update_all(ours& store, unsigned round) {
        progress("round " + std::to_string(round));
        draw keys(how_.entries);
        probe untimed(0);
        for (std::uint64_t done = 0; done < how_.entries; done += entries_a_transaction) {
            in_transactions(store, key_kind::numbers, keys.next(entries_a_transaction),
                            entries_a_transaction, untimed,
                            [](auto& writer, std::uint64_t key, std::uint64_t index) {
                                writer.put(key, value_of(index).view());
                            });
        }
    }

    const settings& how_;
    work_plan plan_;
    double raw_bytes_;
    std::uint64_t wrong_ = 0;
};

}  // namespace

}  // namespace pinyon::bench

int main(int argc, char** argv) {
    using namespace pinyon::bench;
    settings how;
    CLI::App program("Bytes on the disk, at rest and under steady updates");
    how.offer(program, "space", argv[0]);
    program.add_option("--entries", how.entries, "8-byte numbers with 100 bytes each")
        ->capture_default_str();
    CLI11_PARSE(program, argc, argv);
    how.make_folder();
    results_file results(how, argc, argv);
    results.note("entries", how.entries);
    requirements verdict;
    space run(how);
    run.filled(verdict);
    run.loaded(verdict);
    for (const std::uint64_t checkpoint_mib : {0, 16, 256}) {
        run.updated(checkpoint_mib << 20, verdict);
    }
    std::filesystem::remove_all(how.folder);
    return results.finish(verdict);
}
