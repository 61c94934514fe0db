#include "pinyon/mmap/sigbus_guard.hpp"

#include <pthread.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <string>

#include "pinyon/mmap/os_memory.hpp"

namespace pinyon::io {

namespace {

// A range as the handler sees it. The version is odd while the rest changes, so that a handler in
// another thread never mixes two ranges. `pages` is followed only for an address inside the range:
// somebody is using that, so its guard lives.
struct guarded_range {
    std::atomic<std::uint64_t> version{0};
    std::atomic<std::uintptr_t> begin{0};
    std::atomic<std::uintptr_t> end{0};  // 0: free
    std::atomic<const guarded_pages*> pages{nullptr};
};
static_assert(std::atomic<std::uintptr_t>::is_always_lock_free &&
              std::atomic<const guarded_pages*>::is_always_lock_free);

std::array<guarded_range, sigbus_guard::ranges_max> ranges;
struct sigaction previous;  // written before the handler is installed

void before_fork();
void in_parent();
void in_child();

// Of changes to the ranges; never taken by the handler. Held over a fork, so that a child never
// inherits it locked.
std::mutex& ranges_mutex() {
    // The handlers of forks are set without the mutex, which they take.
    static auto* mutex = [] {
        auto* made = new std::mutex;
        ::pthread_atfork(before_fork, in_parent, in_child);
        return made;
    }();
    return *mutex;
}

// REQUIRES: the mutex. Returns the version.
std::uint64_t set_range(guarded_range& range, std::uintptr_t begin, std::uintptr_t end,
                        const guarded_pages* pages) noexcept {
    const std::uint64_t version = range.version.load(std::memory_order_relaxed);
    range.version.store(version + 1, std::memory_order_seq_cst);
    range.begin.store(begin, std::memory_order_seq_cst);
    range.end.store(end, std::memory_order_seq_cst);
    range.pages.store(pages, std::memory_order_seq_cst);
    range.version.store(version + 2, std::memory_order_seq_cst);
    return version + 2;
}

[[nodiscard]] const guarded_pages* find_range(std::uintptr_t address) noexcept {
    for (const guarded_range& range : ranges) {
        const std::uint64_t version = range.version.load(std::memory_order_seq_cst);
        const std::uintptr_t begin = range.begin.load(std::memory_order_seq_cst);
        const std::uintptr_t end = range.end.load(std::memory_order_seq_cst);
        const guarded_pages* pages = range.pages.load(std::memory_order_seq_cst);
        if (address >= begin && address < end && version % 2 == 0 &&
            range.version.load(std::memory_order_seq_cst) == version) {
            return pages;
        }
    }
    return nullptr;
}

void mark_failed(const guarded_pages& pages, page_number page) noexcept {
    std::atomic<std::uint16_t>& word = pages.words[page].state;
    std::uint16_t state = word.load(std::memory_order_relaxed);
    int next = 0;
    do {
        next = ((state & ~(page_word::admitted | page_word::writable)) | page_word::failed) +
               page_word::version_step;
    } while (!word.compare_exchange_weak(state, static_cast<std::uint16_t>(next),
                                         std::memory_order_seq_cst));
    page_number none = 0;
    pages.first_failed->compare_exchange_strong(none, page, std::memory_order_seq_cst);
    pages.failures->fetch_add(1, std::memory_order_seq_cst);
}

// True when the access can be repeated now.
[[nodiscard]] bool complete(std::uintptr_t address) noexcept {
    const guarded_pages* pages = find_range(address);
    if (pages == nullptr) { return false; }
    const std::uintptr_t base = reinterpret_cast<std::uintptr_t>(pages->base);
    mark_failed(*pages, (address - base) >> pages->page_shift);
    const std::uintptr_t whole = address / os_page_bytes * os_page_bytes;
    return cover_with_zeros(reinterpret_cast<std::byte*>(whole), pages->writable) == 0;
}

// What would have happened without us.
void pass_on(int signal, ::siginfo_t* info, void* context) noexcept {
    if ((previous.sa_flags & SA_SIGINFO) != 0) {
        previous.sa_sigaction(signal, info, context);
        return;
    }
    const bool sent = info->si_code <= 0;  // by a program, not by an access
    if (previous.sa_handler == SIG_IGN && sent) { return; }
    if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
        previous.sa_handler(signal);
        return;
    }
    // The default action: an access is repeated and ends the process at its own address; a signal
    // that was sent is sent again, and delivered when this handler returns.
    struct sigaction standard {};
    standard.sa_handler = SIG_DFL;
    ::sigaction(signal, &standard, nullptr);
    if (sent) { ::raise(signal); }
}

void on_sigbus(int signal, ::siginfo_t* info, void* context) {
    const int error_number = errno;
    // Signals that a program sent carry no address.
    const bool completed =
        info->si_code > 0 && complete(reinterpret_cast<std::uintptr_t>(info->si_addr));
    if (!completed) { pass_on(signal, info, context); }
    errno = error_number;
}

// A child has none of the views, and may map other things where they were.
void before_fork() { ranges_mutex().lock(); }
void in_parent() { ranges_mutex().unlock(); }
void in_child() {
    for (guarded_range& range : ranges) {
        if (range.end.load(std::memory_order_relaxed) != 0) { set_range(range, 0, 0, nullptr); }
    }
    ranges_mutex().unlock();
}

// REQUIRES: the mutex.
void install() {
    static bool installed = false;
    if (installed) { return; }
    struct sigaction action {};
    action.sa_sigaction = on_sigbus;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    if (::sigaction(SIGBUS, nullptr, &previous) != 0 ||
        ::sigaction(SIGBUS, &action, nullptr) != 0) {
        raise_os(errno, "installing the handler of SIGBUS");
    }
    installed = true;
}

}  // namespace

sigbus_guard::sigbus_guard(const guarded_pages& pages, page_number first, page_number end)
    : pages_(pages), slot_(0), version_(0) {
    const std::uintptr_t base = reinterpret_cast<std::uintptr_t>(pages.base);
    const std::lock_guard lock(ranges_mutex());
    install();
    while (slot_ < ranges_max && ranges[slot_].end.load(std::memory_order_relaxed) != 0) {
        ++slot_;
    }
    if (slot_ == ranges_max) {
        raise(errc::no_space, "SIGBUS is handled for " + std::to_string(ranges_max) +
                                  " views already: close databases, or open without the handler");
    }
    version_ = set_range(ranges[slot_], base + (first << pages.page_shift),
                         base + (end << pages.page_shift), &pages_);
}

sigbus_guard::~sigbus_guard() {
    const std::lock_guard lock(ranges_mutex());
    // In a forked child the slot is free, or another's.
    if (ranges[slot_].version.load(std::memory_order_relaxed) == version_) {
        set_range(ranges[slot_], 0, 0, nullptr);
    }
}

}  // namespace pinyon::io
