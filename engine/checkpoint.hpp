// A checkpoint: it makes one state of the pages the durable state of the file.
//
// Invariants (the order that durability rests on)
//  1. The log is durable up to the state's position, the free-space image and every changed page
//     are durable (one msync over the dirty span), before a meta that names them is written.
//  2. Each meta is durable before the other slot is touched. `run` writes one slot and leaves the
//     older meta usable; `settle` writes both. Where held pages outnumber those in use,
//     `give_up_older` comes first: the file then holds three whole states at most, not four.
//  3. A slot is overwritten under its lock byte. Where another process holds that, because it reads
//     the slot's state, the state's transaction stays kept until the byte can be had.
//  4. The states of both slots, and of the checkpoint that runs, are kept. The overwritten one goes
//     only after its successor's sync.
//  5. After a failed sync nothing is written any more: the caller poisons the database.
//
// Threads: `prepare` by the writer; `give_up_older`, `run`, `settle` and `restate` one at a time;
// the rest from any thread.
// Failure: `outcome` tells how far a checkpoint came.
#pragma once

#include <array>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include "pinyon/engine/meta.hpp"
#include "pinyon/engine/page_store.hpp"

namespace pinyon {

// What a failed checkpoint leaves behind.
enum class checkpoint_outcome : std::uint8_t {
    unchanged,  // nothing was written that counts: it is cancelled, the database goes on
    lost,       // a sync of data failed: the state is not in the file, nothing may be written
    unknown,    // a meta may or may not be durable
};

// Where the log goes on from a state, as a meta says it.
struct log_reference {
    std::uint64_t id = 0;  // 0: no log has begun
    std::uint64_t position = 0;
    std::uint64_t chain = 0;
    std::uint64_t first_segment = 0;
};

// A state on its way into the file.
struct checkpoint_job {
    std::uint64_t transaction = 0;
    format::root_reference catalog{};
    std::uint32_t next_tree = 1;
    std::uint64_t page_count = 0;
    log_reference log;
    io::page_run image;                    // of the free space
    std::vector<std::byte> image_content;  // whole pages
    std::uint64_t image_bytes = 0;
    std::uint64_t image_checksum = 0;
    io::page_run span;  // everything that may have changed since the last checkpoint
};

class checkpoint_writer {
public:
    checkpoint_writer(io::file& file, const meta_slots& slots);

    // Adds the transactions that invariants 3 and 4 keep.
    void kept(std::vector<std::uint64_t>& ids) const;
    // The newest meta and the one before it, as they stand in the file.
    [[nodiscard]] format::meta newest() const;
    [[nodiscard]] format::meta older() const;

    // Within a transaction of the store: takes a run for the image, retires the run of the last
    // one and lays out the image. Throws no_space, io, bad_alloc; aborting the transaction undoes
    // it.
    [[nodiscard]] checkpoint_job prepare(page_store& store);
    // That transaction is committed: the job's run is the store's from now on, whether the
    // checkpoint succeeds or not, and its state is kept until it has ended.
    void begin(const checkpoint_job& job) noexcept;
    // The checkpoint ended without a meta.
    void cancel() noexcept;

    // Writes the newest meta over the older one: what that alone holds is free for the next
    // transaction. O(1).
    void give_up_older(checkpoint_outcome& outcome);
    // Writes the job into the slot of the older meta. O(dirty span).
    void run(page_store& store, const checkpoint_job& job, checkpoint_outcome& outcome);
    // Writes it into both, `clean` when the file is complete without a log from then on.
    void settle(page_store& store, const checkpoint_job& job, bool clean,
                checkpoint_outcome& outcome);
    // Writes the newest state into both slots again, with another log: one that begins, or with
    // `clean` none. O(1).
    void restate(const log_reference& log, bool clean, checkpoint_outcome& outcome);

private:
    // A state that another process reads, and the slot whose lock byte it holds.
    struct foreign_snapshot {
        unsigned slot;
        std::uint64_t transaction;
    };

    void write_data(page_store& store, const checkpoint_job& job, checkpoint_outcome& outcome);
    [[nodiscard]] format::meta meta_of(const checkpoint_job& job, bool clean) const;
    void write_slot(format::meta meta);
    void write_both(const format::meta& meta);

    io::file& file_;
    mutable std::mutex mutex_;  // of what follows
    std::array<format::meta, 2> slots_;
    unsigned newest_;
    std::optional<std::uint64_t> running_;
    std::vector<foreign_snapshot> foreign_;
    io::page_run image_;  // the last one laid out, and the transaction it belongs to
    std::uint64_t image_born_;
    bool sync_failed_ = false;
};

// Reads and verifies the free-space image that `meta` names.
[[nodiscard]] std::vector<std::byte> read_image(io::file& file, const format::meta& meta);

// Loads that image into `space`. REQUIRES: `space` was reset to the pages of `meta`. Throws corrupt
// for an image that lists pages which the state is known to use: trusted blindly it would let the
// next transaction overwrite them.
void load_space(io::file& file, const format::meta& meta, free_space& space);

}  // namespace pinyon
