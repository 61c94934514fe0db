// The log beside a database file as it lies there: its segments, the batches in them, and what a
// recovery makes of it.
//
// Invariants
//  1. Segments are read from the medium by position; nothing is changed, synced or locked.
//  2. Memory holds the list of the segments and one batch.
//
// Threads: one. Failure: io and the like; version for a log of a newer Pinyon. Damage is described,
// never thrown.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/check.hpp"
#include "pinyon/engine/log_reader.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon::tool {

// What a recovery would find.
struct log_outlook {
    log_verdict verdict = log_verdict::clean;
    std::optional<error> damage;     // why it would refuse; then the rest is what comes before
    std::uint64_t transactions = 0;  // that it would do again
    std::uint64_t operations = 0;
    std::uint64_t bytes = 0;
    std::uint64_t end = 0;               // the position behind the last of them
    std::uint64_t last_transaction = 0;  // the state that it leads to
};

// One batch that is whole, at its place in its segment.
struct log_place {
    const log_segment* segment = nullptr;
    std::uint64_t offset = 0;  // in the segment's file
    format::batch_header header{};
    bytes payload;
    bool follows = true;    // the one before it
    bool replayed = false;  // a recovery would do it again
};

// Where the batches of a segment end, and what stands there.
struct segment_end {
    std::uint64_t batches = 0;
    std::uint64_t position = 0;
    std::uint64_t offset = 0;
    std::string what;
};

class log_picture {
public:
    // Reads both metas and lists the segments. Throws what read_metas says when no meta is valid.
    explicit log_picture(const std::string& file);

    [[nodiscard]] const format::meta& meta() const noexcept { return meta_; }
    [[nodiscard]] bool is_clean() const noexcept {
        return (meta_.flags & format::meta_flag_clean) != 0;
    }
    [[nodiscard]] const std::vector<log_segment>& segments() const noexcept { return segments_; }
    [[nodiscard]] const log_outlook& outlook() const noexcept { return outlook_; }

    // Calls `use` for each batch of the segment until it ends. REQUIRES: segment.header.
    segment_end walk(const log_segment& segment,
                     const std::function<void(const log_place&)>& use) const;

private:
    void look_ahead();

    io::file_system& files_;
    std::string path_;
    format::meta meta_{};
    std::vector<log_segment> segments_;
    log_outlook outlook_;
};

}  // namespace pinyon::tool
