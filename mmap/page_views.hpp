// The views of a file through which pages are reached: a reading one and, for a file opened for
// writing, a writable one that starts behind the metas; and the table that goes with their reserved
// addresses. One writable view serves both under ThreadSanitizer, to which two addresses of a byte
// are two bytes.
//
// Threads: immutable after construction.
// Failure: no_space when the address space has no room for twice the file.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "pinyon/mmap/file.hpp"
#include "pinyon/mmap/page_table.hpp"

namespace pinyon::io {

enum class view_choice : std::uint8_t { separate, one };

inline constexpr view_choice view_choice_default =
    thread_sanitized ? view_choice::one : view_choice::separate;

class page_views {
public:
    // Reserves max(1 TiB, 4 x file), halved until views, table and `table_bytes` more for each page
    // succeed, never below twice the file.
    page_views(file& file, std::uint32_t page_bytes, bool read_only, view_choice choice,
               std::uint32_t table_bytes);

    [[nodiscard]] mapping& read() const noexcept { return read_ ? *read_ : *write_; }
    // Null when the file is only read.
    [[nodiscard]] mapping* write() const noexcept { return write_.get(); }
    [[nodiscard]] bool one() const noexcept { return read_ == nullptr; }
    // The first page that is wholly behind the metas.
    [[nodiscard]] page_number first_page() const noexcept { return first_page_; }
    // For the source that owns the views.
    [[nodiscard]] page_table take_table() noexcept { return std::move(*table_); }

private:
    [[nodiscard]] bool reserve(file& file, std::uint64_t bytes, bool read_only, view_choice choice,
                               std::uint32_t table_bytes);

    std::uint32_t page_bytes_;
    page_number first_page_;
    std::unique_ptr<mapping> read_;
    std::unique_ptr<mapping> write_;
    std::unique_ptr<page_table> table_;
};

// Maps one page now. Throws io with the page's number.
void populate_page(mapping& view, page_number page, std::uint32_t page_bytes, bool for_write);

}  // namespace pinyon::io
