#include "pinyon/mmap/lru.hpp"

#include "pinyon/mmap/assert.hpp"

namespace pinyon::io {

lru::lru(const page_table& words, std::uint32_t ring_ticks)
    : words_(words),
      mask_(static_cast<std::uint16_t>(ring_ticks - 1)),
      memory_(words.capacity() * sizeof(link)),
      links_(reinterpret_cast<link*>(memory_.data())) {
    PINYON_ASSERT(ring_ticks >= 16 && ring_ticks <= 32768 && (ring_ticks & (ring_ticks - 1)) == 0);
    for (ring& one : rings_) { one.buckets.resize(ring_ticks); }
}

std::uint16_t lru::word_tick(page_number page) const noexcept {
    return words_.word(page).tick.load(std::memory_order_relaxed);
}

void lru::join(bucket& chain, std::uint32_t before, std::uint32_t after) noexcept {
    (before != 0 ? links_[before].next : chain.head) = after;
    (after != 0 ? links_[after].previous : chain.tail) = before;
}

void lru::link_in(page_number page, std::uint16_t tick, end where) noexcept {
    link& entry = links_[page];
    ring& home = rings_[index(entry.rank)];
    if (home.size == 0 || newer(home.oldest, tick)) { home.oldest = tick; }
    ++home.size;
    entry.tick = tick;
    entry.listed = 1;
    bucket& target = home.buckets[tick & mask_];
    const auto self = static_cast<std::uint32_t>(page);
    const std::uint32_t before = where == end::back ? target.tail : 0;
    const std::uint32_t after = where == end::front ? target.head : 0;
    join(target, before, self);
    join(target, self, after);
}

void lru::unlink(page_number page) noexcept {
    link& entry = links_[page];
    ring& home = rings_[index(entry.rank)];
    join(home.buckets[entry.tick & mask_], entry.previous, entry.next);
    entry.listed = 0;
    --home.size;
}

void lru::insert(page_number page, eviction_rank rank, std::uint16_t tick,
                 std::uint16_t seen) noexcept {
    PINYON_ASSERT(page != none && !contains(page));
    links_[page].rank = rank;
    links_[page].seen = seen;
    link_in(page, tick, end::back);
}

void lru::remove(page_number page) noexcept {
    if (contains(page)) { unlink(page); }
}

void lru::demote(page_number page) noexcept {
    if (!contains(page)) { return; }
    unlink(page);
    const ring& early = rings_[index(eviction_rank::early)];
    const std::uint16_t tick = early.size == 0 ? links_[page].tick : early.oldest;
    links_[page].rank = eviction_rank::early;
    links_[page].seen = word_tick(page);
    link_in(page, tick, end::front);
}

page_number lru::pop_oldest(eviction_rank rank, std::uint16_t now) noexcept {
    ring& home = rings_[index(rank)];
    while (home.size != 0) {
        const page_number page = home.buckets[home.oldest & mask_].head;
        if (page == none) {
            ++home.oldest;
            continue;
        }
        link& entry = links_[page];
        const std::uint16_t seen = word_tick(page);
        const std::uint16_t used = newer(seen, now) ? now : seen;
        unlink(page);
        if (seen == entry.seen || !newer(used, entry.tick)) { return page; }
        entry.seen = seen;
        link_in(page, used, end::back);
    }
    return none;
}

void lru::age(std::uint16_t now) noexcept {
    const auto age_max = static_cast<std::uint16_t>((mask_ + 1) / 2);
    const auto floor = static_cast<std::uint16_t>(now - age_max);
    for (ring& home : rings_) {
        while (home.size != 0 && newer(floor, home.oldest)) {
            const page_number page = home.buckets[home.oldest & mask_].head;
            if (page == none) {
                ++home.oldest;
                continue;
            }
            link& entry = links_[page];
            const std::uint16_t seen = word_tick(page);
            unlink(page);
            if (seen != entry.seen && newer(seen, entry.tick) && !newer(seen, now)) {
                // Used since, perhaps long ago too: its turn comes in the order of that use.
                entry.seen = seen;
                link_in(page, seen, end::back);
                continue;
            }
            link_in(page, floor, end::back);
        }
    }
}

}  // namespace pinyon::io
