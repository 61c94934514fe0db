// Real system calls that fail on purpose: linked into a program, these take the place of the C
// library's functions, count the calls of each kind, and let the chosen ones fail. What does not
// fail goes to the kernel.
//
// The plan comes from the environment: PINYON_FAULT=KIND:FIRST:COUNT:WHAT, the calls FIRST up to
// FIRST + COUNT - 1 (from 1) of the kind fail with the errno WHAT; 0: they transfer half.
#pragma once

#include <array>
#include <cstdint>

namespace pinyon::test {

enum class call_kind : std::uint32_t {
    pread,
    pwrite,
    fdatasync,
    fsync,
    msync,
    ftruncate,
    fallocate,
    open,
    unlink,
    rename,
    sync_file_range,
    populate,  // madvise with MADV_POPULATE_READ or _WRITE
};

constexpr std::array<const char*, 12> call_names{
    "pread",     "pwrite", "fdatasync", "fsync",  "msync",           "ftruncate",
    "fallocate", "open",   "unlink",    "rename", "sync_file_range", "populate"};

[[nodiscard]] std::uint64_t calls_of(call_kind kind) noexcept;
[[nodiscard]] std::uint64_t calls_failed() noexcept;

}  // namespace pinyon::test
