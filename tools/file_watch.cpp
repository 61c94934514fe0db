#include "tools/file_watch.hpp"

#include <array>

#include <fmt/format.h>

#include "pinyon/engine/meta.hpp"

namespace pinyon::tool {

std::unique_ptr<io::file> open_to_inspect(const std::string& file) {
    io::file_system& files = io::posix_file_system();
    return files.open(files.resolve(file), io::open_mode::read_only);
}

bool has_live_writer(const std::string& file) {
    try {
        return open_to_inspect(file)->is_locked_elsewhere(io::lock_byte::writer);
    } catch (const error&) { return false; }
}

std::optional<std::uint64_t> newest_sequence(const std::string& file) {
    try {
        const auto opened = open_to_inspect(file);
        return read_metas(*opened, file).current().sequence;
    } catch (const error&) { return std::nullopt; }
}

void require_both_metas(const std::string& file) {
    const auto opened = open_to_inspect(file);
    std::array<std::byte, format::meta_block_bytes> block{};
    for (unsigned slot = 0; slot < 2; ++slot) {
        const std::size_t got = opened->read_medium(format::meta_offset[slot], block);
        std::string defect;
        if (decode_meta(bytes(block).first(got), slot, defect)) { continue; }
        throw error(errc::corrupt,
                    fmt::format("meta {} (offset {}) is damaged: found {}, expected a meta; this "
                                "is the state of the other one, which may be older",
                                slot, format::meta_offset[slot], defect));
    }
}

file_watch::file_watch(const common_arguments& arguments, const streams& streams)
    : file_(arguments.file),
      sequence_(newest_sequence(arguments.file)),
      beside_writer_(has_live_writer(arguments.file)) {
    if (beside_writer_ && !arguments.quiet) {
        streams.err << fmt::format(
                           "pinyon: {}: open for writing elsewhere; this is its last checkpoint\n",
                           escaped(file_))
                    << std::flush;
    }
}

bool file_watch::moved_on() const {
    return sequence_.has_value() && newest_sequence(file_) != sequence_;
}

void file_watch::refuse(const error& failure) const {
    throw refusal(
        exit_code::incomplete,
        fmt::format("a writer changed the file while it was read, so this may not be damage: "
                    "{}",
                    failure.what()),
        "the same command again, when the writer rests");
}

void file_watch::contradict(const error& failure) const {
    if (moved_on()) { refuse(failure); }
    throw error(errc::corrupt, fmt::format("the catalog contradicts itself: {}", failure.what()));
}

}  // namespace pinyon::tool
