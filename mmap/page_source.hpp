// Where pages come from: the one interface through which the engine reaches the bytes of a page.
// Three sources implement it: buffer_pool (an explicit, bounded LRU pool over two mapped views),
// raw_mapping (the whole file mapped, the kernel decides) and direct_source (a pread for each
// visit, no cache).
//
// A hit is one load of the page's state word and one addition, inlined here, the same for pool and
// raw mapping; only a miss is a virtual call.
//
// Invariants
//  1. Page p is at base + p * page_bytes for as long as the source lives (pool and raw mapping).
//  2. `admitted` is set only while the page's bytes have passed the engine's admission since they
//     last came in, or were sealed here and have been in the writable view since; an eviction
//     clears it and moves the version.
//  3. Private pages (`create` until `publish` or `forget`) are touched by the writer's thread
//     alone, and leave memory only inside `relieve`, never in the middle of an operation.
//  4. A page is stored to only while it is private.
//  5. A page that failed under an access (guard_from_sigbus) is io from then on, and the source
//     writes no more.
//
// Threads: fetch, pin, prefetch, flush and statistics from any thread; all else by the one writer.
// Failure: corrupt from the engine's admission, io from the medium, pool_exhausted from `pin`
// alone.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "pinyon/mmap/file.hpp"
#include "pinyon/mmap/page_table.hpp"
#include "pinyon/mmap/sigbus_guard.hpp"

namespace pinyon::io {

// What a page is to the pool: inner pages are evicted after all others.
enum class residency : std::uint8_t { leaf = 0, inner = 1, extent = 2 };

// How a parent names a page: all that admission needs to know.
struct page_reference {
    page_number page = 0;
    std::uint32_t checksum = 0;  // 0: the parent is not sealed yet, the page table's sum holds
    std::uint32_t tree = 0;
    std::uint8_t level = 0;
    residency kind = residency::leaf;
    const void* context = nullptr;  // the engine's, handed through to its admission
};

// The bytes of a page and the state in which they were found.
struct page_view {
    const std::byte* data = nullptr;
    page_number page = 0;
    std::uint16_t state = 0;
};

// The engine's side of the pool: mmap/ moves bytes and knows no nodes.
class page_warden {
public:
    virtual ~page_warden() = default;
    // The page has come in: verify it against `reference` (its checksum is never 0 here) or throw
    // corrupt. Called by the thread that missed, with the page latched.
    virtual void admit(const page_reference& reference, std::span<const std::byte> page) = 0;
    // A private page is about to leave memory: store its checksum in it and return that.
    [[nodiscard]] virtual std::uint32_t seal(page_number page, std::span<std::byte> bytes) = 0;
};

// Pages resident, by what they belong to.
struct residency_count {
    std::uint32_t tree = 0;
    std::uint8_t level = 0;
    residency kind = residency::leaf;
    std::uint64_t pages = 0;
};

struct source_statistics {
    std::uint64_t visits = 0;  // pages asked for
    std::uint64_t misses = 0;  // of these, not admitted at that moment
    std::uint64_t reads = 0;   // pages brought in (from medium or page cache)
    std::uint64_t bytes_read = 0;
    std::uint64_t writes = 0;  // pages made or changed by the writer
    std::uint64_t bytes_written = 0;
    std::uint64_t flushes = 0;  // msync calls
    std::uint64_t evictions = 0;
    std::uint64_t write_backs = 0;  // evictions of pages with unsaved changes
    std::uint64_t prefetches = 0;   // pages asked for ahead of their use
    std::uint64_t sweeps = 0;       // searches for pages the kernel mapped behind our back
    std::uint64_t swept = 0;        // pages found by them
    std::uint64_t pins = 0;         // pins held now
    std::uint64_t frames = 0;       // frames in use now, both views
    std::uint64_t frames_peak = 0;
    std::uint64_t frames_max = 0;  // 0: unbounded
    std::vector<residency_count> resident;

    [[nodiscard]] std::uint64_t hits() const noexcept {
        return visits > misses ? visits - misses : 0;
    }
};

class page_source;

// Forbids the eviction of one page for as long as it lives. Movable; empty after a move.
class pin_guard {
public:
    pin_guard() = default;
    pin_guard(pin_guard&& other) noexcept;
    pin_guard& operator=(pin_guard&& other) noexcept;
    ~pin_guard();

    [[nodiscard]] const std::byte* data() const noexcept { return view_.data; }
    [[nodiscard]] page_number page() const noexcept { return view_.page; }
    explicit operator bool() const noexcept { return source_ != nullptr; }
    void unpin() noexcept;

private:
    friend class page_source;
    pin_guard(page_source* source, page_view view) noexcept : source_(source), view_(view) {}

    page_source* source_ = nullptr;
    page_view view_;
};

class page_source {
public:
    virtual ~page_source() = default;
    page_source(const page_source&) = delete;
    page_source& operator=(const page_source&) = delete;

    [[nodiscard]] std::uint32_t page_bytes() const noexcept {
        return std::uint32_t{1} << page_shift_;
    }
    // Pages beyond this number do not exist (yet); a reference to one is corrupt.
    [[nodiscard]] page_number limit() const noexcept {
        return limit_.load(std::memory_order_relaxed);
    }
    // Pages that the reserved addresses can hold.
    [[nodiscard]] page_number limit_max() const noexcept { return table_.capacity(); }

    // The page, admitted. O(1) on a hit: no lock, no shared write, no virtual call. A reader's view
    // stays readable for as long as its snapshot lives; `unchanged` tells whether what was read
    // from it was read while admitted.
    [[nodiscard]] page_view fetch(const page_reference& reference) {
        if (reference.page < limit()) [[likely]] {
            page_word& word = table_.word(reference.page);
            const std::uint16_t state = word.state.load(std::memory_order_acquire);
            if ((state & page_word::admitted) != 0) [[likely]] {
                if (word.tick.load(std::memory_order_relaxed) !=
                    now_.load(std::memory_order_relaxed)) [[unlikely]] {
                    touch(word);
                }
                return {read_base_ + (reference.page << page_shift_), reference.page, state};
            }
            if ((state & page_word::writable) != 0) {
                return {write_base_ + (reference.page << page_shift_), reference.page, state};
            }
        }
        return miss(reference);
    }

    // True when the page has stayed admitted since `view` was taken.
    [[nodiscard]] bool unchanged(const page_view& view) const noexcept {
        page_table::read_fence();
        return ((table_.word(view.page).state.load(std::memory_order_relaxed) ^ view.state) &
                (page_word::version_mask | page_word::admitted)) == 0;
    }

    // From here on an access to the views that fails is an error, not the end of the process: what
    // is read through `fetch` and found `unchanged` was right; views and pins that a caller keeps
    // may show zeros, of which `require_readable` tells. Throws no_space.
    void guard_from_sigbus();
    // Accesses that failed so far. One load.
    [[nodiscard]] std::uint64_t failures() const noexcept {
        return failures_.load(std::memory_order_relaxed);
    }
    // Throws io when an access has failed: for the writer, whose stores may be lost. One load.
    void require_sound() const {
        if (failures() != 0) [[unlikely]] { raise_failed(first_failed_.load()); }
    }
    // Throws io when these bytes, a part of a view that was just read, are in a page that failed.
    // One load unless some access has failed.
    void require_readable(std::span<const std::byte> read) const {
        if (failures() != 0) [[unlikely]] { check_readable(read); }
    }

    // Brings the page's state word towards the processor ahead of `fetch`. Returns where the bytes
    // of the page would be, for prefetches alone; null for a number that is no page's.
    [[nodiscard]] const std::byte* expect(page_number page) const noexcept {
        if (page >= limit()) [[unlikely]] { return nullptr; }
        __builtin_prefetch(&table_.word(page));
        return read_base_ + (page << page_shift_);
    }

    // Adds to the statistics of this thread: pages visited since the last call.
    void count_visits(std::uint64_t pages) noexcept { counters_.add_visits(pages); }

    // Residency: no stall and no late error until the guard goes. Throws pool_exhausted when pins
    // already hold what may be pinned.
    [[nodiscard]] pin_guard pin(const page_reference& reference);

    // Starts reading pages that will be fetched soon; they come in unverified. Never throws.
    virtual void prefetch(std::span<const page_number> pages) noexcept = 0;

    // The checksum that an unsealed parent has no room for yet; 0 when none is known.
    [[nodiscard]] std::uint32_t sum(page_number page) const noexcept { return table_.sum(page); }
    void set_sum(page_number page, std::uint32_t value) noexcept { table_.set_sum(page, value); }

    // --- the writer ------------------------------------------------------------------------------

    // Raises the limit after the file grew (at most limit_max()), or lowers it after it was cut.
    void set_limit(page_number pages) noexcept { limit_.store(pages, std::memory_order_relaxed); }

    // Makes a free page private, with this content (a whole page); returns its writable bytes. Its
    // old bytes are never read. O(1).
    [[nodiscard]] virtual std::byte* create(page_number page, residency kind,
                                            std::span<const std::byte> content) = 0;
    // The same for a page that is finished, with its checksum: it need not be in memory, and comes
    // in, verified, when it is next asked for. O(1).
    virtual void create_cold(page_number page, residency kind, std::span<const std::byte> content,
                             std::uint32_t sum) {
        (void)create(page, kind, content);
        set_sum(page, sum);
    }
    // The writable bytes of a private page; `reference` is used when it has to come back. The bytes
    // count as changed, and no sum of theirs is known. Valid until the next `relieve`.
    [[nodiscard]] virtual std::byte* writable(const page_reference& reference) = 0;
    // Pages written past the views (file::write) that the next flush must cover.
    void mark_dirty(page_run run) noexcept;
    // The page is free now: whatever was known about it is forgotten, private or not.
    virtual void forget(page_run run) noexcept = 0;
    // Between two operations: writes private pages back and evicts them when they fill the pool.
    virtual void relieve() = 0;
    // All private pages become committed; their writable mappings go, or stay, up to a part of all
    // frames, until frames are needed.
    virtual void publish() = 0;

    // The span of all pages changed since the last call, for a flush.
    [[nodiscard]] page_run take_dirty() noexcept;
    // Makes every changed byte of the span durable: one msync. Throws io when a store was lost on
    // the way (require_sound). O(span). After an error the source must not flush again. From any
    // thread: pages that are private now may go along.
    void flush(page_run span);
    void flush() {
        flush(dirty());
        (void)take_dirty();
    }
    [[nodiscard]] page_run dirty() const noexcept;

    // Evicts everything that may be evicted (for tests and for `release` on request).
    virtual void evict_all() = 0;

    // Frames that the source may hold; 0: unbounded. O(1).
    [[nodiscard]] virtual std::uint64_t frames_max() const noexcept { return 0; }
    [[nodiscard]] virtual source_statistics statistics() const = 0;

protected:
    // `first` is the first page behind the metas: smaller numbers are no pages.
    page_source(page_table table, std::uint32_t page_bytes, page_number first,
                page_warden& warden) noexcept;

    // A page that `fetch` did not find: beyond the limit (corrupt), or brought in and admitted.
    [[nodiscard]] virtual page_view miss(const page_reference& reference) = 0;
    // How many pages explicit pins may hold.
    [[nodiscard]] virtual std::uint64_t pin_limit() const noexcept { return ~std::uint64_t{0}; }
    virtual void flush_range(byte_range range) = 0;
    // Called each `age_every` ticks when ticks count accesses.
    virtual void age() noexcept {}
    void touch(page_word& word) noexcept;

    // Before the views go.
    void unguard() noexcept;
    void check_failed(page_number page) const;

    static constexpr std::uint16_t age_every = 8192;

    // Whether the number is that of a page: behind the metas and below the limit.
    [[nodiscard]] bool has_page(page_number page) const noexcept {
        return page >= first_page_ && page < limit();
    }
    // Throws corrupt unless the file has the page; io for one that failed.
    void check_reference(page_number page) const;
    // The same for a page that the writer names: misuse.
    void check_writable(page_number page, std::uint16_t needed_state) const;
    void check_creation(page_number page, std::span<const std::byte> content) const;
    // Has the warden verify the bytes against the reference's checksum or, where that is 0, the
    // page table's. Throws corrupt; a page without either is corrupt.
    void admit(const page_reference& reference, const std::byte* data) const;
    void add_dirty(page_run run) noexcept;
    void count_writes(std::uint64_t pages) noexcept;

    // The page's view when it is there after all; nullopt: it is not, and is latched for this
    // thread. Waits while another thread has it latched.
    [[nodiscard]] std::optional<page_view> view_or_latch(page_number page) noexcept;
    // REQUIRES: the page is latched by this thread.
    void unlatch(page_number page, std::uint16_t clear, std::uint16_t set) noexcept;
    // Changes the state and moves the version when that clears `admitted`; returns the state
    // before, or nullopt when the page is latched.
    [[nodiscard]] std::optional<std::uint16_t> try_change(page_number page, std::uint16_t clear,
                                                          std::uint16_t set) noexcept;
    // The statistics that every source keeps.
    [[nodiscard]] source_statistics base_statistics() const;
    [[nodiscard]] std::uint64_t pages_pinned() const noexcept {
        return pages_pinned_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] const std::byte* read_address(page_number page) const noexcept {
        return read_base_ + (page << page_shift_);
    }
    [[nodiscard]] std::byte* write_address(page_number page) const noexcept {
        return write_base_ + (page << page_shift_);
    }
    [[nodiscard]] byte_range bytes_of(page_number page) const noexcept {
        return {page << page_shift_, page_bytes()};
    }

    page_table table_;
    std::byte* read_base_ = nullptr;
    std::byte* write_base_ = nullptr;
    std::uint32_t page_shift_;
    bool tick_per_access_ = false;
    std::atomic<page_number> limit_{0};
    std::atomic<std::uint16_t> now_{1};
    std::atomic<std::uint64_t> failures_{0};  // beside what each fetch loads
    page_number first_page_;
    page_warden& warden_;
    mutable visit_counters counters_;
    std::atomic<std::uint64_t> misses_{0};
    std::atomic<std::uint64_t> reads_{0};
    std::atomic<std::uint64_t> writes_{0};
    std::atomic<std::uint64_t> flushes_{0};
    std::atomic<std::uint64_t> prefetches_{0};

private:
    friend class pin_guard;
    [[noreturn]] static void raise_failed(page_number page);
    void check_readable(std::span<const std::byte> read) const;
    void unpin(page_number page) noexcept;

    // Written by the writer alone; an eviction reads them.
    std::atomic<page_number> dirty_first_{0};
    std::atomic<page_number> dirty_end_{0};
    std::atomic<page_number> first_failed_{0};  // 0: none
    std::unique_ptr<sigbus_guard> read_guard_;
    std::unique_ptr<sigbus_guard> write_guard_;
    std::atomic<std::uint64_t> pins_held_{0};
    std::atomic<std::uint64_t> pages_pinned_{0};
};

// Waits for a latch: yields for as long as a miss from the page cache takes, then sleeps.
class latch_wait {
public:
    void pause();

private:
    unsigned rounds_ = 0;
};

}  // namespace pinyon::io
