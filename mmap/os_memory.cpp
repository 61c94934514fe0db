#include "pinyon/mmap/os_memory.hpp"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <utility>

namespace pinyon::io {

namespace {

// The kernel's interface, spelled out here because headers lag behind kernels (linux/userfaultfd.h,
// linux/fs.h, asm-generic/mman-common.h; all values are the same on every 64-bit architecture with
// these system calls).
namespace kernel {

constexpr int madv_populate_read = 22;
constexpr int madv_populate_write = 23;
constexpr long sys_userfaultfd = SYS_userfaultfd;
constexpr long sys_pidfd_open = 434;
constexpr long sys_process_madvise = 440;

constexpr int uffd_user_mode_only = 1;
constexpr std::uint64_t uffd_version = 0xaa;
constexpr std::uint64_t uffd_feature_wp_async = std::uint64_t{1} << 15;
constexpr std::uint64_t uffd_register_mode_wp = std::uint64_t{1} << 1;

struct uffd_api {
    std::uint64_t api;
    std::uint64_t features;
    std::uint64_t ioctls;
};

struct uffd_register {
    std::uint64_t start;
    std::uint64_t bytes;
    std::uint64_t mode;
    std::uint64_t ioctls;
};

constexpr unsigned long uffd_io_api = _IOWR(0xaa, 0x3f, uffd_api);
constexpr unsigned long uffd_io_register = _IOWR(0xaa, 0x00, uffd_register);

constexpr std::uint64_t page_is_present = std::uint64_t{1} << 3;

struct page_region {
    std::uint64_t start;
    std::uint64_t end;
    std::uint64_t categories;
};

struct scan_argument {
    std::uint64_t size;
    std::uint64_t flags;
    std::uint64_t start;
    std::uint64_t end;
    std::uint64_t walk_end;
    std::uint64_t regions;
    std::uint64_t region_count;
    std::uint64_t pages_max;
    std::uint64_t category_inverted;
    std::uint64_t category_mask;
    std::uint64_t category_any;
    std::uint64_t return_mask;
};
static_assert(sizeof(scan_argument) == 96);

constexpr unsigned long pagemap_scan = _IOWR('f', 16, scan_argument);

}  // namespace kernel

[[nodiscard]] std::shared_ptr<descriptor> adopt(long number) {
    return number < 0 ? nullptr : adopt_descriptor(static_cast<int>(number));
}

// A userfaultfd in asynchronous write-protect mode: the kernel answers its own faults, nobody
// listens. All that is wanted of it is that the kernel maps no neighbours of a page in such ranges.
[[nodiscard]] std::shared_ptr<descriptor> open_userfaultfd() {
    auto result = adopt(
        ::syscall(kernel::sys_userfaultfd, O_CLOEXEC | O_NONBLOCK | kernel::uffd_user_mode_only));
    if (result == nullptr) { return nullptr; }
    kernel::uffd_api api{kernel::uffd_version, kernel::uffd_feature_wp_async, 0};
    if (::ioctl(result->get(), kernel::uffd_io_api, &api) != 0) { return nullptr; }
    return result;
}

[[nodiscard]] std::shared_ptr<descriptor> open_self() {
    return adopt(::syscall(kernel::sys_pidfd_open, ::getpid(), 0));  // close-on-exec by definition
}

[[nodiscard]] std::shared_ptr<descriptor> open_pagemap() {
    return adopt(::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
}

[[nodiscard]] std::uint64_t address_of(const std::byte* base) noexcept {
    return reinterpret_cast<std::uintptr_t>(base);
}

// `base` may lie below the mapping (it is where offset 0 would be), so no pointer arithmetic on it.
[[nodiscard]] std::byte* at(std::byte* base, std::uint64_t offset) noexcept {
    return reinterpret_cast<std::byte*>(address_of(base) + offset);
}

[[nodiscard]] int advise_one(void* address, std::uint64_t bytes, int advice) noexcept {
    while (::madvise(address, bytes, advice) != 0) {
        if (errno != EINTR && errno != EAGAIN) { return errno; }
    }
    return 0;
}

[[nodiscard]] ssize_t advise_many(const descriptor& self, std::span<const ::iovec> ranges,
                                  int advice) noexcept {
    return ::syscall(kernel::sys_process_madvise, self.get(), ranges.data(), ranges.size(), advice,
                     0u);
}

// Adds a range that lies behind all of `out`; touching ones become one.
void append(std::vector<byte_range>& out, std::size_t first, std::uint64_t offset,
            std::uint64_t bytes) {
    if (out.size() > first && out.back().offset + out.back().size == offset) {
        out.back().size += bytes;
    } else {
        out.push_back({offset, bytes});
    }
}

// A few pages of anonymous memory to try things on.
class test_pages {
public:
    test_pages() : data_(reserve_memory(bytes)) {}
    ~test_pages() {
        if (data_ != nullptr) { release_memory(data_, bytes); }
    }
    test_pages(const test_pages&) = delete;
    test_pages& operator=(const test_pages&) = delete;

    static constexpr std::uint64_t bytes = 2 * os_page_bytes;
    [[nodiscard]] std::byte* data() const noexcept { return data_; }

private:
    std::byte* data_;
};

[[nodiscard]] bool has_process_madvise(std::byte* page) {
    const auto self = open_self();
    const ::iovec range{page, os_page_bytes};
    return self != nullptr &&
           advise_many(*self, {&range, 1}, MADV_DONTNEED) == static_cast<ssize_t>(os_page_bytes);
}

[[nodiscard]] bool has_pagemap_scan(std::byte* page) {
    const auto pagemap = open_pagemap();
    if (pagemap == nullptr) { return false; }
    kernel::page_region region{};
    kernel::scan_argument argument{};
    argument.size = sizeof argument;
    argument.start = address_of(page);
    argument.end = argument.start + os_page_bytes;
    argument.regions = reinterpret_cast<std::uintptr_t>(&region);
    argument.region_count = 1;
    argument.category_mask = kernel::page_is_present;
    argument.return_mask = kernel::page_is_present;
    return ::ioctl(pagemap->get(), kernel::pagemap_scan, &argument) >= 0;
}

}  // namespace

capabilities probe(const capabilities& allowed) {
    if (::sysconf(_SC_PAGESIZE) != static_cast<long>(os_page_bytes)) {
        raise(errc::misuse, "this system has pages of " + std::to_string(::sysconf(_SC_PAGESIZE)) +
                                " bytes; Pinyon needs a kernel with pages of 4096");
    }
    const test_pages pages;
    if (pages.data() == nullptr) {
        raise_os(ENOMEM, "probing the kernel with two pages of memory");
    }
    capabilities result = allowed;
    if (result.userfaultfd) { result.userfaultfd = open_userfaultfd() != nullptr; }
    if (result.process_madvise) { result.process_madvise = has_process_madvise(pages.data()); }
    if (result.pagemap_scan) { result.pagemap_scan = has_pagemap_scan(pages.data()); }
    if (result.populate) {
        result.populate = advise_one(pages.data(), os_page_bytes, kernel::madv_populate_read) == 0;
    }
    return result;
}

process_memory::process_memory(const capabilities& offers) : offers_(offers) {
    if (offers.userfaultfd) { faults_ = open_userfaultfd(); }
    if (offers.process_madvise) { self_ = open_self(); }
    pagemap_ = open_pagemap();
}

bool process_memory::prepare(std::byte* address, std::uint64_t bytes) {
    // Advice without effect on correctness but for DONTFORK, which every kernel has; NOHUGEPAGE
    // keeps a cached 2 MiB folio from being mapped by a single entry.
    if (offers_.advice) {
        (void)advise_one(address, bytes, MADV_RANDOM);
        (void)advise_one(address, bytes, MADV_NOHUGEPAGE);
    }
    if (const int failure = advise_one(address, bytes, MADV_DONTFORK)) {
        raise_os(failure, "keeping a mapping from the children of this process");
    }
    if (faults_ == nullptr) { return false; }
    kernel::uffd_register request{address_of(address), bytes, kernel::uffd_register_mode_wp, 0};
    return ::ioctl(faults_->get(), kernel::uffd_io_register, &request) == 0;
}

int process_memory::advise(std::byte* base, std::span<const byte_range> ranges, int advice) const {
    // 256 ranges are 4 KiB of stack and more than one batch of an evictor.
    std::array<::iovec, 256> batch;
    while (!ranges.empty() && self_ != nullptr) {
        const std::size_t count = std::min(ranges.size(), batch.size());
        for (std::size_t i = 0; i != count; ++i) {
            batch[i] = {at(base, ranges[i].offset), ranges[i].size};
        }
        const ssize_t done = advise_many(*self_, {batch.data(), count}, advice);
        if (done < 0 && (errno == EINTR || errno == EAGAIN)) { continue; }
        if (done <= 0) {
            break;  // the ranges one by one will tell which one and why
        }
        auto left = static_cast<std::uint64_t>(done);
        std::size_t whole = 0;
        while (whole != count && left >= ranges[whole].size) { left -= ranges[whole++].size; }
        if (whole == 0) { break; }
        ranges = ranges.subspan(whole);
    }
    for (const byte_range& range : ranges) {
        if (const int failure = advise_one(at(base, range.offset), range.size, advice)) {
            return failure;
        }
    }
    return 0;
}

int process_memory::drop(std::byte* base, std::span<const byte_range> ranges) const {
    return advise(base, ranges, MADV_DONTNEED);
}

int process_memory::will_need(std::byte* base, std::span<const byte_range> ranges) const {
    return offers_.advice ? advise(base, ranges, MADV_WILLNEED) : 0;
}

int process_memory::populate(std::byte* base, byte_range range, bool for_write) const {
    if (!offers_.populate) { return ENOTSUP; }
    return advise_one(at(base, range.offset), range.size,
                      for_write ? kernel::madv_populate_write : kernel::madv_populate_read);
}

void process_memory::resident(std::byte* base, byte_range range,
                              std::vector<byte_range>& out) const {
    const std::size_t before = out.size();
    if (range.size == 0 || scan(base, range, out)) { return; }
    out.resize(before);
    if (read_map(base, range, out)) { return; }
    out.resize(before);
    out.push_back(range);
}

bool process_memory::scan(std::byte* base, byte_range range, std::vector<byte_range>& out) const {
    if (!offers_.pagemap_scan || pagemap_ == nullptr) { return false; }
    const std::size_t first = out.size();
    std::array<kernel::page_region, 256> regions;
    kernel::scan_argument argument{};
    argument.size = sizeof argument;
    argument.start = address_of(base) + range.offset;
    argument.end = argument.start + range.size;
    argument.regions = reinterpret_cast<std::uintptr_t>(regions.data());
    argument.region_count = regions.size();
    argument.category_mask = kernel::page_is_present;
    argument.return_mask = kernel::page_is_present;
    while (argument.start < argument.end) {
        const int found = ::ioctl(pagemap_->get(), kernel::pagemap_scan, &argument);
        if (found < 0 && errno == EINTR) { continue; }
        if (found < 0 || argument.walk_end <= argument.start) { return false; }
        for (int i = 0; i != found; ++i) {
            const kernel::page_region& region = regions[static_cast<std::size_t>(i)];
            append(out, first, region.start - address_of(base), region.end - region.start);
        }
        argument.start = argument.walk_end;
    }
    return true;
}

bool process_memory::read_map(std::byte* base, byte_range range,
                              std::vector<byte_range>& out) const {
    if (pagemap_ == nullptr) { return false; }
    constexpr std::uint64_t present = std::uint64_t{1} << 63;
    const std::size_t first = out.size();
    std::vector<std::uint64_t> entries(std::min<std::uint64_t>(range.size / os_page_bytes, 8192));
    std::uint64_t offset = range.offset;
    const std::uint64_t end = range.offset + range.size;
    while (offset < end) {
        const std::uint64_t wanted =
            std::min<std::uint64_t>((end - offset) / os_page_bytes, entries.size());
        const std::uint64_t entry = (address_of(base) + offset) / os_page_bytes;
        const ssize_t got = ::pread(pagemap_->get(), entries.data(), wanted * sizeof entries[0],
                                    static_cast<off_t>(entry * sizeof entries[0]));
        if (got < 0 && errno == EINTR) { continue; }
        const auto count =
            static_cast<std::uint64_t>(std::max<ssize_t>(got, 0)) / sizeof entries[0];
        if (count == 0) { return false; }
        for (std::uint64_t i = 0; i != count; ++i, offset += os_page_bytes) {
            if ((entries[i] & present) != 0) { append(out, first, offset, os_page_bytes); }
        }
    }
    return true;
}

void touch_pages(std::byte* address, std::uint64_t bytes, bool for_write) noexcept {
    for (std::uint64_t offset = 0; offset < bytes; offset += os_page_bytes) {
        const std::atomic_ref byte(reinterpret_cast<unsigned char&>(address[offset]));
        if (for_write) {
            // A write to the processor whether it exchanges or not, so that the first fault is one
            // for writing. Compilers make a load of `fetch_or(0)`.
            unsigned char zero = 0;
            (void)byte.compare_exchange_strong(zero, 0, std::memory_order_relaxed);
        } else {
            (void)byte.load(std::memory_order_relaxed);
        }
    }
}

std::byte* reserve_memory(std::uint64_t bytes) noexcept {
    void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return data == MAP_FAILED ? nullptr : static_cast<std::byte*>(data);
}

void release_memory(std::byte* data, std::uint64_t bytes) noexcept { ::munmap(data, bytes); }

void discard_memory(std::byte* data, std::uint64_t bytes) noexcept {
    (void)advise_one(data, bytes, MADV_DONTNEED);
}

int cover_with_zeros(std::byte* page, bool writable) noexcept {
    void* data = ::mmap(page, os_page_bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    return data == MAP_FAILED ? errno : 0;
}

int advise_random(int file) noexcept { return ::posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM); }

int advise_will_need(int file, byte_range range) noexcept {
    return ::posix_fadvise(file, static_cast<off_t>(range.offset), static_cast<off_t>(range.size),
                           POSIX_FADV_WILLNEED);
}

int drop_file_cache(int file, byte_range range) noexcept {
    return ::posix_fadvise(file, static_cast<off_t>(range.offset), static_cast<off_t>(range.size),
                           POSIX_FADV_DONTNEED);
}

int start_file_write_back(int file, byte_range range) noexcept {
    while (::sync_file_range(file, static_cast<off_t>(range.offset), static_cast<off_t>(range.size),
                             SYNC_FILE_RANGE_WRITE) != 0) {
        if (errno != EINTR) { return errno; }
    }
    return 0;
}

int wait_file_write_back(int file, byte_range range) noexcept {
    constexpr unsigned wait =
        SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
    while (::sync_file_range(file, static_cast<off_t>(range.offset), static_cast<off_t>(range.size),
                             wait) != 0) {
        if (errno != EINTR) { return errno; }
    }
    return 0;
}

}  // namespace pinyon::io
