// The verbs that look at structure, before damage of every kind and beside a writer: they end with
// an exit code of theirs, write nothing, and change nothing.
#define BOOST_TEST_MODULE tool_structure
#include <boost/test/unit_test.hpp>

#include <sys/stat.h>

#include <chrono>
#include <cstring>
#include <ctime>
#include <functional>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/slow_build.hpp"
#include "support/tool_sample.hpp"

namespace {

using namespace pinyon::test;
namespace io = pinyon::io;

// Every verb, and the pages that `page` and `owner` are asked for.
std::vector<words> calls_on(const std::string& file, std::uint64_t page) {
    return {{"pages", file},
            {"pages", file, "--runs", "--json"},
            {"page", file, text(page)},
            {"page", file, text(page), "--json", "--hex"},
            {"owner", file, text(page)},
            {"owner", file, text(page), "--json"},
            {"map", file, "--by", "age"},
            {"map", file, "--json"},
            {"tree", file},
            {"tree", file, "--json"},
            {"tree", file, "--dot"},
            {"path", file, "23757", "--tree", "numbers"},
            {"path", file, "large", "--tree", "texts", "--json"},
            {"free", file},
            {"free", file, "--json"},
            {"log", file}};
}

class damage_judge {
public:
    // `codes`: how a verb may end.
    explicit damage_judge(std::set<int> codes) : codes_(std::move(codes)) {}

    void judge(const std::string& file, std::uint64_t page) {
        for (const words& each : calls_on(file, page)) {
            const std::clock_t begun = std::clock();
            const answer told = call(each);
            // Of the processor: other work on the machine is no fault of the verb.
            const double seconds = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
            ++judged;
            BOOST_TEST(codes_.count(told.code) == 1u, each[0] << " on page " << page
                                                              << " ends with " << told.code << ": "
                                                              << told.err);
            BOOST_TEST(seconds < (slow_build ? 20 : 2));
            // What failed says so, and a document is whole all the same.
            if (told.code > 1) { BOOST_TEST(contains(told.err, "pinyon " + each[0])); }
            const bool is_document = each.back() == "--json" || each.back() == "--hex";
            if (is_document && !told.out.empty()) { BOOST_TEST(!told.json().empty()); }
        }
    }

    std::uint64_t judged = 0;

private:
    std::set<int> codes_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(every_damaged_page_leaves_every_verb_an_answer) {
    const folder here;
    const std::string file = checked_sample(here);
    const forged_file sound(io::posix_file_system(), file);
    std::mt19937 random(7);
    damage_judge judge({0, 1, 3});
    // The free pages behind the last one that is used tell nothing new.
    const std::uint64_t pages = std::min<std::uint64_t>(sound.meta.page_count, 60);
    for (std::uint64_t page = 2; page < pages; ++page) {
        for (int kind = 0; kind < 3; ++kind) {
            forged_file forged = sound;
            std::byte* const content = forged.page(page);
            if (kind == 0) { std::memset(content, 0, 4096); }
            for (int i = 0; kind == 1 && i < 4096; ++i) { content[i] = std::byte(random() & 0xff); }
            if (kind == 2) { content[random() % 4096] ^= std::byte(1u << random() % 8); }
            forged.save();
            BOOST_TEST_CONTEXT("page " << page << ", damage " << kind) { judge.judge(file, page); }
        }
    }
    BOOST_TEST(judge.judged > 1000u);
}

BOOST_AUTO_TEST_CASE(a_forger_who_seals_again_gets_an_answer_too) {
    const folder here;
    const std::string file = checked_sample(here);
    const forged_file sound(io::posix_file_system(), file);
    std::mt19937 random(11);
    damage_judge judge({0, 1, 3});
    std::vector<std::uint64_t> victims{sound.meta.catalog.page, sound.meta.free_first};
    {
        forged_file forged = sound;
        for (const char* tree : {"numbers", "degrees", "texts"}) {
            victims.push_back(forged.record(tree).root.page);
            victims.push_back(*leaf_of(forged, tree, 1));
        }
    }
    for (const std::uint64_t page : victims) {
        for (int round = 0; round < 12; ++round) {
            forged_file forged = sound;
            // Mostly where header, slots and the first elements stand.
            for (int i = 0; i < 3; ++i) {
                const std::size_t at = 4 + random() % (round % 3 == 0 ? 4092 : 300);
                forged.page(page)[at] = std::byte(random() & 0xff);
            }
            forged.reseal();
            forged.save();
            BOOST_TEST_CONTEXT("page " << page << ", round " << round) { judge.judge(file, page); }
        }
    }
}

BOOST_AUTO_TEST_CASE(metas_that_lie_leave_every_verb_an_answer) {
    const folder here;
    const std::string file = checked_sample(here);
    const forged_file sound(io::posix_file_system(), file);
    std::mt19937 random(13);
    damage_judge judge({0, 1, 3, 5});
    for (int round = 0; round < 60; ++round) {
        forged_file forged = sound;
        auto* const bytes = reinterpret_cast<std::byte*>(&forged.meta);
        // All but magic, version and page size; sealed again in two of three rounds.
        bytes[16 + random() % 232] ^= std::byte(1u << random() % 8);
        forged.store_metas();
        if (round % 3 == 0) { forged.content[random() % 8192] ^= std::byte{16}; }
        forged.save();
        BOOST_TEST_CONTEXT("round " << round) {
            judge.judge(file, static_cast<std::uint64_t>(round % 8));
        }
    }
}

BOOST_AUTO_TEST_CASE(truncations_leave_every_verb_an_answer) {
    const folder here;
    const std::string file = checked_sample(here);
    const std::string content = read_file(file);
    damage_judge judge({0, 1, 3, 5});
    for (std::size_t size = 0; size < content.size(); size += 512 * (1 + size / 16384)) {
        write_file(file, content.substr(0, size));
        BOOST_TEST_CONTEXT("cut to " << size << " bytes") { judge.judge(file, size / 4096); }
    }
}

BOOST_AUTO_TEST_CASE(inspectors_of_structure_change_nothing_and_need_no_right_to_write) {
    const folder here;
    const std::string file = checked_sample(here);
    ::chmod(file.c_str(), 0444);
    const std::string before = read_file(file);
    const auto names = here.names();
    for (const words& each : calls_on(file, 5)) {
        BOOST_TEST_CONTEXT(each[0]) {
            const answer told = call(each);
            BOOST_TEST(told.code == 0);
            // The same bytes in, the same bytes out.
            BOOST_TEST((call(each).out == told.out));
            BOOST_TEST((read_file(file) == before));
            BOOST_TEST((here.names() == names));
        }
    }
}

namespace {

// What happens whenever a line of progress asks for the time.
std::function<void()> meanwhile;

std::chrono::steady_clock::time_point clock_of_a_busy_machine() {
    if (meanwhile) { meanwhile(); }
    return std::chrono::steady_clock::now();
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_writer_that_moves_on_makes_the_answer_incomplete) {
    const folder here;
    const std::string file = checked_sample(here);
    const auto live = pinyon::database::open(file);
    std::uint64_t commits = 0;
    meanwhile = [&] {
        live.update([&](pinyon::write_transaction& tx) { tx.open(numbers).put(commits, commits); },
                    pinyon::durability::checkpoint);
        ++commits;
    };
    for (const words& each : std::vector<words>{{"pages", file},
                                                {"page", file, "5"},
                                                {"owner", file, "5"},
                                                {"map", file},
                                                {"tree", file},
                                                {"free", file}}) {
        std::ostringstream out;
        std::ostringstream err;
        const pinyon::tool::streams streams{.out = out,
                                            .err = err,
                                            .in = {},
                                            .err_is_terminal = true,
                                            .now = clock_of_a_busy_machine};
        BOOST_TEST_CONTEXT(each[0]) {
            BOOST_TEST(pinyon::tool::run(each, streams) == 6);
            BOOST_TEST(contains(err.str(), "open for writing elsewhere"));
            BOOST_TEST(contains(err.str(), "next: the same command again"));
        }
    }
    meanwhile = {};
    BOOST_TEST(commits > 6u);
    BOOST_TEST(call({"pages", file}).code == 0);
}

BOOST_AUTO_TEST_CASE(results_that_cannot_be_written_are_no_success) {
    const folder here;
    const std::string file = checked_sample(here);
    for (const words& each : calls_on(file, 5)) {
        std::ofstream full("/dev/full");
        std::ostringstream err;
        const pinyon::tool::streams streams{.out = full, .err = err, .in = {}};
        BOOST_TEST_CONTEXT(each[0]) {
            BOOST_TEST(pinyon::tool::run(each, streams) == 4);
            BOOST_TEST(contains(err.str(), "standard output"));
        }
    }
}

BOOST_AUTO_TEST_CASE(whoever_has_had_enough_is_heard) {
    const folder here;
    const std::string file = checked_sample(here);
    const std::atomic<bool> interrupted{true};
    for (const char* verb : {"pages", "map", "tree", "free"}) {
        const answer told = call({verb, file}, "", &interrupted);
        BOOST_TEST(told.code == 130);
    }
}
