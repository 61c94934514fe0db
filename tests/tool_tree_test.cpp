// The verbs tree and path: the structure of trees, and the search for a key.
#define BOOST_TEST_MODULE tool_tree
#include <boost/test/unit_test.hpp>

#include <set>
#include <string>
#include <vector>

#include "support/tool_sample.hpp"

namespace {

using namespace pinyon::test;
using json = nlohmann::json;
namespace io = pinyon::io;

}  // namespace

// --- tree ----------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(tree_shows_every_node_below_its_parent) {
    const folder here;
    const std::string file = checked_sample(here);
    const pinyon::check_summary summary = pinyon::check(file, {}, {});
    const json document = call({"tree", file, "--json"}).json();
    BOOST_TEST(document["schema"] == "pinyon.tree/1");
    std::set<std::uint64_t> seen;
    std::uint64_t nodes = 0;
    for (const json& each : document["nodes"]) {
        if (each.contains("parent")) {
            BOOST_TEST(seen.count(each["parent"].get<std::uint64_t>()) == 1u);
        }
        seen.insert(each["page"].get<std::uint64_t>());
        if (each["kind"] == "leaf" || each["kind"] == "inner") { ++nodes; }
    }
    BOOST_TEST(nodes == summary.tree_pages);

    const answer told = call({"tree", file, "--tree", "degrees"});
    BOOST_TEST(told.code == 0);
    const auto lines = lines_of(told.out);
    BOOST_TEST(lines[0] == "'degrees'  200 entries, 3 levels");
    BOOST_TEST(contains(lines[1], "children, 200 entries, "));
    BOOST_TEST(contains(lines[1], "all keys"));
    BOOST_TEST(lines[1].find("page") == 2u);
    BOOST_TEST(lines[2].find("page") == 4u);
    BOOST_TEST(lines[3].find("page") == 6u);
    BOOST_TEST(contains(lines[2], "key < "));
    BOOST_TEST(contains(lines.back(), " <= key"));
}

BOOST_AUTO_TEST_CASE(tree_ends_at_the_depth_that_is_asked_for) {
    const folder here;
    const std::string file = checked_sample(here);
    BOOST_TEST(lines_of(call({"tree", file, "--tree", "degrees", "--depth", "0"}).out).size() ==
               2u);
    const auto one = lines_of(call({"tree", file, "--tree", "degrees", "--depth", "1"}).out);
    const auto all = lines_of(call({"tree", file, "--tree", "degrees"}).out);
    BOOST_TEST(one.size() > 2u);
    BOOST_TEST(one.size() < all.size());
    // Large values stand below the leaves.
    BOOST_TEST(contains(call({"tree", file, "--tree", "texts"}).out, "pages "));
    BOOST_TEST(contains(call({"tree", file, "--tree", "texts"}).out, "large value"));
    BOOST_TEST(!contains(call({"tree", file, "--tree", "texts", "--depth", "1"}).out, "large"));
    const answer lines = call({"tree", file, "--tree", "texts", "--depth", "0", "--ndjson"});
    BOOST_TEST(json::parse(lines.out)["level"] == 1);
}

BOOST_AUTO_TEST_CASE(tree_draws_a_graph) {
    const folder here;
    const std::string file = checked_sample(here);
    const std::string graph = call({"tree", file, "--tree", "degrees", "--dot"}).out;
    const auto lines = lines_of(graph);
    BOOST_TEST(lines.front() == "digraph pinyon {");
    BOOST_TEST(lines.back() == "}");
    const json nodes = call({"tree", file, "--tree", "degrees", "--json"}).json()["nodes"];
    std::size_t edges = 0;
    for (const std::string& line : lines) { edges += contains(line, " -> ") ? 1 : 0; }
    BOOST_TEST(edges == nodes.size() - 1);
    for (const json& each : nodes) {
        BOOST_TEST(contains(graph, "  p" + text(each["page"]) + " [label="));
    }
    // Quotes in a key end no string of the graph.
    const std::string quoted = here / "quoted.pinyon";
    BOOST_REQUIRE(call({"import", quoted, "-", "--tree", "a\"];\\b"}, "x\n").code == 0);
    const std::string label = call({"tree", quoted, "--dot"}).out;
    BOOST_TEST(contains(label, "a\\\"];\\\\\\\\b"));
}

BOOST_AUTO_TEST_CASE(tree_shows_what_is_damaged_and_what_hangs_above_it) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    const std::uint64_t leaf = *leaf_of(forged, "numbers", 2);
    forged.page(leaf)[99] ^= std::byte{4};
    forged.save();
    const answer told = call({"tree", file, "--tree", "numbers"});
    BOOST_TEST(told.code == 3);
    for (const std::string& line : lines_of(told.out)) {
        BOOST_TEST(contains(line, "checksum_page") == contains(line, "page " + text(leaf) + "  "));
        // The range is the one that its parent implies.
        if (contains(line, "checksum_page")) { BOOST_TEST(contains(line, " <= key < ")); }
    }
    BOOST_TEST(contains(call({"tree", file, "--tree", "numbers", "--dot"}).out, "#d55e00"));
    BOOST_TEST(call({"tree", file, "--tree", "texts"}).code == 3);
}

BOOST_AUTO_TEST_CASE(tree_knows_which_trees_there_are) {
    const folder here;
    const std::string file = checked_sample(here);
    const answer none = call({"tree", file, "--tree", "birds"});
    BOOST_TEST(none.code == 1);
    BOOST_TEST(contains(none.err, "'birds'"));
    for (const words& each : std::vector<words>{{"tree"},
                                                {"tree", file, "--depth", "x"},
                                                {"tree", file, "--dot", "--json"},
                                                {"tree", file, "--ndjson", "--json"},
                                                {"tree", file, "numbers"}}) {
        const answer told = call(each);
        BOOST_TEST(told.code == 2);
        BOOST_TEST(contains(told.err, "next: pinyon"));
    }
    BOOST_TEST(call({"tree", here / "absent"}).code == 4);
}

// --- path ----------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(path_leads_to_a_key_page_by_page) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    // Key 3 * 7919 has the value 3.
    const answer told = call({"path", file, "23757", "--tree", "numbers"});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(told.err.empty());
    BOOST_TEST(contains(told.out, "'numbers': u64 to u64, 2 levels; looking for 23757"));
    BOOST_TEST(contains(told.out, " <= 23757"));
    BOOST_TEST(contains(told.out, " >  23757"));
    BOOST_TEST(contains(told.out, "23757 =  23757"));
    BOOST_TEST(contains(told.out, "found  3"));
    const json document = call({"path", file, "23757", "--tree", "numbers", "--json"}).json();
    BOOST_TEST(document["schema"] == "pinyon.path/1");
    BOOST_TEST(document["key"] == 23757);
    BOOST_TEST(document["found"] == true);
    BOOST_TEST(document["value"] == 3);
    const json& steps = document["steps"];
    BOOST_REQUIRE(steps.size() == 2u);
    BOOST_TEST(steps[0]["page"] == forged.record("numbers").root.page);
    BOOST_TEST(steps[0]["child"]["page"] == steps[1]["page"]);
    BOOST_TEST(steps[0]["separator"] <= 23757);
    BOOST_TEST(steps[0]["next_separator"] > 23757);
    BOOST_TEST(steps[0]["separator"] == steps[1]["lower"]);
    BOOST_TEST(steps[1]["at"] == 23757);
    BOOST_TEST(steps[1]["before"] < 23757);
    BOOST_TEST(steps[1]["offset"] == steps[1]["page"].get<std::uint64_t>() * 4096);
}

BOOST_AUTO_TEST_CASE(every_key_is_found_where_the_path_says) {
    const folder here;
    const std::string file = checked_sample(here);
    for (const std::uint64_t i : {0u, 1u, 50u, 199u}) {
        const answer told = call({"path", file, text(i * 31 % 211), "--tree", "degrees", "--json"});
        BOOST_TEST(told.code == 0);
        const json steps = told.json()["steps"];
        BOOST_TEST(steps.size() == 3u);
        const json leaf = call({"page", file, text(steps[2]["page"]), "--json"}).json()["node"];
        BOOST_TEST(leaf["entries"][steps[2]["entry"].get<std::size_t>()]["key"] == i * 31 % 211);
    }
    const answer large = call({"path", file, "large", "--tree", "texts"});
    BOOST_TEST(large.code == 0);
    BOOST_TEST(contains(large.out, "found  a large value of 20,000 bytes, from page "));
    BOOST_TEST(
        call({"path", file, "large", "--tree", "texts", "--json"}).json()["large_value"]["bytes"] ==
        20'000);
}

BOOST_AUTO_TEST_CASE(path_says_where_an_absent_key_would_be) {
    const folder here;
    const std::string file = checked_sample(here);
    for (const char* key : {"0", "23758", "18446744073709551615"}) {
        const answer told = call({"path", file, key, "--tree", "numbers", "--json"});
        BOOST_TEST_CONTEXT(key) {
            if (std::string(key) == "0") {
                BOOST_TEST(told.code == 0);
                continue;
            }
            BOOST_TEST(told.code == 1);
            const json document = told.json();
            BOOST_TEST(document["found"] == false);
            const json& leaf = document["steps"].back();
            const std::uint64_t wanted = std::stoull(key);
            if (!leaf["before"].is_null()) { BOOST_TEST(leaf["before"] < wanted); }
            if (!leaf["at"].is_null()) { BOOST_TEST(leaf["at"] > wanted); }
            const answer shown = call({"path", file, key, "--tree", "numbers"});
            BOOST_TEST(contains(shown.out, "not there; it would be inserted as entry " +
                                               text(leaf["entry"]) + " of page " +
                                               text(leaf["page"])));
        }
    }
    const std::string empty = here / "empty.pinyon";
    pinyon::database::open(empty).update(
        [](pinyon::write_transaction& tx) { (void)tx.open(numbers); });
    const answer none = call({"path", empty, "5"});
    BOOST_TEST(none.code == 1);
    BOOST_TEST(contains(none.out, "as entry 0 of page "));
}

BOOST_AUTO_TEST_CASE(path_works_beside_damage_and_says_where_it_meets_some) {
    const folder here;
    const std::string file = checked_sample(here);
    const json steps = call({"path", file, "23757", "--tree", "numbers", "--json"}).json()["steps"];
    const std::uint64_t leaf = steps[1]["page"];
    const forged_file sound(io::posix_file_system(), file);

    // All other leaves of the tree are damaged.
    forged_file forged = sound;
    const pinyon::node_schema schema = forged.schema("numbers");
    const pinyon::fixed_node root(forged.page(steps[0]["page"]), schema);
    for (unsigned i = 0; i < root.count(); ++i) {
        if (root.child(i).page != leaf) { forged.page(root.child(i).page)[60] ^= std::byte{1}; }
    }
    forged.save();
    BOOST_TEST(call({"path", file, "23757", "--tree", "numbers"}).code == 0);

    forged_file broken = sound;
    broken.page(leaf)[60] ^= std::byte{1};
    broken.save();
    const answer told = call({"path", file, "23757", "--tree", "numbers"});
    BOOST_TEST(told.code == 3);
    BOOST_TEST(contains(told.out, "here the path ends"));
    BOOST_TEST(contains(told.out, "-> page " + text(leaf)));
    BOOST_TEST(contains(told.err, "page " + text(leaf) + " (offset " + text(leaf * 4096) + ")"));
    const answer document = call({"path", file, "23757", "--tree", "numbers", "--json"});
    BOOST_TEST(document.code == 3);
    BOOST_TEST(document.json()["damage"]["page"] == leaf);
    BOOST_TEST(document.json()["steps"].size() == 1u);
    BOOST_TEST(!document.json().contains("found"));
}

BOOST_AUTO_TEST_CASE(path_says_when_the_state_may_be_an_older_one) {
    const folder here;
    const std::string file = checked_sample(here);
    const answer sound = call({"path", file, "23757", "--tree", "numbers"});
    forged_file forged(io::posix_file_system(), file);
    forged.content[pinyon::format::meta_offset[forged.meta.sequence & 1] + 60] ^= std::byte{1};
    forged.save();
    const answer found = call({"path", file, "23757", "--tree", "numbers"});
    BOOST_TEST(found.code == 3);
    BOOST_TEST(found.out == sound.out);
    BOOST_TEST(contains(found.err, "which may be older"));
    BOOST_TEST(call({"path", file, "4", "--tree", "numbers"}).code == 3);
    BOOST_TEST(call({"path", file, "4", "--tree", "birds"}).code == 3);
}

// Keys are read by the type that the catalog names, so only the catalog can be wrong.
BOOST_AUTO_TEST_CASE(a_catalog_that_contradicts_itself_is_damage) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    pinyon::format::catalog_record record = forged.record("texts");
    record.key_bytes = 66;
    forged.set_record("texts", record);
    forged.reseal();
    forged.save();
    BOOST_TEST(call({"check", file}).code == 3);
    BOOST_TEST(call({"get", file, "a", "--tree", "texts"}).code == 3);
    BOOST_TEST(contains(call({"get", file, "a", "--tree", "texts"}).err, "contradicts itself"));
}

BOOST_AUTO_TEST_CASE(path_takes_keys_of_the_trees_type_alone) {
    const folder here;
    const std::string file = checked_sample(here);
    for (const words& each :
         std::vector<words>{{"path", file},
                            {"path", file, "5"},
                            {"path", file, "five", "--tree", "numbers"},
                            {"path", file, "18446744073709551616", "--tree", "numbers"},
                            {"path", file, "5", "6", "--tree", "numbers"}}) {
        const answer told = call(each);
        BOOST_TEST_CONTEXT(told.err) {
            BOOST_TEST(told.code == 2);
            BOOST_TEST(told.out.empty());
            BOOST_TEST(contains(told.err, "next: pinyon"));
        }
    }
    BOOST_TEST(call({"path", file, "5", "--tree", "birds"}).code == 1);
    BOOST_TEST(call({"path", here / "absent", "5"}).code == 4);
    write_file(here / "other", std::string(10'000, 'x'));
    BOOST_TEST(call({"path", here / "other", "5"}).code == 5);
}

BOOST_AUTO_TEST_CASE(path_tells_of_the_checkpoint_where_the_log_goes_on) {
    const folder here;
    const std::string file = checked_sample(here);
    {
        const auto live = pinyon::database::open(file);
        live.update([](pinyon::write_transaction& tx) { tx.open(numbers).put(4, 4); });
        const answer beside = call({"path", file, "4", "--tree", "numbers"});
        BOOST_TEST(beside.code == 1);
        BOOST_TEST(contains(beside.err, "open for writing elsewhere"));
        fs::create_directory(here / "copy");
        for (const std::string& name : here.names()) {
            if (name != "copy") { fs::copy_file(here / name, (here / "copy") + "/" + name); }
        }
    }
    const std::string copy = (here / "copy") + "/a.pinyon";
    const answer stopped = call({"path", copy, "4", "--tree", "numbers"});
    BOOST_TEST(stopped.code == 1);
    BOOST_TEST(contains(stopped.err, "last checkpoint"));
    BOOST_TEST(call({"path", copy, "4", "--tree", "numbers", "--quiet"}).err.empty());
    BOOST_TEST(call({"path", file, "4", "--tree", "numbers"}).code == 0);
}

BOOST_AUTO_TEST_CASE(hostile_keys_reach_no_terminal) {
    const folder here;
    const std::string file = hostile_sample(here);
    require_harmless({"tree", file});
    require_harmless({"tree", file, "--depth", "0"});
    require_harmless({"path", file, "k\x1b[31m"});
    require_harmless({"path", file, "k\x1b[31n"});
    BOOST_TEST(!contains(call({"tree", file, "--dot"}).out, "\x1b"));
    BOOST_TEST(contains(call({"path", file, "k\\x1b[31m"}).out, "k\\x1b[31m =  k\\x1b[31m"));
}
