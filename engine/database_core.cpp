#include "pinyon/engine/database_core.hpp"

#include <algorithm>
#include <bit>
#include <thread>
#include <utility>

#include "pinyon/engine/recovery.hpp"
#include "pinyon/mmap/buffer_pool.hpp"
#include "pinyon/mmap/direct_source.hpp"
#include "pinyon/mmap/memory_limit.hpp"
#include "pinyon/mmap/mutant.hpp"
#include "pinyon/mmap/overlay_file.hpp"
#include "pinyon/mmap/raw_mapping.hpp"

namespace pinyon {

namespace {

constexpr std::uint64_t pool_bytes_min = std::uint64_t{8} << 20;

[[nodiscard]] std::uint64_t default_pool_bytes() {
    return std::max(io::memory_limit() / 4, pool_bytes_min);
}

void check_page_bytes(std::uint32_t page_bytes) {
    if (page_bytes == 0 ||
        (std::has_single_bit(page_bytes) && page_bytes >= format::page_bytes_min &&
         page_bytes <= format::page_bytes_max)) {
        return;
    }
    raise(errc::page_size, "a page of " + std::to_string(page_bytes) +
                               " bytes is not supported: choose 4096, 8192, 16384 or 32768");
}

// Opens the file, creating it when `options` says so. Two processes that create at once meet in the
// rename: one wins, the other opens what the first one made.
[[nodiscard]] std::unique_ptr<io::file> open_file(io::file_system& files, const std::string& path,
                                                  const options& options) {
    const bool read_only = options.access == access_mode::read_only;
    if (options.access == access_mode::create && !files.exists(path)) {
        const std::uint32_t page_bytes =
            options.page_bytes == 0 ? format::page_bytes_default : options.page_bytes;
        try {
            create_database_file(files, path, page_bytes);
        } catch (const error& failure) {
            if (failure.kind() != errc::exists) { throw; }
        }
    }
    return files.open(path, read_only ? io::open_mode::read_only : io::open_mode::read_write);
}

}  // namespace

read_core::read_core(std::shared_ptr<database_core> database, page_store& store,
                     const published_state& start, snapshot_registry::slot& slot)
    : transaction_core(std::move(database), store, start, start.transaction, false), slot_(&slot) {}

read_core::~read_core() { finish(); }

void read_core::finish() noexcept {
    end();
    if (slot_ != nullptr) { snapshot_registry::release(*std::exchange(slot_, nullptr)); }
}

write_core::write_core(const std::shared_ptr<database_core>& database, page_store& store,
                       const published_state& start)
    : transaction_core(database, store, start, start.transaction + 1, true), database_(*database) {}

write_core::~write_core() { abort(); }

std::uint64_t write_core::commit(durability when) {
    enter_commit();
    return database_.commit(*this, when);
}

void write_core::abort() noexcept {
    if (!over()) { database_.abort(*this); }
}

database_core::database_core(const std::string& path, const options& options,
                             std::unique_ptr<io::file_system> own_files)
    : own_files_(std::move(own_files)),
      files_(own_files_                 ? *own_files_
             : options.files != nullptr ? *options.files
                                        : io::posix_file_system()),
      options_(options),
      path_(files_.resolve(path)),
      in_memory_(own_files_ != nullptr),
      read_only_(options.access == access_mode::read_only),
      lock_free_(options.paging == paging::direct) {
    check_page_bytes(options.page_bytes);
    if (options.paging == paging::direct && !read_only_) {
        raise(errc::misuse,
              "paging::direct only reads: open with access_mode::read_only, or use the pool");
    }
    file_ = open_file(files_, path_, options);
    lock(options.lock_timeout);
    if (!read_only_) {
        // Whoever wrote last may have been stopped, or told of an error, before the file's name or
        // its newest meta was durable: what is shown from here on is.
        file_->sync();
        if (!mutant(15)) { files_.sync_directory(path_); }
    }
    const meta_slots slots = read_metas(*file_, path_);
    const format::meta& meta = slots.current();
    if (options.page_bytes != 0 && options.page_bytes != meta.page_bytes) {
        raise(errc::page_size, path_ + " has pages of " + std::to_string(meta.page_bytes) +
                                   " bytes, not of " + std::to_string(options.page_bytes) +
                                   ": open it with page_bytes = 0");
    }
    open_newest_usable(slots);
    open_.store(true, std::memory_order_release);
}

database_core::~database_core() {
    try {
        if (open_.exchange(false)) { close_log(); }
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the log has everything, and
                                       // the next open replays it
    }
    let_go();
}

std::shared_ptr<database_core> make_database_core(const std::string& path, const options& options,
                                                  std::unique_ptr<io::file_system> own_files) {
    const auto let_go = [](database_core* core) {
        if (!core->forked()) { delete core; }
    };
    return {new database_core(path, options, std::move(own_files)), let_go};
}

void database_core::lock(std::chrono::milliseconds timeout) {
    if (lock_free_) { return; }
    const io::lock_mode mode =
        read_only_ || mutant(37) ? io::lock_mode::shared : io::lock_mode::exclusive;
    const auto deadline = files_.now() + timeout;
    while (!file_->try_lock(io::lock_byte::writer, mode)) {
        if (files_.now() >= deadline) {
            raise(errc::busy, path_ + " is open elsewhere (" +
                                  (read_only_ ? "for writing" : "for reading or writing") +
                                  "): close it there, or open with a lock_timeout");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

// When the pages of the newest state are damaged, the older one serves if its log leads at least as
// far.
void database_core::open_newest_usable(const meta_slots& slots) {
    try {
        open_state(slots, 0);
    } catch (const error& failure) {
        const unsigned newest = slots.newest();
        const std::optional<format::meta>& older = slots.valid[newest ^ 1];
        const bool may_replay = !lock_free_ || options_.replay == replay::in_memory;
        if (failure.kind() != errc::corrupt || !older || !may_replay ||
            older->transaction == slots.current().transaction) {
            throw;
        }
        meta_slots rest = slots;
        rest.valid[newest].reset();
        try {
            open_state(rest, slots.current().log_position);
        } catch (const error&) { throw failure; }
        recovery_.from_older_meta = true;
    }
}

// What is written from here on must stay below what a reader accepts, or the file would not open
// again: a forged meta, or an empty file by a segment's name, may be right below it.
void database_core::require_room_to_count(const format::meta& meta,
                                          std::uint64_t last_segment) const {
    const std::uint64_t highest =
        std::max({meta.sequence, meta.transaction, meta.log_position, last_segment});
    if (highest > format::count_max / 2) {
        raise(errc::corrupt, path_ +
                                 ": a counter of its meta page, or the number of a log file beside "
                                 "it, is higher than can come about (" +
                                 std::to_string(highest) +
                                 "): open it for reading only, and remove log files by such names");
    }
}

void database_core::open_state(const meta_slots& slots, std::uint64_t durable_floor) {
    const format::meta& meta = slots.current();
    if (mutant(32) && read_only_) {
        for (const log_segment& each : list_segments(files_, path_)) { files_.remove(each.path); }
    }
    std::optional<log_reader> log;
    if (!in_memory_) {
        try {
            log.emplace(files_, path_, list_segments(files_, path_), meta, durable_floor);
        } catch (const error& failure) {
            const bool goes_without = options_.replay == replay::ignore || is_beside_writer() ||
                                      (failure.kind() == errc::log_missing &&
                                       options_.missing_log == missing_log::open_without);
            if (!goes_without) { throw; }
        }
    }
    const bool replaying = log && needs_replay(*log, meta);
    if (replaying && read_only_ && checkpoints_ == nullptr) {
        file_ = std::make_unique<io::overlay_file>(std::move(file_), files_.offers());
    }
    checkpoints_.reset();
    attach_pages(meta, read_only_ && !replaying);
    tip_ = {meta.transaction, meta.catalog, meta.page_count, meta.next_tree};
    publication_.publish(tip_);
    if (read_only_ && !replaying) { return; }
    if (!read_only_) {
        require_room_to_count(meta, log ? log->last_sequence() : meta.log_first_segment);
    }
    checkpoints_ = std::make_unique<checkpoint_writer>(*file_, slots);
    load_free_space(meta);
    log_origin_ = {path_,
                   meta.uuid,
                   {meta.log_position, meta.log_chain},
                   meta.log_first_segment,
                   options_.log_segment_bytes,
                   !options_.sigbus_handler};
    if (replaying) { recover(*log); }
    if (log) {
        log_origin_.from = log->end();
        log_origin_.last_sequence = log->last_sequence();
        for (const log_segment& each : log->leftovers()) { leftovers_.push_back(each.path); }
    }
    log_end_.store(log_origin_.from.position);
    saved_position_.store(log_origin_.from.position);
    note_space();
}

bool database_core::needs_replay(const log_reader& log, const format::meta& meta) const {
    if (log.verdict() != log_verdict::replay) { return false; }
    if (!read_only_) { return true; }
    if (options_.replay == replay::ignore || is_beside_writer()) { return false; }
    if (options_.replay == replay::refuse) {
        raise(errc::recovery_required,
              path_ + " was not closed: its log goes on behind position " +
                  std::to_string(meta.log_position) +
                  "; open it for writing once, or read-only with options.replay = "
                  "replay::in_memory");
    }
    return true;
}

// Of a file that another process has open for writing, a reader without locks shows the last
// checkpoint; its log is in motion.
bool database_core::is_beside_writer() const {
    if (!lock_free_) { return false; }
    return file_->is_locked_elsewhere(io::lock_byte::writer);
}

void database_core::attach_pages(const format::meta& meta, bool read_only) {
    source_.reset();
    store_ = std::make_unique<page_store>(*file_, seed_of(meta.uuid), meta.page_bytes);
    if (options_.paging == paging::direct && read_only) {
        source_ = io::make_direct_source(*file_, *store_, meta.page_bytes);
    } else if (options_.paging == paging::raw) {
        source_ = io::make_raw_mapping(*file_, files_, *store_, meta.page_bytes, read_only);
    } else {
        io::pool_options pool{};
        pool.budget_bytes = options_.pool_bytes != 0 ? options_.pool_bytes : default_pool_bytes();
        pool.release = options_.eviction == eviction::release;
        pool.exact_lru = options_.exact_lru;
        pool.read_only = read_only;
        source_ = io::make_buffer_pool(*file_, files_, *store_, meta.page_bytes, pool);
    }
    if (options_.sigbus_handler) { source_->guard_from_sigbus(); }
    store_->attach(*source_, meta.page_count, meta.transaction);
}

void database_core::load_free_space(const format::meta& meta) {
    load_space(*file_, meta, store_->space());
    store_->space().keep(kept_roots());
}

// The log's transactions once more; then the data file alone holds everything, and says so.
void database_core::recover(log_reader& log) {
    const auto start = files_.now();
    const bool from_older_meta = recovery_.from_older_meta;
    recovery_ = {};
    recovery_.from_older_meta = from_older_meta;
    if (!read_only_) { log.sync_trusted(); }  // before anything relies on it
    tip_ = replay_log(log, *store_, tip_, kept_roots(), options_.on_recovery, recovery_);
    require_disjoint(*store_, tip_);
    publication_.publish(tip_);
    recovery_.seconds = std::chrono::duration<double>(files_.now() - start).count();
    log_origin_.from = log.end();
    log_origin_.last_sequence = log.last_sequence();
    if (read_only_) { return; }
    checkpoint_outcome outcome = checkpoint_outcome::unchanged;
    if (mutant(36)) {
        for (const log_segment& each : log.segments()) { files_.remove(each.path); }
    }
    if (tip_.transaction == checkpoints_->newest().transaction) {
        checkpoints_->restate(log_place(), true, outcome);
    } else {
        checkpoints_->settle(*store_, job_of_tip(), true, outcome);
    }
    for (const log_segment& each : log.segments()) {
        if (!mutant(11)) { leftovers_.push_back(each.path); }
    }
    remove_leftovers();
}

void database_core::require_open() const {
    if (forked()) {
        raise(errc::misuse,
              path_ + " was opened by the parent process: a forked child opens it again");
    }
    if (!is_open()) { raise(errc::misuse, path_ + " was closed: open it again"); }
}

void database_core::require_writable() const {
    require_open();
    if (read_only_) {
        raise(errc::read_only,
              path_ + " was opened read-only: open it with access_mode::must_exist");
    }
    if (poisoned()) {
        raise(errc::poisoned,
              "an earlier sync of " + path_ +
                  " failed, so nothing more is written: close it, look at the device, and reopen");
    }
}

std::span<const std::uint64_t> database_core::kept_roots() {
    std::vector<std::uint64_t>& kept = kept_roots_;
    kept.clear();
    publication_.kept(kept);
    if (!in_memory_) { checkpoints_->kept(kept); }
    if (!mutant(6)) { snapshots_.held(kept); }
    std::sort(kept.begin(), kept.end());
    kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
    return kept;
}

std::shared_ptr<read_core> database_core::begin_read() {
    require_open();
    published_state state;
    snapshot_registry::slot& slot = snapshots_.acquire(state);
    try {
        // Closing looks for readers after it has said that it closes; so this looks again.
        require_open();
        return std::allocate_shared<read_core>(recycling_allocator<read_core>(), shared_from_this(),
                                               *store_, state, slot);
    } catch (...) {
        snapshot_registry::release(slot);
        throw;
    }
}

std::shared_ptr<write_core> database_core::begin_write(
    std::optional<std::chrono::milliseconds> timeout) {
    require_writable();
    wait_for_room();
    return writers_.enter(timeout) ? start_write() : nullptr;
}

std::shared_ptr<write_core> database_core::try_begin_write() {
    require_writable();
    return writers_.try_enter() ? start_write() : nullptr;
}

std::shared_ptr<write_core> database_core::start_write() {
    try {
        require_writable();
        if (store_->is_short_of_space()) { reclaim_space(); }
        auto transaction = std::allocate_shared<write_core>(recycling_allocator<write_core>(),
                                                            shared_from_this(), *store_, tip_);
        operations_.clear();
        if (!in_memory_) { transaction->record_into(&operations_); }
        try {
            store_->begin(tip_.transaction + 1, kept_roots());
        } catch (...) {
            transaction->end();
            throw;
        }
        return transaction;
    } catch (...) {
        writers_.leave();
        throw;
    }
}

void database_core::note_space() noexcept {
    const free_space& space = store_->space();
    free_pages_.store(space.free_pages(), std::memory_order_relaxed);
    held_pages_.store(space.held_pages(), std::memory_order_relaxed);
    live_bytes_.store(
        (space.page_count() - space.free_pages() - space.held_pages()) * store_->page_bytes(),
        std::memory_order_relaxed);
}

database_statistics database_core::statistics() const {
    require_open();
    const published_state state = snapshots_.current();
    database_statistics result;
    result.pool = source_->statistics();
    result.page_bytes = page_bytes();
    result.file_pages = state.page_count;
    result.free_pages = free_pages_.load(std::memory_order_relaxed);
    result.held_pages = held_pages_.load(std::memory_order_relaxed);
    result.transaction = state.transaction;
    result.commits = commits_.load(std::memory_order_relaxed);
    result.aborts = aborts_.load(std::memory_order_relaxed);
    result.readers = snapshots_.readers();
    result.log_position = log_end_.load(std::memory_order_relaxed);
    result.durable_position = durable_position();
    result.log_bytes = unsaved_log();
    if (has_log_.load(std::memory_order_acquire)) {
        const log_statistics log = log_->statistics();
        result.log_segments = log.segments;
        result.log_syncs = log.syncs;
    }
    result.checkpoints = checkpoints_done_.load(std::memory_order_relaxed);
    result.checkpoints_cancelled = checkpoints_cancelled_.load(std::memory_order_relaxed);
    result.waits = waits_.load(std::memory_order_relaxed);
    result.seconds_waited =
        static_cast<double>(microseconds_waited_.load(std::memory_order_relaxed)) * 1e-6;
    result.recovery = recovery_;
    return result;
}

void database_core::close() {
    if (forked()) { return; }
    if (!open_.exchange(false)) { return; }
    const std::uint64_t readers = snapshots_.readers();
    const std::uint64_t writers = writers_.held() ? 1 : 0;
    if (readers + writers != 0) {
        open_.store(true);
        raise(errc::misuse, "cannot close " + path_ + ": " + std::to_string(readers) +
                                " read and " + std::to_string(writers) +
                                " write transactions are running; end them first");
    }
    while (log_uses_.load(std::memory_order_seq_cst) != 0) {
        std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    try {
        close_log();
    } catch (const error& failure) {
        let_go();
        raise(failure.kind(), path_ +
                                  " is closed, but not by a last checkpoint; the next open "
                                  "replays what is in the log (" +
                                  failure.what() + ")");
    } catch (...) {
        let_go();
        throw;
    }
    let_go();
}

// The data file becomes complete without its log.
void database_core::close_log() {
    background_.stop();
    run_checkpoint();  // one that was frozen and not taken up
    if (!log_) { return; }
    if (poisoned()) {
        if (log_->durable() >= log_->end().position) { return; }
        raise(errc::poisoned, "a sync failed, and relaxed commits behind log position " +
                                  std::to_string(log_->durable()) + " may be lost");
    }
    sync_log(log_->end().position, company::none);
    checkpoint_outcome outcome = checkpoint_outcome::unchanged;
    try {
        if (tip_.transaction == checkpoints_->newest().transaction) {
            checkpoints_->restate(log_place(), true, outcome);
        } else {
            checkpoints_->settle(*store_, job_of_tip(), true, outcome);
        }
    } catch (...) {
        poison();
        throw;
    }
    log_->remove_all();
}

void database_core::let_go() noexcept {
    background_.stop();
    log_.reset();
    source_.reset();
    file_.reset();
}

void database_core::release_memory() {
    require_open();
    source_->evict_all();
}

}  // namespace pinyon
