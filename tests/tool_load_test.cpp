// The verb `load`, before dumps that are cut, changed, foreign, hostile: what is not whole is never
// loaded, and then nothing is made.
#define BOOST_TEST_MODULE tool_load
#include <boost/test/unit_test.hpp>

#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/database_content.hpp"
#include "support/tool_call.hpp"

namespace {

using namespace pinyon::test;

const std::string header = "VERSION=3\nformat=bytevalue\ntype=btree\nHEADER=END\n";
const std::string print_header = "VERSION=3\nformat=print\ntype=btree\nHEADER=END\n";
const std::string lmdb_print =
    "VERSION=3\nformat=print\ntype=btree\nmapsize=1048576\nmaxreaders=126\nHEADER=END\n";
const std::string own =
    "VERSION=3\nformat=print\ndatabase=t\ntype=btree\nHEADER=END pinyon=1 tree=1/1 page_bytes=4096 "
    "entries=1 key_type=u16 key_bytes=2 value_type=u16 value_bytes=2 value_alignment=2 "
    "minimum_degree=0\n";
const std::string json_start = "{\"schema\":\"pinyon.dump/1\",\"page_bytes\":4096,\"trees\":1}\n";
const std::string json_tree =
    "{\"tree\":\"t\",\"key_type\":\"u16\",\"key_bytes\":2,\"value_type\":\"string\","
    "\"value_bytes\":0,\"value_alignment\":1,\"minimum_degree\":0}\n";
const std::string json_end = "{\"tree\":\"t\",\"entries\":1}\n";

std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    BOOST_REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

answer load(const folder& here, const std::string& dump, const words& options = {}) {
    words all{"load", "-", "--output", here / "new.pinyon"};
    all.insert(all.end(), options.begin(), options.end());
    return call(all, dump);
}

// In a folder where nothing else is.
void require_refused(const std::string& dump, const words& options, int code,
                     const std::string& message) {
    const folder here;
    const answer loaded = load(here, dump, options);
    BOOST_TEST_CONTEXT("dump " << dump.substr(0, 300) << "\nmessage " << loaded.err) {
        BOOST_TEST(loaded.code == code);
        BOOST_TEST(contains(loaded.err, message));
        BOOST_TEST(contains(loaded.err, "\n  next: "));
        BOOST_TEST(loaded.out == "");
        BOOST_TEST(here.names().empty());
    }
}

// Dumps of two trees that `load` must take as a whole or not at all.
std::vector<std::string> whole_dumps(const folder& here) {
    const std::string file = sample(here);
    std::vector<std::string> all;
    for (const words& style : std::vector<words>{{"--format", "lmdb"},
                                                 {"--format", "lmdb", "--bytes", "text"},
                                                 {"--format", "bdb"},
                                                 {"--format", "ndjson"}}) {
        words arguments{"dump", file};
        arguments.insert(arguments.end(), style.begin(), style.end());
        all.push_back(call(arguments).out);
    }
    return all;
}

// Each with its end.
std::vector<std::string> whole_lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
        lines.push_back(text.substr(at, end - at));
        at = end;
    }
    return lines;
}

}  // namespace

// --- what is whole -------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_summary_tells_what_was_loaded) {
    const folder here;
    const std::string file = sample(here);
    write_file(here / "a.dump", call({"dump", file}).out);
    const answer text = call({"load", here / "a.dump", "--output", here / "b.pinyon"});
    BOOST_TEST(text.code == 0);
    BOOST_TEST(text.err == "");
    BOOST_TEST(contains(text.out, "b.pinyon: 2 trees, 7 entries loaded\n"));
    BOOST_TEST(contains(text.out, "characters  hex     string        3\n"));
    const answer quiet = call({"load", here / "a.dump", "--output", here / "c.pinyon", "--quiet"});
    BOOST_TEST(quiet.out == "");
    const answer document =
        call({"load", here / "a.dump", "--output", here / "d.pinyon", "--json"});
    BOOST_TEST(document.json()["schema"] == "pinyon.load/1");
    BOOST_TEST(document.json()["records"] == 7);
    BOOST_TEST(document.json()["trees"][1]["name"] == "words");
    BOOST_TEST(document.json()["trees"][1]["key_type"] == "string");
    BOOST_TEST(document.json()["trees"][1]["entries"] == 4);
    BOOST_TEST((content_of(here / "d.pinyon") == content_of(file)));
}

BOOST_AUTO_TEST_CASE(foreign_dumps_become_trees_of_bytes) {
    const std::string section =
        "VERSION=3\nformat=print\ndatabase=NAME\ntype=hash\nduplicates=1\n"
        "db_pagesize=8192\nh_nelem=2\nHEADER=END\n b\n 1\\\\\\0a\n a\n \n"
        "DATA=END\n";
    const struct {
        std::string dump;
        words options;
        std::string tree;
        std::string value;  // of the key b
    } cases[] = {
        {header + " 62\n 4a4B\n 61\n \nDATA=END\n", {}, "main", "JK"},
        {header + " 62\n 4a4B\n 61\n \nDATA=END", {"--tree", "other"}, "other", "JK"},
        {print_header + " b\n 1\\5c\\0a\n a\n \nDATA=END\n", {}, "main", "1\\\n"},
        {lmdb_print + " b\n 1\\5c\\0a\n a\n \nDATA=END\n", {}, "main", "1\\\n"},
        {replaced(section, "NAME", "x"), {"--tree", "other"}, "x", "1\\\n"},
        {replaced(section, "NAME", "x\\\\y\\c3\\bc"), {}, "x\\y\xc3\xbc", "1\\\n"},
        {replaced(section, "NAME", "odd\\"), {}, "odd\\", "1\\\n"},
        {header + "DATA=END\n" + replaced(section, "NAME", "x"), {"--entries", "2"}, "x", "1\\\n"},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT(each.dump) {
            const folder here;
            const answer loaded = load(here, each.dump, each.options);
            BOOST_REQUIRE_MESSAGE(loaded.code == 0, loaded.err);
            const auto content = content_of(here / "new.pinyon");
            BOOST_REQUIRE(content.contains(each.tree));
            BOOST_TEST((content.at(each.tree).types == pinyon::raw_types()));
            BOOST_TEST(content.at(each.tree).entries.size() == 2U);
            BOOST_TEST(content.at(each.tree).entries.at("b") == each.value);
            BOOST_TEST(here.names().size() == 1U);
        }
    }
}

BOOST_AUTO_TEST_CASE(entries_come_in_any_order) {
    std::vector<int> order(4000);
    for (std::size_t i = 0; i < order.size(); ++i) { order[i] = static_cast<int>(i); }
    std::shuffle(order.begin(), order.end(), std::mt19937(7));
    std::string dump = print_header;
    for (const int each : order) {
        dump += " key" + std::to_string(each) + "\n " + std::to_string(each) + "\n";
    }
    const folder here;
    BOOST_TEST(load(here, dump + "DATA=END\n").code == 0);
    const auto entries = entries_of(here / "new.pinyon").at("main");
    BOOST_TEST(entries.size() == 4000U);
    BOOST_TEST(entries.at("key77") == "77");
    BOOST_TEST(call({"check", here / "new.pinyon"}).code == 0);
}

BOOST_AUTO_TEST_CASE(duplicates_are_refused_or_decided) {
    const std::string dump =
        "VERSION=3\nformat=print\ntype=btree\nduplicates=1\ndupsort=1\nHEADER=END\n"
        " a\n 1\n b\n x\n a\n 2\nDATA=END\n";
    require_refused(dump, {}, 1, "line 11, column 2: duplicate key 'a'; it stands at line 7");
    for (const auto& [rule, value] : {std::pair("first", "1"), std::pair("last", "2")}) {
        const folder here;
        const answer loaded = load(here, dump, {"--duplicates", rule, "--json"});
        BOOST_REQUIRE_MESSAGE(loaded.code == 0, loaded.err);
        BOOST_TEST(loaded.json()["records"] == 3);
        BOOST_TEST(loaded.json()["trees"][0]["entries"] == 2);
        BOOST_TEST(loaded.json()["trees"][0]["skipped"] == 1);
        BOOST_TEST(entries_of(here / "new.pinyon").at("main").at("a") == value);
    }
}

BOOST_AUTO_TEST_CASE(keys_as_long_as_the_pages_allow) {
    const std::string key(1000, 'k');
    const std::string dump = print_header + " " + key + "\n v\nDATA=END\n";
    require_refused(dump, {}, 1, "line 5, column 2: the key has 1000 bytes, expected at most 512");
    const folder here;
    BOOST_TEST(load(here, dump, {"--page-bytes", "8192"}).code == 0);
    BOOST_TEST(call({"info", here / "new.pinyon", "--json"}).json()["page_bytes"] == 8192);
    require_refused(print_header + " " + std::string(5000, 'k') + "\n v\nDATA=END\n",
                    {"--page-bytes", "32768"}, 1, "more than 4096 bytes");
}

BOOST_AUTO_TEST_CASE(what_is_not_known_is_remarked_upon) {
    const std::string dump = replaced(header, "type", "colour=red\ntype") + " 61\n 62\nDATA=END\n";
    const folder here;
    const answer loaded = load(here, dump);
    BOOST_TEST(loaded.code == 0);
    BOOST_TEST(contains(loaded.err, "standard input: line 3: the keyword 'colour' is not known"));
    const folder there;
    BOOST_TEST(load(there, dump, {"--quiet"}).err == "");
    const folder third;
    const answer print = load(third, lmdb_print + " a\n \\0a\n b\n \\0b\nDATA=END\n");
    BOOST_TEST(print.code == 0);
    BOOST_TEST(contains(print.err, "line 8: mdb_dump -p of older LMDB"));
    BOOST_TEST(!contains(print.err, "line 10"));
}

// --- what is not whole ---------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_dump_that_is_cut_at_any_line_is_never_loaded) {
    const folder here;
    for (const std::string& dump : whole_dumps(here)) {
        const std::vector<std::string> lines = whole_lines_of(dump);
        std::string cut;
        for (const std::string& line : lines) {
            const folder to;
            const answer loaded = load(to, cut);
            BOOST_TEST_CONTEXT(cut << "\nmessage " << loaded.err) {
                BOOST_TEST(loaded.code == 6);
                BOOST_TEST(to.names().empty());
            }
            cut += line;
        }
        const folder to;
        BOOST_TEST(load(to, cut).code == 0);
    }
}

BOOST_AUTO_TEST_CASE(a_dump_that_is_cut_at_any_byte_is_never_loaded) {
    const folder here;
    for (const std::string& dump : whole_dumps(here)) {
        for (std::size_t end = 0; end + 1 < dump.size(); end += 5) {
            const folder to;
            const answer loaded = load(to, dump.substr(0, end));
            BOOST_TEST_CONTEXT(dump.substr(0, end) << "\nmessage " << loaded.err) {
                BOOST_TEST((loaded.code == 6 || loaded.code == 1));
                BOOST_TEST(to.names().empty());
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_dump_that_lacks_a_line_or_has_one_twice_is_never_loaded) {
    const std::set<std::string> spare{"type=btree\n", "mapsize=10485760\n", "format=bytevalue\n"};
    const folder here;
    for (const std::string& dump : whole_dumps(here)) {
        const std::vector<std::string> lines = whole_lines_of(dump);
        for (std::size_t i = 0; i < lines.size(); ++i) {
            // What a header says twice, or leaves to the default, is no loss.
            if (spare.contains(lines[i]) || lines[i].starts_with("database=") ||
                lines[i].starts_with("format=")) {
                continue;
            }
            for (const int times : {0, 2}) {
                std::string changed;
                for (std::size_t j = 0; j < lines.size(); ++j) {
                    for (int n = 0; n < (i == j ? times : 1); ++n) { changed += lines[j]; }
                }
                const folder to;
                const answer loaded = load(to, changed);
                BOOST_TEST_CONTEXT(changed << "\nmessage " << loaded.err) {
                    // VERSION=3 again is a keyword that nobody knows.
                    BOOST_TEST((loaded.code == 6 || loaded.code == 1 ||
                                (times == 2 && lines[i] == "VERSION=3\n")));
                    BOOST_TEST(to.names().empty() == (loaded.code != 0));
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_table_that_is_cut_is_noticed_by_its_count) {
    const std::string table = "key:u16,value:string\n1,a\n2,b\n3,c\n";
    const folder here;
    BOOST_TEST(load(here, table, {"--entries", "3"}).code == 0);
    require_refused(table, {}, 2, "expected --entries N");
    require_refused(table, {"--entries", "4"}, 6, "found 3 entries, expected --entries 4");
    require_refused(table, {"--entries", "2"}, 1, "found 3 entries, expected --entries 2");
    require_refused("", {"--format", "csv", "--entries", "0"}, 6, "key:TYPE,value:TYPE");
}

BOOST_AUTO_TEST_CASE(text_that_is_no_dump_is_refused_at_its_place) {
    const struct {
        std::string dump;
        int code;
        std::string message;
    } cases[] = {
        {"", 6, "line 1: the dump ends here"},
        {"a,b\n1,2\n", 1, "found 'a,b\\n1,2"},
        {"VERSION=2\n", 1, "line 1, column 1: found 'VERSION=2', expected VERSION=3"},
        {replaced(header, "bytevalue", "xml"), 1, "line 2, column 1: found 'format=xml'"},
        {replaced(header, "btree", "queue"), 1, "line 3, column 1: found type=queue"},
        {replaced(header, "btree", "heap"), 1, "expected btree or hash"},
        {replaced(header, "type=btree", "type"), 1, "expected NAME=VALUE or HEADER=END"},
        {replaced(header, "type=", std::string(30000, 'x')), 1, "more than 20480 bytes"},
        {header + "61\n", 1, "line 5, column 1: found '61', expected a blank"},
        {header + "\n", 1, "line 5, column 1: found ''"},
        {header + " 6g\n 61\nDATA=END\n", 1, "line 5, column 3: found 'g', expected a hexadec"},
        {header + " 616\n 61\nDATA=END\n", 1, "line 5, column 5: found an odd number"},
        {header + " 61\n61\nDATA=END\n", 1, "line 6, column 1: found '61', expected a blank and"},
        {header + " 61\nDATA=END\n", 6, "line 6, column 1: found 'DATA=END', expected a blank"},
        {header + " 61\n 62\nDATA=END\nmore\n", 1, "line 8, column 1: found 'more'"},
        {header + "DATA=END\n" + header + "DATA=END\n", 1, "found tree 'main' again; it stands at"},
        {print_header + " a\\6\n b\nDATA=END\n", 1, "line 5, column 5: the line ends within"},
        {print_header + " \\q1\n b\nDATA=END\n", 1, "line 5, column 3: found 'q'"},
        {lmdb_print + " a\n C:\\\\0a\nDATA=END\n", 1, "line 8, column 5: found a backslash that"},
        {lmdb_print + " a\n C:\\41\nDATA=END\n", 1, "line 8, column 6: found a backslash that"},
        {replaced(header, "type", "database=a\x01\ntype") + "DATA=END\n", 1, "line 1, column 1: "},
        {own + " \\00\\01\n \\00\\02\nDATA=END\n" + header + "DATA=END\n", 1, "line 9, column 1"},
        {own + "DATA=END\n", 6, "found 0 entries, expected 1"},
        {own + " \\00\\01\n v\nDATA=END\n", 1, "found a value of 1 bytes, expected 2"},
        {own + " \\00\\01\n ab\n \\00\\02\n ab\nDATA=END\n", 1, "found 2 entries, expected 1"},
        {replaced(own, "tree=1/1", "tree=2/2"), 6, "found tree 2 of 2 first"},
        {replaced(own, "tree=1/1", "tree=2/1"), 1, "HEADER=END line that pinyon dump does not"},
        {replaced(own, "pinyon=1", "pinyon=2"), 1, "newer version"},
        {replaced(own, "entries=1", "entries=x"), 1, "HEADER=END line that pinyon dump does not"},
        {replaced(own, "entries=1 ", ""), 1, "HEADER=END line that pinyon dump does not"},
        {replaced(own, "database=t\n", ""), 1, "HEADER=END line that pinyon dump does not"},
        {replaced(own, "minimum_degree=0", "minimum_degree=0 x=1"), 1, "HEADER=END line that"},
        {replaced(own, "page_bytes=4096", "page_bytes=5000"), 1, "found pages of 5000 bytes"},
        {replaced(own, "alignment=2", "alignment=3"), 1, "found values aligned to 3 bytes"},
        {replaced(own, "alignment=2", "alignment=32"), 1, "found values aligned to 32 bytes"},
        {replaced(own, "degree=0", "degree=1"), 1, "line 1, column 1: "},
        {replaced(own, "degree=0", "degree=4000000000"), 1, "line 1, column 1: "},
        {replaced(own, "key_bytes=2", "key_bytes=700"), 1, "line 1, column 1: "},
        {replaced(own, "key_type=u16", "key_type=" + std::string(33, 'x')), 1, "line 1, column 1"},
        {replaced(own, "1/1 page_bytes=4096 ", "0/0 page_bytes=4096\n") + "DATA=END\n", 1, "line"},
        {"VERSION=3\nHEADER=END pinyon=1 tree=0/0 page_bytes=4096\n 61\n 61\nDATA=END\n", 1,
         "line 3, column 2: found an entry"},
        {"{}\n", 1, "line 1, column 1: expected a member \"schema\""},
        {"{\"schema\":\"pinyon.scan/1\",\"page_bytes\":4096,\"trees\":1}\n", 1, "pinyon.dump/1"},
        {replaced(json_start, "1}", "0}") + "{}\n", 1, "found more behind the 0 trees announced"},
        {replaced(json_start, "1}", "-1}"), 1, "\"trees\" that is a whole number"},
        {json_start + "{\"key\":1,\"value\":\"a\"}\n", 1, "\"tree\" that is a text"},
        {json_start + replaced(json_tree, "\"t\"", "\"\""), 1, "other members than pinyon dump"},
        {json_start + replaced(json_tree, ":1,", ":99999,"), 1, "\"value_alignment\""},
        {json_start + json_tree + "{\"key\":1}\n", 1, "line 3, column 1: found other members"},
        {json_start + json_tree + "{\"key\":65536,\"value\":\"a\"}\n", 1,
         "the key is none of type"},
        {json_start + json_tree + "{\"key\":1.0,\"value\":\"a\"}\n", 1, "the key is none of type"},
        {json_start + json_tree + "{\"key\":null,\"value\":\"a\"}\n", 1, "the key is none of type"},
        {json_start + json_tree + "{\"key\":1,\"value\":7}\n", 1,
         "the value is none of type string"},
        {json_start + json_tree + "{\"key\":1,\"value\":{\"hex\":\"1\"}}\n", 1,
         "the value is none"},
        {json_start + json_tree + "{\"key\":1,\"value\":{\"base64\":\"QQ=\"}}\n", 1,
         "the value is"},
        {json_start + json_tree + "{\"key\":1,\"value\":{\"base64\":\"QR==\"}}\n", 1,
         "the value is"},
        {json_start + json_tree + "{\"key\":1,\"value\":[1]}\n", 1, "found an array or objects in"},
        {json_start + json_tree + "{\"key\":1,\"value\":{\"a\":{\"b\":1}}}\n", 1,
         "objects in each"},
        {json_start + json_tree + "{\"key\":1,\"key\":2,\"value\":\"a\"}\n", 1, "different names"},
        {json_start + json_tree + "[1]\n", 1, "found an array"},
        {json_start + json_tree + "7\n", 1, "found no object"},
        {json_start + json_tree + "{\"key\":1,\"value\":\"\xff\"}\n" + json_end, 1,
         "found no JSON"},
        {json_start + json_tree + "{\"key\":1,\"val", 6, "found no JSON"},
        {json_start + json_tree + json_end, 6, "found 0 entries, expected 1 as announced"},
        {json_start + json_tree + replaced(json_end, "\"t\"", "\"u\""), 6, "expected {\"tree\""},
    };
    for (const auto& each : cases) { require_refused(each.dump, {}, each.code, each.message); }
}

BOOST_AUTO_TEST_CASE(a_line_that_does_not_end_takes_no_more_than_a_line_may) {
    const std::string endless(std::size_t{101} << 20, ' ');
    require_refused(json_start + endless, {}, 1, "line 2, column 1: the line has more than");
    require_refused(print_header + endless, {}, 1, "line 5, column 2: the key has more than");
    require_refused("VERSION=3\n" + endless, {}, 1, "line 2, column 1: found a header line");
    require_refused("key:u16,value:string\n" + endless, {"--entries", "1"}, 1, "line 2, column");
}

BOOST_AUTO_TEST_CASE(tables_that_make_no_sense_are_refused_at_their_place) {
    const struct {
        std::string table;
        std::string message;
    } cases[] = {
        {"key:u16\n1\n", "found 1 columns, expected key:TYPE,value:TYPE"},
        {"key:u16,b\n1,a\n", "line 1, column 9: found the column 'b', expected value:TYPE"},
        {"key:u16,value:string\nx,a\n", "line 2, column 1: the key is none of type u16"},
        {"key:u16,value:string\n1,\\q\n", "line 2, column 3: the value is none of type string"},
        {"key:u16,value:string:hex\n1,abc\n", "line 2, column 3: the value is none"},
        {"key:u16,value:u8\n1,256\n", "line 2, column 3: the value is none of type u8"},
        {"key:u16,value:u8\n1\n", "line 2, column 1: the record has 1 columns"},
        {"key:u16,value:u8\n1,\\h\n", "found a value of 0 bytes, expected 1"},
        {"key:u16,value:u8\n\"1,2\n", "never closed"},
        {"key:u16,value: \n1,2\n", "cannot name a type"},
        {"key:,value:u8\n1,2\n", "cannot name a type"},
        {"key:u16,\"value:struct(4,3)\"\n1,2\n", "aligned to 3 bytes"},
    };
    for (const auto& each : cases) {
        require_refused(each.table, {"--entries", "1"}, 1, each.message);
    }
}

BOOST_AUTO_TEST_CASE(a_value_has_its_bytes_in_any_notation) {
    const folder here;
    const std::string dump = json_start + json_tree +
                             "{\"value\":{\"base64\":\"QUI=\"},\"key\":{\"hex\":\"0001\"}}\n" +
                             json_end;
    BOOST_TEST(load(here, dump).code == 0);
    BOOST_TEST(entries_of(here / "new.pinyon").at("t").at(std::string("\0\1", 2)) == "AB");
}

BOOST_AUTO_TEST_CASE(nothing_is_made_where_something_is_or_after_an_interrupt) {
    const folder here;
    write_file(here / "there", "x");
    const answer taken = call({"load", "-", "--output", here / "there"}, header + "DATA=END\n");
    BOOST_TEST(taken.code == 4);
    BOOST_TEST(read_file(here / "there") == "x");
    BOOST_TEST(call({"load", here / "absent", "--output", here / "new"}).code == 4);
    BOOST_TEST(call({"load", "-", "--output", here / "no" + "/new"}, header + "DATA=END\n").code ==
               4);
    const std::atomic<bool> interrupted{true};
    const answer stopped =
        call({"load", "-", "--output", here / "new"}, header + "DATA=END\n", &interrupted);
    BOOST_TEST(stopped.code == 130);
    BOOST_TEST(contains(stopped.err, "nothing was made"));
    BOOST_TEST((here.names() == std::vector<std::string>{"there"}));
    BOOST_TEST(call({"load", "-"}, "").code == 2);
    BOOST_TEST(call({"load", "-", "--output", here / "new", "--page-bytes", "5000"}, "").code == 2);
}

// --- hostile dumps -------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(changed_dumps_end_with_a_code_and_sound_files) {
    const folder here;
    std::vector<std::string> dumps = whole_dumps(here);
    dumps.push_back(
        call({"dump", here / "sample.pinyon", "--tree", "words", "--format", "csv"}).out);
    std::mt19937 random(20261122);
    const auto below = [&random](std::size_t n) { return random() % n; };
    std::size_t loaded_whole = 0;
    for (int round = 0; round < 800; ++round) {
        std::string dump = dumps[below(dumps.size())];
        for (std::size_t changes = 1 + below(3); changes != 0; --changes) {
            const std::size_t at = below(dump.size());
            const std::size_t some = 1 + below(20);
            switch (below(5)) {
                case 0:
                    dump[at] = static_cast<char>(below(256));
                    break;
                case 1:
                    dump[at] = static_cast<char>(dump[at] ^ (1 << below(8)));
                    break;
                case 2:
                    dump.erase(at, some);
                    break;
                case 3:
                    dump.insert(at, dump.substr(below(dump.size()), some));
                    break;
                default:
                    dump.insert(at, std::string(some, "0\n\\\"{ 9"[below(8)]));
            }
            if (dump.empty()) { dump = " "; }
        }
        const folder to;
        const answer loaded = load(to, dump, {"--entries", "7"});
        BOOST_TEST_CONTEXT(dump << "\nmessage " << loaded.err) {
            BOOST_TEST((loaded.code == 0 || loaded.code == 1 || loaded.code == 6));
            if (loaded.code != 0) {
                BOOST_TEST(to.names().empty());
            } else {
                BOOST_TEST(call({"check", to / "new.pinyon"}).code == 0);
                ++loaded_whole;
            }
        }
    }
    BOOST_TEST(loaded_whole > 20U);
}
