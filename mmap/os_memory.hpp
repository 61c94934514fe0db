// What Pinyon asks of the kernel about its own memory and about the page cache, in one place:
// advice, populate, residency, userfaultfd, reservation of addresses, cache and write-back of a
// file. Everything that older kernels lack is probed at run time and has a fallback.
//
// Threads: all functions from any thread at once.
// Failure: functions that return an int return 0 or an errno; the rest say what they do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "pinyon/mmap/descriptor.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon::io {

// 4 KiB on every machine that Pinyon supports; checked when the first file system is made.
inline constexpr std::uint64_t os_page_bytes = 4096;

[[nodiscard]] constexpr bool page_aligned(std::uint64_t value) noexcept {
    return value % os_page_bytes == 0;
}

// `allowed` without what the running kernel does not have.
[[nodiscard]] capabilities probe(const capabilities& allowed);

// The handles through which a process looks at and changes its own address space. One for each open
// file, shared by its mappings. Offsets are relative to `base`, the address of offset 0.
class process_memory {
public:
    explicit process_memory(const capabilities& offers);

    // Random access, not inherited by children, no huge pages; and, where offered, one page mapped
    // by one fault. Returns whether that last holds: the kernel refuses it for shared mappings of
    // files opened read-only.
    [[nodiscard]] bool prepare(std::byte* address, std::uint64_t bytes);

    [[nodiscard]] int drop(std::byte* base, std::span<const byte_range> ranges) const;
    [[nodiscard]] int will_need(std::byte* base, std::span<const byte_range> ranges) const;
    // Maps the range. EFAULT past the end of the file or where the medium fails; ENOTSUP when the
    // kernel cannot do it.
    [[nodiscard]] int populate(std::byte* base, byte_range range, bool for_write) const;
    // Appends the mapped parts of the range; the whole range when the system hides them (no /proc).
    void resident(std::byte* base, byte_range range, std::vector<byte_range>& out) const;

private:
    [[nodiscard]] int advise(std::byte* base, std::span<const byte_range> ranges, int advice) const;
    [[nodiscard]] bool scan(std::byte* base, byte_range range, std::vector<byte_range>& out) const;
    [[nodiscard]] bool read_map(std::byte* base, byte_range range,
                                std::vector<byte_range>& out) const;

    capabilities offers_;
    std::shared_ptr<descriptor> faults_;   // userfaultfd
    std::shared_ptr<descriptor> self_;     // pidfd, for process_madvise
    std::shared_ptr<descriptor> pagemap_;  // /proc/self/pagemap
};

// Touches one byte of each page, so that all are mapped; the caller has made sure that they can be.
void touch_pages(std::byte* address, std::uint64_t bytes, bool for_write) noexcept;

// Zero, lazily backed memory; null when there is none.
[[nodiscard]] std::byte* reserve_memory(std::uint64_t bytes) noexcept;
void release_memory(std::byte* data, std::uint64_t bytes) noexcept;
// Makes whole OS pages of reserved memory zero and unbacked again.
void discard_memory(std::byte* data, std::uint64_t bytes) noexcept;

// Puts a page of zeros of its own over one OS page of a view, for good. Async-signal-safe. The one
// place where an address is dictated to the kernel: an access to that address is waiting.
[[nodiscard]] int cover_with_zeros(std::byte* page, bool writable) noexcept;

// Read-ahead off, for the whole file.
[[nodiscard]] int advise_random(int file) noexcept;
// Starts reading the range into the page cache, with folios of one page.
[[nodiscard]] int advise_will_need(int file, byte_range range) noexcept;
// Gives clean, unmapped cached bytes back; a size of 0 means to the end of the file.
[[nodiscard]] int drop_file_cache(int file, byte_range range) noexcept;
[[nodiscard]] int start_file_write_back(int file, byte_range range) noexcept;
[[nodiscard]] int wait_file_write_back(int file, byte_range range) noexcept;

}  // namespace pinyon::io
