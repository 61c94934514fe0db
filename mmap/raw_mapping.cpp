#include "pinyon/mmap/raw_mapping.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>
#include <vector>

#include "pinyon/mmap/read_ahead.hpp"

namespace pinyon::io {

raw_mapping::raw_mapping(file& file, page_views views, page_warden& warden,
                         std::uint32_t page_bytes)
    : page_source(views.take_table(), page_bytes, views.first_page(), warden),
      file_(file),
      views_(std::move(views)) {
    read_base_ = views_.read().base();
    write_base_ = views_.write() == nullptr ? nullptr : views_.write()->base();
}

page_view raw_mapping::miss(const page_reference& reference) {
    check_reference(reference.page);
    misses_.fetch_add(1, std::memory_order_relaxed);
    if (const std::optional<page_view> view = view_or_latch(reference.page)) { return *view; }
    const page_number page = reference.page;
    try {
        populate_page(views_.read(), page, page_bytes(), false);
        admit(reference, read_address(page));
    } catch (...) {
        unlatch(page, 0, 0);
        throw;
    }
    reads_.fetch_add(1, std::memory_order_relaxed);
    page_word& word = table_.word(page);
    word.tick.store(now_.load(std::memory_order_relaxed), std::memory_order_relaxed);
    unlatch(page, 0, page_word::admitted | page_word::resident);
    return {read_address(page), page, word.state.load(std::memory_order_acquire)};
}

void raw_mapping::prefetch(std::span<const page_number> pages) noexcept {
    try {
        const bool all = loses_pages(pages);
        read_ahead ahead(views_.read(), page_bytes());
        for (const page_number page : pages) {
            if (has_page(page) && (all || !was_visited(page))) { ahead.add(page); }
        }
        prefetches_.fetch_add(ahead.finish(), std::memory_order_relaxed);
    } catch (const std::exception&) {
        // Advice alone: who needs the pages meets the same trouble and says so.
    }
}

bool raw_mapping::was_visited(page_number page) const noexcept {
    return (table_.word(page).state.load(std::memory_order_relaxed) & page_word::admitted) != 0;
}

bool raw_mapping::is_mapped(page_number page) const {
    std::vector<byte_range> mapped;
    views_.read().resident(bytes_of(page), mapped);
    return !mapped.empty();
}

bool raw_mapping::loses_pages(std::span<const page_number> pages) {
    // Threads that count down at once count once; it is a measure, not a count.
    if (const std::uint32_t left = batches_to_ask_.load(std::memory_order_relaxed); left != 0) {
        batches_to_ask_.store(left - 1, std::memory_order_relaxed);
        return true;
    }
    if (pages.empty()) { return false; }
    const page_number page = pages[samples_.fetch_add(1, std::memory_order_relaxed) % pages.size()];
    if (!has_page(page) || !was_visited(page) || is_mapped(page)) { return false; }
    batches_to_ask_.store(batches_after_a_loss, std::memory_order_relaxed);
    return true;
}

std::uint16_t raw_mapping::change(page_number page, std::uint16_t clear, std::uint16_t set) {
    for (latch_wait wait;; wait.pause()) {
        if (const std::optional<std::uint16_t> before = try_change(page, clear, set)) {
            return *before;
        }
    }
}

std::byte* raw_mapping::create(page_number page, residency, std::span<const std::byte> content) {
    check_creation(page, content);
    const std::uint16_t old = table_.word(page).state.load(std::memory_order_relaxed);
    if ((old & page_word::private_page) != 0) {
        std::memcpy(write_address(page), content.data(), content.size());
    } else {
        private_.push_back(page);
        // Past the mapping: a store into a page that is not in memory would read it first.
        file_.write(page << page_shift_, content);
        change(page, page_word::admitted, page_word::private_page | page_word::writable);
    }
    table_.set_sum(page, 0);
    mark_dirty({page, 1});
    return write_address(page);
}

std::byte* raw_mapping::writable(const page_reference& reference) {
    check_writable(reference.page, page_word::private_page);
    if (table_.sum(reference.page) != 0) { table_.set_sum(reference.page, 0); }
    add_dirty({reference.page, 1});
    return write_address(reference.page);
}

void raw_mapping::forget(page_run run) noexcept {
    const page_number end = std::min(run.first + run.count, table_.capacity());
    for (page_number page = run.first; page < end; ++page) {
        if (table_.word(page).state.load(std::memory_order_relaxed) != 0) {
            change(page, page_word::admitted | page_word::private_page | page_word::writable, 0);
        }
        if (table_.sum(page) != 0) { table_.set_sum(page, 0); }
    }
}

void raw_mapping::publish() {
    for (const page_number page : private_) {
        change(page, page_word::private_page | page_word::writable, 0);
    }
    private_.clear();
}

// Unmapped first for the reason that buffer_pool gives.
void raw_mapping::flush_range(byte_range range) {
    views_.write()->unmap({&range, 1});
    views_.write()->flush(range);
}

source_statistics raw_mapping::statistics() const { return base_statistics(); }

std::unique_ptr<page_source> make_raw_mapping(file& file, file_system&, page_warden& warden,
                                              std::uint32_t page_bytes, bool read_only) {
    page_views views(file, page_bytes, read_only, view_choice_default, 0);
    return std::make_unique<raw_mapping>(file, std::move(views), warden, page_bytes);
}

}  // namespace pinyon::io
