#include "tools/verb_text.hpp"

#include <algorithm>
#include <array>
#include <numeric>

namespace pinyon::tool {

namespace {

// A word further from a verb is no slip of the finger.
constexpr std::size_t slips_max = 2;

constexpr const char* program_examples =
    "  pinyon app.pinyon                          what is in this file\n"
    "  pinyon check app.pinyon                    is every byte of it sound\n";

constexpr std::array all_texts{
    verb_text{"info", "header, both metas, trees and space; `pinyon FILE` alone does this",
              "  pinyon app.pinyon\n"
              "  pinyon info app.pinyon --json | jq .trees\n"},
    verb_text{"check",
              "verify everything: checksums, order, counts, and that each page has one owner",
              "  pinyon check app.pinyon\n"
              "  pinyon check app.pinyon --root-descend --max-errors 10\n"},
    verb_text{"stat",
              "figures of each tree: entries, pages, fill, fan-out, sizes of keys and values",
              "  pinyon stat app.pinyon\n"
              "  pinyon stat app.pinyon --tree users --json\n"},
    verb_text{"pages", "list the pages: kind, tree, level, items, fill, transaction, parent",
              "  pinyon pages app.pinyon --runs\n"
              "  pinyon pages app.pinyon --kind damaged\n"},
    verb_text{"page", "one page decoded: its fields with their offsets, fences, slots and keys",
              "  pinyon page app.pinyon 57\n"
              "  pinyon page app.pinyon 57 --hex\n"},
    verb_text{"owner", "whose a page is, and why; exit code 1 when it is nobody's",
              "  pinyon owner app.pinyon 57\n"
              "  pinyon owner app.pinyon 57 --json | jq .chain\n"},
    verb_text{"map", "a picture of the pages in the terminal",
              "  pinyon map app.pinyon\n"
              "  pinyon map app.pinyon --by fill\n"},
    verb_text{"tree", "the structure of trees, node by node, as text or as a graph",
              "  pinyon tree app.pinyon --tree users --depth 1\n"
              "  pinyon tree app.pinyon --tree users --dot | dot -Tsvg > users.svg\n"},
    verb_text{"path", "the search for a key, page by page; exit code 1 when it is not there",
              "  pinyon path app.pinyon ann\n"
              "  pinyon path app.pinyon 1F332 --tree characters\n"},
    verb_text{"free", "the free pages, those that wait and why, and how long their runs are",
              "  pinyon free app.pinyon\n"
              "  pinyon free app.pinyon --json | jq .longest_run\n"},
    verb_text{"log", "the log beside a file: its batches, and what a recovery would do again",
              "  pinyon log app.pinyon\n"
              "  pinyon log app.pinyon --operations --ndjson\n"},
    verb_text{"report", "a picture of the file as one HTML page: map, trees, search, findings",
              "  pinyon report app.pinyon --output app.html\n"
              "  pinyon report app.pinyon --output app.html --tree users --key 42\n"},
    verb_text{
        "import", "fill a tree from text, all or nothing; makes the file when it is absent",
        "  pinyon import app.pinyon words.txt --tree words\n"
        "  pinyon import app.pinyon users.csv --tree users --header --key id --key-type u64\n"},
    verb_text{"get", "print the value of one key; exit code 1 when it is not there",
              "  pinyon get app.pinyon ann\n"
              "  pinyon get app.pinyon 1F332 --tree characters\n"},
    verb_text{"scan", "print entries in key order, one a line: key, tab, value",
              "  pinyon scan app.pinyon --prefix user: --limit 10\n"
              "  pinyon scan app.pinyon --tree users --from 100 --to 200 --reverse\n"},
    verb_text{"count", "print how many entries a tree or a range of it has",
              "  pinyon count app.pinyon\n"
              "  pinyon count app.pinyon --tree users --from 100 --to 200\n"},
    verb_text{"diff", "compare the entries of two files; exit code 1 when they differ",
              "  pinyon diff old.pinyon new.pinyon\n"
              "  pinyon diff old.pinyon new.pinyon --tree users --values --limit 20\n"},
    verb_text{"compact", "copy everything into a new file as small as can be",
              "  pinyon compact app.pinyon --output small.pinyon\n"
              "  pinyon compact app.pinyon --output small.pinyon --json | jq .bytes_after\n"},
    verb_text{"backup", "copy a file as it is, also while a program writes to it",
              "  pinyon backup app.pinyon --output copy.pinyon\n"
              "  pinyon backup app.pinyon --output \"app-$(date +%F).pinyon\" --quiet\n"},
    verb_text{"dump", "all entries as text, from which `load` makes an equal database",
              "  pinyon dump app.pinyon > app.dump\n"
              "  pinyon dump app.pinyon --tree users --format ndjson | jq .key\n"},
    verb_text{"load", "a new database from a dump: of pinyon, mdb_dump or db_dump",
              "  pinyon load app.dump --output app.pinyon\n"
              "  mdb_dump -a data | pinyon load - --output data.pinyon\n"},
    verb_text{"recover", "save what can be saved of a damaged file into a new one",
              "  pinyon recover app.pinyon --output saved.pinyon\n"
              "  pinyon recover app.pinyon --output saved.pinyon --json | jq .trees\n"},
    verb_text{"bench", "the pool against a raw mapping: gets, scans and seeks on this very file",
              "  pinyon bench app.pinyon\n"
              "  pinyon bench app.pinyon --tree users --pool-bytes 16MiB --seconds 30\n"},
};

std::size_t edit_distance(const std::string& a, const std::string& b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t kept = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({kept, row[j] + 1, row[j - 1] + 1});
        }
    }
    return row.back();
}

}  // namespace

std::span<const verb_text> verb_texts() noexcept { return all_texts; }

const std::vector<std::string>& verbs() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> list;
        list.reserve(all_texts.size());
        for (const verb_text& each : all_texts) { list.emplace_back(each.name); }
        return list;
    }();
    return names;
}

const char* examples_of(const std::string& verb) {
    for (const verb_text& each : all_texts) {
        if (verb == each.name) { return each.examples; }
    }
    return program_examples;
}

bool is_verb(const std::string& word) {
    return std::find(verbs().begin(), verbs().end(), word) != verbs().end();
}

std::optional<std::string> verb_like(const std::string& word) {
    const auto nearest = std::min_element(
        verbs().begin(), verbs().end(), [&word](const std::string& a, const std::string& b) {
            return edit_distance(word, a) < edit_distance(word, b);
        });
    if (edit_distance(word, *nearest) > slips_max) { return std::nullopt; }
    return *nearest;
}

}  // namespace pinyon::tool
