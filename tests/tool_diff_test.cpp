// `pinyon diff` against a model, and what `--checkpoint` leaves out.
#define BOOST_TEST_MODULE tool_diff
#include <boost/test/unit_test.hpp>

#include <map>
#include <optional>
#include <random>
#include <sstream>
#include <string>

#include "pinyon/engine/check.hpp"
#include "pinyon/engine/database.hpp"
#include "support/forged_file.hpp"
#include "support/tool_call.hpp"
#include "support/tool_sample.hpp"

using namespace pinyon;
using namespace pinyon::test;

namespace {

using tree_content = std::map<std::string, std::string>;
using content = std::map<std::string, tree_content>;
using nlohmann::json;

const std::string golden = PINYON_SOURCE_DIR "/tests/golden/version-2/";

[[nodiscard]] std::vector<std::string> golden_files() {
    std::vector<std::string> list;
    for (const auto& each : fs::directory_iterator(golden)) {
        if (each.path().extension() == ".pinyon") { list.push_back(each.path().string()); }
    }
    std::sort(list.begin(), list.end());
    return list;
}

[[nodiscard]] std::string make(const folder& here, const std::string& name, const content& all,
                               std::uint32_t page_bytes = 4096) {
    std::string file = here / name;
    options how;
    how.page_bytes = page_bytes;
    database db = database::open(file, how);
    db.update([&](write_transaction& tx) {
        for (const auto& [tree, entries] : all) {
            auto into = tx.open_as(tree, {"string", "string", 0, 0, 1});
            for (const auto& [key, value] : entries) { into.put(as_bytes(key), as_bytes(value)); }
        }
    });
    db.close();
    return file;
}

// What the JSON lines should say of the entries.
[[nodiscard]] std::vector<json> expected(const content& a, const content& b) {
    std::vector<json> list;
    for (const auto& [tree, left] : a) {
        const tree_content& right = b.at(tree);
        std::map<std::string, std::pair<std::optional<std::string>, std::optional<std::string>>>
            all;
        for (const auto& [key, value] : left) { all[key].first = value; }
        for (const auto& [key, value] : right) { all[key].second = value; }
        for (const auto& [key, values] : all) {
            if (values.first == values.second) { continue; }
            json line{{"tree", tree}, {"key", key}};
            line["kind"] = !values.second ? "only_a" : !values.first ? "only_b" : "changed";
            if (values.first) { line["a"] = *values.first; }
            if (values.second) { line["b"] = *values.second; }
            list.push_back(line);
        }
    }
    return list;
}

constexpr tree_spec<std::string_view, std::string_view> large{"large"};

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_is_equal_to_itself) {
    for (const std::string& file : golden_files()) {
        const answer told = call({"diff", file, file});
        BOOST_TEST_CONTEXT(file << told.err) {
            BOOST_TEST(told.code == 0);
            BOOST_TEST(told.out.substr(0, 5) == "equal");
            BOOST_TEST(told.err.empty());
            const answer as_json = call({"diff", file, file, "--json"});
            BOOST_TEST(as_json.json()["equal"] == true);
            BOOST_TEST(as_json.json()["complete"] == true);
            BOOST_TEST(as_json.json()["differences"].empty());
            BOOST_TEST(call({"diff", file, file, "--quiet"}).out.empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(what_differs_is_what_a_model_says) {
    std::mt19937_64 random(4);
    for (int round = 0; round < 12; ++round) {
        const folder here;
        content a;
        content b;
        const std::uint64_t keys = 1 + random() % 3000;
        const std::uint64_t often = 1 + random() % 40;
        for (const char* tree : {"first", "second tree", "third"}) {
            a[tree];
            b[tree];
            for (std::uint64_t i = 0; i < keys; ++i) {
                const std::string key = "key " + std::to_string(random() % (2 * keys));
                const std::string value(random() % 60, static_cast<char>('a' + random() % 26));
                if (random() % often != 0) {
                    a[tree][key] = b[tree][key] = value;
                } else {
                    a[tree][key] = value;
                    if (random() % 2 == 0) { b[tree].erase(key); }
                    b[tree]["key " + std::to_string(random() % (2 * keys))] = value;
                }
            }
        }
        const std::string left = make(here, "a", a);
        const std::string right = make(here, "b", b, round % 2 == 0 ? 4096 : 16384);
        const std::vector<json> wanted = expected(a, b);
        const answer told = call({"diff", left, right, "--values", "--ndjson"});
        BOOST_TEST(told.code == (wanted.empty() ? 0 : 1));
        std::vector<json> lines = documents_of(told.out);
        BOOST_REQUIRE(!lines.empty());
        const json summary = lines.back();
        lines.pop_back();
        BOOST_TEST((lines == wanted));
        BOOST_TEST(summary["kind"] == "summary");
        BOOST_TEST(summary["equal"] == wanted.empty());
        BOOST_TEST(summary["shown"] == wanted.size());
        const json document = call({"diff", left, right, "--values", "--json"}).json();
        BOOST_TEST((document["differences"] == json(wanted)));
        BOOST_TEST((document["trees"] == summary["trees"]));
        BOOST_TEST(call({"diff", left, right, "--quiet"}).code == told.code);
        // The other way round the sides change places.
        const json back = call({"diff", right, left, "--json"}).json();
        for (std::size_t i = 0; i < document["trees"].size(); ++i) {
            BOOST_TEST(back["trees"][i]["only_a"] == document["trees"][i]["only_b"]);
            BOOST_TEST(back["trees"][i]["changed"] == document["trees"][i]["changed"]);
            BOOST_TEST(back["trees"][i]["equal"] == document["trees"][i]["equal"]);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_line_begins_with_the_side_it_is_of) {
    const folder here;
    const std::string a =
        make(here, "a", {{"t", {{"fir", "1"}, {"oak", "2"}, {"pine", "3"}, {"yew", "4"}}}});
    const std::string b = make(here, "b", {{"t", {{"ash", "0"}, {"fir", "1"}, {"pine", "5"}}}});
    const answer keys = call({"diff", a, b});
    BOOST_TEST(keys.code == 1);
    BOOST_TEST(contains(keys.out, "tree 't'\n+ ash\n- oak\n~ pine\n- yew\n\ndifferent\n"));
    const answer values = call({"diff", a, b, "--values"});
    BOOST_TEST(
        contains(values.out, "tree 't'\n+ ash\t0\n- oak\t2\n- pine\t3\n+ pine\t5\n- yew\t4\n\n"));
    BOOST_TEST(contains(values.out, "A: " + a));
    const answer few = call({"diff", a, b, "--limit", "1"});
    BOOST_TEST(contains(few.out, "+ ash\n... and 3 more not shown\n"));
    BOOST_TEST(!contains(few.out, "oak"));
    const json counted = call({"diff", a, b, "--limit", "0", "--json"}).json();
    BOOST_TEST(counted["differences"].empty());
    BOOST_TEST(counted["not_shown"] == 4);
    BOOST_TEST(counted["trees"][0]["only_a"] == 2);
    BOOST_TEST(counted["trees"][0]["equal"] == 1);
    BOOST_TEST(contains(call({"diff", a, b, "--values", "--bytes=hex"}).out, "- 6f616b\t32\n"));
    BOOST_TEST(!contains(call({"diff", a, b, "--values", "--bytes=redacted"}).out, "oak"));
}

BOOST_AUTO_TEST_CASE(trees_of_one_file_alone_and_of_other_types_are_told) {
    const folder here;
    const std::string a = make(here, "a", {{"both", {{"k", "v"}}}, {"old", {{"x", "y"}}}});
    const std::string b = make(here, "b", {{"both", {{"k", "v"}}}, {"new", {}}});
    for (const std::string& file : {a, b}) {
        BOOST_TEST(call({"import", file, "-", "--tree", "typed", "--delimiter", "=", "--key-type",
                         file == a ? "string" : "bytes"},
                        "1=1\n")
                       .code == (file == a ? 0 : 2));
    }
    database db = database::open(b);
    db.update([](write_transaction& tx) {
        std::uint64_t one = 1;
        tx.open_as("typed", {"u64", "string", 8, 0, 1})
            .put(std::as_bytes(std::span(&one, 1)), as_bytes("1"));
    });
    db.close();
    const answer told = call({"diff", a, b});
    BOOST_TEST(told.code == 1);
    BOOST_TEST(contains(told.out, "+ tree 'new': string -> string, 0 entries\n"));
    BOOST_TEST(contains(told.out, "- tree 'old': string -> string, 1 entry\n"));
    BOOST_TEST(contains(told.out,
                        "- tree 'typed': string -> string, 1 entry\n"
                        "+ tree 'typed': u64 -> string, 1 entry\n"));
    const json document = call({"diff", a, b, "--json"}).json();
    BOOST_TEST(document["differences"][0]["kind"] == "tree_only_b");
    BOOST_TEST(document["differences"][1]["kind"] == "tree_only_a");
    BOOST_TEST(document["differences"][2]["kind"] == "tree_types");
    BOOST_TEST(document["differences"][2]["b"]["key_type"] == "u64");
    BOOST_TEST(document["equal"] == false);

    BOOST_TEST(call({"diff", a, b, "--tree", "both"}).code == 0);
    BOOST_TEST(call({"diff", a, b, "--tree", "old"}).code == 1);
    BOOST_TEST(call({"diff", a, b, "--tree", "typed"}).code == 1);
    const answer none = call({"diff", a, b, "--tree", "none"});
    BOOST_TEST(none.code == 1);
    BOOST_TEST(contains(none.err, "'none'"));
    BOOST_TEST(none.out.empty());
    BOOST_TEST(call({"diff", a, b, "--tree", "both", "--quiet"}).out.empty());
}

BOOST_AUTO_TEST_CASE(large_values_are_compared_to_the_last_byte) {
    const folder here;
    for (const std::size_t size :
         {std::size_t{5000}, std::size_t{262144}, std::size_t{262145}, std::size_t{3} << 20}) {
        std::string value(size, 'x');
        const std::string a = here / ("a" + std::to_string(size));
        const std::string b = here / ("b" + std::to_string(size));
        for (const std::string& file : {a, b}) {
            database db = database::open(file);
            db.update([&](write_transaction& tx) {
                auto tree = tx.open(large);
                tree.put("equal", value);
                if (file == b) { value.back() = 'y'; }
                tree.put("last byte", value);
            });
            db.close();
        }
        const answer told = call({"diff", a, b});
        BOOST_TEST_CONTEXT(size) {
            BOOST_TEST(told.code == 1);
            BOOST_TEST(contains(told.out, "tree 'large'\n~ last byte\n\n"));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_damaged_page_is_damage_of_the_file_it_is_in) {
    const folder here;
    const std::string good = checked_sample(here);
    const std::string bad = here / "bad.pinyon";
    const std::string whole = read_file(good);
    std::map<int, int> codes;
    for (std::size_t page = 0; page < whole.size() / 4096; ++page) {
        std::string content = whole;
        for (std::size_t i = 0; i < 4096; i += 7) { content[page * 4096 + i] ^= '\x55'; }
        write_file(bad, content);
        for (const bool swapped : {false, true}) {
            const answer told = swapped ? call({"diff", good, bad}) : call({"diff", bad, good});
            BOOST_TEST_CONTEXT("page " << page << ": " << told.err) {
                BOOST_TEST((told.code == 0 || told.code == 3));
                if (told.code == 3) {
                    BOOST_TEST(contains(told.err, "pinyon diff: " + bad + ": "));
                    BOOST_TEST(contains(told.err, "next: pinyon check " + bad));
                }
                ++codes[told.code];
            }
        }
    }
    BOOST_TEST(codes[3] > 10);
    BOOST_TEST(codes[0] > 10);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_is_named) {
    const folder here;
    const std::string good = sample(here);
    write_file(here / "text", "no database\n");
    write_file(here / "cut", read_file(good).substr(0, 20000));
    const struct {
        std::string file;
        int code;
    } cases[] = {{here / "none", 4}, {here / "text", 5}, {here / "cut", 3}, {here / "", 4}};
    for (const auto& each : cases) {
        for (const bool swapped : {false, true}) {
            const answer told = swapped ? call({"diff", good, each.file, "--json"})
                                        : call({"diff", each.file, good, "--json"});
            BOOST_TEST_CONTEXT(told.err) {
                BOOST_TEST(told.code == each.code);
                BOOST_TEST(contains(told.err, "pinyon diff: " + each.file + ": "));
                BOOST_TEST(told.out.empty());
            }
        }
    }
    BOOST_TEST(call({"diff", good}).code == 2);
    BOOST_TEST(call({"diff", good, good, "--json", "--ndjson"}).code == 2);
    BOOST_TEST(call({"diff", good, good, "--limit", "-1"}).code == 2);
}

// With all checksums right: keys out of order, and an entry more than the catalog counts.
BOOST_AUTO_TEST_CASE(forged_files_are_damaged_not_different) {
    const folder here;
    const std::string good = checked_sample(here);
    const std::string bad = here / "bad.pinyon";
    fs::copy_file(good, bad);
    {
        forged_file file(io::posix_file_system(), bad);
        format::catalog_record record = file.record("texts");
        ++record.root.count;
        std::memcpy(file.record_place("texts"), &record, sizeof record);
        file.reseal();
        file.save();
    }
    const answer told = call({"diff", good, bad});
    BOOST_TEST(told.code == 3);
    BOOST_TEST(contains(told.err, bad));
}

BOOST_AUTO_TEST_CASE(hostile_bytes_stay_harmless) {
    const folder here;
    const std::string file = hostile_sample(here);
    const std::string empty = make(here, "empty\x1b.pinyon", {{"t\u00e4", {}}, {"other", {}}});
    for (const words& files : {words{"diff", file, empty}, words{"diff", empty, file}}) {
        words all = files;
        all.emplace_back("--values");
        require_harmless(all);
        all.emplace_back("--ndjson");
        const answer told = call(all);
        BOOST_TEST(told.code == 1);
        BOOST_TEST(!contains(told.out, "\x1b"));
    }
}

BOOST_AUTO_TEST_CASE(an_interrupted_comparison_says_that_it_is_not_whole) {
    const folder here;
    const std::string file = large_sample(here);
    const std::atomic<bool> interrupted{true};
    const answer told = call({"diff", file, file, "--json"}, "", &interrupted);
    BOOST_TEST(told.code == 130);
    BOOST_TEST(told.json()["complete"] == false);
    BOOST_TEST(told.json()["equal"].is_null());
}

BOOST_AUTO_TEST_CASE(the_log_is_applied_unless_the_checkpoint_is_asked_for) {
    const folder here;
    const std::string file = golden + "log.pinyon";
    const std::string copy = here / "copy.pinyon";
    BOOST_TEST(call({"backup", file, "--output", copy, "--checkpoint"}).code == 0);
    BOOST_TEST(call({"diff", file, copy, "--quiet"}).code == 1);
    BOOST_TEST(call({"diff", file, copy, "--checkpoint"}).code == 0);
    const json document = call({"info", copy, "--json"}).json();
    for (const json& tree : document["trees"]) {
        const std::string name = tree["name"];
        for (const words& verb : {words{"scan", file}, words{"count", file}}) {
            words with = verb;
            with.insert(with.end(), {"--tree", name, "--checkpoint"});
            words of_copy = with;
            of_copy[1] = copy;
            BOOST_TEST_CONTEXT(verb[0] << ' ' << name) {
                const answer told = call(with);
                BOOST_TEST(told.code == 0);
                BOOST_TEST(told.out == call(of_copy).out);
            }
        }
    }
    const std::string number = "3";
    BOOST_TEST(call({"get", file, number, "--tree", "numbers", "--checkpoint"}).code == 0);
    BOOST_TEST(call({"get", file, number, "--tree", "numbers", "--checkpoint"}).out !=
               call({"get", file, number, "--tree", "numbers"}).out);
    // Nothing of the log is needed for it.
    fs::copy_file(file, here / "alone.pinyon");
    BOOST_TEST(call({"diff", here / "alone.pinyon", copy}).code == 3);
    BOOST_TEST(call({"diff", here / "alone.pinyon", copy, "--checkpoint"}).code == 0);
}

BOOST_AUTO_TEST_CASE(beside_a_writer_the_file_is_named_that_is_open) {
    const folder here;
    const std::string file = sample(here);
    const std::string other = here / "other.pinyon";
    fs::copy_file(file, other);
    const auto live = database::open(other);
    const answer told = call({"diff", file, other});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.err, other + ": open for writing elsewhere"));
    BOOST_TEST(!contains(told.err, file + ": open"));
    BOOST_TEST(call({"diff", file, other, "--quiet"}).err.empty());
}
