// The sample of the checker's tests as a file in a folder, for the verbs that look at structure.
#pragma once

#include <string>

#include "support/check_rig.hpp"
#include "support/tool_call.hpp"

namespace pinyon::test {

[[nodiscard]] inline std::string text(std::uint64_t number) { return std::to_string(number); }

// Three trees, a large value, free and pending pages.
[[nodiscard]] inline std::string checked_sample(const folder& here,
                                                std::uint32_t page_bytes = 4096) {
    std::string file = here / "a.pinyon";
    make_sample(io::posix_file_system(), file, page_bytes);
    return file;
}

// The first page of a kind, as `pages` names it.
[[nodiscard]] inline std::uint64_t first_of(const std::string& file, const std::string& kind) {
    const auto pages = call({"pages", file, "--kind", kind, "--json"}).json()["pages"];
    BOOST_REQUIRE(!pages.empty());
    return pages[0]["page"];
}

// A tree whose only key, and its value, would change the colours and the title of a terminal.
[[nodiscard]] inline std::string hostile_sample(const folder& here) {
    std::string file = here / "hostile.pinyon";
    BOOST_REQUIRE(call({"import", file, "-", "--tree", "t\u00e4", "--delimiter", "="},
                       "k\x1b[31m=v\x1b]0;x\x07\n")
                      .code == 0);
    return file;
}

// Nothing of it reaches a terminal as it is, in no form.
inline void require_harmless(words arguments) {
    for (const words& more : std::vector<words>{{}, {"--json"}, {"--bytes=hex"}}) {
        words all = arguments;
        all.insert(all.end(), more.begin(), more.end());
        const answer told = call(all);
        BOOST_TEST_CONTEXT(all[0] << ' ' << all.back()) {
            BOOST_TEST(told.code <= 1);
            BOOST_TEST(!contains(told.out + told.err, "\x1b"));
            BOOST_TEST(!contains(told.out + told.err, "\x07"));
        }
    }
    arguments.push_back("--bytes=redacted");
    BOOST_TEST(!contains(call(arguments).out, "31m"));
}

}  // namespace pinyon::test
