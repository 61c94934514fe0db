// What the log does to the disk, in which order, for how many at once, and when the disk refuses.
#define BOOST_TEST_MODULE log_writer
#include "pinyon/engine/log_writer.hpp"

#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "support/errors.hpp"
#include "support/log_rig.hpp"
#include "support/simulated_disk.hpp"

namespace {

using namespace pinyon;
using namespace pinyon::test;

struct fixture {
    io::memory_file_system memory;
    simulated_disk disk{memory};
};

std::string path(std::uint64_t sequence) { return segment_name(log_database, sequence); }

std::string words_of(const std::vector<disk_event>& trace) {
    std::string words;
    for (const disk_event& event : trace) { words += std::string(name(event.call)) + " "; }
    return words;
}

// Holds the first sync until it is let go, so that a test decides who comes while it runs.
class held_sync {
public:
    explicit held_sync(simulated_disk& disk) {
        disk.observe([this](const disk_event& event) {
            if (event.call != disk_call::sync || !armed_.exchange(false)) { return; }
            std::unique_lock lock(mutex_);
            is_held_ = true;
            changed_.notify_all();
            changed_.wait(lock, [this] { return released_; });
        });
    }
    void await() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return is_held_; });
    }
    void release() {
        const std::lock_guard lock(mutex_);
        released_ = true;
        changed_.notify_all();
    }

private:
    std::atomic<bool> armed_{true};
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_held_ = false;
    bool released_ = false;
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_durable_batch_is_one_write_and_one_sync, fixture) {
    log_rig rig(disk, 1 << 20);
    for (int i = 0; i != 5; ++i) {
        disk.forget();
        rig.add(100);
        BOOST_TEST(words_of(disk.trace()) == "write sync ");
        BOOST_TEST(disk.trace()[0].size == format::batch_bytes(100));
        BOOST_TEST(rig.log->durable() == rig.log->end().position);
    }
    // What is durable already costs nothing.
    disk.forget();
    rig.log->wait_durable(rig.log->end().position);
    BOOST_TEST(disk.trace().empty());
    const log_statistics counted = rig.log->statistics();
    BOOST_TEST(counted.batches == 5u);
    BOOST_TEST(counted.syncs == 5u);
    BOOST_TEST(counted.bytes == 5 * format::batch_bytes(100));
    BOOST_TEST(counted.segments == 1u);
}

BOOST_FIXTURE_TEST_CASE(one_sync_serves_all_that_was_appended, fixture) {
    log_rig rig(disk, 1 << 20);
    disk.forget();
    for (int i = 0; i != 5; ++i) { rig.add(100, false); }
    BOOST_TEST(rig.log->durable() == 0u);
    rig.log->wait_durable(rig.batches[1].end.position);
    BOOST_TEST(rig.log->durable() == rig.log->end().position);
    rig.log->wait_durable(rig.log->end().position);
    BOOST_TEST(disk.operations(syncing_calls) == 1u);
    BOOST_TEST(replay_count(memory, rig.meta()) == 5u);
}

BOOST_FIXTURE_TEST_CASE(a_new_log_is_durable_under_its_name_before_it_is_named, fixture) {
    log_rig rig(disk, 16384, {800, 5}, 6);
    const std::vector<disk_event> trace = disk.trace();
    BOOST_TEST(words_of(trace) == "open write write write write write sync sync_directory ");
    BOOST_TEST(rig.log->first_segment() == 7u);
    BOOST_TEST(rig.log->last_sequence() == 7u);
    BOOST_TEST(rig.log->id() != 0u);
    BOOST_TEST((rig.log->end() == log_cut{800, 5}));
    BOOST_TEST(rig.log->durable() == 800u);
    BOOST_TEST(image_of(memory).at(path(7)).size() == 16384u);
    BOOST_TEST(replay_count(memory, rig.meta()) == 0u);
    log_rig second(disk, 16384, {800, 5}, 7);
    BOOST_TEST(second.log->id() != rig.log->id());
    // A name that is taken is never written to.
    BOOST_TEST(code_of([&] { const log_rig again(disk, 16384, {800, 5}, 6); }) == errc::exists);
}

BOOST_FIXTURE_TEST_CASE(a_second_log_goes_on_where_the_first_ended, fixture) {
    log_rig first(disk);
    for (int i = 0; i != 7; ++i) { first.add(3000); }
    const std::uint64_t last = first.log->last_sequence();
    log_rig second(disk, 16384, first.log->end(), last);
    for (int i = 0; i != 7; ++i) { second.add(3000); }
    BOOST_TEST(second.batches[0].begin.position == first.log->end().position);
    BOOST_TEST(second.log->first_segment() == last + 1);
    const format::meta meta = second.meta();
    log_reader reader = reader_of(memory, meta);
    BOOST_TEST(replay_count(reader, meta) == 7u);
    BOOST_TEST(reader.leftovers().size() == last);
}

BOOST_FIXTURE_TEST_CASE(segments_grow_and_fit_what_comes, fixture) {
    log_rig rig(disk, 0);
    for (int i = 0; i != 9; ++i) { rig.add(std::size_t{5} << 20, false); }
    const log_image image = image_of(memory);
    std::vector<std::size_t> sizes;
    for (const auto& [name, content] : image) { sizes.push_back(content.size() >> 12); }
    // 1 MiB, too small for the first batch; then 4 MiB, and a little more for one of 5 MiB.
    BOOST_TEST((sizes == std::vector<std::size_t>{256, 1282, 4096, 4096, 4096}));
    BOOST_TEST(replay_count(memory, rig.meta()) == 9u);
    BOOST_TEST(code_of([&] { rig.add(format::payload_bytes_max + 1); }) == errc::misuse);
    rig.add(10);
    BOOST_TEST(replay_count(memory, rig.meta()) == 10u);
}

BOOST_FIXTURE_TEST_CASE(a_header_is_written_after_the_sync_of_the_segment_before, fixture) {
    for (const bool has_spare : {false, true}) {
        BOOST_TEST_CONTEXT((has_spare ? "with a spare" : "without a spare")) {
            io::memory_file_system files;
            simulated_disk observed(files);
            log_rig rig(observed);
            rig.add(9000, false);
            if (has_spare) { rig.log->prepare_spare(); }
            observed.forget();
            rig.add(9000, false);
            const std::string expected =
                has_spare ? "sync write will_need write "
                          : "sync open write write write write sync sync_directory write will_need "
                            "write ";
            const std::vector<disk_event> trace = observed.trace();
            BOOST_TEST(words_of(trace) == expected);
            BOOST_TEST(trace.front().path == path(1));
            const disk_event& header = trace[trace.size() - 3];
            BOOST_TEST(header.path == path(2));
            BOOST_TEST(header.offset == 0u);
            BOOST_TEST(header.size == sizeof(format::segment_header));
            BOOST_TEST(rig.log->durable() == rig.batches[0].end.position);
            BOOST_TEST(replay_count(files, rig.meta()) == 2u);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(a_spare_is_wished_for_made_and_taken, fixture) {
    log_rig rig(disk);
    BOOST_TEST(!rig.log->wants_spare());
    rig.add(4100);
    BOOST_TEST(rig.log->wants_spare());
    rig.log->prepare_spare();
    BOOST_TEST(!rig.log->wants_spare());
    BOOST_TEST(rig.log->last_sequence() == 2u);
    rig.log->prepare_spare();  // there is one
    rig.add(4000);
    BOOST_TEST(!rig.log->wants_spare());
    BOOST_TEST(image_of(memory).size() == 2u);
    // A spare that is too short for a batch is made longer.
    rig.add(30000);
    BOOST_TEST(image_of(memory).size() == 2u);
    BOOST_TEST(image_of(memory).at(path(2)).size() == 36864u);
    BOOST_TEST(rig.log->wants_spare());
    BOOST_TEST(rig.log->last_sequence() == 2u);
    rig.log->prepare_spare();
    log_reader reader = reader_of(memory, rig.meta());
    BOOST_TEST(replay_count(reader, rig.meta()) == 3u);
    BOOST_TEST(reader.segments().size() == 2u);
    BOOST_TEST(reader.leftovers().size() == 1u);
    BOOST_TEST(reader.last_sequence() == 3u);
}

BOOST_FIXTURE_TEST_CASE(segments_go_when_they_are_not_needed_lowest_first, fixture) {
    log_rig rig(disk);
    for (int i = 0; i != 8; ++i) { rig.add(9000); }  // one a segment
    for (std::size_t i = 0; i != 8; ++i) {
        BOOST_TEST(rig.log->segment_of(rig.batches[i].begin.position) == i + 1);
    }
    disk.forget();
    rig.log->remove_before(rig.batches[2].end.position - 1);
    BOOST_TEST(words_of(disk.trace()) == "remove remove sync_directory ");
    BOOST_TEST(disk.trace()[0].path == path(1));
    BOOST_TEST(disk.trace()[1].path == path(2));
    disk.forget();
    rig.log->remove_before(rig.batches[2].end.position - 1);
    BOOST_TEST(disk.trace().empty());
    BOOST_TEST(replay_count(memory, rig.meta(2)) == 6u);
    rig.log->remove_before(rig.log->end().position + 1000);
    BOOST_TEST(image_of(memory).size() == 1u);
    BOOST_TEST(replay_count(memory, rig.meta(7)) == 1u);
    rig.add(10);
    rig.log->prepare_spare();
    disk.forget();
    rig.log->remove_all();
    BOOST_TEST(words_of(disk.trace()) == "remove remove sync_directory ");
    BOOST_TEST(disk.trace()[0].path == path(8));
    BOOST_TEST(image_of(memory).empty());
}

BOOST_FIXTURE_TEST_CASE(those_who_come_during_a_sync_share_the_next, fixture) {
    log_rig rig(disk, 1 << 20);
    disk.forget();
    held_sync held(disk);
    const std::uint64_t first = rig.add(100, false).end.position;
    std::vector<std::thread> threads;
    threads.emplace_back([&] { rig.log->wait_durable(first); });
    held.await();
    std::atomic<int> done{0};
    for (int i = 0; i != 7; ++i) {
        const std::uint64_t position = rig.add(100, false).end.position;
        threads.emplace_back([&rig, &done, position] {
            rig.log->wait_durable(position);
            if (rig.log->durable() >= position) { ++done; }
        });
    }
    BOOST_TEST(rig.log->durable() == 0u);
    BOOST_TEST(done == 0);
    held.release();
    for (std::thread& thread : threads) { thread.join(); }
    BOOST_TEST(done == 7);
    BOOST_TEST(disk.operations(calls(disk_call::sync)) == 2u);
    BOOST_TEST(rig.log->statistics().syncs == 2u);
}

// Two writers that took turns would need a sync for each commit.
BOOST_FIXTURE_TEST_CASE(a_sync_waits_for_those_whom_the_last_one_released, fixture) {
    log_rig rig(disk, 1 << 20);
    disk.observe([](const disk_event& event) {
        if (event.call == disk_call::sync) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
    });
    std::mutex writing;
    std::vector<std::thread> threads;
    for (int t = 0; t != 2; ++t) {
        threads.emplace_back([&] {
            for (int i = 0; i != 50; ++i) {
                std::uint64_t position = 0;
                {
                    const std::lock_guard lock(writing);
                    position = rig.add(100, false).end.position;
                }
                rig.log->wait_durable(position);
            }
        });
    }
    for (std::thread& thread : threads) { thread.join(); }
    BOOST_TEST(rig.log->statistics().syncs < 90u);
}

BOOST_FIXTURE_TEST_CASE(eight_threads_commit_through_many_segments, fixture) {
    log_rig rig(disk);
    disk.observe([](const disk_event& event) {
        if (event.call == disk_call::sync) {
            std::this_thread::sleep_for(std::chrono::microseconds(50));
        }
    });
    std::mutex writing;
    std::atomic<bool> done{false};
    std::thread background([&] {
        while (!done) {
            if (rig.log->wants_spare()) { rig.log->prepare_spare(); }
            rig.log->remove_before(rig.log->durable() / 2);
            std::this_thread::yield();
        }
    });
    std::vector<std::thread> threads;
    std::atomic<std::uint64_t> early{0};
    for (int t = 0; t != 8; ++t) {
        threads.emplace_back([&, t] {
            for (int i = 0; i != 100; ++i) {
                std::uint64_t position = 0;
                {
                    const std::lock_guard lock(writing);
                    position = rig.add(200 + static_cast<std::size_t>(10 * t), false).end.position;
                }
                rig.log->wait_durable(position);
                if (rig.log->durable() < position) { ++early; }
            }
        });
    }
    for (std::thread& thread : threads) { thread.join(); }
    done = true;
    background.join();
    BOOST_TEST(early == 0u);
    const log_statistics counted = rig.log->statistics();
    BOOST_TEST(counted.batches == 800u);
    BOOST_TEST(counted.segments > 10u);
    BOOST_TEST(counted.syncs < counted.batches / 2);
    // A checkpoint in the half that is still there.
    BOOST_TEST(replay_count(memory, rig.meta(500)) == 300u);
}

BOOST_FIXTURE_TEST_CASE(a_failed_sync_poisons_all_that_wait_and_is_never_tried_again, fixture) {
    log_rig rig(disk, 1 << 20);
    rig.add(100);
    const std::uint64_t safe = rig.log->end().position;
    held_sync held(disk);
    disk.plan({.at = 0, .on = calls(disk_call::sync)});
    std::atomic<int> unknown{0};
    std::vector<std::thread> threads;
    const auto wait = [&](std::uint64_t position) {
        threads.emplace_back([&rig, &unknown, position] {
            try {
                rig.log->wait_durable(position);
            } catch (const error& failure) {
                if (failure.kind() == errc::commit_unknown) { ++unknown; }
            }
        });
    };
    wait(rig.add(100, false).end.position);
    held.await();
    for (int i = 0; i != 7; ++i) { wait(rig.add(100, false).end.position); }
    held.release();
    for (std::thread& thread : threads) { thread.join(); }
    BOOST_TEST(unknown == 8);
    BOOST_TEST(rig.log->poisoned());
    disk.heal();
    disk.forget();
    BOOST_TEST(rig.log->durable() == safe);
    rig.log->wait_durable(safe);
    BOOST_TEST(code_of([&] { rig.log->wait_durable(safe + 1); }) == errc::commit_unknown);
    BOOST_TEST(code_of([&] { rig.add(100); }) == errc::poisoned);
    BOOST_TEST(code_of([&] { rig.log->remove_before(safe); }) == errc::poisoned);
    BOOST_TEST(code_of([&] { rig.log->remove_all(); }) == errc::poisoned);
    rig.log->prepare_spare();
    BOOST_TEST(disk.trace().empty());
}

BOOST_FIXTURE_TEST_CASE(the_owner_poisons_too, fixture) {
    log_rig rig(disk);
    rig.add(100);
    rig.add(100, false);
    rig.log->poison();
    disk.forget();
    rig.log->wait_durable(rig.batches[0].end.position);
    BOOST_TEST(code_of([&] { rig.log->wait_durable(rig.batches[1].end.position); }) ==
               errc::commit_unknown);
    BOOST_TEST(code_of([&] { rig.add(100); }) == errc::poisoned);
    BOOST_TEST(disk.trace().empty());
}

BOOST_FIXTURE_TEST_CASE(a_write_that_fails_aborts_and_leaves_nothing, fixture) {
    log_rig rig(disk, 1 << 20);
    rig.add(100);
    for (const disk_fault fault : {disk_fault::io, disk_fault::no_space, disk_fault::short_write}) {
        BOOST_TEST_CONTEXT("fault " << static_cast<int>(fault)) {
            const log_cut before = rig.log->end();
            const std::size_t count = rig.batches.size();
            // Zeros behind: what half a write brings is the whole batch.
            const std::vector<std::byte> zeros(500);
            disk.plan({.at = 0, .kind = fault, .on = calls(disk_call::write)});
            const errc expected = fault == disk_fault::io ? errc::io : errc::no_space;
            BOOST_TEST(code_of([&] { (void)rig.log->append(101 + count, 0, zeros); }) == expected);
            BOOST_TEST((rig.log->end() == before));
            BOOST_TEST(!rig.log->poisoned());
            BOOST_TEST(replay_count(memory, rig.meta()) == count);
            const std::vector<disk_event> trace = disk.trace();
            BOOST_TEST(name(trace.back().call) == std::string("sync"));
            rig.add(200);
            BOOST_TEST(replay_count(memory, rig.meta()) == count + 1);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(a_write_that_cannot_be_taken_back_is_unknown, fixture) {
    for (const std::uint64_t second : {1u, 2u}) {  // the zeros; their sync
        BOOST_TEST_CONTEXT("failing " << second) {
            io::memory_file_system files;
            simulated_disk observed(files);
            log_rig rig(observed, 1 << 20);
            rig.add(100);
            observed.plan({.at = 0, .on = calls(disk_call::write)});
            observed.observe([&](const disk_event& event) {
                if (event.failed && event.call == disk_call::write) {
                    observed.plan({.at = second - 1, .for_ever = true});
                }
            });
            BOOST_TEST(code_of([&] { rig.add(100); }) == errc::commit_unknown);
            observed.observe(nullptr);
            observed.heal();
            BOOST_TEST(rig.log->poisoned());
            BOOST_TEST(code_of([&] { rig.add(100); }) == errc::poisoned);
        }
    }
}

// Where nobody syncs, all batches but the first are stored; whoever syncs is not to pay for it.
BOOST_FIXTURE_TEST_CASE(batches_that_nobody_syncs_are_stored, fixture) {
    log_rig rig(disk, 1 << 20);
    for (int round = 0; round != 3; ++round) {
        disk.forget();
        for (int i = 0; i != 200; ++i) { rig.add(100, false); }
        const std::vector<disk_event> trace = disk.trace();
        BOOST_REQUIRE_EQUAL(trace.size(), 200u);
        for (std::size_t i = 0; i != trace.size(); ++i) {
            const disk_call expected = i < 64 ? disk_call::write : disk_call::store;
            BOOST_TEST((trace[i].call == expected), "batch " << i << " after a sync");
        }
        rig.log->wait_durable(rig.log->end().position);
    }
    BOOST_TEST(replay_count(memory, rig.meta()) == 600u);
}

BOOST_FIXTURE_TEST_CASE(who_wants_no_signals_stores_nothing, fixture) {
    log_origin origin;
    origin.database_path = log_database;
    origin.stores = false;
    log_writer log(disk, origin);
    disk.forget();
    for (std::uint64_t i = 1; i != 200; ++i) { (void)log.append(i, 0, log_payload(i, 100)); }
    for (const disk_event& event : disk.trace()) { BOOST_TEST((event.call == disk_call::write)); }
}

BOOST_FIXTURE_TEST_CASE(a_store_that_fails_aborts_and_leaves_nothing, fixture) {
    log_rig rig(disk, 1 << 20);
    for (int i = 0; i != 100; ++i) { rig.add(100, false); }
    const log_cut before = rig.log->end();
    disk.plan({.kind = disk_fault::short_write, .on = calls(disk_call::store)});
    BOOST_TEST(code_of([&] { (void)rig.log->append(201, 0, std::vector<std::byte>(500)); }) ==
               errc::no_space);
    BOOST_TEST((rig.log->end() == before));
    BOOST_TEST(replay_count(memory, rig.meta()) == 100u);
    rig.add(200);
    BOOST_TEST(replay_count(memory, rig.meta()) == 101u);
}

// What nobody syncs goes to the medium piece by piece, each page once and when it is full; and what
// comes next is asked for before a batch is put there.
BOOST_FIXTURE_TEST_CASE(the_medium_is_kept_a_step_ahead_and_a_step_behind, fixture) {
    log_rig rig(disk, 4 << 20);
    disk.forget();
    for (int i = 0; i != 800; ++i) { rig.add(4000, false); }
    std::uint64_t end = format::segment_block_bytes;
    std::uint64_t asked = end + (1 << 19);
    for (const disk_event& event : disk.trace()) {
        if (event.call == disk_call::will_need) { asked = event.offset + event.size; }
        if (event.call == disk_call::store) { BOOST_TEST(event.offset <= asked); }
        if (event.call != disk_call::start_write_back) { continue; }
        BOOST_TEST(event.offset == end);
        BOOST_TEST(event.size % 4096 == 0u);
        end += event.size;
    }
    BOOST_TEST(end > 2u << 20);
    BOOST_TEST(end <= rig.log->end().position);
    BOOST_TEST(rig.log->durable() == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_write_back_that_fails_poisons, fixture) {
    log_rig rig(disk, 4 << 20);
    disk.plan({.on = calls(disk_call::start_write_back)});
    std::size_t count = 0;
    BOOST_TEST(code_of([&] {
                   for (; count != 800; ++count) { rig.add(4000, false); }
               }) == errc::poisoned);
    BOOST_TEST(count < 800u);
    BOOST_TEST(rig.log->poisoned());
    BOOST_TEST(code_of([&] { rig.add(100); }) == errc::poisoned);
    BOOST_TEST(replay_count(memory, rig.meta()) == count);
}

// Every operation fails once, in every way. What was appended is read back, what was aborted is
// not, and the log goes on unless a sync failed.
BOOST_AUTO_TEST_CASE(any_operation_may_fail_and_nothing_is_lost) {
    std::size_t poisoned = 0;
    std::size_t aborted = 0;
    for (const disk_fault fault : {disk_fault::io, disk_fault::no_space, disk_fault::short_write}) {
        for (const bool has_spare : {false, true}) {
            std::uint64_t fired = 1;
            for (std::uint64_t at = 0; fired != 0; ++at) {
                BOOST_TEST_CONTEXT("fault " << static_cast<int>(fault) << " at " << at
                                            << (has_spare ? ", spares" : "")) {
                    io::memory_file_system files;
                    simulated_disk disk(files);
                    log_rig rig(disk);
                    disk.plan({.at = at, .kind = fault});
                    bool is_over = false;
                    for (int tries = 0; tries != 12 && rig.batches.size() != 8; ++tries) {
                        try {
                            rig.add(5000);
                            if (has_spare && rig.log->wants_spare()) { rig.log->prepare_spare(); }
                        } catch (const error& failure) {
                            is_over = failure.kind() == errc::poisoned ||
                                      failure.kind() == errc::commit_unknown;
                            BOOST_TEST(is_over == rig.log->poisoned());
                            if (is_over) { break; }
                            BOOST_TEST(
                                (failure.kind() == errc::io || failure.kind() == errc::no_space));
                            ++aborted;
                        }
                    }
                    fired = disk.fired();
                    disk.heal();
                    if (is_over) { ++poisoned; }
                    const std::size_t known = rig.batches.size();
                    BOOST_TEST((is_over || known == 8));
                    const std::size_t found = replay_count(files, rig.meta());
                    BOOST_TEST(found >= known);
                    BOOST_TEST(found <= known + (is_over ? 1 : 0));
                    if (!is_over) {
                        rig.log->remove_all();
                        BOOST_TEST(image_of(files).size() <= 1u);  // one that could not be removed
                    }
                }
            }
        }
    }
    BOOST_TEST(poisoned > 20u);
    BOOST_TEST(aborted > 20u);
}

// The disk is full, and stays so for a while.
BOOST_FIXTURE_TEST_CASE(a_full_disk_stops_at_the_segments_end_and_is_not_sticky, fixture) {
    log_rig rig(disk);
    rig.add(9000);
    disk.plan(
        {.at = 0, .for_ever = true, .kind = disk_fault::no_space, .on = calls(disk_call::open)});
    for (int i = 0; i != 3; ++i) {
        BOOST_TEST(code_of([&] { rig.add(9000); }) == errc::no_space);
        BOOST_TEST(code_of([&] { rig.log->prepare_spare(); }) == errc::no_space);
        rig.add(100);  // still fits
    }
    disk.heal();
    rig.add(9000);
    BOOST_TEST(replay_count(memory, rig.meta()) == 5u);
}

// Once the successor's header was begun, the segment before it takes nothing more.
BOOST_FIXTURE_TEST_CASE(a_segment_whose_successor_was_begun_stays_closed, fixture) {
    log_rig rig(disk);
    rig.add(9000);
    rig.log->prepare_spare();
    disk.plan({.at = 0, .kind = disk_fault::short_write, .on = calls(disk_call::write)});
    BOOST_TEST(code_of([&] { rig.add(9000); }) == errc::no_space);
    disk.heal();
    rig.add(10);
    BOOST_TEST(rig.batches.back().path == path(2));
    BOOST_TEST(replay_count(memory, rig.meta()) == 2u);
}

BOOST_AUTO_TEST_CASE(a_log_that_cannot_begin_leaves_at_most_a_blank_file) {
    std::uint64_t fired = 1;
    for (std::uint64_t at = 0; fired != 0; ++at) {
        BOOST_TEST_CONTEXT("failing at " << at) {
            io::memory_file_system files;
            simulated_disk disk(files);
            disk.plan({.at = at});
            try {
                const log_rig rig(disk);
                BOOST_TEST(disk.fired() == 0u);
            } catch (const error& failure) {
                BOOST_TEST((failure.kind() == errc::io || failure.kind() == errc::poisoned));
                BOOST_TEST(image_of(files).empty());
            }
            fired = disk.fired();
        }
    }
}
