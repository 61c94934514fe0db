// The explicit pool: it decides which pages of the file are mapped, in LRU order, within a hard
// budget over both views and the page tables beneath them.
//
// States of a page, as bits of its word (L: latched for the time of the move):
//
//     cold --miss, L--> admitted --evict, L--> cold       verified each time it comes in, but for
//                                                         pages sealed here that have not left
//     free --create--> private, writable --relieve--> private --writable, L--> private, writable
//     free --create_cold--> private
//     private --publish--> cold      any --forget--> free (frames stay until they are needed)
//
// Invariants
//  1. Frames are entered in the budget before their pages are mapped and taken out after they are
//     unmapped, both under the mutex; a page that is mapped otherwise (a kept view was read, a
//     reader raced an eviction) is found by a sweep.
//  2. The evictor takes no page that is pinned, latched or private. A pinner raises the pin and
//     reads the state; the evictor clears `admitted` and reads the pins: one of them sees the
//     other.
//  3. Pages are latched either by the thread that brings them in, without the mutex, or within one
//     holding of the mutex. Who holds the mutex never waits for a latch.
//  4. Private pages leave the writable view in `relieve` and `publish`; once forgotten or
//     committed, anywhere.
//
// Threads: as page_source. Hits take no lock; a miss takes the mutex to make room.
// Failure: as page_source. A page that could not be brought in is unmapped again and unlatched.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "pinyon/mmap/frame_budget.hpp"
#include "pinyon/mmap/lru.hpp"
#include "pinyon/mmap/page_source.hpp"
#include "pinyon/mmap/page_views.hpp"

namespace pinyon::io {

struct pool_options {
    std::uint64_t budget_bytes = std::uint64_t{8} << 20;
    bool release = false;    // evicted pages leave the page cache too
    bool exact_lru = false;  // a tick for each access, no probation, evictions one by one
    bool read_only = false;
    view_choice views = view_choice_default;
};

class buffer_pool final : public page_source {
public:
    buffer_pool(file& file, page_views views, page_warden& warden, std::uint32_t page_bytes,
                const pool_options& options);
    ~buffer_pool() override { unguard(); }

    void prefetch(std::span<const page_number> pages) noexcept override;
    [[nodiscard]] std::byte* create(page_number page, residency kind,
                                    std::span<const std::byte> content) override;
    void create_cold(page_number page, residency kind, std::span<const std::byte> content,
                     std::uint32_t sum) override;
    [[nodiscard]] std::byte* writable(const page_reference& reference) override;
    void forget(page_run run) noexcept override;
    void relieve() override;
    void publish() override;
    void evict_all() override;
    [[nodiscard]] std::uint64_t frames_max() const noexcept override { return frames_max_; }
    [[nodiscard]] source_statistics statistics() const override;

    // Unmaps what is mapped without being entered. O(pages mapped), a scan of the whole limit where
    // the kernel has no PAGEMAP_SCAN.
    void sweep();
    // What the pool has entered: frames and page tables, in bytes.
    [[nodiscard]] std::uint64_t used_bytes() const;

protected:
    [[nodiscard]] page_view miss(const page_reference& reference) override;
    [[nodiscard]] std::uint64_t pin_limit() const noexcept override;
    void flush_range(byte_range range) override;
    void age() noexcept override;

private:
    using guard = std::unique_lock<std::mutex>;

    // What is known of a page beside its word; all under the mutex.
    struct page_note {
        static constexpr std::uint8_t in_read = 1;   // entered in the reading view's budget
        static constexpr std::uint8_t in_write = 2;  // entered in the writable view's
        static constexpr std::uint8_t listed = 4;    // in private_
        static constexpr std::uint8_t queued = 8;    // in mapped_
        // Published from the writable view and there ever since: what its sum was made from.
        static constexpr std::uint8_t vouched = 16;

        std::uint16_t label;
        std::uint8_t flags;
        std::uint8_t unused;
    };

    // Coming in. The page is latched by this thread.
    [[nodiscard]] page_view bring_in(const page_reference& reference);
    [[nodiscard]] page_view bring_back(const page_reference& reference);
    void undo_read(page_number page);
    void undo_write(page_number page);
    void trim(page_number page);
    void read_around(page_run pages) noexcept;

    // All below: REQUIRES the mutex.
    // Returns whether it is mapped already.
    bool enter_read(const page_reference& reference);
    // What to read with a page that was missed; mostly nothing.
    [[nodiscard]] page_run around_miss(page_number page);
    [[nodiscard]] bool is_vouched(const page_reference& reference) const noexcept;
    void enter_write(page_number page);
    void list_private(page_number page);
    // A free page becomes private, in this state, and is free again.
    void begin_private(page_number page, std::uint16_t state, guard& lock);
    void end_private(page_number page, guard& lock);
    [[nodiscard]] std::uint16_t next_tick() noexcept;
    [[nodiscard]] std::uint16_t label_of(const page_reference& reference);
    // Changes the state of a page that nobody is bringing in; lets go of the mutex to wait for
    // that. Returns the state before.
    std::uint16_t change(page_number page, std::uint16_t clear, std::uint16_t set, guard& lock);
    void forget_page(page_number page, guard& lock);

    void make_room(page_view_kind view, page_number page);
    // Unmaps up to `count` frames of the reading view; returns how many frames went in all.
    std::size_t evict(std::size_t count);
    void choose(eviction_rank rank, std::size_t count);
    [[nodiscard]] bool claim(page_number page) noexcept;
    // Ascending latched pages; unlatches them.
    void unmap_read(std::span<const page_number> pages);
    // Ascending pages.
    void unmap_write(std::span<const page_number> pages);
    // Frees `count` frames or some more of pages that are private no longer, where there are any.
    std::size_t reclaim_forgotten(std::size_t count);
    void write_back(std::uint64_t keep, guard& lock);
    void sweep_locked();
    std::uint64_t drop_unknown(mapping& view, byte_range range, std::uint8_t known);
    void drop_from_cache(std::span<const page_number> pages);

    [[nodiscard]] bool has(page_number page, std::uint8_t flag) const noexcept {
        return (notes_[page].flags & flag) != 0;
    }

    file& file_;
    page_views views_;
    mapping& read_;
    mapping* write_;
    const bool release_;
    const bool trims_;  // faults map neighbours, which must go again

    mutable std::mutex mutex_;
    frame_budget budget_;
    lru lru_;
    reserved_memory note_memory_;
    page_note* notes_;
    const std::uint64_t frames_max_;
    const std::size_t batch_;
    std::uint64_t tick_misses_;  // misses that make a tick
    std::uint16_t probation_;    // ticks that a page is older than it is when it enters
    std::uint64_t since_tick_ = 0;
    std::uint64_t since_sweep_ = 0;  // evictions
    std::uint64_t evictions_ = 0;
    std::uint64_t write_backs_ = 0;
    std::uint64_t sweeps_ = 0;
    std::uint64_t swept_ = 0;
    std::uint64_t written_frames_ = 0;        // pages with in_write
    std::uint64_t forgotten_ = 0;             // about how many of these are private no more
    std::vector<std::uint8_t> piece_misses_;  // of each piece of the file, up to misses_a_piece
    std::uint64_t pages_around_ = 0;          // that were read with pages that were missed
    std::vector<residency_count> labels_;
    std::unordered_map<std::uint64_t, std::uint16_t> label_index_;
    // Private pages of the transaction, and pages in the writable view in the order in which they
    // came; both may hold some that were forgotten since.
    std::vector<page_number> private_;
    std::vector<page_number> mapped_;
    // Memory for one holding of the mutex.
    std::vector<page_number> victims_;
    std::vector<byte_range> ranges_;
    std::vector<byte_range> found_;
};

[[nodiscard]] std::unique_ptr<page_source> make_buffer_pool(file& file, file_system& files,
                                                            page_warden& warden,
                                                            std::uint32_t page_bytes,
                                                            const pool_options& options);

}  // namespace pinyon::io
