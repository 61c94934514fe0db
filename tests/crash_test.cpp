// Cuts the power at each file operation of twenty workloads and judges every distinct image that
// the medium may then hold; under several models of the device; and with syncs that fail.
//
// More states: crash_test -- --states 2000000 --seed 7 --jobs 2
// One workload again: crash_test -- --workload 3 --seed 42 [--operation 118]
#define BOOST_TEST_MODULE crash
#include <boost/test/unit_test.hpp>

#include "support/crash_explorer.hpp"

namespace {

using namespace pinyon::test;

[[nodiscard]] crash_plan plan_of(std::uint64_t states) {
    const auto& suite = boost::unit_test::framework::master_test_suite();
    return {suite.argc, suite.argv, states};
}

// A disk that was told to fail or to lie before the workload runs.
using preparation = std::function<void(crash_disk&)>;

class exploration {
public:
    exploration(const workload& chosen, std::uint64_t seed, device_model device,
                preparation prepare = {})
        : chosen_(chosen), seed_(seed), model_(device), prepare_(std::move(prepare)) {}

    void only(std::optional<std::uint64_t> operation) noexcept { only_ = operation; }

    // Choices in all, without a look at any.
    [[nodiscard]] std::uint64_t count(std::unordered_set<std::uint64_t>& seen) {
        return run(0, seen).candidates();
    }
    // Returns the number of states; `wrong` says what is wrong.
    std::uint64_t explore(double share, std::unordered_set<std::uint64_t>& seen,
                          std::string& wrong) {
        const crash_watch watch = run(share, seen);
        wrong = watch.wrong().empty() ? wrong_ : watch.wrong();
        return watch.states();
    }

private:
    crash_watch run(double share, std::unordered_set<std::uint64_t>& seen) {
        crash_disk disk(seed_, true, model_);
        if (prepare_) { prepare_(disk); }
        workload_run run(chosen_, disk, seed_);
        crash_watch watch(disk, model_, seed_, seen);
        watch.share(share);
        watch.only(only_);
        watch.each([&](const disk_image& image) {
            return judge_.judge(image, chosen_, run.expected());
        });
        disk.before_operation([&] { watch.look(); });
        wrong_ = run.run();
        disk.notice_stores();
        watch.look();
        return watch;
    }

    const workload& chosen_;
    std::uint64_t seed_;
    device_model model_;
    preparation prepare_;
    std::optional<std::uint64_t> only_;
    crash_judge judge_;
    std::string wrong_;
};

// Goes on with further seeds until the workload has shown so many states.
void explore_workload(std::size_t number, const workload& chosen, const crash_plan& plan,
                      std::uint64_t wanted, device_model device, crash_result& result) {
    ++result.workloads;
    std::unordered_set<std::uint64_t> seen;
    std::uint64_t found = 0;
    for (std::uint64_t seed = plan.seed; found < wanted; ++seed) {
        exploration each(chosen, seed, device);
        each.only(plan.operation);
        const std::uint64_t candidates = each.count(seen);
        const double share =
            plan.workload ? 1 : 1.2 * static_cast<double>(wanted - found) /
                                    static_cast<double>(std::max<std::uint64_t>(1, candidates));
        std::string wrong;
        const std::uint64_t states = each.explore(std::min(1.0, share), seen, wrong);
        found += states;
        if (!wrong.empty()) {
            ++result.violations;
            report_violation(name(device), number, chosen, seed, wrong);
            break;
        }
        if (states == 0 || plan.workload) { break; }
    }
    result.states += found;
}

[[nodiscard]] crash_result explore_all(const crash_plan& plan, device_model device) {
    crash_result result;
    const std::vector<workload> all = make_workloads();
    const std::uint64_t each = std::max<std::uint64_t>(1, plan.states / all.size());
    for (std::size_t i = 0; i != all.size(); ++i) {
        if (plan.includes(i)) { explore_workload(i, all[i], plan, each, device, result); }
    }
    return result;
}

BOOST_AUTO_TEST_CASE(every_crash_leaves_what_was_committed) {
    const crash_plan plan = plan_of(200'000);
    const crash_result result = in_processes(
        plan, [](const crash_plan& part) { return explore_all(part, device_model::sectors); });
    std::cout << "T1: " << result.states << " distinct crash states, " << result.workloads
              << " workloads, seed " << plan.seed << ", " << result.violations << " violations"
              << std::endl;
    BOOST_TEST(result.violations == 0U);
    BOOST_TEST(result.states > 0U);
}

}  // namespace
