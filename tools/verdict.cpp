#include "tools/verdict.hpp"

#include "tools/table.hpp"

namespace pinyon::tool {

exit_code outcome_of(const check_summary& summary) noexcept {
    if (summary.findings() != 0) {
        return summary.moved_on ? exit_code::incomplete : exit_code::damage;
    }
    return summary.complete ? exit_code::fine : exit_code::incomplete;
}

const char* verdict(exit_code outcome) noexcept {
    return outcome == exit_code::fine     ? "sound"
           : outcome == exit_code::damage ? "damaged"
                                          : "incomplete";
}

std::string counted_findings(const check_summary& summary) {
    return counted(summary.errors, "error", "errors") + ", " +
           counted(summary.warnings, "warning", "warnings");
}

json finding_json(const finding& found) {
    json out{{"kind", name(found.kind)}, {"severity", name(found.level)}};
    if (found.page) { out["page"] = *found.page; }
    if (found.offset) { out["offset"] = *found.offset; }
    if (!found.tree.empty()) { out["tree"] = shown_json(found.tree, byte_style::automatic); }
    out["text"] = escaped(found.text);
    return out;
}

std::uint64_t entries_in(const check_summary& summary) noexcept {
    std::uint64_t entries = 0;
    for (const tree_summary& each : summary.trees) { entries += each.entries; }
    return entries;
}

}  // namespace pinyon::tool
