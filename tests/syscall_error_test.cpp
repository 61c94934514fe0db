// Real system calls that fail, in a process of its own: the n-th one of a kind fails with EIO, with
// a full disk, half done, or interrupted, once or from then on for ever. The process goes on as far
// as it can; afterwards the file holds every acknowledged commit, nothing that was never
// submitted or that failed cleanly, and has no flaw. What was merely interrupted or done by halves
// is never seen at all.
//
//   syscall_error_test -- --states RUNS --seed S
#define BOOST_TEST_MODULE syscall_error
#include <boost/test/unit_test.hpp>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "support/journal_judge.hpp"
#include "support/long_run.hpp"
#include "support/system_call_faults.hpp"
#include "support/two_folders.hpp"
#include "support/worker_process.hpp"

namespace {

using namespace pinyon::test;

constexpr int half = 0;

struct scenario {
    call_kind kind;
    int error_number;
    bool for_ever;
};

// What kernels do. An interruption that never ends would be a hang by right.
constexpr std::array<scenario, 29> scenarios{{
    {call_kind::pread, EIO, false},        {call_kind::pread, EIO, true},
    {call_kind::pread, EINTR, false},      {call_kind::pread, half, true},
    {call_kind::pwrite, EIO, false},       {call_kind::pwrite, EIO, true},
    {call_kind::pwrite, ENOSPC, false},    {call_kind::pwrite, ENOSPC, true},
    {call_kind::pwrite, EINTR, false},     {call_kind::pwrite, half, true},
    {call_kind::fdatasync, EIO, false},    {call_kind::fdatasync, EIO, true},
    {call_kind::fdatasync, ENOSPC, false}, {call_kind::fdatasync, EINTR, false},
    {call_kind::fsync, EIO, false},        {call_kind::fsync, EINTR, false},
    {call_kind::msync, EIO, false},        {call_kind::msync, EINTR, false},
    {call_kind::ftruncate, EIO, true},     {call_kind::fallocate, ENOSPC, false},
    {call_kind::fallocate, ENOSPC, true},  {call_kind::fallocate, EINTR, false},
    {call_kind::fallocate, EIO, false},    {call_kind::open, EMFILE, false},
    {call_kind::open, EINTR, false},       {call_kind::unlink, EIO, true},
    {call_kind::rename, EIO, false},       {call_kind::sync_file_range, EIO, false},
    {call_kind::populate, EFAULT, false},
}};

// Nothing of these may be seen.
[[nodiscard]] bool harmless(const scenario& chosen) noexcept {
    return chosen.error_number == half || chosen.error_number == EINTR;
}

[[nodiscard]] std::string describe(const scenario& chosen, std::uint64_t first) {
    const std::string what =
        chosen.error_number == half ? "done by halves" : std::strerror(chosen.error_number);
    return std::string(call_names[static_cast<std::size_t>(chosen.kind)]) + " " +
           std::to_string(first) + (chosen.for_ever ? " and all after it: " : ": ") + what;
}

class campaign {
public:
    explicit campaign(std::uint64_t seed) : seed_(seed), random_(seed) {}

    void run(std::uint64_t runs) {
        for (std::uint64_t i = 0; done_ < runs && i < 100 * runs && violations_ < 10; ++i) {
            one_file(i);
        }
    }

    [[nodiscard]] std::uint64_t done() const noexcept { return done_; }
    [[nodiscard]] std::uint64_t violations() const noexcept { return violations_; }
    [[nodiscard]] std::size_t kinds() const noexcept { return fired_.size(); }
    [[nodiscard]] std::uint64_t errors() const noexcept { return errors_; }

private:
    // A new file, worked on by three processes one of whose calls fails.
    void one_file(std::uint64_t i) {
        const std::string path = folders_.path(i, "a" + std::to_string(i) + ".pinyon");
        const std::uint64_t seed = seed_ * 1'000'003 + i;
        journal_judge judge(path, seed);
        bounds known;
        std::map<call_kind, std::uint64_t> calls = usual_calls(i, seed);
        for (int process = 0; process < 3; ++process) {
            const scenario& chosen = scenarios[next_++ % scenarios.size()];
            const std::uint64_t usual = calls[chosen.kind];
            if (usual == 0) { continue; }
            const std::uint64_t first = 1 + random_.below(usual);
            one_process(judge, known, chosen, first, seed);
        }
    }

    void one_process(journal_judge& judge, bounds& known, const scenario& chosen,
                     std::uint64_t first, std::uint64_t seed) {
        const std::uint64_t count = chosen.for_ever ? ~0U : 1 + random_.below(3);
        const std::string plan = std::to_string(static_cast<int>(chosen.kind)) + ":" +
                                 std::to_string(first) + ":" + std::to_string(count) + ":" +
                                 std::to_string(chosen.error_number);
        worker_process child("faulty_worker", arguments(judge.path(), seed), known, plan);
        child.run_to_end();
        known.forget_relaxed();
        std::string said = child.complaints();
        for (const report_record& each : child.reports()) {
            if (each.what == event::fired && each.number != 0) {
                ++done_;
                ++fired_[next_ % scenarios.size()];
            }
            if (each.what == event::failed) {
                ++errors_;
                if (harmless(chosen)) { said += "an error surfaced; "; }
            }
            if (each.what == event::interrupted) { said += "an interruption surfaced; "; }
        }
        said += judge.judge(known);
        if (said.empty()) { return; }
        ++violations_;
        BOOST_TEST(false, describe(chosen, first)
                              << ": " << said << "PINYON_FAULT=" << plan << ", journal " << seed);
    }

    [[nodiscard]] std::vector<std::string> arguments(const std::string& path, std::uint64_t seed) {
        std::vector<std::string> list{path, std::to_string(seed), "12",
                                      std::to_string(1 + random_.below(2)), "8192"};
        if (random_.below(2) == 0) { list.emplace_back("abandon"); }
        return list;
    }

    // How often a process makes each call, on a file that it makes.
    [[nodiscard]] std::map<call_kind, std::uint64_t> usual_calls(std::uint64_t i,
                                                                 std::uint64_t seed) {
        if (usual_.empty()) {
            bounds none;
            worker_process child("faulty_worker", arguments(folders_.path(i, "usual.pinyon"), seed),
                                 none);
            child.run_to_end();
            for (const report_record& each : child.reports()) {
                if (each.what != event::calls) { continue; }
                usual_[static_cast<call_kind>(each.number >> 32)] = each.number & 0xffffffffU;
            }
        }
        return usual_;
    }

    std::uint64_t seed_;
    splitmix random_;
    two_folders folders_;
    std::map<call_kind, std::uint64_t> usual_;
    std::map<std::size_t, std::uint64_t> fired_;
    std::uint64_t next_ = 0;
    std::uint64_t done_ = 0;
    std::uint64_t errors_ = 0;
    std::uint64_t violations_ = 0;
};

BOOST_AUTO_TEST_CASE(a_system_call_that_fails_loses_nothing) {
    const long_run chosen = long_run_of(300);
    campaign all(chosen.seed);
    all.run(chosen.states);
    report("T5",
           std::to_string(all.done()) + " runs with failed system calls (" +
               std::to_string(all.kinds()) + " kinds of failure, " + std::to_string(all.errors()) +
               " errors seen)",
           all.violations(), chosen.seed);
    BOOST_TEST(all.violations() == 0U);
    BOOST_TEST(all.done() >= chosen.states);
    BOOST_TEST(all.errors() > 0U);
}

}  // namespace
