#define BOOST_TEST_MODULE page_set
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <optional>
#include <random>
#include <set>
#include <vector>

#include "pinyon/engine/page_set.hpp"

namespace {

using pinyon::page_set;
using pinyon::io::page_run;
using optional_page = std::optional<std::uint64_t>;
using optional_run = std::optional<page_run>;

page_set filled(std::uint64_t capacity, const std::vector<page_run>& runs) {
    page_set set;
    set.resize(capacity);
    for (const page_run& run : runs) { BOOST_TEST_REQUIRE(set.insert(run)); }
    return set;
}

// What page_set promises, said with a std::set.
struct reference {
    std::uint64_t capacity;
    std::set<std::uint64_t> members;

    bool insert(page_run run) {
        if (run.first + run.count > capacity) { return false; }
        for (std::uint64_t page = run.first; page < run.first + run.count; ++page) {
            if (members.count(page) != 0) { return false; }
        }
        for (std::uint64_t page = run.first; page < run.first + run.count; ++page) {
            members.insert(page);
        }
        return true;
    }
    bool erase(page_run run) {
        for (std::uint64_t page = run.first; page < run.first + run.count; ++page) {
            if (members.count(page) == 0) { return false; }
        }
        for (std::uint64_t page = run.first; page < run.first + run.count; ++page) {
            members.erase(page);
        }
        return true;
    }
    optional_page next(std::uint64_t from) const {
        const auto found = members.lower_bound(from);
        return found == members.end() ? std::nullopt : optional_page(*found);
    }
    optional_run next_run(std::uint64_t from) const {
        const optional_page first = next(from);
        if (!first) { return std::nullopt; }
        std::uint64_t end = *first + 1;
        while (members.count(end) != 0) { ++end; }
        return page_run{*first, end - *first};
    }
    std::uint64_t runs() const {
        std::uint64_t count = 0;
        for (optional_run run = next_run(0); run; run = next_run(run->first + run->count)) {
            ++count;
        }
        return count;
    }
};

BOOST_AUTO_TEST_CASE(an_empty_set_has_nothing) {
    page_set set;
    BOOST_TEST(!set.next(0));
    BOOST_TEST(!set.next_run(0));
    BOOST_TEST(!set.find_run(0, 1));
    BOOST_TEST(!set.insert(0));
    BOOST_TEST(!set.erase(0));
    set.resize(100);
    BOOST_TEST(!set.next(0));
    BOOST_TEST(!set.contains(0));
    BOOST_TEST(set.size() == 0u);
    BOOST_TEST(set.runs() == 0u);
}

BOOST_AUTO_TEST_CASE(pages_beyond_the_capacity_are_refused) {
    page_set set = filled(70, {{60, 10}});
    BOOST_TEST(!set.insert(70));
    BOOST_TEST(!set.insert(page_run{0, 71}));
    BOOST_TEST(!set.insert(page_run{70, 1}));
    BOOST_TEST(!set.insert(page_run{1, ~std::uint64_t{0}}));
    BOOST_TEST(!set.contains(~std::uint64_t{0}));
    BOOST_TEST(!set.next(~std::uint64_t{0}));
    BOOST_TEST(set.size() == 10u);
}

BOOST_AUTO_TEST_CASE(a_run_changes_as_a_whole_or_not_at_all) {
    page_set set = filled(300, {{100, 100}});
    BOOST_TEST(!set.insert(page_run{50, 51}));
    BOOST_TEST(!set.contains(50));
    BOOST_TEST(!set.erase(page_run{150, 51}));
    BOOST_TEST(set.contains(150));
    BOOST_TEST(set.erase(page_run{150, 10}));
    BOOST_TEST(set.runs() == 2u);
    BOOST_TEST(set.size() == 90u);
    BOOST_TEST(set.insert(page_run{150, 10}));
    BOOST_TEST(set.runs() == 1u);
    BOOST_TEST(set.insert(page_run{7, 0}));
    BOOST_TEST(set.size() == 100u);
}

BOOST_AUTO_TEST_CASE(members_are_found_across_all_levels) {
    // One page in each of: the same word, the same summary word, the same top word, another top
    // word.
    for (const std::uint64_t page :
         {63ull, 64ull, 4095ull, 4096ull, 262143ull, 262144ull, 999999ull}) {
        BOOST_TEST_CONTEXT("page " << page) {
            const page_set set = filled(1'000'000, {{page, 1}});
            BOOST_TEST((set.next(0) == optional_page(page)));
            BOOST_TEST((set.next(page) == optional_page(page)));
            BOOST_TEST(!set.next(page + 1));
            BOOST_TEST((set.next_run(0) == optional_run(page_run{page, 1})));
        }
    }
}

BOOST_AUTO_TEST_CASE(find_run_is_first_fit) {
    const page_set set = filled(100'000, {{10, 3}, {64, 64}, {5000, 9000}});
    BOOST_TEST((set.find_run(0, 3) == optional_run(page_run{10, 3})));
    BOOST_TEST((set.find_run(0, 4) == optional_run(page_run{64, 4})));
    BOOST_TEST((set.find_run(0, 65) == optional_run(page_run{5000, 65})));
    BOOST_TEST((set.find_run(0, 9000) == optional_run(page_run{5000, 9000})));
    BOOST_TEST(!set.find_run(0, 9001));
    BOOST_TEST((set.find_run(100, 28) == optional_run(page_run{100, 28})));
    BOOST_TEST((set.find_run(101, 28) == optional_run(page_run{5000, 28})));
    BOOST_TEST(!set.find_run(0, 0));
}

BOOST_AUTO_TEST_CASE(resize_keeps_members_below_the_new_capacity) {
    page_set set = filled(10'000, {{0, 5}, {4000, 200}, {9999, 1}});
    set.resize(4100);
    BOOST_TEST(set.size() == 105u);
    BOOST_TEST(set.runs() == 2u);
    set.resize(20'000);
    BOOST_TEST(set.size() == 105u);
    BOOST_TEST(!set.contains(9999));
    BOOST_TEST((set.next_run(5) == optional_run(page_run{4000, 100})));
    BOOST_TEST(set.insert(page_run{4100, 15'900}));
    BOOST_TEST(set.runs() == 2u);
    set.clear();
    BOOST_TEST(set.size() == 0u);
    BOOST_TEST(set.runs() == 0u);
    BOOST_TEST(!set.next(0));
    BOOST_TEST(set.capacity() == 20'000u);
}

BOOST_AUTO_TEST_CASE(random_operations_agree_with_a_std_set) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            std::mt19937_64 random(seed);
            // Sparse large sets exercise the summaries, dense small ones the words.
            const std::uint64_t capacity = seed % 3 == 0 ? 600'000 : 64 + random() % 700;
            page_set set;
            set.resize(capacity);
            reference model{capacity, {}};
            for (unsigned step = 0; step < 3000; ++step) {
                // Some runs reach over blocks of 4096 pages.
                const std::uint64_t longest = step % 60 == 0 ? 10'000 : step % 5 == 0 ? 150 : 4;
                const page_run run{random() % capacity, 1 + random() % longest};
                const std::uint64_t from = step % 4 == 0 ? 0 : random() % (capacity + 10);
                const std::uint64_t count = 1 + random() % (step % 7 == 0 ? 12'000 : 8);
                if (random() % 2 == 0) {
                    BOOST_TEST_REQUIRE(set.insert(run) == model.insert(run));
                } else if (const optional_run found = model.next_run(run.first);
                           found && step % 3 != 0) {
                    const page_run part{found->first, 1 + random() % found->count};
                    BOOST_TEST_REQUIRE(set.erase(part) == model.erase(part));
                } else {
                    BOOST_TEST_REQUIRE(set.erase(run) == model.erase(run));
                }
                BOOST_TEST_REQUIRE(set.size() == model.members.size());
                BOOST_TEST_REQUIRE((set.next(from) == model.next(from)));
                BOOST_TEST_REQUIRE((set.next_run(from) == model.next_run(from)));
                optional_run fit = model.next_run(from);
                while (fit && fit->count < count) { fit = model.next_run(fit->first + fit->count); }
                const optional_run expected =
                    fit ? optional_run(page_run{fit->first, count}) : std::nullopt;
                BOOST_TEST_REQUIRE((set.find_run(from, count) == expected));
                if (step % 50 == 0) { BOOST_TEST_REQUIRE(set.runs() == model.runs()); }
            }
        }
    }
}

}  // namespace
