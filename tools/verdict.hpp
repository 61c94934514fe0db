// What a check comes to: its exit code, the word for it, its findings as text and as JSON.
//
// Threads: any. Failure: none.
#pragma once

#include <string>

#include "pinyon/engine/check.hpp"
#include "tools/escape.hpp"
#include "tools/exit_code.hpp"

namespace pinyon::tool {

// fine, damage, or incomplete where a writer moved on or a part could not be checked.
[[nodiscard]] exit_code outcome_of(const check_summary& summary) noexcept;
// "sound", "damaged", "incomplete".
[[nodiscard]] const char* verdict(exit_code outcome) noexcept;
// "1 error, 2 warnings".
[[nodiscard]] std::string counted_findings(const check_summary& summary);
[[nodiscard]] json finding_json(const finding& found);
[[nodiscard]] std::uint64_t entries_in(const check_summary& summary) noexcept;

}  // namespace pinyon::tool
