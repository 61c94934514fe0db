// What a check comes to: its exit code, the word for it, and its findings as JSON.
//
// Threads: any. Failure: none.
#pragma once

#include "pinyon/engine/check.hpp"
#include "tools/escape.hpp"
#include "tools/exit_code.hpp"

namespace pinyon::tool {

// fine, damage, or incomplete where a writer moved on or a part could not be checked.
[[nodiscard]] exit_code outcome_of(const check_summary& summary) noexcept;
// "sound", "damaged", "incomplete".
[[nodiscard]] const char* verdict(exit_code outcome) noexcept;
[[nodiscard]] json finding_json(const finding& found);
[[nodiscard]] std::uint64_t entries_in(const check_summary& summary) noexcept;

}  // namespace pinyon::tool
