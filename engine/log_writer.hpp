// The writing side of the log: batches appended by the one writer, made durable by whoever waits,
// all that wait together by one sync.
//
// Invariants
//  1. All bytes before durable() are on the medium; durable() never moves back, and a batch says
//     no more than it of what was durable when it was written.
//  2. A segment is synced to its end before the first byte of its successor's header is written,
//     and takes no batch after that.
//  3. One thread at a time syncs (the leader). After a failed sync there is none ever again: the
//     kernel has forgotten what it could not write, and a second call would succeed.
//  4. append throws: nothing of the transaction is in the log (commit_unknown: it may be).
//  5. Names are never used twice, segments never reused.
//
// Threads: append, end and segment_of by the one writer; the rest by any thread, remove_all and the
// destructor by the last one. wait_durable blocks without spinning.
// Failure: append: no_space, io (the transaction is aborted, the log goes on), poisoned,
// commit_unknown. wait_durable: commit_unknown. Any sync or write-back that fails poisons, that of
// a spare or of the directory, too.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/log_format.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon {

// Where a new log begins.
struct log_origin {
    std::string database_path;
    std::array<std::uint8_t, 16> uuid{};
    log_cut from;                     // where the log before ended
    std::uint64_t last_sequence = 0;  // the highest that was ever used
    // Size of a segment's file, at most format::segment_bytes_max; 0: 1 MiB for the first, then
    // four times the one before, up to 16 MiB.
    std::uint64_t segment_bytes = 0;
    // Whether batches may be stored through a mapping: a file that another program cuts is a
    // signal then.
    bool stores = true;
};

// Whether a sync waits a moment for those whom the last one released: senseless for the writer, who
// keeps them from appending.
enum class company { expected, none };

struct log_statistics {
    std::uint64_t syncs = 0;  // of batches; those that prepare files are not counted
    std::uint64_t batches = 0;
    std::uint64_t bytes = 0;     // of batches
    std::uint64_t segments = 0;  // begun
};

class log_writer {
public:
    // Makes the first segment, with its header, durable under its name. `files` outlives this.
    // On failure what was made is removed again where possible; a blank file is a leftover.
    log_writer(io::file_system& files, log_origin origin);
    ~log_writer();
    log_writer(const log_writer&) = delete;
    log_writer& operator=(const log_writer&) = delete;

    // For the metas that name this log.
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] std::uint64_t first_segment() const noexcept { return first_sequence_; }
    // The highest sequence in use, the spare's included.
    [[nodiscard]] std::uint64_t last_sequence() const;

    // Returns the position behind the batch; the point of no return. One write, or a store through
    // a mapping where nobody syncs; no sync but when a segment is full. misuse when the payload
    // exceeds format::payload_bytes_max.
    std::uint64_t append(std::uint64_t transaction, std::uint32_t operations, bytes payload);
    // Behind the last batch.
    [[nodiscard]] log_cut end() const noexcept { return {end_.load(), chain_}; }
    // The sequence of the segment in which the batch at `position` is or will be, for the metas.
    // REQUIRES: position was returned by append or is the origin's, and is not removed.
    [[nodiscard]] std::uint64_t segment_of(std::uint64_t position) const;

    // True when the current segment is filling up and no successor is ready. Cheap.
    [[nodiscard]] bool wants_spare() const noexcept {
        return spare_wanted_.load(std::memory_order_relaxed);
    }
    // Makes the successor's file, zeroed and durable, so that append need not. no_space leaves all
    // as it was.
    void prepare_spare();
    // Removes the segments that end at or before `position`, lowest first, never the current one.
    void remove_before(std::uint64_t position);
    // The clean close: removes all, the spare included, lowest first. Nothing is called after it.
    void remove_all();

    [[nodiscard]] std::uint64_t durable() const noexcept {
        return durable_.load(std::memory_order_acquire);
    }
    // Returns when all bytes before `position` are durable. REQUIRES: position <= end().
    void wait_durable(std::uint64_t position, company who = company::expected);

    // Also by the owner, when another file's sync failed: no append and no sync any more.
    void poison() noexcept;
    [[nodiscard]] bool poisoned() const noexcept {
        return poisoned_.load(std::memory_order_acquire);
    }
    [[nodiscard]] log_statistics statistics() const noexcept;

private:
    struct segment {
        std::uint64_t sequence = 0;
        std::uint64_t position = 0;  // of its first batch; it ends where the next one begins
    };

    [[nodiscard]] std::string path_of(std::uint64_t sequence) const {
        return segment_name(origin_.database_path, sequence);
    }
    [[nodiscard]] std::uint64_t bytes_of_segment(std::uint64_t number) const noexcept;
    [[nodiscard]] std::unique_ptr<io::file> make_file(std::uint64_t sequence, std::uint64_t size);
    void fill(io::file& file, std::uint64_t size);
    void sync_made(io::file& file);
    void sync_names();
    void write_segment_header(io::file& file, std::uint64_t sequence, std::uint64_t previous);
    void discard(std::uint64_t sequence) noexcept;

    void require_sound() const;
    void roll(std::uint64_t batch_bytes);
    void make_spare(std::uint64_t size);
    void pace();
    void ask_ahead() noexcept;
    void hand_over(std::uint64_t first, std::uint64_t end);
    void put(std::uint64_t offset);
    void take_back(std::uint64_t offset, const char* cause);
    void wish_spare() noexcept;

    void gather(std::unique_lock<std::mutex>& lock);
    void lead(std::unique_lock<std::mutex>& lock);
    [[noreturn]] void stop(const char* because, const error& failure);
    [[noreturn]] void raise_unknown(std::uint64_t position) const;

    io::file_system& files_;
    const log_origin origin_;
    std::uint64_t id_ = 0;
    std::uint64_t first_sequence_ = 0;

    // The writer's own.
    std::vector<std::byte> buffer_;  // a batch, put together for its one write
    std::uint64_t chain_ = 0;
    std::uint64_t segment_position_ = 0;  // of the current segment
    std::uint64_t segment_size_ = 0;      // of its file
    std::uint64_t paced_ = 0;             // all before it was handed over or is durable
    std::uint64_t seen_durable_ = 0;      // at the last batch
    unsigned written_ = 0;                // batches by calls since durable() moved
    bool closed_ = false;                 // it takes no more: its successor's header was begun

    std::atomic<std::uint64_t> end_{0};
    std::atomic<std::uint64_t> durable_{0};
    std::atomic<bool> poisoned_{false};
    std::atomic<bool> spare_wanted_{false};
    std::atomic<bool> spare_ready_{false};

    mutable std::mutex mutex_;  // guards what follows
    std::unique_ptr<io::file> current_;
    std::deque<segment> segments_;  // those that exist, ascending; the last is the current one
    bool syncing_ = false;
    // Sync number n is waited for at turn_[n & 1]: those who come while it runs wait at the other
    // one, and its end wakes all of the former and one of the latter, who sees to the next.
    std::uint64_t generation_ = 0;  // of the running sync, else of the last
    std::uint64_t target_ = 0;      // what it makes durable
    std::array<std::condition_variable, 2> turn_;
    std::uint64_t released_ = 0;  // how many wait for the running sync
    std::uint64_t pending_ = 0;   // how many wait for the one after it
    // The next sync begins when so many wait for it, or at this time, which one of them keeps.
    std::uint64_t expected_ = 0;
    std::chrono::steady_clock::time_point latest_;
    std::uint64_t gathered_ = 0;  // number of the sync that somebody keeps the time of; 0: none
    bool hurried_ = false;  // one that is not to wait does, for the sync after the running one

    mutable std::mutex spare_mutex_;  // guards what follows; never taken while mutex_ is held
    std::unique_ptr<io::file> spare_;
    std::uint64_t spare_sequence_ = 0;  // of the file in spare_, or of the next to be made

    std::mutex removal_;  // one remover at a time

    std::atomic<std::uint64_t> syncs_{0};
    std::atomic<std::uint64_t> batches_{0};
    std::atomic<std::uint64_t> begun_{0};
};

}  // namespace pinyon
