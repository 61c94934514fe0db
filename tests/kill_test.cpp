// Processes killed at random moments, one after the other on the same file: whatever they were
// doing (opening, recovering, committing, checkpointing, closing), the next open finds each
// acknowledged commit, nothing that was never submitted, and a file without a flaw.
//
//   kill_test -- --states KILLS --seed S
#define BOOST_TEST_MODULE kill
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <string>

#include "pinyon/engine/database.hpp"
#include "support/forked_child.hpp"
#include "support/journal_judge.hpp"
#include "support/long_run.hpp"
#include "support/temporary_directory.hpp"
#include "support/two_folders.hpp"
#include "support/worker_process.hpp"

namespace {

using namespace pinyon;
using namespace pinyon::test;
using std::chrono::microseconds;

struct score {
    std::uint64_t kills = 0;
    std::uint64_t recovery = 0;    // between opening and opened
    std::uint64_t checkpoint = 0;  // of a checkpoint on request
    std::uint64_t closing = 0;
    std::uint64_t violations = 0;
    std::uint64_t transactions = 0;

    // What hit none of these hit commits.
    [[nodiscard]] std::uint64_t aimed() const noexcept { return recovery + checkpoint + closing; }
};

// One file and those who work on it.
class series {
public:
    series(std::string path, std::uint64_t seed, score& total)
        : seed_(seed), random_(seed), judge_(std::move(path), seed), total_(total) {}

    // One worker that commits, then perhaps some that recover what it left, then the verdict.
    void chain() {
        life(false);
        while (random_.below(3) != 0) { life(true); }
        const std::string said = judge_.judge(known_);
        complain("after the kill", said);
        total_.transactions = std::max(total_.transactions, known_.low());
    }

private:
    void life(bool opening) {
        // Few transactions end in a close, which is hit by one in eight.
        const std::uint64_t count = random_.below(8) == 0 ? random_.below(4) : 1'000'000;
        const std::uint64_t threads = 1 + random_.below(3);
        const std::uint64_t checkpoint_bytes = std::uint64_t{4096} << random_.below(5);
        worker_process child("transaction_worker",
                             {judge_.path(), std::to_string(seed_), std::to_string(count),
                              std::to_string(threads), std::to_string(checkpoint_bytes)},
                             known_);
        (void)child.wait_for(event::opening);
        if (opening) {
            (void)child.run_for(within(judge_.time_to_open()));
        } else if (child.wait_for(event::opened)) {
            aim(child, count);
        }
        const bool killed = child.kill();
        complain("the worker", child.complaints());
        for (const report_record& each : child.reports()) {
            if (each.what == event::failed) { complain("the worker", "met an error; "); }
        }
        if (killed) { count_kill(child); }
    }

    void aim(worker_process& child, std::uint64_t count) {
        if (count < 8) {
            if (child.wait_for(event::closing)) { (void)child.run_for(within(microseconds(9000))); }
        } else if (random_.below(4) == 0) {
            if (child.wait_for(event::checkpointing)) {
                (void)child.run_for(within(microseconds(4000)));
            }
        } else {
            (void)child.run_for(within(microseconds(60'000)));
        }
    }

    [[nodiscard]] microseconds within(microseconds time) {
        return microseconds(random_.below(static_cast<std::uint64_t>(time.count()) * 5 / 4 + 200));
    }

    void count_kill(const worker_process& child) {
        ++total_.kills;
        total_.recovery += child.phase() == event::opening ? 1 : 0;
        total_.checkpoint += child.phase() == event::checkpointing ? 1 : 0;
        total_.closing += child.phase() == event::closing ? 1 : 0;
    }

    void complain(const char* where, const std::string& said) {
        if (said.empty()) { return; }
        ++total_.violations;
        BOOST_TEST(false, "kill " << total_.kills << ", " << where << ": " << said << judge_.path()
                                  << ", seed " << seed_);
    }

    std::uint64_t seed_;
    splitmix random_;
    journal_judge judge_;
    bounds known_;
    score& total_;
};

BOOST_AUTO_TEST_CASE(whatever_a_killed_process_was_doing_nothing_is_lost) {
    constexpr std::uint64_t kills_a_file = 150;
    const long_run chosen = long_run_of(300);
    const two_folders folders;
    score total;
    for (std::uint64_t i = 0; total.kills < chosen.states && total.violations < 10; ++i) {
        const std::uint64_t end = std::min(chosen.states, total.kills + kills_a_file);
        series run(folders.path(i, "kill" + std::to_string(i) + ".pinyon"),
                   chosen.seed * 1'000'003 + i, total);
        while (total.kills < end && total.violations < 10) { run.chain(); }
    }
    report("T7",
           std::to_string(total.kills) + " kills (" + std::to_string(total.recovery) +
               " in open, " + std::to_string(total.checkpoint) + " in a checkpoint, " +
               std::to_string(total.closing) + " in close; up to " +
               std::to_string(total.transactions) + " transactions a file)",
           total.violations, chosen.seed);
    BOOST_TEST(total.violations == 0U);
    BOOST_TEST(total.kills >= chosen.states);
    if (chosen.states >= 100) { BOOST_TEST(3 * total.aimed() >= total.kills); }
}

// Most of these are stored through a mapping and never written by a call: what the process has
// stored is the system's when it dies.
BOOST_AUTO_TEST_CASE(relaxed_commits_that_nobody_synced_survive_the_process) {
    constexpr std::uint64_t commits = 5000;
    constexpr tree_spec<std::uint64_t, std::uint64_t> spec{"entries"};
    const temporary_directory directory;
    const std::string path = directory / "file";
    BOOST_TEST(in_child([&path, spec] {
                   const database db = database::open(path);
                   for (std::uint64_t key = 0; key != commits; ++key) {
                       write_transaction tx = db.begin_write();
                       tx.open(spec).put(key, 3 * key);
                       tx.commit(durability::relaxed);
                   }
                   ::raise(SIGKILL);
               }) == 1000 + SIGKILL);
    const database db = database::open(path);
    db.view([&spec](const read_transaction& tx) {
        const auto tree = tx.open(spec);
        for (std::uint64_t key = 0; key != commits; ++key) {
            const auto found = tree.get(key);
            BOOST_REQUIRE(found);
            BOOST_REQUIRE(*found == 3 * key);
        }
    });
}

}  // namespace
