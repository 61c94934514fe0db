// Which calls of the command are made on a damaged file, and what a sound one answers to each.
//
// Threads: one at a time. Failure: exceptions of the standard library.
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "support/damage_list.hpp"
#include "support/verb_table.hpp"

namespace pinyon::test {

// Where a verb makes what it makes.
inline const std::string made_name = "made";

struct sound_answer {
    int code = -1;
    std::uint64_t out = 0;   // checksum of what stood on standard output
    std::uint64_t made = 0;  // and of the text at %o
};

[[nodiscard]] inline std::uint64_t sum_of(const std::string& text) noexcept {
    return XXH3_64bits(text.data(), text.size());
}

struct planned_call {
    const verb_row* row = nullptr;
    words arguments;
    std::optional<std::uint64_t> page;  // that it asks for
    std::vector<sound_answer> sound;    // of each state that the sample has

    [[nodiscard]] std::string text() const {
        std::string all;
        for (const std::string& each : arguments) { all += " " + each; }
        return all.empty() ? all : all.substr(1);
    }
};

class matrix_plan {
public:
    explicit matrix_plan(const golden_sample& sample) : sample_(sample) {}

    // `every`: every form with every tree; else one form of each verb.
    [[nodiscard]] std::vector<planned_call> calls(const damage& what, bool every,
                                                  std::mt19937_64& random) {
        std::vector<planned_call> plan;
        for (const verb_row& row : verb_table()) {
            const std::size_t chosen = random() % row.forms.size();
            for (std::size_t i = 0; i < row.forms.size(); ++i) {
                if (every || i == chosen) { expand(row, row.forms[i], what, every, random, plan); }
            }
        }
        // What changes the file comes last.
        std::stable_partition(plan.begin(), plan.end(), [](const planned_call& each) {
            return each.row->effect != verb_effect::changes;
        });
        return plan;
    }
    // What shows all of the data.
    [[nodiscard]] std::vector<planned_call> scans() {
        static const verb_row row{
            "scan", verb_promise::data, verb_effect::tells, "", {"%f --tree %t"}};
        std::vector<planned_call> plan;
        std::mt19937_64 random;
        expand(row, row.forms[0], {}, true, random, plan);
        return plan;
    }

private:
    void expand(const verb_row& row, const std::string& form, const damage& what, bool every,
                std::mt19937_64& random, std::vector<planned_call>& plan) {
        std::vector<const asked_tree*> trees{nullptr};
        if (form.find("%t") != std::string::npos) { trees = choose_trees(every, random); }
        std::vector<std::uint64_t> pages{random() % sample_.pages};
        if (!what.pages.empty()) { pages = what.pages; }
        if (form.find("%p") == std::string::npos || !every) { pages.resize(1); }
        for (const asked_tree* tree : trees) {
            for (const std::uint64_t page : pages) { add(row, form, tree, page, random, plan); }
        }
    }
    [[nodiscard]] std::vector<const asked_tree*> choose_trees(bool every,
                                                              std::mt19937_64& random) const {
        std::vector<const asked_tree*> trees;
        for (const asked_tree& each : sample_.trees) { trees.push_back(&each); }
        if (!every && !trees.empty()) { trees = {trees[random() % trees.size()]}; }
        return trees;
    }

    void add(const verb_row& row, const std::string& form, const asked_tree* tree,
             std::uint64_t page, std::mt19937_64& random, std::vector<planned_call>& plan) {
        planned_call call{&row, {std::string(row.verb)}, {}, {}};
        std::istringstream parts(form);
        for (std::string part; parts >> part;) {
            if (part == "%f") {
                part = sample_name;
            } else if (part == "%s") {
                part = *sample_.states.front().place / sample_name;
            } else if (part == "%o") {
                part = made_name;
            } else if (part == "%p") {
                call.page = page;
                part = std::to_string(page);
            } else if (part == "%t") {
                part = tree->name;
            } else if (part == "%k") {
                if (tree->keys.empty()) { return; }
                part = tree->keys[random() % tree->keys.size()];
            } else if (part == "%a") {
                if (tree->absent.empty()) { return; }
                part = tree->absent;
            }
            call.arguments.push_back(part);
        }
        // A word that begins so would be an option.
        for (std::size_t i = 1; i < call.arguments.size(); ++i) {
            if (call.arguments[i].empty()) { return; }
        }
        for (std::size_t state = 0; state < sample_.states.size(); ++state) {
            call.sound.push_back(answer_of(state, call));
        }
        plan.push_back(std::move(call));
    }

    // In the folder of the state, so that names are the same.
    const sound_answer& answer_of(std::size_t state, const planned_call& call) {
        const auto [entry, is_new] = answers_.try_emplace({state, call.text()});
        if (is_new && call.row->effect != verb_effect::changes) {
            const fs::path before = fs::current_path();
            fs::current_path(sample_.states[state].place->path());
            const answer told = test::call(call.arguments, std::string(call.row->input));
            entry->second = {told.code, sum_of(told.out), 0};
            if (fs::exists(made_name)) {
                entry->second.made = sum_of(read_file(made_name));
                fs::remove(made_name);
            }
            fs::current_path(before);
        }
        return entry->second;
    }

    const golden_sample& sample_;
    std::map<std::pair<std::size_t, std::string>, sound_answer> answers_;
};

}  // namespace pinyon::test
