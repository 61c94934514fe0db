#include "rss_sampler.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <stdexcept>

namespace pinyon::bench {

namespace {

// 40 samples a second: twice what is asked for, so that a slow one does not count.
constexpr int pause_milliseconds = 25;

// Sums "Rss:" over the mappings whose line names the file.
[[nodiscard]] std::uint64_t rss_of(int process, const std::string& file) {
    std::ifstream maps("/proc/" + std::to_string(process) + "/smaps");
    std::uint64_t bytes = 0;
    bool ours = false;
    for (std::string line; std::getline(maps, line);) {
        // A mapping's head begins with its address in hexadecimal, its facts with a word and a
        // colon.
        if (line.find('-') < line.find(' ') && line.find('-') < line.find(':')) {
            ours = line.size() >= file.size() &&
                   line.compare(line.size() - file.size(), file.size(), file) == 0;
        } else if (ours && line.rfind("Rss:", 0) == 0) {
            bytes += std::stoull(line.substr(4)) * 1024;
        }
    }
    return bytes;
}

// Stands the process still while it is read: smaps is not one moment of a running process, and a
// page that moves from one view to the other meanwhile would be counted in both.
class standstill {
public:
    explicit standstill(int process) : process_(process) {
        if (::kill(process_, SIGSTOP) != 0) { return; }
        while (!stands()) { ::usleep(100); }
    }
    ~standstill() { ::kill(process_, SIGCONT); }
    standstill(const standstill&) = delete;
    standstill& operator=(const standstill&) = delete;

private:
    // The state is the word behind the program's name, which stands in parentheses.
    [[nodiscard]] bool stands() const {
        std::ifstream file("/proc/" + std::to_string(process_) + "/stat");
        std::string facts;
        std::getline(file, facts);
        const std::size_t state = facts.rfind(") ") + 2;
        // Stopped, or not there any more.
        return state >= facts.size() || std::strchr("TtZX", facts[state]) != nullptr;
    }

    int process_;
};

}  // namespace

rss_sampler::rss_sampler(const std::string& file) {
    std::array<int, 2> orders{};
    std::array<int, 2> answers{};
    if (::pipe(orders.data()) != 0 || ::pipe(answers.data()) != 0) {
        throw std::runtime_error("no pipe");
    }
    const int parent = ::getpid();
    std::fflush(stdout);
    child_ = ::fork();
    if (child_ < 0) { throw std::runtime_error("no process"); }
    if (child_ == 0) {
        ::close(orders[1]);
        ::close(answers[0]);
        watch(parent, file, orders[0], answers[1]);
    }
    ::close(orders[0]);
    ::close(answers[1]);
    orders_ = orders[1];
    answers_ = answers[0];
}

rss_sampler::~rss_sampler() {
    if (orders_ >= 0) { ::close(orders_); }
    if (answers_ >= 0) { ::close(answers_); }
    if (child_ > 0) { ::waitpid(child_, nullptr, 0); }
}

void rss_sampler::watch(int parent, const std::string& file, int orders, int answers) {
    rss_samples seen;
    const auto start = std::chrono::steady_clock::now();
    pollfd order{orders, POLLIN, 0};
    // The pipe closes when the parent stops or dies.
    while (::poll(&order, 1, pause_milliseconds) == 0) {
        {
            const standstill moment(parent);
            seen.last_bytes = rss_of(parent, file);
        }
        seen.max_bytes = std::max(seen.max_bytes, seen.last_bytes);
        ++seen.count;
    }
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    seen.hertz = static_cast<double>(seen.count) / passed.count();
    const bool told = ::write(answers, &seen, sizeof seen) == static_cast<ssize_t>(sizeof seen);
    ::_exit(told ? 0 : 1);
}

rss_samples rss_sampler::stop() {
    ::close(orders_);
    orders_ = -1;
    rss_samples seen;
    if (::read(answers_, &seen, sizeof seen) != static_cast<ssize_t>(sizeof seen)) {
        throw std::runtime_error("the watching process died");
    }
    return seen;
}

}  // namespace pinyon::bench
