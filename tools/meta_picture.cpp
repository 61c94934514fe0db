#include "tools/meta_picture.hpp"

#include <algorithm>
#include <bit>
#include <span>

#include <fmt/format.h>

#include "pinyon/engine/checksum.hpp"

namespace pinyon::tool {

namespace {

format::meta meta_in(bytes block) {
    format::meta meta{};
    std::ranges::copy(block.first(std::min(block.size(), sizeof meta)),
                      std::as_writable_bytes(std::span(&meta, 1)).begin());
    return meta;
}

std::string magic_text(const std::array<char, 8>& magic) {
    return "\"" + escaped(std::string_view(magic.data(), magic.size())) + "\"";
}

bool is_page_size(std::uint32_t bytes) {
    return std::has_single_bit(bytes) && bytes >= format::page_bytes_min &&
           bytes <= format::page_bytes_max;
}

void add_head(field_list& list, const format::meta& meta, unsigned slot) {
    list.add(0, 8, "magic", magic_text(meta.magic),
             meta.magic == format::magic ? "" : magic_text(format::magic));
    list.number(8, 4, "version", meta.version, meta.version == format::version,
                std::to_string(format::version));
    list.number(12, 4, "page_bytes", meta.page_bytes, is_page_size(meta.page_bytes),
                "4096, 8192, 16384 or 32768");
    list.add(16, 8, "incompatible_features", hex_number(meta.incompatible_features, 8),
             (meta.incompatible_features & ~format::incompatible_features_known) == 0
                 ? ""
                 : "none but " + hex_number(format::incompatible_features_known, 8));
    list.add(24, 8, "compatible_features", hex_number(meta.compatible_features, 8));
    list.add(32, 16, "uuid", uuid_text(meta.uuid));
    list.number(48, 8, "sequence", meta.sequence,
                (meta.sequence & 1) == slot && meta.sequence <= format::count_max,
                slot == 0 ? "an even number" : "an odd number");
    list.number(56, 8, "transaction", meta.transaction, meta.transaction <= format::count_max,
                fmt::format("at most {}", format::count_max));
}

void add_state(field_list& list, const format::meta& meta) {
    const std::uint64_t first =
        is_page_size(meta.page_bytes) ? format::first_page(meta.page_bytes) : 1;
    const std::string inside = fmt::format(
        "{} to {}", first, meta.page_count - std::min<std::uint64_t>(meta.page_count, 1));
    list.number(64, 8, "catalog page", meta.catalog.page,
                meta.catalog.page >= first && meta.catalog.page < meta.page_count, inside);
    list.number(72, 8, "catalog entries", meta.catalog.count);
    list.add(80, 4, "catalog checksum", hex_number(meta.catalog.checksum, 4),
             meta.catalog.checksum != 0 ? "" : "not 0");
    list.number(84, 4, "catalog level", meta.catalog.level, meta.catalog.level < format::height_max,
                fmt::format("at most {}", format::height_max - 1));
    list.number(88, 8, "page_count", meta.page_count,
                meta.page_count > first && meta.page_count <= format::page_number_max,
                fmt::format("{} to {}", first + 1, format::page_number_max));
    const bool has_image = meta.free_pages != 0;
    const bool holds = meta.free_first >= first && meta.free_first < meta.page_count &&
                       meta.free_pages <= meta.page_count - meta.free_first;
    list.number(96, 8, "free_first", meta.free_first, !has_image || holds, inside);
    list.number(104, 8, "free_pages", meta.free_pages, !has_image || holds,
                "a run inside the file");
    const bool fits = meta.free_bytes / std::max(meta.page_bytes, 1u) <= meta.free_pages &&
                      (has_image || meta.free_bytes == 0);
    list.number(112, 8, "free_bytes", meta.free_bytes, fits, "at most those of its pages");
    list.add(120, 8, "free_checksum", hex_number(meta.free_checksum, 8));
}

void add_log(field_list& list, const format::meta& meta) {
    list.add(128, 8, "log_id", hex_number(meta.log_id, 8));
    list.number(136, 8, "log_position", meta.log_position,
                meta.log_position % 8 == 0 && meta.log_position <= format::count_max,
                "a multiple of 8");
    list.add(144, 8, "log_chain", hex_number(meta.log_chain, 8));
    list.number(152, 8, "log_first_segment", meta.log_first_segment,
                meta.log_first_segment <= format::count_max,
                fmt::format("at most {}", format::count_max));
    list.add(160, 4, "flags",
             fmt::format("{}{}", meta.flags,
                         (meta.flags & format::meta_flag_clean) != 0 ? ", closed cleanly" : ""));
    list.number(164, 4, "next_tree", meta.next_tree, meta.next_tree != 0, "1 or more");
}

}  // namespace

field_list meta_fields(bytes block, unsigned slot) {
    const format::meta meta = meta_in(block);
    field_list list;
    add_head(list, meta, slot);
    add_state(list, meta);
    add_log(list, meta);
    const std::uint64_t computed = checksum_of(meta);
    list.add(248, 8, "checksum", hex_number(meta.checksum, 8),
             meta.checksum == computed ? "" : hex_number(computed, 8) + " (computed)");
    const bytes rest = block.subspan(std::min(block.size(), sizeof meta));
    if (!std::all_of(rest.begin(), rest.end(), [](std::byte b) { return b == std::byte{0}; })) {
        list.add(sizeof meta, static_cast<std::uint32_t>(rest.size()), "behind it",
                 "bytes that are not zero", "zeros");
    }
    return list;
}

std::string uuid_text(const std::array<std::uint8_t, 16>& uuid) {
    std::string text;
    for (std::size_t i = 0; i < uuid.size(); ++i) {
        text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
    }
    return text;
}

}  // namespace pinyon::tool
