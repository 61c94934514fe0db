// What every comparison of stores is told on its command line.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

namespace pinyon::bench {

struct run_settings {
    std::string folder;  // where the stores lie, made anew by each run
    std::string json;    // empty: figures are printed alone

    // REQUIRES: `name` is the program's.
    void offer(CLI::App& program, const char* name, const char* executable) {
        folder = std::filesystem::absolute(executable).parent_path();
        program.add_option("--dir", folder, "folder for the stores")->check(CLI::ExistingDirectory);
        program.add_option("--json", json, "file for the figures, as Google Benchmark writes them");
        program.parse_complete_callback([this, name] {
            folder = std::filesystem::path(folder) / ("pinyon-" + std::string(name));
        });
    }

    void make_folder() const {
        std::filesystem::remove_all(folder);
        std::filesystem::create_directories(folder);
    }
};

// Of those that measure in rounds.
struct round_settings : run_settings {
    unsigned rounds = 5;
    double seconds = 1;  // a measurement whose length is free

    void offer(CLI::App& program, const char* name, const char* executable) {
        run_settings::offer(program, name, executable);
        program.add_option("--rounds", rounds, "how often each store is measured")
            ->check(CLI::PositiveNumber)
            ->capture_default_str();
        program.add_option("--seconds", seconds, "for each measurement")->capture_default_str();
    }
};

}  // namespace pinyon::bench
