#include "pinyon/engine/log_reader.hpp"

#include <algorithm>
#include <utility>

#include "pinyon/mmap/assert.hpp"
#include "pinyon/mmap/mutant.hpp"

namespace pinyon {

namespace {

constexpr const char* remedy =
    "; restore the database together with its log from a copy, or move the log's files away and "
    "open with options.log_missing = missing_log::open_without to get the last checkpoint alone";

[[nodiscard]] std::string at(std::uint64_t position) {
    return "position " + std::to_string(position);
}

[[nodiscard]] bool is_clean(const format::meta& meta) noexcept {
    return (meta.flags & format::meta_flag_clean) != 0;
}

}  // namespace

log_reader::log_reader(io::file_system& files, std::string database_path,
                       std::vector<log_segment> segments, const format::meta& meta,
                       std::uint64_t durable_floor)
    : files_(files),
      database_path_(std::move(database_path)),
      meta_(meta),
      durable_floor_(durable_floor),
      last_sequence_(meta.log_first_segment),
      end_{meta.log_position, meta.log_chain},
      transaction_(meta.transaction) {
    sort_out(std::move(segments));
    if (is_clean(meta_)) {
        judge_clean();
    } else {
        judge_replay();
    }
}

void log_reader::sort_out(std::vector<log_segment> segments) {
    for (log_segment& segment : segments) {
        last_sequence_ = std::max(last_sequence_, segment.sequence);
        if (segment.header) { require_ours(segment); }
        const bool is_of_log = segment.header && segment.header->log_id == meta_.log_id;
        std::vector<log_segment>& kind = is_of_log ? segments_ : leftovers_;
        if (is_of_log && !kind.empty() && kind.back().header->position > segment.header->position) {
            raise_corrupt(segment, segment.header->position,
                          "it begins there, before " + kind.back().path + " at " +
                              at(kind.back().header->position));
        }
        kind.push_back(std::move(segment));
    }
}

void log_reader::require_ours(const log_segment& segment) const {
    if (segment.header->uuid != meta_.uuid && !mutant(21)) {
        raise_mismatch(segment, segment.header->position,
                       "it is of another database (its uuid is not that of the file)");
    }
    if (segment.header->sequence != segment.sequence) {
        raise_mismatch(
            segment, segment.header->position,
            "it was renamed: its header says segment " + std::to_string(segment.header->sequence));
    }
}

// A log that M does not name, and that is not older than M's, must hold nothing behind M: it would
// be that of another moment of this database.
void log_reader::require_no_other_log() const {
    for (const log_segment& segment : leftovers_) {
        if (!segment.header || segment.sequence < meta_.log_first_segment) { continue; }
        segment_window window(files_, segment);
        const auto found = window.find_batch(meta_.log_position, segment.header->log_id);
        if (found) {
            raise_mismatch(segment, found->position,
                           "there is a transaction (" + std::to_string(found->transaction) +
                               ") in a log that the file does not know; the file's state is that "
                               "of " +
                               at(meta_.log_position) + ", transaction " +
                               std::to_string(meta_.transaction));
        }
    }
}

// The last segment of the log that begins at or before M's position.
std::optional<std::size_t> log_reader::containing_meta() const noexcept {
    std::optional<std::size_t> found;
    for (std::size_t i = 0; i != segments_.size(); ++i) {
        if (segments_[i].header->position <= meta_.log_position) { found = i; }
    }
    return found;
}

void log_reader::judge_clean() {
    if (durable_floor_ > end_.position) {
        raise(errc::log_missing, "the older meta of " + database_path_ + " was closed at " +
                                     at(end_.position) + " and no log leads from there to " +
                                     at(durable_floor_) + ", which was reached; restore the " +
                                     "database from a copy");
    }
    require_no_other_log();
    if (const auto index = containing_meta()) {
        at_ = *index;
        window_.emplace(files_, segments_[at_]);
        const std::uint64_t offset = segments_[at_].offset_of(end_.position);
        const auto header = window_->header_at(offset, meta_.log_id);
        if (header && header->position == end_.position && read_payload(*header, offset)) {
            raise_mismatch(segments_[at_], end_.position,
                           "transaction " + std::to_string(header->transaction) +
                               " stands there, though the file was closed before it");
        }
    }
    if (const auto proof = proof_beyond_end()) {
        raise_mismatch(segments_.empty() ? leftovers_.front() : segments_.back(), end_.position,
                       "the file was closed there, though " + *proof);
    }
    window_.reset();
    leftovers_.insert(leftovers_.end(), segments_.begin(), segments_.end());
    segments_.clear();
    std::sort(leftovers_.begin(), leftovers_.end(),
              [](const log_segment& a, const log_segment& b) { return a.sequence < b.sequence; });
    verdict_ = leftovers_.empty() ? log_verdict::clean : log_verdict::clean_with_leftovers;
}

void log_reader::judge_replay() {
    if (segments_.empty()) { raise_no_log(); }
    const auto index = containing_meta();
    if (!index) {
        raise_corrupt(segments_.front(), segments_.front().header->position,
                      "the log begins there, but the file needs it from " + at(meta_.log_position) +
                          " (segment " + std::to_string(meta_.log_first_segment) + ") on");
    }
    require_no_other_log();
    at_ = *index;
    window_.emplace(files_, segments_[at_]);
    require_reaches_meta();
    for (std::size_t i = at_; i != segments_.size(); ++i) {
        const std::uint64_t size = std::min(segments_[i].size, format::segment_bytes_max);
        const std::uint64_t first = i == at_ ? segments_[i].offset_of(end_.position)
                                             : std::uint64_t{format::segment_block_bytes};
        bytes_total_ += size - std::min(size, first);
    }
    verdict_ = log_verdict::replay;
}

// M's first segment had its header durable before M was written: without it there is damage, or
// somebody removed it.
void log_reader::raise_no_log() const {
    for (const log_segment& segment : leftovers_) {
        if (segment.header) { continue; }
        const bool is_first = segment.sequence == meta_.log_first_segment;
        const bool is_damaged = segment.sequence > meta_.log_first_segment && !segment.blank;
        segment_window window(files_, segment);
        if (is_first || is_damaged || window.find_batch(0, meta_.log_id)) {
            raise_corrupt(segment, meta_.log_position, segment.defect);
        }
    }
    require_no_other_log();
    raise(errc::log_missing,
          "the log of " + database_path_ + " is gone: the file needs it from " +
              at(meta_.log_position) + " on, which was in " +
              segment_name(database_path_, meta_.log_first_segment) +
              "; put it back, or open with options.log_missing = missing_log::open_without to get "
              "the last checkpoint alone");
}

// The place of M in the log has the chain value that M names: by the batch that stands there, by
// the header when the segment begins there, or else by a walk over the segment's headers.
void log_reader::require_reaches_meta() {
    const log_segment& segment = segments_[at_];
    const auto wrong_chain = [&] {
        raise_mismatch(segment, meta_.log_position,
                       "what stands there does not follow the state of the file (wrong chain)");
    };
    const auto next = window_->header_at(segment.offset_of(meta_.log_position), meta_.log_id);
    if (next && next->position == meta_.log_position) {
        if (next->previous != meta_.log_chain) { wrong_chain(); }
        return;
    }
    log_cut place{segment.header->position, segment.header->chain};
    while (place.position < meta_.log_position) {
        const auto header = window_->header_at(segment.offset_of(place.position), meta_.log_id);
        if (!header || header->position != place.position || header->previous != place.chain) {
            raise_ends_early(place);
        }
        place = {place.position + format::batch_bytes(header->length), header->checksum};
    }
    if (place.position != meta_.log_position || place.chain != meta_.log_chain) { wrong_chain(); }
}

void log_reader::raise_ends_early(const log_cut& place) {
    const log_segment& segment = segments_[at_];
    end_ = place;
    const bytes there =
        window_->at(segment.offset_of(place.position), sizeof(format::batch_header));
    const bool is_end = std::all_of(there.begin(), there.end(),
                                    [](std::byte value) { return value == std::byte{0}; });
    const std::string needed = "the file's state is that of " + at(meta_.log_position);
    const auto proof = proof_beyond_end();
    if (proof) {
        raise_corrupt(segment, place.position, "no batch stands there, though " + *proof);
    }
    if (!is_end) {
        raise_corrupt(segment, place.position, "no valid batch stands there, though " + needed);
    }
    raise_mismatch(segment, place.position, "the log ends there, but " + needed);
}

std::optional<log_batch> log_reader::next() {
    if (failure_) { throw error(*failure_); }
    if (verdict_ != log_verdict::replay || finished_) { return std::nullopt; }
    try {
        return advance();
    } catch (const error& failure) {
        failure_ = failure;
        throw;
    }
}

std::optional<log_batch> log_reader::advance() {
    for (;;) {
        const std::optional<log_batch> batch = read_batch();
        if (batch) { return batch; }
        if (!cross()) { break; }
    }
    if (const auto proof = proof_beyond_end(); proof && !mutant(10)) {
        raise_corrupt(segments_[at_], end_.position, place_ + " stands there, though " + *proof);
    }
    finished_ = true;
    return std::nullopt;
}

// nullopt: no valid batch at the end; place_ says what there is instead.
std::optional<log_batch> log_reader::read_batch() {
    const log_segment& segment = segments_[at_];
    const std::uint64_t offset = segment.offset_of(end_.position);
    const auto header = window_->header_at(offset, meta_.log_id);
    place_ = "nothing that is a batch";
    if (!header || header->position != end_.position) { return std::nullopt; }
    if (header->previous != end_.chain) {
        raise_corrupt(segment, end_.position,
                      "a batch that does not follow the one before it (wrong chain)");
    }
    const auto payload = read_payload(*header, offset);
    place_ = "a batch whose payload has a wrong checksum";
    if (!payload) { return std::nullopt; }
    if (header->transaction != transaction_ + 1) {
        raise_corrupt(segment, end_.position,
                      "transaction " + std::to_string(header->transaction) + " where " +
                          std::to_string(transaction_ + 1) + " is due");
    }
    log_batch batch{header->transaction, header->operations, end_.position,
                    end_.position + format::batch_bytes(header->length), *payload};
    transaction_ = batch.transaction;
    end_ = {batch.end, header->checksum};
    return batch;
}

// The payload behind a header at `offset` when it is whole.
std::optional<bytes> log_reader::read_payload(const format::batch_header& header,
                                              std::uint64_t offset) {
    const std::uint64_t first = offset + sizeof(format::batch_header);
    if (first + header.length > window_->size()) { return std::nullopt; }
    const bytes payload = window_->at(first, header.length);
    if (mutant(9)) { return payload; }
    if (payload.size() != header.length ||
        payload_checksum(payload, meta_.log_id, header.position) != header.payload_checksum) {
        return std::nullopt;
    }
    return payload;
}

// Moves to the next segment when it begins where this one has ended. That it exists proves that
// this one was durable up to there.
bool log_reader::cross() {
    if (at_ + 1 == segments_.size()) { return false; }
    const log_segment& next = segments_[at_ + 1];
    const format::segment_header& header = *next.header;
    if (header.position > end_.position) { return false; }
    if (header.position < end_.position) {
        raise_corrupt(next, header.position,
                      "it begins there, but the segment before ends at " + at(end_.position));
    }
    if (header.chain != end_.chain || header.previous_sequence != segments_[at_].sequence) {
        raise_corrupt(next, header.position,
                      "it does not follow the segment before it (wrong chain)");
    }
    ++at_;
    window_.emplace(files_, next);
    return true;
}

// Says what proves that the log was durable beyond end_, if anything does: then what is missing
// there had been acknowledged, and this is damage, no torn tail.
std::optional<std::string> log_reader::proof_beyond_end() {
    const std::uint64_t end = end_.position;
    if (durable_floor_ > end) {
        return "the newer meta states that the log reaches " + at(durable_floor_);
    }
    const auto claims = [](const std::string& path, const format::batch_header& h) {
        return "the batch at " + at(h.position) + " in " + path + " states that the log was " +
               "durable up to " + at(h.durable);
    };
    for (std::size_t i = window_ ? at_ + 1 : 0; i < segments_.size(); ++i) {
        const log_segment& later = segments_[i];
        if (later.header->position > end) {
            return "segment " + later.path + " continues the log at " + at(later.header->position);
        }
    }
    if (window_) {
        const std::uint64_t offset = segments_[at_].offset_of(end);
        const auto found = window_->find_durable_beyond(end, offset, meta_.log_id);
        if (found) { return claims(segments_[at_].path, *found); }
    }
    for (const log_segment& other : leftovers_) {
        if (other.header) { continue; }
        segment_window window(files_, other);
        const auto found = window.find_durable_beyond(end, 0, meta_.log_id);
        if (found) { return claims(other.path, *found); }
    }
    return std::nullopt;
}

void log_reader::sync_trusted() {
    for (const log_segment& segment : segments_) { segment_window(files_, segment).sync(); }
}

void log_reader::raise_corrupt(const log_segment& segment, std::uint64_t position,
                               const std::string& found) const {
    raise(errc::log_corrupt, "the log of " + database_path_ + " is damaged in " + segment.path +
                                 " at " + at(position) + ": " + found + remedy);
}

void log_reader::raise_mismatch(const log_segment& segment, std::uint64_t position,
                                const std::string& found) const {
    raise(errc::log_mismatch,
          "the log segment " + segment.path + " does not belong to " + database_path_ +
              " as it is, " + at(position) + ": " + found +
              "; put the file and the log of one moment together, or move the segment away");
}

}  // namespace pinyon
