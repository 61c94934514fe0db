// The figures of a run as JSON in the form of Google Benchmark, which its tools read (compare.py
// among them), with the machine, the build and the command that gave them; and the requirements as
// they were judged.
//
// {"context": {..., "commit": ..., "kernel": ..., "file_system": ...},
//  "benchmarks": [{"name": "WORK/STORE", "repetition_index": 0, "real_time": ..., "p99": ...}],
//  "requirements": [{"name": ..., "required": ..., "measured": ..., "passed": true}]}
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "interleaved.hpp"
#include "requirement.hpp"
#include "run_settings.hpp"

namespace pinyon::bench {

class results_file {
public:
    // The command as it was given. Looks at the machine and at the file system of the folder.
    results_file(const run_settings& how, int argc, char** argv);

    // What else a reader has to know: of a store its version and settings, say.
    void note(const std::string& name, const nlohmann::ordered_json& value);
    // Every round of every contestant; `figures` are nanoseconds of an operation by the clock,
    // which stand as cpu_time too: readers of this form ask for both.
    void add(const std::string& work, const interleaved& figures);

    // Prints the requirements, and writes the file where the command line named one. The program's
    // exit code: the requirements', or 2 when the file cannot be written.
    [[nodiscard]] int finish(const requirements& verdict);

private:
    std::string path_;
    nlohmann::ordered_json context_;
    nlohmann::ordered_json runs_ = nlohmann::ordered_json::array();
};

}  // namespace pinyon::bench
