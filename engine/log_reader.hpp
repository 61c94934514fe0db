// Judging an existing log against a meta, and reading what of it is to be replayed. Everything
// comes from the medium: after a failed sync the page cache shows what is not on disk.
//
// Invariants
//  1. A batch that is returned is whole, chained to the state of the meta by all batches between,
//     and of the transaction that follows.
//  2. Reading ends quietly only where nothing proves that the log was durable beyond; where a
//     batch's header, a later segment, a meta or the floor does, it is log_corrupt.
//  3. Nothing is changed. What may be removed is listed, nothing else may.
//
// The table, for a meta M and the segments beside its file:
//
//   M          | segments                                     | verdict
//   CLEAN      | none                                         | clean
//   CLEAN      | blank, or batches at or before M's position  | clean_with_leftovers
//   CLEAN      | a batch beyond M's position                  | log_mismatch
//   not CLEAN  | a chain from M's position                    | replay
//   not CLEAN  | none                                         | log_missing
//   not CLEAN  | they end before M's position, wrong chain    | log_mismatch
//   any        | of another database, under another's name    | log_mismatch
//   any        | a gap or damage before an acknowledged batch | log_corrupt
//
// Of a torn tail nothing counts, also when its remains lie beyond the position of a CLEAN meta
// that a recovery wrote. A limit: rot in the very last acknowledged batch looks like a torn tail.
//
// Threads: none of it is shared.
// Failure: log_missing, log_mismatch, log_corrupt with file, position, what was found, what was
// expected and the remedy; version; io.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/format.hpp"
#include "pinyon/engine/log_format.hpp"
#include "pinyon/engine/log_segment.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon {

enum class log_verdict : std::uint8_t {
    clean,                 // the file is complete, and alone
    clean_with_leftovers,  // the file is complete; leftovers() may go
    replay,                // what next() returns is to be applied
};

struct log_batch {
    std::uint64_t transaction = 0;
    std::uint32_t operations = 0;
    std::uint64_t position = 0;
    std::uint64_t end = 0;  // position of the next one
    bytes payload;          // until the next call of next()
};

class log_reader {
public:
    // `durable_floor`: a position that the log must reach, because something else (the newer meta,
    // when this is the older one) says so. Throws what the table says.
    log_reader(io::file_system& files, std::string database_path, std::vector<log_segment> segments,
               const format::meta& meta, std::uint64_t durable_floor = 0);

    [[nodiscard]] log_verdict verdict() const noexcept { return verdict_; }

    // The next batch; nullopt at the end of the log, and always when the verdict is not replay.
    // After a throw it throws the same again.
    [[nodiscard]] std::optional<log_batch> next();
    // Behind the last batch returned; M's place before the first.
    [[nodiscard]] log_cut end() const noexcept { return end_; }
    // Transaction of the last batch returned, M's before the first.
    [[nodiscard]] std::uint64_t transaction() const noexcept { return transaction_; }

    // For progress: bytes of batches that there can be at most, and those returned.
    [[nodiscard]] std::uint64_t bytes_total() const noexcept { return bytes_total_; }
    [[nodiscard]] std::uint64_t bytes_done() const noexcept {
        return end_.position - meta_.log_position;
    }

    // fdatasync of all segments(), so that what was read here stays: before the first next().
    void sync_trusted();
    // Those of M's log, ascending: may go when the state they lead to is durable in both metas.
    [[nodiscard]] const std::vector<log_segment>& segments() const noexcept { return segments_; }
    // All others: nobody needs them.
    [[nodiscard]] const std::vector<log_segment>& leftovers() const noexcept { return leftovers_; }
    // The highest sequence of all files and of M: a new log begins with the next one.
    [[nodiscard]] std::uint64_t last_sequence() const noexcept { return last_sequence_; }

private:
    void sort_out(std::vector<log_segment> segments);
    void require_ours(const log_segment& segment) const;
    void require_no_other_log() const;
    [[nodiscard]] std::optional<std::size_t> containing_meta() const noexcept;
    void judge_clean();
    void judge_replay();
    void require_reaches_meta();
    [[nodiscard]] std::optional<log_batch> advance();
    [[nodiscard]] std::optional<log_batch> read_batch();
    [[nodiscard]] std::optional<bytes> read_payload(const format::batch_header& header,
                                                    std::uint64_t offset);
    [[nodiscard]] bool cross();
    [[nodiscard]] std::optional<std::string> proof_beyond_end();
    [[noreturn]] void raise_no_log() const;
    [[noreturn]] void raise_ends_early(const log_cut& place);
    [[noreturn]] void raise_corrupt(const log_segment& segment, std::uint64_t position,
                                    const std::string& found) const;
    [[noreturn]] void raise_mismatch(const log_segment& segment, std::uint64_t position,
                                     const std::string& found) const;

    io::file_system& files_;
    std::string database_path_;
    format::meta meta_;
    std::uint64_t durable_floor_ = 0;
    log_verdict verdict_ = log_verdict::clean;
    std::vector<log_segment> segments_;
    std::vector<log_segment> leftovers_;
    std::uint64_t last_sequence_ = 0;
    std::uint64_t bytes_total_ = 0;

    std::size_t at_ = 0;  // the segment that end_ is in
    std::optional<segment_window> window_;
    log_cut end_;
    std::uint64_t transaction_ = 0;
    std::string place_;  // what stands at end_ when it is no batch
    bool finished_ = false;
    std::optional<error> failure_;
};

}  // namespace pinyon
