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
    void after_the_failure() noexcept { after_failure_ = true; }

    // Choices in all, without a look at any.
    [[nodiscard]] std::uint64_t count(std::unordered_set<std::uint64_t>& seen) {
        return run(0, seen).candidates();
    }
    // Of the run before.
    [[nodiscard]] std::uint64_t syncs() const noexcept { return syncs_; }
    [[nodiscard]] std::uint64_t operations() const noexcept { return operations_; }

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
        if (disk.fails_as() == sync_failure::reverted) { run.cache_reverts(); }
        crash_watch watch(disk, model_, seed_, seen);
        watch.share(share);
        watch.only(only_);
        watch.each(
            [&](const disk_image& image) { return judge_.judge(image, chosen_, run.expected()); });
        disk.before_operation([&] {
            if (!after_failure_ || disk.failed()) { watch.look(); }
        });
        wrong_ = run.run();
        disk.notice_stores();
        watch.look();
        syncs_ = disk.syncs();
        operations_ = disk.operations();
        return watch;
    }

    const workload& chosen_;
    std::uint64_t seed_;
    device_model model_;
    preparation prepare_;
    std::optional<std::uint64_t> only_;
    bool after_failure_ = false;
    std::uint64_t syncs_ = 0;
    std::uint64_t operations_ = 0;
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
        const double share = plan.workload
                                 ? 1
                                 : 1.2 * static_cast<double>(wanted - found) /
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

void say(const char* test, const char* what, const crash_plan& plan, const crash_result& result) {
    std::cout << test << ": " << result.states << " distinct crash states, " << what << ", "
              << result.workloads << " workloads, seed " << plan.seed << ", " << result.violations
              << " violations" << std::endl;
    BOOST_TEST(result.violations == 0U);
    BOOST_TEST(result.states > 0U);
}

BOOST_AUTO_TEST_CASE(every_crash_leaves_what_was_committed) {
    const crash_plan plan = plan_of(200'000);
    const crash_result result = in_processes(
        plan, [](const crash_plan& part) { return explore_all(part, device_model::sectors); });
    say("T1", name(device_model::sectors), plan, result);
}

BOOST_AUTO_TEST_CASE(devices_that_write_blocks_and_devices_that_tear) {
    for (const device_model device : {device_model::blocks, device_model::garbage}) {
        crash_plan plan = plan_of(200'000);
        plan.states /= 10;
        const crash_result result =
            in_processes(plan, [&](const crash_plan& part) { return explore_all(part, device); });
        say("T3", name(device), plan, result);
    }
}

constexpr std::uint64_t failures_each = 6;  // moments of failure, in each workload

// A sync fails in the middle, and the program meets that as it can: crashes after it.
void fail_workload(std::size_t number, const workload& chosen, const crash_plan& plan,
                   sync_failure kind, crash_result& result) {
    ++result.workloads;
    std::unordered_set<std::uint64_t> seen;
    exploration whole(chosen, plan.seed, device_model::sectors);
    const std::uint64_t candidates = std::max<std::uint64_t>(1, whole.count(seen));
    const std::uint64_t moments = kind == sync_failure::late ? whole.operations() : whole.syncs();
    const std::uint64_t tries = std::min(moments, failures_each);
    const double share = 2.0 * static_cast<double>(plan.states) /
                         static_cast<double>(make_workloads().size() * tries * candidates);
    std::mt19937_64 random(plan.seed);
    for (std::uint64_t i = 0; i != tries; ++i) {
        const std::uint64_t at = i * moments / tries + random() % (moments / tries);
        exploration each(chosen, plan.seed, device_model::sectors,
                         [&](crash_disk& disk) { disk.fail(at, kind); });
        each.after_the_failure();
        each.only(plan.operation);
        std::string wrong;
        result.states += each.explore(std::min(1.0, share), seen, wrong);
        if (wrong.empty()) { continue; }
        ++result.violations;
        report_violation(name(kind), number, chosen, plan.seed,
                         "failure at " + std::to_string(at) + ", " + wrong);
        return;
    }
}

BOOST_AUTO_TEST_CASE(syncs_that_fail) {
    for (const sync_failure kind :
         {sync_failure::pending, sync_failure::kept, sync_failure::reverted, sync_failure::late}) {
        crash_plan plan = plan_of(200'000);
        plan.states /= 10;
        const crash_result result = in_processes(plan, [&](const crash_plan& part) {
            crash_result sum;
            const std::vector<workload> all = make_workloads();
            for (std::size_t i = 0; i != all.size(); ++i) {
                if (part.includes(i)) { fail_workload(i, all[i], part, kind, sum); }
            }
            return sum;
        });
        say("T3", (std::string("failed syncs ") + name(kind)).c_str(), plan, result);
    }
}

// The judge is judged: on a disk whose syncs do nothing, violations are found soon.
void require_found(const char* what, const preparation& lie) {
    const std::vector<workload> all = make_workloads();
    std::unordered_set<std::uint64_t> seen;
    std::string wrong;
    for (std::size_t i = 0; i != all.size() && wrong.empty(); ++i) {
        exploration each(all[i], 1, device_model::sectors, lie);
        (void)each.explore(0.05, seen, wrong);
    }
    BOOST_TEST(!wrong.empty(), "not found: " << what);
    BOOST_TEST_MESSAGE(what << ": " << wrong);
    BOOST_TEST(seen.size() < 20'000U);
}

BOOST_AUTO_TEST_CASE(a_disk_that_ignores_syncs_is_found_out) {
    require_found("files", [](crash_disk& disk) { disk.ignore_syncs(true, false, false); });
    require_found("mappings", [](crash_disk& disk) { disk.ignore_syncs(false, true, false); });
    require_found("names", [](crash_disk& disk) { disk.ignore_syncs(false, false, true); });
}

}  // namespace
