#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/escape.hpp"
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
    out["pool"] = {{"frames_max", found.pool.frames_max},
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

std::string nanoseconds(double value) {
    if (value < 1e4) { return fmt::format("{:.1f} ns", value); }
    return value < 1e7 ? fmt::format("{:.1f} us", value / 1e3)
                       : fmt::format("{:.1f} ms", value / 1e6);
}

std::string shown_spread(const spread& what) {
    return nanoseconds(what.least) + " to " + nanoseconds(what.most);
}

// Five hundredths are within what two runs of the same work differ by.
colour colour_of(double ratio) { return ratio >= 0.95 ? colour::green : colour::yellow; }

std::string as_text(const comparison& found, bool coloured) {
    text_table table({"", ">pool", ">spread", ">raw mapping", ">spread", ">pool : raw", ">rounds"});
    for (const compared_work& each : found.works) {
        table.row({each.unit == "entry" ? each.name + ", an entry" : each.name,
                   nanoseconds(each.pool.median), shown_spread(each.pool),
                   nanoseconds(each.raw.median), shown_spread(each.raw),
                   painted(fmt::format("{:.2f}", each.ratio.median), colour_of(each.ratio.median),
                           coloured),
                   std::to_string(each.rounds)});
    }
    std::string out = table.text(coloured);
    out += fmt::format(
        "  '{}': {} entries, found {} of {} gets of {} keys; both read the same ({:016x})\n",
        escaped(found.tree), grouped(found.entries), grouped(found.gets_found),
        grouped(found.works.front().operations), grouped(found.keys), found.checksum);
    out +=
        fmt::format("  pool: {} of at most {} frames, {} evictions\n", grouped(found.pool.frames),
                    grouped(found.pool.frames_max), grouped(found.pool.evictions));
    out += "  Medians of rounds by turns; pool : raw above 1.00: the pool is faster\n";
    return out;
}

}  // namespace

exit_code run_bench(const bench_arguments& arguments, const streams& streams) {
    const comparison found = compare_paging(
        {arguments.file, arguments.tree, arguments.seconds, arguments.pool_bytes, arguments.quiet},
        streams);
    if (arguments.json) {
        streams.out << as_json(arguments, found).dump(2) << '\n';
    } else {
        streams.out << as_text(found, streams.out_colour);
    }
    return exit_code::fine;
}

}  // namespace pinyon::tool
