// How pages leave the pool, and the search for pages that it has not entered.
#include <algorithm>
#include <iterator>

#include "pinyon/mmap/buffer_pool.hpp"

namespace pinyon::io {

void buffer_pool::make_room(page_view_kind view, page_number page) {
    // A search costs what is mapped, or, without PAGEMAP_SCAN, 8 bytes a page of the file.
    const std::uint64_t sweep_evictions =
        std::max({frames_max_ / 2, limit() / 64, std::uint64_t{64}});
    if (since_sweep_ >= sweep_evictions) { sweep_locked(); }
    while (!budget_.fits(view, page) && evict(batch_) != 0) {}
}

std::size_t buffer_pool::evict(std::size_t count) {
    std::size_t freed = forgotten_ > batch_ ? reclaim_forgotten(count) : 0;
    victims_.clear();
    choose(eviction_rank::early, count);
    choose(eviction_rank::late, count);
    if (!victims_.empty()) {
        std::sort(victims_.begin(), victims_.end());
        evictions_ += victims_.size();
        since_sweep_ += victims_.size();
        freed += victims_.size();
        unmap_read(victims_);
    } else if (forgotten_ != 0) {
        freed += reclaim_forgotten(count);
    }
    return freed;
}

void buffer_pool::choose(eviction_rank rank, std::size_t count) {
    const std::uint16_t now = now_.load(std::memory_order_relaxed);
    for (std::uint64_t left = lru_.size(rank); left != 0 && victims_.size() < count; --left) {
        const page_number page = lru_.pop_oldest(rank, now);
        if (page == lru::none) { return; }
        if (claim(page)) {
            victims_.push_back(page);
        } else {
            // Pinned or coming in: in use now.
            lru_.insert(page, rank, now, table_.word(page).tick.load(std::memory_order_relaxed));
        }
    }
}

bool buffer_pool::claim(page_number page) noexcept {
    std::atomic<std::uint16_t>& word = table_.word(page).state;
    std::atomic<std::uint32_t>& pins = table_.pins(page);
    std::uint16_t state = word.load(std::memory_order_acquire);
    if ((state & page_word::latched) != 0 || pins.load(std::memory_order_seq_cst) != 0) {
        return false;
    }
    const int admitted = state & page_word::admitted;
    const int moved = admitted != 0 ? state + page_word::version_step : state;
    const auto claimed =
        static_cast<std::uint16_t>((moved & ~page_word::admitted) | page_word::latched);
    if (!word.compare_exchange_strong(state, claimed, std::memory_order_seq_cst)) { return false; }
    if (pins.load(std::memory_order_seq_cst) != 0) {
        unlatch(page, 0, static_cast<std::uint16_t>(admitted));
        return false;
    }
    return true;
}

void buffer_pool::unmap_read(std::span<const page_number> pages) {
    // Whatever happens, nobody waits for these latches for ever.
    struct release {
        buffer_pool& pool;
        std::span<const page_number> pages;
        ~release() {
            for (const page_number page : pages) { pool.unlatch(page, page_word::resident, 0); }
        }
    };
    const release later{*this, pages};
    ranges_.reserve(pages.size());  // before anything is noted that a failure would leave half done
    std::size_t shared = 0;
    for (const page_number page : pages) {
        page_note& note = notes_[page];
        note.flags &= static_cast<std::uint8_t>(~page_note::in_read);
        --labels_[note.label].pages;
        shared += has(page, page_note::in_write) ? 1 : 0;
    }
    if (views_.one() && shared != 0) {
        // These stay mapped for the writer.
        std::vector<page_number> rest;
        rest.reserve(pages.size() - shared);
        std::copy_if(pages.begin(), pages.end(), std::back_inserter(rest),
                     [this](page_number page) { return !has(page, page_note::in_write); });
        budget_.leave(page_view_kind::read, rest, ranges_);
    } else {
        budget_.leave(page_view_kind::read, pages, ranges_);
    }
    read_.unmap(ranges_);
    drop_from_cache(pages);
}

void buffer_pool::unmap_write(std::span<const page_number> pages) {
    std::vector<page_number> leaving;
    leaving.reserve(pages.size());
    ranges_.reserve(pages.size());
    for (const page_number page : pages) {
        page_note& note = notes_[page];
        if (has(page, page_note::in_write)) {
            --written_frames_;
            if (!views_.one() || !has(page, page_note::in_read)) { leaving.push_back(page); }
        }
        note.flags &= static_cast<std::uint8_t>(
            ~(page_note::in_write | page_note::queued | page_note::vouched));
    }
    if (leaving.empty()) {
        return;  // always so where there is no writable view
    }
    const page_view_kind view = views_.one() ? page_view_kind::read : page_view_kind::write;
    budget_.leave(view, leaving, ranges_);
    write_->unmap(ranges_);
    drop_from_cache(leaving);
}

std::size_t buffer_pool::reclaim_forgotten(std::size_t count) {
    // Some more than are asked for: those behind them move up in their list.
    const std::size_t most = std::max(count, 4 * batch_);
    std::vector<page_number> pages;
    auto seen = mapped_.begin();
    for (; seen != mapped_.end() && pages.size() < most; ++seen) {
        const std::uint16_t state = table_.word(*seen).state.load(std::memory_order_relaxed);
        if ((state & page_word::private_page) == 0) { pages.push_back(*seen); }
    }
    std::sort(pages.begin(), pages.end());
    const std::uint64_t before = budget_.frames();
    unmap_write(pages);
    mapped_.erase(
        std::remove_if(mapped_.begin(), seen,
                       [this](page_number page) { return !has(page, page_note::queued); }),
        seen);
    forgotten_ =
        seen == mapped_.end() ? 0 : forgotten_ - std::min<std::uint64_t>(forgotten_, pages.size());
    return before - budget_.frames();
}

void buffer_pool::evict_all() {
    const guard lock(mutex_);
    reclaim_forgotten(mapped_.size());
    while (evict(batch_) != 0) {}
    sweep_locked();
    piece_misses_.clear();
    pages_around_ = 0;
}

void buffer_pool::drop_from_cache(std::span<const page_number> pages) {
    if (!release_) { return; }
    // Pages that are dirty or mapped in the other view stay. `flush_range` sees to the dirty ones.
    ranges_.clear();
    for (const page_number page : pages) {
        const byte_range range = bytes_of(page);
        if (!ranges_.empty() && ranges_.back().offset + ranges_.back().size == range.offset) {
            ranges_.back().size += range.size;
        } else {
            ranges_.push_back(range);
        }
    }
    file_.drop_cache(ranges_);
}

void buffer_pool::sweep() {
    const guard lock(mutex_);
    sweep_locked();
}

void buffer_pool::sweep_locked() {
    since_sweep_ = 0;
    ++sweeps_;
    const std::uint64_t first = first_page_ << page_shift_;
    const std::uint64_t end = limit() << page_shift_;
    if (first >= end) { return; }
    const byte_range all{first, end - first};
    if (views_.one()) {
        swept_ += drop_unknown(read_, all, page_note::in_read | page_note::in_write);
        return;
    }
    swept_ += drop_unknown(read_, all, page_note::in_read);
    if (write_ != nullptr) { swept_ += drop_unknown(*write_, all, page_note::in_write); }
}

std::uint64_t buffer_pool::drop_unknown(mapping& view, byte_range range, std::uint8_t known) {
    found_.clear();
    ranges_.clear();
    view.resident(range, found_);
    std::uint64_t dropped = 0;
    for (const byte_range& part : found_) {
        const page_number end = ((part.offset + part.size - 1) >> page_shift_) + 1;
        for (page_number page = part.offset >> page_shift_; page < end; ++page) {
            if (has(page, known)) { continue; }
            ++dropped;
            const byte_range bytes = bytes_of(page);
            if (!ranges_.empty() && ranges_.back().offset + ranges_.back().size == bytes.offset) {
                ranges_.back().size += bytes.size;
            } else if (ranges_.empty() ||
                       ranges_.back().offset + ranges_.back().size < bytes.offset) {
                ranges_.push_back(bytes);
            }
        }
    }
    if (!ranges_.empty()) { view.unmap(ranges_); }
    return dropped;
}

void buffer_pool::trim(page_number page) {
    const std::uint64_t low = (page << page_shift_) / frame_budget::window_bytes;
    const std::uint64_t first =
        std::max(low * frame_budget::window_bytes, first_page_ << page_shift_);
    const std::uint64_t end =
        std::min((low + 1) * frame_budget::window_bytes, limit() << page_shift_);
    const guard lock(mutex_);
    const int known = page_note::in_read | (views_.one() ? page_note::in_write : 0);
    (void)drop_unknown(read_, {first, end - first}, static_cast<std::uint8_t>(known));
}

}  // namespace pinyon::io
