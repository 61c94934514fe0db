// The power of a real file system cut at a random moment: an ext4 behind a loop device stops, with
// all that it had not written, while a process commits, checkpoints or recovers. After mounting it
// again every commit that was acknowledged as durable is there.
//
//   power_cut_test -- --states CUTS --seed S
#define BOOST_TEST_MODULE power_cut
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>

#include "support/journal_judge.hpp"
#include "support/long_run.hpp"
#include "support/private_mounts.hpp"
#include "support/worker_process.hpp"

namespace {

using namespace pinyon::test;
using std::chrono::microseconds;

constexpr std::uint64_t disk_bytes = std::uint64_t{96} << 20;
constexpr std::uint64_t cuts_a_file = 50;

// What the cut must take away, or it was none: bytes that were written and never synced.
class unsynced_file {
public:
    explicit unsynced_file(std::string path) : path_(std::move(path)) {
        const int file = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        const std::string text(10'000, 'u');
        const bool written = ::write(file, text.data(), text.size()) == 10'000;
        BOOST_REQUIRE_MESSAGE(written, "the control: " << std::strerror(errno));
        ::close(file);
    }
    [[nodiscard]] bool lost() const {
        struct ::stat facts {};
        return ::stat(path_.c_str(), &facts) != 0 || facts.st_size != 10'000;
    }

private:
    std::string path_;
};

struct score {
    std::uint64_t cuts = 0;
    std::uint64_t opening = 0;
    std::uint64_t unsynced_lost = 0;
    std::uint64_t violations = 0;
};

class machine {
public:
    machine(std::uint64_t seed, score& total)
        : seed_(seed),
          random_(seed),
          disk_(disk_bytes),
          judge_(disk_ / "a.pinyon", seed),
          total_(total) {}

    void cut_once() {
        cut(false);
        // What recovers may lose its power, too.
        while (random_.below(2) == 0) { cut(true); }
        complain(judge_.judge(known_));
    }

private:
    void cut(bool opening) {
        // A new one each time: ext4 writes what replaces a file when that is closed.
        const unsynced_file control(disk_ / "unsynced" + std::to_string(total_.cuts));
        worker_process child(
            "transaction_worker",
            {judge_.path(), std::to_string(seed_), "1000000", std::to_string(1 + random_.below(3)),
             std::to_string(4096U << random_.below(6))},
            known_);
        (void)child.wait_for(event::opening);
        if (opening || child.wait_for(event::opened)) {
            (void)child.run_for(microseconds(random_.below(opening ? 20'000 : 120'000)));
        }
        total_.opening += child.phase() == event::opening ? 1 : 0;
        disk_.cut_power();
        // What it acknowledges now, it must not.
        (void)child.run_for(std::chrono::milliseconds(5));
        (void)child.kill();
        complain(child.complaints());
        known_.forget_relaxed();
        disk_.power_on();
        ++total_.cuts;
        total_.unsynced_lost += control.lost() ? 1 : 0;
    }

    void complain(const std::string& said) {
        if (said.empty()) { return; }
        ++total_.violations;
        BOOST_TEST(false, "cut " << total_.cuts << ", journal " << seed_ << ": " << said);
    }

    std::uint64_t seed_;
    splitmix random_;
    loop_mount disk_;
    journal_judge judge_;
    bounds known_;
    score& total_;
};

BOOST_AUTO_TEST_CASE(what_was_acknowledged_survives_the_power) {
    const long_run chosen = long_run_of(20);
    if (const std::string why = own_mounts(); !why.empty()) { skip_all("power cuts", why); }
    try {
        const loop_mount probe(disk_bytes);
        probe.cut_power();
    } catch (const std::exception& failure) { skip_all("power cuts", failure.what()); }
    score total;
    for (std::uint64_t i = 0; total.cuts < chosen.states && total.violations < 10; ++i) {
        machine run(chosen.seed * 1'000'003 + i, total);
        const std::uint64_t end = std::min(chosen.states, total.cuts + cuts_a_file);
        while (total.cuts < end && total.violations < 10) { run.cut_once(); }
    }
    report("T8",
           std::to_string(total.cuts) + " power cuts (" + std::to_string(total.opening) +
               " in open; " + std::to_string(total.unsynced_lost) +
               " times a file that was not synced was lost)",
           total.violations, chosen.seed);
    BOOST_TEST(total.violations == 0U);
    BOOST_TEST(2 * total.unsynced_lost >= total.cuts, "the cuts did not cut");
}

}  // namespace
