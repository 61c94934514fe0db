#include "pinyon/mmap/overlay_file.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/mmap/os_memory.hpp"

namespace pinyon::io {

// Pages are those of the operating system here.
class overlay_pages {
public:
    overlay_pages(std::unique_ptr<file> base, const capabilities& offers);

    std::size_t read(std::uint64_t offset, std::span<std::byte> out, bool from_medium);
    void write(std::uint64_t offset, std::span<const std::byte> data);
    void cut(std::uint64_t size);
    void extend(std::uint64_t size);
    // The range is in memory when it returns.
    void copy(byte_range range);

    [[nodiscard]] file& base() const noexcept { return *base_; }
    [[nodiscard]] file& memory() const noexcept { return *memory_; }
    [[nodiscard]] std::uint64_t bytes_here() const noexcept {
        return pages_here_.load(std::memory_order_relaxed) * os_page_bytes;
    }
    void require_own_process() const;

private:
    using word = std::atomic<std::uint64_t>;
    static constexpr std::uint64_t copy_pages_max = 16;

    [[nodiscard]] bool is_here(page_number page) const noexcept {
        return page >= base_pages_.load(std::memory_order_acquire) ||
               (here_[page / 64].load(std::memory_order_acquire) >> (page % 64) & 1) != 0;
    }
    // The end of the run of pages from `page` on, before `end`, of which all are here or none.
    [[nodiscard]] page_number run_end(page_number page, page_number end) const noexcept;

    // All below: REQUIRES the mutex.
    void mark(page_number first, page_number end) noexcept;
    void copy_run(page_number first, page_number end);
    void copy_page_of(std::uint64_t offset);
    void resize(std::uint64_t size);

    std::unique_ptr<file> base_;
    std::unique_ptr<file> memory_;            // its size is the file's
    std::vector<word> here_;                  // a bit a whole page of the base
    std::atomic<page_number> base_pages_{0};  // whole ones, less what was cut off
    std::atomic<std::uint64_t> pages_here_{0};
    std::mutex mutex_;
    std::vector<std::byte> scratch_;
};

namespace {

[[noreturn]] void raise_cut(std::uint64_t offset) {
    raise(errc::io, "the file was cut by another program while it was read, at offset " +
                        std::to_string(offset) + ": open it again");
}

[[nodiscard]] constexpr page_number pages_of(std::uint64_t bytes) noexcept {
    return bytes / os_page_bytes + (page_aligned(bytes) ? 0 : 1);
}

// Outlives the file system that makes it.
[[nodiscard]] std::unique_ptr<file> make_memory(const capabilities& offers) {
    return memory_file_system(offers).open("overlay", open_mode::create_new);
}

class overlay_view final : public mapping {
public:
    overlay_view(std::shared_ptr<overlay_pages> pages, std::unique_ptr<mapping> view)
        : mapping(view->base(), view->bytes(), view->faults_single_pages()),
          pages_(std::move(pages)),
          view_(std::move(view)) {}

    void populate(byte_range range, bool for_write) override {
        pages_->copy(range);
        view_->populate(range, for_write);
    }
    void unmap(std::span<const byte_range> ranges) override { view_->unmap(ranges); }
    void resident(byte_range range, std::vector<byte_range>& out) const override {
        view_->resident(range, out);
    }
    void flush(byte_range) override { pages_->require_own_process(); }
    void will_need(std::span<const byte_range>) override { pages_->require_own_process(); }

private:
    std::shared_ptr<overlay_pages> pages_;
    std::unique_ptr<mapping> view_;
};

}  // namespace

overlay_pages::overlay_pages(std::unique_ptr<file> base, const capabilities& offers)
    : base_(std::move(base)),
      memory_(make_memory(offers)),
      scratch_(copy_pages_max * os_page_bytes) {
    const std::uint64_t bytes = base_->size();
    const page_number whole = bytes / os_page_bytes;
    here_ = std::vector<word>((whole + 63) / 64);
    base_pages_.store(whole, std::memory_order_relaxed);
    memory_->truncate(bytes);
    // The last page, when it is none, comes at once, so that all others are whole.
    const auto rest = static_cast<std::size_t>(bytes % os_page_bytes);
    if (rest != 0) {
        const std::span<std::byte> tail(scratch_.data(), rest);
        if (base_->read(bytes - rest, tail) != rest) { raise_cut(bytes - rest); }
        memory_->write(bytes - rest, tail);
    }
}

void overlay_pages::require_own_process() const {
    if (base_->forked()) {
        raise(errc::misuse,
              "this file was opened by the parent process; a forked child opens it again");
    }
}

page_number overlay_pages::run_end(page_number page, page_number end) const noexcept {
    const bool here = is_here(page);
    do { ++page; } while (page < end && is_here(page) == here);
    return page;
}

void overlay_pages::mark(page_number first, page_number end) noexcept {
    end = std::min(end, base_pages_.load(std::memory_order_relaxed));
    for (page_number page = first; page < end; ++page) {
        const std::uint64_t bit = std::uint64_t{1} << (page % 64);
        if ((here_[page / 64].fetch_or(bit, std::memory_order_release) & bit) == 0) {
            pages_here_.fetch_add(1, std::memory_order_relaxed);
        }
    }
}

// Pages none of which is here.
void overlay_pages::copy_run(page_number first, page_number end) {
    while (first < end) {
        const page_number stop = std::min(end, first + copy_pages_max);
        const std::uint64_t offset = first * os_page_bytes;
        const auto wanted = static_cast<std::size_t>((stop - first) * os_page_bytes);
        const std::span<std::byte> bytes(scratch_.data(), wanted);
        if (base_->read(offset, bytes) != wanted) { raise_cut(offset); }
        memory_->write(offset, bytes);
        mark(first, stop);
        first = stop;
    }
}

// The page of this offset, when the offset is inside it.
void overlay_pages::copy_page_of(std::uint64_t offset) {
    const page_number page = offset / os_page_bytes;
    if (!page_aligned(offset) && !is_here(page)) { copy_run(page, page + 1); }
}

void overlay_pages::copy(byte_range range) {
    require_own_process();
    page_number page = range.offset / os_page_bytes;
    const page_number end = pages_of(range.offset + range.size);
    while (page < end) {
        page_number stop = run_end(page, end);
        if (!is_here(page)) {
            const std::lock_guard lock(mutex_);
            // Another thread may have been faster.
            stop = run_end(page, stop);
            if (!is_here(page)) { copy_run(page, stop); }
        }
        page = stop;
    }
}

std::size_t overlay_pages::read(std::uint64_t offset, std::span<std::byte> out, bool from_medium) {
    require_own_process();
    const std::uint64_t bytes = memory_->size();
    if (offset >= bytes) { return 0; }
    out = out.first(static_cast<std::size_t>(std::min<std::uint64_t>(out.size(), bytes - offset)));
    const std::uint64_t end = offset + out.size();
    std::size_t done = 0;
    while (done != out.size()) {
        const std::uint64_t at = offset + done;
        const page_number page = at / os_page_bytes;
        const std::uint64_t stop = std::min(run_end(page, pages_of(end)) * os_page_bytes, end);
        std::span<std::byte> piece = out.subspan(done, static_cast<std::size_t>(stop - at));
        const bool direct = from_medium && page_aligned(piece.size());
        const std::size_t got = is_here(page) ? memory_->read(at, piece)
                                : direct      ? base_->read_medium(at, piece)
                                              : base_->read(at, piece);
        if (got != piece.size()) { raise_cut(at); }
        done += piece.size();
    }
    return done;
}

void overlay_pages::write(std::uint64_t offset, std::span<const std::byte> data) {
    require_own_process();
    if (data.empty()) { return; }
    const std::uint64_t end = offset + data.size();
    const std::lock_guard lock(mutex_);
    copy_page_of(offset);
    copy_page_of(end);
    memory_->write(offset, data);
    mark(offset / os_page_bytes, pages_of(end));
}

void overlay_pages::resize(std::uint64_t size) {
    copy_page_of(size);
    memory_->truncate(size);
    base_pages_.store(std::min(base_pages_.load(std::memory_order_relaxed), pages_of(size)),
                      std::memory_order_release);
}

void overlay_pages::cut(std::uint64_t size) {
    require_own_process();
    const std::lock_guard lock(mutex_);
    resize(size);
}

void overlay_pages::extend(std::uint64_t size) {
    require_own_process();
    const std::lock_guard lock(mutex_);
    if (size > memory_->size()) { resize(size); }
}

overlay_file::overlay_file(std::unique_ptr<file> base, const capabilities& offers)
    : pages_(std::make_shared<overlay_pages>(std::move(base), offers)) {}

overlay_file::~overlay_file() = default;

std::size_t overlay_file::read(std::uint64_t offset, std::span<std::byte> out) {
    return pages_->read(offset, out, false);
}

std::size_t overlay_file::read_medium(std::uint64_t offset, std::span<std::byte> out) {
    if (!page_aligned(offset) || !page_aligned(out.size())) {
        raise(errc::misuse, "unaligned direct reading of " + std::to_string(out.size()) +
                                " bytes at offset " + std::to_string(offset));
    }
    return pages_->read(offset, out, true);
}

void overlay_file::write(std::uint64_t offset, std::span<const std::byte> data) {
    pages_->write(offset, data);
}

void overlay_file::write_durably(std::uint64_t offset, std::span<const std::byte> data) {
    if (!page_aligned(offset) || !page_aligned(data.size())) {
        raise(errc::misuse, "unaligned direct writing of " + std::to_string(data.size()) +
                                " bytes at offset " + std::to_string(offset));
    }
    pages_->write(offset, data);
}

void overlay_file::sync() { pages_->require_own_process(); }

// Without reserving anything: the memory of pages that nobody writes is never needed.
void overlay_file::grow(std::uint64_t size) { pages_->extend(size); }

void overlay_file::truncate(std::uint64_t size) { pages_->cut(size); }

std::uint64_t overlay_file::size() const { return pages_->memory().size(); }

bool overlay_file::try_lock(lock_byte byte, lock_mode mode) {
    return pages_->base().try_lock(byte, mode);
}

bool overlay_file::is_locked_elsewhere(lock_byte byte) {
    return pages_->base().is_locked_elsewhere(byte);
}

void overlay_file::unlock(lock_byte byte) { pages_->base().unlock(byte); }

std::unique_ptr<mapping> overlay_file::map(view_access access, std::uint64_t first,
                                           std::uint64_t bytes) {
    std::unique_ptr<mapping> view = pages_->memory().map(access, first, bytes);
    if (view == nullptr) { return nullptr; }
    return std::make_unique<overlay_view>(pages_, std::move(view));
}

bool overlay_file::forked() const noexcept { return pages_->base().forked(); }

std::uint64_t overlay_file::memory_bytes() const { return pages_->bytes_here(); }

}  // namespace pinyon::io
