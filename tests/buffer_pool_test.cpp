// The pool: what it counts, what it evicts and when, what it verifies, and the life of a private
// page.
#define BOOST_TEST_MODULE buffer_pool
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "pinyon/mmap/buffer_pool.hpp"
#include "pinyon/mmap/memory_file.hpp"
#include "support/errors.hpp"
#include "support/paged_file.hpp"

namespace {

using namespace pinyon;
using io::page_number;
using io::residency;
using test::code_of;

struct fixture {
    explicit fixture(std::uint64_t pages = 400, io::pool_options options = exact(64),
                     std::uint32_t page_bytes = 4096)
        : store(files, "data", pages, page_bytes),
          source(io::make_buffer_pool(*store.file, files, warden, page_bytes, options)) {
        source->set_limit(pages);
    }

    // Room for about `frames` frames and two page tables of each view.
    [[nodiscard]] static io::pool_options exact(std::uint64_t frames) {
        return {(frames + 3) * 4096 * 32 / 31 + 4096, false, true, false, io::view_choice_default};
    }
    [[nodiscard]] static io::pool_options lazy(std::uint64_t frames) {
        io::pool_options options = exact(frames);
        options.exact_lru = false;
        return options;
    }

    io::page_view fetch(page_number page, residency kind = residency::leaf) {
        source->count_visits(1);
        return source->fetch(store.reference(page, kind));
    }
    [[nodiscard]] bool resident(page_number page) {
        const std::uint64_t before = warden.admissions;
        (void)source->fetch(store.reference(page));
        return warden.admissions == before;
    }
    std::byte* create(page_number page, std::uint32_t version) {
        return source->create(page, residency::leaf, store.content(page, version));
    }
    [[nodiscard]] std::vector<std::byte> stored(page_number page) {
        std::vector<std::byte> bytes(store.page_bytes);
        BOOST_REQUIRE_EQUAL(store.file->read(page * store.page_bytes, bytes), bytes.size());
        return bytes;
    }

    io::memory_file_system files;
    test::paged_file store;
    test::counting_warden warden;
    std::unique_ptr<io::page_source> source;
};

BOOST_AUTO_TEST_CASE(hits_and_misses_are_counted) {
    fixture f;
    for (int round = 0; round < 3; ++round) {
        for (page_number page = 10; page < 30; ++page) {
            const io::page_view view = f.fetch(page);
            BOOST_TEST(view.page == page);
            BOOST_TEST(test::holds(view.data, page, 0, 4096));
            BOOST_TEST(f.source->unchanged(view));
        }
    }
    const io::source_statistics s = f.source->statistics();
    BOOST_TEST(s.visits == 60u);
    BOOST_TEST(s.misses == 20u);
    BOOST_TEST(s.hits() == 40u);
    BOOST_TEST(s.reads == 20u);
    BOOST_TEST(s.bytes_read == 20u * 4096);
    BOOST_TEST(s.frames == 20u);
    BOOST_TEST(s.evictions == 0u);
    BOOST_TEST(f.warden.admissions == 20u);  // once a residency, not once a visit
}

BOOST_AUTO_TEST_CASE(larger_pages) {
    for (const std::uint32_t page_bytes : {4096u, 8192u, 16384u, 32768u}) {
        BOOST_TEST_CONTEXT("page bytes " << page_bytes) {
            io::pool_options options = fixture::lazy(64);
            options.budget_bytes *= page_bytes / 4096;
            fixture f(300, options, page_bytes);
            for (page_number page = f.store.first_page(); page < 300; ++page) {
                BOOST_REQUIRE(test::holds(f.fetch(page).data, page, 0, page_bytes));
            }
            const io::source_statistics s = f.source->statistics();
            BOOST_TEST(s.misses == 300u - f.store.first_page());
            BOOST_TEST(s.evictions >= s.misses - s.frames_max);
            BOOST_TEST(s.frames_peak <= s.frames_max);
            const std::uint64_t used = dynamic_cast<io::buffer_pool&>(*f.source).used_bytes();
            BOOST_TEST(used <= options.budget_bytes);
        }
    }
}

BOOST_AUTO_TEST_CASE(references_outside_the_file_are_corrupt) {
    fixture f;
    for (const page_number page : {page_number{0}, page_number{1}, page_number{400},
                                   page_number{1} << 40, ~page_number{0}}) {
        BOOST_TEST_CONTEXT("page " << page) {
            const io::page_reference reference{page, 1, 0, 0, residency::leaf};
            BOOST_TEST(code_of([&] { (void)f.source->fetch(reference); }) == errc::corrupt);
            BOOST_TEST(code_of([&] { (void)f.source->pin(reference); }) == errc::corrupt);
            f.source->prefetch({&page, 1});
        }
    }
    BOOST_TEST(f.source->statistics().pins == 0u);
    BOOST_TEST(f.source->statistics().prefetches == 0u);
}

// Used longest ago goes first, to the single access, against a plain list.
BOOST_AUTO_TEST_CASE(eviction_order_agrees_with_a_plain_list) {
    for (std::uint32_t seed = 1; seed <= 5; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            fixture f;
            std::minstd_rand random(seed);
            std::deque<page_number> model;
            for (int step = 0; step < 4000; ++step) {
                const page_number page = 2 + (random() % 4 == 0 ? random() % 398 : random() % 80);
                const auto place = std::find(model.begin(), model.end(), page);
                const bool hit = place != model.end();
                const std::uint64_t misses = f.source->statistics().misses;
                const std::uint64_t evictions = f.source->statistics().evictions;
                (void)f.fetch(page);
                BOOST_REQUIRE_EQUAL(f.source->statistics().misses - misses, hit ? 0u : 1u);
                if (hit) { model.erase(place); }
                model.push_back(page);
                const std::uint64_t gone = f.source->statistics().evictions - evictions;
                for (std::uint64_t i = 0; i < gone; ++i) { model.pop_front(); }
                BOOST_REQUIRE_EQUAL(f.source->statistics().frames, model.size());
            }
            BOOST_TEST(f.source->statistics().evictions > 500u);
        }
    }
}

BOOST_AUTO_TEST_CASE(capacity_is_never_exceeded) {
    for (const std::uint64_t frames : {8u, 16u, 64u, 200u}) {
        for (const bool exact : {false, true}) {
            BOOST_TEST_CONTEXT("frames " << frames << " exact " << exact) {
                const io::pool_options options =
                    exact ? fixture::exact(frames) : fixture::lazy(frames);
                fixture f(400, options);
                for (page_number page = 2; page < 400; ++page) {
                    (void)f.fetch(page);
                    const std::uint64_t used =
                        dynamic_cast<io::buffer_pool&>(*f.source).used_bytes();
                    BOOST_REQUIRE_LE(used, options.budget_bytes);
                }
                const io::source_statistics s = f.source->statistics();
                BOOST_TEST(s.frames_peak <= s.frames_max);
                BOOST_TEST(s.frames_peak + 2 >= std::min(frames, s.frames_max));
            }
        }
    }
}

// More than one pass over more pages than the pool holds leaves what is used again and again.
BOOST_AUTO_TEST_CASE(a_scan_does_not_flush_the_hot_set) {
    fixture f(4000, fixture::lazy(200));
    for (int round = 0; round < 40; ++round) {
        for (page_number page = 2; page < 82; ++page) { (void)f.fetch(page); }
        const page_number cold = 100 + static_cast<page_number>(round) * 4;
        for (page_number page = cold; page < cold + 4; ++page) { (void)f.fetch(page); }
    }
    const std::uint64_t before = f.source->statistics().misses;
    for (page_number page = 1000; page < 3500; ++page) {
        (void)f.fetch(page);
        // The hot set is still in use, but so seldom that plain LRU would have let go of it.
        if (page % 150 == 0) {
            for (page_number hot = 2; hot < 82; ++hot) { (void)f.fetch(hot); }
        }
    }
    const std::uint64_t misses = f.source->statistics().misses - before;
    BOOST_TEST(misses >= 2500u);
    BOOST_TEST(misses < 2500u + 80u);
}

BOOST_AUTO_TEST_CASE(inner_pages_go_after_all_others) {
    fixture f;
    for (page_number page = 2; page < 32; ++page) { (void)f.fetch(page, residency::inner); }
    for (page_number page = 100; page < 300; ++page) {
        (void)f.fetch(page, page % 2 == 0 ? residency::leaf : residency::extent);
    }
    const std::uint64_t before = f.source->statistics().misses;
    for (page_number page = 2; page < 32; ++page) { (void)f.fetch(page, residency::inner); }
    BOOST_TEST(f.source->statistics().misses == before);
    // And they do go when nothing else is left.
    for (page_number page = 100; page < 300; ++page) { (void)f.fetch(page, residency::inner); }
    BOOST_TEST(f.source->statistics().frames <= f.source->statistics().frames_max);
}

BOOST_AUTO_TEST_CASE(a_pinned_page_stays) {
    fixture f;
    io::pin_guard pin = f.source->pin(f.store.reference(50));
    BOOST_TEST(static_cast<bool>(pin));
    BOOST_TEST(pin.page() == 50u);
    BOOST_TEST(test::holds(pin.data(), 50, 0, 4096));
    BOOST_TEST(f.source->statistics().pins == 1u);
    for (page_number page = 100; page < 399; ++page) { (void)f.fetch(page); }
    BOOST_TEST(f.resident(50));

    io::pin_guard moved = std::move(pin);
    BOOST_TEST(!pin);
    io::pin_guard second = f.source->pin(f.store.reference(50));
    moved.unpin();
    moved.unpin();
    f.source->evict_all();
    BOOST_TEST(f.resident(50));
    second = io::pin_guard();
    BOOST_TEST(f.source->statistics().pins == 0u);
    f.source->evict_all();
    BOOST_TEST(!f.resident(50));
}

BOOST_AUTO_TEST_CASE(pins_stop_short_of_the_reserve) {
    fixture f(400, fixture::exact(300));
    const std::uint64_t frames_max = f.source->statistics().frames_max;
    std::vector<io::pin_guard> pins;
    bool refused = false;
    for (page_number page = 2; page < 400 && !refused; ++page) {
        try {
            pins.push_back(f.source->pin(f.store.reference(page)));
        } catch (const error& failure) {
            BOOST_TEST(name(failure.kind()) == std::string("pool_exhausted"));
            refused = true;
        }
    }
    BOOST_TEST(refused);
    BOOST_TEST(f.source->statistics().pins == pins.size());
    BOOST_TEST(pins.size() <= frames_max - 64);
    BOOST_TEST(pins.size() >= frames_max - 70);  // page tables take a few
    // A second pin of a pinned page takes nothing.
    const io::pin_guard again = f.source->pin(f.store.reference(2));
    // Whatever is not pinned can still be read.
    for (page_number page = 2; page < 400; ++page) {
        BOOST_REQUIRE(test::holds(f.fetch(page).data, page, 0, 4096));
    }
    pins.clear();
    (void)f.source->pin(f.store.reference(399));
}

BOOST_AUTO_TEST_CASE(a_failed_pin_holds_nothing) {
    fixture f;
    io::page_reference wrong = f.store.reference(9);
    wrong.checksum ^= 1;
    BOOST_TEST(code_of([&] { (void)f.source->pin(wrong); }) == errc::corrupt);
    BOOST_TEST(f.source->statistics().pins == 0u);
    BOOST_TEST(f.source->statistics().frames == 0u);
    BOOST_TEST(test::holds(f.source->pin(f.store.reference(9)).data(), 9, 0, 4096));
}

BOOST_AUTO_TEST_CASE(a_rejected_page_is_unmapped_and_asked_for_again) {
    fixture f;
    io::page_reference wrong = f.store.reference(20);
    wrong.checksum ^= 0x100;
    for (int round = 0; round < 3; ++round) {
        BOOST_TEST(code_of([&] { (void)f.source->fetch(wrong); }) == errc::corrupt);
    }
    BOOST_TEST(f.source->statistics().frames == 0u);
    BOOST_TEST(test::holds(f.fetch(20).data, 20, 0, 4096));
    BOOST_TEST(f.warden.admissions == 4u);
}

BOOST_AUTO_TEST_CASE(a_reference_without_checksum_needs_the_table_s) {
    fixture f;
    const io::page_reference unsealed{30, 0, 7, 0, residency::leaf};
    BOOST_TEST(code_of([&] { (void)f.source->fetch(unsealed); }) == errc::corrupt);
    f.source->set_sum(30, f.store.sums[30] ^ 1);
    BOOST_TEST(code_of([&] { (void)f.source->fetch(unsealed); }) == errc::corrupt);
    f.source->set_sum(30, f.store.sums[30]);
    BOOST_TEST(test::holds(f.source->fetch(unsealed).data, 30, 0, 4096));
}

// Bytes that change beneath the map are found when the page comes in the next time, not before.
BOOST_AUTO_TEST_CASE(damage_is_found_at_the_next_admission) {
    fixture f;
    const io::page_view view = f.fetch(70);
    const std::vector<std::byte> good = f.stored(70);
    f.store.file->write(70 * 4096 + 100, test::paged_file(f.files, "other", 4).content(3, 9));
    (void)f.fetch(70);
    BOOST_TEST(f.source->unchanged(view));
    f.source->evict_all();
    BOOST_TEST(!f.source->unchanged(view));
    BOOST_TEST(code_of([&] { f.fetch(70); }) == errc::corrupt);
    f.store.file->write(70 * 4096, good);
    BOOST_TEST(test::holds(f.fetch(70).data, 70, 0, 4096));
}

BOOST_AUTO_TEST_CASE(a_view_tells_that_its_page_was_evicted_and_came_back) {
    fixture f;
    const io::page_view view = f.fetch(12);
    f.source->evict_all();
    BOOST_TEST(!f.source->unchanged(view));
    (void)f.fetch(12);
    BOOST_TEST(!f.source->unchanged(view));
    BOOST_TEST(test::holds(view.data, 12, 0, 4096));  // the address was never taken away
}

BOOST_AUTO_TEST_CASE(a_created_page_reaches_the_file_with_the_flush) {
    fixture f;
    std::byte* data = f.create(60, 1);
    BOOST_TEST(test::holds(data, 60, 1, 4096));
    test::fill_page(60, 2, {data, 4096});
    BOOST_TEST(f.source->fetch(f.store.reference(60)).data == data);
    BOOST_TEST(f.source->dirty() == (io::page_run{60, 1}));
    (void)f.create(90, 1);
    BOOST_TEST(f.source->dirty() == (io::page_run{60, 31}));
    f.store.seal(*f.source, 60);
    f.store.seal(*f.source, 90);
    f.source->flush();
    BOOST_TEST(f.source->dirty() == io::page_run{});
    f.source->publish();
    BOOST_TEST(test::holds(f.stored(60).data(), 60, 2, 4096));
    BOOST_TEST(test::holds(f.fetch(60).data, 60, 2, 4096));
    BOOST_TEST(test::holds(f.fetch(90).data, 90, 1, 4096));
    const io::source_statistics s = f.source->statistics();
    BOOST_TEST(s.writes == 2u);
    BOOST_TEST(s.bytes_written == 2u * 4096);
    BOOST_TEST(s.flushes == 1u);
    f.source->flush();  // nothing to do
    BOOST_TEST(f.source->statistics().flushes == 1u);
    f.source->mark_dirty({100, 0});
    BOOST_TEST(f.source->dirty() == io::page_run{});
    f.source->mark_dirty({100, 5});
    BOOST_TEST(f.source->dirty() == (io::page_run{100, 5}));
    BOOST_TEST(f.source->statistics().writes == 7u);
    f.source->mark_dirty({50, 1});
    BOOST_TEST(f.source->dirty() == (io::page_run{50, 55}));
}

BOOST_AUTO_TEST_CASE(only_private_pages_are_writable) {
    fixture f;
    BOOST_TEST(code_of([&] { (void)f.source->writable(f.store.reference(60)); }) == errc::misuse);
    BOOST_TEST(code_of([&] { f.create(1, 1); }) == errc::misuse);
    BOOST_TEST(code_of([&] { f.create(400, 1); }) == errc::misuse);
    BOOST_TEST(code_of([&] { (void)f.source->create(60, residency::leaf, {}); }) == errc::misuse);
    (void)f.create(60, 1);
    (void)f.source->writable(f.store.reference(60));
    f.source->publish();
    BOOST_TEST(code_of([&] { (void)f.source->writable(f.store.reference(60)); }) == errc::misuse);
    f.source->relieve();
}

BOOST_AUTO_TEST_CASE(a_read_only_pool_refuses_to_write) {
    io::pool_options options = fixture::exact(64);
    options.read_only = true;
    fixture f(400, options);
    for (page_number page = 2; page < 400; ++page) {
        BOOST_REQUIRE(test::holds(f.fetch(page).data, page, 0, 4096));
    }
    BOOST_TEST(code_of([&] { f.create(60, 1); }) == errc::read_only);
    BOOST_TEST(code_of([&] { (void)f.source->writable(f.store.reference(60)); }) ==
               errc::read_only);
    f.source->flush();
    f.source->evict_all();
    BOOST_TEST(f.source->statistics().frames == 0u);
}

// A transaction larger than the pool: its pages are sealed, go, and come back verified.
BOOST_AUTO_TEST_CASE(private_pages_are_written_back_and_return) {
    for (const io::view_choice views : {io::view_choice::separate, io::view_choice::one}) {
        for (const std::uint64_t frames : {16u, 64u}) {
            BOOST_TEST_CONTEXT("views " << static_cast<int>(views) << " frames " << frames) {
                io::pool_options options = fixture::exact(frames);
                options.views = views;
                fixture f(400, options);
                for (page_number page = 10; page < 310; ++page) {
                    (void)f.create(page, 1);
                    f.source->relieve();
                }
                io::source_statistics s = f.source->statistics();
                BOOST_TEST(s.write_backs > 300u - frames);
                BOOST_TEST(f.warden.seals == s.write_backs);
                BOOST_TEST(s.frames <= s.frames_max);
                const std::uint64_t admissions = f.warden.admissions;
                for (page_number page = 10; page < 310; ++page) {
                    const io::page_reference own{page, 0, 7, 0, residency::leaf};
                    BOOST_REQUIRE(test::holds(f.source->fetch(own).data, page, 1, 4096));
                    std::byte* data = f.source->writable(own);
                    BOOST_REQUIRE_EQUAL(f.source->sum(page), 0u);
                    test::fill_page(page, 2, {data, 4096});
                    f.source->relieve();
                }
                BOOST_TEST(f.warden.admissions - admissions >= 300u - frames);
                for (page_number page = 10; page < 310; ++page) {
                    f.store.seal(*f.source, page);
                    f.source->relieve();
                }
                f.source->flush();
                f.source->publish();
                f.source->evict_all();
                BOOST_TEST(f.source->statistics().frames == 0u);
                for (page_number page = 10; page < 310; ++page) {
                    BOOST_REQUIRE(test::holds(f.fetch(page).data, page, 2, 4096));
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_page_created_cold_takes_no_frame_until_it_is_used) {
    for (const io::view_choice views : {io::view_choice::separate, io::view_choice::one}) {
        BOOST_TEST_CONTEXT("views " << static_cast<int>(views)) {
            io::pool_options options = fixture::exact(16);
            options.views = views;
            fixture f(400, options);
            const auto create_cold = [&f](page_number page, std::uint32_t version) {
                std::vector<std::byte> content = f.store.content(page, version);
                const std::uint32_t sum = test::seal_page(page, content);
                f.source->create_cold(page, residency::leaf, content, sum);
                return io::page_reference{page, sum, 7, 0, residency::leaf};
            };
            // One that was mapped in an earlier life, and one that was private before.
            (void)f.fetch(10);
            (void)f.create(11, 1);
            f.source->forget({10, 2});
            const std::uint64_t frames = f.source->statistics().frames;
            std::vector<io::page_reference> made;
            for (page_number page = 10; page < 310; ++page) {
                made.push_back(create_cold(page, 2));
                f.source->relieve();
            }
            BOOST_TEST(f.source->statistics().frames == frames);
            BOOST_TEST(f.source->statistics().writes == 301u);
            BOOST_TEST(f.source->dirty() == (io::page_run{10, 300}));
            // Read and changed again in the same transaction.
            BOOST_TEST(test::holds(f.source->fetch(made[0]).data, 10, 2, 4096));
            BOOST_TEST(test::holds(f.source->fetch(made[1]).data, 11, 2, 4096));
            test::fill_page(12, 3, {f.source->writable(made[2]), 4096});
            BOOST_TEST(f.source->sum(12) == 0u);
            f.store.seal(*f.source, 12);
            const std::byte wrong[1] = {std::byte{0x5a}};
            f.store.file->write(13 * 4096 + 3000, wrong);
            BOOST_TEST(code_of([&] { (void)f.source->fetch(made[3]); }) == errc::corrupt);
            f.source->flush();
            f.source->publish();
            BOOST_TEST(code_of([&] { (void)f.source->fetch(made[3]); }) == errc::corrupt);
            BOOST_TEST(code_of([&] { (void)f.source->writable(made[4]); }) == errc::misuse);
            for (page_number page = 14; page < 310; ++page) {
                BOOST_REQUIRE(test::holds(f.source->fetch(made[page - 10]).data, page, 2, 4096));
            }
            BOOST_TEST(code_of([&] {
                           f.source->create_cold(400, residency::leaf, f.store.content(399, 1), 1);
                       }) == errc::misuse);
            BOOST_TEST(code_of([&] { f.source->create_cold(60, residency::leaf, {}, 1); }) ==
                       errc::misuse);
        }
    }
}

BOOST_AUTO_TEST_CASE(damage_to_a_written_back_private_page_is_found) {
    fixture f(400, fixture::exact(16));
    for (page_number page = 10; page < 60; ++page) {
        (void)f.create(page, 1);
        f.source->relieve();
    }
    const std::byte wrong[1] = {std::byte{0x5a}};
    f.store.file->write(10 * 4096 + 3000, wrong);
    // The writer's own sum counts, whatever an older parent says.
    BOOST_TEST(test::holds(f.source->fetch(f.store.reference(11)).data, 11, 1, 4096));
    const io::page_reference own{10, 0, 7, 0, residency::leaf};
    BOOST_TEST(code_of([&] { (void)f.source->fetch(own); }) == errc::corrupt);
    BOOST_TEST(code_of([&] { (void)f.source->writable(own); }) == errc::corrupt);
    // The transaction aborts, and the page is as good as any free one.
    f.source->forget({10, 50});
    f.source->publish();
    (void)f.create(10, 3);
    BOOST_TEST(test::holds(f.source->fetch(own).data, 10, 3, 4096));
}

BOOST_AUTO_TEST_CASE(publishing_unmaps_and_the_next_visit_verifies) {
    fixture f;
    for (page_number page = 59; page >= 20; --page) {
        (void)f.create(page, 1);
        f.store.seal(*f.source, page);
    }
    BOOST_TEST(f.source->statistics().frames == 40u);
    f.source->flush();
    f.source->publish();
    // The lowest numbers stay: they are the ones that a writer takes again.
    const std::uint64_t kept = f.source->frames_max() / 6;
    BOOST_REQUIRE(kept != 0u);
    BOOST_TEST(f.source->statistics().frames == kept);
    const std::uint64_t known = f.warden.admissions;
    for (page_number page = 20; page < 20 + kept; ++page) { (void)f.fetch(page); }
    BOOST_TEST(f.warden.admissions == known);
    f.source->evict_all();
    BOOST_TEST(f.source->statistics().frames == 0u);
    const std::uint64_t before = f.warden.admissions;
    for (page_number page = 20; page < 60; ++page) {
        const io::page_reference by_table{page, 0, 7, 0, residency::leaf};
        BOOST_REQUIRE(test::holds(f.source->fetch(by_table).data, page, 1, 4096));
    }
    BOOST_TEST(f.warden.admissions == before + 40);
}

// A few pages stay mapped for the next small transaction; what was sealed there is not read anew.
BOOST_AUTO_TEST_CASE(a_published_page_is_known_until_it_leaves_the_writable_view) {
    fixture f;
    for (std::uint32_t version = 1; version < 4; ++version) {
        (void)f.create(30, version);
        f.store.seal(*f.source, 30);
        f.source->flush();
        f.source->publish();
        io::page_reference wrong = f.store.reference(30);
        wrong.checksum ^= 1;
        BOOST_TEST(code_of([&] { (void)f.source->fetch(wrong); }) == errc::corrupt);
        const std::uint64_t before = f.warden.admissions;
        BOOST_TEST(test::holds(f.fetch(30).data, 30, version, 4096));
        BOOST_TEST(f.warden.admissions == before);
        f.source->forget({30, 1});
    }
    BOOST_TEST(!f.resident(30));
    // One that was published without a sum, and one that was evicted, are verified.
    (void)f.create(30, 4);
    f.store.seal(*f.source, 30);
    f.source->set_sum(30, 0);
    f.source->publish();
    BOOST_TEST(!f.resident(30));
    f.source->forget({30, 1});
    (void)f.create(30, 5);
    f.store.seal(*f.source, 30);
    f.source->publish();
    f.source->evict_all();
    BOOST_TEST(!f.resident(30));
}

BOOST_AUTO_TEST_CASE(a_forgotten_page_is_unknown) {
    fixture f;
    const io::page_view view = f.fetch(33);
    f.source->set_sum(33, f.store.sums[33]);
    f.source->forget({30, 10});
    BOOST_TEST(!f.source->unchanged(view));
    BOOST_TEST(f.source->sum(33) == 0u);
    const std::uint64_t before = f.warden.admissions;
    (void)f.fetch(33);
    BOOST_TEST(f.warden.admissions == before + 1);
    BOOST_TEST(!f.source->unchanged(view));  // it may be another page by now
    f.source->forget({0, 1000000});          // reaches beyond the limit: nothing there
}

BOOST_AUTO_TEST_CASE(a_forgotten_page_goes_before_all_others) {
    fixture f;
    page_number next = 10;
    while (f.source->statistics().evictions == 0) { (void)f.fetch(next++); }
    // Full, with page 10 gone and page 11 the oldest. The newest becomes nobody's.
    f.source->forget({next - 1, 1});
    (void)f.fetch(next);
    BOOST_TEST(f.source->statistics().evictions == 2u);
    BOOST_TEST(f.resident(11));
}

// Freed and taken again in one transaction, and over transactions, whichever view still maps it.
BOOST_AUTO_TEST_CASE(a_page_is_reused) {
    for (const io::view_choice views : {io::view_choice::separate, io::view_choice::one}) {
        BOOST_TEST_CONTEXT("views " << static_cast<int>(views)) {
            io::pool_options options = fixture::exact(32);
            options.views = views;
            fixture f(400, options);
            (void)f.fetch(50);  // mapped for reading when it is freed
            f.source->forget({50, 1});
            for (std::uint32_t version = 1; version < 6; ++version) {
                (void)f.create(50, version);
                BOOST_TEST(test::holds(f.stored(50).data(), 50, version, 4096));
                f.source->forget({50, 1});
            }
            std::byte* data = f.create(50, 6);
            BOOST_TEST(test::holds(data, 50, 6, 4096));
            f.store.seal(*f.source, 50);
            f.source->flush();
            f.source->publish();
            BOOST_TEST(test::holds(f.fetch(50).data, 50, 6, 4096));
            BOOST_TEST(test::holds(f.fetch(50, residency::inner).data, 50, 6, 4096));
            f.source->forget({50, 1});
            (void)f.source->fetch({50, f.store.sums[50], 9, 3, residency::inner});
            BOOST_REQUIRE_EQUAL(f.source->statistics().resident.size(), 1u);
            BOOST_TEST(f.source->statistics().resident[0].tree == 9u);
            BOOST_TEST(f.source->statistics().resident[0].pages == 1u);
            f.source->forget({50, 1});
            (void)f.create(50, 7);
            f.store.seal(*f.source, 50);
            f.source->publish();
            BOOST_TEST(test::holds(f.fetch(50).data, 50, 7, 4096));
            f.source->evict_all();
            BOOST_TEST(f.source->statistics().frames == 0u);
            BOOST_TEST(f.source->statistics().resident.empty());
            BOOST_TEST(dynamic_cast<io::buffer_pool&>(*f.source).used_bytes() == 0u);
        }
    }
}

// The reading mapping of a private page may go; the writer's stays.
BOOST_AUTO_TEST_CASE(eviction_leaves_the_writer_its_page) {
    for (const io::view_choice views : {io::view_choice::separate, io::view_choice::one}) {
        BOOST_TEST_CONTEXT("views " << static_cast<int>(views)) {
            io::pool_options options = fixture::exact(32);
            options.views = views;
            fixture f(400, options);
            for (page_number page = 50; page < 53; ++page) { (void)f.fetch(page); }
            f.source->forget({50, 2});
            (void)f.create(50, 1);
            (void)f.create(51, 1);
            BOOST_TEST(f.source->statistics().frames == (views == io::view_choice::one ? 3u : 5u));
            f.source->evict_all();
            BOOST_TEST(f.source->statistics().frames == 2u);
            const io::page_reference own{50, 0, 7, 0, residency::leaf};
            test::fill_page(50, 2, {f.source->writable(own), 4096});
            f.store.seal(*f.source, 50);
            f.source->publish();
            f.source->evict_all();
            BOOST_TEST(f.source->statistics().frames == 0u);
            BOOST_TEST(dynamic_cast<io::buffer_pool&>(*f.source).used_bytes() == 0u);
            BOOST_TEST(test::holds(f.fetch(50).data, 50, 2, 4096));
        }
    }
}

// An aborted transaction leaves pages in the writable view that are nobody's; readers get their
// room.
BOOST_AUTO_TEST_CASE(frames_of_forgotten_pages_are_reclaimed) {
    fixture f(400, fixture::exact(64));
    for (page_number page = 300; page < 360; ++page) { (void)f.create(page, 1); }
    f.source->forget({300, 60});
    for (page_number page = 2; page < 200; ++page) { (void)f.fetch(page); }
    const std::uint64_t before = f.source->statistics().misses;
    for (page_number page = 150; page < 200; ++page) { (void)f.fetch(page); }
    BOOST_TEST(f.source->statistics().misses == before);
    BOOST_TEST(f.source->statistics().frames <= f.source->statistics().frames_max);
}

BOOST_AUTO_TEST_CASE(a_sweep_finds_what_a_kept_view_mapped) {
    fixture f;
    std::vector<io::page_view> kept;
    for (page_number page = 10; page < 40; ++page) { kept.push_back(f.fetch(page)); }
    f.source->evict_all();
    auto& pool = dynamic_cast<io::buffer_pool&>(*f.source);
    const std::uint64_t before = f.source->statistics().swept;
    for (const io::page_view& view : kept) {
        BOOST_TEST(test::holds(view.data, view.page, 0, 4096));
    }
    pool.sweep();
    BOOST_TEST(f.source->statistics().swept >= before + kept.size());
    const std::uint64_t after = f.source->statistics().swept;
    pool.sweep();
    BOOST_TEST(f.source->statistics().swept == after);
    for (const io::page_view& view : kept) {
        BOOST_TEST(test::holds(view.data, view.page, 0, 4096));
    }
}

BOOST_AUTO_TEST_CASE(residency_is_told_by_tree_and_level) {
    fixture f;
    for (page_number page = 10; page < 15; ++page) { (void)f.fetch(page, residency::inner); }
    for (page_number page = 20; page < 40; ++page) { (void)f.fetch(page); }
    (void)f.source->fetch({50, f.store.sums[50], 3, 0, residency::extent});
    const std::vector<io::residency_count> counts = f.source->statistics().resident;
    BOOST_REQUIRE_EQUAL(counts.size(), 3u);
    BOOST_TEST(counts[0].tree == 3u);
    BOOST_TEST(counts[0].pages == 1u);
    BOOST_TEST(counts[1].level == 0u);
    BOOST_TEST(counts[1].pages == 20u);
    BOOST_TEST(counts[2].level == 1u);
    BOOST_TEST(counts[2].pages == 5u);
    f.source->evict_all();
    BOOST_TEST(f.source->statistics().resident.empty());
}

BOOST_AUTO_TEST_CASE(prefetched_pages_are_counted_and_not_admitted) {
    fixture f;
    std::vector<page_number> pages;
    for (page_number page = 399; page >= 100; page -= 2) { pages.push_back(page); }
    (void)f.fetch(101);
    f.source->prefetch(pages);
    BOOST_TEST(f.source->statistics().prefetches == pages.size() - 1);
    BOOST_TEST(f.warden.admissions == 1u);
    BOOST_TEST(f.source->statistics().frames == 1u);
}

BOOST_AUTO_TEST_CASE(the_limit_moves_with_the_file) {
    fixture f;
    BOOST_TEST(f.source->limit_max() >= 800u);
    BOOST_TEST(code_of([&] { f.create(500, 1); }) == errc::misuse);
    f.store.file->grow(600 * 4096);
    f.source->set_limit(600);
    std::byte* data = f.create(500, 1);
    BOOST_TEST(test::holds(data, 500, 1, 4096));
    f.source->flush();
    f.source->publish();
    BOOST_TEST(test::holds(f.stored(500).data(), 500, 1, 4096));
}

BOOST_AUTO_TEST_CASE(release_mode_works_the_same) {
    io::pool_options options = fixture::exact(32);
    options.release = true;
    fixture f(400, options);
    for (page_number page = 2; page < 400; ++page) {
        BOOST_REQUIRE(test::holds(f.fetch(page).data, page, 0, 4096));
    }
    for (page_number page = 100; page < 200; ++page) {
        (void)f.create(page, 1);
        f.store.seal(*f.source, page);
        f.source->relieve();
    }
    f.source->flush();
    f.source->publish();
    for (page_number page = 2; page < 400; ++page) {
        BOOST_REQUIRE(
            test::holds(f.fetch(page).data, page, page >= 100 && page < 200 ? 1 : 0, 4096));
    }
}

}  // namespace
