// What a pool asks of its file, and what it does when the file refuses: the error carries the page,
// nothing stays latched, entered or private that should not, and the same call succeeds once the
// disk is well.
#define BOOST_TEST_MODULE pool_fault
#include <boost/test/unit_test.hpp>

#include <cstdint>
#include <memory>
#include <vector>

#include "pinyon/mmap/buffer_pool.hpp"
#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/mmap/raw_mapping.hpp"
#include "support/errors.hpp"
#include "support/paged_file.hpp"
#include "support/simulated_disk.hpp"

namespace {

using namespace pinyon;
using io::page_number;
using io::residency;
using test::calls;
using test::code_of;
using test::disk_call;
using test::disk_fault;

constexpr io::page_reference unsealed(page_number page) { return {page, 0, 7, 0, residency::leaf}; }

struct fixture {
    explicit fixture(bool release = false, bool raw = false, std::uint64_t budget_pages = 40,
                     page_number pages = 400)
        : disk(beneath), store(disk, "data", pages) {
        if (raw) {
            source = io::make_raw_mapping(*store.file, disk, warden, 4096, false);
        } else {
            source = io::make_buffer_pool(
                *store.file, disk, warden, 4096,
                {budget_pages * 4096, release, false, false, io::view_choice::separate});
        }
        source->set_limit(pages);
        disk.forget();
    }

    void fail(disk_call call, disk_fault kind = disk_fault::io, std::uint64_t at = 0) {
        disk.plan({at, false, kind, calls(call)});
    }
    [[nodiscard]] std::vector<test::disk_event> traced(disk_call call) const {
        std::vector<test::disk_event> events;
        for (const test::disk_event& event : disk.trace()) {
            if (event.call == call) { events.push_back(event); }
        }
        return events;
    }
    [[nodiscard]] std::uint64_t frames() const { return source->statistics().frames; }
    io::page_view fetch(page_number page) { return source->fetch(store.reference(page)); }
    std::byte* create(page_number page, std::uint32_t version) {
        return source->create(page, residency::leaf, store.content(page, version));
    }

    io::memory_file_system beneath;
    test::simulated_disk disk;
    test::paged_file store;
    test::counting_warden warden;
    std::unique_ptr<io::page_source> source;
};

BOOST_AUTO_TEST_CASE(an_unreadable_page_is_an_error_that_names_it) {
    for (const bool raw : {false, true}) {
        BOOST_TEST_CONTEXT("raw " << raw) {
            fixture f(false, raw);
            f.fail(disk_call::populate);
            BOOST_CHECK_EXCEPTION((void)f.fetch(77), error, [](const error& failure) {
                return failure.kind() == errc::io && failure.page() == 77u;
            });
            BOOST_TEST(f.frames() == 0u);
            BOOST_TEST(f.warden.admissions == 0u);
            BOOST_TEST(test::holds(f.fetch(77).data, 77, 0, 4096));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_create_that_fails_leaves_a_free_page) {
    for (const bool raw : {false, true}) {
        for (const disk_call call : {disk_call::write, disk_call::populate}) {
            if (raw && call == disk_call::populate) { continue; }  // it maps lazily
            BOOST_TEST_CONTEXT("raw " << raw << ", " << name(call)) {
                fixture f(false, raw);
                (void)f.fetch(60);
                f.source->forget({60, 1});
                f.fail(call, disk_fault::no_space);
                const errc expected = call == disk_call::write ? errc::no_space : errc::io;
                BOOST_CHECK_EXCEPTION((void)f.create(60, 1), error, [&](const error& failure) {
                    return failure.kind() == expected;
                });
                BOOST_TEST(code_of([&] { (void)f.source->writable(unsealed(60)); }) ==
                           errc::misuse);
                std::byte* data = f.create(60, 2);
                BOOST_TEST(test::holds(data, 60, 2, 4096));
                f.store.seal(*f.source, 60);
                f.source->publish();
                BOOST_TEST(test::holds(f.fetch(60).data, 60, 2, 4096));
                f.source->evict_all();
                BOOST_TEST(f.frames() == 0u);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_private_page_that_cannot_return_stays_private) {
    fixture f;
    for (page_number page = 100; page < 150; ++page) {
        (void)f.create(page, 1);
        f.source->relieve();
    }
    const std::uint64_t before = f.frames();
    f.fail(disk_call::populate);
    BOOST_TEST(code_of([&] { (void)f.source->writable(unsealed(100)); }) == errc::io);
    BOOST_TEST(f.frames() == before);
    BOOST_TEST(test::holds(f.source->writable(unsealed(100)), 100, 1, 4096));
}

BOOST_AUTO_TEST_CASE(a_failed_flush_keeps_the_span) {
    fixture f;
    (void)f.create(60, 1);
    f.fail(disk_call::flush);
    BOOST_TEST(code_of([&] { f.source->flush(); }) == errc::io);
    BOOST_TEST(f.source->dirty() == (io::page_run{60, 1}));
    BOOST_TEST(f.source->statistics().flushes == 0u);
}

// One msync for all that changed, wherever it was, page-aligned.
BOOST_AUTO_TEST_CASE(a_flush_is_one_call_over_the_dirty_span) {
    fixture f;
    for (const page_number page : {300u, 20u, 110u}) { (void)f.create(page, 1); }
    f.source->mark_dirty({390, 5});
    f.source->set_limit(393);  // what lies beyond does not exist
    f.source->flush();
    const std::vector<test::disk_event> flushes = f.traced(disk_call::flush);
    BOOST_REQUIRE_EQUAL(flushes.size(), 1u);
    BOOST_TEST(flushes[0].offset == 20u * 4096);
    BOOST_TEST(flushes[0].size == (393u - 20u) * 4096);
}

BOOST_AUTO_TEST_CASE(only_a_page_new_to_the_writer_is_written_past_the_view) {
    fixture f;
    for (std::uint32_t version = 1; version < 5; ++version) {
        (void)f.create(60, version);
        f.source->forget({60, 1});
    }
    BOOST_TEST(f.traced(disk_call::write).size() == 1u);
    f.source->publish();
    (void)f.create(60, 9);
    BOOST_TEST(f.traced(disk_call::write).size() == 1u);
    f.source->publish();
    f.source->evict_all();
    (void)f.create(60, 10);
    BOOST_TEST(f.traced(disk_call::write).size() == 2u);
    for (const test::disk_event& event : f.traced(disk_call::write)) {
        BOOST_TEST(event.offset == 60u * 4096);
        BOOST_TEST(event.size == 4096u);  // whole, so nothing is read first
    }
    BOOST_TEST(f.traced(disk_call::read).empty());
}

// As many pages as a tree under updates goes round in stay in the writable view, until frames are
// needed; then those that came first go.
BOOST_AUTO_TEST_CASE(a_third_of_the_frames_stays_writable) {
    fixture f(false, false, 1000);
    const auto update = [&f](page_number first, page_number end, std::uint32_t version) {
        for (page_number page = first; page < end; ++page) { (void)f.create(page, version); }
        f.source->publish();
    };
    for (page_number page = 2; page < 302; page += 50) { update(page, page + 50, 1); }
    BOOST_TEST(f.traced(disk_call::write).size() == 300u);
    for (page_number page = 2; page < 302; page += 50) { update(page, page + 50, 2); }
    BOOST_TEST(f.traced(disk_call::write).size() == 300u);
    BOOST_TEST(f.traced(disk_call::unmap).empty());
    update(302, 352, 1);
    BOOST_TEST(!f.traced(disk_call::unmap).empty());
}

BOOST_AUTO_TEST_CASE(frames_that_are_needed_come_from_the_writable_view_first) {
    fixture f(false, false, 200);
    for (page_number page = 2; page < 52; ++page) { (void)f.create(page, 1); }
    f.source->publish();
    const std::uint64_t before = f.frames();
    BOOST_TEST(before == 50u);
    for (page_number page = 100; page < 300; ++page) { (void)f.fetch(page); }
    BOOST_TEST(f.source->statistics().evictions < 60u);
    for (page_number page = 2; page < 52; ++page) { (void)f.create(page, 2); }
    f.source->publish();
    BOOST_TEST(f.frames() > before);
}

BOOST_AUTO_TEST_CASE(reading_ahead_merges_neighbours) {
    fixture f;
    const std::vector<page_number> pages{50, 12, 51, 13, 52, 90, 12};
    f.source->prefetch(pages);
    const std::vector<test::disk_event> asked = f.traced(disk_call::will_need);
    BOOST_REQUIRE_EQUAL(asked.size(), 3u);
    BOOST_TEST(asked[0].offset == 12u * 4096);
    BOOST_TEST(asked[0].size == 2u * 4096);
    BOOST_TEST(asked[1].offset == 50u * 4096);
    BOOST_TEST(asked[1].size == 3u * 4096);
    BOOST_TEST(asked[2].offset == 90u * 4096);
}

BOOST_AUTO_TEST_CASE(a_cold_file_is_read_around_its_misses) {
    fixture f(false, false, 1000);
    // A few lookups, or a walk over inner nodes: of 2 MiB of a tree 3 to 5 are inner.
    for (const page_number page : {20u, 300u, 21u, 60u, 310u, 22u, 80u}) { (void)f.fetch(page); }
    BOOST_TEST(f.traced(disk_call::will_need).empty());
    (void)f.fetch(90);
    for (page_number page = 100; page < 200; ++page) { (void)f.fetch(page); }
    const std::vector<test::disk_event> asked = f.traced(disk_call::will_need);
    BOOST_REQUIRE_EQUAL(asked.size(), 1u);  // all of the file is one piece
    BOOST_TEST(asked[0].offset == 2u * 4096);
    BOOST_TEST(asked[0].size == 398u * 4096);
    BOOST_TEST(f.source->statistics().prefetches == 398u);
    f.source->evict_all();  // it may have left the page cache as well
    for (page_number page = 200; page < 300; ++page) { (void)f.fetch(page); }
    BOOST_TEST(f.traced(disk_call::will_need).size() == 2u);
}

// A piece is 512 pages; there are frames for one, and for less than two.
BOOST_AUTO_TEST_CASE(no_more_is_read_around_misses_than_there_are_frames) {
    for (const bool release : {false, true}) {
        BOOST_TEST_CONTEXT("release " << release) {
            fixture f(release, false, 900, 2000);
            for (page_number page = 1990; page > 10; --page) { (void)f.fetch(page); }
            const std::vector<test::disk_event> asked = f.traced(disk_call::will_need);
            BOOST_REQUIRE_EQUAL(asked.size(), release ? 0u : 1u);
            if (release) { continue; }
            BOOST_TEST(asked[0].offset == 1536u * 4096);
            BOOST_TEST(asked[0].size == 464u * 4096);
        }
    }
    fixture small;
    for (page_number page = 20; page < 399; ++page) { (void)small.fetch(page); }
    BOOST_TEST(small.traced(disk_call::will_need).empty());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_around_is_read_when_it_is_needed) {
    fixture f(false, false, 1000);
    f.disk.observe([](const test::disk_event& event) {
        if (event.call == disk_call::will_need) { raise(errc::io, "no advice is taken here"); }
    });
    for (page_number page = 20; page < 60; ++page) {
        BOOST_TEST(test::holds(f.fetch(page).data, page, 0, 4096));
    }
    BOOST_TEST(f.source->statistics().prefetches == 0u);
    BOOST_TEST(f.frames() == 40u);
}

BOOST_AUTO_TEST_CASE(release_drops_what_leaves_from_the_cache) {
    for (const bool release : {false, true}) {
        BOOST_TEST_CONTEXT("release " << release) {
            fixture f(release);
            for (page_number page = 2; page < 102; ++page) { (void)f.fetch(page); }
            std::uint64_t dropped = 0;
            for (const test::disk_event& event : f.traced(disk_call::drop_cache)) {
                dropped += event.size / 4096;
            }
            BOOST_TEST(dropped == (release ? f.source->statistics().evictions : 0u));
            f.disk.forget();
            (void)f.create(200, 1);
            (void)f.create(209, 1);
            f.source->flush();
            f.source->publish();
            const std::vector<test::disk_event> drops = f.traced(disk_call::drop_cache);
            std::uint64_t span = 0;
            for (const test::disk_event& event : drops) { span = std::max(span, event.size); }
            BOOST_TEST(span == (release ? 10u * 4096 : 0u));
        }
    }
}

// The evictor leaves a page alone while it is coming in.
BOOST_AUTO_TEST_CASE(a_page_coming_in_is_not_evicted) {
    fixture f;
    bool inside = false;
    f.disk.observe([&](const test::disk_event& event) {
        if (event.call == disk_call::populate && !inside) {
            inside = true;
            f.source->evict_all();
        }
    });
    (void)f.fetch(30);
    BOOST_TEST(inside);
    BOOST_TEST(f.frames() == 1u);
    const std::uint64_t admissions = f.warden.admissions;
    (void)f.fetch(30);
    BOOST_TEST(f.warden.admissions == admissions);
}

// Addresses are short: the views shrink, down to twice the file and no further.
BOOST_AUTO_TEST_CASE(the_reservation_is_halved_until_it_succeeds) {
    io::memory_file_system beneath;
    test::simulated_disk disk(beneath);
    test::paged_file store(disk, "data", 400);
    test::counting_warden warden;
    const io::pool_options options{std::uint64_t{40} * 4096, false, false, false,
                                   io::view_choice::separate};
    disk.plan({0, false, disk_fault::io, calls(disk_call::map)});
    auto source = io::make_buffer_pool(*store.file, disk, warden, 4096, options);
    BOOST_TEST(source->limit_max() == (std::uint64_t{1} << 39) / 4096);
    source.reset();
    disk.plan({0, true, disk_fault::io, calls(disk_call::map)});
    BOOST_CHECK_EXCEPTION((void)io::make_buffer_pool(*store.file, disk, warden, 4096, options),
                          error, [](const error& failure) {
                              return failure.kind() == errc::no_space &&
                                     std::string(failure.what()).find("reopen") !=
                                         std::string::npos;
                          });
}

}  // namespace
