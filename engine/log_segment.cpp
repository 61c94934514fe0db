#include "pinyon/engine/log_segment.hpp"

#include <algorithm>
#include <array>
#include <cstring>

#include "pinyon/engine/format.hpp"

namespace pinyon {

namespace {

constexpr std::uint64_t block = format::segment_block_bytes;
// One read of the medium: large enough that the call does not count.
constexpr std::uint64_t window_bytes = std::uint64_t{1} << 20;

[[nodiscard]] std::uint64_t usable(std::uint64_t size) noexcept {
    return std::min(size, format::segment_bytes_max);
}

// What a header with a right checksum still has to satisfy: a file may be crafted.
[[nodiscard]] const char* contradiction(const format::segment_header& header) noexcept {
    if (header.log_id == 0) { return "its log has no number"; }
    if (header.sequence == 0) { return "its sequence is 0"; }
    if (header.position > format::count_max || header.position % 8 != 0) {
        return "its position is impossible";
    }
    if (header.previous_end != header.position) {
        return "it does not begin where its predecessor ended";
    }
    if (header.previous_sequence >= header.sequence) {
        return "its predecessor has a later number";
    }
    return nullptr;
}

void decode_header(bytes first, log_segment& segment) {
    segment.blank = std::all_of(first.begin(), first.end(),
                                [](std::byte value) { return value == std::byte{0}; });
    if (segment.blank) {
        segment.defect = "no header was written to it";
        return;
    }
    if (first.size() < sizeof(format::segment_header)) {
        segment.defect = "it ends inside its header";
        return;
    }
    format::segment_header header{};
    std::memcpy(&header, first.data(), sizeof header);
    if (header.magic != format::log_magic) {
        segment.defect = "its header has no magic number";
    } else if (header.checksum != checksum_of(header)) {
        segment.defect = "its header has a wrong checksum";
    } else if (header.version != format::log_version) {
        raise(errc::version, segment.path + " has log version " + std::to_string(header.version) +
                                 ", this Pinyon reads version " +
                                 std::to_string(format::log_version) +
                                 ": open the database with a newer Pinyon");
    } else if (const char* wrong = contradiction(header); wrong != nullptr) {
        segment.defect = wrong;
    } else {
        segment.header = header;
    }
}

}  // namespace

std::vector<log_segment> list_segments(io::file_system& files, const std::string& database_path) {
    const std::string_view name = file_name_of(database_path);
    std::vector<log_segment> found;
    std::array<std::byte, block> first{};
    for (const std::string& entry : files.list(database_path)) {
        const std::optional<std::uint64_t> sequence = parse_segment_name(name, entry);
        if (!sequence) { continue; }
        log_segment segment;
        segment.path = segment_name(database_path, *sequence);
        segment.sequence = *sequence;
        const auto file = files.open(segment.path, io::open_mode::read_only);
        segment.size = file->size();
        decode_header(bytes(first).first(file->read_medium(0, first)), segment);
        found.push_back(std::move(segment));
    }
    std::sort(found.begin(), found.end(),
              [](const log_segment& a, const log_segment& b) { return a.sequence < b.sequence; });
    return found;
}

segment_window::segment_window(io::file_system& files, const log_segment& segment)
    : file_(files.open(segment.path, io::open_mode::read_only)), size_(usable(file_->size())) {}

bytes segment_window::at(std::uint64_t offset, std::uint64_t count) {
    if (offset >= size_) { return {}; }
    count = std::min(count, size_ - offset);
    if (offset < first_ || offset + count > first_ + filled_) {
        first_ = offset / block * block;
        filled_ = 0;
        const std::uint64_t last = (size_ + block - 1) / block * block;
        const std::uint64_t needed = (offset + count + block - 1) / block * block;
        const std::uint64_t wanted =
            std::min(std::max(needed, first_ + window_bytes), last) - first_;
        if (buffer_.size() < wanted) { buffer_.resize(static_cast<std::size_t>(wanted)); }
        filled_ =
            file_->read_medium(first_, std::span(buffer_).first(static_cast<std::size_t>(wanted)));
    }
    // Fewer than there should be when somebody cuts the file at this moment.
    const std::uint64_t behind = first_ + filled_;
    if (offset >= behind) { return {}; }
    return bytes(buffer_).subspan(static_cast<std::size_t>(offset - first_),
                                  static_cast<std::size_t>(std::min(count, behind - offset)));
}

namespace {

// The header at the start of `place` when it verifies. REQUIRES: `place` holds one.
[[nodiscard]] std::optional<format::batch_header> decode_batch(const std::byte* place,
                                                               std::uint64_t log_id) noexcept {
    std::uint32_t magic = 0;
    std::memcpy(&magic, place, sizeof magic);
    if (magic != format::batch_magic) { return std::nullopt; }
    format::batch_header header{};
    std::memcpy(&header, place, sizeof header);
    if (header.length > format::payload_bytes_max || header.position > format::count_max ||
        header.position % 8 != 0 || header.durable > header.position ||
        header.checksum != checksum_of(header, log_id)) {
        return std::nullopt;
    }
    return header;
}

}  // namespace

std::optional<format::batch_header> segment_window::header_at(std::uint64_t offset,
                                                              std::uint64_t log_id) {
    const bytes place = at(offset, sizeof(format::batch_header));
    if (place.size() < sizeof(format::batch_header)) { return std::nullopt; }
    return decode_batch(place.data(), log_id);
}

// Headers alone are verified, so the cost is that of a look at every eighth byte, whatever they
// hold.
template <class Accept>
std::optional<format::batch_header> segment_window::find(std::uint64_t offset, std::uint64_t log_id,
                                                         Accept accept) {
    offset = std::max(offset, block);
    offset = (offset + 7) & ~std::uint64_t{7};
    for (;;) {
        const bytes piece = at(offset, window_bytes);
        if (piece.size() < sizeof(format::batch_header)) { return std::nullopt; }
        const std::size_t places = (piece.size() - sizeof(format::batch_header)) / 8 + 1;
        for (std::size_t i = 0; i != places; ++i) {
            const auto header = decode_batch(piece.data() + 8 * i, log_id);
            if (header && accept(*header)) { return header; }
        }
        offset += 8 * places;
    }
}

std::optional<format::batch_header> segment_window::find_durable_beyond(std::uint64_t position,
                                                                        std::uint64_t offset,
                                                                        std::uint64_t log_id) {
    return find(offset, log_id,
                [position](const format::batch_header& h) { return h.durable > position; });
}

std::optional<format::batch_header> segment_window::find_batch(std::uint64_t position,
                                                               std::uint64_t log_id) {
    return find(0, log_id,
                [position](const format::batch_header& h) { return h.position >= position; });
}

}  // namespace pinyon
