// A report put together: what the check and the survey found, as HTML of at most report_bytes_max
// bytes. What does not fit is left out in this order: entries of pages, nodes by levels, single
// pages of the map, findings and trees beyond the first hundreds; and the report says so.
//
// Threads: one. Failure: none.
#pragma once

#include <string>
#include <vector>

#include "tools/exit_code.hpp"
#include "tools/report_survey.hpp"

namespace pinyon::tool {

inline constexpr std::size_t report_bytes_max = 2'000'000;
// Findings whose text is kept; the others are counted.
inline constexpr std::size_t report_findings_max = 300;

struct report_subject {
    std::string file;
    std::string version;  // of the program
    check_summary summary;
    std::vector<finding> findings;  // the first ones
    exit_code outcome = exit_code::fine;
    bool beside_writer = false;
    bool redacted = false;
    disclosure may;
};

struct report_document {
    std::string html;
    std::uint64_t cells = 0;
    std::uint64_t pages_per_cell = 1;
    std::uint64_t nodes = 0;    // that are listed
    std::uint64_t details = 0;  // pages in full
};

[[nodiscard]] report_document make_report(const report_subject& subject, report_survey& survey);

}  // namespace pinyon::tool
