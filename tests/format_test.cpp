// The format: files that an earlier build wrote are read to the last entry. When the format
// changes, this fails until version, FORMAT.md and the golden files say so too:
//
//     PINYON_WRITE_GOLDEN=tests/golden/version-2.pinyon build-dev/tests/format_test
#define BOOST_TEST_MODULE format
#include <array>
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "pinyon/engine/format.hpp"
#include "pinyon/pinyon.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace pinyon;

struct measure {
    double value;
    std::uint32_t unit;
    std::uint32_t source;
};

constexpr tree_spec<std::string_view, std::string_view> words{"words"};
constexpr tree_spec<std::uint64_t, measure> measures{"measures"};
constexpr tree_spec<std::int16_t, double> small{"small"};
constexpr tree_spec<std::pair<std::uint32_t, std::string_view>, std::uint64_t> pairs{"pairs"};
constexpr tree_spec<std::uint64_t, std::uint64_t> textbook{"textbook", tree_options{3}};
constexpr std::uint64_t count = 400;

[[nodiscard]] std::string word(std::uint64_t i) {
    return "word/" + std::to_string(i * 7919 % 1000);
}
[[nodiscard]] std::string text(std::uint64_t i) {
    return std::string(i == 7 ? 20'000 : i % 60, static_cast<char>('a' + i % 26));
}

void write_golden(const std::string& path) {
    std::filesystem::remove(path);
    const database db = database::open(path);
    for (const std::uint64_t part : {0U, 1U}) {
        db.update([&](write_transaction& tx) {
            auto a = tx.open(words);
            auto b = tx.open(measures);
            auto c = tx.open(small);
            auto d = tx.open(pairs);
            auto e = tx.open(textbook);
            for (std::uint64_t i = part; i < count; i += 2) {
                a.put(word(i), text(i));
                b.put(i << 32 | i, {static_cast<double>(i) / 8, static_cast<std::uint32_t>(i), 5});
                c.put(static_cast<std::int16_t>(i - 200), static_cast<double>(i));
                const std::string name = word(i);
                d.put({static_cast<std::uint32_t>(i % 5), name}, i);
                e.put(i, i * i);
            }
        });
    }
}

void read_golden(const std::string& path) {
    options how;
    how.access = access_mode::read_only;
    const database db = database::open(path, how);
    const auto tx = db.begin_read();
    BOOST_TEST(tx.trees().size() == 5U);
    const auto a = tx.open(words);
    const auto b = tx.open(measures);
    const auto c = tx.open(small);
    const auto d = tx.open(pairs);
    const auto e = tx.open(textbook);
    for (std::uint64_t i = 0; i < count; ++i) {
        BOOST_TEST_CONTEXT("entry " << i) {
            BOOST_TEST(std::string(a.get(word(i)).value()) == text(i));
            const measure found = b.get(i << 32 | i).value();
            BOOST_TEST(found.value == static_cast<double>(i) / 8);
            BOOST_TEST(found.unit == i);
            BOOST_TEST(c.get(static_cast<std::int16_t>(i - 200)).value() == static_cast<double>(i));
            const std::string name = word(i);
            BOOST_TEST(d.get({static_cast<std::uint32_t>(i % 5), name}).value() == i);
            BOOST_TEST(e.get(i).value() == i * i);
        }
    }
    for (const std::uint64_t size : {a.size(), b.size(), c.size(), d.size(), e.size()}) {
        BOOST_TEST(size == count);
    }
    BOOST_TEST(c.begin()->key == -200);
    const auto summary = check(
        path, {}, [](const finding& found) { BOOST_TEST(false, "check found: " << found.text); });
    BOOST_TEST(summary.findings() == 0U);
}

BOOST_AUTO_TEST_CASE(golden_files_are_read_to_the_last_entry) {
    if (const char* path = std::getenv("PINYON_WRITE_GOLDEN"); path != nullptr) {
        write_golden(path);
    }
    std::size_t files = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(PINYON_SOURCE_DIR "/tests/golden")) {
        if (entry.path().extension() == ".pinyon") {
            BOOST_TEST_CONTEXT(entry.path()) { read_golden(entry.path().string()); }
            ++files;
        }
    }
    BOOST_TEST(files > 0U);
}

BOOST_AUTO_TEST_CASE(a_new_file_holds_the_same) {
    const test::temporary_directory folder;
    write_golden(folder / "new.pinyon");
    read_golden(folder / "new.pinyon");
}

}  // namespace
