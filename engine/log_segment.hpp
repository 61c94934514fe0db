// Existing segments as files: their list, and a window on one of them, read from the medium.
//
// Invariants
//  1. Reads stay inside the file and inside its first format::segment_bytes_max bytes; a window
//     holds at most the largest batch.
//
// Threads: none of it is shared.
// Failure: io and the like from the file system; version for a segment of a newer Pinyon. Other
// contents never fail here, they are reported.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/log_format.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon {

struct log_segment {
    std::string path;
    std::uint64_t sequence = 0;  // as its name says
    std::uint64_t size = 0;
    std::optional<format::segment_header> header;  // when it is whole
    std::string defect;                            // else why not
    bool blank = false;  // no header was ever written: a spare, or what a crash left of one

    // Offset in the file of the batch at `position`. REQUIRES: header, position >= its.
    [[nodiscard]] std::uint64_t offset_of(std::uint64_t position) const noexcept {
        return format::segment_block_bytes + (position - header->position);
    }
};

// The segments of this database, by sequence, their headers read from the medium.
[[nodiscard]] std::vector<log_segment> list_segments(io::file_system& files,
                                                     const std::string& database_path);

// A window that moves over the bytes of one segment.
class segment_window {
public:
    segment_window(io::file_system& files, const log_segment& segment);

    // Bytes of the file that may hold batches end here.
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    // At most `count` bytes at `offset`, fewer where the file ends; valid until the next call.
    [[nodiscard]] bytes at(std::uint64_t offset, std::uint64_t count);
    // The header of a batch at `offset` that verifies as one of the log `log_id` at the position
    // that it states itself, which may not be its place; its payload is not looked at.
    [[nodiscard]] std::optional<format::batch_header> header_at(std::uint64_t offset,
                                                                std::uint64_t log_id);
    // The first such header at `offset` or behind, at any multiple of 8, that states a durable
    // position greater than `position`: proof that what is before it was acknowledged.
    [[nodiscard]] std::optional<format::batch_header> find_durable_beyond(std::uint64_t position,
                                                                          std::uint64_t offset,
                                                                          std::uint64_t log_id);
    // The first such header in the file whose batch stands at `position` or behind.
    [[nodiscard]] std::optional<format::batch_header> find_batch(std::uint64_t position,
                                                                 std::uint64_t log_id);
    void sync() { file_->sync(); }

private:
    template <class Accept>
    [[nodiscard]] std::optional<format::batch_header> find(std::uint64_t offset,
                                                           std::uint64_t log_id, Accept accept);

    std::unique_ptr<io::file> file_;
    std::uint64_t size_ = 0;
    std::vector<std::byte> buffer_;
    std::uint64_t first_ = 0;   // offset in the file of the buffer's first byte
    std::uint64_t filled_ = 0;  // bytes of it that were read
};

}  // namespace pinyon
