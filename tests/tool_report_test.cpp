#define BOOST_TEST_MODULE tool_report
#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <fstream>
#include <random>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "pinyon/engine/key_text.hpp"
#include "support/forged_file.hpp"
#include "support/large_survey.hpp"
#include "support/report_samples.hpp"
#include "support/slow_build.hpp"
#include "tools/report_page.hpp"
#include "tools/run_code.hpp"

using namespace pinyon;
using namespace pinyon::test;

namespace {

std::size_t count_of(const std::string& text, const std::string& part) {
    std::size_t count = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++count;
    }
    return count;
}

// The data that a report's script reads.
nlohmann::json data_of(const std::string& html) {
    const std::string start = "<script type=\"application/json\" id=\"data\">";
    const std::size_t from = html.find(start);
    BOOST_REQUIRE(from != std::string::npos);
    const std::size_t end = html.find("</script>", from);
    return nlohmann::json::parse(html.substr(from + start.size(), end - from - start.size()));
}

// A report that must end with `code`.
std::string report_of(const folder& here, const std::string& file, int code = 0,
                      const words& more = {}) {
    const std::string output = here / ("report " + std::to_string(here.names().size()) + ".html");
    words line{"report", file, "--output", output};
    line.insert(line.end(), more.begin(), more.end());
    const answer told = call(line);
    BOOST_TEST_CONTEXT(told.err) { BOOST_TEST(told.code == code); }
    return read_file(output);
}

std::string coded(const std::vector<std::uint64_t>& numbers) {
    tool::run_code code;
    for (const std::uint64_t each : numbers) { code.add(each); }
    return code.text();
}

// What no part of a report may hold, whatever is in the file: control bytes, bytes beyond ASCII,
// markup that was not ours.
void require_clean(const std::string& html) {
    for (const char each : html) {
        if (each == '\n' || (each >= 0x20 && each < 0x7f)) { continue; }
        BOOST_TEST_REQUIRE(false, "byte " << static_cast<int>(each));
    }
    BOOST_TEST(count_of(html, "</script") == 2u);
    BOOST_TEST(count_of(html, "<script") == 2u);
    BOOST_TEST(count_of(html, "<style") == 1u);
    BOOST_TEST(count_of(html, "<img") == 0u);
    BOOST_TEST(count_of(html, "<!--") == 0u);
    BOOST_TEST(count_of(html, "onerror=\"") == 0u);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_report_holds_what_the_check_found) {
    const folder here;
    const std::string file = large_sample(here);
    const std::string output = here / "report.html";
    const answer told = call({"report", file, "--output", output, "--json"});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(told.err.empty());
    const nlohmann::json summary = told.json();
    const std::string html = read_file(output);
    BOOST_TEST(summary["schema"] == "pinyon.report/1");
    BOOST_TEST(summary["verdict"] == "sound");
    BOOST_TEST(summary["bytes"] == html.size());
    BOOST_TEST(html.starts_with("<!DOCTYPE html>"));
    BOOST_TEST(contains(html, "<strong>sound</strong>"));
    require_clean(html);

    const nlohmann::json checked = call({"check", file, "--json"}).json();
    const nlohmann::json data = data_of(html);
    BOOST_TEST(data["page_count"] == checked["pages"]["all"]);
    BOOST_TEST(data["map"]["grain"] == 1);
    BOOST_TEST(data["map"]["cells"] == data["page_count"]);
    BOOST_TEST(data["nodes"]["count"] == checked["pages"]["tree"]);
    BOOST_TEST(summary["nodes_listed"] == checked["pages"]["tree"]);
    BOOST_TEST(data["trees"].size() == 2u);
    BOOST_TEST(data["trees"][1]["label"] == "numbers");
    BOOST_TEST(data["trees"][1]["entries"] == 20000);
    BOOST_TEST(data["trees"][1]["key_type"] == "u64");
    std::uint64_t pages = 0;
    for (const auto& count : data["counts"]) { pages += count.get<std::uint64_t>(); }
    BOOST_TEST(pages == data["page_count"]);
    BOOST_TEST(data["findings"].empty());
}

BOOST_AUTO_TEST_CASE(the_same_file_gives_the_same_report) {
    const folder here;
    const std::string file = large_sample(here);
    BOOST_TEST((report_of(here, file) == report_of(here, file)));
}

BOOST_AUTO_TEST_CASE(the_page_allows_one_style_and_one_script_by_hash_and_nothing_else) {
    const folder here;
    const std::string html = report_of(here, sample(here));
    const std::regex policy(
        "Content-Security-Policy\" content=\"default-src 'none'; "
        "script-src 'sha256-[A-Za-z0-9+/]{43}='; style-src 'sha256-[A-Za-z0-9+/]{43}='; "
        "base-uri 'none'; form-action 'none'\"");
    BOOST_TEST(std::regex_search(html, policy));
    BOOST_TEST(!contains(html, "unsafe-"));
    BOOST_TEST(!contains(html, " style=\""));
    BOOST_TEST(!contains(html, " src="));
    BOOST_TEST(!contains(html, " href="));
    BOOST_TEST(!contains(html, "{{"));
}

BOOST_AUTO_TEST_CASE(hostile_contents_stay_text) {
    const folder here;
    make_hostile(here / "hostile.pinyon");
    for (const words& more :
         std::vector<words>{{}, {"--values"}, {"--redact"}, {"--values", "--bytes", "text"}}) {
        const std::string html = report_of(here, here / "hostile.pinyon", 0, more);
        require_clean(html);
        const nlohmann::json data = data_of(html);
        BOOST_TEST(data["trees"].size() == 6u);
        BOOST_TEST(contains(data.dump(), "</script><script>document.title='taken'</script>"));
    }
}

BOOST_AUTO_TEST_CASE(a_hostile_file_name_stays_text) {
    const folder here;
    const std::string file = here / "a<b>&\"'\x1b\xe2\x80\xa8.pinyon";
    make_one_page(file);
    const std::string html = report_of(here, file);
    require_clean(html);
    BOOST_TEST(contains(html, "a&lt;b&gt;&amp;&quot;&#39;\\x1b\\xe2\\x80\\xa8.pinyon</h1>"));
}

BOOST_AUTO_TEST_CASE(escaping_leaves_nothing_that_ends_a_tag_or_a_script) {
    BOOST_TEST(tool::html_escaped("<a b=\"c\" d='e'>&") ==
               "&lt;a b=&quot;c&quot; d=&#39;e&#39;&gt;&amp;");
    BOOST_TEST(tool::script_json("[\"</script><!-- & -->\"]") ==
               "[\"\\u003c/script\\u003e\\u003c!-- \\u0026 --\\u003e\"]");
}

BOOST_AUTO_TEST_CASE(values_are_left_out_unless_they_are_asked_for) {
    const folder here;
    const std::string file = sample(here);
    const std::string without = report_of(here, file);
    BOOST_TEST(!contains(without, "quercus"));
    BOOST_TEST(!contains(without, tool::hexadecimal("quercus")));
    BOOST_TEST(contains(without, "Values are not in it."));
    const std::string with = report_of(here, file, 0, {"--values"});
    BOOST_TEST(contains(with, "quercus"));
    BOOST_TEST(!contains(with, "Values are not in it."));
}

BOOST_AUTO_TEST_CASE(redacted_reports_hold_no_key) {
    const folder here;
    const std::string file = here / "secret.pinyon";
    std::string text;
    for (int i = 0; i < 3000; ++i) { text += "secret" + std::to_string(i) + "=1\n"; }
    BOOST_REQUIRE(call({"import", file, "-", "--tree", "t", "--delimiter", "="}, text).code == 0);
    const std::string open = report_of(here, file, 0, {"--key", "secret42"});
    BOOST_TEST(contains(open, tool::hexadecimal("secret42")));
    for (const words& how : std::vector<words>{{"--redact"}, {"--bytes", "redacted"}}) {
        words more = how;
        more.insert(more.end(), {"--key", "secret42"});
        const std::string html = report_of(here, file, 0, more);
        BOOST_TEST(!contains(html, "secret4"));
        BOOST_TEST(!contains(html, tool::hexadecimal("secret")));
        // What a key shares with the one before is not written; of the rest there is nothing.
        const nlohmann::json data = data_of(html);
        BOOST_TEST(data["nodes"]["fence"].is_null());
        BOOST_TEST(data["keys"][0]["key"].is_null());
        BOOST_TEST(data["keys"][0]["path"].size() == 2u);
        for (const auto& detail : data["details"]) { BOOST_TEST(!detail.contains("keys")); }
        BOOST_TEST(contains(html, "Keys are hidden"));
    }
    const answer both = call({"report", file, "--output", here / "x", "--redact", "--values"});
    BOOST_TEST(both.code == 2);
}

BOOST_AUTO_TEST_CASE(keys_that_were_asked_for_have_their_whole_way) {
    const folder here;
    const std::string file = large_sample(here);
    const nlohmann::json data =
        data_of(report_of(here, file, 0, {"--key", "7919", "--key", "20010", "--key", "999999"}));
    BOOST_TEST(data["keys"].size() == 3u);
    const auto levels = data["trees"][1]["levels"].get<std::size_t>();
    for (const auto& each : data["keys"]) { BOOST_TEST(each["path"].size() == levels); }
    BOOST_TEST(data["keys"][0]["found"] == true);
    BOOST_TEST(data["keys"][1]["found"] == true);
    BOOST_TEST(data["keys"][2]["found"] == false);
    BOOST_TEST(data["keys"][0]["path"][0] == data["keys"][2]["path"][0]);
}

BOOST_AUTO_TEST_CASE(a_bad_report_command_is_told_and_writes_nothing) {
    const folder here;
    const std::string file = sample(here);
    const std::string out = here / "out.html";
    fs::create_directory(here / "folder");
    const auto before = here.names();
    const struct {
        words line;
        int code;
    } cases[] = {
        {{"report", file}, 2},
        {{"report", file, "--output"}, 2},
        {{"report", file, "--output", out, "--key", "fir"}, 2},  // in which tree?
        {{"report", file, "--output", out, "--key", "fir", "--tree", "nowhere"}, 1},
        {{"report", file, "--output", out, "--key", "xyz", "--tree", "characters"}, 2},
        {{"report", here / "missing", "--output", out}, 4},
        {{"report", here / "folder", "--output", out}, 4},
        {{"report", file, "--output", here / "folder"}, 4},
        {{"report", file, "--output", file}, 4},
        {{"report", file, "--output", here / "nowhere/out.html"}, 4},
    };
    for (const auto& each : cases) {
        const answer told = call(each.line);
        BOOST_TEST_CONTEXT(told.err) {
            BOOST_TEST(told.code == each.code);
            BOOST_TEST(told.out.empty());
            BOOST_TEST(contains(told.err, "pinyon"));
            BOOST_TEST((here.names() == before));
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_there_is_never_overwritten) {
    const folder here;
    const std::string file = sample(here);
    write_file(here / "out.html", "precious");
    const answer told = call({"report", file, "--output", here / "out.html"});
    BOOST_TEST(told.code == 4);
    BOOST_TEST(contains(told.err, "out.html"));
    BOOST_TEST(read_file(here / "out.html") == "precious");
}

BOOST_AUTO_TEST_CASE(an_interrupted_report_leaves_nothing) {
    const folder here;
    const std::string file = large_sample(here);
    const auto before = here.names();
    const std::atomic<bool> interrupted{true};
    const answer told = call({"report", file, "--output", here / "out.html"}, "", &interrupted);
    BOOST_TEST(told.code == 130);
    BOOST_TEST((here.names() == before));
}

BOOST_AUTO_TEST_CASE(a_file_that_is_no_database_gets_no_report) {
    const folder here;
    write_file(here / "empty", "");
    write_file(here / "other", std::string(20'000, 'x'));
    const auto before = here.names();
    for (const char* name : {"empty", "other"}) {
        const answer told = call({"report", here / name, "--output", here / "out.html"});
        BOOST_TEST(told.code == 5);
        BOOST_TEST((here.names() == before));
    }
}

BOOST_AUTO_TEST_CASE(a_database_without_trees_has_a_report) {
    const folder here;
    make_empty(here / "empty.pinyon");
    const nlohmann::json data = data_of(report_of(here, here / "empty.pinyon"));
    BOOST_TEST(data["trees"].size() == 1u);
    BOOST_TEST(data["nodes"]["count"] == 1);
}

BOOST_AUTO_TEST_CASE(damage_is_in_the_report_which_is_written_all_the_same) {
    const folder here;
    const std::string file = large_sample(here);
    const std::string content = read_file(file);
    const std::string bad = here / "bad.pinyon";
    unsigned damaged = 0;
    const auto pages = data_of(report_of(here, file))["page_count"].get<std::uint64_t>();
    for (std::uint64_t page = 0; page < pages; page += page < 4 ? 1 : 9) {
        write_file(bad, content);
        flip(bad, page * 4096 + 60);
        const int code = call({"check", bad}).code;
        const std::string html = report_of(here, bad, code);
        require_clean(html);
        if (code == 0) { continue; }
        ++damaged;
        BOOST_TEST_CONTEXT("page " << page) {
            const nlohmann::json data = data_of(html);
            BOOST_TEST(contains(html, "<strong>damaged</strong>"));
            BOOST_TEST(!data["findings"].empty());
            BOOST_TEST(data["damaged_pages"] != 0);
        }
    }
    BOOST_TEST(damaged > 5u);
}

BOOST_AUTO_TEST_CASE(the_header_of_a_damaged_node_is_shown_as_it_stands) {
    const folder here;
    const std::string file = large_sample(here);
    const nlohmann::json whole = data_of(report_of(here, file, 0, {"--key", "7919"}));
    const auto leaf = whole["keys"][0]["path"].back().get<std::uint64_t>();
    flip(file, leaf * 4096 + 500);
    const nlohmann::json data = data_of(report_of(here, file, 3));
    bool found = false;
    for (const auto& each : data["details"]) {
        if (each["page"] != leaf) { continue; }
        found = true;
        BOOST_TEST(each["header"][2][0] == "page");
        BOOST_TEST(each["header"][2][1] == std::to_string(leaf));
    }
    BOOST_TEST(found);
    BOOST_TEST(data["nodes"]["unsound"].size() == 1u);
    BOOST_TEST(data["findings"][0]["page"] == leaf);
    BOOST_TEST(data["nodes"]["count"] == whole["nodes"]["count"]);
}

BOOST_AUTO_TEST_CASE(cut_and_unusable_files_have_a_report) {
    const folder here;
    const std::string file = large_sample(here);
    const std::string content = read_file(file);
    for (const std::size_t size : {content.size() / 2, std::size_t{8192}, std::size_t{5000}}) {
        write_file(here / "cut.pinyon", content.substr(0, size));
        const nlohmann::json data = data_of(report_of(here, here / "cut.pinyon", 3));
        BOOST_TEST(!data["findings"].empty());
    }
    flip(file, 60);
    flip(file, 4096 + 60);
    const nlohmann::json data = data_of(report_of(here, file, 3, {"--key", "1"}));
    BOOST_TEST(data["page_count"] == 0);
    BOOST_TEST(data["map"]["cells"] == 0);
    BOOST_TEST(data["findings"][0]["kind"] == "meta_damaged");
}

BOOST_AUTO_TEST_CASE(forged_files_have_a_report_whatever_they_say) {
    const folder here;
    make_hostile(here / "whole.pinyon");
    const std::string file = here / "forged.pinyon";
    std::mt19937_64 random{7};  // NOLINT: the same files every time
    std::set<int> codes;
    for (int round = 0; round < (slow_build ? 20 : 120); ++round) {
        fs::copy_file(here / "whole.pinyon", file, fs::copy_options::overwrite_existing);
        forged_file forged(io::posix_file_system(), file);
        for (int change = 0; change < 1 + round % 4; ++change) {
            // Most of the bytes are in the pages in use, many of those that matter in headers.
            const std::uint64_t page = 2 + random() % 80;
            const std::uint64_t place = random() % (random() % 2 == 0 ? 48 : 4096);
            forged.page(page)[place] = static_cast<std::byte>(random());
        }
        forged.reseal();
        forged.save();
        const answer told = call({"report", file, "--output", here / "out.html", "--values"});
        BOOST_TEST_CONTEXT("round " << round << ": " << told.err) {
            BOOST_TEST((told.code == 0 || told.code == 3));
            const std::string html = read_file(here / "out.html");
            require_clean(html);
            const nlohmann::json data = data_of(html);
            BOOST_TEST((told.code == 3) == !data["findings"].empty());
        }
        codes.insert(told.code);
        fs::remove(here / "out.html");
    }
    BOOST_TEST(codes.size() == 2u);
}

namespace {

database* live = nullptr;
unsigned looks = 0;

// A clock by which time passes, and on the second look at which a writer makes a checkpoint.
std::chrono::steady_clock::time_point busy_clock() {
    if (++looks == 2) {
        live->update(
            [](write_transaction& tx) {
                tx.open_as("words", {"string", "string", 0, 0, 1})
                    .put(as_bytes("yew"), as_bytes("taxus"));
            },
            durability::checkpoint);
    }
    return {};
}

}  // namespace

BOOST_AUTO_TEST_CASE(beside_a_writer_that_moves_on_the_report_is_incomplete) {
    const folder here;
    const std::string file = sample(here);
    database open = new_database(file);
    const std::string quiet = report_of(here, file);
    BOOST_TEST(contains(quiet, "The file was open for writing elsewhere"));
    live = &open;
    looks = 0;
    std::ostringstream out;
    std::ostringstream err;
    const int code =
        tool::run({"report", file, "--output", here / "moved.html"},
                  {.out = out, .err = err, .in = {}, .err_is_terminal = true, .now = busy_clock});
    BOOST_TEST(looks >= 2u);
    BOOST_TEST(code == 6);
    BOOST_TEST(contains(err.str(), "a writer changed the file"));
    BOOST_TEST(contains(read_file(here / "moved.html"), "<strong>incomplete</strong>"));
}

BOOST_AUTO_TEST_CASE(reports_need_no_right_to_write_and_change_nothing) {
    const folder here;
    const std::string file = sample(here);
    ::chmod(file.c_str(), 0444);
    const std::string before = read_file(file);
    report_of(here, file, 0, {"--tree", "words", "--key", "fir"});
    BOOST_TEST((read_file(file) == before));
    BOOST_TEST(here.names().size() == 2u);
}

BOOST_AUTO_TEST_CASE(numbers_and_keys_are_coded_as_the_script_reads_them) {
    BOOST_TEST(coded({}).empty());
    BOOST_TEST(coded({0, 1, 25}) == "ABZ");
    BOOST_TEST(coded({26, 26, 26, 2}) == "bA3C");
    BOOST_TEST(coded(std::vector<std::uint64_t>(10, ((1 * 26 + 2) * 26 + 3) * 26 + 4)) == "bcdE10");
    tool::difference_code differences;
    for (const std::uint64_t each : {10ULL, 9ULL, 8ULL, 10ULL, 11ULL}) { differences.add(each); }
    BOOST_TEST(differences.text() == "UB2EC");
    tool::key_code keys;
    keys.add(std::nullopt);
    keys.add(as_bytes("ab"));
    keys.add(as_bytes("abc"));
    keys.add(std::nullopt);
    keys.add(as_bytes("az"));
    BOOST_TEST(keys.text() == ",A6162,C63,,B7a");
}

BOOST_AUTO_TEST_CASE(the_script_is_tested_with_keys_as_the_engine_has_them) {
    const auto keys = nlohmann::json::parse(
        read_file(std::string(PINYON_SOURCE_DIR) + "/tests/report/keys.json"));
    BOOST_TEST(keys.size() > 30u);
    for (const auto& each : keys) {
        const auto type = each[0].get<std::string>();
        const auto text = each[1].get<std::string>();
        BOOST_TEST_CONTEXT(type << " " << text) {
            key_buffer room;
            const bytes key = parse_key(type, text, room);
            BOOST_TEST(tool::hexadecimal(as_text(key)) == each[2]);
            BOOST_TEST(print_key(type, key) == text);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_million_mixed_pages_fit_two_megabytes) {
    for (const std::uint64_t pages : {std::uint64_t{15'000}, std::uint64_t{30'000},
                                      std::uint64_t{262'144}, std::uint64_t{1} << 20}) {
        if (slow_build && pages > 30'000) { continue; }
        const tool::report_document made = large_report(pages);
        BOOST_TEST_CONTEXT(pages << " pages, " << made.html.size() << " bytes, cells of "
                                 << made.pages_per_cell << ", nodes " << made.nodes) {
            BOOST_TEST(made.html.size() <= tool::report_bytes_max);
            BOOST_TEST(made.cells * made.pages_per_cell >= pages);
            const nlohmann::json data = data_of(made.html);
            BOOST_TEST(data["map"]["cells"] == made.cells);
            const auto leaves = data["counts"][1].get<std::uint64_t>();
            const auto inner = data["counts"][2].get<std::uint64_t>();
            // Up to 20,000 pages nothing of the trees and the map is left out; above that at least
            // the leaves' parents are there.
            if (pages <= 20'000) {
                BOOST_TEST(made.pages_per_cell == 1u);
                BOOST_TEST(made.nodes == leaves + inner);
            }
            BOOST_TEST(made.nodes >= inner);
            BOOST_TEST(contains(made.html, "nodes are listed, from the roots down") ==
                       (made.nodes < leaves + inner));
            if (pages <= 262'144) { BOOST_TEST(made.pages_per_cell <= 2u); }
        }
    }
}

BOOST_AUTO_TEST_CASE(trees_without_number_and_endless_names_fit_as_well) {
    const folder here;
    const std::string file = here / "trees.pinyon";
    {
        database made = new_database(file);
        made.update([](write_transaction& tx) {
            for (int i = 0; i < 1200; ++i) {
                const std::string name = std::to_string(i) + std::string(400, '<');
                tx.open(tree_spec<std::uint64_t, std::uint64_t>{name}).put(1, 1);
            }
        });
        made.close();
    }
    const std::string html = report_of(here, file);
    BOOST_TEST(html.size() <= tool::report_bytes_max);
    BOOST_TEST(contains(html, "The first 500 of 1,200 trees are listed."));
    BOOST_TEST(data_of(html)["trees"].size() == 501u);
}
