// Facts about the sources that no compiler checks: includes point one way, what belongs in one
// place is nowhere else, and the look of the files.
#define BOOST_TEST_MODULE tidy
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "support/whole_file.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path root = PINYON_SOURCE_DIR;

// From low to high: a file includes its own layer and lower ones. `mmap` is the folder; `top` is
// tools, bench and tests, which nothing of the library includes.
enum layer : int { mmap, base, format, log, pages, tree, transactions, surface, top };

constexpr const char* layer_names[] = {"mmap", "base",         "format",   "log", "pages",
                                       "tree", "transactions", "database", "top"};
static_assert(std::size(layer_names) == top + 1);

// Every file of engine/ has its place here, by its name without ending.
const std::map<std::string, layer, std::less<>> layer_of_noun = {
    {"background", base},
    {"bytes", base},
    {"key_codec", base},
    {"key_text", base},
    {"options", base},
    {"recycled_memory", base},
    {"statistics", base},
    {"tree_types", base},
    {"value_codec", base},
    // Node layouts are pure bytes: no page is fetched there.
    {"checksum", format},
    {"column_search", format},
    {"fixed_node", format},
    {"format", format},
    {"node", format},
    {"slotted_editor", format},
    {"slotted_node", format},
    {"log_format", log},
    {"log_reader", log},
    {"log_segment", log},
    {"log_writer", log},
    {"operation", log},
    {"free_space", pages},
    {"meta", pages},
    {"page_set", pages},
    {"page_store", pages},
    {"btree", tree},
    {"btree_change", tree},
    {"bulk_load", tree},
    {"cursor", tree},
    {"descent", tree},
    {"entry_rules", tree},
    {"overflow", tree},
    {"tree_change", tree},
    {"catalog", transactions},
    {"check", transactions},
    {"check_context", transactions},
    {"check_extent", transactions},
    {"check_tree", transactions},
    {"checkpoint", transactions},
    {"operation_rules", transactions},
    {"page_fact", transactions},
    {"publication", transactions},
    {"recovery", transactions},
    {"replay", transactions},
    {"snapshot", transactions},
    {"transaction_core", transactions},
    {"transaction_life", base},
    {"tree_memory", transactions},
    {"writer_queue", transactions},
    {"create_file", surface},
    {"database", surface},
    {"database_checkpoint", surface},
    {"database_commit", surface},
    {"database_core", surface},
    {"pinyon", surface},
    {"range", surface},
    {"raw_tree", surface},
    {"transaction", surface},
    {"tree", surface},
    {"trim", surface},
    {"value_stream", surface},
};

struct source {
    fs::path path;       // from the root
    std::string folder;  // the first part of it
    std::string text;
    std::vector<std::string> lines;

    [[nodiscard]] bool is_header() const { return path.extension() == ".hpp"; }
    [[nodiscard]] bool is_library() const { return folder == "mmap" || folder == "engine"; }
};

std::string read(const fs::path& path) {
    BOOST_REQUIRE_MESSAGE(fs::is_regular_file(path), "cannot be read: " << path);
    return pinyon::test::read_file(path);
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) { lines.push_back(line); }
    return lines;
}

const std::vector<source>& sources() {
    static const std::vector<source> all = [] {
        std::vector<source> found;
        for (const char* folder : {"mmap", "engine", "tools", "bench", "tests"}) {
            for (const fs::directory_entry& entry :
                 fs::recursive_directory_iterator(root / folder)) {
                const fs::path extension = entry.path().extension();
                if (extension != ".hpp" && extension != ".cpp") { continue; }
                std::string text = read(entry.path());
                std::vector<std::string> lines = lines_of(text);
                found.push_back(
                    {fs::relative(entry.path(), root), folder, std::move(text), std::move(lines)});
            }
        }
        std::sort(found.begin(), found.end(),
                  [](const source& a, const source& b) { return a.path < b.path; });
        return found;
    }();
    return all;
}

// Nullopt: a file of engine/ that the table does not know.
std::optional<layer> layer_of(const std::string& folder, const std::string& noun) {
    if (folder == "mmap") { return mmap; }
    if (folder != "engine") { return top; }
    const auto found = layer_of_noun.find(noun);
    if (found == layer_of_noun.end()) { return std::nullopt; }
    return found->second;
}

struct include {
    std::size_t line = 0;  // from 1
    bool quoted = false;
    std::string name;
};

std::vector<include> includes_of(const source& file) {
    std::vector<include> found;
    for (std::size_t i = 0; i < file.lines.size(); ++i) {
        std::istringstream words(file.lines[i]);
        std::string word;
        words >> word;
        if (word == "#") {
            words >> word;
        } else if (word.starts_with('#')) {
            word.erase(0, 1);
        } else {
            continue;
        }
        if (word != "include" || !(words >> word)) { continue; }
        BOOST_TEST_CONTEXT(file.path << ':' << i + 1) { BOOST_REQUIRE_GE(word.size(), 3U); }
        found.push_back({i + 1, word.front() == '"', word.substr(1, word.size() - 2)});
    }
    return found;
}

// The folder and noun that an include of ours names ("engine", "btree"); nullopt: not ours.
std::optional<std::pair<std::string, std::string>> ours(const std::string& name) {
    const fs::path path = name;
    if (*path.begin() != "pinyon") { return std::nullopt; }
    if (name == "pinyon/pinyon.hpp") {
        return std::pair<std::string, std::string>{"engine", "pinyon"};
    }
    return std::pair{std::next(path.begin())->string(), path.stem().string()};
}

// A document without its fenced blocks, in which brackets are not links.
std::string without_code(const std::string& text) {
    std::string kept;
    bool inside = false;
    for (const std::string& line : lines_of(text)) {
        if (line.starts_with("```")) {
            inside = !inside;
        } else if (!inside) {
            kept += line + '\n';
        }
    }
    return kept;
}

}  // namespace

BOOST_AUTO_TEST_CASE(every_file_of_the_engine_has_a_layer) {
    std::set<std::string> seen;
    for (const source& file : sources()) {
        if (file.folder != "engine") { continue; }
        const std::string noun = file.path.stem().string();
        seen.insert(noun);
        BOOST_TEST(layer_of("engine", noun).has_value(),
                   file.path << " has no place in the table of layers");
    }
    for (const auto& [noun, place] : layer_of_noun) {
        BOOST_TEST(seen.count(noun) == 1,
                   "the table of layers names " << noun << ", which is gone");
    }
}

BOOST_AUTO_TEST_CASE(includes_point_one_way) {
    std::size_t arrows = 0;
    for (const source& file : sources()) {
        const auto from = layer_of(file.folder, file.path.stem().string());
        if (!from) { continue; }
        for (const include& line : includes_of(file)) {
            const auto target = ours(line.name);
            if (!target) { continue; }
            ++arrows;
            const auto to = layer_of(target->first, target->second);
            BOOST_TEST_CONTEXT(file.path << ':' << line.line << " includes " << line.name) {
                BOOST_REQUIRE(to.has_value());
                BOOST_TEST(*to <= *from, "an arrow that runs back: " << layer_names[*from] << " to "
                                                                     << layer_names[*to]);
                BOOST_TEST(fs::exists(root / target->first / (target->second + ".hpp")));
            }
        }
    }
    BOOST_TEST(arrows > 50U);
}

BOOST_AUTO_TEST_CASE(the_library_includes_itself_by_full_name_and_nothing_of_the_rest) {
    for (const source& file : sources()) {
        for (const include& line : includes_of(file)) {
            BOOST_TEST_CONTEXT(file.path << ':' << line.line << " includes " << line.name) {
                if (file.is_library() && line.quoted) { BOOST_TEST(ours(line.name).has_value()); }
                const std::string folder = fs::path(line.name).begin()->string();
                if (folder == "bench" || folder == "tests") { BOOST_TEST(file.folder == folder); }
                // A benchmark limits memory as the tests do; the rest of support/ is theirs alone.
                if (folder == "support" && line.name != "support/memory_group.hpp") {
                    BOOST_TEST(file.folder == "tests");
                }
                if (line.name == "support/memory_group.hpp") {
                    BOOST_TEST((file.folder == "tests" || file.folder == "bench"));
                }
                // A benchmark times a verb as it runs, without a process around it.
                if (folder == "tools") { BOOST_TEST(!file.is_library()); }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(boost_interprocess_is_seen_in_mmap_alone) {
    std::size_t uses = 0;
    for (const source& file : sources()) {
        for (const include& line : includes_of(file)) {
            // The test of the mapping holds Boost to the facts that mmap/ builds on.
            if (!line.name.starts_with("boost/interprocess") ||
                file.path == "tests/mapping_test.cpp") {
                continue;
            }
            ++uses;
            BOOST_TEST(file.folder == "mmap", file.path << ':' << line.line << ": " << line.name);
            BOOST_TEST(!file.is_header(), file.path << ": only sources, so that no user needs it");
        }
    }
    BOOST_TEST(uses > 0U);
}

BOOST_AUTO_TEST_CASE(advice_on_memory_is_given_in_one_file) {
    const std::string call = std::string("madvise") + "(";
    for (const source& file : sources()) {
        if (!file.is_library() || file.path == "mmap/os_memory.cpp") { continue; }
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const std::string_view line = file.lines[i];
            const std::string_view code = line.substr(0, line.find("//"));
            BOOST_TEST(code.find(call) == code.npos, file.path << ':' << i + 1 << ": " << line);
        }
    }
}

BOOST_AUTO_TEST_CASE(headers_are_included_once) {
    for (const source& file : sources()) {
        if (!file.is_header()) { continue; }
        BOOST_TEST((std::count(file.lines.begin(), file.lines.end(), "#pragma once") == 1),
                   file.path << " has no #pragma once");
    }
}

BOOST_AUTO_TEST_CASE(lines_are_clean) {
    for (const source& file : sources()) {
        BOOST_TEST(file.text.ends_with('\n'), file.path << " does not end with a new line");
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const std::string& line = file.lines[i];
            const bool clean = line.size() <= 100 && line.find_first_of("\t\r") == line.npos &&
                               !line.ends_with(' ');
            BOOST_TEST(clean, file.path
                                  << ':' << i + 1
                                  << " is longer than 100 columns, ends in space or has a tab");
        }
    }
}

BOOST_AUTO_TEST_CASE(nothing_is_left_for_later) {
    const std::regex marks(
        "\\b(TO"
        "DO|FIX"
        "ME|XX"
        "X)\\b");
    for (const source& file : sources()) {
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            BOOST_TEST(!std::regex_search(file.lines[i], marks),
                       file.path << ':' << i + 1 << ": " << file.lines[i]);
        }
    }
}

// A function at the left edge ends with a lone brace; classes and namespaces end otherwise.
BOOST_AUTO_TEST_CASE(functions_fit_on_a_page) {
    constexpr std::size_t lines_max = 70;
    for (const source& file : sources()) {
        if (!file.is_library() && file.folder != "tools") { continue; }
        std::size_t start = 0;
        for (std::size_t i = 0; i < file.lines.size(); ++i) {
            const std::string& line = file.lines[i];
            if (line == "}") {
                BOOST_TEST(i - start < lines_max,
                           file.path << ':' << start + 1 << " has " << i - start + 1 << " lines");
            } else if (!line.empty() && std::string_view(" /#)}").find(line.front()) == line.npos) {
                start = i;
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(every_source_is_in_its_list) {
    for (const source& file : sources()) {
        if (file.path.extension() != ".cpp" || file.path.parent_path() == "tests/package") {
            continue;
        }
        const std::string list = read(root / file.path.parent_path() / "CMakeLists.txt");
        BOOST_TEST(list.find(file.path.filename().string()) != std::string::npos,
                   file.path << " is not in the CMakeLists.txt beside it");
    }
    for (const source& file : sources()) {
        if (!file.is_header() || !file.is_library()) { continue; }
        const std::string list = read(root / file.path.parent_path() / "CMakeLists.txt");
        BOOST_TEST(
            list.find(" " + file.path.filename().string()) != std::string::npos,
            file.path << " is not in the CMakeLists.txt beside it: it would not be installed");
    }
}

BOOST_AUTO_TEST_CASE(documents_are_there_and_their_links_lead_somewhere) {
    for (const char* name : {"README.md", "CHANGELOG.md", "mmap/README.md", "engine/README.md",
                             "engine/FORMAT.md", "tests/README.md"}) {
        BOOST_TEST_CONTEXT(name) {
            const fs::path path = root / name;
            BOOST_TEST(fs::exists(path));
            if (!fs::exists(path)) { continue; }
            const std::string text = without_code(read(path));
            BOOST_TEST(text.starts_with("# "));
            for (std::size_t at = text.find("]("); at != text.npos; at = text.find("](", at + 2)) {
                const std::string link = text.substr(at + 2, text.find(')', at) - at - 2);
                if (link.starts_with("http") || link.starts_with('#')) { continue; }
                const std::string target = link.substr(0, link.find('#'));
                BOOST_TEST(fs::exists(path.parent_path() / target), "leads nowhere: " << link);
            }
        }
    }
}
