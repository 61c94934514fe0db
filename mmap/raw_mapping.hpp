// The raw mapping: the pool's interface without a pool. The whole file is mapped and the kernel
// decides what is in memory; a page is admitted once per open, and again after the writer has
// changed it.
//
// Invariants
//  1. Nothing is unmapped but at close, so `admitted` is never cleared by anything but the writer.
//  2. A private page is always writable.
//
// What is asked ahead: pages that were never visited. Of the others the kernel may have taken some
// without a word, and asking for a page that is there costs as much as a lookup. So of each batch
// one is looked up in the page tables; once that is missing, this batch and the next ones ask for
// all of theirs.
//
// Threads: as page_source; no mutex.
// Failure: as page_source for first visits. A page that the kernel took away and cannot read again
// is a SIGBUS, as with every mapped file.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "pinyon/mmap/page_source.hpp"
#include "pinyon/mmap/page_views.hpp"

namespace pinyon::io {

class raw_mapping final : public page_source {
public:
    raw_mapping(file& file, page_views views, page_warden& warden, std::uint32_t page_bytes);
    ~raw_mapping() override { unguard(); }

    void prefetch(std::span<const page_number> pages) noexcept override;
    [[nodiscard]] std::byte* create(page_number page, residency kind,
                                    std::span<const std::byte> content) override;
    [[nodiscard]] std::byte* writable(const page_reference& reference) override;
    void forget(page_run run) noexcept override;
    void relieve() override {}
    void publish() override;
    void evict_all() override {}
    [[nodiscard]] source_statistics statistics() const override;

protected:
    [[nodiscard]] page_view miss(const page_reference& reference) override;
    void flush_range(byte_range range) override;

private:
    // Batches that ask for all their pages once one was found missing.
    static constexpr std::uint32_t batches_after_a_loss = 64;

    std::uint16_t change(page_number page, std::uint16_t clear, std::uint16_t set);
    [[nodiscard]] bool was_visited(page_number page) const noexcept;
    [[nodiscard]] bool is_mapped(page_number page) const;
    // Whether the kernel takes pages away, judged by one of these.
    [[nodiscard]] bool loses_pages(std::span<const page_number> pages);

    file& file_;
    page_views views_;
    // Pages created since the last publish; some may have been forgotten, some may stand here
    // twice.
    std::vector<page_number> private_;
    std::atomic<std::uint32_t> samples_{0};
    std::atomic<std::uint32_t> batches_to_ask_{0};
};

[[nodiscard]] std::unique_ptr<page_source> make_raw_mapping(file& file, file_system& files,
                                                            page_warden& warden,
                                                            std::uint32_t page_bytes,
                                                            bool read_only);

}  // namespace pinyon::io
