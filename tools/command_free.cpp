#include <algorithm>
#include <array>
#include <bit>

#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/histogram.hpp"
#include "tools/page_survey.hpp"
#include "tools/page_text.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// Runs by the bits of their length: bucket b holds 2^(b-1) to 2^b - 1 pages.
struct length_bucket {
    std::uint64_t runs = 0;
    std::uint64_t pages = 0;
};

struct free_picture {
    std::vector<const page_row*> free;  // by page, runs as long as they can be
    std::vector<const page_row*> pending;
    std::array<length_bucket, 49> lengths{};  // page numbers have 48 bits
    std::uint64_t free_pages = 0;
    std::uint64_t pending_pages = 0;
    std::uint64_t held_pages = 0;  // of the pending ones, those that a meta holds
    std::uint64_t longest = 0;
};

free_picture look_at(const page_survey& survey) {
    free_picture picture;
    for (const std::size_t index : survey.by_page()) {
        const page_row& row = survey.rows()[index];
        if (row.use == page_use::pending) {
            picture.pending.push_back(&row);
            picture.pending_pages += row.pages.count;
            if (!survey.holders(row.born, row.retired).empty()) {
                picture.held_pages += row.pages.count;
            }
        }
        if (row.use != page_use::free) { continue; }
        picture.free.push_back(&row);
        picture.free_pages += row.pages.count;
        picture.longest = std::max(picture.longest, row.pages.count);
        length_bucket& bucket =
            picture.lengths[static_cast<std::size_t>(std::bit_width(row.pages.count))];
        ++bucket.runs;
        bucket.pages += row.pages.count;
    }
    return picture;
}

json as_json(const free_arguments& arguments, const page_survey& survey,
             const free_picture& picture) {
    const check_summary& summary = survey.summary();
    json out{{"schema", "pinyon.free/1"},
             {"file", escaped(arguments.file)},
             {"page_bytes", summary.page_bytes},
             {"page_count", summary.page_count},
             {"transaction", summary.transaction},
             {"free_pages", picture.free_pages},
             {"pending_pages", picture.pending_pages},
             {"held_pages", picture.held_pages},
             {"longest_run", picture.longest},
             {"findings", summary.findings()}};
    out["runs"] = json::array();
    for (const page_row* row : picture.free) {
        out["runs"].push_back({{"page", row->pages.first}, {"count", row->pages.count}});
    }
    out["pending"] = json::array();
    for (const page_row* row : picture.pending) {
        out["pending"].push_back({{"page", row->pages.first},
                                  {"count", row->pages.count},
                                  {"born", row->born},
                                  {"retired", row->retired},
                                  {"held_by_metas", survey.holders(row->born, row->retired)}});
    }
    out["by_bits"] = json::array();
    for (std::size_t bits = 1; bits < picture.lengths.size(); ++bits) {
        const length_bucket& bucket = picture.lengths[bits];
        if (bucket.runs == 0) { continue; }
        out["by_bits"].push_back({{"bits", bits}, {"runs", bucket.runs}, {"pages", bucket.pages}});
    }
    return out;
}

std::string lengths_text(const free_picture& picture, bool coloured) {
    std::uint64_t most = 0;
    for (const length_bucket& each : picture.lengths) { most = std::max(most, each.pages); }
    text_table table({">pages in a run", ">runs", ">pages", ""});
    for (std::size_t bits = 1; bits < picture.lengths.size(); ++bits) {
        const length_bucket& bucket = picture.lengths[bits];
        if (bucket.runs == 0) { continue; }
        table.row({bucket_text(bits), grouped(bucket.runs), grouped(bucket.pages),
                   bar(bucket.pages, most)});
    }
    return table.text(coloured);
}

std::string as_text(const free_arguments& arguments, const page_survey& survey,
                    const free_picture& picture, bool coloured) {
    const check_summary& summary = survey.summary();
    std::string out = painted(escaped(arguments.file), colour::bold, coloured) + "\n";
    out += fmt::format("  {} of {} are free ({}), in {}, the longest of {}\n",
                       grouped(picture.free_pages), counted(summary.page_count, "page", "pages"),
                       byte_size(picture.free_pages * summary.page_bytes),
                       counted(picture.free.size(), "run", "runs"),
                       counted(picture.longest, "page", "pages"));
    out +=
        fmt::format("  {} wait: {} are held by the other meta, {} are free for the next writer\n",
                    grouped(picture.pending_pages), grouped(picture.held_pages),
                    grouped(picture.pending_pages - picture.held_pages));
    if (!picture.free.empty()) { out += "\n" + lengths_text(picture, coloured) + "\n"; }
    text_table table({">page", ">pages", "state", "why"});
    for (const std::size_t index : survey.by_page()) {
        const page_row& row = survey.rows()[index];
        if (row.use == page_use::free) {
            table.row({std::to_string(row.pages.first), grouped(row.pages.count), "free", ""});
        } else if (row.use == page_use::pending) {
            table.row({std::to_string(row.pages.first), grouped(row.pages.count), "pending",
                       pending_text(survey, row)});
        }
    }
    if (picture.free.empty() && picture.pending.empty()) { return out; }
    return out + table.text(coloured);
}

}  // namespace

exit_code run_free(const free_arguments& arguments, const streams& streams) {
    const page_survey survey(arguments, streams, "free");
    const free_picture picture = look_at(survey);
    if (arguments.json) {
        streams.out << as_json(arguments, survey, picture).dump(2) << '\n';
    } else {
        streams.out << as_text(arguments, survey, picture, streams.out_colour);
    }
    streams.flush_results();
    survey.conclude();
    return exit_code::fine;
}

}  // namespace pinyon::tool
