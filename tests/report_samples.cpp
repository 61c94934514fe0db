// Makes the reports that tests/report/browser.mjs opens: report_samples FOLDER.
#include <cstdio>
#include <exception>
#include <iostream>

#include "support/large_survey.hpp"
#include "support/report_samples.hpp"

namespace {

using namespace pinyon;
using namespace pinyon::test;

class samples {
public:
    explicit samples(std::string folder) : folder_(std::move(folder)) {}

    // Writes NAME.html from NAME.pinyon; its exit code must be `code`.
    void report(const std::string& name, int code, const words& more = {}) const {
        words line{"report", path(name, ".pinyon"), "--output", path(name, ".html"), "--quiet"};
        line.insert(line.end(), more.begin(), more.end());
        std::ostringstream out;
        std::ostringstream err;
        const int found = tool::run(line, {.out = out, .err = err, .in = {}});
        if (found != code) {
            throw std::runtime_error(name + ": exit code " + std::to_string(found) + ": " +
                                     err.str());
        }
    }
    [[nodiscard]] std::string path(const std::string& name, const char* ending) const {
        return folder_ + "/" + name + ending;
    }

private:
    std::string folder_;
};

void make_all(const samples& to) {
    make_empty(to.path("empty", ".pinyon"));
    to.report("empty", 0);
    make_one_page(to.path("one", ".pinyon"));
    to.report("one", 0, {"--values"});
    make_mixed(to.path("mixed", ".pinyon"), 20);
    to.report("mixed", 0, {"--tree", "users", "--key", "user:0", "--key", "nobody"});
    fs::copy_file(to.path("mixed", ".pinyon"), to.path("redacted", ".pinyon"));
    to.report("redacted", 0, {"--redact", "--tree", "users", "--key", "user:0"});
    make_hostile(to.path("hostile", ".pinyon"));
    to.report("hostile", 0, {"--values"});
    fs::copy_file(to.path("mixed", ".pinyon"), to.path("damaged", ".pinyon"));
    for (const std::uint64_t page : {40ULL, 41ULL, 300ULL, 1200ULL}) {
        flip(to.path("damaged", ".pinyon"), page * 4096 + 1000);
    }
    to.report("damaged", 3);
    write_file(to.path("unusable", ".pinyon"), read_file(to.path("one", ".pinyon")));
    flip(to.path("unusable", ".pinyon"), 50);
    flip(to.path("unusable", ".pinyon"), 4096 + 50);
    to.report("unusable", 3);
    make_mixed(to.path("large", ".pinyon"), 150);
    to.report("large", 0, {"--tree", "users", "--key", "user:0"});
    write_file(to.path("million", ".html"), large_report(std::uint64_t{1} << 20).html);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::cerr << "report_samples: expected a folder\n";
        return 2;
    }
    try {
        make_all(samples(argv[1]));
    } catch (const std::exception& failure) {
        std::cerr << "report_samples: " << failure.what() << '\n';
        return 1;
    }
    return 0;
}
