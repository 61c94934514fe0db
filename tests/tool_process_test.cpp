#define BOOST_TEST_MODULE tool_process
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "pinyon/engine/database.hpp"
#include "support/command_process.hpp"
#include "support/temporary_directory.hpp"
#include "support/whole_file.hpp"

namespace fs = std::filesystem;
using words = std::vector<std::string>;
using namespace pinyon::test;

namespace {

using answer = command_end;

// Its handler is there; at most half a minute.
void wait_until_it_catches(int signal, pid_t child) {
    for (int attempt = 0; attempt != 30'000; ++attempt) {
        std::ifstream status("/proc/" + std::to_string(child) + "/status");
        for (std::string line; std::getline(status, line);) {
            if (!line.starts_with("SigCgt:")) { continue; }
            const std::uint64_t caught = std::stoull(line.substr(7), nullptr, 16);
            if ((caught >> (signal - 1) & 1) != 0) { return; }
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    BOOST_FAIL("the command does not listen for signals");
}

answer call(const words& arguments, const child_setup& setup = {}) {
    return run_command(arguments, setup);
}

std::string sample(const temporary_directory& here, int entries) {
    std::string text;
    for (int i = 0; i < entries; ++i) {
        text += std::to_string(i) + ",value of " + std::to_string(i) + "\n";
    }
    write_file(here / "sample.csv", text);
    const std::string file = here / "sample.pinyon";
    const answer made =
        call({"import", file, here / "sample.csv", "--tree", "t", "--key-type", "u64"});
    BOOST_REQUIRE_MESSAGE(made.code == 0, made.err << " (the command is " << command_path() << ")");
    return file;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_CASE(results_go_to_standard_output_and_all_else_to_standard_error) {
    const temporary_directory here;
    const std::string file = sample(here, 100);
    const answer found = call({"get", file, "7"});
    BOOST_TEST(found.code == 0);
    BOOST_TEST(found.out == "value of 7\n");
    BOOST_TEST(found.err.empty());
    const struct {
        words arguments;
        int code;
    } cases[] = {
        {{"get", file, "1000"}, 1}, {{"get", file}, 2},         {{"get", here / "none", "1"}, 4},
        {{"info", "/"}, 4},         {{here / "sample.csv"}, 5}, {{"info", "/dev/null"}, 5},
    };
    for (const auto& each : cases) {
        const answer told = call(each.arguments);
        BOOST_TEST_CONTEXT(told.err) {
            BOOST_TEST(told.code == each.code);
            BOOST_TEST(told.out.empty());
            BOOST_TEST(told.err.substr(0, 6) == "pinyon");
        }
    }
}

BOOST_AUTO_TEST_CASE(an_output_that_cannot_be_written_is_no_success) {
    const temporary_directory here;
    const std::string file = sample(here, 20000);
    const std::string before = read_file(file);
    const int full = ::open("/dev/full", O_WRONLY | O_CLOEXEC);
    BOOST_TEST(call({"scan", file}, {.standard_output = full}).code == 4);
    BOOST_TEST(call({"count", file}, {.standard_output = full}).code == 4);
    ::close(full);
    BOOST_TEST(call({"scan", file}, {.close_output = true}).code == 4);
    BOOST_TEST((read_file(file) == before));
}

BOOST_AUTO_TEST_CASE(an_interrupted_import_writes_nothing) {
    const temporary_directory here;
    const std::string old = sample(here, 1000);
    const auto names = here.names();
    for (const std::string& file : {old, here / "new.pinyon"}) {
        for (const int lines : {0, 1000, 100000}) {
            BOOST_TEST_CONTEXT(file << " after " << lines << " lines") {
                int ends[2];
                BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
                const temporary_directory output;
                answer told;
                const pid_t child =
                    start_command({"import", file, "-", "--tree", "u"}, output / "out",
                                  output / "err", {.standard_input = ends[0]});
                ::close(ends[0]);
                std::string text;
                for (int i = 0; i < lines; ++i) { text += "line " + std::to_string(i) + "\n"; }
                BOOST_TEST(::write(ends[1], text.data(), text.size()) ==
                           static_cast<ssize_t>(text.size()));
                // The pipe holds 64 KiB: with 100,000 lines the reader is at work by now, with less
                // it waits for more or is interrupted before it began.
                wait_until_it_catches(SIGINT, child);
                ::kill(child, SIGINT);
                finish_command(child, told);
                ::close(ends[1]);
                BOOST_TEST(told.code == 130);
                BOOST_TEST(contains(read_file(output / "err"), "as it was before"));
                BOOST_TEST((here.names() == names));
                BOOST_TEST(call({"count", old}).out == "1000\n");
                BOOST_TEST(call({"check", old}).code == 0);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_read_only_file_in_a_read_only_folder_can_be_inspected_by_anyone) {
    if (::geteuid() != 0) {
        std::cout << "SKIPPED inspection as another user: needs root\n";
        return;
    }
    const temporary_directory here;
    const std::string file = sample(here, 5000);
    const std::string before = read_file(file);
    const auto names = here.names();
    ::chmod(file.c_str(), 0444);
    ::chmod(here.path().c_str(), 0555);
    // The command itself may stand where nobody may look.
    const temporary_directory place;
    ::chmod(place.path().c_str(), 0755);
    fs::copy_file(command_path(), place / "pinyon");
    ::chmod((place / "pinyon").c_str(), 0755);
    const child_setup nobody{.as_nobody = true, .command = place / "pinyon"};
    for (const words& each : std::vector<words>{{"info", file},
                                                {"check", file},
                                                {"stat", file},
                                                {"get", file, "7"},
                                                {"scan", file},
                                                {"count", file}}) {
        const answer told = call(each, nobody);
        BOOST_TEST_CONTEXT(each[0] << ": " << told.err) { BOOST_TEST(told.code == 0); }
    }
    const answer refused = call({"import", file, here / "sample.csv", "--tree", "u"}, nobody);
    BOOST_TEST(refused.code == 4);
    BOOST_TEST((read_file(file) == before));
    BOOST_TEST((here.names() == names));
}

BOOST_AUTO_TEST_CASE(beside_a_writer_at_work_an_answer_is_whole_or_says_that_it_is_not) {
    const temporary_directory here;
    const std::string file = here / "live.pinyon";
    constexpr pinyon::tree_spec<std::uint64_t, std::string_view> spec{"t"};
    constexpr std::uint64_t entries = 3000;
    const auto live = pinyon::database::open(file);
    std::atomic<bool> enough{false};
    const auto commit = [&](std::uint64_t generation) {
        live.update(
            [&](pinyon::write_transaction& change) {
                auto tree = change.open(spec);
                const std::string value =
                    "generation " + std::to_string(generation) + std::string(60, '.');
                for (std::uint64_t i = 0; i < entries; ++i) { tree.put(i, value); }
            },
            pinyon::durability::checkpoint);
    };
    commit(0);
    std::thread writer([&] {
        for (std::uint64_t generation = 1; !enough.load(); ++generation) { commit(generation); }
    });
    int whole = 0;
    for (int round = 0; round < 40; ++round) {
        const answer scanned = call({"scan", file});
        BOOST_TEST_CONTEXT("code " << scanned.code << ", signal " << scanned.signal << ": "
                                   << scanned.err) {
            BOOST_TEST((scanned.code == 0 || scanned.code == 6));
        }
        if (scanned.code == 0) {
            ++whole;
            std::set<std::string> values;
            std::istringstream lines(scanned.out);
            for (std::string line; std::getline(lines, line);) {
                values.insert(line.substr(line.find('\t')));
            }
            BOOST_TEST(values.size() == 1u);
            BOOST_TEST(contains(scanned.err, "last checkpoint"));
        }
        const answer checked = call({"check", file});
        BOOST_TEST_CONTEXT("code " << checked.code << ", signal " << checked.signal << ": "
                                   << checked.out << checked.err) {
            BOOST_TEST((checked.code == 0 || checked.code == 6));
        }
    }
    enough.store(true);
    writer.join();
    BOOST_TEST_MESSAGE(whole << " of 40 scans beside the writer were whole");
    BOOST_TEST(call({"count", file}).out == "3000\n");
}

BOOST_AUTO_TEST_CASE(colour_is_for_terminals_alone) {
    const temporary_directory here;
    const std::string file = sample(here, 10);
    const auto on_terminal = [&](const char* no_colour) {
        int master = -1;
        int slave = -1;
        BOOST_REQUIRE(::openpty(&master, &slave, nullptr, nullptr, nullptr) == 0);
        no_colour == nullptr ? ::unsetenv("NO_COLOR") : ::setenv("NO_COLOR", no_colour, 1);
        ::setenv("TERM", "xterm", 1);
        const answer told = call({"info", file}, {.standard_output = slave});
        BOOST_TEST(told.code == 0);
        std::string text(65536, '\0');
        const ssize_t got = ::read(master, text.data(), text.size());
        text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        ::close(slave);
        ::close(master);
        ::unsetenv("NO_COLOR");
        return text;
    };
    BOOST_TEST(contains(on_terminal(nullptr), "\x1b["));
    BOOST_TEST(contains(on_terminal(""), "\x1b["));
    BOOST_TEST(!contains(on_terminal("1"), "\x1b["));
    BOOST_TEST(!contains(call({"info", file}).out, "\x1b["));
}

BOOST_AUTO_TEST_CASE(damaged_files_end_in_exit_codes_and_never_in_signals) {
    const temporary_directory here;
    const std::string file = sample(here, 3000);
    const std::string good = read_file(file);
    const std::string scanned = call({"scan", file}).out;
    const unsigned seed = 60042;
    std::mt19937 random(seed);
    const std::string bad = here / "bad.pinyon";
    for (int round = 0; round < 60; ++round) {
        std::string content = good;
        const std::size_t page = random() % (good.size() / 4096);
        const std::size_t start = page * 4096;
        switch (round % 4) {
            case 0:
                std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(start), 4096, '\0');
                break;
            case 1:
                for (std::size_t i = 0; i < 4096; ++i) {
                    content[start + i] = static_cast<char>(random());
                }
                break;
            case 2:
                content[start + random() % 4096] ^= static_cast<char>(1u << random() % 8);
                break;
            default:
                content.resize(start + random() % 4096);
                break;
        }
        write_file(bad, content);
        const std::vector<words> calls{{"info", bad},     {"check", bad}, {"stat", bad},
                                       {"get", bad, "7"}, {"scan", bad},  {"count", bad}};
        const words& each = calls[random() % calls.size()];
        const answer told = call(each);
        BOOST_TEST_CONTEXT("seed " << seed << ", round " << round << ", page " << page << ", "
                                   << each[0] << ": " << told.err) {
            BOOST_TEST(told.signal == 0);
            BOOST_TEST((told.code == 0 || told.code == 1 || (told.code >= 3 && told.code <= 6)));
            if (told.code == 0 && each[0] == "scan") { BOOST_TEST((told.out == scanned)); }
            if (told.code == 0 && each[0] == "get") { BOOST_TEST(told.out == "value of 7\n"); }
            if (told.code == 0 && each[0] == "count") { BOOST_TEST(told.out == "3000\n"); }
            BOOST_TEST(!(told.code == 1 && each[0] == "get"));
        }
    }
}
