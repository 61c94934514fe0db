// The order in which pages were last used, kept lazily. A reader only stores the current tick in
// the page's hot word; the evictor, which looks at the page used longest ago by what it last knew,
// moves it on when the word says otherwise. Exact to the tick, O(1) amortised, no allocation after
// construction.
//
// Pages hang in buckets, one for each tick, in a ring; links are intrusive, in reserved memory
// indexed by page number. Two ranks: pages of rank `late` are meant to be asked for once no `early`
// one is left.
//
// A page may enter on probation: in an older bucket than now, where it stays until a word of a
// later tick shows a second use. A scan then turns over the older half of the pool and leaves the
// rest alone.
//
// Invariants
//  1. A page is in at most one bucket, that of its link's tick; page 0 is never listed.
//  2. After `age`, no link is older than half the ring, so buckets never hold two ticks. A word
//     that holds what was last seen in it means no use, however long ago that was: ticks of 16 bits
//     that come round do not make a page look new. REQUIRES: `age` each quarter of the ring.
//
// Threads: one at a time (the pool's mutex); readers store ticks in the words at any time.
// Failure: no_space from the constructor.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "pinyon/mmap/page_table.hpp"

namespace pinyon::io {

enum class eviction_rank : std::uint8_t { early = 0, late = 1 };

class lru {
public:
    static constexpr page_number none = 0;

    // `ring` ticks (a power of two, 16 to 32768) are told apart. `words` outlives this.
    lru(const page_table& words, std::uint32_t ring);

    [[nodiscard]] std::uint64_t size(eviction_rank rank) const noexcept {
        return rings_[index(rank)].size;
    }
    [[nodiscard]] bool contains(page_number page) const noexcept {
        return links_[page].listed != 0;
    }

    // Lists a page as if it was last used at `tick`. `seen` is what its word holds now: the page
    // moves on only when the word holds something else.
    void insert(page_number page, eviction_rank rank, std::uint16_t tick,
                std::uint16_t seen) noexcept;
    void remove(page_number page) noexcept;
    // Makes it the next `early` page to go, whatever its rank was.
    void demote(page_number page) noexcept;
    // Takes out the page of this rank used longest ago; `none` when there is none.
    [[nodiscard]] page_number pop_oldest(eviction_rank rank, std::uint16_t now) noexcept;
    // Brings pages older than half the ring up to that age, in order.
    void age(std::uint16_t now) noexcept;

private:
    struct link {
        std::uint32_t next;
        std::uint32_t previous;
        std::uint16_t tick;
        std::uint16_t seen;
        eviction_rank rank;
        std::uint8_t listed;
    };
    struct bucket {
        std::uint32_t head = 0;
        std::uint32_t tail = 0;
    };
    struct ring {
        std::vector<bucket> buckets;
        std::uint64_t size = 0;
        std::uint16_t oldest = 0;  // no listed page has an older tick
    };

    [[nodiscard]] static std::size_t index(eviction_rank rank) noexcept {
        return static_cast<std::size_t>(rank);
    }
    [[nodiscard]] static bool newer(std::uint16_t a, std::uint16_t b) noexcept {
        return static_cast<std::int16_t>(a - b) > 0;
    }
    // The tick in the page's word, never later than now.
    [[nodiscard]] std::uint16_t word_tick(page_number page) const noexcept;
    // Makes `after` follow `before` in the bucket; 0: the bucket's end on that side.
    void join(bucket& chain, std::uint32_t before, std::uint32_t after) noexcept;
    enum class end : std::uint8_t { front, back };
    void link_in(page_number page, std::uint16_t tick, end where) noexcept;
    void unlink(page_number page) noexcept;

    const page_table& words_;
    std::uint16_t mask_;
    reserved_memory memory_;
    link* links_;
    std::array<ring, 2> rings_;
};

}  // namespace pinyon::io
