// What the long tests have in common: `--states N --seed S` behind a `--`, the closing line that
// says what was done, and the line that says what could not be done here.
#pragma once

#include <algorithm>
#include <boost/test/results_collector.hpp>
#include <boost/test/tree/traverse.hpp>
#include <boost/test/tree/visitor.hpp>
#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string>
#include <string_view>

namespace pinyon::test {

struct long_run {
    std::uint64_t states;
    std::uint64_t seed = 1;
};

// `states` unless the command line says otherwise.
[[nodiscard]] inline long_run long_run_of(std::uint64_t states) {
    long_run chosen{states};
    const auto& suite = boost::unit_test::framework::master_test_suite();
    for (int i = 1; i + 1 < suite.argc; ++i) {
        const std::string_view flag = suite.argv[i];
        if (flag == "--states") { chosen.states = std::strtoull(suite.argv[i + 1], nullptr, 10); }
        if (flag == "--seed") { chosen.seed = std::strtoull(suite.argv[i + 1], nullptr, 10); }
    }
    return chosen;
}

// What a short form leaves out, too.
[[nodiscard]] inline bool all_wanted() {
    const auto& suite = boost::unit_test::framework::master_test_suite();
    return std::any_of(suite.argv + 1, suite.argv + suite.argc,
                       [](const char* word) { return std::string_view(word) == "--all"; });
}

// "T7: 300 kills (...), 0 violations, seed 1"
inline void report(std::string_view test, const std::string& done, std::uint64_t violations,
                   std::uint64_t seed) {
    std::cout << test << ": " << done << ", " << violations << " violations, seed " << seed
              << std::endl;
}

// How many test cases of this program have failed so far.
[[nodiscard]] inline std::uint64_t failed_cases() {
    struct counter : boost::unit_test::test_tree_visitor {
        void visit(const boost::unit_test::test_case& each) override {
            failed += boost::unit_test::results_collector.results(each.p_id).passed() ? 0U : 1U;
        }
        std::uint64_t failed = 0;
    } count;
    boost::unit_test::traverse_test_tree(boost::unit_test::framework::master_test_suite(), count);
    return count.failed;
}

inline void skipped(std::string_view what, const std::string& why) {
    std::cout << "SKIPPED " << what << ": " << why << std::endl;
}

// Ends a test program of which nothing can run here.
[[noreturn]] inline void skip_all(std::string_view what, const std::string& why) {
    skipped(what, why);
    std::exit(77);
}

}  // namespace pinyon::test
