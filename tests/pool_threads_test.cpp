// Readers, a writer and whoever asks for statistics, all at once over a pool that is much too
// small. Meant for ThreadSanitizer as much as for what it checks itself.
#define BOOST_TEST_MODULE pool_threads
#include <boost/test/unit_test.hpp>
#include <chrono>

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <random>
#include <thread>
#include <vector>

#include "pinyon/mmap/buffer_pool.hpp"
#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/mmap/raw_mapping.hpp"
#include "support/paged_file.hpp"

namespace {

using namespace pinyon;
using io::page_number;
using io::residency;

constexpr page_number pages = 800;
constexpr std::size_t slots = 200;
constexpr std::size_t readers = 4;
constexpr std::uint64_t idle = ~std::uint64_t{0};

// A toy database: slots name the current page and checksum of a value; a page that was replaced is
// free once no reader runs that could have seen it.
struct world {
    explicit world(io::memory_file_system& files) : store(files, "data", pages) {
        for (std::size_t slot = 0; slot < slots; ++slot) { name(slot, 2 + slot); }
        for (page_number page = 2 + slots; page < pages; ++page) { free.push_back(page); }
        for (std::atomic<std::uint64_t>& each : epochs) { each = idle; }
    }

    void name(std::size_t slot, page_number page) {
        current[slot].store((page << 32) | store.sums[page], std::memory_order_seq_cst);
    }
    [[nodiscard]] io::page_reference look_up(std::size_t slot) const {
        const std::uint64_t packed = current[slot].load(std::memory_order_seq_cst);
        return {packed >> 32, static_cast<std::uint32_t>(packed), 7,
                static_cast<std::uint8_t>(slot % 20 == 0 ? 1 : 0),
                slot % 20 == 0 ? residency::inner : residency::leaf};
    }

    void read(std::size_t reader, std::uint32_t seed) {
        std::minstd_rand random(seed);
        while (!done.load(std::memory_order_relaxed)) {
            epochs[reader].store(epoch.load(), std::memory_order_seq_cst);
            for (int i = 0; i < 10; ++i) { visit(random); }
            epochs[reader].store(idle, std::memory_order_seq_cst);
        }
    }

    void visit(std::minstd_rand& random) {
        const io::page_reference reference = look_up(random() % slots);
        if (random() % 16 == 0) {
            const io::pin_guard pin = source->pin(reference);
            check(pin.data(), reference.page);
        } else {
            io::page_view view;
            bool right = false;
            do {
                view = source->fetch(reference);
                right = is_right(view.data, reference.page);
            } while (!source->unchanged(view));
            wrong.fetch_add(right ? 0u : 1u, std::memory_order_relaxed);
        }
        source->count_visits(1);
        visits.fetch_add(1, std::memory_order_relaxed);
    }

    [[nodiscard]] static bool is_right(const std::byte* data, page_number page) {
        return test::word_at(data, 8) == page &&
               test::page_checksum(page, {data, 4096}) ==
                   static_cast<std::uint32_t>(test::word_at(data, 0));
    }
    void check(const std::byte* data, page_number page) {
        wrong.fetch_add(is_right(data, page) ? 0u : 1u, std::memory_order_relaxed);
    }

    void write(int transactions, bool abort_some) {
        std::minstd_rand random(99);
        for (int transaction = 1; transaction <= transactions; ++transaction) {
            free_what_nobody_sees();
            std::vector<std::pair<std::size_t, page_number>> changes;
            for (int i = 0; i < 12 && !free.empty(); ++i) {
                const page_number page = free.front();
                free.pop_front();
                (void)source->create(page, residency::leaf,
                                     store.content(page, static_cast<std::uint32_t>(transaction)));
                changes.emplace_back((random() % slots / 12) * 12 + static_cast<std::size_t>(i),
                                     page);
                source->relieve();
            }
            if (abort_some && transaction % 5 == 0) {
                for (const auto& change : changes) {
                    source->forget({change.second, 1});
                    free.push_back(change.second);
                }
                continue;
            }
            commit(changes);
        }
    }

    void commit(const std::vector<std::pair<std::size_t, page_number>>& changes) {
        for (const auto& change : changes) {
            store.seal(*source, change.second);
            source->relieve();
        }
        source->flush();
        source->publish();
        for (const auto& change : changes) {
            if (change.first >= slots) {
                source->forget({change.second, 1});
                free.push_back(change.second);
                continue;
            }
            retired.push_back({current[change.first].load() >> 32, epoch.load()});
            name(change.first, change.second);
        }
        epoch.fetch_add(1, std::memory_order_seq_cst);
    }

    void free_what_nobody_sees() {
        std::uint64_t oldest = epoch.load();
        for (const std::atomic<std::uint64_t>& one : epochs) {
            oldest = std::min(oldest, one.load(std::memory_order_seq_cst));
        }
        while (!retired.empty() && retired.front().second < oldest) {
            source->forget({retired.front().first, 1});
            free.push_back(retired.front().first);
            retired.pop_front();
        }
    }

    void run(int transactions) {
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < readers; ++i) {
            threads.emplace_back([this, i] { read(i, static_cast<std::uint32_t>(i) + 1); });
        }
        threads.emplace_back([this] {
            while (!done.load(std::memory_order_relaxed)) {
                const std::array<page_number, 3> some{5, 6, 90};
                source->prefetch(some);
                peak = source->statistics().frames;
                std::this_thread::yield();
            }
        });
        write(transactions, true);
        // On a busy machine the writer may be through before a reader has had its first turn.
        constexpr std::uint64_t visits_wanted = 5000;
        for (int turn = 0; turn < 10'000 && source->statistics().visits < visits_wanted; ++turn) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        done = true;
        for (std::thread& thread : threads) { thread.join(); }
        BOOST_TEST(wrong == 0u);
        BOOST_TEST(visits > 0u);
        BOOST_TEST(source->statistics().visits == visits);
        BOOST_TEST(source->statistics().pins == 0u);
    }

    test::paged_file store;
    test::counting_warden warden;
    std::unique_ptr<io::page_source> source;
    std::array<std::atomic<std::uint64_t>, slots> current{};
    std::array<std::atomic<std::uint64_t>, readers> epochs{};
    std::atomic<std::uint64_t> epoch{1};
    std::atomic<bool> done{false};
    std::atomic<std::uint64_t> wrong{0};
    std::atomic<std::uint64_t> visits{0};
    std::atomic<std::uint64_t> peak{0};
    // The writer's.
    std::deque<page_number> free;
    std::deque<std::pair<page_number, std::uint64_t>> retired;
};

BOOST_AUTO_TEST_CASE(readers_and_a_writer_share_a_small_pool) {
    for (const std::uint64_t frames : {16u, 100u}) {
        BOOST_TEST_CONTEXT("frames " << frames) {
            io::memory_file_system files;
            world w(files);
            w.source =
                io::make_buffer_pool(*w.store.file, files, w.warden, 4096,
                                     {frames * 4096, false, false, false, io::view_choice_default});
            w.source->set_limit(pages);
            w.run(300);
            BOOST_TEST(w.source->statistics().evictions > 100u);
        }
    }
}

BOOST_AUTO_TEST_CASE(exact_order_survives_threads) {
    io::memory_file_system files;
    world w(files);
    w.source = io::make_buffer_pool(
        *w.store.file, files, w.warden, 4096,
        {std::uint64_t{60} * 4096, false, true, false, io::view_choice_default});
    w.source->set_limit(pages);
    w.run(200);
    BOOST_TEST(w.source->statistics().evictions > 100u);
}

BOOST_AUTO_TEST_CASE(readers_and_a_writer_share_a_raw_mapping) {
    io::memory_file_system files;
    world w(files);
    w.source = io::make_raw_mapping(*w.store.file, files, w.warden, 4096, false);
    w.source->set_limit(pages);
    w.run(300);
}

// Many threads ask for one page that is not there: one brings it in.
BOOST_AUTO_TEST_CASE(a_page_comes_in_once) {
    io::memory_file_system files;
    test::paged_file store(files, "data", 100);
    test::counting_warden warden;
    const auto source = io::make_buffer_pool(
        *store.file, files, warden, 4096,
        {std::uint64_t{200} * 4096, false, false, false, io::view_choice_default});
    source->set_limit(100);
    std::atomic<int> ready{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (++ready; ready < 4;) { std::this_thread::yield(); }
            for (page_number page = 2; page < 100; ++page) {
                (void)source->fetch(store.reference(page));
            }
        });
    }
    for (std::thread& thread : threads) { thread.join(); }
    BOOST_TEST(warden.admissions == 98u);
    BOOST_TEST(source->statistics().reads == 98u);
    BOOST_TEST(source->statistics().frames == 98u);
}

}  // namespace
