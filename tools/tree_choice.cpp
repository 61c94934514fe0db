#include "tools/tree_choice.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tools/escape.hpp"

namespace pinyon::tool {

namespace {

// How many trees a message names.
constexpr std::size_t names_max = 8;

std::string list_of(const std::vector<std::string>& names) {
    std::vector<std::string> shown;
    for (const std::string& each : names) {
        if (shown.size() == names_max) {
            shown.push_back(fmt::format("and {} more", names.size() - names_max));
            break;
        }
        shown.push_back("'" + escaped(each) + "'");
    }
    return fmt::format("{}", fmt::join(shown, ", "));
}

}  // namespace

std::size_t choose_tree(const std::vector<std::string>& names,
                        const std::optional<std::string>& wanted, const std::string& file) {
    const std::string look = "pinyon info " + shell_quoted(file);
    if (names.empty()) { throw refusal(exit_code::no, "the file holds no tree", look); }
    if (!wanted) {
        if (names.size() == 1) { return 0; }
        throw refusal(exit_code::usage,
                      fmt::format("the file holds {} trees, {}: expected --tree NAME", names.size(),
                                  list_of(names)),
                      look);
    }
    const auto found = std::find(names.begin(), names.end(), *wanted);
    if (found == names.end()) {
        throw refusal(
            exit_code::no,
            fmt::format("found no tree '{}'; there are {}", escaped(*wanted), list_of(names)),
            look);
    }
    return static_cast<std::size_t>(found - names.begin());
}

}  // namespace pinyon::tool
