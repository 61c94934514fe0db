#include "tools/paging_comparison.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <vector>

#include <fmt/format.h>

#include "pinyon/engine/database.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

constexpr unsigned rounds = 11;
constexpr unsigned key_order_seed = 1;
// One round of gets is at least this long, so that the clock's grain does not show.
constexpr std::size_t gets_min = 200000;

enum class work { get, scan };

// One way of paging, open on the file.
class contestant {
public:
    contestant(const std::string& file, const std::string& tree, paging mode)
        : database_(open(file, mode)),
          snapshot_(database_.begin_read()),
          tree_(snapshot_.open_raw(tree)) {}

    [[nodiscard]] const raw_tree& tree() const noexcept { return tree_; }
    [[nodiscard]] database_statistics statistics() const { return database_.statistics(); }

    // Nanoseconds an operation.
    [[nodiscard]] double measure(work what, const std::vector<std::vector<std::byte>>& keys) {
        const auto start = std::chrono::steady_clock::now();
        const std::size_t operations = what == work::get ? get_all(keys) : scan_all();
        const std::chrono::duration<double, std::nano> spent =
            std::chrono::steady_clock::now() - start;
        return spent.count() / static_cast<double>(std::max<std::size_t>(operations, 1));
    }

private:
    static database open(const std::string& file, paging mode) {
        options chosen;
        chosen.access = access_mode::read_only;
        chosen.paging = mode;
        return database::open(file, chosen);
    }
    std::size_t get_all(const std::vector<std::vector<std::byte>>& keys) {
        std::size_t done = 0;
        while (done < gets_min && !keys.empty()) {
            for (const auto& key : keys) { seen_ += tree_.get(key)->size(); }
            done += keys.size();
        }
        return done;
    }
    std::size_t scan_all() {
        std::size_t entries = 0;
        raw_cursor at = tree_.cursor();
        for (bool valid = at.first(); valid; valid = at.next()) {
            seen_ += at.key().size() + at.value().size();
            ++entries;
        }
        return entries;
    }

    database database_;
    read_transaction snapshot_;
    raw_tree tree_;
    std::uint64_t seen_ = 0;  // so that no read can be left out
};

std::vector<std::vector<std::byte>> shuffled_keys(const raw_tree& tree) {
    std::vector<std::vector<std::byte>> keys;
    raw_cursor at = tree.cursor();
    for (bool valid = at.first(); valid; valid = at.next()) {
        keys.emplace_back(at.key().begin(), at.key().end());
    }
    std::shuffle(keys.begin(), keys.end(), std::mt19937(key_order_seed));
    return keys;
}

struct timing {
    double median = 0;
    double least = 0;
    double most = 0;
};

timing timing_of(std::vector<double> samples) {
    std::sort(samples.begin(), samples.end());
    return {samples[samples.size() / 2], samples.front(), samples.back()};
}

std::string shown_time(const timing& time) { return fmt::format("{:.1f} ns", time.median); }

std::string shown_spread(const timing& time) {
    return fmt::format("{:.1f} to {:.1f}", time.least, time.most);
}

}  // namespace

void compare_paging(const std::string& file, const std::string& tree, const streams& streams) {
    contestant pool(file, tree, paging::pool);
    contestant raw(file, tree, paging::raw);
    const auto keys = shuffled_keys(pool.tree());
    text_table table({"in memory", ">pool", ">spread", ">raw mapping", ">spread", ">pool : raw"});
    for (const work what : {work::get, work::scan}) {
        std::vector<double> pool_samples;
        std::vector<double> raw_samples;
        for (unsigned round = 0; round <= rounds; ++round) {
            streams.check_interrupt();
            const double with_pool = pool.measure(what, keys);
            const double with_raw = raw.measure(what, keys);
            if (round == 0) { continue; }  // brings everything in
            pool_samples.push_back(with_pool);
            raw_samples.push_back(with_raw);
        }
        const timing a = timing_of(pool_samples);
        const timing b = timing_of(raw_samples);
        const double ratio = b.median / a.median;
        table.row({what == work::get ? "random get" : "full scan, an entry", shown_time(a),
                   shown_spread(a), shown_time(b), shown_spread(b),
                   painted(fmt::format("{:.2f}", ratio),
                           ratio >= 0.95 ? colour::green : colour::yellow, streams.out_colour)});
    }
    streams.out
        << table.text(streams.out_colour)
        << fmt::format(
               "  {} entries, medians of {} rounds each, by turns; more than 1.00: the pool "
               "is faster\n",
               grouped(keys.size()), rounds);
}

}  // namespace pinyon::tool
