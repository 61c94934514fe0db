// Promises of durability at the surface, each by the state that would break it: files in memory,
// copied as a crash or an accident would leave them, and opened again.
#define BOOST_TEST_MODULE durability
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "pinyon/engine/format.hpp"
#include "pinyon/pinyon.hpp"
#include "support/errors.hpp"
#include "support/log_rig.hpp"
#include "support/simulated_disk.hpp"

namespace {

using namespace pinyon;
using pinyon::test::code_of;
using pinyon::test::disk_call;
using pinyon::test::disk_event;
using pinyon::test::image_of;
using pinyon::test::log_database;
using pinyon::test::log_image;

constexpr int keys = 200;
constexpr int nothing = -1;

[[nodiscard]] std::string value_of(int generation) {
    return std::string(60, static_cast<char>('a' + generation % 26)) + std::to_string(generation);
}

void rewrite(write_transaction& tx, int generation) {
    auto tree = tx.open_raw("t");
    for (int i = 0; i != keys; ++i) {
        tree.put(as_bytes("key" + std::to_string(i)), as_bytes(value_of(generation)));
    }
}

// One transaction that gives every key the value of its generation.
std::uint64_t commit(const database& db, int generation, durability how = durability::durable) {
    write_transaction tx = db.begin_write();
    rewrite(tx, generation);
    return tx.commit(how);
}

// The generation that all keys show.
[[nodiscard]] int shown(const read_transaction& tx) {
    if (!tx.contains("t")) { return nothing; }
    const auto tree = tx.open_raw("t");
    const std::string first(as_text(tree.get(as_bytes("key0")).value()));
    const int generation = std::stoi(first.substr(60));
    BOOST_TEST(tree.size() == static_cast<std::uint64_t>(keys));
    for (int i = 0; i != keys; ++i) {
        const auto value = tree.get(as_bytes("key" + std::to_string(i)));
        BOOST_REQUIRE(value.has_value());
        BOOST_REQUIRE(as_text(*value) == value_of(generation));
    }
    return generation;
}
[[nodiscard]] int shown(const database& db) { return shown(db.begin_read()); }

[[nodiscard]] options how_to_open(io::file_system& files) {
    options how;
    how.files = &files;
    how.page_bytes = 4096;
    how.background = background::none;
    how.log_segment_bytes = 256 << 10;
    return how;
}

[[nodiscard]] int shown_by(const log_image& image) {
    const auto files = test::files_of(image);
    return shown(database::open(log_database, how_to_open(*files)));
}

[[nodiscard]] bool is_segment(const std::string& path) {
    return path.find("-wal.") != std::string::npos;
}
[[nodiscard]] std::vector<std::string> segments_in(const log_image& image) {
    std::vector<std::string> paths;
    for (const auto& entry : image) {
        if (is_segment(entry.first)) { paths.push_back(entry.first); }
    }
    return paths;
}

[[nodiscard]] log_image without_slot(log_image image, unsigned slot) {
    auto& content = image.at(log_database);
    std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(format::meta_offset[slot]),
                format::meta_block_bytes, std::byte{0});
    return image;
}

void require_each_slot_serves(const log_image& image, int generation) {
    for (const unsigned slot : {0u, 1u}) {
        BOOST_TEST_CONTEXT("without slot " << slot) {
            BOOST_TEST(shown_by(without_slot(image, slot)) == generation);
        }
    }
}

// Holds the thread that comes to it until it is opened.
class gate {
public:
    void pass() {
        std::unique_lock lock(mutex_);
        arrived_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
    }
    void wait_for_arrival() {
        std::unique_lock lock(mutex_);
        BOOST_REQUIRE(
            changed_.wait_for(lock, std::chrono::seconds(10), [this] { return arrived_; }));
    }
    void open() {
        const std::lock_guard lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool arrived_ = false;
    bool open_ = false;
};

// Holds one call of a kind while other threads go on.
class held_call {
public:
    held_call(test::simulated_disk& disk, disk_call call, bool of_log) : disk_(disk) {
        disk.observe([=, this](const disk_event& each) {
            const bool is_meant = each.call == call && is_segment(each.path) == of_log;
            if (is_meant && !held_.exchange(true)) { gate_.pass(); }
        });
    }
    // REQUIRES: `work` makes the call.
    void run(std::function<void()> work) {
        thread_ = std::thread(std::move(work));
        gate_.wait_for_arrival();
    }
    void finish() {
        gate_.open();
        if (thread_.joinable()) { thread_.join(); }
    }
    ~held_call() {
        finish();
        disk_.observe({});
    }
    held_call(const held_call&) = delete;
    held_call& operator=(const held_call&) = delete;

private:
    test::simulated_disk& disk_;
    std::atomic<bool> held_{false};
    gate gate_;
    std::thread thread_;
};

struct fixture {
    io::memory_file_system files;
    test::simulated_disk disk{files};

    [[nodiscard]] database open() { return database::open(log_database, how_to_open(disk)); }
};

}  // namespace

// A meta slot that was destroyed leaves the other one, with the pages and the log that it needs.
BOOST_FIXTURE_TEST_CASE(each_meta_alone_leads_to_what_was_acknowledged, fixture) {
    options how = how_to_open(disk);
    how.checkpoint_bytes = 50'000;
    how.log_segment_bytes = 16 << 10;
    const database db = database::open(log_database, how);
    for (int generation = 0; generation != 24; ++generation) {
        BOOST_TEST_CONTEXT("generation " << generation) {
            const bool unlogged = generation % 7 == 3;
            commit(db, generation, unlogged ? durability::checkpoint : durability::durable);
            require_each_slot_serves(image_of(files), generation);
            if (generation % 5 == 2) { db.checkpoint(); }
            require_each_slot_serves(image_of(files), generation);
        }
    }
    BOOST_TEST(db.statistics().checkpoints > 4u);
}

BOOST_FIXTURE_TEST_CASE(a_commit_whose_sync_failed_is_unknown_and_not_shown, fixture) {
    {
        database db = open();
        commit(db, 0);
        commit(db, 1);
        const read_transaction before = db.begin_read();
        disk.plan({.on = calls(disk_call::sync)});
        BOOST_TEST(code_of([&] { commit(db, 2); }) == errc::commit_unknown);
        BOOST_TEST(disk.fired() == 1u);
        BOOST_TEST(shown(db) == 1);
        BOOST_TEST(shown(before) == 1);
        BOOST_TEST(code_of([&] { (void)db.begin_write(); }) == errc::poisoned);
        BOOST_TEST(code_of([&] { db.checkpoint(); }) == errc::poisoned);
        BOOST_TEST(shown(db) == 1);
        disk.forget();
    }
    // Not even closing has tried once more.
    BOOST_TEST(disk.operations(calls(disk_call::sync, disk_call::flush, disk_call::remove)) == 0u);
    const int found = shown(open());
    BOOST_TEST((found == 1 || found == 2));
}

// While the flush of a checkpoint runs, the writer goes on; what the checkpoint is about to name
// stays as it is.
BOOST_FIXTURE_TEST_CASE(pages_of_a_running_checkpoint_are_not_reused, fixture) {
    const database db = open();
    for (int generation = 0; generation != 4; ++generation) { commit(db, generation); }
    {
        held_call flush(disk, disk_call::flush, false);
        flush.run([&] { db.checkpoint(); });
        for (int generation = 4; generation != 12; ++generation) { commit(db, generation); }
        require_each_slot_serves(image_of(files), 11);
        flush.finish();
    }
    const log_image image = image_of(files);
    BOOST_TEST(shown_by(image) == 11);
    require_each_slot_serves(image, 11);
    const auto copy = test::files_of(image);
    const database opened = database::open(log_database, how_to_open(*copy));
    BOOST_TEST(!opened.statistics().recovery.from_older_meta);
    BOOST_TEST(opened.statistics().recovery.transactions == 8u);
}

// A database in which more pages are held for the metas than in use, each state of more pages than
// the file grows by at once.
struct crowded_fixture : fixture {
    crowded_fixture() {
        options how = how_to_open(disk);
        how.log_segment_bytes = 64 << 20;  // a second one would wait for the sync of the first
        db = database::open(log_database, how);
        for (int round = 0; round != 4; ++round) {
            go_on();
            db->checkpoint();
        }
        go_on();
    }
    void go_on() {
        const std::string value(900, static_cast<char>('a' + generation % 26));
        for (const int end = generation + 4; generation != end; ++generation) {
            write_transaction tx = db->begin_write();
            auto tree = tx.open_raw("large");
            for (int i = 0; i != 2000; ++i) {
                tree.put(as_bytes("key" + std::to_string(i)), as_bytes(value));
            }
            rewrite(tx, generation);
            (void)tx.commit(durability::relaxed);
        }
    }

    std::optional<database> db;
    int generation = 0;  // of the next commit
};

// The older meta's state goes before the log is synced for the next: writers need no more pages
// than between two checkpoints.
BOOST_FIXTURE_TEST_CASE(a_late_checkpoint_does_not_make_a_crowded_file_grow, crowded_fixture) {
    const std::uint64_t pages = db->statistics().file_pages;
    held_call sync(disk, disk_call::sync, true);
    sync.run([&] { db->checkpoint(); });
    require_each_slot_serves(image_of(files), generation - 1);
    go_on();
    BOOST_TEST(db->statistics().file_pages == pages);
    sync.finish();
    require_each_slot_serves(image_of(files), generation - 1);
}

// Whether the newest meta stands over the older one is then unknown; each slot serves all the same.
BOOST_FIXTURE_TEST_CASE(giving_the_older_state_up_may_fail, crowded_fixture) {
    disk.plan({.on = calls(disk_call::write_durably)});
    BOOST_TEST(code_of([&] { db->checkpoint(); }) == errc::poisoned);
    BOOST_TEST(disk.fired() == 1u);
    disk.heal();
    BOOST_TEST(code_of([&] { (void)db->begin_write(); }) == errc::poisoned);
    BOOST_TEST(shown(*db) == generation - 1);
    require_each_slot_serves(image_of(files), generation - 1);
}

// A commit waits for its sync, the next writer has begun: readers still start before both.
BOOST_FIXTURE_TEST_CASE(the_published_state_is_whole_until_the_next_one_is, fixture) {
    const database db = open();
    for (int generation = 0; generation != 4; ++generation) { commit(db, generation); }
    held_call sync(disk, disk_call::sync, true);
    sync.run([&] { commit(db, 4); });
    BOOST_TEST(shown(db) == 3);
    {
        write_transaction tx = db.begin_write();
        for (int generation = 5; generation != 9; ++generation) { rewrite(tx, generation); }
        BOOST_TEST(shown(db) == 3);
    }
    BOOST_TEST(shown(db) == 3);
    sync.finish();
    BOOST_TEST(shown(db) == 4);
}

// Of two commits that were never synced the medium kept the second alone. What is committed after
// the recovery takes the place of the first, never in the same segment.
BOOST_FIXTURE_TEST_CASE(a_recovered_segment_is_never_appended_to, fixture) {
    options how = how_to_open(disk);
    log_image image;
    {
        const database db = database::open(log_database, how);
        commit(db, 0);
        const std::uint64_t cut = commit(db, 1);
        commit(db, 2, durability::relaxed);
        commit(db, 3, durability::relaxed);
        image = image_of(files);
        auto& segment = image.at(segments_in(image).front());
        std::fill_n(segment.begin() + format::segment_block_bytes + static_cast<long>(cut), 64,
                    std::byte{0});
    }
    const auto copy = test::files_of(image);
    how.files = copy.get();
    {
        const database db = database::open(log_database, how);
        BOOST_TEST(shown(db) == 1);
        commit(db, 5);
        const log_image after = image_of(*copy);
        BOOST_TEST(shown_by(after) == 5);
        for (const std::string& path : segments_in(after)) {
            BOOST_TEST(image.count(path) == 0u, path << " was there before the recovery");
        }
    }
    BOOST_TEST(segments_in(image_of(*copy)).empty());
}

BOOST_FIXTURE_TEST_CASE(a_read_only_open_leaves_the_log_alone, fixture) {
    const database db = open();
    commit(db, 0);
    commit(db, 1);
    const log_image image = image_of(files);
    BOOST_TEST(segments_in(image).size() >= 1u);
    const auto copy = test::files_of(image);
    options how = how_to_open(*copy);
    how.access = access_mode::read_only;
    BOOST_TEST(code_of([&] { (void)database::open(log_database, how); }) ==
               errc::recovery_required);
    BOOST_TEST((image_of(*copy) == image));
    how.replay = replay::in_memory;
    BOOST_TEST(shown(database::open(log_database, how)) == 1);
    BOOST_TEST((image_of(*copy) == image));
    how.replay = replay::ignore;
    BOOST_TEST(shown(database::open(log_database, how)) == nothing);
    BOOST_TEST((image_of(*copy) == image));
    BOOST_TEST(shown_by(image) == 1);
}

// What a failed write has left in the log could be all of the batch: the rest of it is zeros, as is
// the file.
BOOST_FIXTURE_TEST_CASE(an_aborted_commit_does_not_come_back, fixture) {
    const database db = open();
    commit(db, 0);
    disk.plan({.kind = test::disk_fault::short_io, .on = calls(disk_call::write), .in = "-wal."});
    {
        write_transaction tx = db.begin_write();
        tx.open_raw("t").put(as_bytes("key0"), bytes(std::vector<std::byte>(200)));
        BOOST_TEST(code_of([&] { tx.commit(); }) == errc::io);
    }
    BOOST_TEST(disk.fired() == 1u);
    BOOST_TEST(shown(db) == 0);
    BOOST_TEST(shown_by(image_of(files)) == 0);
    commit(db, 1);
    BOOST_TEST(shown_by(image_of(files)) == 1);
}

// It goes without the log, which it makes superfluous.
BOOST_FIXTURE_TEST_CASE(a_commit_that_finds_no_room_for_log_settles, fixture) {
    const database db = open();
    commit(db, 0);
    disk.plan({.kind = test::disk_fault::no_space, .on = calls(disk_call::write), .in = "-wal."});
    commit(db, 1);
    BOOST_TEST(disk.fired() == 1u);
    BOOST_TEST(shown(db) == 1);
    BOOST_TEST(db.statistics().log_bytes == 0u);
    BOOST_TEST(shown_by(image_of(files)) == 1);
    commit(db, 2);
    BOOST_TEST(shown_by(image_of(files)) == 2);
}

BOOST_FIXTURE_TEST_CASE(the_log_of_another_database_is_refused_and_kept, fixture) {
    io::memory_file_system other_files;
    const database other = database::open(log_database, how_to_open(other_files));
    const database db = open();
    for (int generation = 0; generation != 2; ++generation) {
        commit(db, generation);
        commit(other, generation);
    }
    log_image mixed = image_of(files);
    for (const auto& [path, content] : image_of(other_files)) {
        if (is_segment(path)) { mixed[path] = content; }
    }
    const auto copy = test::files_of(mixed);
    BOOST_TEST(code_of([&] { (void)database::open(log_database, how_to_open(*copy)); }) ==
               errc::log_mismatch);
    BOOST_TEST((image_of(*copy) == mixed));
}
