// No cache: every visit reads and verifies.
#define BOOST_TEST_MODULE direct_source
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <random>
#include <vector>

#include "pinyon/mmap/direct_source.hpp"
#include "pinyon/mmap/memory_file.hpp"
#include "support/errors.hpp"
#include "support/paged_file.hpp"
#include "support/simulated_disk.hpp"

namespace {

using namespace pinyon;
using io::direct_source;
using io::page_number;
using io::residency;
using test::code_of;

struct fixture {
    explicit fixture(std::uint64_t pages = 300, std::uint32_t page_bytes = 4096)
        : store(files, "data", pages, page_bytes),
          source(io::make_direct_source(*store.file, warden, page_bytes)) {
        source->set_limit(pages);
    }

    io::page_view fetch(page_number page) { return source->fetch(store.reference(page)); }

    io::memory_file_system files;
    test::paged_file store;
    test::counting_warden warden;
    std::unique_ptr<io::page_source> source;
};

BOOST_AUTO_TEST_CASE(each_visit_reads_and_verifies) {
    for (const std::uint32_t page_bytes : {4096u, 16384u}) {
        BOOST_TEST_CONTEXT("page bytes " << page_bytes) {
            fixture f(300, page_bytes);
            for (int round = 0; round < 4; ++round) {
                for (page_number page = 2; page < 12; ++page) {
                    BOOST_REQUIRE(test::holds(f.fetch(page).data, page, 0, page_bytes));
                }
            }
            const io::source_statistics s = f.source->statistics();
            BOOST_TEST(s.reads == 40u);
            BOOST_TEST(s.misses == 40u);
            BOOST_TEST(s.bytes_read == 40u * page_bytes);
            BOOST_TEST(f.warden.admissions == 40u);
            BOOST_TEST(s.frames == 10u);
        }
    }
}

BOOST_AUTO_TEST_CASE(reading_ahead_asks_for_pages_of_the_file_alone) {
    io::memory_file_system files;
    test::simulated_disk disk(files);
    test::paged_file store(disk, "data", 300);
    test::counting_warden warden;
    const auto source = io::make_direct_source(*store.file, warden, 4096);
    disk.forget();
    source->prefetch(std::vector<page_number>{40, 12, 41, 300, ~page_number{0}});
    const std::vector<test::disk_event> asked = disk.trace();
    BOOST_REQUIRE_EQUAL(asked.size(), 2u);
    BOOST_TEST((asked[0].call == test::disk_call::will_need));
    BOOST_TEST(asked[0].offset == 12u * 4096);
    BOOST_TEST(asked[1].offset == 40u * 4096);
    BOOST_TEST(asked[1].size == 2u * 4096);
    BOOST_TEST(source->statistics().prefetches == 3u);
}

BOOST_AUTO_TEST_CASE(damage_is_found_at_once) {
    fixture f;
    (void)f.fetch(9);
    const std::byte wrong[1] = {std::byte{0x77}};
    f.store.file->write(9 * 4096 + 2000, wrong);
    BOOST_TEST(code_of([&] { f.fetch(9); }) == errc::corrupt);
    BOOST_TEST(code_of([&] { f.fetch(9); }) == errc::corrupt);
    BOOST_TEST(test::holds(f.fetch(10).data, 10, 0, 4096));
}

BOOST_AUTO_TEST_CASE(wrong_references_and_short_files) {
    fixture f;
    for (const page_number page :
         {page_number{0}, page_number{1}, page_number{300}, ~page_number{0}}) {
        BOOST_TEST_CONTEXT("page " << page) {
            const io::page_reference reference{page, 1, 0, 0, residency::leaf};
            BOOST_TEST(code_of([&] { (void)f.source->fetch(reference); }) == errc::corrupt);
        }
    }
    // A limit beyond the file it was opened with, and a file that was cut since.
    f.source->set_limit(1000);
    BOOST_TEST(code_of([&] {
                   (void)f.source->fetch({500, 1, 0, 0, residency::leaf});
               }) == errc::corrupt);
    f.store.file->truncate(100 * 4096 + 10);
    BOOST_TEST(code_of([&] { f.fetch(100); }) == errc::truncated);
    BOOST_TEST(code_of([&] { f.fetch(200); }) == errc::truncated);
    BOOST_TEST(test::holds(f.fetch(99).data, 99, 0, 4096));
}

BOOST_AUTO_TEST_CASE(it_does_not_write) {
    fixture f;
    BOOST_TEST(code_of([&] {
                   (void)f.source->create(9, residency::leaf, f.store.content(9, 1));
               }) == errc::misuse);
    BOOST_TEST(code_of([&] { (void)f.source->writable(f.store.reference(9)); }) == errc::misuse);
    f.source->relieve();
    f.source->publish();
    f.source->flush();
    f.source->forget({9, 1});
    BOOST_TEST(f.source->statistics().writes == 0u);
}

// Consecutive pages stand side by side, so that a value of many pages is one view.
BOOST_AUTO_TEST_CASE(pages_stand_at_their_places) {
    fixture f;
    const std::byte* first = f.fetch(20).data;
    for (page_number page = 20; page < 120; ++page) {
        BOOST_REQUIRE(f.fetch(page).data == first + (page - 20) * 4096);
    }
    for (page_number page = 20; page < 120; ++page) {
        BOOST_REQUIRE(test::holds(first + (page - 20) * 4096, page, 0, 4096));
    }
}

BOOST_AUTO_TEST_CASE(a_view_lasts_for_the_ring) {
    constexpr page_number pages = direct_source::ring_pages + 200;
    fixture f(pages);
    const io::page_view view = f.fetch(2);
    for (page_number page = 3; page < 2 + direct_source::ring_pages; ++page) {
        (void)f.fetch(page);
    }
    BOOST_TEST(f.source->unchanged(view));
    BOOST_TEST(test::holds(view.data, 2, 0, 4096));
    BOOST_TEST(f.source->statistics().evictions == 0u);
    (void)f.fetch(2 + direct_source::ring_pages);
    BOOST_TEST(!f.source->unchanged(view));
    BOOST_TEST(f.source->statistics().evictions == 1u);
    BOOST_TEST(f.source->statistics().frames == direct_source::ring_pages);
    BOOST_TEST(f.source->statistics().frames_max == direct_source::ring_pages);
    BOOST_TEST(test::holds(f.fetch(2).data, 2, 0, 4096));
}

BOOST_AUTO_TEST_CASE(pinned_pages_and_pages_visited_again_stay) {
    constexpr page_number pages = 3 * direct_source::ring_pages;
    fixture f(pages);
    const io::pin_guard pin = f.source->pin(f.store.reference(2));
    const io::page_view often = f.fetch(3);
    for (page_number page = 4; page < pages; ++page) {
        (void)f.fetch(page);
        if (page % 1000 == 0) { (void)f.fetch(3); }
    }
    BOOST_TEST(test::holds(pin.data(), 2, 0, 4096));
    BOOST_TEST(f.source->unchanged(often));
    BOOST_TEST(f.source->statistics().frames <= direct_source::ring_pages);
    f.source->evict_all();
    BOOST_TEST(f.source->statistics().frames == 1u);
    BOOST_TEST(test::holds(pin.data(), 2, 0, 4096));
    BOOST_TEST(test::holds(f.fetch(3).data, 3, 0, 4096));
}

BOOST_AUTO_TEST_CASE(frames_agree_with_random_visits) {
    constexpr page_number pages = 2 * direct_source::ring_pages;
    fixture f(pages);
    std::minstd_rand random(4);
    std::vector<std::uint64_t> last(pages);
    constexpr std::uint64_t visits = 3 * direct_source::ring_pages;
    for (std::uint64_t visit = 1; visit <= visits; ++visit) {
        const page_number page = 2 + random() % (pages - 2);
        BOOST_REQUIRE_EQUAL(test::word_at(f.fetch(page).data, 8), page);
        last[page] = visit;
    }
    std::uint64_t expected = 0;
    for (const std::uint64_t visit : last) {
        expected += visit + direct_source::ring_pages > visits && visit != 0 ? 1u : 0u;
    }
    BOOST_TEST(f.source->statistics().frames == expected);
}

}  // namespace
