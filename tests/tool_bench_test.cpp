// The verb bench: the pool against a raw mapping on a user's file.
#define BOOST_TEST_MODULE tool_bench
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <string>
#include <vector>

#include "pinyon/engine/database.hpp"
#include "support/tool_sample.hpp"
#include "tools/paging_contestant.hpp"

namespace {

using namespace pinyon::test;
using json = nlohmann::json;
namespace io = pinyon::io;
namespace tool = pinyon::tool;

constexpr const char* brief = "0.05";
const std::string golden = std::string(PINYON_SOURCE_DIR) + "/tests/golden/version-2/";

answer bench(words more) {
    words all{"bench"};
    all.insert(all.end(), more.begin(), more.end());
    all.insert(all.end(), {"--seconds", brief});
    return call(all);
}

void require_whole(const json& document, std::uint64_t entries) {
    BOOST_TEST(document["schema"] == "pinyon.bench/1");
    BOOST_TEST(document["entries"] == entries);
    BOOST_TEST(document["keys_sampled"] == entries);
    BOOST_TEST(document["checksum"].get<std::string>().size() == 16u);
    BOOST_REQUIRE(document["works"].size() == 3u);
    BOOST_TEST(document["gets_found"] == document["works"][0]["operations"]);
    for (const json& each : document["works"]) {
        BOOST_TEST_CONTEXT(each["name"]) {
            BOOST_TEST(each["rounds"].get<unsigned>() >= 3u);
            BOOST_TEST(each["operations"].get<std::uint64_t>() > 0u);
            for (const char* side : {"pool_ns", "raw_ns", "ratio"}) {
                const json& spread = each[side];
                BOOST_TEST(spread["least"].get<double>() > 0.0);
                BOOST_TEST(spread["least"].get<double>() <= spread["median"].get<double>());
                BOOST_TEST(spread["median"].get<double>() <= spread["most"].get<double>());
            }
        }
    }
}

// A file without entries in the tree `words`.
std::string emptied(const folder& here) {
    std::string file = here / "empty.pinyon";
    BOOST_REQUIRE(call({"import", file, "-", "--tree", "words"}, "a\tb\n").code == 0);
    constexpr pinyon::tree_spec<std::string_view, std::string_view> spec{"words"};
    auto database = pinyon::database::open(file);
    database.update([&](pinyon::write_transaction& tx) { tx.open(spec).clear(); });
    database.close();
    return file;
}

}  // namespace

BOOST_AUTO_TEST_CASE(both_are_measured_on_every_kind_of_work) {
    const folder here;
    const std::string file = large_sample(here);
    const std::string before = read_file(file);
    const answer told = bench({file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(told.err.empty());
    for (const char* part : {"random get", "full scan", "seek and 100", "pool : raw", "20,000 keys",
                             "'numbers'", "both read the same", "evictions"}) {
        BOOST_TEST_CONTEXT(part) { BOOST_TEST(contains(told.out, part)); }
    }
    require_whole(bench({file, "--json"}).json(), 20000);
    // What was read is the same each time, what was measured is not.
    BOOST_TEST(bench({file, "--json"}).json()["checksum"] ==
               bench({file, "--json", "--pool-bytes", "64KiB"}).json()["checksum"]);
    BOOST_TEST((read_file(file) == before));
    BOOST_TEST(here.names() == std::vector<std::string>{"large.pinyon"},
               boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_small_pool_evicts_and_reads_the_same) {
    const folder here;
    const std::string file = large_sample(here);
    const json small = bench({file, "--json", "--pool-bytes", "64KiB"}).json();
    require_whole(small, 20000);
    BOOST_TEST(small["pool"]["evictions"].get<std::uint64_t>() > 0u);
    BOOST_TEST(small["pool"]["frames_max"].get<std::uint64_t>() <= 16u);
    BOOST_TEST(bench({file, "--json"}).json()["pool"]["evictions"] == 0);
    for (const char* size : {"1", "65536", "1MiB", "1 GB"}) {
        BOOST_TEST_CONTEXT(size) { BOOST_TEST(bench({file, "--pool-bytes", size}).code == 0); }
    }
}

// Large values are longer than any view that so small a pool can show: they come as streams there.
BOOST_AUTO_TEST_CASE(every_tree_of_every_golden_file_can_be_measured) {
    for (const char* name :
         {"fixed", "slotted", "types", "large", "pages-16384", "bitmap", "pending"}) {
        const std::string file = golden + name + ".pinyon";
        const json information = call({"info", file, "--json"}).json();
        BOOST_TEST(!information["trees"].empty());
        for (const json& tree : information["trees"]) {
            const std::string tree_name = tree["name"];
            BOOST_TEST_CONTEXT(name << ' ' << tree_name) {
                const std::uint64_t entries = tree["entries"];
                const words arguments{file, "--tree", tree_name, "--json"};
                words small = arguments;
                small.insert(small.end(), {"--pool-bytes", "1"});
                const answer told = bench(arguments);
                if (entries == 0) {
                    BOOST_TEST(told.code == 1);
                    continue;
                }
                BOOST_TEST(told.code == 0, told.err);
                require_whole(told.json(), entries);
                const answer again = bench(small);
                BOOST_TEST(again.code == 0, again.err);
                BOOST_TEST(again.json()["checksum"] == told.json()["checksum"]);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_tree_has_to_be_named_and_to_hold_something) {
    const folder here;
    const std::string two = sample(here);
    const answer unnamed = bench({two});
    BOOST_TEST(unnamed.code == 2);
    BOOST_TEST(contains(unnamed.err, "expected --tree NAME"));
    const answer absent = bench({two, "--tree", "nothing"});
    BOOST_TEST(absent.code == 1);
    BOOST_TEST(contains(absent.err, "found no tree 'nothing'"));
    const answer empty = bench({emptied(here)});
    BOOST_TEST(empty.code == 1);
    BOOST_TEST(empty.out.empty());
    BOOST_TEST(contains(empty.err, "the tree 'words' is empty: there is nothing to measure"));
    BOOST_TEST(contains(empty.err, "next: pinyon import"));
    const answer none = bench({golden + "empty.pinyon"});
    BOOST_TEST(none.code == 1);
    BOOST_TEST(contains(none.err, "holds no tree"));
    const json one = bench({two, "--tree", "characters", "--json"}).json();
    BOOST_TEST(one["tree"] == "characters");
    require_whole(one, 3);
}

BOOST_AUTO_TEST_CASE(words_that_make_no_sense_are_usage) {
    for (const words& each : std::vector<words>{{"bench", "f", "--seconds", "0"},
                                                {"bench", "f", "--seconds", "-1"},
                                                {"bench", "f", "--seconds", "nan"},
                                                {"bench", "f", "--seconds", "1e9"},
                                                {"bench", "f", "--seconds", "soon"},
                                                {"bench", "f", "--pool-bytes", "much"},
                                                {"bench", "f", "--pool-bytes", "-1"},
                                                {"bench", "f", "--pool-bytes", "64 parsecs"},
                                                {"bench"}}) {
        const answer told = call(each);
        BOOST_TEST_CONTEXT(each.back()) {
            BOOST_TEST(told.code == 2);
            BOOST_TEST(contains(told.err, "next: pinyon bench --help"));
        }
    }
}

BOOST_AUTO_TEST_CASE(damage_that_is_met_ends_it) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    const std::uint64_t leaf = *leaf_of(forged, "numbers", 1);
    forged.page(leaf)[99] ^= std::byte{4};
    forged.save();
    const answer told = bench({file, "--tree", "numbers"});
    BOOST_TEST(told.code == 3);
    BOOST_TEST(told.out.empty());
    BOOST_TEST(contains(told.err, "page " + text(leaf) + " (offset "));
    BOOST_TEST(contains(told.err, "next: pinyon check"));
    // The other trees are as good as before.
    BOOST_TEST(bench({file, "--tree", "degrees"}).code == 0);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_opened_is_told_as_elsewhere) {
    const folder here;
    BOOST_TEST(bench({here / "absent.pinyon"}).code == 4);
    BOOST_TEST(here.names().empty());
    write_file(here / "text", "no database, and long enough to be looked at\n");
    BOOST_TEST(bench({here / "text"}).code == 5);
    BOOST_TEST(bench({here / ""}).code == 4);
    const std::string file = large_sample(here);
    fs::resize_file(file, fs::file_size(file) / 2);
    BOOST_TEST(bench({file}).code == 3);
}

BOOST_AUTO_TEST_CASE(beside_a_writer_nothing_is_measured) {
    const folder here;
    const std::string file = large_sample(here);
    const auto writer = pinyon::database::open(file);
    const answer told = bench({file});
    BOOST_TEST(told.code == 4);
    BOOST_TEST(contains(told.err, "open elsewhere"));
    BOOST_TEST(contains(told.err, "next: pinyon info"));
}

BOOST_AUTO_TEST_CASE(a_file_that_was_not_closed_is_measured_as_of_its_last_checkpoint) {
    const folder here;
    for (const auto& each : fs::directory_iterator(golden)) {
        fs::copy_file(each.path(), here / each.path().filename().string());
    }
    const std::string file = here / "log.pinyon";
    const std::string before = read_file(file);
    const auto names = here.names();
    const answer told = bench({file, "--tree", "numbers", "--json"});
    BOOST_TEST(contains(told.err, "it was not closed; this is its last checkpoint"));
    BOOST_TEST((told.code == 0 || told.code == 1), told.err);
    BOOST_TEST((read_file(file) == before));
    BOOST_TEST((here.names() == names));
    const answer quiet = bench({file, "--tree", "numbers", "--quiet"});
    BOOST_TEST(!contains(quiet.err, "it was not closed"));
}

BOOST_AUTO_TEST_CASE(an_interrupt_ends_it_without_results) {
    const folder here;
    const std::string file = large_sample(here);
    const std::atomic<bool> interrupted{true};
    const answer told = call({"bench", file}, "", &interrupted);
    BOOST_TEST(told.code == 130);
    BOOST_TEST(told.out.empty());
    BOOST_TEST(contains(told.err, "interrupted"));
}

BOOST_AUTO_TEST_CASE(hostile_names_reach_no_terminal) {
    const folder here;
    require_harmless({"bench", hostile_sample(here), "--seconds", brief});
}

// A get of what is not there, and a different value, are seen in what a run returns.
BOOST_AUTO_TEST_CASE(a_contestant_tells_what_it_found) {
    const folder here;
    const std::string file = sample(here);
    pinyon::options how;
    how.access = pinyon::access_mode::read_only;
    std::ostringstream sink;
    const tool::streams to{.out = sink, .err = sink, .in = {}};
    tool::paging_contestant contestant(file, how, to);
    contestant.open_tree("words");
    tool::key_sequence keys;
    for (const char* key : {"fir", "pine", "elm"}) {
        keys.order.push_back(static_cast<std::uint32_t>(keys.keys.size()));
        keys.keys.add(pinyon::as_bytes(std::string_view(key)));
    }
    const tool::reads all = contestant.run(tool::paging_work::get, keys, 0, 3);
    BOOST_TEST(all.units == 3u);
    BOOST_TEST(all.found == 2u);
    BOOST_TEST(contestant.run(tool::paging_work::seek, keys, 0, 3).found == 2u);
    BOOST_TEST(contestant.run(tool::paging_work::scan, keys, 0, 2).units == 8u);
    BOOST_TEST((contestant.run(tool::paging_work::get, keys, 0, 1) ==
                contestant.run(tool::paging_work::get, keys, 3, 1)));
    BOOST_TEST(!(contestant.run(tool::paging_work::get, keys, 0, 1) ==
                 contestant.run(tool::paging_work::get, keys, 1, 1)));
    const auto content = contestant.read_all([](std::uint64_t, pinyon::bytes) {});
    BOOST_TEST(content.entries == 4u);
    contestant.open_tree("characters");
    BOOST_TEST(contestant.read_all([](std::uint64_t, pinyon::bytes) {}).checksum !=
               content.checksum);
}
