// A file 20 times larger than the pool, written and read by a process whose control group may use
// little more than the pool: it is not killed, what it reads is right, and the memory that the
// file's mappings take stays within the budget at every look.
//
//   memory_limit_test -- --states SECONDS --seed S
#define BOOST_TEST_MODULE memory_limit
#include <boost/test/unit_test.hpp>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>

#include "support/journal.hpp"
#include "support/long_run.hpp"
#include "support/memory_group.hpp"
#include "support/small_log.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace pinyon;
using test::splitmix;

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
constexpr std::uint64_t pool_bytes = 16 * mib;
// The process itself, the kernel's structures for it, and what is dirty at a time.
constexpr std::uint64_t limit_bytes = pool_bytes + 48 * mib;
constexpr std::uint64_t file_bytes = 20 * pool_bytes;
constexpr std::uint64_t value_bytes = 200;
// Ascending keys fill their nodes.
constexpr std::uint64_t entries = file_bytes * 19 / 20 / (value_bytes + 20);

constexpr tree_spec<std::uint64_t, std::string_view> tree_of_values{"values"};

[[nodiscard]] std::string value_of(std::uint64_t key) {
    splitmix random(key);
    std::string value(value_bytes, static_cast<char>('a' + random.below(26)));
    const std::string head = std::to_string(random());
    std::copy(head.begin(), head.end(), value.begin());
    return value;
}

// What the limited process does; the number of wrong entries.
[[nodiscard]] int work(const std::string& path, std::chrono::seconds time, std::uint64_t seed) {
    const auto end = std::chrono::steady_clock::now() + time;
    options chosen;
    chosen.pool_bytes = pool_bytes;
    chosen.eviction = eviction::release;
    test::use_small_log(chosen, 4 * mib);
    const database db = database::open(path, chosen);
    splitmix random(seed);
    constexpr std::uint64_t batch = 5000;
    for (std::uint64_t done = 0; done < entries; done += batch) {
        write_transaction tx = db.begin_write();
        auto tree = tx.open(tree_of_values);
        const std::uint64_t last = std::min(entries, done + batch);
        for (std::uint64_t key = done; key != last; ++key) { tree.put(key, value_of(key)); }
        tx.commit(durability::relaxed);
    }
    std::uint64_t wrong = 0;
    do {
        db.update([&](write_transaction& tx) {
            auto tree = tx.open(tree_of_values);
            for (int i = 0; i != 20; ++i) {
                const std::uint64_t key = random.below(entries);
                const auto value = tree.get(key);
                wrong += value && *value == value_of(key) ? 0U : 1U;
                tree.put(key, value_of(key));
            }
        });
        const read_transaction tx = db.begin_read();
        const auto tree = tx.open(tree_of_values);
        for (int i = 0; i != 100; ++i) {
            const std::uint64_t key = random.below(entries);
            const auto value = tree.get(key);
            wrong += value && *value == value_of(key) ? 0U : 1U;
        }
    } while (std::chrono::steady_clock::now() < end);
    const read_transaction tx = db.begin_read();
    std::uint64_t expected = 0;
    for (const auto& entry : tx.open(tree_of_values).all()) {
        wrong += entry.key == expected++ && entry.value == value_of(entry.key) ? 0U : 1U;
    }
    return wrong == 0 && expected == entries ? 0 : 1;
}

// The process stands still while it is looked at, or two views would be read at two moments.
class watcher {
public:
    watcher(pid_t process, std::string file) : process_(process), file_(std::move(file)) {}

    void look() {
        ::kill(process_, SIGSTOP);
        int status = 0;
        // Stopped, or gone.
        if (::waitpid(process_, &status, WUNTRACED) == process_ && !WIFSTOPPED(status)) {
            status_ = status;
            gone_ = true;
            return;
        }
        peak_ = std::max(peak_, resident());
        ++looks_;
        ::kill(process_, SIGCONT);
    }
    [[nodiscard]] bool gone() const noexcept { return gone_; }
    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] std::uint64_t peak() const noexcept { return peak_; }
    [[nodiscard]] std::uint64_t looks() const noexcept { return looks_; }

private:
    [[nodiscard]] std::uint64_t resident() const {
        std::ifstream maps("/proc/" + std::to_string(process_) + "/smaps");
        std::uint64_t sum = 0;
        bool ours = false;
        for (std::string line; std::getline(maps, line);) {
            const bool heading = line.find('-') < line.find(' ');
            if (heading) { ours = line.ends_with(file_); }
            unsigned long kib = 0;
            if (ours && std::sscanf(line.c_str(), "Rss: %lu kB", &kib) == 1) { sum += kib << 10; }
        }
        return sum;
    }

    pid_t process_;
    std::string file_;
    bool gone_ = false;
    int status_ = 0;
    std::uint64_t peak_ = 0;
    std::uint64_t looks_ = 0;
};

[[nodiscard]] std::string text(std::uint64_t bytes) {
    return std::to_string(bytes / mib) + "." + std::to_string(bytes % mib * 10 / mib) + " MiB";
}

BOOST_AUTO_TEST_CASE(a_file_far_larger_than_the_memory) {
    const test::long_run chosen = test::long_run_of(25);
    std::unique_ptr<test::memory_group> group;
    try {
        group = std::make_unique<test::memory_group>(limit_bytes);
    } catch (const std::runtime_error& failure) {
        test::skip_all("a limit of memory", failure.what());
    }
    const test::temporary_directory folder;
    const std::string path = folder / "large.pinyon";
    const pid_t child = ::fork();
    if (child == 0) {
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        int code = 97;
        try {
            if (group->enter()) {
                code = work(path, std::chrono::seconds(chosen.states), chosen.seed);
            }
        } catch (const std::exception& failure) { std::fprintf(stderr, "%s\n", failure.what()); }
        ::_exit(code);
    }
    watcher seen(child, path);
    while (!seen.gone()) {
        ::usleep(15'000);
        seen.look();
    }
    const bool ended = WIFEXITED(seen.status()) && WEXITSTATUS(seen.status()) == 0;
    const std::uint64_t bytes = std::filesystem::file_size(path);
    std::uint64_t findings = 0;
    (void)check(path, {}, [&](const finding&) { ++findings; });
    const bool within = seen.peak() * 20 <= pool_bytes * 21;
    const std::uint64_t violations = (ended ? 0U : 1U) + (within ? 0U : 1U) + findings;
    test::report("T15",
                 std::to_string(chosen.states) + " seconds in " + text(limit_bytes) + " (file " +
                     text(bytes) + ", pool " + text(pool_bytes) + ", mapped at most " +
                     text(seen.peak()) + " in " + std::to_string(seen.looks()) +
                     " looks, charged at most " + text(group->peak_bytes()) + ")",
                 violations, chosen.seed);
    BOOST_TEST(ended, "wait status " << seen.status());
    BOOST_TEST(within);
    BOOST_TEST(findings == 0U);
    BOOST_TEST(seen.looks() > 20U);
    BOOST_TEST(bytes >= 20 * pool_bytes * 9 / 10);
}

}  // namespace
