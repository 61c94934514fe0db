// The raw mapping: the same interface, nothing evicted, each page verified once per open and after
// each change.
#define BOOST_TEST_MODULE raw_mapping
#include <boost/test/unit_test.hpp>

#include <sys/mman.h>

#include <cstdint>
#include <span>
#include <vector>

#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/mmap/raw_mapping.hpp"
#include "support/errors.hpp"
#include "support/paged_file.hpp"

namespace {

using namespace pinyon;
using io::page_number;
using io::residency;
using test::code_of;

struct fixture {
    explicit fixture(std::uint64_t pages = 400, bool read_only = false,
                     std::uint32_t page_bytes = 4096)
        : store(files, "data", pages, page_bytes),
          source(io::make_raw_mapping(*store.file, files, warden, page_bytes, read_only)) {
        source->set_limit(pages);
    }

    io::page_view fetch(page_number page) {
        source->count_visits(1);
        return source->fetch(store.reference(page));
    }
    std::byte* create(page_number page, std::uint32_t version) {
        return source->create(page, residency::leaf, store.content(page, version));
    }
    [[nodiscard]] bool file_holds(page_number page, std::uint32_t version) {
        std::vector<std::byte> bytes(store.page_bytes);
        return store.file->read(page * store.page_bytes, bytes) == bytes.size() &&
               test::holds(bytes.data(), page, version, store.page_bytes);
    }

    // How many of these pages the medium is asked for.
    [[nodiscard]] std::uint64_t asked(std::span<const page_number> pages) {
        const std::uint64_t before = source->statistics().prefetches;
        source->prefetch(pages);
        return source->statistics().prefetches - before;
    }

    io::memory_file_system files;
    test::paged_file store;
    test::counting_warden warden;
    std::unique_ptr<io::page_source> source;
};

BOOST_AUTO_TEST_CASE(a_page_is_admitted_once) {
    for (const std::uint32_t page_bytes : {4096u, 16384u}) {
        for (const bool read_only : {false, true}) {
            BOOST_TEST_CONTEXT("page bytes " << page_bytes << " read only " << read_only) {
                fixture f(400, read_only, page_bytes);
                for (int round = 0; round < 3; ++round) {
                    for (page_number page = f.store.first_page(); page < 400; ++page) {
                        BOOST_REQUIRE(test::holds(f.fetch(page).data, page, 0, page_bytes));
                    }
                }
                const io::source_statistics s = f.source->statistics();
                BOOST_TEST(s.visits == 3 * (400 - f.store.first_page()));
                BOOST_TEST(s.misses == 400 - f.store.first_page());
                BOOST_TEST(s.reads == s.misses);
                BOOST_TEST(s.evictions == 0u);
                BOOST_TEST(s.frames_max == 0u);
                BOOST_TEST(f.warden.admissions == s.misses);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(wrong_references_are_corrupt) {
    fixture f;
    for (const page_number page :
         {page_number{0}, page_number{1}, page_number{400}, ~page_number{0}}) {
        BOOST_TEST_CONTEXT("page " << page) {
            const io::page_reference reference{page, 1, 0, 0, residency::leaf};
            BOOST_TEST(code_of([&] { (void)f.source->fetch(reference); }) == errc::corrupt);
        }
    }
    io::page_reference wrong = f.store.reference(5);
    wrong.checksum ^= 1;
    BOOST_TEST(code_of([&] { (void)f.source->fetch(wrong); }) == errc::corrupt);
    BOOST_TEST(code_of([&] { (void)f.source->fetch(wrong); }) ==
               errc::corrupt);  // the latch was given back
    wrong.checksum = 0;
    BOOST_TEST(code_of([&] { (void)f.source->fetch(wrong); }) == errc::corrupt);
    BOOST_TEST(test::holds(f.fetch(5).data, 5, 0, 4096));
}

BOOST_AUTO_TEST_CASE(private_pages_live_as_in_the_pool) {
    fixture f;
    const io::page_view old = f.fetch(50);
    f.source->forget({50, 1});
    BOOST_TEST(!f.source->unchanged(old));
    std::byte* data = f.create(50, 1);
    BOOST_TEST(f.file_holds(50, 1));
    BOOST_TEST(f.create(50, 2) == data);
    BOOST_TEST(test::holds(data, 50, 2, 4096));
    BOOST_TEST(f.source->fetch(f.store.reference(50)).data == data);
    f.source->relieve();
    f.store.seal(*f.source, 50);
    BOOST_TEST(f.source->dirty() == (io::page_run{50, 1}));
    f.source->flush();
    BOOST_TEST(f.source->statistics().flushes == 1u);
    f.source->publish();
    BOOST_TEST(code_of([&] { (void)f.source->writable(f.store.reference(50)); }) == errc::misuse);
    const std::uint64_t before = f.warden.admissions;
    BOOST_TEST(test::holds(f.fetch(50).data, 50, 2, 4096));
    BOOST_TEST(f.warden.admissions == before + 1);
    BOOST_TEST(f.file_holds(50, 2));

    // Aborted: forgotten while private, and then taken again.
    (void)f.create(60, 1);
    f.source->forget({60, 1});
    f.source->publish();
    (void)f.create(60, 3);
    f.store.seal(*f.source, 60);
    f.source->publish();
    BOOST_TEST(test::holds(f.fetch(60).data, 60, 3, 4096));
}

BOOST_AUTO_TEST_CASE(nothing_is_evicted) {
    fixture f;
    const io::page_view view = f.fetch(7);
    const io::pin_guard pin = f.source->pin(f.store.reference(7));
    BOOST_TEST(pin.data() == view.data);
    BOOST_TEST(f.source->statistics().pins == 1u);
    f.source->evict_all();
    BOOST_TEST(f.source->unchanged(view));
}

BOOST_AUTO_TEST_CASE(pages_that_were_never_visited_are_asked_for) {
    fixture f;
    const std::vector<page_number> pages{3, 4, 5, 9, 1000, ~page_number{0}};
    BOOST_TEST(f.asked(pages) == 4u);
    (void)f.fetch(4);
    BOOST_TEST(f.asked(pages) == 3u);
    BOOST_TEST(f.asked({}) == 0u);
}

BOOST_AUTO_TEST_CASE(visited_pages_are_asked_for_while_the_kernel_takes_them_away) {
    fixture f;
    std::vector<page_number> pages;
    for (page_number page = 100; page < 164; ++page) { pages.push_back(page); }
    const auto visit = [&] {
        for (const page_number page : pages) { (void)f.fetch(page); }
    };
    visit();
    for (unsigned batch = 0; batch != 200; ++batch) { BOOST_TEST(f.asked(pages) == 0u); }

    // As reclaim does: out of the page tables, while the mapping is told nothing.
    const std::byte* const first = f.fetch(100).data;
    BOOST_REQUIRE(::madvise(const_cast<std::byte*>(first), 64 * 4096, MADV_DONTNEED) == 0);
    BOOST_TEST(f.asked(pages) == 64u);
    for (const page_number page : pages) {
        BOOST_TEST(test::holds(f.fetch(page).data, page, 0, 4096));
    }
    unsigned batches = 0;
    while (f.asked(pages) == 64u && batches != 1000) { ++batches; }
    BOOST_TEST(batches == 64u);
    BOOST_TEST(f.asked(pages) == 0u);

    // One of them is noticed before each was looked at twice.
    BOOST_REQUIRE(::madvise(const_cast<std::byte*>(first) + 7 * 4096, 4096, MADV_DONTNEED) == 0);
    batches = 0;
    while (f.asked(pages) == 0u && batches != 1000) { ++batches; }
    BOOST_TEST(batches < 64u);
}

BOOST_AUTO_TEST_CASE(a_read_only_mapping_refuses_to_write) {
    fixture f(400, true);
    BOOST_TEST(code_of([&] { f.create(60, 1); }) == errc::read_only);
    BOOST_TEST(code_of([&] { (void)f.source->writable(f.store.reference(60)); }) ==
               errc::read_only);
    BOOST_TEST(code_of([&] { fixture().create(400, 1); }) == errc::misuse);
    BOOST_TEST(code_of([&] { (void)fixture().source->create(9, residency::leaf, {}); }) ==
               errc::misuse);
}

BOOST_AUTO_TEST_CASE(the_file_grows_beneath_it) {
    fixture f;
    f.store.file->grow(900 * 4096);
    BOOST_REQUIRE(f.source->limit_max() >= 800u);
    f.source->set_limit(900);
    (void)f.create(850, 1);
    f.source->flush();
    BOOST_TEST(f.file_holds(850, 1));
}

}  // namespace
