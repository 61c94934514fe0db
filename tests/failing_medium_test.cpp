// A file that fails under its mapping: cut by another program, or on a medium that cannot be read
// any more (EIO from a real block device). With options.sigbus_handler every way to use the
// database ends in an error; no signal ends the process, and no wrong data comes back.
#define BOOST_TEST_MODULE failing_medium
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <iostream>
#include <string>

#include "support/journal.hpp"
#include "support/long_run.hpp"
#include "support/private_mounts.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace pinyon;

constexpr std::uint64_t keys = 40'000;
constexpr tree_spec<std::uint64_t, std::string_view> values{"values"};

[[nodiscard]] std::string value_of(std::uint64_t key) {
    return std::string(200, static_cast<char>('a' + key % 26)) + std::to_string(key);
}

[[nodiscard]] options how(paging mode) {
    options chosen;
    chosen.paging = mode;
    chosen.pool_bytes = std::uint64_t{2} << 20;
    chosen.sigbus_handler = true;
    return chosen;
}

void make(const std::string& path) {
    // Without the handler: the children install it.
    options chosen = how(paging::pool);
    chosen.sigbus_handler = false;
    database db = database::open(path, chosen);
    db.update([](write_transaction& tx) {
        auto tree = tx.open(values);
        for (std::uint64_t key = 0; key != keys; ++key) { tree.put(key, value_of(key)); }
    });
    db.close();
}

enum exit_code : int { as_wanted = 0, no_error = 1, wrong_error = 2, wrong_data = 3 };

// A write behind the end of the broken medium makes all before it readable, as zeros: the checksums
// tell.
bool medium_lies = false;

[[nodiscard]] int judged(const error& failure) {
    switch (failure.kind()) {
        case errc::io:
        case errc::truncated:
        case errc::poisoned:
        case errc::commit_unknown:
        case errc::transaction_failed:
            return as_wanted;
        case errc::corrupt:
            if (medium_lies) { return as_wanted; }
            [[fallthrough]];
        default:
            std::cout << "unexpected: " << failure.what() << std::endl;
            return wrong_error;
    }
}

struct use {
    const char* name;
    int (*action)(database& db);
};

[[nodiscard]] int get_all(database& db) {
    const read_transaction tx = db.begin_read();
    const auto tree = tx.open(values);
    int failed = no_error;
    for (std::uint64_t key = 0; key != keys; ++key) {
        try {
            const auto value = tree.get(key);
            // A view that fails while it is looked at shows zeros; then the next get says so.
            if (!value || *value != value_of(key)) {
                (void)tree.get(key);
                return wrong_data;
            }
        } catch (const error& failure) {
            failed = judged(failure);
            if (failed != as_wanted) { return failed; }
        }
    }
    return failed;
}

[[nodiscard]] int scan(database& db) {
    try {
        const read_transaction tx = db.begin_read();
        std::uint64_t expected = 0;
        for (const auto& entry : tx.open(values).all()) {
            if (entry.key != expected++) { return wrong_data; }
        }
    } catch (const error& failure) { return judged(failure); }
    return no_error;
}

[[nodiscard]] int change(database& db) {
    for (std::uint64_t key = 0; key < keys; key += 50) {
        try {
            write_transaction tx = db.begin_write();
            tx.open(values).put(key, "new");
            tx.commit(durability::checkpoint);
        } catch (const error& failure) { return judged(failure); }
    }
    return no_error;
}

// It may fail and it may succeed; it comes back.
[[nodiscard]] int close_it(database& db) {
    try {
        db.close();
    } catch (const error& failure) { return judged(failure); }
    return as_wanted;
}

constexpr use uses[] = {{"get", get_all}, {"scan", scan}, {"change", change}, {"close", close_it}};

// The work in a process of its own, that a signal or a hang would end; its exit code, or what ended
// it.
[[nodiscard]] std::string outcome(const std::function<int()>& work) {
    const pid_t child = ::fork();
    if (child == 0) {
        // The test's own handlers go.
        for (const int each : {SIGBUS, SIGSEGV, SIGABRT, SIGFPE, SIGILL}) {
            (void)::signal(each, SIG_DFL);
        }
        ::alarm(60);
        int code = 99;
        try {
            code = work();
        } catch (const std::exception& failure) { std::cout << failure.what() << std::endl; }
        ::_exit(code);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) { return "signal " + std::to_string(WTERMSIG(status)); }
    return "exit code " + std::to_string(WEXITSTATUS(status));
}

// Reads a part first, so that some pages are mapped and most are not.
[[nodiscard]] int use_after(const std::string& path, paging mode, const std::function<void()>& harm,
                            const use& chosen) {
    database db = database::open(path, how(mode));
    db.view([](const read_transaction& tx) {
        const auto tree = tx.open(values);
        for (std::uint64_t key = 0; key < keys; key += 500) { (void)tree.get(key); }
    });
    harm();
    return chosen.action(db);
}

void drop_cache(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
}

struct closing_line {
    ~closing_line() {
        test::report("T17", std::to_string(cases) + " cases of failing files", test::failed_cases(),
                     1);
    }
    static inline int cases = 0;
};
BOOST_TEST_GLOBAL_FIXTURE(closing_line);

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_cut_under_its_mapping) {
    const test::temporary_directory folder;
    for (const paging mode : {paging::pool, paging::raw}) {
        for (const use& chosen : uses) {
            BOOST_TEST_CONTEXT(chosen.name << (mode == paging::raw ? ", raw" : ", pool")) {
                const std::string path = folder / std::to_string(closing_line::cases++);
                make(path);
                const auto cut = [&path] {
                    std::filesystem::resize_file(path, std::uint64_t{1} << 20);
                };
                BOOST_TEST(outcome([&] { return use_after(path, mode, cut, chosen); }) ==
                           "exit code 0");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(another_database_goes_on) {
    const test::temporary_directory folder;
    ++closing_line::cases;
    make(folder / "cut");
    make(folder / "whole");
    BOOST_TEST(outcome([&] {
                   database whole = database::open(folder / "whole", how(paging::pool));
                   const auto cut = [&] {
                       std::filesystem::resize_file(folder / "cut", std::uint64_t{1} << 20);
                   };
                   const int cut_one = use_after(folder / "cut", paging::raw, cut, uses[1]);
                   return cut_one != as_wanted ? cut_one : scan(whole) == no_error ? 0 : 50;
               }) == "exit code 0");
}

BOOST_AUTO_TEST_CASE(a_medium_that_cannot_be_read) {
    constexpr std::uint64_t medium_bytes = std::uint64_t{64} << 20;
    std::string why = test::own_mounts();
    try {
        if (why.empty()) { const test::loop_mount probe(medium_bytes); }
    } catch (const std::exception& failure) { why = failure.what(); }
    if (!why.empty()) { return test::skipped("a medium that cannot be read", why); }
    for (const paging mode : {paging::pool, paging::raw}) {
        for (const use& chosen : uses) {
            if (chosen.action == close_it) { continue; }
            BOOST_TEST_CONTEXT(chosen.name << (mode == paging::raw ? ", raw" : ", pool")) {
                ++closing_line::cases;
                const test::loop_mount disk(medium_bytes);
                const std::string path = disk / "a.pinyon";
                make(path);
                drop_cache(path);
                // Files begin some way into the medium; most of ours lies behind.
                const auto harm = [&] {
                    medium_lies = chosen.action == change;
                    disk.break_beyond(std::uint64_t{12} << 20);
                    drop_cache(path);
                };
                BOOST_TEST(outcome([&] { return use_after(path, mode, harm, chosen); }) ==
                           "exit code 0");
            }
        }
    }
}
