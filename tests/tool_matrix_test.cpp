// The damage matrix: golden files, each page of them damaged in turn, cut at every 512 bytes, their
// logs damaged, and forged with right checksums; and every verb of the command on each. It ends in
// time with an exit code that it may have, says nothing is well where something is wrong, shows no
// wrong data with exit code 0, changes nothing it inspects and leaves nothing half made.
//
// A run takes some of the damaged files and one way to call each verb; all of both:
//     tool_matrix_test -- --all --jobs 2
#define BOOST_TEST_MODULE tool_matrix
#include <boost/test/unit_test.hpp>

#include <iostream>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "support/case_runner.hpp"
#include "support/command_process.hpp"
#include "support/long_run.hpp"
#include "support/matrix_plan.hpp"
#include "tools/verb_text.hpp"

using namespace pinyon;
using namespace pinyon::test;

namespace {

[[nodiscard]] unsigned jobs_wanted() {
    const auto& suite = boost::unit_test::framework::master_test_suite();
    for (int i = 1; i + 1 < suite.argc; ++i) {
        if (std::string_view(suite.argv[i]) == "--jobs") {
            return std::max(1U,
                            static_cast<unsigned>(std::strtoul(suite.argv[i + 1], nullptr, 10)));
        }
    }
    return 1;
}

struct matrix_case {
    const golden_sample* sample = nullptr;
    matrix_plan* plan = nullptr;
    const damage* what = nullptr;
};

// Every damaged file there is.
class matrix {
public:
    explicit matrix(std::uint64_t seed) : samples_(make_golden_samples()) {
        for (const golden_sample& each : samples_) {
            plans_.emplace_back(each);
            lists_.push_back(damage_list(each, seed).take());
        }
        for (std::size_t i = 0; i < samples_.size(); ++i) {
            for (const damage& each : lists_[i]) {
                cases_.push_back({&samples_[i], &plans_[i], &each});
            }
        }
    }
    [[nodiscard]] const std::vector<golden_sample>& samples() const noexcept { return samples_; }
    [[nodiscard]] std::vector<matrix_case> all() const { return cases_; }
    // So many of them, of each kind its part.
    [[nodiscard]] std::vector<matrix_case> some(std::size_t count, std::uint64_t seed) const {
        constexpr std::pair<damage_kind, std::size_t> parts[] = {{damage_kind::page, 45},
                                                                 {damage_kind::cut, 15},
                                                                 {damage_kind::log, 15},
                                                                 {damage_kind::forged, 25}};
        std::vector<matrix_case> chosen;
        std::mt19937_64 random(seed);
        for (const auto& [kind, hundredths] : parts) {
            std::vector<matrix_case> alike;
            for (const matrix_case& each : cases_) {
                if (each.what->kind == kind) { alike.push_back(each); }
            }
            std::shuffle(alike.begin(), alike.end(), random);
            alike.resize(
                std::min(alike.size(), std::max<std::size_t>(1, count * hundredths / 100)));
            chosen.insert(chosen.end(), alike.begin(), alike.end());
        }
        return chosen;
    }

private:
    std::vector<golden_sample> samples_;
    std::vector<matrix_plan> plans_;
    std::vector<std::vector<damage>> lists_;
    std::vector<matrix_case> cases_;
};

// What may be said of one damaged file.
class case_judge {
public:
    case_judge(const matrix_case& of, const saved_files& damaged)
        : sample_(*of.sample), what_(*of.what) {
        states_ = {0};
        if (what_.kind != damage_kind::log || sample_.history == nullptr) { return; }
        states_.clear();
        for (const std::uint64_t position :
             damage_oracle(*sample_.history).of_changes(damaged).shown) {
            for (std::size_t i = 0; i < sample_.states.size(); ++i) {
                if (sample_.states[i].position == position) { states_.push_back(i); }
            }
        }
    }

    // What is wrong with an answer, or nothing.
    [[nodiscard]] std::string judge(const planned_call& call, int code, const std::string& out,
                                    const std::string& err) const {
        static const std::set<int> allowed{0, 1, 3, 4, 5, 6};
        if (allowed.count(code) == 0) { return "exit code " + std::to_string(code) + ": " + err; }
        if (what_.kind == damage_kind::forged || code > 1) { return {}; }
        if (call.row->promise == verb_promise::nothing) { return {}; }
        if (is_verdict_wrong(call)) { return "exit code " + std::to_string(code) + ": " + out; }
        if (is_other_file(call)) { return {}; }
        const bool of_any_log =
            what_.kind == damage_kind::log && call.row->promise != verb_promise::data;
        for (std::size_t i = 0; i < call.sound.size(); ++i) {
            const bool may_be =
                of_any_log || std::find(states_.begin(), states_.end(), i) != states_.end();
            const sound_answer& sound = call.sound[i];
            if (may_be && sound.code == code && sound.out == sum_of(out)) { return {}; }
        }
        return "exit code " + std::to_string(code) + " with another answer: " + out + err;
    }
    // Whether a database may hold this.
    [[nodiscard]] bool is_content(content_digest content) const {
        return what_.kind == damage_kind::forged ||
               std::any_of(states_.begin(), states_.end(), [&](std::size_t state) {
                   return sample_.states[state].content == content;
               });
    }
    [[nodiscard]] bool is_made(const planned_call& call, const std::string& text) const {
        return what_.kind == damage_kind::forged ||
               std::any_of(states_.begin(), states_.end(), [&](std::size_t state) {
                   return call.sound[state].made == sum_of(text);
               });
    }

private:
    // "Sound" of a file with damage in a page that is in use.
    [[nodiscard]] bool is_verdict_wrong(const planned_call& call) const {
        if (call.row->promise != verb_promise::verdict || is_older_meta()) { return false; }
        if (what_.kind == damage_kind::cut) { return true; }
        if (what_.kind == damage_kind::log) { return states_.empty(); }
        return what_.kind == damage_kind::page &&
               std::any_of(what_.pages.begin(), what_.pages.end(),
                           [&](std::uint64_t page) { return sample_.used.count(page) != 0; });
    }
    // A meta that was not written, or never a log: what is left is another file, and sound.
    [[nodiscard]] bool is_other_file(const planned_call& call) const {
        if (call.row->promise == verb_promise::data) { return false; }
        if (call.row->promise == verb_promise::bytes && call.page && is_unused(*call.page)) {
            return true;
        }
        return is_older_meta() || (what_.kind == damage_kind::log && !states_.empty());
    }
    [[nodiscard]] bool is_older_meta() const {
        return what_.kind == damage_kind::page && sample_.is_meta(what_.pages.front()) &&
               what_.name.ends_with("as it was");
    }
    [[nodiscard]] bool is_unused(std::uint64_t page) const {
        return sample_.used.count(page) == 0 &&
               std::find(what_.pages.begin(), what_.pages.end(), page) != what_.pages.end();
    }

    const golden_sample& sample_;
    const damage& what_;
    std::vector<std::size_t> states_;  // of the sample, that may be shown
};

// One damaged file, in the working directory of a child.
class case_run {
public:
    case_run(const matrix_case& of, case_report& report, fs::path place)
        : of_(of), report_(report), place_(std::move(place)), damaged_(of.sample->files) {}

    void run(const std::vector<planned_call>& calls, const std::vector<planned_call>& scans) {
        of_.what->apply(damaged_);
        put_files(place_, damaged_);
        const case_judge expected(of_, damaged_);
        bool is_sound = false;
        for (const planned_call& call : calls) {
            const int code = one(call, expected);
            is_sound = is_sound || (call.row->verb == "check" && code == 0);
            if (call.row->effect == verb_effect::changes) {
                for (const planned_call& each : scans) { (void)one(each, expected); }
                put_files(place_, damaged_);
            }
        }
        require_unchanged();
        if (!is_sound || of_.what->kind != damage_kind::forged || of_.what->pages.empty()) {
            return;
        }
        for (const planned_call& each : scans) {
            const int code = one(each, expected);
            if (code > 1) { report_.violate("check calls it sound, and it cannot be read"); }
        }
    }

private:
    int one(const planned_call& call, const case_judge& expected) {
        case_report::put(report_.now,
                         of_.sample->name + ", " + of_.what->name + ": pinyon " + call.text());
        const answer told = timed_call(call.arguments, std::string(call.row->input), report_);
        const std::string wrong = expected.judge(call, told.code, told.out, told.err);
        if (!wrong.empty()) { report_.violate(wrong.substr(0, 700)); }
        judge_made(call, told, expected);
        return told.code;
    }

    void judge_made(const planned_call& call, const answer& told, const case_judge& expected) {
        std::set<std::string> names;
        for (const auto& each : fs::directory_iterator(place_)) {
            names.insert(each.path().filename().string());
        }
        const bool made = names.erase(made_name) != 0;
        if (call.row->effect == verb_effect::changes) { return; }
        for (const auto& [name, unused] : damaged_) { names.erase(name); }
        if (!names.empty()) { report_.violate("it leaves " + *names.begin()); }
        const char code = static_cast<char>('0' + told.code);
        if (made && call.row->made_with.find(code) == std::string_view::npos) {
            report_.violate(std::string("it leaves what it made with exit code ") + code);
        }
        const bool makes = call.row->effect != verb_effect::tells;
        if (makes && told.code == 0 && !made) { report_.violate("it makes nothing"); }
        if (made && told.code == 0) { judge_content(call, expected); }
        fs::remove(place_ / made_name);
    }
    void judge_content(const planned_call& call, const case_judge& expected) {
        if (call.row->effect == verb_effect::makes_database &&
            !expected.is_content(digest_of_file((place_ / made_name).string()))) {
            report_.violate("exit code 0, and what it made holds something else");
        }
        if (call.row->effect == verb_effect::makes_text &&
            !expected.is_made(call, read_file((place_ / made_name).string()))) {
            report_.violate("exit code 0, and what it made says something else");
        }
    }

    void require_unchanged() {
        std::size_t files = 0;
        for (const auto& each : fs::directory_iterator(place_)) {
            const auto found = damaged_.find(each.path().filename().string());
            const std::string now = read_file(each.path().string());
            if (found == damaged_.end() || now.size() != found->second.size ||
                !std::equal(found->second.content.begin(), found->second.content.end(),
                            std::as_bytes(std::span(now)).begin())) {
                report_.violate("it changed " + each.path().filename().string());
            }
            ++files;
        }
        if (files != damaged_.size()) { report_.violate("a file is gone"); }
    }

    const matrix_case& of_;
    case_report& report_;
    fs::path place_;
    saved_files damaged_;
};

// Adds up what the children tell.
struct tally {
    std::uint64_t files = 0;
    std::uint64_t runs = 0;
    std::uint64_t violations = 0;
    std::array<std::uint64_t, 7> codes{};
    double slowest_seconds = 0;
    std::string slowest;

    void add(const case_report& report) {
        ++files;
        runs += report.runs;
        for (std::size_t i = 0; i < codes.size(); ++i) { codes[i] += report.codes[i]; }
        if (report.slowest_seconds > slowest_seconds) {
            slowest_seconds = report.slowest_seconds;
            slowest = report.slowest.data();
        }
        if (report.violations == 0) { return; }
        violations += report.violations;
        if (++shown_ <= 60) { std::cout << "matrix VIOLATION: " << report.first.data() << '\n'; }
    }
    void print(std::uint64_t seed) const {
        report("matrix",
               std::to_string(runs) + " runs of the command on " + std::to_string(files) +
                   " damaged files",
               violations, seed);
        std::cout << "matrix: exit codes";
        for (std::size_t i = 0; i < codes.size(); ++i) {
            std::cout << (i == 0 ? " " : ", ") << i << ": " << codes[i];
        }
        std::cout << "; at most " << slowest_seconds << " s of the processor, by " << slowest
                  << std::endl;
    }

private:
    unsigned shown_ = 0;
};

const matrix& whole() {
    static const matrix all(long_run_of(0).seed);
    return all;
}

constexpr std::uint64_t files_in_ci = slow_build ? 150 : 900;

}  // namespace

BOOST_AUTO_TEST_CASE(every_verb_is_in_the_table) {
    std::set<std::string> known;
    for (const verb_row& row : verb_table()) { known.insert(std::string(row.verb)); }
    for (const std::string& verb : tool::verbs()) {
        BOOST_TEST(known.erase(verb) == 1U, verb << " has no line in support/verb_table.hpp");
    }
    BOOST_TEST(known.empty(), "a line for a verb that is not there");
}

BOOST_AUTO_TEST_CASE(the_sound_files_are_answered) {
    for (const golden_sample& sample : whole().samples()) {
        BOOST_TEST_CONTEXT(sample.name) {
            BOOST_TEST((sample.trees.empty() == (sample.name == "empty")));
            for (const asked_tree& tree : sample.trees) {
                BOOST_TEST_CONTEXT(tree.name) { BOOST_TEST(!tree.keys.empty()); }
            }
            matrix_plan plan(sample);
            std::mt19937_64 random(1);
            for (const planned_call& each : plan.calls({}, true, random)) {
                if (each.row->effect == verb_effect::changes) { continue; }
                const bool answers = each.row->promise != verb_promise::nothing;
                BOOST_TEST((!answers || each.sound.front().code <= 1), each.text());
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(damaged_files) {
    const long_run run = long_run_of(files_in_ci);
    const bool every = all_wanted();
    const std::vector<matrix_case> cases =
        every ? whole().all() : whole().some(run.states, run.seed);
    tally count;
    std::vector<planned_call> calls;
    std::vector<planned_call> scans;
    case_runner runner(
        jobs_wanted(),
        [&](std::size_t index, case_report& report, const fs::path& place) {
            case_run(cases[index], report, place).run(calls, scans);
        },
        [&](std::size_t, const case_report& report) { count.add(report); });
    for (std::size_t i = 0; i < cases.size(); ++i) {
        std::mt19937_64 random(run.seed * 7919 + i);
        const bool forged = cases[i].what->kind == damage_kind::forged;
        calls = cases[i].plan->calls(*cases[i].what, every && !forged, random);
        scans = cases[i].plan->scans();
        runner.start(i);
    }
    runner.finish();
    count.print(run.seed);
    BOOST_TEST(count.violations == 0U);
    BOOST_TEST(count.files == cases.size());
    for (const unsigned code : {0U, 1U, 3U, 5U, 6U}) { BOOST_TEST(count.codes[code] != 0U); }
}

// The command as people start it.
BOOST_AUTO_TEST_CASE(three_hundred_processes) {
    const long_run run = long_run_of(0);
    std::mt19937_64 random(run.seed);
    const std::size_t processes = 300;
    const std::vector<matrix_case> cases = whole().some(processes + 8, run.seed + 1);
    BOOST_REQUIRE(cases.size() >= processes);
    const folder place;
    const folder input;
    std::uint64_t violations = 0;
    for (std::size_t i = 0; i < processes; ++i) {
        const matrix_case& of = cases[i];
        std::vector<planned_call> calls = of.plan->calls(*of.what, false, random);
        const planned_call& call = calls[random() % calls.size()];
        saved_files damaged = of.sample->files;
        of.what->apply(damaged);
        put_files(place.path(), damaged);
        write_file(input / "input", std::string(call.row->input));
        const int descriptor = ::open((input / "input").c_str(), O_RDONLY | O_CLOEXEC);
        const command_end ended =
            run_command(call.arguments, {.standard_input = descriptor,
                                         .folder = place.path(),
                                         .processor_seconds = run_seconds_max});
        ::close(descriptor);
        std::string wrong = case_judge(of, damaged).judge(call, ended.code, ended.out, ended.err);
        if (ended.signal != 0) { wrong = "signal " + std::to_string(ended.signal); }
        if (wrong.empty()) { continue; }
        if (++violations <= 10) {
            std::cout << "matrix VIOLATION: process: " << of.sample->name << ", " << of.what->name
                      << ": pinyon " << call.text() << ": " << wrong << '\n';
        }
    }
    std::cout << "matrix: " << processes << " processes of their own, " << violations
              << " violations, seed " << run.seed << std::endl;
    BOOST_TEST(violations == 0U);
}
