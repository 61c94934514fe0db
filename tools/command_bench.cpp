#include <algorithm>

#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/escape.hpp"
#include "tools/file_watch.hpp"
#include "tools/paging_comparison.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

json as_json(const spread& what, int digits) {
    const auto rounded = [digits](double value) {
        return std::stod(fmt::format("{:.{}f}", value, digits));
    };
    return {{"median", rounded(what.median)},
            {"least", rounded(what.least)},
            {"most", rounded(what.most)}};
}

json as_json(const bench_arguments& arguments, const comparison& found) {
    json out{{"schema", "pinyon.bench/1"},
             {"file", escaped(arguments.file)},
             {"tree", shown_json(found.tree, byte_style::automatic)},
             {"last_checkpoint_only", found.without_log},
             {"entries", found.entries},
             {"checksum", fmt::format("{:016x}", found.checksum)},
             {"keys_sampled", found.keys},
             {"gets_found", found.gets_found}};
    out["pool"] = {{"page_bytes", found.page_bytes},
                   {"frames_max", found.pool.frames_max},
                   {"frames", found.pool.frames},
                   {"reads", found.pool.reads},
                   {"evictions", found.pool.evictions}};
    out["works"] = json::array();
    for (const compared_work& each : found.works) {
        out["works"].push_back({{"name", each.name},
                                {"unit", each.unit},
                                {"operations", each.operations},
                                {"rounds", each.rounds},
                                {"pool_ns", as_json(each.pool, 2)},
                                {"raw_ns", as_json(each.raw, 2)},
                                {"ratio", as_json(each.ratio, 4)}});
    }
    return out;
}

struct time_unit {
    const char* name;
    double nanoseconds;
    int digits;
};

time_unit unit_of(double nanoseconds) {
    if (nanoseconds < 1e3) { return {"ns", 1, 1}; }
    return nanoseconds < 1e6 ? time_unit{"us", 1e3, 2} : time_unit{"ms", 1e6, 2};
}

// The median, and the others in its unit.
std::vector<std::string> cells_of(const spread& time) {
    const time_unit unit = unit_of(time.median);
    const auto shown = [&unit](double value) {
        return fmt::format("{:.{}f}", value / unit.nanoseconds, unit.digits);
    };
    return {shown(time.median) + " " + unit.name, shown(time.least) + " to " + shown(time.most)};
}

// Five hundredths are within what two runs of the same work differ by.
colour colour_of(double ratio) { return ratio >= 0.95 ? colour::green : colour::yellow; }

unsigned fewest_rounds(const comparison& found) {
    unsigned fewest = found.works.front().rounds;
    for (const compared_work& each : found.works) { fewest = std::min(fewest, each.rounds); }
    return fewest;
}

std::string as_text(const comparison& found, bool coloured) {
    text_table table({"", ">pool", ">spread", ">raw mapping", ">spread", ">pool : raw"});
    for (const compared_work& each : found.works) {
        const std::vector<std::string> pool = cells_of(each.pool);
        const std::vector<std::string> raw = cells_of(each.raw);
        table.row({each.unit == "entry" ? each.name + ", an entry" : each.name, pool[0], pool[1],
                   raw[0], raw[1],
                   painted(fmt::format("{:.2f}", each.ratio.median), colour_of(each.ratio.median),
                           coloured)});
    }
    std::string out = table.text(coloured);
    out += fmt::format("  medians of {} rounds and more, by turns; above 1.00 the pool is faster\n",
                       fewest_rounds(found));
    out += fmt::format("  '{}': {} entries, both read the same (checksum {:016x})\n",
                       escaped(found.tree), grouped(found.entries), found.checksum);
    out += fmt::format("  found {} of {} gets, of {} keys\n", grouped(found.gets_found),
                       grouped(found.works.front().operations), grouped(found.keys));
    out += fmt::format("  the pool held {} of at most {} pages ({}), {} evictions\n",
                       grouped(found.pool.frames), grouped(found.pool.frames_max),
                       byte_size(found.pool.frames_max * found.page_bytes),
                       grouped(found.pool.evictions));
    return out;
}

}  // namespace

exit_code run_bench(const bench_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    const comparison found = watch.run([&] {
        return compare_paging({arguments.file, arguments.tree, arguments.seconds,
                               arguments.pool_bytes, arguments.quiet},
                              streams);
    });
    if (arguments.json) {
        streams.out << as_json(arguments, found).dump(2) << '\n';
    } else {
        streams.out << as_text(found, streams.out_colour);
    }
    return exit_code::fine;
}

}  // namespace pinyon::tool
