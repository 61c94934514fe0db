#include "pinyon/mmap/direct_source.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "pinyon/mmap/os_memory.hpp"
#include "pinyon/mmap/read_ahead.hpp"

namespace pinyon::io {

namespace {

constexpr std::uint64_t metas_bytes = 8192;

[[nodiscard]] page_number pages_of(const file& file, std::uint32_t page_bytes) {
    return (file.size() + page_bytes - 1) / page_bytes;
}

}  // namespace

direct_source::direct_source(file& file, page_warden& warden, std::uint32_t page_bytes)
    : page_source(page_table(std::max<page_number>(pages_of(file, page_bytes), 1)), page_bytes,
                  std::max<std::uint64_t>(metas_bytes, page_bytes) / page_bytes, warden),
      file_(file),
      memory_(table_.capacity() * page_bytes),
      last_memory_(table_.capacity() * sizeof(std::uint64_t)),
      last_(reinterpret_cast<std::uint64_t*>(last_memory_.data())),
      ring_(ring_pages) {
    read_base_ = memory_.data();
}

page_view direct_source::miss(const page_reference& reference) {
    const page_number page = reference.page;
    check_reference(page);
    if (page >= table_.capacity()) {
        raise(errc::corrupt, "a reference names a page outside the file; run 'pinyon check'", page);
    }
    misses_.fetch_add(1, std::memory_order_relaxed);
    // Never admitted and never writable: this latches.
    (void)view_or_latch(page);
    try {
        remember(page);
        std::byte* place = memory_.data() + (page << page_shift_);
        if (file_.read(page << page_shift_, {place, page_bytes()}) != page_bytes()) {
            raise(errc::truncated, "the file ends within a page; restore a backup", page);
        }
        admit(reference, place);
    } catch (const error& failure) {
        unlatch(page, 0, 0);
        if (failure.page().has_value()) { throw; }
        throw error(failure.kind(), failure.what(), page);
    } catch (...) {
        unlatch(page, 0, 0);
        throw;
    }
    reads_.fetch_add(1, std::memory_order_relaxed);
    unlatch(page, 0, 0);
    return {read_address(page), page, table_.word(page).state.load(std::memory_order_relaxed)};
}

void direct_source::prefetch(std::span<const page_number> pages) noexcept {
    read_ahead ahead(file_, page_bytes());
    for (const page_number page : pages) {
        if (page < table_.capacity()) { ahead.add(page); }
    }
    prefetches_.fetch_add(ahead.finish(), std::memory_order_relaxed);
}

// Notes the visit and lets go of the one that leaves the ring, unless its page was visited since.
void direct_source::remember(page_number page) {
    const std::lock_guard lock(mutex_);
    for (;;) {
        ++visits_;
        visit& slot = ring_[visits_ % ring_pages];
        const visit old = slot;
        const bool last = old.page != 0 && last_[old.page] == old.number;
        if (last && table_.pins(old.page).load(std::memory_order_seq_cst) != 0) {
            last_[old.page] = visits_;
            slot.number = visits_;
            continue;
        }
        frames_ += last_[page] == 0 ? 1 : 0;
        last_[page] = visits_;
        slot = {page, visits_};
        if (last && old.page != page) { drop(old.page); }
        return;
    }
}

void direct_source::drop(page_number page) {
    last_[page] = 0;
    --frames_;
    ++evictions_;
    table_.word(page).state.fetch_add(page_word::version_step, std::memory_order_seq_cst);
    const byte_range range = bytes_of(page);
    discard_memory(memory_.data() + range.offset, range.size);
}

void direct_source::evict_all() {
    const std::lock_guard lock(mutex_);
    for (visit& slot : ring_) {
        if (slot.page != 0 && last_[slot.page] == slot.number &&
            table_.pins(slot.page).load(std::memory_order_seq_cst) == 0) {
            drop(slot.page);
            slot = {};
        }
    }
}

std::byte* direct_source::create(page_number page, residency, std::span<const std::byte>) {
    raise(errc::misuse, "a direct source only reads; open the file with a pool or a raw mapping",
          page);
}

std::byte* direct_source::writable(const page_reference& reference) {
    raise(errc::misuse, "a direct source only reads; open the file with a pool or a raw mapping",
          reference.page);
}

source_statistics direct_source::statistics() const {
    source_statistics out = base_statistics();
    const std::lock_guard lock(mutex_);
    out.evictions = evictions_;
    out.frames = frames_;
    out.frames_peak = std::min<std::uint64_t>(visits_, ring_pages);
    out.frames_max = ring_pages;
    return out;
}

std::unique_ptr<page_source> make_direct_source(file& file, page_warden& warden,
                                                std::uint32_t page_bytes) {
    return std::make_unique<direct_source>(file, warden, page_bytes);
}

}  // namespace pinyon::io
