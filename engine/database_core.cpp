#include "pinyon/engine/database_core.hpp"

#include <algorithm>
#include <bit>
#include <thread>
#include <utility>

#include "pinyon/mmap/buffer_pool.hpp"
#include "pinyon/mmap/direct_source.hpp"
#include "pinyon/mmap/memory_limit.hpp"
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

void write_core::commit() {
    enter_commit();
    database_.commit(*this);
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
      path_(files_.resolve(path)),
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
        files_.sync_directory(path_);
    }
    const meta_slots slots = read_metas(*file_, path_);
    const format::meta& meta = slots.current();
    if (options.page_bytes != 0 && options.page_bytes != meta.page_bytes) {
        raise(errc::page_size, path_ + " has pages of " + std::to_string(meta.page_bytes) +
                                   " bytes, not of " + std::to_string(options.page_bytes) +
                                   ": open it with page_bytes = 0");
    }
    attach_pages(options, slots);
    snapshots_.publish({meta.transaction, meta.catalog, meta.page_count, meta.next_tree});
    if (!read_only_) {
        checkpoints_ = std::make_unique<checkpoint_writer>(*file_, slots);
        load_free_space(slots);
    }
    open_.store(true, std::memory_order_release);
}

database_core::~database_core() = default;

void database_core::lock(std::chrono::milliseconds timeout) {
    if (lock_free_) { return; }
    const io::lock_mode mode = read_only_ ? io::lock_mode::shared : io::lock_mode::exclusive;
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

void database_core::attach_pages(const options& options, const meta_slots& slots) {
    const format::meta& meta = slots.current();
    store_ = std::make_unique<page_store>(*file_, seed_of(meta.uuid), meta.page_bytes);
    if (options.paging == paging::direct) {
        source_ = io::make_direct_source(*file_, *store_, meta.page_bytes);
    } else if (options.paging == paging::raw) {
        source_ = io::make_raw_mapping(*file_, files_, *store_, meta.page_bytes, read_only_);
    } else {
        io::pool_options pool{};
        pool.budget_bytes = options.pool_bytes != 0 ? options.pool_bytes : default_pool_bytes();
        pool.release = options.eviction == eviction::release;
        pool.exact_lru = options.exact_lru;
        pool.read_only = read_only_;
        source_ = io::make_buffer_pool(*file_, files_, *store_, meta.page_bytes, pool);
    }
    store_->attach(*source_, meta.page_count, meta.transaction);
}

void database_core::load_free_space(const meta_slots& slots) {
    const format::meta& meta = slots.current();
    free_space& space = store_->space();
    if (meta.free_pages != 0) { space.load(read_image(*file_, meta), meta.transaction); }
    // A free list that is trusted blindly would let the next transaction overwrite these.
    if (space.is_free(meta.catalog.page) ||
        (meta.free_pages != 0 && space.is_free(meta.free_first))) {
        raise(errc::corrupt,
              "the free-space image lists pages that are in use; run `pinyon check` on the file",
              meta.free_first);
    }
    space.keep(kept_roots());
    free_pages_.store(space.free_pages(), std::memory_order_relaxed);
    held_pages_.store(space.held_pages(), std::memory_order_relaxed);
}

void database_core::require_open() const {
    if (!is_open()) { raise(errc::misuse, path_ + " was closed: open it again"); }
}

void database_core::require_writable() const {
    require_open();
    if (read_only_) {
        raise(errc::read_only,
              path_ + " was opened read-only: open it with access_mode::must_exist");
    }
    if (poisoned_.load(std::memory_order_acquire)) {
        raise(errc::poisoned,
              "an earlier sync of " + path_ +
                  " failed, so nothing more is written: close it, look at the device, and reopen");
    }
}

std::vector<std::uint64_t> database_core::kept_roots() const {
    std::vector<std::uint64_t> kept;
    checkpoints_->kept(kept);
    snapshots_.held(kept);
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
        return std::make_shared<read_core>(shared_from_this(), *store_, state, slot);
    } catch (...) {
        snapshot_registry::release(slot);
        throw;
    }
}

std::shared_ptr<write_core> database_core::begin_write(
    std::optional<std::chrono::milliseconds> timeout) {
    require_writable();
    return writers_.enter(timeout) ? start_write() : nullptr;
}

std::shared_ptr<write_core> database_core::try_begin_write() {
    require_writable();
    return writers_.try_enter() ? start_write() : nullptr;
}

std::shared_ptr<write_core> database_core::start_write() {
    try {
        require_writable();
        const published_state state = snapshots_.current();
        auto transaction = std::make_shared<write_core>(shared_from_this(), *store_, state);
        store_->begin(state.transaction + 1, kept_roots());
        return transaction;
    } catch (...) {
        writers_.leave();
        throw;
    }
}

void database_core::commit(write_core& transaction) {
    checkpoint_outcome outcome = checkpoint_outcome::unchanged;
    try {
        if (!transaction.seal()) {
            give_back(transaction);
            return;
        }
        checkpoints_->write_image(*store_);
        checkpoints_->settle(*store_, transaction.catalog_root(), transaction.next_tree(), outcome);
    } catch (const error& failure) {
        if (outcome == checkpoint_outcome::unchanged) {
            abort(transaction);
            throw;
        }
        poisoned_.store(true, std::memory_order_release);
        transaction.end();
        writers_.leave();
        raise(outcome == checkpoint_outcome::lost ? errc::io : errc::commit_unknown,
              std::string(outcome == checkpoint_outcome::lost
                              ? "the commit failed and is not in the file; "
                              : "the commit failed while its meta page was written, it may or may "
                                "not be in the file; ") +
                  "the database reads on but writes no more: reopen it (" + failure.what() + ")");
    } catch (...) {
        abort(transaction);
        throw;
    }
    store_->publish();
    snapshots_.publish({transaction.id(), transaction.catalog_root(), store_->space().page_count(),
                        transaction.next_tree()});
    store_->commit(kept_roots());
    free_pages_.store(store_->space().free_pages(), std::memory_order_relaxed);
    held_pages_.store(store_->space().held_pages(), std::memory_order_relaxed);
    commits_.fetch_add(1, std::memory_order_relaxed);
    transaction.end();
    writers_.leave();
}

// The pages of an unfinished transaction go back to the free set.
void database_core::give_back(write_core& transaction) noexcept {
    store_->abort();
    transaction.end();
    writers_.leave();
}

void database_core::abort(write_core& transaction) noexcept {
    aborts_.fetch_add(1, std::memory_order_relaxed);
    give_back(transaction);
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
    return result;
}

void database_core::close() {
    if (!open_.exchange(false)) { return; }
    const std::uint64_t readers = snapshots_.readers();
    const std::uint64_t writers = writers_.held() ? 1 : 0;
    if (readers + writers != 0) {
        open_.store(true);
        raise(errc::misuse, "cannot close " + path_ + ": " + std::to_string(readers) +
                                " read and " + std::to_string(writers) +
                                " write transactions are running; end them first");
    }
    // Every commit of this stage is durable already: closing only lets go.
    source_.reset();
    file_.reset();
}

void database_core::release_memory() {
    require_open();
    source_->evict_all();
}

}  // namespace pinyon
