#include "pinyon/mmap/buffer_pool.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <tuple>
#include <utility>

#include "pinyon/mmap/read_ahead.hpp"

namespace pinyon::io {

namespace {

// Kept free for what is mapped for a moment without being entered: a racing reader's page,
// neighbours before they are trimmed, the pages of one operation of the writer.
constexpr std::uint64_t reserve_part = 32;
// Ticks that LRU tells apart: with 256 ticks in a turnover of the pool, 16 turnovers. With a tick
// for each access, as many as ticks of 16 bits allow.
constexpr std::uint32_t ring_of_misses = 4096;
constexpr std::uint32_t ring_of_accesses = 32768;
constexpr std::uint64_t ticks_a_turnover = 256;
// A batch: enough to share the cost of the system call and of the TLB flush, little enough to hold
// the mutex for less than 0.1 ms.
constexpr std::uint64_t batch_min = 64;
constexpr std::uint64_t batch_max = 256;

// Pages that stay in the writable view behind a commit, as a part of all frames: later commits use
// the same pages again, and each one found there spares a write, a fault and an unmapping. A tree
// under steady updates goes round in three times its pages, for three states are kept. 1 M entries
// in a pool that holds all, random updates of 1000 a transaction: an eighth 7.2 us, a third or half
// 5.0; of one a transaction 11.4 and 8.0. Frames that are needed come from here first.
constexpr std::uint64_t written_part = 3;

// A cold file is read in pieces around its misses, each piece once, after so many misses in it,
// until the frames could be full: a few lookups read a few pages, and a warm-up goes at the speed
// at which the device reads in order, not one page after the other. A walk over inner nodes alone
// meets 3 to 5 of them in a piece, and is to read no more. With `release` only where all of the
// file fits: what is read and never asked for would stay in the page cache.
constexpr std::uint64_t piece_bytes = std::uint64_t{2} << 20;
constexpr std::uint8_t misses_a_piece = 8;

[[nodiscard]] std::uint64_t usable_bytes(const pool_options& options) noexcept {
    return options.budget_bytes - options.budget_bytes / reserve_part;
}

[[nodiscard]] std::size_t batch_of(std::uint64_t frames, bool exact) noexcept {
    const std::uint64_t large = std::clamp(frames / 64, batch_min, batch_max);
    return exact ? 1 : std::min(large, std::max<std::uint64_t>(frames / 8, 1));
}

}  // namespace

buffer_pool::buffer_pool(file& file, page_views views, page_warden& warden,
                         std::uint32_t page_bytes, const pool_options& options)
    : page_source(views.take_table(), page_bytes, views.first_page(), warden),
      file_(file),
      views_(std::move(views)),
      read_(views_.read()),
      write_(views_.write()),
      release_(options.release),
      trims_(!read_.faults_single_pages()),
      budget_(usable_bytes(options), page_bytes, read_, views_.one() ? nullptr : write_,
              first_page_ * page_bytes),
      lru_(table_, options.exact_lru ? ring_of_accesses : ring_of_misses),
      note_memory_(table_.capacity() * sizeof(page_note)),
      notes_(reinterpret_cast<page_note*>(note_memory_.data())),
      frames_max_(budget_.frames_max()),
      batch_(batch_of(frames_max_, options.exact_lru)),
      tick_misses_(std::max<std::uint64_t>(frames_max_ / ticks_a_turnover, 1)),
      probation_(options.exact_lru
                     ? std::uint16_t{0}
                     : static_cast<std::uint16_t>(std::min(frames_max_, ticks_a_turnover) / 2)) {
    static_assert(ring_of_accesses / 4 == age_every);
    tick_per_access_ = options.exact_lru;
    read_base_ = read_.base();
    write_base_ = write_ == nullptr ? nullptr : write_->base();
    victims_.reserve(batch_max);
    ranges_.reserve(batch_max);
    labels_.resize(1);  // of the trees that have no label of their own
}

page_view buffer_pool::miss(const page_reference& reference) {
    check_reference(reference.page);
    misses_.fetch_add(1, std::memory_order_relaxed);
    if (const std::optional<page_view> view = view_or_latch(reference.page)) { return *view; }
    const std::uint16_t state = table_.word(reference.page).state.load(std::memory_order_relaxed);
    return (state & page_word::private_page) != 0 ? bring_back(reference) : bring_in(reference);
}

page_view buffer_pool::bring_in(const page_reference& reference) {
    const page_number page = reference.page;
    try {
        bool mapped = false;
        bool vouched = false;
        page_run around;
        {
            const guard lock(mutex_);
            mapped = enter_read(reference);
            vouched = is_vouched(reference);
            if (!vouched) { around = around_miss(page); }
        }
        read_around(around);
        if (!mapped || !vouched) {
            populate_page(read_, page, page_bytes(), false);
            if (trims_) { trim(page); }
        }
        if (vouched) {
            // Before it was mapped here it may have left the writable view, and the page cache.
            const guard lock(mutex_);
            vouched = is_vouched(reference);
        }
        if (!vouched) { admit(reference, read_address(page)); }
    } catch (...) {
        undo_read(page);
        throw;
    }
    reads_.fetch_add(1, std::memory_order_relaxed);
    unlatch(page, 0, page_word::admitted | page_word::resident);
    const std::uint16_t state = table_.word(page).state.load(std::memory_order_acquire);
    return {read_address(page), page, state};
}

page_run buffer_pool::around_miss(page_number page) {
    const page_number pages = std::max<page_number>(piece_bytes >> page_shift_, 1);
    if (release_ ? limit() > frames_max_ : pages_around_ + std::min(pages, limit()) > frames_max_) {
        return {};
    }
    const std::size_t piece = page / pages;
    if (piece >= piece_misses_.size()) { piece_misses_.resize(piece + 1); }
    if (piece_misses_[piece] == misses_a_piece || ++piece_misses_[piece] < misses_a_piece) {
        return {};
    }
    const page_number first = std::max(piece * pages, first_page_);
    const page_run around{first, std::min((piece + 1) * pages, limit()) - first};
    pages_around_ += around.count;
    return around;
}

void buffer_pool::read_around(page_run pages) noexcept {
    if (pages.count == 0) { return; }
    const byte_range range{pages.first << page_shift_, pages.count << page_shift_};
    try {
        read_.will_need({&range, 1});
        prefetches_.fetch_add(pages.count, std::memory_order_relaxed);
    } catch (const std::exception&) {
        // Advice alone: who needs the page meets the same trouble and says so.
    }
}

// A private page that `relieve` wrote back: its sum is known, and its parent's word may be older.
page_view buffer_pool::bring_back(const page_reference& reference) {
    const page_number page = reference.page;
    try {
        {
            const guard lock(mutex_);
            enter_write(page);
        }
        populate_page(*write_, page, page_bytes(), true);
        page_reference own = reference;
        own.checksum = 0;
        admit(own, write_address(page));
    } catch (...) {
        undo_write(page);
        throw;
    }
    reads_.fetch_add(1, std::memory_order_relaxed);
    unlatch(page, 0, page_word::writable);
    return {write_address(page), page, table_.word(page).state.load(std::memory_order_relaxed)};
}

bool buffer_pool::enter_read(const page_reference& reference) {
    const page_number page = reference.page;
    page_note& note = notes_[page];
    const std::uint16_t label = label_of(reference);
    const bool mapped = has(page, page_note::in_read);
    if (!mapped) {
        if (!views_.one() || !has(page, page_note::in_write)) {
            make_room(page_view_kind::read, page);
            budget_.enter(page_view_kind::read, page);
        }
        note.flags |= page_note::in_read;
    } else {
        // It was mapped when it was freed, and has become another page since.
        lru_.remove(page);
        --labels_[note.label].pages;
    }
    note.label = label;
    ++labels_[label].pages;
    const std::uint16_t now = next_tick();
    table_.word(page).tick.store(now, std::memory_order_relaxed);
    lru_.insert(page,
                reference.kind == residency::inner ? eviction_rank::late : eviction_rank::early,
                static_cast<std::uint16_t>(now - probation_), now);
    return mapped;
}

void buffer_pool::enter_write(page_number page) {
    page_note& note = notes_[page];
    if (has(page, page_note::in_write)) { return; }
    if (!has(page, page_note::queued)) {
        mapped_.push_back(page);
        note.flags |= page_note::queued;
    }
    if (!views_.one()) {
        make_room(page_view_kind::write, page);
        budget_.enter(page_view_kind::write, page);
    } else if (!has(page, page_note::in_read)) {
        make_room(page_view_kind::read, page);
        budget_.enter(page_view_kind::read, page);
    }
    note.flags |= page_note::in_write;
    ++written_frames_;
}

bool buffer_pool::is_vouched(const page_reference& reference) const noexcept {
    return has(reference.page, page_note::vouched) &&
           table_.sum(reference.page) == reference.checksum;
}

void buffer_pool::undo_read(page_number page) {
    const guard lock(mutex_);
    lru_.remove(page);
    if (!has(page, page_note::in_read)) {
        unlatch(page, page_word::resident, 0);
        return;
    }
    try {
        unmap_read({&page, 1});
    } catch (const std::exception&) {
        // What went wrong first is what the caller hears of; a sweep finds the page if it is
        // mapped.
    }
}

void buffer_pool::undo_write(page_number page) {
    const guard lock(mutex_);
    try {
        unmap_write({&page, 1});
        std::erase(mapped_, page);
    } catch (const std::exception&) {
        // As in undo_read.
    }
    unlatch(page, 0, 0);
}

std::uint16_t buffer_pool::next_tick() noexcept {
    std::uint16_t now = now_.load(std::memory_order_relaxed);
    if (!tick_per_access_ && ++since_tick_ < tick_misses_) { return now; }
    since_tick_ = 0;
    now = static_cast<std::uint16_t>(now_.fetch_add(1, std::memory_order_relaxed) + 1);
    const std::uint32_t every = tick_per_access_ ? age_every : ring_of_misses / 4;
    if (now % every == 0) { lru_.age(now); }
    return now;
}

void buffer_pool::age() noexcept {
    const guard lock(mutex_);
    lru_.age(now_.load(std::memory_order_relaxed));
}

std::uint16_t buffer_pool::label_of(const page_reference& reference) {
    const std::uint64_t key = (std::uint64_t{reference.tree} << 16) |
                              (std::uint64_t{reference.level} << 8) |
                              static_cast<std::uint64_t>(reference.kind);
    const auto found = label_index_.find(key);
    if (found != label_index_.end()) { return found->second; }
    if (labels_.size() > 0xffff) { return 0; }
    labels_.push_back({reference.tree, reference.level, reference.kind, 0});
    const auto label = static_cast<std::uint16_t>(labels_.size() - 1);
    label_index_.emplace(key, label);
    return label;
}

void buffer_pool::prefetch(std::span<const page_number> pages) noexcept {
    read_ahead ahead(read_, page_bytes());
    for (const page_number page : pages) {
        if (has_page(page) && (table_.word(page).state.load(std::memory_order_relaxed) &
                               (page_word::admitted | page_word::writable)) == 0) {
            ahead.add(page);
        }
    }
    prefetches_.fetch_add(ahead.finish(), std::memory_order_relaxed);
}

std::uint16_t buffer_pool::change(page_number page, std::uint16_t clear, std::uint16_t set,
                                  guard& lock) {
    for (latch_wait wait;;) {
        if (const std::optional<std::uint16_t> before = try_change(page, clear, set)) {
            return *before;
        }
        lock.unlock();
        wait.pause();
        lock.lock();
    }
}

void buffer_pool::list_private(page_number page) {
    if (!has(page, page_note::listed)) {
        private_.push_back(page);
        notes_[page].flags |= page_note::listed;
    }
}

void buffer_pool::begin_private(page_number page, std::uint16_t state, guard& lock) {
    const std::uint16_t old = change(page, page_word::admitted | page_word::writable,
                                     page_word::private_page | state, lock);
    table_.set_sum(page, 0);
    notes_[page].flags &= static_cast<std::uint8_t>(~page_note::vouched);
    if (has(page, page_note::in_write) && (old & page_word::private_page) == 0 && forgotten_ != 0) {
        --forgotten_;
    }
}

void buffer_pool::end_private(page_number page, guard& lock) {
    if (!lock.owns_lock()) { lock.lock(); }
    change(page, page_word::private_page | page_word::writable, 0, lock);
    ++forgotten_;
}

std::byte* buffer_pool::create(page_number page, residency, std::span<const std::byte> content) {
    check_creation(page, content);
    guard lock(mutex_);
    begin_private(page, page_word::writable, lock);
    try {
        list_private(page);
        if (has(page, page_note::in_write)) {
            // Not with the mutex held: to release it is to wait until all of the page is stored.
            lock.unlock();
            std::memcpy(write_address(page), content.data(), content.size());
        } else {
            enter_write(page);
            lock.unlock();
            file_.write(page << page_shift_, content);
            populate_page(*write_, page, page_bytes(), true);
        }
    } catch (...) {
        end_private(page, lock);
        throw;
    }
    mark_dirty({page, 1});
    return write_address(page);
}

void buffer_pool::create_cold(page_number page, residency, std::span<const std::byte> content,
                              std::uint32_t sum) {
    check_creation(page, content);
    guard lock(mutex_);
    begin_private(page, 0, lock);
    try {
        list_private(page);
        lock.unlock();
        file_.write(page << page_shift_, content);
    } catch (...) {
        end_private(page, lock);
        throw;
    }
    table_.set_sum(page, sum);
    mark_dirty({page, 1});
}

std::byte* buffer_pool::writable(const page_reference& reference) {
    check_writable(reference.page, page_word::private_page);
    const std::uint16_t state = table_.word(reference.page).state.load(std::memory_order_relaxed);
    if ((state & page_word::writable) == 0) {
        (void)miss(reference);
        count_writes(1);
    }
    if (table_.sum(reference.page) != 0) { table_.set_sum(reference.page, 0); }
    add_dirty({reference.page, 1});
    return write_address(reference.page);
}

void buffer_pool::forget_page(page_number page, guard& lock) {
    const std::uint16_t old =
        change(page, page_word::admitted | page_word::private_page | page_word::writable, 0, lock);
    table_.set_sum(page, 0);
    notes_[page].flags &= static_cast<std::uint8_t>(~page_note::vouched);
    if ((old & page_word::private_page) != 0 && has(page, page_note::in_write)) { ++forgotten_; }
    lru_.demote(page);
}

void buffer_pool::forget(page_run run) noexcept {
    const page_number end = std::min(run.first + run.count, table_.capacity());
    guard lock(mutex_);
    for (page_number page = run.first; page < end; ++page) {
        if (table_.word(page).state.load(std::memory_order_relaxed) != 0 ||
            notes_[page].flags != 0 || table_.sum(page) != 0) {
            forget_page(page, lock);
        }
    }
}

void buffer_pool::relieve() {
    guard lock(mutex_);
    const std::uint64_t frames = budget_.frames_max();
    const std::uint64_t pinned = std::min(pages_pinned(), frames);
    const std::uint64_t most = std::max<std::uint64_t>((frames - pinned) / 2, 4);
    if (written_frames_ > most) {
        if (forgotten_ != 0) { reclaim_forgotten(written_frames_ - most); }
        if (written_frames_ > most) { write_back(most / 2, lock); }
    }
    while (budget_.used_bytes() > budget_.budget_bytes() && evict(batch_) != 0) {}
}

// Seals the private pages that came first and unmaps them, until `keep` are left.
void buffer_pool::write_back(std::uint64_t keep, guard& lock) {
    std::vector<page_number> pages;
    for (const page_number page : mapped_) {
        if (written_frames_ - pages.size() <= keep) { break; }
        const std::uint16_t state = table_.word(page).state.load(std::memory_order_relaxed);
        if (has(page, page_note::in_write) && (state & page_word::writable) != 0 &&
            table_.pins(page).load(std::memory_order_seq_cst) == 0) {
            pages.push_back(page);
        }
    }
    std::sort(pages.begin(), pages.end());
    // The warden may look at the source; only this thread touches these pages.
    lock.unlock();
    for (const page_number page : pages) {
        table_.set_sum(page, warden_.seal(page, {write_address(page), page_bytes()}));
    }
    lock.lock();
    for (const page_number page : pages) { change(page, page_word::writable, 0, lock); }
    unmap_write(pages);
    std::erase_if(mapped_, [this](page_number page) { return !has(page, page_note::queued); });
    evictions_ += pages.size();
    write_backs_ += pages.size();
}

void buffer_pool::publish() {
    guard lock(mutex_);
    for (const page_number page : private_) {
        const std::uint16_t old =
            change(page, page_word::private_page | page_word::writable, 0, lock);
        notes_[page].flags &= static_cast<std::uint8_t>(~page_note::listed);
        if ((old & page_word::writable) != 0 && table_.sum(page) != 0) {
            notes_[page].flags |= page_note::vouched;
        }
    }
    private_.clear();
    const std::size_t most = frames_max_ / written_part;
    if (mapped_.size() > most) {
        // Free pages are taken from the start of the file on: the low half is needed again soonest.
        std::sort(mapped_.begin(), mapped_.end());
        unmap_write(std::span(mapped_).subspan(most / 2));
        mapped_.resize(most / 2);
    }
    forgotten_ = mapped_.size();
}

void buffer_pool::flush_range(byte_range range) {
    if (release_) {
        write_->flush(range);
        // All of it is clean now; what is mapped stays.
        file_.drop_cache({&range, 1});
        return;
    }
    // Else msync would take the right to store from the pages one by one, and interrupt the other
    // processors for each. A store maps its page again, as it would have had to.
    write_->unmap({&range, 1});
    write_->flush(range);
}

std::uint64_t buffer_pool::pin_limit() const noexcept {
    const std::uint64_t frames = budget_.frames_max();
    const std::uint64_t reserve = std::max<std::uint64_t>(frames / 8, 64);
    return frames - std::min(reserve, frames / 2);
}

std::uint64_t buffer_pool::used_bytes() const {
    const guard lock(mutex_);
    return budget_.used_bytes();
}

source_statistics buffer_pool::statistics() const {
    source_statistics out = base_statistics();
    const guard lock(mutex_);
    out.evictions = evictions_;
    out.write_backs = write_backs_;
    out.sweeps = sweeps_;
    out.swept = swept_;
    out.frames = budget_.frames();
    out.frames_peak = budget_.frames_peak();
    out.frames_max = frames_max_;
    for (const residency_count& label : labels_) {
        if (label.pages != 0) { out.resident.push_back(label); }
    }
    std::sort(out.resident.begin(), out.resident.end(),
              [](const residency_count& a, const residency_count& b) {
                  return std::tie(a.tree, a.level, a.kind) < std::tie(b.tree, b.level, b.kind);
              });
    return out;
}

std::unique_ptr<page_source> make_buffer_pool(file& file, file_system&, page_warden& warden,
                                              std::uint32_t page_bytes,
                                              const pool_options& options) {
    // Beside the page table: links of 16 bytes, notes of 4.
    page_views views(file, page_bytes, options.read_only, options.views, 20);
    return std::make_unique<buffer_pool>(file, std::move(views), warden, page_bytes, options);
}

}  // namespace pinyon::io
