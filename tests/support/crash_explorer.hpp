// Goes through the crashes of a workload: before each operation that may change the medium, every
// choice of what is kept when there are few units, else a sample; each distinct image is visited
// once.
//
// Threads: one; parts of the work run in processes of their own.
// Failure: violations are printed with what repeats them, and counted.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <sstream>
#include <unordered_set>

#include "support/crash_judge.hpp"
#include "support/slow_build.hpp"

namespace pinyon::test {

// Which crashes of one moment are looked at.
class crash_choices {
public:
    using choice = std::vector<crash_disk::fate>;
    static constexpr std::size_t exhaustive_max = 10;
    static constexpr std::size_t random_subsets = 64;
    static constexpr std::size_t tears = 16;

    crash_choices(const std::vector<crash_disk::unit>& units, device_model device,
                  std::mt19937_64& random)
        : units_(units), random_(random) {
        for (std::size_t i = 0; i != units.size(); ++i) {
            const bool whole =
                device == device_model::blocks ||
                (device == device_model::sectors && units[i].kind != crash_disk::unit::what::block);
            if (units[i].is_data() && !whole) { tearable_.push_back(i); }
        }
    }

    [[nodiscard]] std::size_t count() const noexcept {
        return plain() + (tearable_.empty() ? 0 : tears);
    }
    // The first two keep nothing and all.
    void make(std::size_t index, choice& out) {
        const std::size_t n = units_.size();
        out.assign(n, {});
        if (index >= plain()) { return tear(out); }
        if (n <= exhaustive_max) {
            const std::size_t all = (std::size_t{1} << n) - 1;
            const std::size_t bits = index < 2 ? index * all : (index == all ? 1 : index);
            return keep_if(out, [&](std::size_t i) { return (bits >> i & 1) != 0; });
        }
        if (index < 2) {
            return keep_if(out, [&](std::size_t) { return index == 1; });
        }
        index -= 2;
        if (index < n) {
            return keep_if(out, [&](std::size_t i) { return i == index; });
        }
        index -= n;
        if (index < n) {
            return keep_if(out, [&](std::size_t i) { return i != index; });
        }
        index -= n;
        if (index < n) {
            return keep_if(out, [&](std::size_t i) { return i <= index; });
        }
        keep_randomly(out);
    }

private:
    [[nodiscard]] std::size_t plain() const noexcept {
        const std::size_t n = units_.size();
        return n <= exhaustive_max ? std::size_t{1} << n : 2 + 3 * n + random_subsets;
    }
    template <class Predicate>
    static void keep_if(choice& out, Predicate&& kept) {
        for (std::size_t i = 0; i != out.size(); ++i) { out[i].kept = kept(i); }
    }
    void keep_randomly(choice& out) {
        const std::uint64_t often = 1 + random_() % 7;  // eighths
        keep_if(out, [&](std::size_t) { return random_() % 8 < often; });
    }
    void tear(choice& out) {
        keep_randomly(out);
        for (std::size_t times = 1 + random_() % 2; times != 0; --times) {
            crash_disk::fate& fate = out[tearable_[random_() % tearable_.size()]];
            fate.kept = true;
            fate.torn = static_cast<std::uint8_t>(1 + random_() % 255);
        }
    }

    const std::vector<crash_disk::unit>& units_;
    std::mt19937_64& random_;
    std::vector<std::size_t> tearable_;
};

[[nodiscard]] inline std::string describe(const std::vector<crash_disk::unit>& units,
                                          const crash_choices::choice& fates) {
    constexpr std::array kinds{"sector", "block", "size", "create", "rename", "remove"};
    std::ostringstream text;
    for (std::size_t i = 0; i != units.size(); ++i) {
        const crash_disk::unit& each = units[i];
        text << (i == 0 ? "" : ", ") << (fates[i].kept ? "+" : "-")
             << kinds[static_cast<std::size_t>(each.kind)];
        if (each.is_data()) { text << ' ' << each.block << '/' << unsigned{each.sectors}; }
        if (each.kind == crash_disk::unit::what::size) { text << ' ' << each.size; }
        if (!each.from.empty()) { text << ' ' << each.from; }
        if (!each.to.empty()) { text << " to " << each.to; }
        if (fates[i].torn != 0) { text << " torn " << unsigned{fates[i].torn}; }
    }
    return text.str();
}

// Visits the distinct crash images of what is done on one disk, as often as `share` says.
class crash_watch {
public:
    // Returns what is wrong with the image, or nothing.
    using visitor = std::function<std::string(const disk_image&)>;

    crash_watch(crash_disk& disk, device_model device, std::uint64_t seed,
                std::unordered_set<std::uint64_t>& seen)
        : disk_(disk), model_(device), random_(seed), seen_(seen) {}

    // Of the choices at each operation, this share is visited; 0 counts them only.
    void share(double part) noexcept { share_ = part; }
    void only(std::optional<std::uint64_t> operation) noexcept { only_ = operation; }
    void each(visitor visit) { visit_ = std::move(visit); }

    void look() {
        if (generation_ == disk_.generation() || !wrong_.empty()) { return; }
        generation_ = disk_.generation();
        if (only_ && *only_ != disk_.operations()) { return; }
        crash_choices choices(disk_.pending(), model_, random_);
        candidates_ += choices.count();
        if (share_ <= 0) { return; }
        const auto mark = static_cast<std::uint64_t>(share_ * 0x1p32);
        for (std::size_t i = 0; i != choices.count() && wrong_.empty(); ++i) {
            if (i >= 2 && (random_() >> 32) >= mark) { continue; }
            choices.make(i, choice_);
            visit(random_());
        }
        scratch_.clear();
    }

    [[nodiscard]] std::uint64_t candidates() const noexcept { return candidates_; }
    [[nodiscard]] std::uint64_t states() const noexcept { return states_; }
    // What is wrong, where and with what kept; empty when nothing is.
    [[nodiscard]] const std::string& wrong() const noexcept { return wrong_; }

private:
    void visit(std::uint64_t garbage_seed) {
        disk_.crash(choice_, garbage_seed, image_, scratch_);
        if (!seen_.insert(image_.hash()).second) { return; }
        ++states_;
        if (std::string wrong = visit_(image_); !wrong.empty()) {
            wrong_ = "operation " + std::to_string(disk_.operations()) + ": " + wrong +
                     "\n    units: " + describe(disk_.pending(), choice_);
        }
    }

    crash_disk& disk_;
    device_model model_;
    std::mt19937_64 random_;
    std::unordered_set<std::uint64_t>& seen_;
    visitor visit_;
    double share_ = 0;
    std::optional<std::uint64_t> only_;
    std::uint64_t generation_ = ~std::uint64_t{0};
    std::uint64_t candidates_ = 0;
    std::uint64_t states_ = 0;
    crash_choices::choice choice_;
    disk_image image_;
    block_store scratch_;
    std::string wrong_;
};

// How long and with what a test goes on: from the command line behind `--`.
struct crash_plan {
    std::uint64_t states = 0;  // of all workloads
    std::uint64_t seed = 42;
    unsigned part = 0;  // of `parts`: workloads by their number
    unsigned parts = 1;
    unsigned jobs = 1;
    std::optional<std::size_t> workload;
    std::optional<std::uint64_t> operation;

    crash_plan(int count, char** arguments, std::uint64_t default_states)
        : states(slow_build ? default_states / 20 : default_states) {
        const auto number = [&](int i) {
            return i + 1 < count ? std::strtoull(arguments[i + 1], nullptr, 10) : 0;
        };
        for (int i = 1; i < count; ++i) {
            const std::string_view word = arguments[i];
            if (word == "--states") { states = number(i); }
            if (word == "--seed") { seed = number(i); }
            if (word == "--jobs") { jobs = std::max(1U, static_cast<unsigned>(number(i))); }
            if (word == "--workload") { workload = number(i); }
            if (word == "--operation") { operation = number(i); }
            if (word == "--part" && i + 1 < count) {
                (void)std::sscanf(arguments[i + 1], "%u/%u", &part, &parts);
                parts = std::max(1U, parts);
            }
        }
    }
    [[nodiscard]] bool includes(std::size_t number) const noexcept {
        return workload ? *workload == number : number % parts == part;
    }
};

struct crash_result {
    std::uint64_t states = 0;
    std::uint64_t workloads = 0;
    std::uint64_t violations = 0;
    std::uint64_t inside = 0;  // of the states: in the middle of a recovery

    crash_result& operator+=(const crash_result& other) noexcept {
        states += other.states;
        workloads += other.workloads;
        violations += other.violations;
        inside += other.inside;
        return *this;
    }
};

inline void report_violation(const char* test, std::size_t number, const workload& chosen,
                             std::uint64_t seed, const std::string& wrong,
                             const std::string& more = {}) {
    std::cout << test << " VIOLATION: workload " << number << " (" << chosen.name << "), seed "
              << seed << ", " << wrong << "\n    repeat: -- --workload " << number << " --seed "
              << seed << more << std::endl;
}

// Runs `work(plan)` for each part of the plan, each in a process of its own, and adds up.
template <class Work>
[[nodiscard]] crash_result in_processes(const crash_plan& plan, Work&& work) {
    if (plan.jobs == 1 || plan.workload) { return work(plan); }
    std::vector<int> ends;
    std::cout.flush();
    for (unsigned job = 0; job != plan.jobs; ++job) {
        std::array<int, 2> pipe{};
        if (::pipe(pipe.data()) != 0) { throw std::bad_alloc(); }
        if (::fork() == 0) {
            crash_plan own = plan;
            own.jobs = 1;
            own.part = plan.part + job * plan.parts;
            own.parts = plan.parts * plan.jobs;
            const crash_result result = work(own);
            std::cout.flush();
            const bool told = ::write(pipe[1], &result, sizeof result) == sizeof result;
            ::_exit(told ? 0 : 1);
        }
        ::close(pipe[1]);
        ends.push_back(pipe[0]);
    }
    crash_result sum;
    for (const int end : ends) {
        crash_result part{0, 0, 1, 0};  // a process that ends without a word is a violation
        if (::read(end, &part, sizeof part) != sizeof part) { part = {0, 0, 1, 0}; }
        ::close(end);
        sum += part;
    }
    while (::wait(nullptr) > 0) {}
    return sum;
}

}  // namespace pinyon::test
