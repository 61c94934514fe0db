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

// What one run of a contestant gave, and what else was seen of it, by name.
struct figure {
    figure(double measured) : value(measured) {}  // NOLINT: most runs give a number and no more
    figure(double measured, std::map<std::string, double> seen)
        : value(measured), facts(std::move(seen)) {}

    double value;
    std::map<std::string, double> facts;
};

class interleaved {
public:
    // `measure` runs the contestant once and returns its figure.
    void add(const std::string& name, std::function<figure()> measure) {
        contestants_.push_back({name, std::move(measure)});
    }

    // A figure of a round, in place of `add` and `run`, for contestants that follow each other.
    void record(const std::string& name, figure measured) {
        if (!has(name)) { contestants_.push_back({name, {}}); }
        figures_[name].push_back(std::move(measured));
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
    [[nodiscard]] double median(const std::string& name) const { return middle(values_of(name)); }
    // In the order in which they were added.
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> result;
        for (const contestant& each : contestants_) { result.push_back(each.name); }
        return result;
    }
    // Of each round.
    [[nodiscard]] const std::vector<figure>& figures(const std::string& name) const {
        return figures_.at(name);
    }
    // The median of the rounds' ratios.
    [[nodiscard]] double ratio(const std::string& name, const std::string& base) const {
        const std::vector<double> above = values_of(name);
        const std::vector<double> below = values_of(base);
        std::vector<double> ratios;
        for (std::size_t i = 0; i < above.size(); ++i) { ratios.push_back(above[i] / below[i]); }
        return middle(ratios);
    }

    // A line a contestant: median, smallest and largest figure, divided to be of the unit; and the
    // medians of these facts, which are of the same unit, where all have them.
    void print(const char* unit, double divisor = 1) const {
        static constexpr const char* shown[] = {"p50", "p99", "p99.9"};
        const bool spread = has_facts(shown[0]);
        std::printf("%-44s %12s %12s %12s", unit, "median", "smallest", "largest");
        for (const char* fact : shown) {
            if (spread) { std::printf(" %10s", fact); }
        }
        std::printf("\n");
        for (const contestant& each : contestants_) {
            const std::vector<double> all = values_of(each.name);
            const auto [low, high] = std::minmax_element(all.begin(), all.end());
            std::printf("%-44s %12.1f %12.1f %12.1f", each.name.c_str(), middle(all) / divisor,
                        *low / divisor, *high / divisor);
            for (const char* fact : shown) {
                if (spread) { std::printf(" %10.1f", median_fact(each.name, fact) / divisor); }
            }
            std::printf("\n");
        }
    }

private:
    struct contestant {
        std::string name;
        std::function<figure()> measure;
    };

    [[nodiscard]] std::vector<double> values_of(const std::string& name) const {
        std::vector<double> result;
        for (const figure& each : figures_.at(name)) { result.push_back(each.value); }
        return result;
    }

    [[nodiscard]] bool has_facts(const std::string& fact) const {
        return std::all_of(contestants_.begin(), contestants_.end(), [&](const contestant& each) {
            return figures_.at(each.name).front().facts.count(fact) != 0;
        });
    }
    [[nodiscard]] double median_fact(const std::string& name, const std::string& fact) const {
        std::vector<double> result;
        for (const figure& each : figures_.at(name)) { result.push_back(each.facts.at(fact)); }
        return middle(result);
    }
    [[nodiscard]] static double middle(std::vector<double> values) {
        std::sort(values.begin(), values.end());
        return values[values.size() / 2];
    }

    std::vector<contestant> contestants_;
    std::map<std::string, std::vector<figure>> figures_;
};

}  // namespace pinyon::bench
