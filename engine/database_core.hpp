// An open database inside: the file, its lock, its log, the pages, the snapshots and the right to
// write. The handles and the transactions share it. Opening and closing are in database_core.cpp,
// commits in database_commit.cpp, checkpoints in database_checkpoint.cpp.
//
// Invariants
//  1. While the file is open for writing this holds the writer lock byte; while it is open for
//     reading through a mapping, the same byte shared.
//  2. Kept roots are the published state and those that wait for it, the roots of both metas and of
//     a running checkpoint, and the snapshots of readers; these are looked at last, so no reader
//     can be missed: it starts from one of the former.
//  3. Appending the batch is a commit's point of no return: nothing behind it fails but the sync.
//  4. The next writer builds on `tip`, readers start from what is published; tip runs ahead by the
//     commits whose sync has not come back.
//  5. Once poisoned, nothing is written any more: no append, no checkpoint, no removal.
//  6. In a forked child nothing of it is used, closed or destroyed: other threads of the parent may
//     have held its locks at the fork, and its views are not mapped there.
//
// Threads: any, but for what says "the writer".
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "pinyon/engine/background.hpp"
#include "pinyon/engine/checkpoint.hpp"
#include "pinyon/engine/log_reader.hpp"
#include "pinyon/engine/log_writer.hpp"
#include "pinyon/engine/operation.hpp"
#include "pinyon/engine/options.hpp"
#include "pinyon/engine/page_store.hpp"
#include "pinyon/engine/publication.hpp"
#include "pinyon/engine/snapshot.hpp"
#include "pinyon/engine/statistics.hpp"
#include "pinyon/engine/transaction_core.hpp"
#include "pinyon/engine/writer_queue.hpp"
#include "pinyon/mmap/descriptor.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon {

class database_core;

class read_core final : public transaction_core {
public:
    read_core(std::shared_ptr<database_core> database, page_store& store,
              const published_state& start, snapshot_registry::slot& slot);
    ~read_core();
    // Lets the snapshot go. Does nothing the second time.
    void finish() noexcept;

private:
    snapshot_registry::slot* slot_;
};

class write_core final : public transaction_core {
public:
    write_core(const std::shared_ptr<database_core>& database, page_store& store,
               const published_state& start);
    ~write_core();
    std::uint64_t commit(durability when);
    void abort() noexcept;

private:
    database_core& database_;
};

class database_core : public std::enable_shared_from_this<database_core> {
public:
    // `files` is owned by the database when it is in memory, else it outlives it. A database in
    // memory has no log and no checkpoints: its commits only publish.
    database_core(const std::string& path, const options& options,
                  std::unique_ptr<io::file_system> own_files);
    // Closes, when `close` was not called and no transaction runs; what fails is left to recovery.
    ~database_core();
    database_core(const database_core&) = delete;
    database_core& operator=(const database_core&) = delete;

    [[nodiscard]] std::shared_ptr<read_core> begin_read();
    // Null when the turn did not come in time; no timeout: waits.
    [[nodiscard]] std::shared_ptr<write_core> begin_write(
        std::optional<std::chrono::milliseconds> timeout);
    [[nodiscard]] std::shared_ptr<write_core> try_begin_write();

    // The writer: makes what `transaction` changed durable and visible, or throws; either way it is
    // over. Returns the log position behind it; 0: none.
    std::uint64_t commit(write_core& transaction, durability when);
    void abort(write_core& transaction) noexcept;

    void wait_durable(std::uint64_t position);
    [[nodiscard]] std::uint64_t durable_position() const;
    void checkpoint();

    [[nodiscard]] database_statistics statistics() const;
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::uint32_t page_bytes() const noexcept { return store_->page_bytes(); }
    [[nodiscard]] bool is_open() const noexcept { return !forked() && open_.load(); }
    // True in a child of the process that opened the file.
    [[nodiscard]] bool forked() const noexcept { return process_ != io::fork_depth(); }
    void close();
    void release_memory();

private:
    // --- opening and closing ---------------------------------------------------------------------
    void lock(std::chrono::milliseconds timeout);
    void open_newest_usable(const meta_slots& slots);
    void require_room_to_count(const format::meta& meta, std::uint64_t last_segment) const;
    void open_state(const meta_slots& slots, std::uint64_t durable_floor);
    [[nodiscard]] bool needs_replay(const log_reader& log, const format::meta& meta) const;
    [[nodiscard]] bool is_beside_writer() const;
    void attach_pages(const format::meta& meta, bool read_only);
    void load_free_space(const format::meta& meta);
    void recover(log_reader& log);
    void require_open() const;
    void require_writable() const;
    [[nodiscard]] std::shared_ptr<write_core> start_write();
    // The writer: ascending; good until the next call.
    [[nodiscard]] std::span<const std::uint64_t> kept_roots();
    void note_space() noexcept;
    void close_log();
    void let_go() noexcept;

    // --- commits ---------------------------------------------------------------------------------
    // A call that goes on with the log without the right to write: closing waits for its end.
    class log_use {
    public:
        explicit log_use(database_core& database) noexcept : database_(database) {
            database_.log_uses_.fetch_add(1, std::memory_order_seq_cst);
        }
        ~log_use() { database_.log_uses_.fetch_sub(1, std::memory_order_seq_cst); }
        log_use(const log_use&) = delete;
        log_use& operator=(const log_use&) = delete;

    private:
        database_core& database_;
    };
    std::uint64_t commit_logged(write_core& transaction, durability when);
    void commit_checkpoint(write_core& transaction);
    void commit_in_memory(write_core& transaction);
    void begin_log();
    void remove_leftovers() noexcept;
    void finish_commit(write_core& transaction) noexcept;
    void judge_retired() noexcept;
    void give_back(write_core& transaction) noexcept;
    void sync_log(std::uint64_t position, company who);
    void poison() noexcept;
    [[nodiscard]] bool poisoned() const noexcept {
        return poisoned_.load(std::memory_order_acquire);
    }

    // --- checkpoints -----------------------------------------------------------------------------
    [[nodiscard]] std::uint64_t checkpoint_bytes() const noexcept;
    [[nodiscard]] std::uint64_t unsaved_log() const noexcept;
    [[nodiscard]] bool checkpoint_due() const noexcept;
    // The writer: where the log goes on from `tip`.
    [[nodiscard]] log_reference log_place() const;
    [[nodiscard]] io::page_run take_span() noexcept;
    void give_span_back(io::page_run span) noexcept;
    // The writer, between two transactions: a crowded file gives the older meta's state up.
    void make_way_for_checkpoint();
    // The writer, between two transactions: tip becomes the state of a checkpoint.
    [[nodiscard]] checkpoint_job job_of_tip();
    // The same, for `run_checkpoint`. False when one is running already, or space or memory is
    // short.
    bool freeze() noexcept;
    void run_checkpoint() noexcept;
    void end_checkpoint(bool done) noexcept;
    void remove_saved_log() noexcept;
    void wait_for_checkpoint();
    void settle(const checkpoint_job& job, bool clean, checkpoint_outcome& outcome);
    void reclaim_space();
    void wait_for_room();
    void background_work() noexcept;
    void checkpoint_by_time() noexcept;

    std::unique_ptr<io::file_system> own_files_;
    io::file_system& files_;
    options options_;
    std::string path_;
    bool in_memory_;
    bool read_only_;
    bool lock_free_;  // a reader that copes with a writer beside it
    std::unique_ptr<io::file> file_;
    std::unique_ptr<page_store> store_;
    std::unique_ptr<io::page_source> source_;
    std::unique_ptr<checkpoint_writer> checkpoints_;
    snapshot_registry snapshots_;
    publication publication_{snapshots_};
    writer_queue writers_;
    published_state tip_;          // the writer's
    operation_buffer operations_;  // of the running write transaction
    std::vector<std::uint64_t> kept_roots_;
    recovery_facts recovery_;

    // The log, from the first commit that needs one. The writer makes it; `has_log_` tells others.
    std::unique_ptr<log_writer> log_;
    std::atomic<bool> has_log_{false};
    std::atomic<std::uint32_t> log_uses_{0};
    log_origin log_origin_;
    std::vector<std::string> leftovers_;  // of older logs; they go when the next one has begun

    mutable std::mutex checkpoint_mutex_;  // of what follows
    std::condition_variable checkpoint_ended_;
    bool checkpoint_running_ = false;
    std::optional<checkpoint_job> job_;    // frozen, not yet taken up
    io::page_run unflushed_;               // of cancelled checkpoints
    std::uint64_t checkpoints_ended_ = 0;  // since the open
    bool last_checkpoint_done_ = true;
    std::chrono::steady_clock::time_point unsaved_since_{};  // the background thread's
    background_thread background_;

    std::atomic<std::uint64_t> log_end_{0};
    std::atomic<std::uint64_t> saved_position_{0};  // of the newest meta
    std::atomic<std::uint64_t> live_bytes_{0};
    const std::uint32_t process_ = io::fork_depth();
    std::atomic<bool> open_{false};
    std::atomic<bool> poisoned_{false};
    std::atomic<std::uint64_t> commits_{0};
    std::atomic<std::uint64_t> aborts_{0};
    std::atomic<std::uint64_t> checkpoints_done_{0};
    std::atomic<std::uint64_t> checkpoints_cancelled_{0};
    std::atomic<std::uint64_t> waits_{0};
    std::atomic<std::uint64_t> microseconds_waited_{0};
    std::atomic<std::uint64_t> free_pages_{0};  // as of the last commit, for statistics
    std::atomic<std::uint64_t> held_pages_{0};
};

// A core that dies with its last owner, but in a forked child is left as it is.
[[nodiscard]] std::shared_ptr<database_core> make_database_core(
    const std::string& path, const options& options, std::unique_ptr<io::file_system> own_files);

// Makes a new database file of `page_bytes`: built under a temporary name, durable before it gets
// its own. Throws exists when another process was faster.
void create_database_file(io::file_system& files, const std::string& path,
                          std::uint32_t page_bytes);

}  // namespace pinyon
