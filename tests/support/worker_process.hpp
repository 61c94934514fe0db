// A running transaction_worker, and what it has told.
//
// Threads: one.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/build_folder.hpp"
#include "support/worker_report.hpp"

namespace pinyon::test {

// What a file must hold, as far as the reports of its workers tell: the last transaction is one of
// low() up to high().
struct bounds {
    std::uint64_t acknowledged = 0;  // durable
    std::uint64_t committed = 0;     // survives the process
    std::map<std::uint64_t, int> submitted;

    [[nodiscard]] std::uint64_t low() const noexcept { return std::max(acknowledged, committed); }
    [[nodiscard]] std::uint64_t high() const noexcept {
        return submitted.empty() ? low() : std::max(low(), submitted.rbegin()->first);
    }
    // The file was opened and holds `last`.
    void settle(std::uint64_t last) {
        acknowledged = committed = last;
        submitted.clear();
    }
    // Only what is durable counts from here on: the machine or its disk fails, not the process.
    void forget_relaxed() noexcept { committed = acknowledged; }

    void take(const report_record& record) {
        const std::uint64_t n = record.number;
        if (record.what == event::submitted) { ++submitted[n]; }
        if (record.what == event::acknowledged) { acknowledged = std::max(acknowledged, n); }
        if (record.what == event::relaxed) { committed = std::max(committed, n); }
        if (record.what == event::aborted && --submitted[n] == 0) { submitted.erase(n); }
    }
};

class worker_process {
public:
    using clock = std::chrono::steady_clock;

    // `known` is what the file must hold, and goes on from the worker's reports.
    worker_process(const std::string& program, std::vector<std::string> arguments, bounds& known,
                   const std::string& fault = {})
        : known_(known) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) { throw std::runtime_error("no pipe"); }
        arguments.insert(arguments.begin(), beside_this_test(program));
        std::vector<char*> pointers;
        for (std::string& each : arguments) { pointers.push_back(each.data()); }
        pointers.push_back(nullptr);
        child_ = ::fork();
        if (child_ == 0) {
            // Onto itself it would stay close-on-exec.
            if (ends[1] == report_descriptor) {
                ::fcntl(report_descriptor, F_SETFD, 0);
            } else {
                ::dup2(ends[1], report_descriptor);
            }
            if (!fault.empty()) { ::setenv("PINYON_FAULT", fault.c_str(), 1); }
            ::execv(pointers[0], pointers.data());
            ::_exit(98);
        }
        ::close(ends[1]);
        reports_ = ends[0];
    }
    ~worker_process() {
        if (child_ > 0) { (void)kill(); }
        ::close(reports_);
    }
    worker_process(const worker_process&) = delete;
    worker_process& operator=(const worker_process&) = delete;

    // Takes reports until one is `what`; false when the worker ended or nothing came in time.
    bool wait_for(event what, std::chrono::microseconds time = std::chrono::seconds(60)) {
        return take_until(clock::now() + time, what);
    }
    // Takes reports for so long; true when the worker still runs.
    bool run_for(std::chrono::microseconds time) {
        (void)take_until(clock::now() + time, std::nullopt);
        return !ended_;
    }
    // Until it ends by itself.
    void run_to_end() {
        if (run_for(std::chrono::seconds(120))) { complaints_ += "hangs; "; }
        (void)kill();
    }
    // True when it died of this.
    bool kill() {
        if (!ended_) { ::kill(child_, SIGKILL); }
        (void)take_until(clock::now() + std::chrono::seconds(60), std::nullopt);
        int status = 0;
        ::waitpid(child_, &status, 0);
        child_ = -1;
        const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
        if (WIFSIGNALED(status) && !killed) {
            complaints_ += "died of signal " + std::to_string(WTERMSIG(status)) + "; ";
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
            complaints_ += "left with " + std::to_string(WEXITSTATUS(status)) + "; ";
        }
        return killed;
    }

    // The last step that it has told of; between opening and opened it recovers.
    [[nodiscard]] event phase() const noexcept { return phase_; }
    [[nodiscard]] const std::vector<report_record>& reports() const noexcept { return list_; }
    [[nodiscard]] bool told(event what) const noexcept {
        return std::any_of(list_.begin(), list_.end(),
                           [what](const report_record& each) { return each.what == what; });
    }
    // What must not happen to any worker; empty: nothing of it did.
    [[nodiscard]] const std::string& complaints() const noexcept { return complaints_; }

private:
    bool take_until(clock::time_point deadline, std::optional<event> wanted) {
        while (!ended_) {
            const auto left = std::chrono::ceil<std::chrono::microseconds>(deadline - clock::now());
            if (left.count() <= 0) { return false; }
            pollfd ready{reports_, POLLIN, 0};
            const timespec time{left.count() / 1'000'000, left.count() % 1'000'000 * 1000};
            if (::ppoll(&ready, 1, &time, nullptr) <= 0) { continue; }
            report_record record;
            if (::read(reports_, &record, sizeof record) != static_cast<ssize_t>(sizeof record)) {
                ended_ = true;
                return false;
            }
            take(record);
            if (wanted && record.what == *wanted) { return true; }
        }
        return false;
    }

    void take(const report_record& record) {
        list_.push_back(record);
        if (record.what == event::opened) {
            if (record.number < known_.low() || record.number > known_.high()) {
                complaints_ += "found transaction " + std::to_string(record.number) + " where " +
                               std::to_string(known_.low()) + " to " +
                               std::to_string(known_.high()) + " could be; ";
            }
            known_.settle(record.number);
        }
        known_.take(record);
        if (record.what <= event::closed) { phase_ = record.what; }
    }

    bounds& known_;
    pid_t child_ = -1;
    int reports_ = -1;
    bool ended_ = false;
    event phase_ = event::opening;
    std::vector<report_record> list_;
    std::string complaints_;
};

}  // namespace pinyon::test
