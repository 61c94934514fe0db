#include "pinyon/mmap/page_source.hpp"

#include <algorithm>
#include <bit>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include "pinyon/mmap/mutant.hpp"

namespace pinyon::io {

void latch_wait::pause() {
    // A page from the page cache takes a few microseconds, one from the medium about a hundred.
    constexpr unsigned yields = 32;
    if (rounds_++ < yields) {
        std::this_thread::yield();
    } else {
        std::this_thread::sleep_for(std::chrono::microseconds(50));
    }
}

pin_guard::pin_guard(pin_guard&& other) noexcept
    : source_(std::exchange(other.source_, nullptr)),
      view_(std::exchange(other.view_, page_view{})) {}

pin_guard& pin_guard::operator=(pin_guard&& other) noexcept {
    if (this != &other) {
        unpin();
        source_ = std::exchange(other.source_, nullptr);
        view_ = std::exchange(other.view_, page_view{});
    }
    return *this;
}

pin_guard::~pin_guard() { unpin(); }

void pin_guard::unpin() noexcept {
    if (source_ != nullptr) {
        std::exchange(source_, nullptr)->unpin(std::exchange(view_, page_view{}).page);
    }
}

page_source::page_source(page_table table, std::uint32_t page_bytes, page_number first,
                         page_warden& warden) noexcept
    : table_(std::move(table)),
      page_shift_(static_cast<std::uint32_t>(std::countr_zero(page_bytes))),
      first_page_(first),
      warden_(warden) {}

void page_source::guard_from_sigbus() {
    guarded_pages pages{read_base_,      page_shift_,    read_base_ == write_base_,
                        &table_.word(0), &first_failed_, &failures_};
    read_guard_ = std::make_unique<sigbus_guard>(pages, first_page_, limit_max());
    if (write_base_ == nullptr || write_base_ == read_base_) { return; }
    pages.base = write_base_;
    pages.writable = true;
    write_guard_ = std::make_unique<sigbus_guard>(pages, first_page_, limit_max());
}

void page_source::unguard() noexcept {
    read_guard_.reset();
    write_guard_.reset();
}

void page_source::raise_failed(page_number page) {
    raise(errc::io,
          "page " + std::to_string(page) +
              " could not be read again: the medium fails, or the file was cut by another program; "
              "close the database, look at the device, and reopen",
          page);
}

void page_source::check_failed(page_number page) const {
    if ((table_.word(page).state.load(std::memory_order_acquire) & page_word::failed) != 0) {
        raise_failed(page);
    }
}

void page_source::check_readable(std::span<const std::byte> read) const {
    if (read.empty()) { return; }
    const auto address = reinterpret_cast<std::uintptr_t>(read.data());
    for (const std::byte* base : {read_base_, write_base_}) {
        const auto start = reinterpret_cast<std::uintptr_t>(base);
        const page_number first = (address - start) >> page_shift_;
        if (base == nullptr || address < start || first >= limit_max()) { continue; }
        const page_number last = (address + read.size() - 1 - start) >> page_shift_;
        for (page_number page = first; page <= std::min(last, limit_max() - 1); ++page) {
            check_failed(page);
        }
    }
}

void page_source::touch(page_word& word) noexcept {
    if (!tick_per_access_) {
        word.tick.store(now_.load(std::memory_order_relaxed), std::memory_order_relaxed);
        return;
    }
    const auto now = static_cast<std::uint16_t>(now_.fetch_add(1, std::memory_order_relaxed) + 1);
    word.tick.store(now, std::memory_order_relaxed);
    if (now % age_every == 0) { age(); }
}

pin_guard page_source::pin(const page_reference& reference) {
    check_reference(reference.page);
    // Raised before the state is read: an evictor clears `admitted` first and looks at the pins
    // then, so one of the two sees the other (both orders are sequentially consistent).
    const bool first = table_.pins(reference.page).fetch_add(1, std::memory_order_seq_cst) == 0;
    const std::uint64_t pages =
        first ? pages_pinned_.fetch_add(1, std::memory_order_relaxed) + 1 : std::uint64_t{0};
    pins_held_.fetch_add(1, std::memory_order_relaxed);
    pin_guard guard(this, {nullptr, reference.page, 0});
    if (pages > pin_limit()) {
        raise(errc::pool_exhausted,
              "pins hold as many pages as the pool lets them; release some, or open with more "
              "pool_bytes",
              reference.page);
    }
    page_word& word = table_.word(reference.page);
    const std::uint16_t state = word.state.load(std::memory_order_seq_cst);
    if ((state & page_word::admitted) != 0) {
        touch(word);
        guard.view_ = {read_address(reference.page), reference.page, state};
    } else {
        guard.view_ = fetch(reference);
    }
    return guard;
}

void page_source::unpin(page_number page) noexcept {
    if (table_.pins(page).fetch_sub(1, std::memory_order_release) == 1) {
        pages_pinned_.fetch_sub(1, std::memory_order_relaxed);
    }
    pins_held_.fetch_sub(1, std::memory_order_relaxed);
}

page_run page_source::dirty() const noexcept {
    const page_number first = dirty_first_.load(std::memory_order_relaxed);
    const page_number end = dirty_end_.load(std::memory_order_relaxed);
    return end > first ? page_run{first, end - first} : page_run{};
}

void page_source::add_dirty(page_run run) noexcept {
    const page_run old = dirty();
    const page_number first = old.count == 0 ? run.first : std::min(old.first, run.first);
    const page_number end = std::max(old.first + old.count, run.first + run.count);
    dirty_first_.store(first, std::memory_order_relaxed);
    dirty_end_.store(end, std::memory_order_relaxed);
}

// The writer alone counts them. An atomic addition would wait until the page just made is stored.
void page_source::count_writes(std::uint64_t pages) noexcept {
    writes_.store(writes_.load(std::memory_order_relaxed) + pages, std::memory_order_relaxed);
}

void page_source::mark_dirty(page_run run) noexcept {
    if (run.count != 0) {
        add_dirty(run);
        count_writes(run.count);
    }
}

page_run page_source::take_dirty() noexcept {
    const page_run span = dirty();
    dirty_end_.store(0, std::memory_order_relaxed);
    dirty_first_.store(0, std::memory_order_relaxed);
    return span;
}

void page_source::flush(page_run span) {
    require_sound();
    const page_number first = std::max(span.first, first_page_);
    const page_number end = std::min(span.first + span.count, limit());
    if (first < end) {
        flush_range({first << page_shift_, (end - first) << page_shift_});
        flushes_.fetch_add(1, std::memory_order_relaxed);
        require_sound();
    }
}

void page_source::check_reference(page_number page) const {
    if (!has_page(page)) {
        raise(errc::corrupt,
              "a reference names a page outside the file; run 'pinyon check' and restore a backup",
              page);
    }
    check_failed(page);
}

void page_source::check_writable(page_number page, std::uint16_t needed_state) const {
    if (write_base_ == nullptr) {
        raise(errc::read_only, "this source only reads; open the file for writing", page);
    }
    if (!has_page(page)) { raise(errc::misuse, "a page outside the file cannot be written", page); }
    require_sound();
    if ((table_.word(page).state.load(std::memory_order_relaxed) & needed_state) != needed_state) {
        raise(errc::misuse, "a page that this transaction has not created cannot be written", page);
    }
}

void page_source::check_creation(page_number page, std::span<const std::byte> content) const {
    check_writable(page, 0);
    if (content.size() != page_bytes()) {
        raise(errc::misuse, "a page is created with the content of a whole page", page);
    }
}

void page_source::admit(const page_reference& reference, const std::byte* data) const {
    page_reference expected = reference;
    if (expected.checksum == 0 && mutant(29)) { return; }
    if (expected.checksum == 0) { expected.checksum = table_.sum(reference.page); }
    if (expected.checksum == 0) {
        raise(errc::corrupt,
              "zero checksum word: its parent was never completed; run 'pinyon check' and restore "
              "a backup",
              reference.page);
    }
    try {
        warden_.admit(expected, {data, page_bytes()});
    } catch (const error&) {
        check_failed(reference.page);  // what was judged are zeros in its place
        throw;
    }
}

std::optional<page_view> page_source::view_or_latch(page_number page) noexcept {
    page_word& word = table_.word(page);
    for (latch_wait wait;; wait.pause()) {
        std::uint16_t state = word.state.load(std::memory_order_acquire);
        if ((state & page_word::admitted) != 0) {
            touch(word);
            return page_view{read_address(page), page, state};
        }
        if ((state & page_word::writable) != 0) {
            return page_view{write_address(page), page, state};
        }
        if ((state & page_word::latched) == 0 &&
            word.state.compare_exchange_strong(
                state, static_cast<std::uint16_t>(state | page_word::latched),
                std::memory_order_seq_cst)) {
            return std::nullopt;
        }
    }
}

void page_source::unlatch(page_number page, std::uint16_t clear, std::uint16_t set) noexcept {
    std::atomic<std::uint16_t>& word = table_.word(page).state;
    std::uint16_t state = word.load(std::memory_order_relaxed);
    int next = 0;
    do {
        const int allowed = (state & page_word::failed) == 0
                                ? set
                                : set & ~(page_word::admitted | page_word::writable);
        next = (state & ~(clear | page_word::latched)) | allowed;
    } while (!word.compare_exchange_weak(state, static_cast<std::uint16_t>(next),
                                         std::memory_order_seq_cst, std::memory_order_relaxed));
}

std::optional<std::uint16_t> page_source::try_change(page_number page, std::uint16_t clear,
                                                     std::uint16_t set) noexcept {
    std::atomic<std::uint16_t>& word = table_.word(page).state;
    std::uint16_t state = word.load(std::memory_order_acquire);
    while ((state & page_word::latched) == 0) {
        int next = (state & ~clear) | set;
        if ((state & clear & page_word::admitted) != 0) { next += page_word::version_step; }
        if (word.compare_exchange_weak(state, static_cast<std::uint16_t>(next),
                                       std::memory_order_seq_cst)) {
            return state;
        }
    }
    return std::nullopt;
}

source_statistics page_source::base_statistics() const {
    source_statistics out;
    out.visits = counters_.visits();
    out.misses = misses_.load(std::memory_order_relaxed);
    out.reads = reads_.load(std::memory_order_relaxed);
    out.bytes_read = out.reads << page_shift_;
    out.writes = writes_.load(std::memory_order_relaxed);
    out.bytes_written = out.writes << page_shift_;
    out.flushes = flushes_.load(std::memory_order_relaxed);
    out.prefetches = prefetches_.load(std::memory_order_relaxed);
    out.pins = pins_held_.load(std::memory_order_relaxed);
    return out;
}

}  // namespace pinyon::io
