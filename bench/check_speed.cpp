// How fast `pinyon check` is against a bare loop that reads the file in pieces of 64 KiB and hashes
// each page, on a file that was loaded in order and stands in the page cache; and what `pinyon
// report`, which checks in the same pass, adds to it.
//
//   check-speed [--entries N] [--rounds N] [--dir FOLDER] [--json FILE]
#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <sstream>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "pinyon/pinyon.hpp"
#include "progress.hpp"
#include "results_file.hpp"
#include "tools/report_document.hpp"
#include "tools/run.hpp"

namespace pinyon::bench {

namespace {

using value_type = std::array<char, 100>;
constexpr tree_spec<std::uint64_t, value_type> spec{"entries"};
constexpr std::size_t piece_bytes = std::size_t{64} << 10;

struct settings : run_settings {
    std::uint64_t entries = 9'000'000;  // about a gigabyte
    unsigned rounds = 5;
};

class check_speed {
public:
    explicit check_speed(const settings& how)
        : path_(how.folder + "/check-speed.pinyon"), html_(how.folder + "/check-speed.html") {
        load(how.entries);
        bytes_ = static_cast<double>(std::filesystem::file_size(path_));
        figures_.add(bare, [this] { return bytes_ / timed([this] { read_bare(); }); });
        figures_.add(check, [this] { return bytes_ / timed([this] { run_check(); }); });
        figures_.add(report, [this] { return bytes_ / timed([this] { run_report(); }); });
    }

    void measure(unsigned rounds, requirements& verdict) {
        progress("reading once");
        read_bare();  // into the page cache
        figures_.run(rounds);
        std::printf("\n%.0f MB, %u rounds, in the page cache\n", bytes_ / 1e6, rounds);
        figures_.print("MB a second", 1e6);
        std::printf("\nreport: %.2f times as long as check\n", figures_.ratio(check, report));
        verdict.equal("findings, that is, exit codes that are not 0", 0, failures_);
        verdict.at_least("check: speed / bare loop of pread and XXH3", 0.3,
                         figures_.ratio(check, bare));
        verdict.at_most("report: megabytes", static_cast<double>(tool::report_bytes_max) / 1e6,
                        html_bytes_ / 1e6);
    }
    [[nodiscard]] const interleaved& figures() const noexcept { return figures_; }

private:
    static constexpr const char* bare = "bare loop";
    static constexpr const char* check = "pinyon check";
    static constexpr const char* report = "pinyon report";

    template <class Work>
    [[nodiscard]] static double timed(Work&& work) {
        const auto start = std::chrono::steady_clock::now();
        work();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }

    void load(std::uint64_t entries) const {
        progress("loading");
        database db = database::open(path_);
        db.update(
            [&](write_transaction& tx) {
                auto tree = tx.open(spec);
                raw_loader loader = tree.raw().begin_load();
                key_buffer room;
                value_type value{};
                for (std::uint64_t i = 0; i < entries; ++i) {
                    std::memcpy(value.data(), &i, sizeof i);
                    loader.append(key_codec<std::uint64_t>::encode(i, room),
                                  as_bytes(std::string_view(value.data(), value.size())));
                }
                loader.finish();
            },
            durability::checkpoint);
        db.close();
    }

    void read_bare() {
        progress(bare);
        const int file = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
        std::vector<char> piece(piece_bytes);
        for (off_t at = 0;;) {
            const ssize_t got = ::pread(file, piece.data(), piece.size(), at);
            if (got <= 0) { break; }
            for (ssize_t page = 0; page < got; page += format::page_bytes_default) {
                hashes_ ^= XXH3_64bits(piece.data() + page, format::page_bytes_default);
            }
            at += got;
        }
        ::close(file);
        benchmark::DoNotOptimize(hashes_);
    }

    void run_tool(const std::vector<std::string>& words) {
        std::ostringstream out;
        const tool::streams streams{
            .out = out, .err = out, .in = [](std::span<char>) { return std::size_t{0}; }};
        if (tool::run(words, streams) == 0) { return; }
        ++failures_;
        std::fprintf(stderr, "%s", out.str().c_str());
    }
    void run_check() {
        progress(check);
        run_tool({"check", path_, "--quiet"});
    }
    void run_report() {
        progress(report);
        std::filesystem::remove(html_);
        run_tool({"report", path_, "--output", html_, "--quiet"});
        html_bytes_ = static_cast<double>(std::filesystem::file_size(html_));
    }

    std::string path_;
    std::string html_;
    double bytes_ = 0;
    double html_bytes_ = 0;
    std::uint64_t hashes_ = 0;
    std::uint64_t failures_ = 0;
    interleaved figures_;
};

}  // namespace

}  // namespace pinyon::bench

int main(int argc, char** argv) {
    using namespace pinyon::bench;
    settings how;
    CLI::App program("pinyon check and pinyon report against a bare loop over the file");
    how.offer(program, "check-speed", argv[0]);
    program.add_option("--entries", how.entries, "8-byte numbers with 100 bytes each")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    program.add_option("--rounds", how.rounds, "how often each is measured")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    CLI11_PARSE(program, argc, argv);
    how.make_folder();
    results_file results(how, argc, argv);
    results.note("entries", how.entries);
    requirements verdict;
    check_speed run(how);
    run.measure(how.rounds, verdict);
    std::filesystem::remove_all(how.folder);
    return results.finish(verdict);
}
