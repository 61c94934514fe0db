#include "tools/copy_check.hpp"

#include "tools/progress.hpp"

namespace pinyon::tool {

std::optional<finding> first_defect(const std::string& path, const streams& streams, bool quiet) {
    progress line(streams, "check", "pages", 0, quiet);
    std::optional<finding> first;
    check_options options;
    options.max_errors = 0;
    const auto on_finding = [&first](const finding& found) {
        if (!first && found.level == severity::error) { first = found; }
    };
    const auto on_progress = [&](const check_progress& now) {
        line.set_total(now.pages_total);
        line.update(now.pages_done, now.pages_done);
        return !first;
    };
    const check_summary summary = check(path, options, on_finding, on_progress);
    if (!first && !summary.complete) {
        first = finding{finding_kind::page_unreadable,     severity::error, {}, {}, {},
                        "parts of it could not be checked"};
    }
    return first;
}

}  // namespace pinyon::tool
