// Cuts the power again while a database opens after a crash, and in the first transactions after
// that: recovery may itself crash, and begins anew with the same right.
//
// More states: crash_recovery_test -- --states 200000 --seed 7 --jobs 2
#define BOOST_TEST_MODULE crash_recovery
#include <boost/test/unit_test.hpp>

#include "support/crash_explorer.hpp"

namespace {

using namespace pinyon::test;

class second_crash {
public:
    second_crash(const workload& chosen, std::uint64_t seed, std::uint64_t wanted)
        : chosen_(chosen), seed_(seed), wanted_(wanted) {}

    void run() {
        std::uint64_t images = 0;
        pass([&](const disk_image&, const expectation&) {
            ++images;
            return std::string();
        });
        images_.clear();
        // Some from all parts of the workload, about as many as are needed.
        const double part = std::max(1.0, static_cast<double>(wanted_) / states_each) /
                            static_cast<double>(std::max<std::uint64_t>(1, images));
        double due = 0.5;
        pass([&](const disk_image& image, const expectation& expected) {
            due += part;
            if (due < 1) { return std::string(); }
            due = std::min(due - 1, 1.0);
            return recover(image, expected);
        });
    }
    [[nodiscard]] std::uint64_t states() const noexcept { return states_; }
    [[nodiscard]] std::uint64_t inside() const noexcept { return inside_; }
    [[nodiscard]] const std::string& wrong() const noexcept { return wrong_; }

private:
    static constexpr double states_each = 160;  // that an image shows, as a rule

    // Visits images that the first crash may leave.
    template <class Visit>
    void pass(Visit&& visit) {
        crash_disk disk(seed_);
        workload_run run(chosen_, disk, seed_);
        crash_watch watch(disk, device_model::sectors, seed_, images_);
        watch.share(0.02);
        watch.each([&](const disk_image& image) { return visit(image, run.expected()); });
        disk.before_operation([&] { watch.look(); });
        wrong_ = run.run();
        disk.notice_stores();
        watch.look();
        if (!watch.wrong().empty()) { wrong_ = watch.wrong(); }
    }

    // Opens the image and works on, on a disk that can be cut off too.
    [[nodiscard]] std::string recover(const disk_image& image, expectation expected) {
        ++images_tried_;
        crash_disk disk(seed_);
        disk.load(image, images_tried_);
        crash_watch watch(disk, device_model::sectors, images_tried_, seen_);
        watch.each(
            [&](const disk_image& second) { return judge_.judge(second, chosen_, expected); });
        disk.before_operation([&] { watch.look(); });
        watch.share(0.25);
        std::string wrong;
        try {
            database db =
                database::open(workload_run::path(), workload_run::how_to_open(chosen_, disk));
            inside_ += watch.states();
            aftermath after(db, expected);
            wrong = after.adopt();
            // Few of these: they are what the first crash is about already.
            watch.share(0.002);
            if (wrong.empty()) {
                after.commit_three();
                db.close();
                after.closed();
                disk.notice_stores();
                watch.look();
            }
        } catch (const std::exception& failure) { wrong = failure.what(); }
        states_ += watch.states();
        if (!watch.wrong().empty()) { return "a second crash at " + watch.wrong(); }
        return wrong;
    }

    using database = pinyon::database;

    const workload& chosen_;
    std::uint64_t seed_;
    std::uint64_t wanted_;
    std::unordered_set<std::uint64_t> images_;
    std::unordered_set<std::uint64_t> seen_;
    crash_judge judge_;
    std::uint64_t images_tried_ = 0;
    std::uint64_t states_ = 0;
    std::uint64_t inside_ = 0;
    std::string wrong_;
};

[[nodiscard]] crash_result recover_all(const crash_plan& plan) {
    crash_result result;
    const std::vector<workload> all = make_workloads();
    for (std::size_t i = 0; i != all.size(); ++i) {
        if (!plan.includes(i)) { continue; }
        ++result.workloads;
        std::uint64_t wanted = std::max<std::uint64_t>(1, plan.states / all.size());
        for (std::uint64_t seed = plan.seed; wanted != 0; ++seed) {
            second_crash each(all[i], seed, wanted);
            each.run();
            result.states += each.states();
            result.inside += each.inside();
            if (!each.wrong().empty()) {
                ++result.violations;
                report_violation("T2", i, all[i], seed, each.wrong());
                break;
            }
            if (each.states() == 0) { break; }
            wanted -= std::min(wanted, each.states());
        }
    }
    return result;
}

BOOST_AUTO_TEST_CASE(recovery_may_crash_too) {
    const auto& suite = boost::unit_test::framework::master_test_suite();
    const crash_plan plan(suite.argc, suite.argv, 20'000);
    const crash_result result = in_processes(plan, recover_all);
    std::cout << "T2: " << result.states << " distinct states after a second crash, "
              << result.inside << " of them inside recovery, " << result.workloads
              << " workloads, seed " << plan.seed << ", " << result.violations << " violations"
              << std::endl;
    BOOST_TEST(result.violations == 0U);
    BOOST_TEST(result.states >= plan.states * result.workloads / make_workloads().size());
}

}  // namespace
