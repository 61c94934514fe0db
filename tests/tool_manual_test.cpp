// The manual page and the completion of bash say what --help says.
#define BOOST_TEST_MODULE tool_manual
#include <boost/test/unit_test.hpp>

#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "support/tool_call.hpp"
#include "tools/bash_completion.hpp"
#include "tools/command_description.hpp"
#include "tools/manual_page.hpp"
#include "tools/verb_text.hpp"

namespace {

using namespace pinyon::test;
using pinyon::tool::bash_completion;
using pinyon::tool::common_of;
using pinyon::tool::described;
using pinyon::tool::described_option;
using pinyon::tool::described_verb;
using pinyon::tool::manual_page;
using pinyon::tool::value_kind;
using pinyon::tool::verbs;

struct outcome {
    int code = -1;
    std::string out;  // with what it said on standard error
};

outcome shell(const std::string& command) {
    outcome result;
    FILE* const pipe = ::popen((command + " 2>&1").c_str(), "r");
    BOOST_REQUIRE(pipe != nullptr);
    std::array<char, 4096> room{};
    while (const std::size_t got = std::fread(room.data(), 1, room.size(), pipe)) {
        result.out.append(room.data(), got);
    }
    const int status = ::pclose(pipe);
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    return result;
}

bool is_there(const std::string& program) { return shell("command -v " + program).code == 0; }

// Every option that a help text names: lines that begin with blanks and a dash.
std::set<std::string> options_in(const std::string& help) {
    std::set<std::string> found;
    std::istringstream in(help);
    const std::regex name("--[a-z][a-z-]*");
    for (std::string line; std::getline(in, line);) {
        if (line.rfind("  -", 0) != 0) { continue; }
        std::smatch match;
        if (std::regex_search(line, match, name)) { found.insert(match.str()); }
    }
    return found;
}

// The words that bash offers for the last of these, as readline would part them.
std::vector<std::string> offered(const folder& here, const words& line,
                                 const std::string& setup = "") {
    write_file(here / "completion", bash_completion());
    std::string script = "source completion\n" + setup + "COMP_WORDS=(";
    for (const std::string& each : line) { script += " '" + each + "'"; }
    script += ")\nCOMP_CWORD=" + std::to_string(line.size() - 1) +
              "\n_pinyon\n((${#COMPREPLY[@]} == 0)) || printf '%s\\n' \"${COMPREPLY[@]}\"\n";
    write_file(here / "script", script);
    const outcome result = shell("cd '" + (here / "") + "' && bash --norc -eu script");
    BOOST_TEST(result.code == 0, result.out);
    words list;
    std::istringstream in(result.out);
    for (std::string each; std::getline(in, each);) { list.push_back(each); }
    std::sort(list.begin(), list.end());
    return list;
}

bool has(const words& list, const std::string& word) {
    return std::find(list.begin(), list.end(), word) != list.end();
}

// As roff has it.
std::string in_roff(std::string name) {
    for (std::size_t at = 0; (at = name.find('-', at)) != name.npos; at += 2) {
        name.replace(at, 1, "\\-");
    }
    return name;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_description_has_every_verb_and_option_of_the_help) {
    const auto command = described();
    BOOST_REQUIRE(command.verbs.size() == verbs().size());
    for (std::size_t i = 0; i < verbs().size(); ++i) {
        const described_verb& verb = command.verbs[i];
        BOOST_TEST_CONTEXT(verb.name) {
            BOOST_TEST(verb.name == verbs()[i]);
            BOOST_TEST(!verb.summary.empty());
            BOOST_TEST(contains(verb.examples, "pinyon "));
            BOOST_TEST(!contains(verb.notes, "Exit codes: 0"));
            std::set<std::string> names{"--help"};
            for (const described_option& each : verb.options) { names.insert(each.name); }
            const std::set<std::string> helped = options_in(call({verb.name, "--help"}).out);
            BOOST_TEST(names == helped, boost::test_tools::per_element());
        }
    }
    BOOST_TEST(!command.common.empty());
}

// An option whose words are known to the parser offers them.
BOOST_AUTO_TEST_CASE(the_description_knows_what_an_option_takes) {
    const auto command = described();
    const auto find = [&](const std::string& verb, const std::string& option) {
        for (const described_verb& each : command.verbs) {
            if (each.name != verb) { continue; }
            for (const auto* list : {&each.arguments, &each.options}) {
                for (const described_option& known : *list) {
                    if (known.name == option) { return known; }
                }
            }
        }
        BOOST_FAIL(verb + " has no " + option);
        return described_option{};
    };
    BOOST_TEST(
        find("info", "--bytes").choices == (words{"auto", "base64", "hex", "redacted", "text"}),
        boost::test_tools::per_element());
    BOOST_TEST(find("map", "--by").choices == (words{"age", "fill", "kind", "tree"}),
               boost::test_tools::per_element());
    BOOST_TEST(has(find("pages", "--kind").choices, "damaged"));
    BOOST_TEST((find("info", "--quiet").kind == value_kind::none));
    BOOST_TEST(find("info", "--quiet").brief == "-q");
    BOOST_TEST((find("recover", "--output").kind == value_kind::file));
    BOOST_TEST(find("recover", "--output").required);
    BOOST_TEST((find("report", "--output").kind == value_kind::file));
    BOOST_TEST((find("import", "INPUT").kind == value_kind::file));
    BOOST_TEST((find("stat", "--tree").kind == value_kind::tree));
    BOOST_TEST((find("get", "KEY").kind == value_kind::word));
    BOOST_TEST((find("bench", "--pool-bytes").kind == value_kind::word));
    for (const described_verb& verb : command.verbs) {
        for (const described_option& each : verb.options) {
            BOOST_TEST((each.value != "KIND" || each.kind == value_kind::choice),
                       verb.name << ' ' << each.name << " does not tell its words");
        }
    }
}

BOOST_AUTO_TEST_CASE(the_manual_page_has_every_verb_and_option) {
    const std::string page = manual_page(described());
    BOOST_TEST(page.rfind(".TH PINYON 1 ", 0) == 0u);
    BOOST_TEST(page == manual_page(described()));
    for (const char* part :
         {"NAME", "SYNOPSIS", "DESCRIPTION", "VERBS", "EXIT STATUS", "ENVIRONMENT", "FILES"}) {
        BOOST_TEST(contains(page, std::string(".SH ") + part + "\n"));
    }
    const auto command = described();
    for (const described_verb& verb : command.verbs) {
        const std::size_t start = page.find(".SS \\fBpinyon\\fR \\fB" + verb.name + "\\fR");
        BOOST_REQUIRE_MESSAGE(start != page.npos, verb.name);
        const std::string section = page.substr(start, page.find("\n.S", start + 1) - start);
        for (const described_option& each : verb.options) {
            const bool common = std::find(command.common.begin(), command.common.end(), each) !=
                                command.common.end();
            BOOST_TEST(contains(common ? page : section, "\\fB" + in_roff(each.name) + "\\fR"),
                       verb.name << ' ' << each.name);
        }
    }
    for (const char* code : {"0", "1", "2", "3", "4", "5", "6", "130"}) {
        BOOST_TEST(contains(page, std::string(".TP\n\\fB") + code + "\\fR\n"));
    }
    for (std::size_t at = page.find("\n'"); at != page.npos; at = page.find("\n'", at + 1)) {
        BOOST_ERROR("a line begins with a quote, which is a request");
    }
}

// What all verbs but a few share stands once, with their names.
BOOST_AUTO_TEST_CASE(the_manual_page_names_the_exceptions) {
    auto command = described();
    const auto is_bytes = [](const described_option& each) { return each.name == "--bytes"; };
    BOOST_TEST(std::count_if(command.common.begin(), command.common.end(), is_bytes) == 1);
    const std::string before = manual_page(command);
    for (described_verb& verb : command.verbs) {
        if (verb.name == "scan" || verb.name == "stat") { std::erase_if(verb.options, is_bytes); }
    }
    command.common = common_of(command.verbs);
    const std::string page = manual_page(command);
    for (const char* verb : {"scan", "stat"}) {
        BOOST_TEST(std::regex_search(page, std::regex(std::string("not with [a-z, ]*") + verb)));
    }
    BOOST_TEST(!std::regex_search(before, std::regex("not with [a-z, ]*stat")));
    // What half of them or less have stands with each.
    for (described_verb& verb : command.verbs) {
        if (verb.name != "info") { std::erase_if(verb.options, is_bytes); }
    }
    const auto few = common_of(command.verbs);
    BOOST_TEST(std::count_if(few.begin(), few.end(), is_bytes) == 0);
}

BOOST_AUTO_TEST_CASE(the_manual_page_can_be_shown) {
    if (!is_there("groff")) {
        std::cout << "SKIPPED the manual page as groff shows it: groff is not installed\n";
        return;
    }
    const folder here;
    write_file(here / "pinyon.1", manual_page(described()));
    const std::string groff = "groff -man -Tutf8 -P-cbou -rLL=100n ";
    const outcome complaints = shell(groff + "-ww -z '" + (here / "pinyon.1") + "'");
    BOOST_TEST(complaints.code == 0);
    BOOST_TEST(complaints.out == "");
    const std::string shown = shell(groff + "'" + (here / "pinyon.1") + "'").out;
    for (const char* part :
         {"PINYON(1)", "pinyon check app.pinyon --root-descend --max-errors 10",
          "--dot | dot -Tsvg > users.svg", "the answer is no", "pinyon FILE", "-q, --quiet"}) {
        BOOST_TEST(contains(shown, part), part);
    }
}

BOOST_AUTO_TEST_CASE(bash_knows_the_completion) {
    const folder here;
    BOOST_TEST(bash_completion() == bash_completion());
    write_file(here / "completion", bash_completion());
    const std::string source = "bash --norc -euc 'source \"$0\"; complete -p pinyon' '";
    const outcome told = shell(source + (here / "completion") + "'");
    BOOST_TEST(told.code == 0, told.out);
    BOOST_TEST(contains(told.out, "complete -F _pinyon pinyon"));
}

BOOST_AUTO_TEST_CASE(bash_offers_every_verb_and_its_options) {
    const folder here;
    const words first = offered(here, {"pinyon", ""});
    for (const std::string& verb : verbs()) { BOOST_TEST(has(first, verb), verb); }
    for (const described_verb& verb : described().verbs) {
        BOOST_TEST_CONTEXT(verb.name) {
            words names{"--help"};
            for (const described_option& each : verb.options) { names.push_back(each.name); }
            std::sort(names.begin(), names.end());
            BOOST_TEST(offered(here, {"pinyon", verb.name, "a.pinyon", "-"}) == names,
                       boost::test_tools::per_element());
            BOOST_TEST(offered(here, {"pinyon", verb.name.substr(0, 2)}).size() >= 1u);
        }
    }
    BOOST_TEST(has(offered(here, {"pinyon", "--v"}), "--version"));
    BOOST_TEST(offered(here, {"pinyon", "nothing-like-it"}).empty());
}

BOOST_AUTO_TEST_CASE(bash_offers_words_files_and_nothing_where_nothing_fits) {
    const folder here;
    write_file(here / "one.pinyon", "");
    write_file(here / "two words.pinyon", "");
    const words styles{"auto", "base64", "hex", "redacted", "text"};
    const struct {
        words line;
        words expected;
    } cases[] = {
        {{"pinyon", "info", "o"}, {"one.pinyon"}},
        {{"pinyon", "info", "t"}, {"two words.pinyon"}},
        {{"pinyon", "o"}, {"one.pinyon", "owner"}},
        {{"pinyon", "map", "one.pinyon", "--by", ""}, {"age", "fill", "kind", "tree"}},
        {{"pinyon", "map", "--by", "a"}, {"age"}},
        {{"pinyon", "map", "--by", "age", "o"}, {"one.pinyon"}},
        {{"pinyon", "info", "one.pinyon", "--bytes", "="}, styles},
        {{"pinyon", "info", "one.pinyon", "--bytes", "=", "he"}, {"hex"}},
        {{"pinyon", "info", "--bytes", "=", "hex", "on"}, {"one.pinyon"}},
        {{"pinyon", "one.pinyon", "--bytes", ""}, styles},
        {{"pinyon", "info", "-q", "on"}, {"one.pinyon"}},
        {{"pinyon", "recover", "one.pinyon", "--output", "o"}, {"one.pinyon"}},
        {{"pinyon", "import", "one.pinyon", "tw"}, {"two words.pinyon"}},
        {{"pinyon", "get", "one.pinyon", ""}, {}},
        {{"pinyon", "page", "one.pinyon", "o"}, {}},
        {{"pinyon", "info", "one.pinyon", "o"}, {}},
        {{"pinyon", "scan", "one.pinyon", "--limit", "o"}, {}},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT(each.line[1] << " ... " << each.line.back()) {
            BOOST_TEST(offered(here, each.line) == each.expected, boost::test_tools::per_element());
        }
    }
}

// The names come from the file, which may be anybody's: what the shell would expand stays as it is.
BOOST_AUTO_TEST_CASE(bash_offers_the_trees_of_the_file) {
    const folder here;
    const std::string file = here / "t.pinyon";
    for (const char* name : {"users", "user groups", "$(touch expanded)", "`touch expanded`"}) {
        BOOST_REQUIRE(call({"import", file, "-", "--tree", name}, "a\tb\n").code == 0);
    }
    write_file(here / "info.json", call({"info", file, "--json"}).out);
    // A function by the command's name answers for it.
    const std::string setup =
        "pinyon() { [[ $* == 'info t.pinyon --json --quiet' ]] && cat info.json; }\n";
    BOOST_TEST(offered(here, {"pinyon", "stat", "t.pinyon", "--tree", "use"}, setup) ==
                   (words{"user\\ groups", "users"}),
               boost::test_tools::per_element());
    const words all = offered(here, {"pinyon", "stat", "t.pinyon", "--tree", ""}, setup);
    BOOST_TEST(all.size() == 4u);
    BOOST_TEST(has(all, "\\$\\(touch\\ expanded\\)"));
    BOOST_TEST(!has(here.names(), "expanded"));
    // Nothing can be said of a file that is not there, nor before one is named.
    BOOST_TEST(offered(here, {"pinyon", "stat", "none", "--tree", ""}, setup).empty());
    BOOST_TEST(offered(here, {"pinyon", "stat", "--tree", ""}, setup).empty());
}
