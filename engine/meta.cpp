#include "pinyon/engine/meta.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "pinyon/engine/checksum.hpp"
#include "pinyon/engine/node.hpp"
#include "pinyon/mmap/mutant.hpp"

namespace pinyon {

namespace {

[[nodiscard]] bool is_page_size(std::uint32_t page_bytes) noexcept {
    return std::has_single_bit(page_bytes) && page_bytes >= format::page_bytes_min &&
           page_bytes <= format::page_bytes_max;
}

// What a meta with a right checksum still has to satisfy: a file may be crafted.
[[nodiscard]] const char* contradiction(const format::meta& meta, unsigned slot) noexcept {
    const std::uint64_t first = format::first_page(meta.page_bytes);
    if ((meta.sequence & 1) != slot) { return "its sequence belongs to the other slot"; }
    if (meta.sequence > format::count_max || meta.transaction > format::count_max) {
        return "its sequence or its transaction is impossible";
    }
    if (meta.log_position > format::count_max || meta.log_position % 8 != 0 ||
        meta.log_first_segment > format::count_max) {
        return "its place in the log is impossible";
    }
    if (meta.page_count <= first || meta.page_count > format::page_number_max) {
        return "its page count is impossible";
    }
    if (meta.catalog.page < first || meta.catalog.page >= meta.page_count) {
        return "its catalog root lies outside the file";
    }
    if (meta.catalog.level > format::height_max) { return "its catalog is impossibly high"; }
    if (meta.catalog.checksum == 0) { return "its catalog root has no checksum"; }
    if (meta.next_tree == 0) { return "its next tree number is 0"; }
    if (meta.free_pages != 0 && (meta.free_first < first || meta.free_first >= meta.page_count ||
                                 meta.free_pages > meta.page_count - meta.free_first)) {
        return "its free-space image lies outside the file";
    }
    if (meta.free_bytes > meta.free_pages * meta.page_bytes) {
        return "its free-space image is longer than its pages";
    }
    return nullptr;
}

[[nodiscard]] bool has_magic(bytes block) noexcept {
    return block.size() >= sizeof(format::meta) &&
           std::memcmp(block.data(), format::magic.data(), format::magic.size()) == 0;
}

[[noreturn]] void raise_unusable(
    const std::array<std::array<std::byte, format::meta_block_bytes>, 2>& blocks,
    const meta_slots& slots, std::uint64_t size, const std::string& name) {
    if (size == 0) {
        raise(errc::not_a_database,
              name +
                  " is empty (0 bytes): it was never a Pinyon file, or was cut; "
                  "remove it, or restore it from a copy");
    }
    const bool first_is_ours = has_magic(blocks[0]);
    if (!first_is_ours && !has_magic(blocks[1])) {
        raise(errc::not_a_database,
              name + " is not a Pinyon file (no magic number in either meta page)");
    }
    for (const auto& block : blocks) {
        if (!has_magic(block)) { continue; }
        const auto meta = load<format::meta>(block.data());
        if (meta.version > format::version) {
            raise(errc::version, name + " has format version " + std::to_string(meta.version) +
                                     ", this Pinyon reads version " +
                                     std::to_string(format::version) +
                                     ": open it with a newer Pinyon");
        }
        if (checksum_of(meta) != meta.checksum) { continue; }
        if (meta.version < format::version) {
            raise(errc::version, name + " has format version " + std::to_string(meta.version) +
                                     ", which this Pinyon no longer reads: `pinyon scan` it "
                                     "with the one that wrote it");
        }
        if ((meta.incompatible_features & ~format::incompatible_features_known) != 0) {
            raise(errc::version,
                  name + " uses features that this Pinyon does not know: open it with a newer one");
        }
    }
    if (size < 2 * std::uint64_t{format::meta_block_bytes}) {
        raise(errc::truncated, name + " ends after " + std::to_string(size) +
                                   " bytes, inside its meta pages: restore it from a copy");
    }
    raise(errc::corrupt, "both meta pages of " + name + " are damaged (slot 0: " + slots.defect[0] +
                             "; slot 1: " + slots.defect[1] + "): restore it from a copy");
}

}  // namespace

unsigned meta_slots::newest() const noexcept {
    if (!valid[0]) { return 1; }
    if (!valid[1]) { return 0; }
    return valid[1]->sequence > valid[0]->sequence ? 1 : 0;
}

std::optional<format::meta> decode_meta(bytes block, unsigned slot, std::string& defect) {
    if (block.size() < sizeof(format::meta)) {
        defect = "the file ends before it";
        return std::nullopt;
    }
    if (!has_magic(block)) {
        defect = "no magic number";
        return std::nullopt;
    }
    const auto meta = load<format::meta>(block.data());
    if (meta.version != format::version) {
        defect = "format version " + std::to_string(meta.version);
        return std::nullopt;
    }
    if (meta.checksum != checksum_of(meta) && !mutant(8)) {
        defect = "wrong checksum";
        return std::nullopt;
    }
    if ((meta.incompatible_features & ~format::incompatible_features_known) != 0) {
        defect = "unknown incompatible features";
        return std::nullopt;
    }
    if (!is_page_size(meta.page_bytes)) {
        defect = "page size " + std::to_string(meta.page_bytes);
        return std::nullopt;
    }
    if (const char* wrong = contradiction(meta, slot); wrong != nullptr) {
        defect = wrong;
        return std::nullopt;
    }
    return meta;
}

meta_slots read_metas(io::file& file, const std::string& name) {
    std::array<std::array<std::byte, format::meta_block_bytes>, 2> blocks{};
    meta_slots slots;
    const std::uint64_t size = file.size();
    for (unsigned slot = 0; slot < 2; ++slot) {
        const std::size_t got = file.read_medium(format::meta_offset[slot], blocks[slot]);
        slots.valid[slot] = decode_meta(bytes(blocks[slot]).first(got), slot, slots.defect[slot]);
    }
    if (slots.valid[0] && slots.valid[1] &&
        (slots.valid[0]->uuid != slots.valid[1]->uuid ||
         slots.valid[0]->page_bytes != slots.valid[1]->page_bytes)) {
        raise(errc::corrupt, "the two meta pages of " + name +
                                 " belong to different files: restore it from a copy");
    }
    if (!slots.valid[0] && !slots.valid[1]) { raise_unusable(blocks, slots, size, name); }
    const format::meta& meta = slots.current();
    if (size / meta.page_bytes < meta.page_count) {
        raise(errc::truncated,
              name + " holds " + std::to_string(size) + " bytes, its meta page names " +
                  std::to_string(meta.page_count) + " pages of " + std::to_string(meta.page_bytes) +
                  " bytes: it was cut; restore it from a copy");
    }
    return slots;
}

void write_meta(io::file& file, format::meta meta) {
    meta.checksum = checksum_of(meta);
    std::array<std::byte, format::meta_block_bytes> block{};
    std::memcpy(block.data(), &meta, sizeof meta);
    const std::uint64_t offset = format::meta_offset[meta.sequence & 1];
    if (mutant(4)) { return file.write(offset, block); }
    file.write_durably(offset, block);
}

}  // namespace pinyon
