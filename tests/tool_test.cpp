#define BOOST_TEST_MODULE tool
#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "pinyon/engine/checksum.hpp"
#include "pinyon/engine/database.hpp"
#include "pinyon/engine/format.hpp"
#include "support/tool_call.hpp"
#include "tools/progress.hpp"
#include "tools/run.hpp"
#include "tools/verb_text.hpp"

using namespace pinyon::test;
using pinyon::tool::progress;
using pinyon::tool::run;
using pinyon::tool::streams;
using pinyon::tool::verbs;

BOOST_AUTO_TEST_CASE(get_prints_the_value_and_a_newline) {
    const folder here;
    const std::string file = sample(here);
    const answer found = call({"get", file, "1F332", "--tree", "characters"});
    BOOST_TEST(found.code == 0);
    BOOST_TEST(found.out == "EVERGREEN TREE;So\n");
    BOOST_TEST(found.err.empty());

    const answer absent = call({"get", file, "1F334", "--tree", "characters"});
    BOOST_TEST(absent.code == 1);
    BOOST_TEST(absent.out.empty());
    BOOST_TEST(contains(absent.err, "pinyon get"));

    const auto document = call({"get", file, "pine", "--tree", "words", "--json"}).json();
    BOOST_TEST(document["schema"] == "pinyon.get/1");
    BOOST_TEST(document["key"] == "pine");
    BOOST_TEST(document["value"] == "pinus");
    const answer none = call({"get", file, "elm", "--tree", "words", "--json"});
    BOOST_TEST(none.code == 1);
    BOOST_TEST(none.json()["found"] == false);
}

BOOST_AUTO_TEST_CASE(scan_prints_key_tab_value_in_order) {
    const folder here;
    const std::string file = sample(here);
    const struct {
        words arguments;
        std::string expected;
    } cases[] = {
        {{"--tree", "words"}, "fir\tabies\noak\tquercus\npine\tpinus\npinyon\tpinus edulis\n"},
        {{"--tree", "words", "--reverse", "--limit", "2"}, "pinyon\tpinus edulis\npine\tpinus\n"},
        {{"--tree", "words", "--prefix", "pin"}, "pine\tpinus\npinyon\tpinus edulis\n"},
        {{"--tree", "words", "--prefix", "pin", "--reverse"},
         "pinyon\tpinus edulis\npine\tpinus\n"},
        {{"--tree", "words", "--from", "g", "--to", "pine"}, "oak\tquercus\n"},
        {{"--tree", "words", "--from", "oak"}, "oak\tquercus\npine\tpinus\npinyon\tpinus edulis\n"},
        {{"--tree", "words", "--from", "oak", "--to", "pinyon", "--reverse"},
         "pine\tpinus\noak\tquercus\n"},
        {{"--tree", "words", "--from", "x", "--to", "a"}, ""},
        {{"--tree", "words", "--limit", "0"}, ""},
        {{"--tree", "characters", "--from", "42", "--to", "1F333"}, "1F332\tEVERGREEN TREE;So\n"},
    };
    for (const auto& each : cases) {
        words arguments{"scan", file};
        arguments.insert(arguments.end(), each.arguments.begin(), each.arguments.end());
        BOOST_TEST_CONTEXT(each.arguments.back()) {
            const answer found = call(arguments);
            BOOST_TEST(found.code == 0);
            BOOST_TEST(found.out == each.expected);
        }
    }
    const auto document = call({"scan", file, "--tree", "words", "--limit", "2", "--json"}).json();
    BOOST_TEST(document["schema"] == "pinyon.scan/1");
    BOOST_TEST(document["entries"].size() == 2u);
    BOOST_TEST(document["entries"][1]["key"] == "oak");
    BOOST_TEST(document["complete"] == true);
    BOOST_TEST(call({"scan", file, "--tree", "characters", "--prefix", "1F"}).code == 2);
}

BOOST_AUTO_TEST_CASE(count_prints_the_number_alone) {
    const folder here;
    const std::string file = sample(here);
    BOOST_TEST(call({"count", file, "--tree", "words"}).out == "4\n");
    BOOST_TEST(call({"count", file, "--tree", "words", "--prefix", "pin"}).out == "2\n");
    BOOST_TEST(call({"count", file, "--tree", "words", "--from", "g", "--to", "pine"}).out ==
               "1\n");
    BOOST_TEST(call({"count", file, "--tree", "words", "--from", "x", "--to", "a"}).out == "0\n");
    BOOST_TEST(call({"count", file, "--tree", "characters", "--from", "1F333"}).out == "1\n");
    BOOST_TEST(call({"count", file, "--tree", "words", "--json"}).json()["count"] == 4);
}

BOOST_AUTO_TEST_CASE(info_is_what_a_file_alone_means) {
    const folder here;
    const std::string file = sample(here);
    const answer told = call({file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(told.out == call({"info", file}).out);
    for (const char* part : {"words", "characters", "newest", "older", "hex", "slotted"}) {
        BOOST_TEST_CONTEXT(part) { BOOST_TEST(contains(told.out, part)); }
    }
    const auto document = call({"--json", file}).json();
    BOOST_TEST(document["schema"] == "pinyon.info/1");
    BOOST_TEST(document["trees"].size() == 2u);
    BOOST_TEST(document["trees"][1]["entries"] == 4);
    BOOST_TEST(document["metas"][0]["valid"] == true);
    BOOST_TEST(document["page_bytes"] == 4096);
    BOOST_TEST(document["damage"].empty());
}

BOOST_AUTO_TEST_CASE(check_says_sound_of_a_sound_file) {
    const folder here;
    const std::string file = large_sample(here);
    const answer told = call({"check", file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.out, "sound"));
    const auto document = call({"check", file, "--root-descend", "--json"}).json();
    BOOST_TEST(document["schema"] == "pinyon.check/1");
    BOOST_TEST(document["verdict"] == "sound");
    BOOST_TEST(document["trees"][0]["entries"] == 20000);
    BOOST_TEST(document["findings"].empty());
    BOOST_TEST(call({"check", file, "--quiet"}).out.empty());
}

BOOST_AUTO_TEST_CASE(stat_counts_entries_pages_and_sizes) {
    const folder here;
    const std::string file = large_sample(here);
    const answer told = call({"stat", file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.out, "20,000"));
    BOOST_TEST(contains(told.out, "fan-out"));
    const auto document = call({"stat", file, "--tree", "numbers", "--json"}).json();
    BOOST_TEST(document["schema"] == "pinyon.stat/1");
    BOOST_REQUIRE(document["trees"].size() == 1u);
    const auto& tree = document["trees"][0];
    BOOST_TEST(tree["entries"] == 20000);
    BOOST_TEST(tree["keys"]["bytes"] == 160000);
    BOOST_TEST(tree["levels"].get<int>() >= 2);
    BOOST_TEST(tree["pages"]["leaf"].get<int>() > 100);
    BOOST_TEST(tree["fill"]["leaf"].get<double>() > 0.8);
    std::uint64_t sum = 0;
    for (const auto& each : tree["values"]["by_bits"]) { sum += each.get<std::uint64_t>(); }
    BOOST_TEST(sum == 20000u);
    BOOST_TEST(call({"stat", file, "--tree", "nothing"}).code == 1);
}

BOOST_AUTO_TEST_CASE(control_bytes_never_reach_the_terminal) {
    const folder here;
    const std::string file = here / "a.pinyon";
    const std::string key = "k\x1b[31m";
    const std::string value("a\tb\\\0\xc3\xa4\xe2\x80\xae\xff bcdefghijklmnop", 27);
    BOOST_TEST(
        call({"import", file, "-", "--tree", "t\u00e4", "--delimiter", "="}, key + "=" + value)
            .code == 0);
    const struct {
        std::string style;
        std::string expected;
    } cases[] = {
        {"auto", "k\\x1b[31m\ta\\tb\\\\\\x00\xc3\xa4\\xe2\\x80\\xae\\xff bcdefghijklmnop\n"},
        {"text", "k\\x1b[31m\ta\\tb\\\\\\x00\xc3\xa4\\xe2\\x80\\xae\\xff bcdefghijklmnop\n"},
        {"hex",
         "6b1b5b33316d\t6109625c00c3a4e280aeff206263646566"
         "6768696a6b6c6d6e6f70\n"},
        {"base64", "axtbMzFt\tYQliXADDpOKArv8gYmNkZWZnaGlqa2xtbm9w\n"},
        {"redacted", "<6 bytes>\t<27 bytes>\n"},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT(each.style) {
            BOOST_TEST(call({"scan", file, "--bytes", each.style}).out == each.expected);
            const auto entry =
                call({"scan", file, "--bytes=" + each.style, "--json"}).json()["entries"][0];
            BOOST_TEST(!entry["value"].is_null());
        }
    }
    BOOST_TEST(call({"scan", file, "--json"}).json()["entries"][0]["value"]["hex"] ==
               "6109625c00c3a4e280aeff2062636465666768696a6b6c6d6e6f70");
    const answer absent = call({"get", file, "no\x1b[31m"});
    BOOST_TEST(absent.code == 1);
    BOOST_TEST(!contains(absent.err, "\x1b"));
}

BOOST_AUTO_TEST_CASE(typed_values_are_written_as_their_type) {
    const folder here;
    const std::string file = here / "a.pinyon";
    {
        const auto made = pinyon::database::open(file);
        made.update([](pinyon::write_transaction& change) {
            auto one = change.open(pinyon::tree_spec<std::int32_t, double>{"one"});
            one.put(-5, 2.5);
            one.put(7, -0.125);
            auto two = change.open(pinyon::tree_spec<std::string_view, std::uint64_t>{"two"});
            two.put("big", 18446744073709551615u);
            auto three = change.open(
                pinyon::tree_spec<std::pair<std::uint32_t, std::string_view>, bool>{"three"});
            three.put({1, "x"}, true);
        });
    }
    BOOST_TEST(call({"scan", file, "--tree", "one"}).out == "-5\t2.5\n7\t-0.125\n");
    BOOST_TEST(call({"get", file, "-5", "--tree", "one"}).out == "2.5\n");
    BOOST_TEST(call({"count", file, "--tree", "one", "--from", "-5", "--to", "7"}).out == "1\n");
    BOOST_TEST(call({"get", file, "five", "--tree", "one"}).code == 2);
    BOOST_TEST(call({"get", file, "99999999999", "--tree", "one"}).code == 2);
    BOOST_TEST(call({"get", file, "big", "--tree", "two"}).out == "18446744073709551615\n");
    BOOST_TEST(call({"get", file, "big", "--tree", "two", "--json"}).json()["value"] ==
               18446744073709551615u);
    BOOST_TEST(call({"scan", file, "--tree", "three"}).out == "1,x\ttrue\n");
    BOOST_TEST(call({"get", file, "1,x", "--tree", "three"}).out == "true\n");
}

BOOST_AUTO_TEST_CASE(each_bad_file_has_its_exit_code_and_message) {
    const folder here;
    const std::string good = large_sample(here);
    const std::string content = read_file(good);
    fs::create_directory(here / "folder");
    write_file(here / "empty", "");
    write_file(here / "other", std::string(20000, 'x'));
    write_file(here / "short", "PINYON\r\n");
    write_file(here / "truncated", content.substr(0, content.size() / 4));
    for (const std::uint32_t version : {1u, 9u}) {
        std::string other = content;
        for (const std::size_t slot : {std::size_t{0}, std::size_t{4096}}) {
            pinyon::format::meta meta{};
            std::memcpy(&meta, other.data() + slot, sizeof meta);
            meta.version = version;
            meta.checksum = pinyon::checksum_of(meta);
            std::memcpy(other.data() + slot, &meta, sizeof meta);
        }
        write_file(here / (version == 1 ? "older" : "newer"), other);
    }
    const struct {
        std::string name;
        std::vector<int> codes;
        std::string message;
    } cases[] = {
        {"missing", {4}, "[not_found]"},
        {"folder", {4}, "[is_directory]"},
        {"empty", {5}, "[not_a_database]"},
        {"other", {5}, "[not_a_database]"},
        {"short", {3, 5}, ""},
        {"truncated", {3}, ""},
        {"older", {5}, "[version]"},
        {"newer", {5}, "[version]"},
    };
    for (const auto& each : cases) {
        for (const words& verb : {words{"info"}, words{"check"}, words{"stat"}, words{"get"},
                                  words{"scan"}, words{"count"}}) {
            words arguments{verb[0], here / each.name};
            if (verb[0] == "get") { arguments.push_back("1"); }
            const answer told = call(arguments);
            BOOST_TEST_CONTEXT(verb[0] << " " << each.name << ": " << told.code << " " << told.err
                                       << told.out) {
                BOOST_TEST((std::find(each.codes.begin(), each.codes.end(), told.code) !=
                            each.codes.end()));
                BOOST_TEST(contains(told.err, "pinyon " + verb[0] + ": "));
                BOOST_TEST(contains(told.err, each.name));
                BOOST_TEST(contains(told.err, each.message));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_damaged_page_is_found_and_never_shown) {
    const folder here;
    const std::string good = large_sample(here);
    const std::string content = read_file(good);
    const std::string expected = call({"scan", good}).out;
    const std::string bad = here / "bad.pinyon";
    int found = 0;
    const auto pages = call({"stat", good, "--json"}).json()["pages"]["all"].get<std::size_t>();
    for (std::size_t page = 2; page < pages; page += 7) {
        std::string damaged = content;
        damaged[page * 4096 + 2000] = static_cast<char>(damaged[page * 4096 + 2000] ^ 0x10);
        damaged[page * 4096 + 40] = static_cast<char>(damaged[page * 4096 + 40] ^ 0x01);
        write_file(bad, damaged);
        BOOST_TEST_CONTEXT("page " << page) {
            const answer checked = call({"check", bad});
            BOOST_TEST((checked.code == 0 || checked.code == 3));
            found += checked.code == 3 ? 1 : 0;
            const answer scanned = call({"scan", bad});
            BOOST_TEST((scanned.code == 3 || scanned.out == expected));
            BOOST_TEST(expected.substr(0, scanned.out.size()) == scanned.out);
            if (scanned.code == 3) {
                BOOST_TEST(contains(scanned.err, "page "));
                BOOST_TEST(contains(scanned.err, "offset "));
                BOOST_TEST(contains(scanned.err, "pinyon check"));
                BOOST_TEST(checked.code == 3);
                const answer document = call({"scan", bad, "--json"});
                BOOST_TEST(document.code == 3);
                if (!document.out.empty()) { BOOST_TEST(document.json()["complete"] == false); }
            }
            for (const char* verb : {"info", "stat", "count"}) {
                const int code = call({verb, bad}).code;
                BOOST_TEST((code == 0 || code == 3));
            }
            BOOST_TEST(call({"stat", bad}).code == checked.code);
        }
    }
    BOOST_TEST(found > 10);
}

BOOST_AUTO_TEST_CASE(one_damaged_meta_is_told_and_the_rest_still_reads) {
    const folder here;
    const std::string file = sample(here);
    for (std::size_t slot = 0; slot < 2; ++slot) {
        std::string content = read_file(file);
        content[slot * 4096 + 60] = static_cast<char>(content[slot * 4096 + 60] ^ 1);
        write_file(here / "bad.pinyon", content);
        BOOST_TEST_CONTEXT("slot " << slot) {
            const answer told = call({"info", here / "bad.pinyon"});
            BOOST_TEST(told.code == 3);
            BOOST_TEST(contains(told.err, "meta " + std::to_string(slot)));
            BOOST_TEST(contains(told.out, "words"));
            const answer checked = call({"check", here / "bad.pinyon"});
            BOOST_TEST(checked.code == 3);
            BOOST_TEST(contains(checked.out, "damaged, 0 errors, 1 warning\n"));
            BOOST_TEST(call({"get", here / "bad.pinyon", "fir", "--tree", "words"}).out ==
                       "abies\n");
        }
    }
}

BOOST_AUTO_TEST_CASE(trees_are_named_when_the_choice_is_not_clear) {
    const folder here;
    const std::string file = sample(here);
    const answer two = call({"count", file});
    BOOST_TEST(two.code == 2);
    BOOST_TEST(contains(two.err, "'characters', 'words'"));
    const answer wrong = call({"count", file, "--tree", "birds"});
    BOOST_TEST(wrong.code == 1);
    BOOST_TEST(contains(wrong.err, "'birds'"));
    { const auto made = pinyon::database::open(here / "empty.pinyon"); }
    BOOST_TEST(call({"count", here / "empty.pinyon"}).code == 1);
    BOOST_TEST(call({"info", here / "empty.pinyon"}).code == 0);
    BOOST_TEST(call({"check", here / "empty.pinyon"}).code == 0);
    BOOST_TEST(call({"stat", here / "empty.pinyon"}).code == 0);
}

BOOST_AUTO_TEST_CASE(a_bad_command_line_is_usage) {
    for (const words& each :
         std::vector<words>{{},
                            {"get", "f"},
                            {"get", "f", "a", "b"},
                            {"chekc", "f"},
                            {"f", "check"},
                            {"scan", "f", "--limit", "x"},
                            {"scan", "f", "--prefix", "a", "--from", "b"},
                            {"scan", "f", "--bytes", "loud"},
                            {"count", "f", "--nothing"},
                            {"check", "f", "--max-errors", "-1"},
                            {"import", "f", "-"},
                            {"import", "f", "-", "--tree", "t", "--delimiter", "ab"},
                            {"import", "f", "-", "--tree", "t", "--delimiter", "\""},
                            {"import", "f", "-", "--tree", "t", "--format", "xml"}}) {
        const answer told = call(each);
        BOOST_TEST_CONTEXT(told.err) {
            BOOST_TEST(told.code == 2);
            BOOST_TEST(told.out.empty());
            BOOST_TEST(contains(told.err, "next: pinyon"));
        }
    }
}

BOOST_AUTO_TEST_CASE(help_begins_with_two_examples) {
    std::vector<words> each_help{{"--help"}};
    for (const std::string& verb : verbs()) { each_help.push_back({verb, "--help"}); }
    for (const words& each : each_help) {
        const answer told = call(each);
        BOOST_TEST_CONTEXT(each[0]) {
            BOOST_TEST(told.code == 0);
            BOOST_TEST(told.out.substr(0, 18) == "Examples:\n  pinyon");
            BOOST_TEST(told.err.empty());
        }
    }
    const answer version = call({"--version"});
    BOOST_TEST(version.code == 0);
    BOOST_TEST(contains(version.out, "file format"));
}

BOOST_AUTO_TEST_CASE(results_that_cannot_be_written_are_no_success) {
    const folder here;
    const std::string file = sample(here);
    std::ofstream full("/dev/full");
    std::ostringstream err;
    const streams streams{.out = full, .err = err, .in = {}};
    BOOST_TEST(run({"scan", file, "--tree", "words"}, streams) == 4);
    BOOST_TEST(contains(err.str(), "standard output"));
}

BOOST_AUTO_TEST_CASE(inspectors_change_nothing_and_need_no_right_to_write) {
    const folder here;
    const std::string file = sample(here);
    ::chmod(file.c_str(), 0444);
    const std::string before = read_file(file);
    const auto names = here.names();
    for (const words& each : std::vector<words>{{"info", file},
                                                {"check", file, "--root-descend"},
                                                {"stat", file},
                                                {"get", file, "fir", "--tree", "words"},
                                                {"scan", file, "--tree", "words"},
                                                {"count", file, "--tree", "words"}}) {
        BOOST_TEST_CONTEXT(each[0]) {
            BOOST_TEST(call(each).code == 0);
            BOOST_TEST((read_file(file) == before));
            BOOST_TEST((here.names() == names));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_link_to_a_file_is_as_good_as_the_file) {
    const folder here;
    const std::string file = sample(here);
    fs::create_symlink(file, here / "link.pinyon");
    for (const char* verb : {"info", "check", "stat"}) {
        BOOST_TEST_CONTEXT(verb) { BOOST_TEST(call({verb, here / "link.pinyon"}).code == 0); }
    }
    BOOST_TEST(call({"count", here / "link.pinyon", "--tree", "words"}).out == "4\n");
}

BOOST_AUTO_TEST_CASE(beside_a_writer_the_last_checkpoint_is_shown_and_said_so) {
    const folder here;
    const std::string file = sample(here);
    pinyon::options options;
    options.pool_bytes = std::uint64_t{8} << 20;
    const auto live = pinyon::database::open(file, options);
    auto change = live.begin_write();
    change.open_as("words", {"string", "string", 0, 0, 1})
        .put(pinyon::as_bytes("yew"), pinyon::as_bytes("taxus"));
    const answer told = call({"count", file, "--tree", "words"});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(told.out == "4\n");
    BOOST_TEST(contains(told.err, "open for writing elsewhere"));
    BOOST_TEST(call({"count", file, "--tree", "words", "--quiet"}).err.empty());
    BOOST_TEST(call({"info", file, "--json"}).json()["open_for_writing"] == true);
    BOOST_TEST(call({"check", file}).code == 0);
    change.commit(pinyon::durability::checkpoint);
    BOOST_TEST(call({"count", file, "--tree", "words"}).out == "5\n");
    const answer busy = call({"import", file, "-", "--tree", "words"}, "fig\n");
    BOOST_TEST(busy.code == 4);
    BOOST_TEST(contains(busy.err, "[busy]"));
}

namespace {
std::chrono::steady_clock::time_point fake_now;
std::chrono::steady_clock::time_point fake_clock() { return fake_now; }
}  // namespace

BOOST_AUTO_TEST_CASE(progress_appears_after_half_a_second_ten_times_a_second) {
    std::ostringstream out;
    std::ostringstream err;
    const streams streams{
        .out = out, .err = err, .in = {}, .err_is_terminal = true, .now = fake_clock};
    {
        progress line(streams, "import", "records", 1000, false);
        for (int i = 1; i <= 100; ++i) {
            fake_now += std::chrono::milliseconds(10);
            line.update(static_cast<std::uint64_t>(i), static_cast<std::uint64_t>(i * 20));
            if (i == 49) { BOOST_TEST(err.str().empty()); }
        }
    }
    std::size_t draws = 0;
    for (std::size_t at = 0; (at = err.str().find("import", at)) != std::string::npos; ++at) {
        ++draws;
    }
    BOOST_TEST(draws == 6u);
    BOOST_TEST(contains(err.str(), "10 %  2,000 records  2,000/s  0:09 left"));
    BOOST_TEST(err.str().ends_with("\r\x1b[K"));
    BOOST_TEST(out.str().empty());
}

BOOST_AUTO_TEST_CASE(progress_is_silent_off_a_terminal_and_when_quiet) {
    for (const bool terminal : {false, true}) {
        std::ostringstream out;
        std::ostringstream err;
        const streams streams{
            .out = out, .err = err, .in = {}, .err_is_terminal = terminal, .now = fake_clock};
        progress line(streams, "import", "records", 1000, terminal);
        fake_now += std::chrono::seconds(5);
        line.update(500, 500);
        line.clear();
        BOOST_TEST(err.str().empty());
    }
}
