#include "pinyon/mmap/page_views.hpp"

#include <algorithm>
#include <string>

namespace pinyon::io {

namespace {

// Metas are at offsets 0 and 4096.
constexpr std::uint64_t metas_bytes = 8192;
// Links are 32 bits: 16 TiB of 4 KiB pages.
constexpr page_number pages_max = std::uint64_t{0xffffffff};
// An emptied page table covers this much; whole ones keep the arithmetic simple.
constexpr std::uint64_t granule = std::uint64_t{2} << 20;

[[nodiscard]] std::uint64_t round_up(std::uint64_t bytes, std::uint64_t unit) noexcept {
    return (bytes + unit - 1) / unit * unit;
}

}  // namespace

page_views::page_views(file& file, std::uint32_t page_bytes, bool read_only, view_choice choice,
                       std::uint32_t table_bytes)
    : page_bytes_(page_bytes),
      first_page_(std::max<std::uint64_t>(metas_bytes, page_bytes) / page_bytes) {
    const std::uint64_t file_bytes = file.size();
    const std::uint64_t most = pages_max * page_bytes / granule * granule;
    const std::uint64_t least =
        round_up(std::max(2 * std::min(file_bytes, most), granule), granule);
    std::uint64_t bytes = std::max(std::uint64_t{1} << 40, round_up(file_bytes, granule) * 4);
    bytes = std::max(std::min(bytes, most), least);
    while (least > most || !reserve(file, bytes, read_only, choice, table_bytes)) {
        if (bytes <= least || least > most) {
            raise(
                errc::no_space,
                "no addresses for twice the file; raise the limit of address space (ulimit -v) and "
                "reopen");
        }
        bytes = std::max(bytes / 2 / granule * granule, least);
    }
}

bool page_views::reserve(file& file, std::uint64_t bytes, bool read_only, view_choice choice,
                         std::uint32_t table_bytes) {
    read_.reset();
    write_.reset();
    if (read_only) {
        read_ = file.map(view_access::read_private, 0, bytes);
    } else {
        write_ = file.map(view_access::write, first_page_ * page_bytes_, bytes);
        if (choice == view_choice::separate) { read_ = file.map(view_access::read, 0, bytes); }
    }
    const bool needs_read = read_only || choice == view_choice::separate;
    if ((needs_read && read_ == nullptr) || (!read_only && write_ == nullptr)) { return false; }
    try {
        const page_number pages = bytes / page_bytes_;
        table_ = std::make_unique<page_table>(pages);
        const reserved_memory rest(pages * table_bytes);
        return true;
    } catch (const error& failure) {
        if (failure.kind() != errc::no_space) { throw; }
        return false;
    }
}

void populate_page(mapping& view, page_number page, std::uint32_t page_bytes, bool for_write) {
    try {
        view.populate({page * page_bytes, page_bytes}, for_write);
    } catch (const error& failure) { throw error(failure.kind(), failure.what(), page); }
}

}  // namespace pinyon::io
