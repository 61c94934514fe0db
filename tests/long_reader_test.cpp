// One snapshot, held while a hundred thousand transactions commit: what it shows never changes,
// the pages that were born after it are used again all the time, and when it ends the space is used
// again and the file stops growing.
//
//   long_reader_test -- --states COMMITS --seed S
#define BOOST_TEST_MODULE long_reader
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <string>

#include "support/journal.hpp"
#include "support/long_run.hpp"
#include "support/small_log.hpp"
#include "support/two_folders.hpp"

namespace {

using namespace pinyon;
using test::splitmix;

constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};
constexpr tree_spec<std::string_view, std::string_view> words{"words"};
constexpr std::uint64_t keys = 20'000;

class world {
public:
    world(const std::string& path, std::uint64_t seed) : random_(seed) {
        options chosen;
        chosen.pool_bytes = std::uint64_t{1} << 20;
        test::use_small_log(chosen, std::uint64_t{4} << 20);
        db_ = database::open(path, chosen);
        db_->update([](write_transaction& tx) {
            auto tree = tx.open(numbers);
            for (std::uint64_t key = 0; key != keys; ++key) { tree.put(key, key); }
            auto other = tx.open(words);
            for (std::uint64_t i = 0; i != 100; ++i) {
                other.put("word" + std::to_string(i), std::string(i * 100, 'w'));
            }
        });
    }

    void commit(std::uint64_t count) {
        for (std::uint64_t i = 0; i != count; ++i) {
            write_transaction tx = db_->begin_write();
            auto tree = tx.open(numbers);
            for (int j = 0; j != 4; ++j) {
                tree.put(random_.below(keys), keys + random_.below(keys));
            }
            tree.erase(random_.below(keys));
            if (i % 16 == 0) {
                tx.open(words).put("word" + std::to_string(random_.below(100)),
                                   std::string(random_.below(10'000), 'v'));
            }
            tx.commit(durability::relaxed);
        }
    }

    [[nodiscard]] const database& db() const noexcept { return *db_; }
    [[nodiscard]] std::uint64_t pages() const { return db_->statistics().file_pages; }

private:
    splitmix random_;
    std::optional<database> db_;
};

// How much of what the snapshot shows differs from the first state.
[[nodiscard]] std::uint64_t differences(const read_transaction& tx) {
    std::uint64_t wrong = 0;
    std::uint64_t expected = 0;
    for (const auto& entry : tx.open(numbers).all()) {
        wrong += entry.key == expected && entry.value == expected ? 0 : 1;
        ++expected;
    }
    wrong += expected == keys ? 0 : 1;
    const auto other = tx.open(words);
    for (std::uint64_t i = 0; i != 100; ++i) {
        const auto value = other.get("word" + std::to_string(i));
        wrong += value && *value == std::string(i * 100, 'w') ? 0 : 1;
    }
    return wrong;
}

BOOST_AUTO_TEST_CASE(a_long_reader_keeps_its_own_pages_and_no_others) {
    const test::long_run chosen = test::long_run_of(100'000);
    const test::two_folders folders;
    const std::string path = folders.path(1, "long.pinyon");
    world all(path, chosen.seed);
    std::uint64_t violations = 0;
    const std::uint64_t round = std::max<std::uint64_t>(chosen.states / 20, 1);
    std::uint64_t pages_early = 0;
    {
        const read_transaction reader = all.db().begin_read();
        for (std::uint64_t done = 0; done < chosen.states; done += round) {
            all.commit(round);
            violations += differences(reader) == 0 ? 0 : 1;
            if (done == 4 * round) { pages_early = all.pages(); }
        }
    }
    const std::uint64_t pages_held = all.pages();
    // With the reader there, only its own pages and twice the live ones were needed.
    const bool grew = pages_early != 0 && pages_held > pages_early + pages_early / 4;
    all.db().checkpoint();
    all.commit(3 * round);
    all.db().checkpoint();
    all.commit(2);
    const database_statistics facts = all.db().statistics();
    const bool grew_after = facts.file_pages > pages_held + pages_held / 10;
    const bool still_held = facts.held_pages > facts.file_pages / 4;
    violations += (grew ? 1U : 0U) + (grew_after ? 1U : 0U) + (still_held ? 1U : 0U);
    test::report("T16",
                 std::to_string(chosen.states) + " commits beside one snapshot (file " +
                     std::to_string(pages_early) + " pages after a quarter, " +
                     std::to_string(pages_held) + " at its end, " +
                     std::to_string(facts.file_pages) + " after it)",
                 violations, chosen.seed);
    BOOST_TEST(!grew, "pages born after the snapshot were not used again");
    BOOST_TEST(!grew_after, "the file went on growing");
    BOOST_TEST(!still_held, "pages are held for nobody");
    BOOST_TEST(violations == 0U);
}

}  // namespace
