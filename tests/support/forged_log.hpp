// The log of a database as a list of segments and batches that a test may change, as accidents
// would or as a forger would, who makes every checksum and the chain right again.
//
// Threads: one at a time. Failure: runtime_error for a log that is not sound.
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "pinyon/engine/log_format.hpp"
#include "pinyon/engine/meta.hpp"
#include "support/saved_files.hpp"

namespace pinyon::test {

struct logged_batch {
    format::batch_header header{};
    std::vector<std::byte> payload;
    std::size_t segment = 0;
    std::uint64_t offset = 0;  // in its file

    [[nodiscard]] std::uint64_t end() const noexcept {
        return header.position + format::batch_bytes(header.length);
    }
};

struct logged_segment {
    std::string path;
    format::segment_header header{};
};

inline format::meta newest_meta(const saved_file& data) {
    meta_slots slots;
    for (unsigned slot = 0; slot != 2; ++slot) {
        const bytes block(data.content.data() + format::meta_offset[slot],
                          format::meta_block_bytes);
        slots.valid[slot] = decode_meta(block, slot, slots.defect[slot]);
    }
    return slots.current();
}

class forged_log {
public:
    // Reads all segments of the database `path` among `files`.
    forged_log(const saved_files& files, const std::string& path)
        : meta(newest_meta(files.at(path))) {
        for (const auto& entry : files) {
            if (!parse_segment_name(path, entry.first)) { continue; }
            read(entry.first, entry.second);
        }
        if (segments.empty()) { throw std::runtime_error("there is no log"); }
    }

    // Writes segments and batches as they stand, chained anew; `lengths_as_stated` leaves a
    // header's length as it is instead of that of the payload.
    void write(saved_files& files, bool lengths_as_stated = false) {
        log_cut cut{segments.front().header.position, segments.front().header.chain};
        for (std::size_t i = 0; i != segments.size(); ++i) {
            logged_segment& segment = segments[i];
            saved_file& file = files[segment.path];
            file.content.assign(file.content.size(), std::byte{0});
            segment.header.position = segment.header.previous_end = cut.position;
            segment.header.chain = cut.chain;
            segment.header.checksum = checksum_of(segment.header);
            file.put(0, &segment.header, sizeof segment.header);
            std::uint64_t offset = format::segment_block_bytes;
            for (logged_batch& batch : batches) {
                if (batch.segment != i) { continue; }
                if (!lengths_as_stated) { batch.header.length = batch.payload.size(); }
                seal(batch, cut, segment.header.log_id);
                file.put(offset, &batch.header, sizeof batch.header);
                file.put(offset + sizeof batch.header, batch.payload.data(), batch.payload.size());
                batch.offset = offset;
                offset += format::batch_bytes(batch.payload.size());
                file.size = std::max(file.size, offset);
            }
        }
    }

    // The first batch that a replay needs.
    [[nodiscard]] std::size_t first_needed() const noexcept {
        std::size_t i = 0;
        while (i != batches.size() && batches[i].header.position < meta.log_position) { ++i; }
        return i;
    }

    format::meta meta;
    std::vector<logged_segment> segments;
    std::vector<logged_batch> batches;

private:
    void read(const std::string& path, const saved_file& file) {
        logged_segment segment{path, {}};
        if (file.content.size() < sizeof segment.header) { return; }
        std::memcpy(&segment.header, file.content.data(), sizeof segment.header);
        if (segment.header.checksum != checksum_of(segment.header)) { return; }
        std::uint64_t position = segment.header.position;
        for (std::uint64_t at = format::segment_block_bytes;;) {
            logged_batch batch;
            if (at + sizeof batch.header > file.content.size()) { break; }
            std::memcpy(&batch.header, file.content.data() + at, sizeof batch.header);
            if (batch.header.checksum != checksum_of(batch.header, segment.header.log_id) ||
                batch.header.position != position) {
                break;
            }
            batch.segment = segments.size();
            batch.offset = at;
            for (std::uint64_t i = 0; i != batch.header.length; ++i) {
                batch.payload.push_back(file.at(at + sizeof batch.header + i));
            }
            position = batch.end();
            at += format::batch_bytes(batch.header.length);
            batches.push_back(std::move(batch));
        }
        segments.push_back(std::move(segment));
    }
    static void seal(logged_batch& batch, log_cut& cut, std::uint64_t log_id) {
        batch.header.position = cut.position;
        batch.header.durable = std::min(batch.header.durable, cut.position);
        batch.header.previous = cut.chain;
        batch.header.payload_checksum = payload_checksum(batch.payload, log_id, cut.position);
        batch.header.checksum = checksum_of(batch.header, log_id);
        cut = {cut.position + format::batch_bytes(batch.payload.size()), batch.header.checksum};
    }
};

}  // namespace pinyon::test
