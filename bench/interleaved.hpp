// Contestants measured in rounds: each runs once a round, each round begins with another one, so
// that all see the same machine; ratios are taken within a round and their median counts.
#pragma once

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace pinyon::bench {

class interleaved {
public:
    // `measure` runs the contestant once and returns its figure.
    void add(const std::string& name, std::function<double()> measure) {
        contestants_.push_back({name, std::move(measure)});
    }

    // A figure of a round, in place of `add` and `run`, for contestants that follow each other.
    void record(const std::string& name, double figure) {
        if (!has(name)) { contestants_.push_back({name, {}}); }
        figures_[name].push_back(figure);
    }

    void run(unsigned rounds) {
        for (unsigned round = 0; round < rounds; ++round) {
            for (std::size_t i = 0; i < contestants_.size(); ++i) {
                const contestant& next = contestants_[(i + round) % contestants_.size()];
                figures_[next.name].push_back(next.measure());
            }
        }
    }

    [[nodiscard]] bool empty() const noexcept { return contestants_.empty(); }
    [[nodiscard]] bool has(const std::string& name) const { return figures_.count(name) != 0; }
    [[nodiscard]] double median(const std::string& name) const { return middle(figures_.at(name)); }
    // The median of the rounds' ratios.
    [[nodiscard]] double ratio(const std::string& name, const std::string& base) const {
        const std::vector<double>& above = figures_.at(name);
        const std::vector<double>& below = figures_.at(base);
        std::vector<double> ratios;
        for (std::size_t i = 0; i < above.size(); ++i) { ratios.push_back(above[i] / below[i]); }
        return middle(ratios);
    }

    // A line a contestant: median, smallest and largest figure.
    void print(const char* unit) const {
        std::printf("%-44s %12s %12s %12s\n", unit, "median", "smallest", "largest");
        for (const contestant& each : contestants_) {
            const std::vector<double>& all = figures_.at(each.name);
            const auto [low, high] = std::minmax_element(all.begin(), all.end());
            std::printf("%-44s %12.1f %12.1f %12.1f\n", each.name.c_str(), middle(all), *low,
                        *high);
        }
    }

private:
    struct contestant {
        std::string name;
        std::function<double()> measure;
    };

    [[nodiscard]] static double middle(std::vector<double> values) {
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
    }

    std::vector<contestant> contestants_;
    std::map<std::string, std::vector<double>> figures_;
};

}  // namespace pinyon::bench
