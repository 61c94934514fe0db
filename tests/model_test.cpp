// The whole engine against std::map: random operations in both layouts, both page sizes, both
// paging modes and with a pool of 16 pages; snapshots, aborts and reopening among them; and many
// sequences of 100 operations with crashes.
//
// More sequences: model_test -- --states 1000000 --seed 7
#define BOOST_TEST_MODULE model
#include <boost/test/unit_test.hpp>
#include <map>
#include <random>
#include <string>

#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/pinyon.hpp"
#include "support/crash_explorer.hpp"
#include "support/long_run.hpp"
#include "support/model_sequence.hpp"

namespace {

using pinyon::as_bytes;
using pinyon::as_text;
using pinyon::database;
using model = std::map<std::string, std::string>;

struct configuration {
    const char* name;
    bool fixed_layout;
    std::uint32_t minimum_degree;
    std::uint32_t page_bytes;
    pinyon::paging paging;
    std::uint64_t pool_pages;
};

constexpr configuration configurations[] = {
    {"slotted, 4 KiB, pool of 16 pages", false, 0, 4096, pinyon::paging::pool, 16},
    {"slotted, 16 KiB, pool of 16 pages", false, 0, 16384, pinyon::paging::pool, 16},
    {"slotted, 4 KiB, pool", false, 0, 4096, pinyon::paging::pool, 4096},
    {"slotted, 4 KiB, raw", false, 0, 4096, pinyon::paging::raw, 0},
    {"fixed, 4 KiB, pool of 16 pages", true, 0, 4096, pinyon::paging::pool, 16},
    {"fixed, 16 KiB, pool", true, 0, 16384, pinyon::paging::pool, 1024},
    {"fixed, 4 KiB, raw", true, 0, 4096, pinyon::paging::raw, 0},
    {"fixed, degree 2, pool of 16 pages", true, 2, 4096, pinyon::paging::pool, 16},
    {"fixed, degree 32, raw", true, 32, 4096, pinyon::paging::raw, 0},
};

class run {
public:
    run(const configuration& chosen, std::uint64_t seed) : chosen_(chosen), random_(seed) {
        reopen();
    }

    void step() {
        switch (random_() % 12) {
            case 0:
                reopen();
                break;
            case 1:
                aborted();
                break;
            case 2:
                behind_a_snapshot();
                break;
            default:
                committed();
                break;
        }
        compare();
    }

    void check() const {
        pinyon::check_options how;
        how.files = files_.get();
        const auto summary = pinyon::check(path_, how, [](const pinyon::finding& found) {
            BOOST_TEST(false, "check found: " << found.text);
        });
        BOOST_TEST(summary.findings() == 0U);
    }

private:
    [[nodiscard]] std::string random_key() {
        if (chosen_.fixed_layout) {
            // Big-endian, dense at the bottom and sparse above.
            std::uint64_t number = random_() % (random_() % 2 == 0 ? 2000 : ~std::uint64_t{0});
            std::string key(8, '\0');
            for (int i = 7; i >= 0; --i, number >>= 8) {
                key[static_cast<std::size_t>(i)] = static_cast<char>(number & 0xff);
            }
            return key;
        }
        std::string key =
            "prefix/" + std::to_string(random_() % 3) + '/' + std::to_string(random_() % 2000);
        if (random_() % 20 == 0) {
            key += std::string(random_() % (chosen_.page_bytes / 8 - key.size()), 'k');
        }
        return key;
    }
    [[nodiscard]] std::string random_value() {
        if (chosen_.fixed_layout) {
            return std::string(24, static_cast<char>('a' + random_() % 26));
        }
        const std::size_t length = random_() % 50 == 0 ? random_() % 20000 : random_() % 200;
        return std::string(length, static_cast<char>('a' + random_() % 26));
    }

    void reopen() {
        db_.reset();
        pinyon::options options;
        options.page_bytes = chosen_.page_bytes;
        options.paging = chosen_.paging;
        options.pool_bytes = chosen_.pool_pages * chosen_.page_bytes;
        options.files = files_.get();
        db_ = std::make_unique<database>(database::open(path_, options));
    }

    [[nodiscard]] pinyon::writable_raw_tree tree(pinyon::write_transaction& tx) const {
        pinyon::tree_types types = pinyon::raw_types();
        if (chosen_.fixed_layout) {
            types = pinyon::tree_spec<std::uint64_t, std::array<char, 24>>("t").types();
        }
        pinyon::tree_options options;
        options.minimum_degree = chosen_.minimum_degree;
        return tx.open_as("t", types, options);
    }

    void change(pinyon::writable_raw_tree& tree, model& expected) {
        const std::string key = random_key();
        const std::string value = random_value();
        switch (random_() % 10) {
            case 0: {
                const bool fresh = tree.insert(as_bytes(key), as_bytes(value));
                BOOST_TEST(fresh == expected.emplace(key, value).second);
                break;
            }
            case 1:
            case 2:
            case 3: {
                // An existing key more often than a random one.
                const auto near = expected.lower_bound(key);
                const std::string victim = near == expected.end() ? key : near->first;
                BOOST_TEST(tree.erase(as_bytes(victim)) == (expected.erase(victim) == 1));
                break;
            }
            case 4: {
                if (random_() % 10 != 0) { break; }
                const std::string other = random_key();
                const auto& [low, high] = std::minmax(key, other);
                const auto from = expected.lower_bound(low);
                const auto to = expected.lower_bound(high);
                const auto count = static_cast<std::uint64_t>(std::distance(from, to));
                if (count > expected.size() / 4) { break; }
                BOOST_TEST(tree.erase(as_bytes(low), as_bytes(high)) == count);
                expected.erase(from, to);
                break;
            }
            default:
                tree.put(as_bytes(key), as_bytes(value));
                expected[key] = value;
        }
    }

    void changes(pinyon::write_transaction& tx, model& expected) {
        auto target = tree(tx);
        const auto count = static_cast<unsigned>(random_() % 100);
        for (unsigned i = 0; i < count; ++i) { change(target, expected); }
        BOOST_TEST(target.size() == expected.size());
    }

    void committed() {
        db_->update([&](pinyon::write_transaction& tx) { changes(tx, model_); });
    }

    void aborted() {
        auto tx = db_->begin_write();
        model forgotten = model_;
        changes(tx, forgotten);
        tx.abort();
    }

    void behind_a_snapshot() {
        if (model_.empty()) { return; }
        const auto reader = db_->begin_read();
        const model seen = model_;
        for (int i = 0; i < 4; ++i) { committed(); }
        compare(reader, seen);
    }

    void compare() {
        const auto reader = db_->begin_read();
        compare(reader, model_);
    }

    void compare(const pinyon::read_transaction& reader, const model& expected) {
        if (!reader.contains("t")) {
            BOOST_TEST(expected.empty());
            return;
        }
        const auto found = reader.open_raw("t");
        BOOST_REQUIRE(found.size() == expected.size());
        auto cursor = found.cursor();
        cursor.first();
        for (const auto& [key, value] : expected) {
            BOOST_REQUIRE(cursor.valid());
            BOOST_REQUIRE((as_text(cursor.key()) == key));
            BOOST_REQUIRE((as_text(cursor.value()) == value));
            cursor.next();
        }
        BOOST_TEST(!cursor.valid());
        lookups(found, expected);
    }

    void lookups(const pinyon::raw_tree& found, const model& expected) {
        for (int i = 0; i < 20; ++i) {
            const std::string key = random_key();
            const auto entry = expected.find(key);
            const auto value = found.get(as_bytes(key));
            BOOST_REQUIRE(value.has_value() == (entry != expected.end()));
            if (value) { BOOST_TEST((as_text(*value) == entry->second)); }
            const auto rank = static_cast<std::uint64_t>(
                std::distance(expected.begin(), expected.lower_bound(key)));
            BOOST_TEST(found.rank(as_bytes(key)) == rank);
        }
    }

    configuration chosen_;
    std::mt19937_64 random_;
    // In memory: thousands of commits would wait for as many syncs of a disk.
    std::unique_ptr<pinyon::io::memory_file_system> files_ =
        std::make_unique<pinyon::io::memory_file_system>();
    std::string path_ = files_->resolve("model.pinyon");
    std::unique_ptr<database> db_;
    model model_;
};

BOOST_AUTO_TEST_CASE(random_operations_match_a_map) {
    const char* steps = std::getenv("PINYON_MODEL_STEPS");
    const int count = steps != nullptr ? std::atoi(steps) : 400;
    for (const configuration& chosen : configurations) {
        for (const std::uint64_t seed : {1U, 2U}) {
            BOOST_TEST_CONTEXT(chosen.name << ", seed " << seed) {
                run against_map(chosen, seed);
                for (int i = 0; i < count; ++i) { against_map.step(); }
                against_map.check();
            }
        }
    }
}

// Empty, or what is wrong.
[[nodiscard]] std::string run_sequence(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    try {
        pinyon::test::model_sequence sequence(
            pinyon::test::model_shapes[seed % std::size(pinyon::test::model_shapes)], seed,
            [&](std::uint64_t below) { return random() % below; });
        for (int i = 0; i != 100; ++i) { sequence.step(); }
        sequence.finish();
    } catch (const std::exception& failure) { return failure.what(); }
    return {};
}

BOOST_AUTO_TEST_CASE(sequences_with_crashes_match_maps) {
    using namespace pinyon::test;
    const long_run chosen = long_run_of(slow_build ? 200 : 2'000);
    std::uint64_t violations = 0;
    for (std::uint64_t i = 0; i != chosen.states; ++i) {
        const std::string wrong = run_sequence(chosen.seed * 1'000'000 + i);
        if (wrong.empty()) { continue; }
        if (++violations > 10) { continue; }
        std::cout << "T12 VIOLATION: sequence " << i << " of seed " << chosen.seed << ": " << wrong
                  << std::endl;
    }
    std::cout << "T12: " << chosen.states << " sequences of 100 operations, seed " << chosen.seed
              << ", " << violations << " violations" << std::endl;
    BOOST_TEST(violations == 0U);
}

}  // namespace
