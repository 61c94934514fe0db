#include "tools/paging_comparison.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <numeric>
#include <random>

#include <fmt/format.h>

#include "tools/escape.hpp"
#include "tools/inspected_file.hpp"
#include "tools/paging_contestant.hpp"
#include "tools/progress.hpp"

namespace pinyon::tool {

namespace {

// So many keys at most, in so much memory at most. The first bound keeps the sample larger than
// what processor caches hold.
constexpr std::uint64_t keys_max = std::uint64_t{1} << 20;
constexpr std::uint64_t key_bytes_max = std::uint64_t{64} << 20;
constexpr unsigned key_seed = 1;

// A work's share of the time holds about so many rounds of both.
constexpr double rounds_wanted = 11;
constexpr unsigned rounds_min = 3;
constexpr unsigned rounds_max = 201;

struct work_kind {
    paging_work what;
    const char* name;
    const char* unit;
};
constexpr std::array works{
    work_kind{paging_work::get, "random get", "get"},
    work_kind{paging_work::scan, "full scan", "entry"},
    work_kind{paging_work::seek, "seek and 100 entries", "seek"},
};

double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

options reading(const comparison_request& request, paging how, replay log) {
    options chosen;
    chosen.access = access_mode::read_only;
    chosen.paging = how;
    chosen.pool_bytes = request.pool_bytes;
    chosen.replay = log;
    // Whoever cuts the file meanwhile ends this with a message, not with a signal.
    chosen.sigbus_handler = true;
    return chosen;
}

// A state that only the log knows lies in no file that could be mapped.
replay log_of(const comparison_request& request, const streams& streams) {
    try {
        const paging_contestant first(request.file, reading(request, paging::pool, replay::refuse),
                                      streams);
        return replay::refuse;
    } catch (const error& failure) {
        if (failure.kind() != errc::recovery_required) { throw; }
    }
    return replay::ignore;
}

// Every entry of a stream whose length is known has the same chance to be among those kept.
class sample {
public:
    sample(std::uint64_t entries, std::uint64_t keys) : left_(entries), wanted_(keys) {}
    void offer(bytes key) {
        if (left_ == 0 || wanted_ == 0) { return; }
        if (random_() % left_ < wanted_) {
            keys_.add(key);
            --wanted_;
        }
        --left_;
    }
    // In random order.
    [[nodiscard]] key_sequence take() {
        std::vector<std::uint32_t> order(keys_.size());
        std::iota(order.begin(), order.end(), 0u);
        std::shuffle(order.begin(), order.end(), random_);
        return {std::move(keys_), std::move(order)};
    }

private:
    std::uint64_t left_;
    std::uint64_t wanted_;
    key_list keys_;
    std::mt19937_64 random_{key_seed};
};

class contest {
public:
    contest(const comparison_request& request, const streams& streams)
        : request_(request),
          streams_(streams),
          log_(log_of(request, streams)),
          pool_(request.file, reading(request, paging::pool, log_), streams),
          raw_(request.file, reading(request, paging::raw, log_), streams) {}

    [[nodiscard]] comparison run() {
        result_.without_log = log_ == replay::ignore;
        if (result_.without_log && !request_.quiet) {
            streams_.err << fmt::format(
                                "pinyon: {}: it was not closed; this is its last checkpoint, "
                                "without the log behind it\n",
                                escaped(request_.file))
                         << std::flush;
        }
        const tree_information tree = tree_of(pool_.snapshot(), request_.tree, request_.file);
        result_.tree = tree.name;
        result_.entries = tree.entries;
        if (tree.entries == 0) {
            throw refusal(exit_code::no,
                          fmt::format("the tree '{}' is empty: there is nothing to measure",
                                      escaped(tree.name)),
                          fmt::format("pinyon import {} INPUT --tree {}",
                                      shell_quoted(request_.file), shell_quoted(tree.name)));
        }
        pool_.open_tree(tree.name);
        raw_.open_tree(tree.name);
        read_all();
        const double share = request_.seconds / static_cast<double>(works.size());
        progress line(streams_, "bench", "reads",
                      static_cast<std::uint64_t>(request_.seconds * 1e6), request_.quiet);
        for (const work_kind& each : works) { measure(each, share, line); }
        const database_statistics statistics = pool_.statistics();
        result_.page_bytes = statistics.page_bytes;
        result_.pool = statistics.pool;
        return std::move(result_);
    }

private:
    // Brings everything in, and makes sure that both read the same.
    void read_all() {
        const std::uint32_t width = pool_.tree().types().key_bytes;
        const std::uint64_t key_bytes = width != 0 ? width : pool_.statistics().page_bytes / 8;
        sample keys(result_.entries,
                    std::min({result_.entries, keys_max, key_bytes_max / key_bytes}));
        progress line(streams_, "read", "entries", 2 * result_.entries, request_.quiet);
        const auto with_pool = pool_.read_all([&](std::uint64_t number, bytes key) {
            keys.offer(key);
            line.update(number, number);
        });
        const auto with_raw = raw_.read_all([&](std::uint64_t number, bytes) {
            line.update(result_.entries + number, result_.entries + number);
        });
        for (const auto& each : {with_pool, with_raw}) {
            if (each.entries != result_.entries) {
                refuse(fmt::format("a scan found {} entries, the tree counts {}", each.entries,
                                   result_.entries));
            }
        }
        if (with_pool.checksum != with_raw.checksum) {
            refuse(
                fmt::format("all entries have the checksum {:016x} through the pool and {:016x} "
                            "through the raw mapping",
                            with_pool.checksum, with_raw.checksum));
        }
        result_.checksum = with_pool.checksum;
        keys_ = keys.take();
        result_.keys = keys_.keys.size();
    }

    [[noreturn]] void refuse(const std::string& text) const {
        throw refusal(exit_code::damage, text, "pinyon check " + shell_quoted(request_.file));
    }

    // How many operations take about `seconds`, by the slower of both. Warms both up.
    [[nodiscard]] std::uint64_t operations_for(paging_work what, double seconds) const {
        std::uint64_t count = 1;
        for (;;) {
            double slower = 0;
            for (const paging_contestant* each : {&pool_, &raw_}) {
                const double start = seconds_now();
                (void)each->run(what, keys_, 0, count);
                slower = std::max(slower, seconds_now() - start);
            }
            if (slower >= seconds / 4) {
                const double fitting = static_cast<double>(count) * seconds / slower;
                return std::max<std::uint64_t>(static_cast<std::uint64_t>(fitting), 1);
            }
            count *= 2;
        }
    }

    void measure(const work_kind& kind, double share, progress& line) {
        const std::uint64_t count = operations_for(kind.what, share / (2 * rounds_wanted));
        std::vector<double> pool;
        std::vector<double> raw;
        std::vector<double> ratios;
        compared_work out{kind.name, kind.unit, 0, 0, {}, {}, {}};
        const double start = seconds_now();
        double passed = 0;
        while (out.rounds < rounds_min || (passed < share && out.rounds < rounds_max)) {
            const std::uint64_t first = out.rounds * count;
            // Whoever goes second finds the processor's caches as the other one left them.
            reads with_pool;
            reads with_raw;
            if (out.rounds % 2 == 0) { pool.push_back(time(pool_, kind, first, count, with_pool)); }
            raw.push_back(time(raw_, kind, first, count, with_raw));
            if (out.rounds % 2 != 0) { pool.push_back(time(pool_, kind, first, count, with_pool)); }
            compare(kind, with_pool, with_raw);
            ratios.push_back(raw.back() / pool.back());
            out.operations += with_pool.units;
            ++out.rounds;
            passed = seconds_now() - start;
            const double all = share * static_cast<double>(result_.works.size());
            line.update(static_cast<std::uint64_t>((all + std::min(passed, share)) * 1e6),
                        done_ += 2 * with_pool.units);
        }
        out.pool = spread_of(std::move(pool));
        out.raw = spread_of(std::move(raw));
        out.ratio = spread_of(std::move(ratios));
        result_.works.push_back(std::move(out));
    }

    // Nanoseconds a unit.
    [[nodiscard]] double time(const paging_contestant& contestant, const work_kind& kind,
                              std::uint64_t first, std::uint64_t count, reads& into) const {
        const double start = seconds_now();
        into = contestant.run(kind.what, keys_, first, count);
        const double passed = seconds_now() - start;
        return std::max(passed * 1e9, 1.0) /
               static_cast<double>(std::max<std::uint64_t>(into.units, 1));
    }

    void compare(const work_kind& kind, const reads& with_pool, const reads& with_raw) {
        for (const reads& each : {with_pool, with_raw}) {
            if (each.found != each.units) {
                refuse(fmt::format("{}: found {} of {}", kind.name, each.found, each.units));
            }
        }
        if (!(with_pool == with_raw)) {
            refuse(
                fmt::format("{}: the pool and the raw mapping read different things", kind.name));
        }
        if (kind.what == paging_work::get) { result_.gets_found += with_pool.found; }
    }

    [[nodiscard]] static spread spread_of(std::vector<double> samples) {
        std::sort(samples.begin(), samples.end());
        return {samples[samples.size() / 2], samples.front(), samples.back()};
    }

    const comparison_request& request_;
    const streams& streams_;
    replay log_;
    paging_contestant pool_;
    paging_contestant raw_;
    key_sequence keys_;
    std::uint64_t done_ = 0;
    comparison result_;
};

}  // namespace

comparison compare_paging(const comparison_request& request, const streams& streams) {
    return contest(request, streams).run();
}

}  // namespace pinyon::tool
