#define BOOST_TEST_MODULE free_space
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pinyon/engine/format.hpp"
#include "pinyon/engine/free_space.hpp"
#include "pinyon/engine/node.hpp"
#include "pinyon/mmap/error.hpp"

namespace {

using pinyon::free_space;
using pinyon::io::page_run;
namespace format = pinyon::format;

bool is_corrupt(const pinyon::error& failure) { return failure.kind() == pinyon::errc::corrupt; }

// Pages 0 and 1 are metas; `used` pages after them are in use, the rest is free.
free_space space_of(std::uint64_t page_count, std::uint64_t used) {
    free_space space;
    space.reset(2, 2 + used);
    space.extend(page_count);
    return space;
}

void keep(free_space& space, std::vector<std::uint64_t> roots) { space.keep(roots); }
void commit(free_space& space, std::vector<std::uint64_t> roots) {
    space.commit();
    space.keep(roots);
}

template <class T>
void append(std::vector<std::byte>& image, const T& value) {
    const auto* from = reinterpret_cast<const std::byte*>(&value);
    image.insert(image.end(), from, from + sizeof value);
}

std::vector<std::byte> image_of(const std::vector<format::free_run>& free,
                                const std::vector<format::pending_run>& pending) {
    format::free_image_header header{free.size(), pending.size(), 0, 0, 0};
    for (const auto& run : free) { header.free_pages += run.count; }
    for (const auto& run : pending) { header.pending_pages += run.count; }
    std::vector<std::byte> image;
    append(image, header);
    for (const auto& run : free) { append(image, run); }
    for (const auto& run : pending) { append(image, run); }
    return image;
}

// What the header says of the free pages is `runs` and `pages`.
std::vector<std::byte> bitmap_of(const std::vector<std::uint64_t>& words, std::uint64_t runs,
                                 std::uint64_t pages) {
    std::vector<std::byte> image;
    append(image, format::free_image_header{runs, 0, pages, 0, words.size()});
    for (const std::uint64_t word : words) { append(image, word); }
    return image;
}

BOOST_AUTO_TEST_CASE(a_transactions_pages_lie_together_and_the_search_wraps) {
    free_space space = space_of(20, 3);
    space.begin(5);
    for (const std::uint64_t expected : {5u, 6u, 7u}) {
        BOOST_TEST(space.take().value() == expected);
    }
    space.retire({5, 1}, 5);
    BOOST_TEST(space.is_free(5));
    for (std::uint64_t expected = 8; expected < 20; ++expected) {
        BOOST_TEST(space.take().value() == expected);
    }
    BOOST_TEST(space.take().value() == 5u);
    BOOST_TEST(!space.take().has_value());
    space.extend(22);
    BOOST_TEST(space.take().value() == 20u);
}

BOOST_AUTO_TEST_CASE(runs_are_first_fit) {
    free_space space = space_of(100, 0);
    space.begin(1);
    BOOST_TEST((space.take_run(30).value() == page_run{2, 30}));
    BOOST_TEST((space.take_run(30).value() == page_run{32, 30}));
    space.retire({10, 5}, 1);
    BOOST_TEST((space.take_run(6).value() == page_run{62, 6}));
    BOOST_TEST((space.take_run(5).value() == page_run{10, 5}));
    BOOST_TEST(!space.take_run(33).has_value());
    BOOST_TEST((space.take_run(32).value() == page_run{68, 32}));
    BOOST_TEST(!space.take_run(1).has_value());
    space.extend(140);
    BOOST_TEST((space.take_run(40).value() == page_run{100, 40}));
}

BOOST_AUTO_TEST_CASE(a_run_may_join_the_file_s_free_end_with_its_extension) {
    free_space space = space_of(20, 10);
    space.begin(1);
    BOOST_TEST(!space.take_run(15).has_value());
    space.extend(27);
    BOOST_TEST((space.take_run(15).value() == page_run{12, 15}));
}

BOOST_AUTO_TEST_CASE(abort_gives_taken_pages_back_and_retired_ones_stay_in_use) {
    free_space space = space_of(50, 10);
    space.begin(7);
    const std::uint64_t kept_page = space.take().value();
    const std::uint64_t dropped_page = space.take().value();
    (void)space.take_run(5);
    space.retire({dropped_page, 1}, 7);
    space.retire({3, 4}, 2);
    space.retire({9, 1}, 0);
    space.extend(60);
    BOOST_TEST(space.held_pages() == 5u);
    space.abort();
    BOOST_TEST(space.free_pages() == 48u);
    BOOST_TEST(space.held_pages() == 0u);
    BOOST_TEST(space.is_free(kept_page));
    BOOST_TEST(!space.is_free(3));
    space.begin(7);
    space.retire({3, 4}, 2);
    BOOST_TEST(space.held_pages() == 4u);
}

BOOST_AUTO_TEST_CASE(a_page_is_held_by_exactly_the_roots_within_its_life) {
    struct row {
        std::uint64_t born;
        std::vector<std::uint64_t> kept;
        bool held;
    };
    // The page is retired by transaction 10.
    const std::vector<row> rows{
        {5, {9}, true},      {5, {5}, true}, {5, {4}, false},       {5, {10}, false},
        {5, {4, 10}, false}, {5, {}, false}, {5, {4, 7, 12}, true}, {9, {8, 10, 11}, false},
        {9, {9}, true},      {0, {1}, true}, {0, {10}, false},
    };
    for (const row& row : rows) {
        BOOST_TEST_CONTEXT("born " << row.born << ", smallest root "
                                   << (row.kept.empty() ? 0 : row.kept.front())) {
            free_space space = space_of(20, 10);
            space.begin(10);
            space.retire({4, 2}, row.born);
            BOOST_TEST(!space.is_free(4));
            commit(space, row.kept);
            BOOST_TEST(space.is_free(4) == !row.held);
            BOOST_TEST(space.is_free(5) == !row.held);
            BOOST_TEST(space.held_pages() == (row.held ? 2u : 0u));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_held_page_moves_down_root_by_root) {
    free_space space = space_of(20, 10);
    space.begin(10);
    space.retire({4, 1}, 3);
    commit(space, {2, 4, 8, 9, 10});
    for (const std::vector<std::uint64_t>& kept : std::vector<std::vector<std::uint64_t>>{
             {2, 4, 8, 10}, {2, 4, 8, 11}, {2, 4, 11}, {2, 4}}) {
        keep(space, kept);
        BOOST_TEST(!space.is_free(4));
    }
    keep(space, {2, 11});
    BOOST_TEST(space.is_free(4));
    BOOST_TEST(space.held_pages() == 0u);
}

BOOST_AUTO_TEST_CASE(a_long_reader_does_not_freeze_pages_born_after_it) {
    free_space space = space_of(100, 10);
    std::uint64_t page = 5;
    std::uint64_t born = 1;
    for (std::uint64_t id = 20; id < 1000; ++id) {
        keep(space, {15, id - 2, id - 1});
        space.begin(id);
        const std::uint64_t next = space.take().value();
        space.retire({page, 1}, born);
        commit(space, {15, id - 2, id - 1});
        page = next;
        born = id;
        BOOST_TEST_REQUIRE(space.held_pages() <= 3u);
    }
    BOOST_TEST(!space.is_free(5));
    keep(space, {999});
    BOOST_TEST(space.held_pages() == 0u);
}

BOOST_AUTO_TEST_CASE(contradictions_are_corrupt_and_change_nothing) {
    free_space space = space_of(40, 10);
    space.begin(10);
    const std::uint64_t own = space.take().value();
    space.retire({3, 1}, 1);
    const std::vector<std::pair<const char*, std::function<void()>>> rows{
        {"a free page",
         [&] {
             space.retire({30, 1}, 1);
         }},
        {"a run with a free page",
         [&] {
             space.retire({11, 5}, 1);
         }},
        {"a page twice",
         [&] {
             space.retire({3, 1}, 1);
         }},
        {"a meta",
         [&] {
             space.retire({1, 1}, 1);
         }},
        {"beyond the file",
         [&] {
             space.retire({40, 1}, 1);
         }},
        {"over the end of the file",
         [&] {
             space.retire({5, ~std::uint64_t{0}}, 1);
         }},
        {"an empty run",
         [&] {
             space.retire({5, 0}, 1);
         }},
        {"born in the future",
         [&] {
             space.retire({5, 1}, 11);
         }},
        {"born now but not allocated",
         [&] {
             space.retire({5, 1}, 10);
         }},
        {"allocated now but born before",
         [&] {
             space.retire({own, 1}, 9);
         }},
        {"half allocated",
         [&] {
             space.retire({own - 1, 2}, 10);
         }},
    };
    const std::uint64_t free = space.free_pages();
    for (const auto& row : rows) {
        BOOST_TEST_CONTEXT(row.first) {
            BOOST_CHECK_EXCEPTION(row.second(), pinyon::error, is_corrupt);
            BOOST_TEST(space.free_pages() == free);
            BOOST_TEST(space.held_pages() == 1u);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_subtree_dropped_unread_may_mix_old_and_private_pages) {
    free_space space = space_of(40, 10);
    space.begin(10);
    BOOST_TEST(space.take().value() == 12u);
    space.retire({10, 3}, 0);
    BOOST_TEST(space.is_free(12));
    BOOST_TEST(space.held_pages() == 2u);
    commit(space, {9, 10});
    BOOST_TEST(!space.is_free(11));
    keep(space, {10});
    BOOST_TEST(space.is_free(11));
}

BOOST_AUTO_TEST_CASE(the_image_shows_the_state_after_the_transaction) {
    free_space space = space_of(60, 20);
    space.begin(4);
    space.retire({2, 3}, 1);
    commit(space, {3});
    space.begin(5);
    space.retire({5, 2}, 1);
    space.retire({7, 1}, 1);
    space.retire({9, 1}, 2);
    const page_run own = space.take_run(2).value();
    const std::uint64_t bound = space.image_bytes();
    const std::vector<std::byte> image = space.save();
    BOOST_TEST(image.size() <= bound);

    free_space loaded;
    loaded.reset(2, 60);
    loaded.load(image, 5);
    BOOST_TEST(loaded.free_pages() == 36u);
    BOOST_TEST(loaded.held_pages() == 7u);
    BOOST_TEST(!loaded.is_free(own.first));
    BOOST_TEST(!loaded.is_free(9));
    keep(loaded, {4, 5});  // the metas: 3 is gone
    BOOST_TEST(loaded.is_free(2));
    BOOST_TEST(loaded.is_free(4));
    BOOST_TEST(!loaded.is_free(5));
    BOOST_TEST(!loaded.is_free(9));
    keep(loaded, {5, 6});
    BOOST_TEST(loaded.held_pages() == 0u);
    BOOST_TEST(loaded.free_pages() == 43u);
}

[[nodiscard]] std::optional<page_run> first_fit(const pinyon::page_set& set, std::uint64_t pages) {
    for (auto run = set.next_run(0); run; run = set.next_run(run->first + run->count)) {
        if (run->count >= pages) { return page_run{run->first, pages}; }
    }
    return std::nullopt;
}

// Runs are taken as a plain search from the start would take them, whatever was taken and given
// back before.
BOOST_AUTO_TEST_CASE(runs_are_first_fit_after_any_history) {
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            std::mt19937_64 random(seed);
            free_space space = space_of(12'000, 0);
            std::vector<page_run> taken;
            space.begin(1);
            for (unsigned i = 0; i < 400; ++i) {
                if (random() % 2 == 0 && !taken.empty()) {
                    std::swap(taken[random() % taken.size()], taken.back());
                    space.retire(taken.back(), 1);
                    taken.pop_back();
                    continue;
                }
                const std::uint64_t pages = 1 + random() % (random() % 8 == 0 ? 900 : 6);
                if (pages == 1 && random() % 4 == 0) {
                    if (const auto page = space.take()) { taken.push_back({*page, 1}); }
                    continue;
                }
                const auto expected = first_fit(space.free_set(), pages);
                const auto run = space.take_run(pages);
                BOOST_TEST_REQUIRE((run == expected));
                if (run) { taken.push_back(*run); }
            }
        }
    }
}

// Bit p % 64 of word p / 64.
BOOST_AUTO_TEST_CASE(a_bitmap_is_read_as_the_format_says) {
    free_space space;
    space.reset(2, 100);
    space.load(bitmap_of({0b1011000, 1}, 3, 4));
    for (const std::uint64_t page : {3U, 4U, 6U, 64U}) { BOOST_TEST(space.is_free(page)); }
    BOOST_TEST(space.free_pages() == 4U);
}

BOOST_AUTO_TEST_CASE(an_image_of_many_holes_is_a_bitmap) {
    for (const std::uint64_t pages : {100U, 6'400U, 6'401U, 100'000U}) {
        BOOST_TEST_CONTEXT(pages << " pages") {
            std::mt19937_64 random(pages);
            free_space space;
            space.reset(2, pages);
            space.begin(5);
            for (std::uint64_t page = 2; page < pages; ++page) {
                if (random() % 3 == 0) { space.retire({page, 1}, 1); }
            }
            space.commit();
            space.keep(std::vector<std::uint64_t>{5});
            space.begin(6);
            space.retire({space.take().value(), 1}, 6);
            const std::uint64_t bound = space.image_bytes();
            const std::vector<std::byte> image = space.save();
            BOOST_TEST(image.size() <= bound);
            BOOST_TEST(image.size() <= sizeof(format::free_image_header) + (pages + 63) / 64 * 8);
            BOOST_TEST(pinyon::load<format::free_image_header>(image.data()).bitmap_words != 0U);
            free_space loaded;
            loaded.reset(2, pages);
            loaded.load(image, 5);
            BOOST_TEST(loaded.free_pages() == space.free_pages());
            BOOST_TEST((std::ranges::equal(loaded.free_set().words(), space.free_set().words())));
            BOOST_TEST(loaded.free_set().runs() == space.free_set().runs());
        }
    }
}

BOOST_AUTO_TEST_CASE(the_image_s_own_run_and_the_retired_one_fit_the_bound) {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            std::mt19937_64 random(seed);
            free_space space = space_of(500, 200);
            space.begin(9);
            for (unsigned i = 0; i < 40; ++i) {
                space.retire({2 + 5 * i, 1 + random() % 4}, random() % 9);
                const std::uint64_t page = space.take().value();
                if (random() % 2 == 0) { space.retire({page, 1}, 9); }
            }
            const std::uint64_t bound = space.image_bytes(2);
            BOOST_TEST_REQUIRE(space.take_run(1 + random() % 3).has_value());
            space.retire({201, 1}, 8);
            BOOST_TEST(space.save().size() <= bound);
        }
    }
}

BOOST_AUTO_TEST_CASE(hostile_images_are_corrupt) {
    using runs = std::vector<format::free_run>;
    using pending = std::vector<format::pending_run>;
    struct row {
        const char* what;
        std::vector<std::byte> image;
    };
    std::vector<row> rows{
        {"empty", {}},
        {"page 1 is a meta", image_of(runs{{1, 2}}, pending{})},
        {"beyond the file", image_of(runs{{99, 2}}, pending{})},
        {"wraps around", image_of(runs{{5, ~std::uint64_t{0}}}, pending{})},
        {"empty run", image_of(runs{{5, 0}}, pending{})},
        {"not sorted", image_of(runs{{9, 1}, {5, 1}}, pending{})},
        {"not unique", image_of(runs{{5, 3}, {7, 1}}, pending{})},
        {"pending: page 0", image_of(runs{}, pending{{0, 1, 1, 2}})},
        {"pending: beyond the file", image_of(runs{}, pending{{100, 1, 1, 2}})},
        {"pending: wraps around", image_of(runs{}, pending{{5, ~std::uint64_t{0}, 1, 2}})},
        {"pending: empty run", image_of(runs{}, pending{{5, 0, 1, 2}})},
        {"pending: not sorted", image_of(runs{}, pending{{9, 1, 1, 2}, {5, 1, 1, 2}})},
        {"pending: not unique", image_of(runs{}, pending{{5, 2, 1, 2}, {6, 1, 1, 2}})},
        {"pending and free", image_of(runs{{5, 9}}, pending{{13, 2, 1, 2}})},
        {"retired when born", image_of(runs{}, pending{{5, 1, 2, 2}})},
        {"retired before born", image_of(runs{}, pending{{5, 1, 3, 2}})},
        {"retired at 0", image_of(runs{}, pending{{5, 1, 0, 0}})},
        {"retired after the meta", image_of(runs{}, pending{{5, 1, 1, 51}})},
        {"runs that touch", image_of(runs{{5, 2}, {7, 1}}, pending{})},
        {"bitmap: a meta is free", bitmap_of({0b10}, 1, 1)},
        {"bitmap: the page behind the last", bitmap_of({0, std::uint64_t{1} << 36}, 1, 1)},
        {"bitmap: beyond the file", bitmap_of({0, 0, 1}, 1, 1)},
        {"bitmap: fewer pages than counted", bitmap_of({0b11100}, 1, 4)},
        {"bitmap: more runs than counted", bitmap_of({0b10100}, 1, 2)},
    };
    const std::vector<std::byte> good = image_of(runs{{5, 3}, {20, 1}}, pending{{30, 2, 1, 50}});
    for (std::size_t size = 0; size < good.size(); ++size) {
        rows.push_back(
            {"cut", std::vector<std::byte>(good.begin(), good.begin() + static_cast<long>(size))});
    }
    for (std::size_t field = 0; field < 5; ++field) {
        for (const std::uint64_t value :
             {std::uint64_t{3}, ~std::uint64_t{0}, std::uint64_t{1} << 60}) {
            rows.push_back({"header field", good});
            std::memcpy(rows.back().image.data() + 8 * field, &value, sizeof value);
        }
    }
    rows.push_back({"bytes behind", good});
    rows.back().image.push_back(std::byte{0});
    for (std::size_t i = 0; i < rows.size(); ++i) {
        BOOST_TEST_CONTEXT("row " << i << ": " << rows[i].what) {
            free_space space;
            space.reset(2, 100);
            BOOST_CHECK_EXCEPTION(space.load(rows[i].image, 50), pinyon::error, is_corrupt);
        }
    }
    free_space space;
    space.reset(2, 100);
    space.load(good, 50);
    BOOST_TEST(space.free_pages() == 4u);
    BOOST_TEST(space.held_pages() == 2u);
}

BOOST_AUTO_TEST_CASE(random_bytes_as_an_image_do_no_harm) {
    const std::vector<std::byte> good =
        image_of({{5, 3}, {20, 1}}, {{30, 2, 1, 50}, {40, 2, 3, 50}});
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        std::mt19937_64 random(seed);
        std::vector<std::byte> image = good;
        for (unsigned i = 0; i < 1 + seed % 3; ++i) {
            image[random() % image.size()] = static_cast<std::byte>(random());
        }
        free_space space;
        space.reset(2, 100);
        try {
            space.load(image, 50);
            keep(space, {49, 50});
            BOOST_TEST(space.free_pages() + space.held_pages() <= 98u);
        } catch (const pinyon::error& failure) { BOOST_TEST(is_corrupt(failure), "seed " << seed); }
    }
}

}  // namespace
