#include "tools/log_picture.hpp"

#include <algorithm>

#include "pinyon/engine/meta.hpp"
#include "tools/exit_code.hpp"

namespace pinyon::tool {

namespace {

// The newest meta, whatever the length of the file that it is in: a log is worth a look also where
// the database beside it was cut.
format::meta newest_meta(io::file& file, const std::string& path) {
    std::array<std::byte, format::meta_block_bytes> block{};
    meta_slots slots;
    for (unsigned slot = 0; slot < 2; ++slot) {
        const std::size_t got = file.read_medium(format::meta_offset[slot], block);
        slots.valid[slot] = decode_meta(bytes(block).first(got), slot, slots.defect[slot]);
    }
    if (!slots.valid[0] && !slots.valid[1]) { return read_metas(file, path).current(); }
    return slots.current();
}

bool is_zero(bytes part) {
    return std::all_of(part.begin(), part.end(), [](std::byte b) { return b == std::byte{0}; });
}

}  // namespace

log_picture::log_picture(const std::string& file)
    : files_(io::posix_file_system()), path_(files_.resolve(file)) {
    const auto opened = files_.open(path_, io::open_mode::read_only);
    meta_ = newest_meta(*opened, file);
    segments_ = list_segments(files_, path_);
    look_ahead();
}

void log_picture::look_ahead() {
    outlook_.end = meta_.log_position;
    outlook_.last_transaction = meta_.transaction;
    try {
        log_reader log(files_, path_, segments_, meta_);
        outlook_.verdict = log.verdict();
        while (const auto batch = log.next()) {
            ++outlook_.transactions;
            outlook_.operations += batch->operations;
            outlook_.bytes += batch->end - batch->position;
            outlook_.end = batch->end;
            outlook_.last_transaction = batch->transaction;
        }
    } catch (const error& failure) {
        if (exit_code_of(failure.kind()) != exit_code::damage) { throw; }
        outlook_.damage = failure;
    }
}

segment_end log_picture::walk(const log_segment& segment,
                              const std::function<void(const log_place&)>& use) const {
    const std::uint64_t log_id = segment.header->log_id;
    segment_window window(files_, segment);
    segment_end end{0, segment.header->position, format::segment_block_bytes, ""};
    std::uint64_t chain = segment.header->chain;
    for (;;) {
        const auto header = window.header_at(end.offset, log_id);
        if (!header || header->position != end.position) {
            end.what = is_zero(window.at(end.offset, sizeof(format::batch_header)))
                           ? "zeros"
                           : "nothing that is a batch";
            return end;
        }
        const bytes payload = window.at(end.offset + sizeof *header, header->length);
        if (payload.size() != header->length ||
            payload_checksum(payload, log_id, header->position) != header->payload_checksum) {
            end.what = "transaction " + std::to_string(header->transaction) +
                       ", whose operations fail their checksum";
            return end;
        }
        const std::uint64_t next = end.position + format::batch_bytes(header->length);
        const bool replayed =
            log_id == meta_.log_id && end.position >= meta_.log_position && next <= outlook_.end;
        use({&segment, end.offset, *header, payload, header->previous == chain, replayed});
        chain = header->checksum;
        ++end.batches;
        end.offset += next - end.position;
        end.position = next;
    }
}

}  // namespace pinyon::tool
