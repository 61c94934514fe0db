// Judges a file that workers wrote: it opens, holds exactly what the journal's first n transactions
// make, n is within the bounds, and the checker finds nothing.
//
// Threads: one.
#pragma once

#include <filesystem>
#include <string>

#include "support/journal.hpp"
#include "support/worker_process.hpp"

namespace pinyon::test {

class journal_judge {
public:
    journal_judge(std::string path, std::uint64_t seed) : path_(std::move(path)), script_(seed) {}

    // Empty: all is well. `known` then is settled on what was found.
    [[nodiscard]] std::string judge(bounds& known) {
        // A creation that failed leaves nothing, and promised nothing.
        if (!std::filesystem::exists(path_)) {
            return known.low() == 0 ? "" : "the file is gone; ";
        }
        try {
            const std::string said = open_and_compare(known);
            return said.empty() ? check_file() : said;
        } catch (const error& failure) { return std::string(failure.what()) + "; "; }
    }

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    // How long the last opening took.
    [[nodiscard]] std::chrono::microseconds time_to_open() const noexcept { return to_open_; }

private:
    [[nodiscard]] std::string open_and_compare(bounds& known) {
        options chosen;
        chosen.access = access_mode::must_exist;
        const auto start = std::chrono::steady_clock::now();
        database db = database::open(path_, chosen);
        to_open_ = std::chrono::duration_cast<std::chrono::microseconds>(
            std::chrono::steady_clock::now() - start);
        const read_transaction tx = db.begin_read();
        const std::uint64_t n = journal::last(tx);
        if (n < known.low() || n > known.high()) {
            return "holds transaction " + std::to_string(n) + ", not " +
                   std::to_string(known.low()) + " to " + std::to_string(known.high()) + "; ";
        }
        if (n < applied_) { return "went back behind what was judged before; "; }
        while (applied_ < n) { script_.apply(model_, ++applied_); }
        known.settle(n);
        return differences(journal::read(tx));
    }

    // Trees that were never made and empty ones are the same.
    [[nodiscard]] std::string differences(const content& found) const {
        std::string said;
        for (const auto& [name, entries] : model_) {
            const auto there = found.find(name);
            const bool equal = there == found.end() ? entries.empty() : there->second == entries;
            if (!equal) { said += "tree " + name + " differs; "; }
        }
        for (const auto& [name, entries] : found) {
            if (model_.count(name) == 0 && !entries.empty()) { said += "tree " + name + "?; "; }
        }
        return said;
    }

    [[nodiscard]] std::string check_file() const {
        std::string said;
        (void)check(path_, {}, [&](const finding& found) {
            said += std::string("check: ") + name(found.kind) + ": " + found.text + "; ";
        });
        return said;
    }

    std::string path_;
    journal script_;
    content model_;
    std::uint64_t applied_ = 0;
    std::chrono::microseconds to_open_{3000};
};

}  // namespace pinyon::test
