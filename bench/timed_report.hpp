// Google Benchmark runs with their console table, and the times kept for ratios: repetitions of all
// benchmarks are interleaved, so that the two sides of a ratio see the same machine.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

namespace pinyon::bench {

class timed_report : public benchmark::ConsoleReporter {
public:
    timed_report() : ConsoleReporter(OO_Tabular) {}

    void ReportRuns(const std::vector<Run>& runs) override {
        std::vector<Run> shown;
        for (const Run& run : runs) {
            if (run.run_type == Run::RT_Iteration) {
                const std::string name = run.benchmark_name();
                const bool waits = name.find("real_time") != std::string::npos;
                times_[name].push_back(waits ? run.GetAdjustedRealTime()
                                             : run.GetAdjustedCPUTime());
            } else if (run.aggregate_name == "median") {
                shown.push_back(run);
            }
        }
        if (!shown.empty()) { ConsoleReporter::ReportRuns(shown); }
    }

    // Time of an iteration in the middle repetition, in its unit; 0 when it did not run.
    [[nodiscard]] double median(const std::string& prefix) const {
        std::vector<double> times = times_of(prefix);
        if (times.empty()) { return 0; }
        std::sort(times.begin(), times.end());
        return times[times.size() / 2];
    }
    // Slowest against fastest repetition.
    [[nodiscard]] double spread(const std::string& prefix) const {
        const std::vector<double> times = times_of(prefix);
        if (times.empty()) { return 0; }
        const auto [low, high] = std::minmax_element(times.begin(), times.end());
        return *high / *low;
    }

private:
    [[nodiscard]] std::vector<double> times_of(const std::string& prefix) const {
        for (const auto& entry : times_) {
            if (entry.first.rfind(prefix, 0) == 0) { return entry.second; }
        }
        return {};
    }

    std::map<std::string, std::vector<double>> times_;
};

inline void print_methodology() {
    std::printf(
        "Repetitions interleaved (random order), medians; times are of this machine, ratios "
        "travel.\n"
        "Work in memory is judged by the processor time of its thread, work that waits for the "
        "disk "
        "(real_time) by the clock.\n"
        "Google Benchmark's Debian package was built without NDEBUG and says so; what it times was "
        "not.\n\n");
}

// Initialises the library with repetitions interleaved; the command line may say otherwise.
// The program's name stays the caller's string: the library keeps its address.
inline void initialise(int argc, char** argv, const char* repetitions) {
    std::string defaults[] = {"--benchmark_enable_random_interleaving=true",
                              std::string("--benchmark_repetitions=") + repetitions};
    std::vector<char*> arguments{argv[0]};
    for (std::string& option : defaults) { arguments.push_back(option.data()); }
    arguments.insert(arguments.end(), argv + 1, argv + argc);
    int count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data());
}

}  // namespace pinyon::bench
