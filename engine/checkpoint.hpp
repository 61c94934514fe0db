// A checkpoint: it makes one state of the pages the durable state of the file.
//
// Invariants (the order that durability rests on)
//  1. The free-space image and every changed page are durable (one msync over the dirty span)
//     before a meta that names them is written.
//  2. Each meta is durable before the other slot is touched; a state is acknowledged when both
//     slots name it.
//  3. A slot is overwritten under its lock byte. Where another process holds that, because it reads
//     the slot's state, the state's transaction stays kept until the byte can be had.
//  4. After a failed sync nothing is written any more: the caller poisons the database.
//
// Threads: the writer. Failure: checkpoint_failure tells how far it came.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "pinyon/engine/meta.hpp"
#include "pinyon/engine/page_store.hpp"

namespace pinyon {

// What a failed checkpoint leaves behind.
enum class checkpoint_outcome : std::uint8_t {
    unchanged,  // nothing was written that counts: the transaction aborts, the database goes on
    lost,  // a sync of data failed: the commit is not in the file, nothing may be written any more
    unknown,  // a meta may or may not be durable
};

class checkpoint_writer {
public:
    checkpoint_writer(io::file& file, const meta_slots& slots);

    // The newest meta, as it stands in the file.
    [[nodiscard]] const format::meta& current() const noexcept { return newest_; }
    // Adds the transactions whose states must be kept: those of both slots, which a reopening could
    // start from, and those that other processes read.
    void kept(std::vector<std::uint64_t>& ids) const;

    // Writes the free-space image of the running transaction; before it, all trees are sealed.
    // Throws no_space, io with nothing lost.
    void write_image(page_store& store);
    // Flushes and writes both metas. `outcome` is set before anything can fail. O(dirty span).
    void settle(page_store& store, const format::root_reference& catalog, std::uint32_t next_tree,
                checkpoint_outcome& outcome);

private:
    // A state that another process reads, and the slot whose lock byte it holds.
    struct foreign_snapshot {
        unsigned slot;
        std::uint64_t transaction;
    };

    void write_slot(const format::meta& meta);

    io::file& file_;
    format::meta newest_;
    std::array<std::uint64_t, 2> slot_transactions_;
    std::vector<foreign_snapshot> foreign_;
    io::page_run image_;  // of the newest meta
    std::uint64_t image_born_;
    io::page_run next_image_;  // of the running transaction
    std::uint64_t next_image_bytes_ = 0;
    std::uint64_t next_image_checksum_ = 0;
    bool sync_failed_ = false;
};

// Reads and verifies the free-space image that `meta` names.
[[nodiscard]] std::vector<std::byte> read_image(io::file& file, const format::meta& meta);

}  // namespace pinyon
