// Each operation on the file fails once, and from then on for ever, with EIO, with no space and
// with a short write, in the middle of twenty workloads. What was acknowledged is there after
// reopening, from the cache and from what the medium certainly holds; a commit whose outcome was
// unknown is there whole or not at all; nothing else is; and `check` finds nothing.
//
// More runs: failure_test -- --states 100000 --seed 7 --jobs 2
#define BOOST_TEST_MODULE failure
#include <boost/test/unit_test.hpp>

#include "support/crash_explorer.hpp"
#include "support/simulated_disk.hpp"

namespace {

using namespace pinyon::test;

constexpr std::array kinds{disk_fault::io, disk_fault::no_space, disk_fault::short_write};
constexpr std::array kind_names{"EIO", "no space", "short write"};

class trial {
public:
    trial(const workload& chosen, std::uint64_t seed) : chosen_(chosen), seed_(seed) {}

    // Operations that can fail, when none does.
    [[nodiscard]] std::uint64_t operations() {
        crash_disk beneath(seed_);
        simulated_disk disk(beneath);
        wrong_ = workload_run(chosen_, disk, seed_).run();
        return disk.operations();
    }

    void run(const fault_plan& plan) {
        crash_disk beneath(seed_);
        simulated_disk disk(beneath);
        disk.plan(plan);
        workload_run run(chosen_, disk, seed_);
        wrong_ = run.run();
        fired_ = disk.fired() != 0;
        if (!wrong_.empty()) { return; }
        beneath.notice_stores();
        judge(beneath, run.expected(), true, "from the cache");
        judge(beneath, run.expected(), false, "from the medium");
    }

    [[nodiscard]] bool fired() const noexcept { return fired_; }
    [[nodiscard]] const std::string& wrong() const noexcept { return wrong_; }

private:
    void judge(crash_disk& disk, const expectation& expected, bool all, const char* where) {
        disk_image image;
        block_store scratch;
        disk.crash(crash_choices::choice(disk.pending().size(), {all, 0}), 0, image, scratch);
        if (const std::string wrong = judge_.judge(image, chosen_, expected); !wrong.empty()) {
            wrong_ += (wrong_.empty() ? "" : "; ") + (where + (": " + wrong));
        }
    }

    const workload& chosen_;
    std::uint64_t seed_;
    crash_judge judge_;
    bool fired_ = false;
    std::string wrong_;
};

// As many different failures as are wanted, each operation's turn coming once in each kind before
// another seed begins.
void fail_workload(std::size_t number, const workload& chosen, const crash_plan& plan,
                   std::uint64_t wanted, crash_result& result) {
    ++result.workloads;
    trial each(chosen, plan.seed);
    const std::uint64_t operations = each.operations();
    BOOST_TEST(operations > 20U);
    constexpr std::uint64_t variants = 2 * kinds.size();
    const std::uint64_t all = operations * variants;
    const std::uint64_t runs = std::min(wanted, all);
    for (std::uint64_t i = 0; i != runs; ++i) {
        const std::uint64_t index = plan.operation ? *plan.operation : i * all / runs;
        fault_plan fault;
        fault.at = index / variants;
        fault.kind = kinds[index % kinds.size()];
        fault.for_ever = index % variants >= kinds.size();
        each.run(fault);
        result.states += each.fired() ? 1 : 0;
        if (each.wrong().empty()) { continue; }
        ++result.violations;
        report_violation("T4", number, chosen, plan.seed,
                         std::string(kind_names[index % kinds.size()]) +
                             (fault.for_ever ? " for ever" : "") + " at operation " +
                             std::to_string(fault.at) + ", " + each.wrong(),
                         " --operation " + std::to_string(index));
        if (plan.operation) { return; }
        if (result.violations > 5) { return; }
    }
}

BOOST_AUTO_TEST_CASE(each_operation_fails) {
    const auto& suite = boost::unit_test::framework::master_test_suite();
    const crash_plan plan(suite.argc, suite.argv, 5'500);
    const std::vector<workload> all = make_workloads();
    const crash_result result = in_processes(plan, [&](const crash_plan& part) {
        crash_result sum;
        for (std::size_t i = 0; i != all.size(); ++i) {
            if (!part.includes(i)) { continue; }
            // Further seeds are other runs of the same workload.
            crash_plan own = part;
            for (std::uint64_t left = part.states / all.size(); left != 0; ++own.seed) {
                const std::uint64_t before = sum.states;
                fail_workload(i, all[i], own, left, sum);
                const std::uint64_t done = sum.states - before;
                left -= std::min(left, std::max<std::uint64_t>(done, left / 8 + 1));
            }
        }
        return sum;
    });
    std::cout << "T4: " << result.states << " runs with a failed operation, " << all.size()
              << " workloads, seed " << plan.seed << ", " << result.violations << " violations"
              << std::endl;
    BOOST_TEST(result.violations == 0U);
    BOOST_TEST(result.states > 0U);
}

}  // namespace
