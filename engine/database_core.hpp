// An open database inside: the file, its lock, the pages, the snapshots and the right to write. The
// handles and the transactions share it.
//
// Invariants
//  1. While the file is open for writing this holds the writer lock byte; while it is open for
//     reading through a mapping, the same byte shared.
//  2. Kept roots are the snapshots of readers and the roots of both metas; they are looked up after
//     the new state was published, so no reader can be missed.
//  3. In a forked child nothing of it is used, closed or destroyed: other threads of the parent may
//     have held its locks at the fork, and its views are not mapped there.
//  4. Once poisoned, nothing is written any more.
//
// Threads: any, but for what says "the writer".
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/checkpoint.hpp"
#include "pinyon/engine/options.hpp"
#include "pinyon/engine/page_store.hpp"
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
    void commit();
    void abort() noexcept;

private:
    database_core& database_;
};

class database_core : public std::enable_shared_from_this<database_core> {
public:
    // `files` is owned by the database when it is in memory, else it outlives it.
    database_core(const std::string& path, const options& options,
                  std::unique_ptr<io::file_system> own_files);
    ~database_core();
    database_core(const database_core&) = delete;
    database_core& operator=(const database_core&) = delete;

    [[nodiscard]] std::shared_ptr<read_core> begin_read();
    // Null when the turn did not come in time; no timeout: waits.
    [[nodiscard]] std::shared_ptr<write_core> begin_write(
        std::optional<std::chrono::milliseconds> timeout);
    [[nodiscard]] std::shared_ptr<write_core> try_begin_write();

    // The writer: makes what `transaction` changed durable and visible, or throws; either way it is
    // over.
    void commit(write_core& transaction);
    void abort(write_core& transaction) noexcept;

    [[nodiscard]] database_statistics statistics() const;
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::uint32_t page_bytes() const noexcept { return store_->page_bytes(); }
    [[nodiscard]] bool is_open() const noexcept { return !forked() && open_.load(); }
    // True in a child of the process that opened the file.
    [[nodiscard]] bool forked() const noexcept { return process_ != io::fork_depth(); }
    void close();
    void release_memory();

private:
    void lock(std::chrono::milliseconds timeout);
    void attach_pages(const options& options, const meta_slots& slots);
    void load_free_space(const meta_slots& slots);
    void require_open() const;
    void require_writable() const;
    [[nodiscard]] std::shared_ptr<write_core> start_write();
    [[nodiscard]] std::vector<std::uint64_t> kept_roots() const;
    void give_back(write_core& transaction) noexcept;

    std::unique_ptr<io::file_system> own_files_;
    io::file_system& files_;
    std::string path_;
    bool read_only_;
    bool lock_free_;  // a reader that copes with a writer beside it
    std::unique_ptr<io::file> file_;
    std::unique_ptr<page_store> store_;
    std::unique_ptr<io::page_source> source_;
    std::unique_ptr<checkpoint_writer> checkpoints_;
    snapshot_registry snapshots_;
    writer_queue writers_;
    const std::uint32_t process_ = io::fork_depth();
    std::atomic<bool> open_{false};
    std::atomic<bool> poisoned_{false};
    std::atomic<std::uint64_t> commits_{0};
    std::atomic<std::uint64_t> aborts_{0};
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
