// How every benchmark ends: one line per requirement with its name, what is required, what was
// measured and PASS or FAIL. The exit code is 1 when one fails.
#pragma once

#include <cstdio>
#include <string>
#include <vector>

namespace pinyon::bench {

class requirements {
public:
    struct line {
        std::string name;
        std::string required;
        std::string measured;
        bool passed;
    };

    void at_least(const std::string& name, double required, double measured) {
        add(name, ">= " + number(required), number(measured), measured >= required);
    }
    void at_most(const std::string& name, double required, double measured) {
        add(name, "<= " + number(required), number(measured), measured <= required);
    }
    void equal(const std::string& name, unsigned long long required, unsigned long long measured) {
        add(name, "= " + std::to_string(required), std::to_string(measured), measured == required);
    }

    // Prints the lines; the exit code.
    [[nodiscard]] int report() const {
        std::printf("\n%-58s %16s %16s\n", "requirement", "required", "measured");
        bool failed = lines_.empty();
        for (const line& entry : lines_) {
            std::printf("%-58s %16s %16s  %s\n", entry.name.c_str(), entry.required.c_str(),
                        entry.measured.c_str(), entry.passed ? "PASS" : "FAIL");
            failed = failed || !entry.passed;
        }
        return failed ? 1 : 0;
    }

    [[nodiscard]] const std::vector<line>& lines() const noexcept { return lines_; }

private:
    void add(const std::string& name, std::string required, std::string measured, bool passed) {
        lines_.push_back({name, std::move(required), std::move(measured), passed});
    }
    [[nodiscard]] static std::string number(double value) {
        char text[32];
        std::snprintf(text, sizeof text, value >= 1000 ? "%.0f" : "%.3f", value);
        return text;
    }

    std::vector<line> lines_;
};

}  // namespace pinyon::bench
