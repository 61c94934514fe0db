// The verb log: what lies beside a file, and what a recovery would make of it.
#define BOOST_TEST_MODULE tool_log
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "support/forged_file.hpp"
#include "support/tool_sample.hpp"

namespace {

using namespace pinyon::test;
using json = nlohmann::json;

// A database that was stopped with six transactions in its log, behind its checkpoint at
// transaction 2.
struct stopped_sample {
    explicit stopped_sample(const folder& here) : file(here / "copy/a.pinyon") {
        const std::string original = here / "a.pinyon";
        fs::create_directory(here / "copy");
        pinyon::options chosen;
        chosen.log_segment_bytes = std::uint64_t{16} << 10;
        chosen.background = pinyon::background::none;
        const auto live = pinyon::database::open(original, chosen);
        live.update(
            [](pinyon::write_transaction& tx) {
                tx.open(numbers).put(1, 10);
                tx.open(texts).put("a", "b");
            },
            pinyon::durability::checkpoint);
        live.update([](pinyon::write_transaction& tx) {
            tx.open(numbers).put(2, 20);
            tx.open(texts).put("k\x1b[31m", "v\x07");
        });
        live.update([](pinyon::write_transaction& tx) { tx.open(numbers).erase(1); });
        live.update([](pinyon::write_transaction& tx) { tx.open(texts).erase_range("a", "b"); });
        live.update([](pinyon::write_transaction& tx) { tx.open(degrees).put(5, 6); });
        live.update([](pinyon::write_transaction& tx) { tx.rename("degrees", "angles"); });
        live.update([](pinyon::write_transaction& tx) { tx.drop("angles"); });
        for (const std::string& name : here.names()) {
            if (name != "copy") { fs::copy_file(here / name, here / ("copy/" + name)); }
            if (contains(name, "-wal.")) { segments.push_back(here / ("copy/" + name)); }
        }
    }

    std::string file;
    std::vector<std::string> segments;
};

// The offset of the batch of this transaction in its segment.
std::uint64_t offset_of(const std::string& file, std::uint64_t transaction) {
    for (const json& each : documents_of(call({"log", file, "--ndjson"}).out)) {
        if (each["transaction"] == transaction) { return each["offset"]; }
    }
    throw std::runtime_error("no such transaction");
}

void flip(const std::string& path, std::uint64_t offset) {
    std::string content = read_file(path);
    content.at(offset) = static_cast<char>(content.at(offset) ^ 1);
    write_file(path, content);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_that_was_closed_has_no_log) {
    const folder here;
    const std::string file = checked_sample(here);
    const answer told = call({"log", file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.out, "closed cleanly"));
    BOOST_TEST(contains(told.out, "complete without a log, and there is none"));
    const json document = call({"log", file, "--json"}).json();
    BOOST_TEST(document["schema"] == "pinyon.log/1");
    BOOST_TEST(document["verdict"] == "none");
    BOOST_TEST(document["segments"].empty());
    BOOST_TEST(document["batches"].empty());
    BOOST_TEST(call({"log", file, "--ndjson"}).out.empty());
}

BOOST_AUTO_TEST_CASE(the_batches_of_a_stopped_database_are_told) {
    const folder here;
    const stopped_sample made(here);
    const answer told = call({"log", made.file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(told.err.empty());
    BOOST_TEST(contains(told.out, "not closed; it goes on in log 0x"));
    BOOST_TEST(contains(told.out, "a recovery would do 6 transactions again ("));
    BOOST_TEST(contains(told.out, "up to transaction 8"));
    BOOST_TEST(contains(told.out, "6 batches to position "));
    const json document = call({"log", made.file, "--json"}).json();
    BOOST_TEST(document["verdict"] == "replay");
    BOOST_TEST(document["clean"] == false);
    BOOST_TEST(document["replay"]["transactions"] == 6);
    BOOST_TEST(document["replay"]["last_transaction"] == 8);
    BOOST_TEST(document["segments"].size() == made.segments.size());
    std::uint64_t transaction = 3;
    std::uint64_t operations = 0;
    for (const json& each : document["batches"]) {
        BOOST_TEST(each["transaction"] == transaction);
        BOOST_TEST(each["replayed"] == true);
        BOOST_TEST(each["follows"] == true);
        operations += each["operations"].get<std::uint64_t>();
        ++transaction;
    }
    BOOST_TEST(transaction == 9u);
    BOOST_TEST(document["replay"]["operations"] == operations);
    BOOST_TEST(documents_of(call({"log", made.file, "--ndjson"}).out).size() == 6u);
}

BOOST_AUTO_TEST_CASE(operations_are_told_with_the_names_and_types_of_their_trees) {
    const folder here;
    const stopped_sample made(here);
    const answer told = call({"log", made.file, "--operations"});
    BOOST_TEST(told.code == 0);
    for (const char* part :
         {"put 'numbers' 2 = 20", "put 'texts' k\\x1b[31m = 0x7607", "erase 'numbers' 1",
          "erase 'texts' from a up to b", "create 'degrees' (tree 3, u64 to u32)",
          "put 'degrees' 5 = 6", "rename 'degrees' to 'angles'", "drop 'angles'"}) {
        BOOST_TEST(contains(told.out, part), "there is no: " << part << " in\n" << told.out);
    }
    BOOST_TEST(!contains(told.out, "\x1b"));
    const auto lines = documents_of(call({"log", made.file, "--operations", "--ndjson"}).out);
    BOOST_REQUIRE(lines.size() == 6u);
    const json& first = lines[0]["list"];
    BOOST_TEST(first.size() == 2u);
    BOOST_TEST(first[0]["operation"] == "put");
    BOOST_TEST(first[0]["tree"] == "numbers");
    BOOST_TEST(first[0]["key"] == 2);
    BOOST_TEST(first[0]["value"] == 20);
    BOOST_TEST(lines[4]["list"][0]["new_name"] == "angles");
    BOOST_TEST(!contains(call({"log", made.file, "--operations", "--bytes=redacted"}).out, "31m"));
}

BOOST_AUTO_TEST_CASE(a_torn_tail_is_told_as_the_end) {
    const folder here;
    const stopped_sample made(here);
    // Nothing behind the last batch says that it was durable.
    flip(made.segments.back(), offset_of(made.file, 8) + 64);
    const answer told = call({"log", made.file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.out, "there: transaction 8, whose operations fail their checksum"));
    BOOST_TEST(contains(told.out, "5 transactions again"));
}

BOOST_AUTO_TEST_CASE(damage_before_an_acknowledged_batch_is_damage) {
    const folder here;
    const stopped_sample made(here);
    flip(made.segments.back(), offset_of(made.file, 5) + 64);
    const answer told = call({"log", made.file});
    BOOST_TEST(told.code == 3);
    BOOST_TEST(contains(told.out, "a recovery would refuse it, after 2 transactions"));
    BOOST_TEST(contains(told.err, "log_corrupt"));
    BOOST_TEST(contains(told.err, "next: pinyon check"));
    const answer document = call({"log", made.file, "--json"});
    BOOST_TEST(document.code == 3);
    BOOST_TEST(document.json()["verdict"] == "damaged");
    BOOST_TEST(document.json()["replay"]["transactions"] == 2);
    BOOST_TEST(document.json()["batches"].size() == 2u);
    BOOST_TEST(document.json()["damage"].is_string());
}

BOOST_AUTO_TEST_CASE(a_log_that_is_gone_or_of_another_file_is_damage) {
    const folder here;
    const stopped_sample made(here);
    const std::string content = read_file(made.segments.front());

    // Its header is damaged.
    flip(made.segments.front(), 60);
    const answer header = call({"log", made.file});
    BOOST_TEST(header.code == 3);
    BOOST_TEST(contains(header.out, "damaged: its header has a wrong checksum"));

    // It was renamed.
    write_file(made.segments.front(), content);
    std::string other = made.segments.front();
    other.back() = '9';
    fs::rename(made.segments.front(), other);
    const answer renamed = call({"log", made.file});
    BOOST_TEST(renamed.code == 3);
    BOOST_TEST(contains(renamed.err, "renamed"));

    fs::remove(other);
    const answer gone = call({"log", made.file});
    BOOST_TEST(gone.code == 3);
    BOOST_TEST(contains(gone.err, "gone"));
    BOOST_TEST(call({"log", made.file, "--json"}).json()["verdict"] == "damaged");
}

BOOST_AUTO_TEST_CASE(blank_segments_and_those_of_former_logs_are_leftovers) {
    const folder here;
    const std::string file = checked_sample(here);
    write_file(file + "-wal.00000000000000000007", std::string(8192, '\0'));
    const answer told = call({"log", file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.out, "a.pinyon-wal.00000000000000000007"));
    BOOST_TEST(contains(told.out, "blank: no header was written to it"));
    BOOST_TEST(contains(told.out, "these segments may go"));
    const json document = call({"log", file, "--json"}).json();
    BOOST_TEST(document["verdict"] == "leftovers");
    BOOST_TEST(document["segments"][0]["blank"] == true);
    BOOST_TEST(document["segments"][0]["sequence"] == 7);
}

BOOST_AUTO_TEST_CASE(beside_a_writer_the_log_is_told_as_it_grows) {
    const folder here;
    const std::string file = checked_sample(here);
    const auto live = pinyon::database::open(file);
    live.update([](pinyon::write_transaction& tx) { tx.open(numbers).put(4, 4); });
    const answer told = call({"log", file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.err, "open for writing elsewhere"));
    BOOST_TEST(contains(told.out, "1 transaction again"));
    BOOST_TEST(call({"log", file, "--quiet"}).err.empty());
}

BOOST_AUTO_TEST_CASE(the_log_of_a_file_that_was_cut_is_told_all_the_same) {
    const folder here;
    const stopped_sample made(here);
    write_file(made.file, read_file(made.file).substr(0, 8192));
    const answer told = call({"log", made.file});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.out, "6 transactions again"));
    // Without the names and types of the trees this is not the whole answer.
    const answer numbered = call({"log", made.file, "--operations"});
    BOOST_TEST(numbered.code == 3);
    BOOST_TEST(contains(numbered.out, "put tree 1 0x0000000000000002"));
    BOOST_TEST(contains(numbered.out, "6 transactions again"));
    BOOST_TEST(contains(numbered.err, "it was cut"));
}

BOOST_AUTO_TEST_CASE(the_log_behind_an_older_meta_is_told_as_such) {
    const folder here;
    const stopped_sample made(here);
    std::string content = read_file(made.file);
    for (const std::size_t slot : {0U, 1U}) {
        std::string damaged = content;
        damaged[slot * 4096 + 60] ^= 1;
        write_file(made.file, damaged);
        const answer told = call({"log", made.file});
        BOOST_TEST(told.code == 3);
        BOOST_TEST(contains(told.out, "transactions again"));
        BOOST_TEST(contains(told.err, "meta " + std::to_string(slot)));
        BOOST_TEST(contains(told.err, "which may be older"));
    }
}

// A replay would refuse it; who checks must say so, although every batch is as it was written.
BOOST_AUTO_TEST_CASE(check_knows_the_numbers_of_trees_that_the_log_creates) {
    const folder here;
    const stopped_sample made(here);
    BOOST_TEST(call({"check", made.file}).code == 0);
    forged_file forged(pinyon::io::posix_file_system(), made.file);
    ++forged.meta.next_tree;
    forged.store_metas();
    forged.save();
    const answer checked = call({"check", made.file});
    BOOST_TEST(checked.code == 3);
    BOOST_TEST(contains(checked.out, "log_mismatch"));
    BOOST_TEST(contains(checked.out, "is created with the number 3 where the next one is 4"));
    BOOST_TEST(call({"count", made.file, "--tree", "numbers"}).code == 3);
}

// The tree itself is sound with narrower values; the ones that the log puts there are none of it.
BOOST_AUTO_TEST_CASE(check_knows_the_widths_of_what_the_log_puts) {
    const folder here;
    const stopped_sample made(here);
    forged_file forged(pinyon::io::posix_file_system(), made.file);
    pinyon::format::catalog_record record = forged.record("numbers");
    record.value_bytes = 2;
    record.value_alignment = 2;
    forged.set_record("numbers", record);
    forged.reseal();
    forged.save();
    const answer checked = call({"check", made.file});
    BOOST_TEST(checked.code == 3);
    BOOST_TEST(contains(checked.out, "1 error"));
    BOOST_TEST(contains(checked.out, "log_corrupt"));
    BOOST_TEST(contains(checked.out, "a value of 8 bytes is none of the tree 'numbers'"));
    BOOST_TEST(call({"count", made.file, "--tree", "numbers"}).code == 3);
}

// Whose a page is, and what it is for, may have been otherwise in the meta that is lost.
BOOST_AUTO_TEST_CASE(a_page_of_an_older_meta_is_told_as_such) {
    const folder here;
    const std::string file = checked_sample(here);
    const std::string content = read_file(file);
    for (const std::size_t slot : {0U, 1U}) {
        std::string damaged = content;
        damaged[slot * 4096 + 60] ^= 1;
        write_file(file, damaged);
        for (const char* verb : {"page", "owner"}) {
            const answer told = call({verb, file, "3"});
            BOOST_TEST(told.code == 3);
            BOOST_TEST(!told.out.empty());
            BOOST_TEST(contains(told.err, "which may be older"));
        }
    }
}

BOOST_AUTO_TEST_CASE(wrong_words_are_usage_and_missing_files_are_told) {
    const folder here;
    const std::string file = checked_sample(here);
    for (const words& each :
         std::vector<words>{{"log"}, {"log", file, "7"}, {"log", file, "--json", "--ndjson"}}) {
        const answer told = call(each);
        BOOST_TEST(told.code == 2);
        BOOST_TEST(contains(told.err, "next: pinyon"));
    }
    BOOST_TEST(call({"log", here / "absent"}).code == 4);
    write_file(here / "other", std::string(10'000, 'x'));
    BOOST_TEST(call({"log", here / "other"}).code == 5);
}
