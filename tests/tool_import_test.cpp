#define BOOST_TEST_MODULE tool_import
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "support/tool_call.hpp"

using namespace pinyon::test;

BOOST_AUTO_TEST_CASE(a_column_becomes_the_key_and_the_others_the_value) {
    const struct {
        words options;
        std::string input;
        std::string scan;
    } cases[] = {
        {{"--format", "csv"}, "b,2,x\na,1,y\n", "a\t1,y\nb\t2,x\n"},
        {{"--format", "csv", "--key", "2"}, "b,2,x\na,1,y\n", "1\ta,y\n2\tb,x\n"},
        {{"--format", "csv", "--header", "--key", "id"},
         "name,id,more\nb,2,x\na,1,y\n",
         "1\ta,y\n2\tb,x\n"},
        {{"--format", "csv", "--header"}, "name,id\nb,2\na,1\n", "a\t1\nb\t2\n"},
        {{"--format", "csv"}, "a,\"x,y\",\"say \"\"hi\"\"\"\n", "a\t\"x,y\",\"say \"\"hi\"\"\"\n"},
        {{"--format", "csv"}, "a,\"x,y\"\n", "a\tx,y\n"},
        {{"--format", "csv"}, "\"a,b\",c\n", "a,b\tc\n"},
        {{"--format", "csv"}, "a\nb\n", "a\t\nb\t\n"},
        {{"--format", "tsv"}, "a\t\"x\ty\n", "a\t\"x\\ty\n"},
        {{}, "b\na\n\nc\n", "\t\na\t\nb\t\nc\t\n"},
        {{"--delimiter", "="}, "b=1=2\na\n", "a\t\nb\t1=2\n"},
        {{"--format", "csv", "--key-type", "u64"}, "10,x\n9,y\n", "9\ty\n10\tx\n"},
        {{"--format", "csv", "--key-type", "i64"}, "10,x\n-9,y\n", "-9\ty\n10\tx\n"},
        {{"--format", "csv", "--key-type", "f64"},
         "1.5,x\n-0.25,y\n1e3,z\n",
         "-0.25\ty\n1.5\tx\n1000\tz\n"},
        {{"--format", "csv", "--key-type", "hex"}, "ff,x\n0x1F,y\n", "1F\ty\nFF\tx\n"},
    };
    for (const auto& each : cases) {
        const folder here;
        const std::string file = here / "a.pinyon";
        BOOST_TEST_CONTEXT("input " << each.input) {
            words arguments{"import", file, "-", "--tree", "t"};
            arguments.insert(arguments.end(), each.options.begin(), each.options.end());
            const answer made = call(arguments, each.input);
            BOOST_TEST(made.code == 0);
            BOOST_TEST(made.err == "");
            BOOST_TEST(call({"scan", file}).out == each.scan);
            BOOST_TEST(call({"check", file}).code == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_format_follows_the_name_of_the_input) {
    const folder here;
    write_file(here / "a.csv", "k,v\n");
    write_file(here / "a.tsv", "k\tv\n");
    write_file(here / "a.txt", "k,v\n");
    for (const auto& [name, key] :
         {std::pair("a.csv", "k"), std::pair("a.tsv", "k"), std::pair("a.txt", "k,v")}) {
        const std::string file = here / (std::string(name) + ".pinyon");
        BOOST_TEST(call({"import", file, here / name, "--tree", "t"}).code == 0);
        BOOST_TEST(call({"get", file, key}).code == 0);
    }
}

BOOST_AUTO_TEST_CASE(duplicates_are_refused_kept_or_replaced) {
    const struct {
        std::string rule;
        int code;
        std::string scan;
    } cases[] = {
        {"error", 1, "a\told\n"},
        {"first", 0, "a\told\nb\t1\n"},
        {"last", 0, "a\t3\nb\t2\n"},
    };
    for (const auto& each : cases) {
        const folder here;
        const std::string file = here / "a.pinyon";
        BOOST_TEST_CONTEXT(each.rule) {
            BOOST_TEST(
                call({"import", file, "-", "--tree", "t", "--format", "csv"}, "a,old\n").code == 0);
            const answer made = call(
                {"import", file, "-", "--tree", "t", "--format", "csv", "--duplicates", each.rule},
                "b,1\nb,2\na,3\n");
            BOOST_TEST(made.code == each.code);
            BOOST_TEST(call({"scan", file}).out == each.scan);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_refused_import_leaves_everything_as_it_was) {
    const struct {
        words options;
        std::string input;
        int code;
        std::string message;
    } cases[] = {
        {{"--format", "csv", "--key-type", "u64"},
         "1,a\nx2,b\n",
         1,
         "line 2, column 1: found 'x2'"},
        {{"--format", "csv", "--key-type", "u64"}, "1,a\n-2,b\n", 1, "line 2, column 1"},
        {{"--format", "csv", "--key-type", "u64"}, "18446744073709551616,a\n", 1, "out of range"},
        {{"--format", "csv", "--key-type", "f64"}, "nan,a\n", 1, "line 1, column 1"},
        {{"--format", "csv", "--key-type", "hex", "--key", "2"}, "a,fg\n", 1, "line 1, column 3"},
        {{"--format", "csv"}, "a,1\nb,\"2\n", 1, "line 2, column 3"},
        {{"--format", "csv"},
         "a,1\nb,2\na,3\n",
         1,
         "line 3, column 1: duplicate key 'a'; it stands at line 1"},
        {{"--format", "csv"},
         "a,1\n" + std::string(600, 'k') + ",2\n",
         1,
         "line 2, column 1: the key has 600 bytes"},
        {{"--format", "csv", "--key", "3"}, "a,1\n", 2, "2 columns"},
        {{"--format", "csv", "--header", "--key", "id"}, "a,b\n1,2\n", 2, "'a', 'b'"},
        {{"--format", "csv", "--key", "id"}, "a,b\n", 2, "without --header"},
        {{"--format", "csv", "--key", "0"}, "a,b\n", 2, "count from 1"},
        {{"--key", "2"}, "a,b\n", 2, "--format csv"},
    };
    for (const auto& each : cases) {
        const folder here;
        const std::string fresh = here / "fresh.pinyon";
        const std::string old = sample(here);
        const std::string before = read_file(old);
        BOOST_TEST_CONTEXT("input " << each.input) {
            for (const std::string& file : {fresh, old}) {
                words arguments{"import", file, "-", "--tree", "t"};
                arguments.insert(arguments.end(), each.options.begin(), each.options.end());
                const answer made = call(arguments, each.input);
                BOOST_TEST(made.code == each.code);
                BOOST_TEST_CONTEXT("message " << made.err) {
                    BOOST_TEST(contains(made.err, each.message));
                }
            }
            BOOST_TEST(!fs::exists(fresh));
            BOOST_TEST(call({"scan", old, "--tree", "words"}).out ==
                       "fir\tabies\noak\tquercus\npine\tpinus\npinyon\tpinus edulis\n");
            BOOST_TEST(call({"info", old, "--json"}).json()["trees"].size() == 2u);
            BOOST_TEST(call({"check", old}).code == 0);
        }
    }
}

BOOST_AUTO_TEST_CASE(an_interrupted_import_leaves_no_file) {
    const folder here;
    const std::string file = here / "a.pinyon";
    const std::atomic<bool> interrupted{true};
    const answer made = call({"import", file, "-", "--tree", "t"}, "a\nb\n", &interrupted);
    BOOST_TEST(made.code == 130);
    BOOST_TEST(contains(made.err, "as it was"));
    BOOST_TEST(here.names().empty());
}

BOOST_AUTO_TEST_CASE(importing_again_adds_to_the_tree_and_its_types_must_fit) {
    const folder here;
    const std::string file = sample(here);
    BOOST_TEST(
        call({"import", file, "-", "--tree", "words", "--delimiter", "="}, "elm=ulmus\n").code ==
        0);
    BOOST_TEST(call({"count", file, "--tree", "words"}).out == "5\n");
    const answer other = call({"import", file, "-", "--tree", "words", "--key-type", "u64"}, "1\n");
    BOOST_TEST(other.code == 2);
    BOOST_TEST(contains(other.err, "pinyon info"));
    BOOST_TEST(call({"count", file, "--tree", "words"}).out == "5\n");
}

BOOST_AUTO_TEST_CASE(an_import_tells_what_it_did) {
    const folder here;
    const std::string file = here / "a.pinyon";
    const auto document = call({"import", file, "-", "--tree", "t", "--format", "csv",
                                "--duplicates", "last", "--json"},
                               "a,1\nb,2\na,3\n")
                              .json();
    BOOST_TEST(document["schema"] == "pinyon.import/1");
    BOOST_TEST(document["records"] == 3);
    BOOST_TEST(document["entries"] == 2);
    const answer text =
        call({"import", file, "-", "--tree", "t", "--format", "csv", "--duplicates", "first"},
             "a,1\nc,2\n");
    BOOST_TEST(contains(
        text.out,
        "2 records read, 1 entries added to tree 't', 1 duplicates skipped; it now has 3"));
    BOOST_TEST(call({"import", file, "-", "--tree", "u", "--quiet"}, "a\n").out.empty());
}
