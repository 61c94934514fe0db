// Many cases, each in a forked child of its own: what a case does to its process, a signal and a
// hang included, is seen from outside and ends that case alone.
//
// Threads: one at a time. Failure: BOOST_REQUIRE.
#pragma once

#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>

#include <array>
#include <csignal>
#include <cstring>
#include <ctime>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "support/slow_build.hpp"
#include "support/tool_call.hpp"

namespace pinyon::test {

// Of the processor: a busy machine is no violation. What waits for ever meets the clock.
inline constexpr int run_seconds_max = slow_build ? 20 : 2;
inline constexpr unsigned case_seconds_max = 120;

// What a child tells while it lives; shared with its parent.
struct case_report {
    std::array<char, 400> now{};  // what it is at
    std::uint64_t runs = 0;
    std::array<std::uint64_t, 7> codes{};  // how often each exit code came
    std::uint64_t violations = 0;
    std::array<char, 1200> first{};  // the first of them
    double slowest_seconds = 0;
    std::array<char, 400> slowest{};

    template <std::size_t Size>
    static void put(std::array<char, Size>& to, const std::string& text) {
        const std::size_t size = std::min(text.size(), Size - 1);
        std::memcpy(to.data(), text.data(), size);
        to[size] = 0;
    }
    void violate(const std::string& what) {
        if (violations++ == 0) { put(first, std::string(now.data()) + ": " + what); }
    }
};

class case_runner {
public:
    // `body(index, report, folder)` is a case, in a child whose working directory is the folder.
    using body = std::function<void(std::size_t, case_report&, const fs::path&)>;
    using judge = std::function<void(std::size_t, const case_report&)>;

    case_runner(unsigned jobs, body run, judge done)
        : run_(std::move(run)), done_(std::move(done)), places_(jobs) {
        for (place& each : places_) {
            void* const shared = ::mmap(nullptr, sizeof(case_report), PROT_READ | PROT_WRITE,
                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
            BOOST_REQUIRE(shared != MAP_FAILED);
            each.report = new (shared) case_report;
        }
    }
    ~case_runner() {
        for (const place& each : places_) { ::munmap(each.report, sizeof(case_report)); }
    }
    case_runner(const case_runner&) = delete;
    case_runner& operator=(const case_runner&) = delete;

    // Begins a case; waits while as many as there may be are at work.
    void start(std::size_t index) {
        place* free = find([](const place& each) { return each.child == 0; });
        while (free == nullptr) {
            wait();
            free = find([](const place& each) { return each.child == 0; });
        }
        *free->report = case_report{};
        free->index = index;
        free->child = ::fork();
        BOOST_REQUIRE(free->child >= 0);
        if (free->child == 0) { be_child(index, *free); }
    }
    void finish() {
        while (find([](const place& each) { return each.child != 0; }) != nullptr) { wait(); }
    }

private:
    struct place {
        case_report* report = nullptr;
        folder files;
        std::size_t index = 0;
        ::pid_t child = 0;
    };

    template <class Test>
    place* find(Test&& test) {
        for (place& each : places_) {
            if (test(each)) { return &each; }
        }
        return nullptr;
    }

    [[noreturn]] void be_child(std::size_t index, place& where) {
        // The test framework's handlers would go on in the child as if it were the test.
        for (const int each : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGALRM, SIGPROF}) {
            (void)::signal(each, SIG_DFL);
        }
        ::alarm(case_seconds_max);
        int result = 0;
        try {
            fs::current_path(where.files.path());
            run_(index, *where.report, where.files.path());
        } catch (const std::exception& failure) {
            where.report->violate(std::string("it throws ") + failure.what());
        } catch (...) { result = 98; }
        ::_exit(result);
    }

    void wait() {
        int status = 0;
        const ::pid_t child = ::waitpid(-1, &status, 0);
        BOOST_REQUIRE(child > 0);
        place* const ended = find([&](const place& each) { return each.child == child; });
        BOOST_REQUIRE(ended != nullptr);
        ended->child = 0;
        if (WIFSIGNALED(status)) {
            ended->report->violate(signal_text(WTERMSIG(status)));
        } else if (WEXITSTATUS(status) != 0) {
            // A sanitizer's report, say.
            ended->report->violate("it ends its process with " +
                                   std::to_string(WEXITSTATUS(status)));
        }
        done_(ended->index, *ended->report);
    }
    static std::string signal_text(int signal) {
        if (signal == SIGPROF) {
            return "it works for more than " + std::to_string(run_seconds_max) + " s";
        }
        if (signal == SIGALRM) { return "it does not end"; }
        return "signal " + std::to_string(signal);
    }

    body run_;
    judge done_;
    std::vector<place> places_;
};

// Runs the command in process with its time bounded, and notes what it did.
[[nodiscard]] inline answer timed_call(const words& arguments, const std::string& input,
                                       case_report& report) {
    const auto seconds = [] {
        timespec now{};
        ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
        return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
    };
    itimerval bound{};
    bound.it_value.tv_sec = run_seconds_max;
    ::setitimer(ITIMER_PROF, &bound, nullptr);
    const double begun = seconds();
    answer told = call(arguments, input);
    const double passed = seconds() - begun;
    bound.it_value.tv_sec = 0;
    ::setitimer(ITIMER_PROF, &bound, nullptr);
    ++report.runs;
    if (told.code >= 0 && told.code < 7) { ++report.codes[static_cast<std::size_t>(told.code)]; }
    if (passed > report.slowest_seconds) {
        report.slowest_seconds = passed;
        report.slowest = report.now;
    }
    return told;
}

}  // namespace pinyon::test
