#include "tools/failure_text.hpp"

#include <fmt/format.h>

#include "pinyon/engine/meta.hpp"
#include "tools/file_watch.hpp"

namespace pinyon::tool {

namespace {

// Where a page stands in the file, when the file still says how large its pages are.
std::string place(const std::string& file, std::uint64_t page) {
    try {
        const auto opened = open_to_inspect(file);
        const std::uint64_t page_bytes = read_metas(*opened, file).current().page_bytes;
        return fmt::format("page {} (offset {}): ", page, page * page_bytes);
    } catch (const error&) { return fmt::format("page {}: ", page); }
}

}  // namespace

std::string without_name(std::string text, const std::string& file) {
    const std::string prefix = file + ": ";
    if (text.starts_with(prefix)) { text.erase(0, prefix.size()); }
    return text;
}

refusal refusal_about(const error& failure, const std::string& verb, const std::string& file) {
    std::string text = without_name(failure.what(), file);
    if (failure.page()) { text = place(file, *failure.page()) + text; }
    return {exit_code_of(failure.kind()), text, next_step(failure.kind(), verb, file), file};
}

}  // namespace pinyon::tool
