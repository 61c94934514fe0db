// No cache at all: each visit of a page is a pread and an admission, for tools and for comparisons.
// A page is read to its own place in reserved memory, so consecutive pages stand side by side as in
// a mapping; the last 4096 visited stay there.
//
// Invariants
//  1. A view stays valid for `ring_pages - 1` further visits; then its version has moved and its
//     place may read as zeros. A pinned page stays.
//  2. A page's state word is never admitted, so every `fetch` comes to `miss`.
//
// Threads: fetch from any thread: a page is read again in place, with the same bytes for as long as
// nothing else writes the file. No writer.
// Failure: as page_source; misuse from everything that writes.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "pinyon/mmap/page_source.hpp"

namespace pinyon::io {

class direct_source final : public page_source {
public:
    static constexpr std::size_t ring_pages = 4096;

    direct_source(file& file, page_warden& warden, std::uint32_t page_bytes);

    void prefetch(std::span<const page_number> pages) noexcept override;
    [[nodiscard]] std::byte* create(page_number page, residency kind,
                                    std::span<const std::byte> content) override;
    [[nodiscard]] std::byte* writable(const page_reference& reference) override;
    void forget(page_run) noexcept override {}
    void relieve() override {}
    void publish() override {}
    void evict_all() override;
    // frames_max is the ring's size: what a view of several pages may take.
    [[nodiscard]] std::uint64_t frames_max() const noexcept override { return ring_pages; }
    [[nodiscard]] source_statistics statistics() const override;

protected:
    [[nodiscard]] page_view miss(const page_reference& reference) override;
    [[nodiscard]] std::uint64_t pin_limit() const noexcept override { return ring_pages / 2; }
    void flush_range(byte_range) override {}

private:
    struct visit {
        page_number page = 0;  // 0: none
        std::uint64_t number = 0;
    };

    void remember(page_number page);
    void drop(page_number page);

    file& file_;
    reserved_memory memory_;
    reserved_memory last_memory_;
    std::uint64_t* last_;  // number of the last visit of each page
    mutable std::mutex mutex_;
    std::vector<visit> ring_;
    std::uint64_t visits_ = 0;
    std::uint64_t frames_ = 0;
    std::uint64_t evictions_ = 0;
};

[[nodiscard]] std::unique_ptr<page_source> make_direct_source(file& file, page_warden& warden,
                                                              std::uint32_t page_bytes);

}  // namespace pinyon::io
