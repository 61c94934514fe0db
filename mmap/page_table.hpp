// The table of pages: what this process knows about each page of the file, in memory only.
// Structure of arrays in reserved, lazily backed memory, indexed by page number; the hot word is 4
// bytes, so that a probe of a large table misses as little cache as it can.
//
// Invariants
//  1. `tick` is written with plain relaxed stores by readers; `state` only by compare-exchange, or
//     by the holder of its latch bit, or by the writer while the page is private.
//  2. version moves whenever `admitted` is cleared.
//  3. `admitted` and `writable` never stand beside `failed`.
//
// Threads: words, pins and sums from any thread (atomics).
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "pinyon/mmap/file.hpp"

namespace pinyon::io {

#if defined(__SANITIZE_THREAD__)
inline constexpr bool thread_sanitized = true;
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
inline constexpr bool thread_sanitized = true;
#else
inline constexpr bool thread_sanitized = false;
#endif
#else
inline constexpr bool thread_sanitized = false;
#endif

// 4 bytes a page: 16 bits of state, 16 bits of time.
struct page_word {
    static constexpr std::uint16_t admitted = 1;      // resident in the reading view, verified
    static constexpr std::uint16_t writable = 2;      // private and mapped in the writable view
    static constexpr std::uint16_t private_page = 4;  // of the running transaction
    static constexpr std::uint16_t latched = 8;       // coming in or going out
    static constexpr std::uint16_t resident =
        16;  // in the reading view's page tables, as far as known
    static constexpr std::uint16_t failed = 32;  // an access to it failed (sigbus_guard); stays
    static constexpr std::uint16_t version_mask = 0xffc0;
    static constexpr std::uint16_t version_step = 0x0040;

    std::atomic<std::uint16_t> state{0};
    std::atomic<std::uint16_t> tick{0};  // when it was last used, in the pool's ticks
};
static_assert(sizeof(page_word) == 4);

// Reserved, zero, lazily backed memory.
class reserved_memory {
public:
    explicit reserved_memory(std::uint64_t bytes);  // throws no_space
    reserved_memory(reserved_memory&& other) noexcept;
    reserved_memory& operator=(reserved_memory&&) = delete;
    ~reserved_memory();

    [[nodiscard]] std::byte* data() const noexcept { return data_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

private:
    std::byte* data_;
    std::uint64_t bytes_;
};

class page_table {
public:
    explicit page_table(page_number capacity);

    [[nodiscard]] page_number capacity() const noexcept { return capacity_; }
    [[nodiscard]] page_word& word(page_number page) const noexcept { return words_[page]; }
    [[nodiscard]] std::atomic<std::uint32_t>& pins(page_number page) const noexcept {
        return pins_[page];
    }

    [[nodiscard]] std::uint32_t sum(page_number page) const noexcept {
        return sums_[page].load(std::memory_order_acquire);
    }
    void set_sum(page_number page, std::uint32_t value) const noexcept {
        sums_[page].store(value, std::memory_order_release);
    }

    // Orders reads of a page's bytes before the re-read of its word. ThreadSanitizer knows no
    // fences.
    static void read_fence() noexcept {
#if defined(__SANITIZE_THREAD__)
        std::atomic_signal_fence(std::memory_order_acquire);  // gcc warns of the other one there
#else
        std::atomic_thread_fence(std::memory_order_acquire);
#endif
    }

private:
    page_number capacity_;
    reserved_memory word_memory_;
    reserved_memory pin_memory_;
    reserved_memory sum_memory_;
    page_word* words_;
    std::atomic<std::uint32_t>* pins_;
    std::atomic<std::uint32_t>* sums_;
};

// Page visits, counted in a slot of the calling thread's own so that counting costs readers no
// shared cache line. Threads beyond the number of slots share the last one.
class visit_counters {
public:
    static constexpr unsigned slots = 64;

    void add_visits(std::uint64_t pages) noexcept {
        const unsigned slot = thread_slot();
        std::atomic<std::uint64_t>& visits = slots_[slot].visits;
        if (slot + 1 < slots) [[likely]] {
            visits.store(visits.load(std::memory_order_relaxed) + pages, std::memory_order_relaxed);
        } else {
            visits.fetch_add(pages, std::memory_order_relaxed);
        }
    }
    [[nodiscard]] std::uint64_t visits() const noexcept;

private:
    struct alignas(64) counter {
        std::atomic<std::uint64_t> visits{0};
    };
    [[nodiscard]] static unsigned thread_slot() noexcept;

    std::array<counter, slots> slots_{};
};

}  // namespace pinyon::io
