// The verbs that look at all pages: pages, map and free.
#define BOOST_TEST_MODULE tool_pages
#include <boost/test/unit_test.hpp>

#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "support/tool_sample.hpp"

namespace {

using namespace pinyon::test;
using json = nlohmann::json;
namespace format = pinyon::format;
namespace io = pinyon::io;

std::map<std::string, std::uint64_t> by_kind(const json& pages) {
    std::map<std::string, std::uint64_t> sums;
    for (const json& each : pages) { sums[each["kind"]] += each["count"].get<std::uint64_t>(); }
    return sums;
}

}  // namespace

// --- pages ---------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(pages_lists_every_page_once) {
    const folder here;
    const std::string file = checked_sample(here);
    const pinyon::check_summary summary = pinyon::check(file, {}, {});
    const answer told = call({"pages", file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(told.err.empty());
    BOOST_TEST(lines_of(told.out).size() == summary.page_count + 1);
    for (const char* part :
         {"meta", "leaf", "inner node", "large value", "checksums of a large value",
          "free-space image", "free", "'numbers'", "'degrees'", "'texts'", "the catalog"}) {
        BOOST_TEST(contains(told.out, part));
    }
    const json document = call({"pages", file, "--json"}).json();
    BOOST_TEST(document["schema"] == "pinyon.pages/1");
    BOOST_TEST(document["complete"] == true);
    std::uint64_t next = 0;
    for (const json& each : document["pages"]) {
        BOOST_TEST(each["page"] == next);
        BOOST_TEST(each["count"] == 1);
        BOOST_TEST(each["sound"] == true);
        ++next;
    }
    BOOST_TEST(next == summary.page_count);
    auto sums = by_kind(document["pages"]);
    BOOST_TEST(sums["leaf"] + sums["inner"] == summary.tree_pages);
    BOOST_TEST(sums["extent_data"] + sums["extent_sums"] == summary.extent_pages);
    BOOST_TEST(sums["free"] == summary.free_pages);
    BOOST_TEST(sums["pending"] == summary.pending_pages);
}

BOOST_AUTO_TEST_CASE(pages_joins_neighbours_and_keeps_their_sums) {
    const folder here;
    const std::string file = checked_sample(here);
    const json single = call({"pages", file, "--json"}).json()["pages"];
    const json runs = call({"pages", file, "--runs", "--json"}).json()["pages"];
    BOOST_TEST(runs.size() < single.size());
    BOOST_TEST((by_kind(single) == by_kind(runs)));
    std::uint64_t next = 0;
    for (const json& each : runs) {
        BOOST_TEST(each["page"] == next);
        next += each["count"].get<std::uint64_t>();
    }
    const auto items = [](const json& pages) {
        std::uint64_t sum = 0;
        for (const json& each : pages) {
            if (each["kind"] == "leaf") { sum += each["items"].get<std::uint64_t>(); }
        }
        return sum;
    };
    BOOST_TEST(items(single) == number_entries + 1 + 200 + text_entries + 1 + 3);
    BOOST_TEST(items(single) == items(runs));
    BOOST_TEST(lines_of(call({"pages", file, "--runs"}).out).size() == runs.size() + 1);
}

BOOST_AUTO_TEST_CASE(pages_of_one_kind_are_chosen) {
    const folder here;
    const std::string file = checked_sample(here);
    for (const char* kind : {"meta", "leaf", "inner", "extent_data", "extent_sums", "image", "free",
                             "pending", "lost", "missing"}) {
        BOOST_TEST_CONTEXT(kind) {
            const answer told = call({"pages", file, "--kind", kind, "--ndjson"});
            BOOST_TEST(told.code == 0);
            for (const json& each : documents_of(told.out)) { BOOST_TEST(each["kind"] == kind); }
        }
    }
    BOOST_TEST(documents_of(call({"pages", file, "--kind", "meta", "--ndjson"}).out).size() == 2u);
    BOOST_TEST(
        documents_of(call({"pages", file, "--kind", "extent_data", "--ndjson"}).out).size() == 5u);
    BOOST_TEST(call({"pages", file, "--kind", "damaged", "--ndjson"}).out.empty());
}

BOOST_AUTO_TEST_CASE(pages_notes_what_was_found_and_what_waits) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    const std::uint64_t leaf = *leaf_of(forged, "numbers", 1);
    forged.page(leaf)[99] ^= std::byte{4};
    forged.save();
    const answer told = call({"pages", file, "--kind", "damaged", "--ndjson"});
    BOOST_TEST(told.code == 3);
    BOOST_TEST(contains(told.err, "next: pinyon check"));
    const auto damaged = documents_of(told.out);
    BOOST_REQUIRE(damaged.size() == 1u);
    BOOST_TEST(damaged[0]["page"] == leaf);
    BOOST_TEST(contains(damaged[0]["note"], "checksum_page"));
    BOOST_TEST(damaged[0]["sound"] == false);
    BOOST_TEST(contains(call({"pages", file}).out, "checksum_page"));
}

BOOST_AUTO_TEST_CASE(pages_of_a_file_that_was_cut_end_with_one_line) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    forged.meta.page_count = std::uint64_t{1} << 40;
    forged.store_metas();
    forged.save();
    for (const words& each :
         std::vector<words>{{"pages", file, "--ndjson"}, {"pages", file, "--ndjson", "--runs"}}) {
        const answer told = call(each);
        BOOST_TEST(told.code == 3);
        const auto pages = documents_of(told.out);
        BOOST_TEST(pages.size() < 300u);
        BOOST_TEST(pages.back()["kind"] == "missing");
    }
    for (const char* verb : {"map", "free", "tree"}) {
        BOOST_TEST_CONTEXT(verb) { BOOST_TEST(call({verb, file}).code == 3); }
    }
}

// --- map -----------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(map_draws_every_page_with_a_letter_and_counts_them) {
    const folder here;
    const std::string file = checked_sample(here);
    const pinyon::check_summary summary = pinyon::check(file, {}, {});
    for (const char* by : {"kind", "tree", "fill", "age"}) {
        BOOST_TEST_CONTEXT(by) {
            const answer told = call({"map", file, "--by", by});
            BOOST_TEST(told.code == 0);
            BOOST_TEST(!contains(told.out, "\x1b"));
            const json document = call({"map", file, "--by", by, "--json"}).json();
            BOOST_TEST(document["schema"] == "pinyon.map/1");
            BOOST_TEST(document["by"] == by);
            BOOST_TEST(document["pages_in_cell"] == 1);
            std::string cells;
            for (const json& row : document["rows"]) { cells += row.get<std::string>(); }
            BOOST_TEST(cells.size() == summary.page_count);
            std::uint64_t sum = 0;
            for (const json& each : document["legend"]) {
                const std::string letter = each["letter"];
                const auto drawn = std::count(cells.begin(), cells.end(), letter[0]);
                BOOST_TEST(each["pages"] == drawn);
                sum += each["pages"].get<std::uint64_t>();
                BOOST_TEST(contains(told.out, each["name"]));
            }
            BOOST_TEST(sum == summary.page_count);
        }
    }
    const json kinds = call({"map", file, "--json"}).json();
    BOOST_TEST(kinds["rows"][0].get<std::string>().substr(0, 2) == "MM");
    const std::string trees = call({"map", file, "--by", "tree"}).out;
    BOOST_TEST(contains(trees, "'degrees'"));
    BOOST_TEST(contains(trees, "the catalog"));
}

BOOST_AUTO_TEST_CASE(map_shows_damage_whatever_it_is_by) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    const std::uint64_t leaf = *leaf_of(forged, "numbers", 1);
    forged.page(leaf)[99] ^= std::byte{4};
    forged.save();
    for (const char* by : {"kind", "tree", "fill", "age"}) {
        const answer told = call({"map", file, "--by", by, "--json"});
        BOOST_TEST(told.code == 3);
        std::string cells;
        const json document = told.json();
        for (const json& row : document["rows"]) { cells += row.get<std::string>(); }
        BOOST_TEST(cells[leaf] == '!');
        BOOST_TEST(std::count(cells.begin(), cells.end(), '!') == 1);
    }
}

BOOST_AUTO_TEST_CASE(a_large_file_is_drawn_in_twenty_rows) {
    const folder here;
    const std::string file = here / "large.pinyon";
    pinyon::database::open(file).update([](pinyon::write_transaction& tx) {
        tx.open(texts).put("large", std::string(12'000'000, 'x'));
    });
    forged_file forged(io::posix_file_system(), file);
    const std::uint64_t damaged = forged.meta.page_count / 2;
    forged.page(damaged)[0] ^= std::byte{1};
    forged.save();
    const json document = call({"map", file, "--json"}).json();
    const std::uint64_t in_cell = document["pages_in_cell"];
    BOOST_TEST(in_cell == 4u);
    BOOST_TEST(document["rows"].size() <= 20u);
    BOOST_TEST(document["rows"].size() > 10u);
    // One page of a cell is enough for the cell to show it.
    std::string cells;
    for (const json& row : document["rows"]) { cells += row.get<std::string>(); }
    BOOST_TEST(cells[damaged / in_cell] == '!');
}

BOOST_AUTO_TEST_CASE(on_a_terminal_the_map_is_as_wide_and_in_colour) {
    const folder here;
    const std::string file = checked_sample(here);
    std::ostringstream out;
    std::ostringstream err;
    const pinyon::tool::streams streams{.out = out,
                                        .err = err,
                                        .in = {},
                                        .out_colour = true,
                                        .out_is_terminal = true,
                                        .columns = 40};
    BOOST_TEST(pinyon::tool::run({"map", file}, streams) == 0);
    BOOST_TEST(contains(out.str(), "\x1b[38;5;175m\u2588\u2588\x1b[0m"));
    for (const std::string& line : lines_of(out.str())) {
        std::size_t blocks = 0;
        for (std::size_t at = line.find("\u2588"); at != line.npos;
             at = line.find("\u2588", at + 3)) {
            ++blocks;
        }
        BOOST_TEST(blocks <= 28u);
    }
}

// --- free ----------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(free_lists_runs_and_sorts_them_by_length) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    const pinyon::free_space space = forged.space();
    const answer told = call({"free", file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.out, "pages in a run"));
    BOOST_TEST(contains(told.out, "\u2588"));
    const json document = call({"free", file, "--json"}).json();
    BOOST_TEST(document["schema"] == "pinyon.free/1");
    BOOST_TEST(document["free_pages"] == space.free_pages());
    BOOST_TEST(document["pending_pages"] == space.held_pages());
    BOOST_TEST(document["runs"].size() == space.free_set().runs());
    std::uint64_t from = 0;
    std::uint64_t longest = 0;
    for (const json& each : document["runs"]) {
        const auto run = space.free_set().next_run(from);
        BOOST_REQUIRE(run.has_value());
        BOOST_TEST(each["page"] == run->first);
        BOOST_TEST(each["count"] == run->count);
        longest = std::max(longest, run->count);
        from = run->first + run->count;
    }
    BOOST_TEST(document["longest_run"] == longest);
    std::uint64_t runs = 0;
    std::uint64_t pages = 0;
    for (const json& each : document["by_bits"]) {
        runs += each["runs"].get<std::uint64_t>();
        pages += each["pages"].get<std::uint64_t>();
        const std::uint64_t least = std::uint64_t{1} << (each["bits"].get<unsigned>() - 1);
        BOOST_TEST(each["pages"].get<std::uint64_t>() >= least * each["runs"].get<std::uint64_t>());
    }
    BOOST_TEST(runs == space.free_set().runs());
    BOOST_TEST(pages == space.free_pages());
}

BOOST_AUTO_TEST_CASE(free_says_what_waits_for_the_other_meta) {
    const folder here;
    const std::string file = checked_sample(here);
    const auto live = pinyon::database::open(file);
    for (std::uint64_t i = 0; i < 3; ++i) {
        live.update([i](pinyon::write_transaction& tx) { tx.open(numbers).put(i, i); });
        live.checkpoint();
    }
    const answer told = call({"free", file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.err, "open for writing elsewhere"));
    BOOST_TEST(call({"free", file, "--quiet"}).err.empty());
    const json document = call({"free", file, "--json"}).json();
    BOOST_TEST(!document["pending"].empty());
    std::uint64_t held = 0;
    for (const json& each : document["pending"]) {
        BOOST_TEST(each["born"].get<std::uint64_t>() < each["retired"].get<std::uint64_t>());
        if (!each["held_by_metas"].empty()) { held += each["count"].get<std::uint64_t>(); }
    }
    BOOST_TEST(document["held_pages"] == held);
    BOOST_TEST(held > 0u);
    BOOST_TEST(contains(told.out, "held by meta "));
}

// --- all of them ---------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(wrong_words_are_usage_and_missing_files_are_told) {
    const folder here;
    const std::string file = checked_sample(here);
    for (const words& each : std::vector<words>{{"pages"},
                                                {"pages", file, "--kind", "leaves"},
                                                {"pages", file, "more"},
                                                {"pages", file, "--json", "--ndjson"},
                                                {"map", file, "--by", "colour"},
                                                {"map", file, "7"},
                                                {"free"},
                                                {"free", file, "--runs"}}) {
        const answer told = call(each);
        BOOST_TEST_CONTEXT(told.err) {
            BOOST_TEST(told.code == 2);
            BOOST_TEST(told.out.empty());
            BOOST_TEST(contains(told.err, "next: pinyon"));
        }
    }
    write_file(here / "other", std::string(10'000, 'x'));
    for (const char* verb : {"pages", "map", "free"}) {
        BOOST_TEST(call({verb, here / "absent"}).code == 4);
        BOOST_TEST(call({verb, here / "other"}).code == 5);
    }
}

BOOST_AUTO_TEST_CASE(hostile_names_reach_no_terminal) {
    const folder here;
    const std::string file = hostile_sample(here);
    require_harmless({"pages", file});
    require_harmless({"map", file});
    require_harmless({"map", file, "--by", "tree"});
    require_harmless({"free", file});
}

BOOST_AUTO_TEST_CASE(an_empty_file_has_pages_too) {
    const folder here;
    { const auto made = pinyon::database::open(here / "empty.pinyon"); }
    for (const char* verb : {"pages", "map", "free"}) {
        BOOST_TEST(call({verb, here / "empty.pinyon"}).code == 0);
    }
    BOOST_TEST(call({"pages", here / "empty.pinyon", "--json"}).json()["pages"].size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_file_whose_log_goes_on_is_shown_as_of_its_checkpoint) {
    const folder here;
    const std::string file = checked_sample(here);
    fs::create_directory(here / "copy");
    const std::string copy = (here / "copy") + "/a.pinyon";
    {
        const auto live = pinyon::database::open(file);
        live.update([](pinyon::write_transaction& tx) { tx.open(numbers).put(4, 4); });
        live.update([](pinyon::write_transaction& tx) { tx.open(numbers).put(5, 5); });
        for (const std::string& name : here.names()) {
            if (name != "copy") { fs::copy_file(here / name, (here / "copy") + "/" + name); }
        }
    }
    const answer told = call({"pages", copy});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.err, "the log beside the file holds 2 more transactions"));
    BOOST_TEST(contains(told.err, "next: pinyon log"));
    BOOST_TEST(call({"pages", copy, "--quiet"}).err.empty());
}
