// The seam between Pinyon and the operating system: every operation on a file, a mapping of it, the
// directory, the clock and the random source goes through these interfaces. posix_file.hpp is the
// production side; tests substitute a simulated disk. Calls are virtual: each one stands for a
// system call, hundreds of times dearer than the dispatch. Nothing on the path of a page hit comes
// here.
//
// Threads: a file and a mapping may be used from any thread at once.
// Failure: pinyon::error with the code of error.hpp; EINTR never surfaces.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "pinyon/mmap/error.hpp"

namespace pinyon::io {

using page_number = std::uint64_t;

// Consecutive pages, [first, first + count).
struct page_run {
    page_number first = 0;
    std::uint64_t count = 0;

    friend bool operator==(const page_run&, const page_run&) = default;
};

// Consecutive bytes of a file, [offset, offset + size).
struct byte_range {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
};

enum class view_access : std::uint8_t {
    read,          // shared, a store faults
    write,         // shared, stores reach the file
    read_private,  // private and read-only: for descriptors opened O_RDONLY
};

// What the running kernel offers, and what a test may take away. All true at start; probing clears
// what is not there.
struct capabilities {
    bool userfaultfd = true;      // write-protect mode without a handler: keeps faults to one page
    bool pagemap_scan = true;     // PAGEMAP_SCAN, else /proc/self/pagemap
    bool process_madvise = true;  // batched DONTNEED on oneself, else one madvise a run
    bool populate = true;         // MADV_POPULATE_READ and _WRITE, else a pread and a touch
    bool fallocate = true;        // else zeros are written
    // MADV_RANDOM and MADV_WILLNEED; else the kernel reads and maps around each fault, and no
    // mapping asks for pages ahead (to compare).
    bool advice = true;
    // False: `map` refuses more than 64 MiB and twice the file, as where addresses are rationed.
    bool large_reservation = true;
};

// One view of a file: a reserved range of addresses, far larger than the file, in which file offset
// o is at base() + o for as long as the view lives. Offsets and sizes are multiples of the OS page.
class mapping {
public:
    virtual ~mapping() = default;
    mapping(const mapping&) = delete;
    mapping& operator=(const mapping&) = delete;

    [[nodiscard]] std::byte* base() const noexcept { return base_; }
    // The offset at which the reserved addresses end.
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    // True when an access maps the one page it touches. False: it may map cached neighbours too,
    // which `resident` shows.
    [[nodiscard]] bool faults_single_pages() const noexcept { return faults_single_pages_; }

    // Maps the range now, reading it from the file where it is not cached. Throws io where the
    // medium fails; never a signal (without capabilities.populate the range is pread first, then
    // touched).
    virtual void populate(byte_range range, bool for_write) = 0;
    // Takes the ranges out of this process's page tables; their bytes stay in the page cache, dirty
    // or not. The addresses stay valid: a later access maps them again.
    virtual void unmap(std::span<const byte_range> ranges) = 0;
    // The parts of `range` that this process's page tables hold at this moment, ascending.
    virtual void resident(byte_range range, std::vector<byte_range>& out) const = 0;
    // Hands all dirty bytes of the range to the medium and waits for it (msync with MS_SYNC); a
    // completed call is durable. An error has consumed the kernel's record of it: never retry.
    virtual void flush(byte_range range) = 0;
    // Starts reading the ranges into the page cache without waiting.
    virtual void will_need(std::span<const byte_range> ranges) = 0;

protected:
    mapping(std::byte* base, std::uint64_t bytes, bool faults_single_pages = false) noexcept
        : base_(base), bytes_(bytes), faults_single_pages_(faults_single_pages) {}

private:
    std::byte* base_;
    std::uint64_t bytes_;
    bool faults_single_pages_;
};

// The lock bytes, far behind any byte of the data file (OFD locks: they die with the descriptor).
enum class lock_byte : std::uint8_t { writer = 0, meta0 = 1, meta1 = 2 };
[[nodiscard]] constexpr std::uint64_t lock_offset(lock_byte byte) noexcept {
    return (std::uint64_t{1} << 62) + static_cast<std::uint64_t>(byte);
}
enum class lock_mode : std::uint8_t { shared, exclusive };

class file {
public:
    virtual ~file() = default;
    file(const file&) = delete;
    file& operator=(const file&) = delete;

    // Reads until `out` is full or the file ends; returns the number of bytes read.
    virtual std::size_t read(std::uint64_t offset, std::span<std::byte> out) = 0;
    // The same from the medium, past the page cache where the file system allows it. Offset and
    // size are multiples of 4096; `out` needs no alignment.
    virtual std::size_t read_medium(std::uint64_t offset, std::span<std::byte> out) = 0;
    // Writes all of `data` or throws (no_space, io); a short write is carried on.
    virtual void write(std::uint64_t offset, std::span<const std::byte> data) = 0;
    // The same for bytes inside the present size, through a mapping where there is one: a hundredth
    // of the price of a call, but the next `sync` takes longer than after `write`. One thread at a
    // time. A medium that fails or is full is an error; a file that another program cuts is a
    // signal (sigbus_guard.hpp).
    virtual void store(std::uint64_t offset, std::span<const std::byte> data) {
        write(offset, data);
    }
    // The same past the page cache where the file system allows it, so that neither the kernel's
    // caching nor a large folio over the place can carry other bytes along. Durable when it
    // returns, with the size: these bytes, and not what else is dirty in the file, for which `sync`
    // would wait. Offset and size are multiples of 4096. Never retry after an error.
    virtual void write_durably(std::uint64_t offset, std::span<const std::byte> data) = 0;
    // fdatasync: all bytes and the size are durable when it returns. Never retry after an error.
    virtual void sync() = 0;
    // Extends the file to at least `size` bytes with space reserved on the medium, so that no later
    // store into it can fail for want of space; the first call after an open also fills holes below
    // the present size where the file system can. Throws no_space, and the file is as long as it
    // was.
    virtual void grow(std::uint64_t size) = 0;
    virtual void truncate(std::uint64_t size) = 0;
    [[nodiscard]] virtual std::uint64_t size() const = 0;

    // False when another open file description holds a conflicting lock; never waits. An exclusive
    // lock needs a file opened for writing. Locks go with the file and all its mappings.
    [[nodiscard]] virtual bool try_lock(lock_byte byte, lock_mode mode) = 0;
    virtual void unlock(lock_byte byte) = 0;
    // Whether another open file description holds an exclusive lock; REQUIRES: this one holds none.
    // Where the system can be asked, no lock is taken for it.
    [[nodiscard]] virtual bool is_locked_elsewhere(lock_byte byte) {
        if (!try_lock(byte, lock_mode::shared)) { return true; }
        unlock(byte);
        return false;
    }

    // Reserves addresses for the file's bytes [first, bytes); nothing is read and the file may be
    // far smaller. base() of the result is where offset 0 would be. Returns null when the address
    // space has no such range (the caller halves and tries again).
    [[nodiscard]] virtual std::unique_ptr<mapping> map(view_access access, std::uint64_t first,
                                                       std::uint64_t bytes) = 0;

    // Starts reading the ranges into the page cache without waiting, page by page: no folio larger
    // than one comes of it. A hint; where it fails nothing happens.
    virtual void will_need(std::span<const byte_range>) noexcept {}
    // Gives the cached bytes of clean ranges back to the system.
    virtual void drop_cache(std::span<const byte_range> ranges) = 0;
    // Starts writing the dirty cached bytes of the range, without waiting (sync_file_range WRITE).
    virtual void start_write_back(byte_range range) = 0;
    // Waits for it. An error has been consumed here: poison.
    virtual void wait_write_back(byte_range range) = 0;

    // True in the child of a fork: the descriptor and its locks stayed with the parent, the views
    // are not mapped here, and every other call fails.
    [[nodiscard]] virtual bool forked() const noexcept = 0;

protected:
    file() = default;
};

enum class open_mode : std::uint8_t {
    read_only,   // O_RDONLY
    read_write,  // O_RDWR, must exist
    create_new,  // O_RDWR | O_CREAT | O_EXCL, mode 0600
};

class file_system {
public:
    virtual ~file_system() = default;
    file_system(const file_system&) = delete;
    file_system& operator=(const file_system&) = delete;

    // Regular files only (is_directory, not_a_database for devices and pipes), close-on-exec;
    // symbolic links of the last component are resolved by the caller (`resolve`). A file with more
    // than one hard link is refused for writing (misuse).
    [[nodiscard]] virtual std::unique_ptr<file> open(const std::string& path, open_mode mode) = 0;
    [[nodiscard]] virtual bool exists(const std::string& path) = 0;
    // The absolute path with links resolved; the last component need not exist.
    [[nodiscard]] virtual std::string resolve(const std::string& path) = 0;
    // Gives `from` the name `to`; throws exists when there is such a file.
    virtual void rename_no_replace(const std::string& from, const std::string& to) = 0;
    virtual void remove(const std::string& path) = 0;
    // fsync of the directory that holds `path`: names in it are durable when it returns.
    virtual void sync_directory(const std::string& path) = 0;
    // Names (no paths) in the directory that holds `path`, sorted.
    [[nodiscard]] virtual std::vector<std::string> list(const std::string& path) = 0;

    [[nodiscard]] virtual std::chrono::steady_clock::time_point now() = 0;
    virtual void random(std::span<std::byte> out) = 0;
    // What this system offers; fixed at construction.
    [[nodiscard]] virtual const capabilities& offers() const noexcept = 0;

protected:
    file_system() = default;
};

// The production file system with everything the kernel has. Lives as long as the program.
[[nodiscard]] file_system& posix_file_system();
// One with some capabilities withheld, for tests and for looking at their cost.
[[nodiscard]] std::unique_ptr<file_system> make_posix_file_system(const capabilities& allowed);

}  // namespace pinyon::io
