#include "support/system_call_faults.hpp"

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>

namespace {

using pinyon::test::call_kind;

struct plan {
    long kind = -1;
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    int error_number = 0;
};

[[nodiscard]] plan read_plan() noexcept {
    plan made;
    const char* text = std::getenv("PINYON_FAULT");
    if (text == nullptr) { return made; }
    char* end = nullptr;
    made.kind = std::strtol(text, &end, 10);
    if (*end == ':') { made.first = std::strtoull(end + 1, &end, 10); }
    if (*end == ':') { made.count = std::strtoull(end + 1, &end, 10); }
    if (*end == ':') { made.error_number = static_cast<int>(std::strtol(end + 1, &end, 10)); }
    return made;
}

std::array<std::atomic<std::uint64_t>, pinyon::test::call_names.size()> calls{};
std::atomic<std::uint64_t> failed{0};

enum class outcome { pass, fail, half };

[[nodiscard]] outcome next(call_kind kind) noexcept {
    static const plan chosen = read_plan();
    const std::uint64_t number = calls[static_cast<std::size_t>(kind)].fetch_add(1) + 1;
    if (static_cast<long>(kind) != chosen.kind || number < chosen.first ||
        number - chosen.first >= chosen.count) {
        return outcome::pass;
    }
    failed.fetch_add(1);
    if (chosen.error_number == 0) { return outcome::half; }
    errno = chosen.error_number;
    return outcome::fail;
}

// The C library's own, which sets errno.
[[nodiscard]] long kernel(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                          long f = 0) noexcept {
    using function = long (*)(long, ...);
    static const auto real = reinterpret_cast<function>(::dlsym(RTLD_NEXT, "syscall"));
    return real(number, a, b, c, d, e, f);
}

template <class Pointer>
[[nodiscard]] long word(Pointer* pointer) noexcept {
    return reinterpret_cast<long>(pointer);
}

[[nodiscard]] int plain(call_kind kind, long number, long a, long b = 0, long c = 0,
                        long d = 0) noexcept {
    if (next(kind) != outcome::pass) { return -1; }
    return static_cast<int>(kernel(number, a, b, c, d));
}

[[nodiscard]] ssize_t transfer(call_kind kind, long number, int file, long data, std::size_t bytes,
                               off_t offset) noexcept {
    const outcome now = next(kind);
    if (now == outcome::fail) { return -1; }
    const auto length = static_cast<long>(bytes);
    if (now == outcome::half && bytes > 1) {
        // Direct access may refuse half a block.
        const long got = kernel(number, file, data, length / 2, offset);
        if (got >= 0 || errno != EINVAL) { return got; }
    }
    return kernel(number, file, data, length, offset);
}

}  // namespace

namespace pinyon::test {

std::uint64_t calls_of(call_kind kind) noexcept {
    return calls[static_cast<std::size_t>(kind)].load();
}
std::uint64_t calls_failed() noexcept { return failed.load(); }

}  // namespace pinyon::test

extern "C" {

ssize_t pread(int file, void* data, size_t bytes, off_t offset) {
    return transfer(call_kind::pread, SYS_pread64, file, word(data), bytes, offset);
}
ssize_t pread64(int file, void* data, size_t bytes, off_t offset) {
    return transfer(call_kind::pread, SYS_pread64, file, word(data), bytes, offset);
}
ssize_t pwrite(int file, const void* data, size_t bytes, off_t offset) {
    return transfer(call_kind::pwrite, SYS_pwrite64, file, word(data), bytes, offset);
}
ssize_t pwrite64(int file, const void* data, size_t bytes, off_t offset) {
    return transfer(call_kind::pwrite, SYS_pwrite64, file, word(data), bytes, offset);
}
// What pread and open become under _FORTIFY_SOURCE.
ssize_t __pread_chk(int file, void* data, size_t bytes, off_t offset, size_t);  // NOLINT
ssize_t __pread_chk(int file, void* data, size_t bytes, off_t offset, size_t) {
    return transfer(call_kind::pread, SYS_pread64, file, word(data), bytes, offset);
}
int __open_2(const char* path, int flags);  // NOLINT
int __open_2(const char* path, int flags) {
    return plain(call_kind::open, SYS_open, word(path), flags);
}

int open(const char* path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const long mode = (flags & O_CREAT) != 0 ? va_arg(rest, int) : 0;
    va_end(rest);
    return plain(call_kind::open, SYS_open, word(path), flags, mode);
}

int fdatasync(int file) { return plain(call_kind::fdatasync, SYS_fdatasync, file); }
int fsync(int file) { return plain(call_kind::fsync, SYS_fsync, file); }
int msync(void* data, size_t bytes, int flags) {
    return plain(call_kind::msync, SYS_msync, word(data), static_cast<long>(bytes), flags);
}
int ftruncate(int file, off_t bytes) noexcept {
    return plain(call_kind::ftruncate, SYS_ftruncate, file, bytes);
}
int fallocate(int file, int mode, off_t offset, off_t bytes) {
    return plain(call_kind::fallocate, SYS_fallocate, file, mode, offset, bytes);
}
int sync_file_range(int file, off64_t offset, off64_t bytes, unsigned flags) {
    return plain(call_kind::sync_file_range, SYS_sync_file_range, file, offset, bytes, flags);
}
int unlink(const char* path) noexcept { return plain(call_kind::unlink, SYS_unlink, word(path)); }

int madvise(void* data, size_t bytes, int advice) noexcept {
    constexpr int populate_read = 22;
    constexpr int populate_write = 23;
    if ((advice == populate_read || advice == populate_write) &&
        next(call_kind::populate) != outcome::pass) {
        return -1;
    }
    return static_cast<int>(kernel(SYS_madvise, word(data), static_cast<long>(bytes), advice));
}

// The engine's way to renameat2, among others.
long syscall(long number, ...) noexcept {
    va_list rest;
    va_start(rest, number);
    std::array<long, 6> words{};
    for (long& each : words) { each = va_arg(rest, long); }
    va_end(rest);
    if (number == SYS_renameat2 && next(call_kind::rename) != outcome::pass) { return -1; }
    return kernel(number, words[0], words[1], words[2], words[3], words[4], words[5]);
}

}  // extern "C"
