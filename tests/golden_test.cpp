// The golden files of the present version hold what their manifest says, to the last entry; and
// what writes them is the same in each run. To write them anew:
//
//     PINYON_WRITE_GOLDEN_FILES=tests/golden/version-2 build-dev/tests/golden_test
#define BOOST_TEST_MODULE golden
#include <boost/test/unit_test.hpp>

#include <cstdlib>
#include <fstream>
#include <set>
#include <string>

#include "pinyon/engine/check.hpp"
#include "support/golden_files.hpp"
#include "support/temporary_directory.hpp"
#include "support/whole_file.hpp"
#include "tools/escape.hpp"
#include "tools/stored_value.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace {

using namespace pinyon;
using test::golden_file;
using tool::hexadecimal;
using tool::json;

const std::string folder = PINYON_SOURCE_DIR "/tests/golden/version-2/";

void write_files(const golden_file& file, const std::string& to) {
    for (const auto& [name, saved] : file.files) {
        std::string content(saved.size, '\0');
        std::memcpy(content.data(), saved.content.data(),
                    std::min(saved.content.size(), content.size()));
        test::write_file(to + name, content);
    }
}

// Long values by length and checksum, so that the manifest stays small.
json value_json(const std::string& value) {
    constexpr std::size_t whole_bytes_max = 48;
    if (value.size() <= whole_bytes_max) { return hexadecimal(value); }
    std::array<char, 17> digits{};
    std::snprintf(digits.data(), digits.size(), "%016llx",
                  static_cast<unsigned long long>(XXH3_64bits(value.data(), value.size())));
    return {{"bytes", value.size()}, {"xxh3_64", digits.data()}};
}

json manifest_of(const std::vector<golden_file>& files) {
    json out{{"schema", "pinyon.golden/1"}, {"files", json::array()}};
    for (const golden_file& file : files) {
        json trees = json::array();
        for (const auto& [name, tree] : file.trees) {
            json entries = json::array();
            for (const auto& [key, value] : tree.entries) {
                entries.push_back({hexadecimal(key), value_json(value)});
            }
            trees.push_back({{"name", name},
                             {"key_type", tree.key_type},
                             {"value_type", tree.value_type},
                             {"entries", std::move(entries)}});
        }
        out["files"].push_back({{"file", file.name + ".pinyon"}, {"trees", std::move(trees)}});
    }
    return out;
}

// A line for each tree, so that a change can be read.
void write_manifest(const json& manifest, const std::string& path) {
    std::ofstream out(path);
    out << "{\"schema\": " << manifest["schema"] << ", \"files\": [";
    const char* between_files = "";
    for (const json& file : manifest["files"]) {
        out << between_files << "\n{\"file\": " << file["file"] << ", \"trees\": [";
        const char* between_trees = "";
        for (const json& tree : file["trees"]) {
            out << between_trees << "\n" << tree;
            between_trees = ",";
        }
        out << "]}";
        between_files = ",";
    }
    out << "\n]}\n";
}

json committed_manifest() { return json::parse(std::ifstream(folder + "manifest.json")); }

std::vector<golden_file> all_files() {
    std::vector<golden_file> files = test::make_golden_files();
    if (const char* to = std::getenv("PINYON_WRITE_GOLDEN_FILES"); to != nullptr) {
        for (const golden_file& file : files) { write_files(file, std::string(to) + "/"); }
        write_manifest(manifest_of(files), std::string(to) + "/manifest.json");
    }
    return files;
}

const std::vector<golden_file>& made() {
    static const std::vector<golden_file> files = all_files();
    return files;
}

database open_to_read(const std::string& path) {
    options how;
    how.access = access_mode::read_only;
    how.replay = replay::in_memory;
    return database::open(path, how);
}

// What the file holds, as the manifest would say it.
json content_of(const std::string& path) {
    const database db = open_to_read(path);
    const read_transaction tx = db.begin_read();
    json trees = json::array();
    for (const tree_information& each : tx.trees()) {
        const raw_tree tree = tx.open_raw(each.name);
        json entries = json::array();
        raw_cursor at = tree.cursor();
        std::vector<std::byte> room;
        for (bool valid = at.first(); valid; valid = at.next()) {
            entries.push_back({hexadecimal(as_text(at.key())),
                               value_json(std::string(as_text(tool::value_at(tree, at, room))))});
        }
        trees.push_back({{"name", each.name},
                         {"key_type", each.key_type},
                         {"value_type", each.value_type},
                         {"entries", std::move(entries)}});
    }
    return trees;
}

void require_content(const std::string& in) {
    (void)made();
    const json manifest = committed_manifest();
    for (const json& file : manifest["files"]) {
        BOOST_TEST_CONTEXT(file["file"]) {
            const std::string path = in + file["file"].get<std::string>();
            BOOST_TEST((content_of(path) == file["trees"]));
            const check_summary summary = check(path, {}, [](const finding& found) {
                BOOST_TEST(false, "check found: " << found.text);
            });
            BOOST_TEST(summary.complete);
        }
    }
}

check_summary summary_of(const std::string& name) {
    return check(folder + name + ".pinyon", {}, [](const finding&) {});
}

const tree_summary& tree_of(const check_summary& summary, const std::string& name) {
    for (const tree_summary& each : summary.trees) {
        if (each.name == name) { return each; }
    }
    throw std::runtime_error("no tree " + name);
}

BOOST_AUTO_TEST_CASE(golden_files_hold_what_their_manifest_says) { require_content(folder); }

BOOST_AUTO_TEST_CASE(files_made_today_hold_the_same) {
    const test::temporary_directory here;
    for (const golden_file& file : made()) { write_files(file, here / ""); }
    require_content(here / "");
    BOOST_TEST((manifest_of(made()) == committed_manifest()));
}

BOOST_AUTO_TEST_CASE(the_generator_writes_the_same_bytes_each_time) {
    const std::vector<golden_file> again = test::make_golden_files();
    BOOST_REQUIRE(again.size() == made().size());
    for (std::size_t i = 0; i < again.size(); ++i) {
        BOOST_TEST_CONTEXT(again[i].name) {
            BOOST_REQUIRE(again[i].files.size() == made()[i].files.size());
            for (const auto& [name, saved] : again[i].files) {
                BOOST_TEST(saved.same(made()[i].files.at(name)));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(each_golden_file_shows_what_it_is_there_for) {
    (void)made();
    BOOST_TEST(summary_of("empty").trees.empty());
    const check_summary fixed = summary_of("fixed");
    BOOST_TEST(tree_of(fixed, "textbook").levels >= 4U);
    BOOST_TEST(tree_of(fixed, "numbers").levels == 2U);
    const check_summary slotted = summary_of("slotted");
    BOOST_TEST(tree_of(slotted, "blobs").levels >= 3U);
    BOOST_TEST(tree_of(slotted, "paths").inners > 0U);
    BOOST_TEST(summary_of("types").trees.size() == 21U);
    BOOST_TEST(tree_of(summary_of("large"), "texts").extents >= 4U);
    const check_summary pending = summary_of("pending");
    BOOST_TEST(pending.free_pages > 0U);
    BOOST_TEST(pending.pending_pages > 0U);
    BOOST_TEST(pending.free_runs > 1U);
    BOOST_TEST(pending.metas[0].meta.transaction != pending.metas[1].meta.transaction);
    BOOST_TEST(summary_of("log").log_transactions == 4U);
    const check_summary pages = summary_of("pages-16384");
    BOOST_TEST(pages.page_bytes == 16384U);
    BOOST_TEST(tree_of(pages, "texts").extents == 1U);
    BOOST_TEST(tree_of(pages, "numbers").levels == 2U);

    // What a summary does not tell: the form of the free-space image, the number of segments.
    const auto count_of = [](const std::string& name) {
        std::size_t segments = 0;
        for (const auto& entry : std::filesystem::directory_iterator(folder)) {
            segments += entry.path().filename().string().starts_with(name + ".pinyon-wal.") ? 1 : 0;
        }
        return segments;
    };
    BOOST_TEST(count_of("log") >= 2U);
    const format::meta bitmap = summary_of("bitmap").metas[summary_of("bitmap").newest].meta;
    const std::string content = test::read_file(folder + "bitmap.pinyon");
    format::free_image_header image{};
    BOOST_REQUIRE(content.size() >= bitmap.free_first * bitmap.page_bytes + sizeof image);
    std::memcpy(&image, content.data() + bitmap.free_first * bitmap.page_bytes, sizeof image);
    BOOST_TEST(image.bitmap_words > 0U);
}

}  // namespace
