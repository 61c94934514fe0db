// The verb `dump`, and that `load` makes an equal file of what it wrote; and the programs of LMDB
// and Berkeley DB, in both directions.
#define BOOST_TEST_MODULE tool_dump
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "pinyon/pinyon.hpp"
#include "support/database_content.hpp"
#include "support/tool_call.hpp"

namespace {

using namespace pinyon::test;

const std::string golden = PINYON_SOURCE_DIR "/tests/golden/version-2/";
const std::vector<std::string> golden_names{"empty", "fixed",   "slotted", "types",      "large",
                                            "log",   "pending", "bitmap",  "pages-16384"};

// Every way to write a dump of all trees.
const std::vector<words> styles{{"--format", "lmdb"},
                                {"--format", "lmdb", "--bytes", "hex"},
                                {"--format", "lmdb", "--bytes", "text"},
                                {"--format", "bdb"},
                                {"--format", "bdb", "--bytes", "text"},
                                {"--format", "ndjson"},
                                {"--format", "ndjson", "--bytes", "text"},
                                {"--format", "ndjson", "--bytes", "hex"},
                                {"--format", "ndjson", "--bytes", "base64"}};

words operator+(words all, const words& more) {
    all.insert(all.end(), more.begin(), more.end());
    return all;
}

std::string shown(const words& options) {
    std::string text;
    for (const std::string& each : options) { text += each + " "; }
    return text;
}

// Two trees, with values of several MiB and bytes of every kind.
std::string varied_sample(const folder& here) {
    const std::string file = here / "varied.pinyon";
    pinyon::database db = pinyon::database::open(file);
    db.update([](pinyon::write_transaction& tx) {
        auto texts =
            tx.open(pinyon::tree_spec<std::string_view, std::string_view>{"texts \\ \xff"});
        std::string all;
        for (int i = 0; i < 256; ++i) { all += static_cast<char>(i); }
        texts.put("all", all);
        texts.put(all, "all");
        texts.put("", "");
        texts.put("\\x41", "\\h41 \"quoted\", \r\n \\5c \\");
        texts.put("large", std::string(std::size_t{3} << 20, '\x01'));
        texts.put("larger", std::string(std::size_t{5} << 20, 'x'));
        auto reals = tx.open(pinyon::tree_spec<double, float>{"reals"});
        reals.put(-1.5, 0.1F);
        reals.put(0.0, -0.0F);
        reals.put(1e300, std::bit_cast<float>(0x7fc01234U));  // a NaN with a payload
    });
    // What no codec writes but a file may hold.
    db.update([](pinyon::write_transaction& tx) {
        auto odd = tx.open_as("odd", {"bool", "bool", 1, 1, 1});
        odd.put(pinyon::as_bytes("\x07"), pinyon::as_bytes("\x08"));
        (void)tx.open_as("own", {"app.point", "app.text", 0, 12, 4});
        auto number = tx.open_as("number", {"tuple(string)", "string", 0, 0, 1});
        number.put(pinyon::as_bytes("0x41"), pinyon::as_bytes("\\h41"));
    });
    db.close();
    return file;
}

bool have(const std::string& program) {
    if (std::system(("command -v " + program + " > /dev/null").c_str()) == 0) { return true; }
    std::cout << "SKIPPED dumps of other programs: " << program << " is not here" << std::endl;
    return false;
}

void shell(const std::string& command) {
    BOOST_TEST_CONTEXT(command) { BOOST_REQUIRE(std::system(command.c_str()) == 0); }
}

void write_dump(const words& options, const std::string& file, const std::string& to) {
    const answer dumped = call(words{"dump", file} + options);
    BOOST_REQUIRE_MESSAGE(dumped.code == 0, dumped.err);
    BOOST_TEST(dumped.err == "");
    write_file(to, dumped.out);
}

void load(const std::string& dump, const std::string& to, const words& options = {}) {
    const answer loaded = call(words{"load", dump, "--output", to} + options);
    BOOST_REQUIRE_MESSAGE(loaded.code == 0, loaded.err);
    BOOST_TEST(call({"check", to}).code == 0);
}

}  // namespace

// --- round trips ---------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(every_format_brings_back_golden_files_with_types_and_options) {
    for (const std::string& name : golden_names) {
        const std::string file = golden + name + ".pinyon";
        const database_content expected = content_of(file);
        for (const words& style : styles) {
            BOOST_TEST_CONTEXT(name << ' ' << shown(style)) {
                const folder here;
                write_dump(style, file, here / "a.dump");
                load(here / "a.dump", here / "b.pinyon");
                BOOST_TEST((content_of(here / "b.pinyon") == expected));
                // The same entries make the same dump, but for the size of LMDB's map.
                if (style[1] != "lmdb") {
                    BOOST_TEST((call(words{"dump", here / "b.pinyon"} + style).out ==
                                read_file(here / "a.dump")));
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(every_format_brings_back_every_byte) {
    const folder here;
    const std::string file = varied_sample(here);
    const database_content expected = content_of(file);
    for (const words& style : styles) {
        BOOST_TEST_CONTEXT(shown(style)) {
            const folder to;
            write_dump(style, file, to / "a.dump");
            load(to / "a.dump", to / "b.pinyon");
            BOOST_TEST((content_of(to / "b.pinyon") == expected));
        }
    }
}

BOOST_AUTO_TEST_CASE(csv_brings_back_the_entries_and_types_of_a_tree) {
    const folder here;
    std::vector<std::string> files{varied_sample(here)};
    for (const std::string& name : golden_names) { files.push_back(golden + name + ".pinyon"); }
    std::size_t trees = 0;
    for (const std::string& file : files) {
        for (const auto& [name, tree] : content_of(file)) {
            if (name == "own") { continue; }
            for (const char* const style : {"text", "hex", "base64"}) {
                BOOST_TEST_CONTEXT(file << ' ' << name << ' ' << style) {
                    const folder to;
                    const answer dumped =
                        call({"dump", file, "--format", "csv", "--bytes", style, "--tree", name});
                    BOOST_REQUIRE_MESSAGE(dumped.code == 0, dumped.err);
                    const std::string count = std::to_string(tree.entries.size());
                    BOOST_TEST(contains(dumped.err, "--entries " + count + "\n"));
                    write_file(to / "a.csv", dumped.out);
                    load(to / "a.csv", to / "b.pinyon",
                         {"--entries", count, "--tree", name, "--page-bytes", "16384"});
                    stored_tree got = content_of(to / "b.pinyon").at(name);
                    got.minimum_degree = tree.minimum_degree;
                    BOOST_TEST((got == tree));
                    ++trees;
                }
            }
        }
    }
    BOOST_TEST(trees > 60U);
}

BOOST_AUTO_TEST_CASE(csv_refuses_types_that_their_names_do_not_tell) {
    const folder here;
    const answer dumped = call({"dump", varied_sample(here), "--format", "csv", "--tree", "own"});
    BOOST_TEST(dumped.code == 1);
    BOOST_TEST(contains(dumped.err, "app.point"));
    BOOST_TEST(contains(dumped.err, "--format ndjson"));
    BOOST_TEST(call({"dump", here / "varied.pinyon", "--format", "csv"}).code == 2);
}

BOOST_AUTO_TEST_CASE(values_too_long_for_a_line_are_refused_before_they_are_written) {
    const folder here;
    const std::string file = here / "a.pinyon";
    {
        pinyon::database db = pinyon::database::open(file);
        db.update([](pinyon::write_transaction& tx) {
            auto tree = tx.open(pinyon::tree_spec<std::string_view, std::string_view>{"t"});
            tree.put("key", std::string(std::size_t{16} << 20, '\x02'));
        });
    }
    for (const char* const format : {"ndjson", "csv"}) {
        const answer dumped = call({"dump", file, "--format", format});
        BOOST_TEST(dumped.code == 1);
        BOOST_TEST(contains(dumped.err, "16777216 bytes"));
        BOOST_TEST(dumped.out.size() < 1000U);
        BOOST_TEST(!contains(dumped.out, "entries"));
    }
    write_dump({}, file, here / "a.dump");
    load(here / "a.dump", here / "b.pinyon");
    BOOST_TEST((content_of(here / "b.pinyon") == content_of(file)));
}

BOOST_AUTO_TEST_CASE(a_dump_looks_as_documented) {
    const folder here;
    const std::string file = sample(here);
    BOOST_TEST(call({"dump", file, "--tree", "words", "--bytes", "text"}).out ==
               "VERSION=3\nformat=print\ndatabase=words\ntype=btree\nmapsize=10485760\n"
               "HEADER=END pinyon=1 tree=1/1 page_bytes=4096 entries=4 key_type=string key_bytes=0 "
               "value_type=string value_bytes=0 value_alignment=1 minimum_degree=0\n"
               " fir\n abies\n oak\n quercus\n pine\n pinus\n pinyon\n pinus edulis\nDATA=END\n");
    BOOST_TEST(call({"dump", file, "--tree", "characters", "--format", "ndjson"}).out ==
               "{\"schema\":\"pinyon.dump/1\",\"page_bytes\":4096,\"trees\":1}\n"
               "{\"tree\":\"characters\",\"key_type\":\"hex\",\"key_bytes\":8,\"value_type\":"
               "\"string\",\"value_bytes\":0,\"value_alignment\":1,\"minimum_degree\":0}\n"
               "{\"key\":\"41\",\"value\":\"LATIN CAPITAL LETTER A;Lu\"}\n"
               "{\"key\":\"1F332\",\"value\":\"EVERGREEN TREE;So\"}\n"
               "{\"key\":\"1F333\",\"value\":\"DECIDUOUS TREE;So\"}\n"
               "{\"tree\":\"characters\",\"entries\":3}\n");
    const answer table =
        call({"dump", file, "--tree", "words", "--format", "csv", "--bytes", "hex", "--quiet"});
    BOOST_TEST(table.out.substr(0, 50) == "key:string:hex,value:string:hex\n666972,6162696573\n");
    BOOST_TEST(table.err == "");
}

BOOST_AUTO_TEST_CASE(a_part_of_a_tree_is_a_dump_of_its_own) {
    const folder here;
    const std::string file = large_sample(here);
    for (const words& range : std::vector<words>{{"--from", "100", "--to", "200"},
                                                 {"--from", "19990"},
                                                 {"--from", "30000"},
                                                 {"--to", "0"},
                                                 {"--from", "200", "--to", "100"}}) {
        const std::string count = call(words{"count", file} + range).out;
        for (const char* const format : {"lmdb", "ndjson"}) {
            const folder to;
            write_dump(words{"--format", format} + range, file, to / "a.dump");
            const answer loaded =
                call({"load", to / "a.dump", "--output", to / "b.pinyon", "--json"});
            BOOST_REQUIRE_MESSAGE(loaded.code == 0, loaded.err);
            BOOST_TEST(loaded.json()["records"].dump() + "\n" == count);
        }
    }
    BOOST_TEST(call({"dump", sample(here), "--prefix", "p"}).code == 2);
    const answer part =
        call({"dump", here / "sample.pinyon", "--tree", "words", "--prefix", "pin"});
    BOOST_TEST(contains(part.out, "entries=2 "));
}

BOOST_AUTO_TEST_CASE(what_makes_no_sense_is_refused_with_the_next_command) {
    const folder here;
    const std::string file = sample(here);
    const struct {
        words options;
        int code;
        std::string message;
    } cases[] = {{{"--json"}, 2, "--format ndjson"},
                 {{"--bytes", "redacted"}, 2, "redacted"},
                 {{"--bytes", "base64"}, 2, "base64"},
                 {{"--format", "xml"}, 2, "xml"},
                 {{"--tree", "none"}, 1, "'none'"}};
    for (const auto& each : cases) {
        const answer dumped = call(words{"dump", file} + each.options);
        BOOST_TEST(dumped.code == each.code);
        BOOST_TEST(dumped.out == "");
        BOOST_TEST(contains(dumped.err, each.message));
        BOOST_TEST(contains(dumped.err, "next: pinyon "));
    }
    BOOST_TEST(call({"dump", here / "absent"}).code == 4);
}

BOOST_AUTO_TEST_CASE(a_damaged_file_gives_no_dump_with_an_end) {
    const folder here;
    const std::string file = large_sample(here);
    const std::string sound = read_file(file);
    std::size_t refused = 0;
    for (std::size_t page = 2; page * 4096 < sound.size(); page += 7) {
        std::string damaged = sound;
        damaged[page * 4096 + 2000] = static_cast<char>(damaged[page * 4096 + 2000] ^ 0x10);
        write_file(file, damaged);
        for (const char* const format : {"lmdb", "bdb", "ndjson", "csv"}) {
            const answer dumped = call({"dump", file, "--format", format});
            BOOST_TEST_CONTEXT("page " << page << ' ' << dumped.err) {
                const bool ended = dumped.out.ends_with("DATA=END\n") ||
                                   contains(dumped.out, "\"entries\":") ||
                                   contains(dumped.err, "--entries");
                BOOST_TEST((dumped.code == 0 || dumped.code == 3));
                BOOST_TEST(ended == (dumped.code == 0));
                refused += dumped.code == 3;
            }
        }
    }
    BOOST_TEST(refused > 20U);
}

BOOST_AUTO_TEST_CASE(an_interrupted_dump_has_no_end) {
    const folder here;
    const std::atomic<bool> interrupted{true};
    const answer dumped = call({"dump", sample(here)}, "", &interrupted);
    BOOST_TEST(dumped.code == 130);
    BOOST_TEST(!contains(dumped.out, "DATA=END"));
}

// --- other programs ------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(lmdb_takes_a_dump_and_gives_it_back) {
    if (!have("mdb_load") || !have("mdb_dump")) { return; }
    for (const char* const style : {"hex", "text"}) {
        const folder here;
        for (const std::string& file : {sample(here), large_sample(here)}) {
            const auto expected = entries_of(file);
            const std::string stem = file.substr(0, file.size() - 7);
            write_dump({"--bytes", style}, file, stem + ".dump");
            shell("mdb_load -n -f " + stem + ".dump " + stem + ".mdb 2> " + stem + ".err");
            BOOST_TEST(read_file(stem + ".err") == "");
            shell("mdb_dump -n -a " + stem + ".mdb > " + stem + ".back");
            load(stem + ".back", stem + ".new");
            BOOST_TEST((entries_of(stem + ".new") == expected));
            shell("mdb_dump -n -p -a " + stem + ".mdb > " + stem + ".print");
            const answer print =
                call({"load", stem + ".print", "--output", stem + ".new2", "--quiet"});
            // Numbers hold bytes that are a backslash, which LMDB 0.9.24 leaves unmarked.
            if (expected.contains("numbers") && print.code != 0) {
                BOOST_TEST(print.code == 1);
                BOOST_TEST(!fs::exists(stem + ".new2"));
            } else {
                BOOST_REQUIRE_MESSAGE(print.code == 0, print.err);
                BOOST_TEST((entries_of(stem + ".new2") == expected));
            }
            // All is of bytes now.
            BOOST_TEST((content_of(stem + ".new").begin()->second.types == pinyon::raw_types()));
        }
    }
}

BOOST_AUTO_TEST_CASE(lmdb_finds_room_for_large_values) {
    if (!have("mdb_load") || !have("mdb_dump")) { return; }
    const folder here;
    const std::string file = here / "a.pinyon";
    {
        pinyon::database db = pinyon::database::open(file);
        db.update([](pinyon::write_transaction& tx) {
            auto tree = tx.open(pinyon::tree_spec<std::uint32_t, std::string_view>{"t"});
            for (std::uint32_t i = 0; i < 40; ++i) {
                tree.put(i, std::string(500'000 + i, static_cast<char>(i)));
            }
        });
    }
    write_dump({}, file, here / "a.dump");
    shell("mdb_load -n -f " + (here / "a.dump") + " " + (here / "a.mdb"));
    shell("mdb_dump -n -a " + (here / "a.mdb") + " > " + (here / "b.dump"));
    load(here / "b.dump", here / "b.pinyon");
    BOOST_TEST((entries_of(here / "b.pinyon") == entries_of(file)));
}

BOOST_AUTO_TEST_CASE(berkeley_db_takes_a_dump_and_gives_it_back) {
    if (!have("db5.3_load") || !have("db5.3_dump")) { return; }
    const folder here;
    for (const std::string& file : {sample(here), large_sample(here), varied_sample(here)}) {
        const auto expected = entries_of(file);
        for (const char* const style : {"hex", "text"}) {
            const folder to;
            write_dump({"--format", "bdb", "--bytes", style}, file, to / "a.dump");
            shell("db5.3_load -f " + (to / "a.dump") + " " + (to / "a.db"));
            for (const char* const flag : {"", "-p "}) {
                fs::remove(to / "b.pinyon");
                shell(std::string("db5.3_dump ") + flag + (to / "a.db") + " > " + (to / "b.dump"));
                load(to / "b.dump", to / "b.pinyon");
                BOOST_TEST((entries_of(to / "b.pinyon") == expected));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(berkeley_db_hashes_come_in_no_order) {
    if (!have("db5.3_load") || !have("db5.3_dump")) { return; }
    const folder here;
    std::string text;
    for (int i = 0; i < 3000; ++i) {
        text += "key " + std::to_string(i) + "\nvalue \\\\ " + std::to_string(i) + "\n";
    }
    write_file(here / "a.txt", text);
    shell("db5.3_load -T -t hash -f " + (here / "a.txt") + " " + (here / "a.db"));
    for (const char* const flag : {"", "-p "}) {
        fs::remove(here / "a.pinyon");
        shell(std::string("db5.3_dump ") + flag + (here / "a.db") + " > " + (here / "a.dump"));
        load(here / "a.dump", here / "a.pinyon");
        const auto entries = entries_of(here / "a.pinyon").at("main");
        BOOST_TEST(entries.size() == 3000U);
        BOOST_TEST(entries.at("key 2999") == "value \\ 2999");
    }
}

BOOST_AUTO_TEST_CASE(berkeley_db_recno_and_duplicates_are_refused) {
    if (!have("db5.3_load") || !have("db5.3_dump")) { return; }
    const folder here;
    write_file(here / "a.txt", "a\n1\na\n2\n");
    shell("db5.3_load -T -t recno -f " + (here / "a.txt") + " " + (here / "recno.db"));
    shell("db5.3_load -T -t btree -c duplicates=1 -f " + (here / "a.txt") + " " + (here / "d.db"));
    shell("db5.3_dump " + (here / "recno.db") + " > " + (here / "recno.dump"));
    shell("db5.3_dump " + (here / "d.db") + " > " + (here / "d.dump"));
    const answer recno = call({"load", here / "recno.dump", "--output", here / "b.pinyon"});
    BOOST_TEST(recno.code == 1);
    BOOST_TEST(contains(recno.err, "type=recno"));
    const answer twice = call({"load", here / "d.dump", "--output", here / "b.pinyon"});
    BOOST_TEST(twice.code == 1);
    BOOST_TEST(contains(twice.err, "duplicate key 'a'; it stands at line"));
    BOOST_TEST(!fs::exists(here / "b.pinyon"));
    load(here / "d.dump", here / "b.pinyon", {"--duplicates", "last"});
    BOOST_TEST(entries_of(here / "b.pinyon").at("main").at("a") == "2");
}
