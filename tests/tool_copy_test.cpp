// `pinyon compact` and `pinyon backup`: what is made holds what the file held, or nothing is made.
#define BOOST_TEST_MODULE tool_copy
#include <boost/test/unit_test.hpp>

#include <functional>
#include <iostream>
#include <map>
#include <random>
#include <string>

#include "pinyon/engine/check.hpp"
#include "pinyon/engine/database.hpp"
#include "pinyon/engine/value_stream.hpp"
#include "support/forged_file.hpp"
#include "support/journal_judge.hpp"
#include "support/private_mounts.hpp"
#include "support/tool_call.hpp"
#include "support/tool_sample.hpp"

using namespace pinyon;
using namespace pinyon::test;

namespace {

using nlohmann::json;

const std::string golden = PINYON_SOURCE_DIR "/tests/golden/version-2/";

[[nodiscard]] std::vector<std::string> golden_names() {
    std::vector<std::string> list;
    for (const auto& each : fs::directory_iterator(golden)) {
        if (each.path().extension() == ".pinyon") {
            list.push_back(each.path().filename().string());
        }
    }
    std::sort(list.begin(), list.end());
    return list;
}

// A golden file and its log, in a folder of their own.
[[nodiscard]] std::string golden_copy(const folder& here, const std::string& name) {
    for (const auto& each : fs::directory_iterator(golden)) {
        const std::string file = each.path().filename().string();
        if (file.starts_with(name)) { fs::copy_file(each.path(), here / file); }
    }
    return here / name;
}

void require_sound_copy(const std::string& file, const std::string& copy, const words& more = {}) {
    const answer checked = call({"check", copy});
    BOOST_TEST(checked.code == 0);
    BOOST_TEST(contains(checked.out, ": sound\n"));
    BOOST_TEST(call({"check", copy, "--root-descend"}).code == 0);
    words diff{"diff", file, copy};
    diff.insert(diff.end(), more.begin(), more.end());
    const answer compared = call(diff);
    BOOST_TEST(compared.code == 0, compared.out << compared.err);
}

void require_nothing_made(const folder& here, const std::vector<std::string>& names) {
    BOOST_TEST(here.names() == names, boost::test_tools::per_element());
}

constexpr tree_spec<std::string_view, std::string_view> values{"values"};

const std::vector<std::string> both_verbs{"compact", "backup"};

}  // namespace

BOOST_AUTO_TEST_CASE(a_copy_holds_what_the_file_held) {
    for (const std::string& name : golden_names()) {
        const folder here;
        const std::string file = golden_copy(here, name);
        std::map<std::string, std::string> before;
        for (const std::string& each : here.names()) { before[each] = read_file(here / each); }
        const json source = call({"info", file, "--json"}).json();
        for (const std::string& verb : both_verbs) {
            const std::string copy = here / verb;
            const answer told = call({verb, file, "--output", copy, "--json"});
            BOOST_TEST_CONTEXT(verb << ' ' << name << ' ' << told.err) {
                BOOST_REQUIRE(told.code == 0);
                BOOST_TEST(told.err.empty());
                require_sound_copy(file, copy);
                const json made = call({"info", copy, "--json"}).json();
                BOOST_TEST(made["page_bytes"] == source["page_bytes"]);
                BOOST_TEST((made["uuid"] == source["uuid"]) == (verb == "backup"));
                BOOST_REQUIRE(made["trees"].size() == source["trees"].size());
                for (std::size_t i = 0; i < made["trees"].size(); ++i) {
                    for (const char* key : {"name", "key_type", "value_type", "layout", "entries",
                                            "minimum_degree"}) {
                        BOOST_TEST(made["trees"][i].value(key, json()) ==
                                   source["trees"][i].value(key, json()));
                    }
                }
                const json report = told.json();
                const std::string bytes = verb == "compact" ? "bytes_after" : "bytes";
                BOOST_TEST(report[bytes] == fs::file_size(copy));
                if (verb == "compact") {
                    BOOST_TEST(report["bytes_before"] == fs::file_size(file));
                    BOOST_TEST(fs::file_size(copy) <= fs::file_size(file));
                }
                BOOST_TEST(call({verb, file, "--output", here / "quiet", "-q"}).out.empty());
                fs::remove(here / "quiet");
            }
        }
        for (const auto& [each, bytes] : before) {
            BOOST_TEST((read_file(here / each) == bytes), each << " was changed");
        }
        BOOST_TEST(here.names().size() == before.size() + 2);
    }
}

BOOST_AUTO_TEST_CASE(a_copy_is_written_to_like_any_other_file) {
    for (const std::string& name : golden_names()) {
        for (const std::string& verb : both_verbs) {
            const folder here;
            const std::string copy = here / "copy.pinyon";
            BOOST_TEST_CONTEXT(verb << ' ' << name) {
                BOOST_REQUIRE(call({verb, golden + name, "--output", copy}).code == 0);
                database db = database::open(copy);
                for (int i = 0; i < 20; ++i) {
                    db.update([i](write_transaction& tx) {
                        auto tree = tx.open(values);
                        for (int j = 0; j < 50; ++j) {
                            tree.put(std::to_string(i * 50 + j), std::string(100, 'v'));
                        }
                    });
                    if (i % 5 == 0) { db.checkpoint(); }
                }
                db.close();
                BOOST_TEST(call({"check", copy}).code == 0);
                BOOST_TEST(call({"count", copy, "--tree", "values"}).out == "1000\n");
                BOOST_TEST(call({"diff", golden + name, copy, "--json"}).json()["not_shown"] == 0);
            }
        }
    }
}

// --- compact -------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(sorted_data_of_fixed_size_takes_little_more_than_its_bytes) {
    constexpr tree_spec<std::uint64_t, std::uint64_t> numbers_of{"n"};
    struct block {
        std::array<std::uint64_t, 14> words;
    };
    constexpr tree_spec<std::uint64_t, block> blocks{"b"};
    constexpr std::uint64_t entries = 30'000;
    for (const std::uint32_t page_bytes : {4096U, 32768U}) {
        const folder here;
        const std::string file = here / "a.pinyon";
        options how;
        how.page_bytes = page_bytes;
        database db = database::open(file, how);
        std::mt19937_64 random(3);
        db.update([&](write_transaction& tx) {
            auto narrow = tx.open(numbers_of);
            auto wide = tx.open(blocks);
            for (std::uint64_t i = 0; i < entries; ++i) {
                narrow.put(i * 7919 % 1'000'003, i);
                wide.put(random(), block{});
            }
        });
        db.update([&](write_transaction& tx) {
            auto wide = tx.open(blocks);
            for (std::uint64_t i = 0; i < entries / 10; ++i) { wide.put(random(), block{}); }
        });
        db.close();
        const answer told = call({"compact", file, "--output", here / "b.pinyon", "--json"});
        BOOST_REQUIRE(told.code == 0);
        const double raw = entries * 16.0 + (entries + entries / 10) * (8.0 + sizeof(block));
        const double part = static_cast<double>(fs::file_size(here / "b.pinyon")) / raw;
        BOOST_TEST_MESSAGE("pages of " << page_bytes << ": " << part << " of the data");
        BOOST_TEST(part < 1.15);
        BOOST_TEST(part > 1.0);
        require_sound_copy(file, here / "b.pinyon");
        BOOST_TEST(call({"check", here / "b.pinyon", "--json"}).json()["pages"]["free"] < 8);
        // Compact once more: nothing changes but the id.
        BOOST_TEST(call({"compact", here / "b.pinyon", "--output", here / "c.pinyon"}).code == 0);
        BOOST_TEST(fs::file_size(here / "c.pinyon") == fs::file_size(here / "b.pinyon"));
    }
}

BOOST_AUTO_TEST_CASE(many_small_trees_take_a_page_each) {
    const folder here;
    const std::string file = here / "a.pinyon";
    constexpr unsigned trees = 300;
    database db = database::open(file);
    db.update([](write_transaction& tx) {
        for (unsigned i = 0; i < trees; ++i) {
            auto tree = tx.open_as("tree " + std::to_string(i), {"string", "string", 0, 0, 1});
            for (unsigned j = 0; j < i % 40; ++j) {
                tree.put(as_bytes(std::to_string(j)), as_bytes("value"));
            }
        }
    });
    db.close();
    BOOST_TEST(call({"compact", file, "--output", here / "b.pinyon"}).code == 0);
    require_sound_copy(file, here / "b.pinyon");
    BOOST_TEST(fs::file_size(here / "b.pinyon") < (trees + 30) * 4096U);
}

BOOST_AUTO_TEST_CASE(values_of_every_size_are_copied) {
    const folder here;
    const std::string file = here / "a.pinyon";
    std::mt19937_64 random(6);
    database db = database::open(file);
    db.update([&](write_transaction& tx) {
        auto tree = tx.open(values);
        auto lone = tx.open_as("lone leaf", {"string", "string", 0, 0, 1});
        for (const std::size_t size :
             {std::size_t{0}, std::size_t{1}, std::size_t{1000}, std::size_t{4096},
              std::size_t{100'000}, std::size_t{1} << 20, (std::size_t{1} << 20) + 1,
              std::size_t{5'000'000}}) {
            std::string value(size, '\0');
            for (char& each : value) { each = static_cast<char>(random()); }
            lone.put(as_bytes(std::to_string(size)), as_bytes(value));
            for (int i = 0; i < 3; ++i) {
                tree.put(std::to_string(i) + " of " + std::to_string(size), value);
            }
        }
        for (int i = 0; i < 500; ++i) { tree.put("key " + std::to_string(i), "short"); }
    });
    db.close();
    for (const std::string& verb : both_verbs) {
        BOOST_TEST(call({verb, file, "--output", here / verb}).code == 0);
        require_sound_copy(file, here / verb);
    }
}

// --- what goes wrong -----------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(of_a_damaged_file_nothing_is_made) {
    const folder here;
    const std::string good = checked_sample(here);
    const std::string bad = here / "bad.pinyon";
    const std::string whole = read_file(good);
    std::map<int, int> codes;
    std::mt19937 random(12);
    for (std::size_t page = 0; page < whole.size() / 4096; ++page) {
        std::string content = whole;
        switch (page % 3) {
            case 0:
                std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(page * 4096), 4096, '\0');
                break;
            case 1:
                content[page * 4096 + random() % 256] ^= static_cast<char>(1U << random() % 8);
                break;
            default:
                for (std::size_t i = 0; i < 4096; ++i) {
                    content[page * 4096 + i] = static_cast<char>(random());
                }
        }
        write_file(bad, content);
        for (const std::string& verb : both_verbs) {
            const answer told = call({verb, bad, "--output", here / "new"});
            BOOST_TEST_CONTEXT(verb << ", page " << page << ": " << told.err) {
                BOOST_TEST((told.code == 0 || told.code == 3));
                ++codes[told.code];
                if (told.code == 0) {
                    require_sound_copy(good, here / "new");
                    fs::remove(here / "new");
                } else {
                    BOOST_TEST(contains(told.err, "pinyon " + verb + ": " + bad + ": "));
                    BOOST_TEST(contains(told.err, "next: pinyon recover " + bad + " --output NEW"));
                    BOOST_TEST(!contains(told.err, ".new-"));
                }
                require_nothing_made(here, {"a.pinyon", "bad.pinyon"});
            }
        }
    }
    BOOST_TEST(codes[3] > 20);
    BOOST_TEST(codes[0] > 20);
}

BOOST_AUTO_TEST_CASE(a_cut_file_and_what_is_none_are_refused) {
    const folder here;
    const std::string good = checked_sample(here);
    const std::string whole = read_file(good);
    const std::string bad = here / "bad.pinyon";
    for (std::size_t size = 0; size < whole.size(); size += 512 * (1 + size / 8192)) {
        write_file(bad, whole.substr(0, size));
        for (const std::string& verb : both_verbs) {
            const answer told = call({verb, bad, "--output", here / "new"});
            BOOST_TEST_CONTEXT(verb << ", " << size << " bytes: " << told.err) {
                BOOST_TEST((told.code == 3 || told.code == 5));
                require_nothing_made(here, {"a.pinyon", "bad.pinyon"});
            }
        }
    }
    write_file(bad, std::string(20000, 'x'));
    for (const std::string& verb : both_verbs) {
        BOOST_TEST(call({verb, bad, "--output", here / "new"}).code == 5);
        BOOST_TEST(call({verb, here / "none", "--output", here / "new"}).code == 4);
        BOOST_TEST(call({verb, "/", "--output", here / "new"}).code == 4);
        BOOST_TEST(call({verb, good}).code == 2);
    }
    require_nothing_made(here, {"a.pinyon", "bad.pinyon"});
}

// With all checksums right.
BOOST_AUTO_TEST_CASE(of_a_forged_file_nothing_is_made) {
    const folder here;
    const std::string good = checked_sample(here);
    const std::string bad = here / "bad.pinyon";
    const std::map<std::string, std::function<void(format::catalog_record&)>> forgeries{
        {"texts", [](format::catalog_record& record) { ++record.root.count; }},
        {"numbers", [](format::catalog_record& record) { record.root.count += 1000; }},
        {"degrees", [](format::catalog_record& record) { record.minimum_degree = 1'000'000; }},
    };
    for (const auto& [tree, change] : forgeries) {
        fs::copy_file(good, bad, fs::copy_options::overwrite_existing);
        forged_file file(io::posix_file_system(), bad);
        format::catalog_record record = file.record(tree);
        change(record);
        std::memcpy(file.record_place(tree), &record, sizeof record);
        file.reseal();
        file.save();
        for (const std::string& verb : both_verbs) {
            const answer told = call({verb, bad, "--output", here / "new"});
            BOOST_TEST_CONTEXT(verb << ' ' << tree << ": " << told.err) {
                BOOST_TEST(told.code == 3);
                BOOST_TEST(contains(told.err, "pinyon recover"));
                require_nothing_made(here, {"a.pinyon", "bad.pinyon"});
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_there_stays_and_what_cannot_be_made_is_told) {
    const folder here;
    const std::string file = sample(here);
    write_file(here / "mine", "mine");
    for (const std::string& verb : both_verbs) {
        const answer there = call({verb, file, "--output", here / "mine"});
        BOOST_TEST(there.code == 4);
        BOOST_TEST(contains(there.err, here / "mine"));
        BOOST_TEST(read_file(here / "mine") == "mine");
        BOOST_TEST(call({verb, file, "--output", file}).code == 4);
        const answer nowhere = call({verb, file, "--output", here / "no/such/folder"});
        BOOST_TEST(nowhere.code == 4);
        BOOST_TEST(contains(nowhere.err, "mkdir -p"));
        BOOST_TEST(call({verb, file, "--output", "/proc/new"}).code == 4);
        const std::atomic<bool> interrupted{true};
        const answer stopped = call({verb, file, "--output", here / "new"}, "", &interrupted);
        BOOST_TEST(stopped.code == 130);
        BOOST_TEST(contains(stopped.err, "nothing was made"));
        require_nothing_made(here, {"mine", "sample.pinyon"});
    }
}

BOOST_AUTO_TEST_CASE(a_full_disk_and_another_file_system) {
    if (const std::string why = own_mounts(); !why.empty()) {
        std::cout << "SKIPPED copies onto a full disk: " << why << '\n';
        return;
    }
    const folder here;
    const std::string file = large_sample(here);
    const memory_mount small(256 << 10);
    const memory_mount roomy(64 << 20);
    for (const std::string& verb : both_verbs) {
        const answer full = call({verb, file, "--output", small / "new"});
        BOOST_TEST_CONTEXT(full.err) {
            BOOST_TEST(full.code == 4);
            BOOST_TEST(contains(full.err, "[no_space]"));
            BOOST_TEST(contains(full.err, small / "new"));
            BOOST_TEST(fs::is_empty(fs::path(small / "new").parent_path()));
        }
        BOOST_TEST(call({verb, file, "--output", roomy / verb}).code == 0);
        require_sound_copy(file, roomy / verb);
    }
}

// --- the log -------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(what_a_crash_left_in_the_log_is_in_the_copy) {
    for (const std::string name : {"log.pinyon", "pending.pinyon"}) {
        for (const std::string& verb : both_verbs) {
            const folder here;
            const std::string file = golden_copy(here, name);
            const answer told = call({verb, file, "--output", here / "new", "--json"});
            BOOST_TEST_CONTEXT(verb << ' ' << name) {
                BOOST_TEST(told.code == 0);
                require_sound_copy(file, here / "new");
                if (verb == "backup") {
                    BOOST_TEST(told.json()["log_transactions"] == (name == "log.pinyon" ? 4 : 0));
                }
                const answer without = call({verb, file, "--output", here / "old", "--checkpoint"});
                BOOST_TEST(without.code == 0);
                require_sound_copy(file, here / "old", {"--checkpoint"});
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(of_a_damaged_or_missing_log_nothing_is_made) {
    for (const std::string& verb : both_verbs) {
        const folder here;
        const std::string file = golden_copy(here, "log.pinyon");
        std::vector<std::string> names = here.names();
        const std::string segment = here / names[2];
        const std::string whole = read_file(segment);
        std::string content = whole;
        content[5000] ^= '\x10';
        write_file(segment, content);
        const auto require_refused = [&] {
            const answer told = call({verb, file, "--output", here / "new"});
            BOOST_TEST_CONTEXT(verb << ": " << told.err) {
                BOOST_TEST(told.code == 3);
                BOOST_TEST(contains(told.err, "next: pinyon recover"));
                BOOST_TEST(!contains(told.err, ".new-"));
                require_nothing_made(here, names);
            }
        };
        require_refused();
        write_file(segment, whole);
        // The last one's header: the one before ends as if it were the last.
        const std::string last = here / names.back();
        const std::string end = read_file(last);
        content = end;
        content[96] ^= '\x01';
        write_file(last, content);
        require_refused();
        write_file(last, end);
        fs::remove(segment);
        std::erase(names, fs::path(segment).filename().string());
        require_refused();
        BOOST_TEST(call({verb, file, "--output", here / "old", "--checkpoint"}).code == 0);
        require_sound_copy(file, here / "old", {"--checkpoint"});
    }
}

// --- beside a writer -----------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(beside_a_writer_it_is_the_last_checkpoint) {
    const folder here;
    const std::string file = sample(here);
    const auto live = database::open(file);
    const auto put = [&live](const std::string& key) {
        live.update([&](write_transaction& tx) {
            tx.open_as("words", {"string", "string", 0, 0, 1}).put(as_bytes(key), as_bytes("v"));
        });
    };
    put("yew");
    live.checkpoint();
    put("rowan");
    for (const std::string& verb : both_verbs) {
        const answer told = call({verb, file, "--output", here / verb});
        BOOST_TEST(told.code == 0);
        BOOST_TEST(contains(told.err, "last checkpoint"));
        BOOST_TEST(call({"check", here / verb}).code == 0);
        BOOST_TEST(call({"count", here / verb, "--tree", "words"}).out == "5\n");
        BOOST_TEST(call({verb, file, "--output", here / "q", "-q"}).err.empty());
        fs::remove(here / "q");
    }
    BOOST_TEST(
        call({"backup", file, "--output", here / "b", "--json"}).json()["open_for_writing"] ==
        true);
}

// Each look at the clock is a checkpoint of a state that shares no page with the one before.
BOOST_AUTO_TEST_CASE(a_writer_that_goes_on_does_not_disturb_a_backup) {
    const folder here;
    const std::string file = here / "a.pinyon";
    options how;
    how.background = background::none;
    const auto live = database::open(file, how);
    unsigned generation = 0;
    const auto commit = [&] {
        ++generation;
        live.update([&](write_transaction& tx) {
            auto tree = tx.open(values);
            const std::string value = std::to_string(generation) + std::string(900, '.');
            for (int i = 0; i < 2000; ++i) { tree.put(std::to_string(i), value); }
        });
        live.checkpoint();
    };
    for (int i = 0; i < 4; ++i) { commit(); }
    const answer told =
        call_beside({"backup", file, "--output", here / "b.pinyon", "--json"}, commit);
    BOOST_TEST(told.code == 0);
    BOOST_TEST(told.json()["attempts"] == 1);
    BOOST_TEST(generation > 8U);
    BOOST_TEST(call({"check", here / "b.pinyon"}).code == 0);
    const json entries = call({"scan", here / "b.pinyon", "--json"}).json()["entries"];
    BOOST_TEST(entries.size() == 2000U);
    for (const json& each : entries) { BOOST_TEST(each["value"] == entries[0]["value"]); }
    BOOST_TEST(live.statistics().held_pages < live.statistics().file_pages);
}

// As a file is that comes over a network without locks: its pages are other ones at each look, and
// its metas say so.
BOOST_AUTO_TEST_CASE(a_state_that_is_overwritten_each_time_is_given_up) {
    const folder here;
    const std::string file = checked_sample(here);
    const std::string whole = read_file(file);
    std::uint64_t sequence = 0;
    const auto overwrite = [&](bool damaged) {
        write_file(file, whole);
        forged_file forged(io::posix_file_system(), file);
        sequence = std::max(sequence, forged.meta.sequence) + 2;
        forged.meta.sequence = sequence;
        forged.store_metas();
        for (std::uint64_t page = 2; damaged && page < forged.meta.page_count; ++page) {
            forged.page(page)[100] ^= std::byte{1};
        }
        forged.save();
    };
    const answer told =
        call_beside({"backup", file, "--output", here / "b.pinyon"}, [&] { overwrite(true); });
    BOOST_TEST_CONTEXT(told.err) {
        BOOST_TEST(told.code == 6);
        BOOST_TEST(contains(told.err, "each of 5 attempts"));
        require_nothing_made(here, {"a.pinyon"});
    }
    // Once it rests, another attempt does it.
    write_file(file, whole);
    int looks = 0;
    const answer late = call_beside({"backup", file, "--output", here / "b.pinyon", "--json"}, [&] {
        if (++looks <= 3) { overwrite(looks < 3); }
    });
    BOOST_TEST_CONTEXT(late.err) {
        BOOST_TEST(late.code == 0);
        BOOST_TEST(late.json()["attempts"] > 1);
        require_sound_copy(file, here / "b.pinyon");
    }
}

// A process commits the transactions of a journal and makes checkpoints all the time: each copy
// holds exactly what its first n transactions make.
BOOST_AUTO_TEST_CASE(beside_a_process_at_work_every_backup_is_a_state_that_was) {
    const folder here;
    const std::string file = here / "live.pinyon";
    const std::uint64_t seed = 77;
    bounds of_worker;
    worker_process worker("transaction_worker",
                          {file, std::to_string(seed), "100000000", "2", "16384"}, of_worker);
    BOOST_REQUIRE(worker.wait_for(event::checkpointed));
    const std::string copy = here / "copy.pinyon";
    journal_judge judge(copy, seed);
    bounds of_copies;
    std::uint64_t retried = 0;
    std::uint64_t last = 0;
    std::uint64_t states = 0;
    for (int round = 0; round < 20; ++round) {
        const answer told = call({"backup", file, "--output", copy, "--json"});
        BOOST_TEST_CONTEXT("round " << round << ": " << told.err) {
            BOOST_REQUIRE(told.code == 0);
            BOOST_TEST(contains(told.err, "last checkpoint"));
            retried += told.json()["attempts"] == 1 ? 0 : 1;
            of_copies.submitted[UINT64_MAX] = 1;
            BOOST_TEST(judge.judge(of_copies) == "");
            states += of_copies.low() > last ? 1 : 0;
            last = of_copies.low();
        }
        fs::remove(copy);
        BOOST_REQUIRE(worker.run_for(std::chrono::milliseconds(20)));
    }
    BOOST_TEST(worker.kill());
    BOOST_TEST(worker.complaints() == "");
    BOOST_TEST(last <= of_worker.high());
    BOOST_TEST(states > 10U);
    BOOST_TEST(retried == 0U);
    BOOST_TEST_MESSAGE(states << " states, the last of transaction " << last);
    // What the process left is copied with its log.
    BOOST_TEST(call({"backup", file, "--output", copy}).code == 0);
    BOOST_TEST(judge.judge(of_worker) == "");
}

// Compact, which holds nothing, is right or says that it is not whole.
BOOST_AUTO_TEST_CASE(beside_a_process_at_work_compact_is_right_or_incomplete) {
    const folder here;
    const std::string file = here / "live.pinyon";
    const std::uint64_t seed = 78;
    bounds of_worker;
    worker_process worker("transaction_worker",
                          {file, std::to_string(seed), "100000000", "1", "16384"}, of_worker);
    BOOST_REQUIRE(worker.wait_for(event::checkpointed));
    const std::string copy = here / "copy.pinyon";
    journal_judge judge(copy, seed);
    bounds of_copies;
    int whole = 0;
    for (int round = 0; round < 20; ++round) {
        const answer told = call({"compact", file, "--output", copy});
        BOOST_TEST_CONTEXT("round " << round << ": " << told.err) {
            BOOST_TEST((told.code == 0 || told.code == 6));
            BOOST_TEST(fs::exists(copy) == (told.code == 0));
            if (told.code == 0) {
                ++whole;
                of_copies.submitted[UINT64_MAX] = 1;
                BOOST_TEST(judge.judge(of_copies) == "");
                fs::remove(copy);
            }
        }
        (void)worker.run_for(std::chrono::milliseconds(5));
    }
    BOOST_TEST(worker.kill());
    BOOST_TEST_MESSAGE(whole << " of 20 were whole");
    for (const std::string& name : here.names()) { BOOST_TEST(!contains(name, ".new-")); }
}
