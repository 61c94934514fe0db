// Files of the operating system: the production side of file.hpp.
//
// Invariants
//  1. Every system call on a file goes through the one descriptor, so that there is one error
//     cursor for msync and fdatasync; the second, for direct access, is a reopening of the first.
//  2. No descriptor survives an exec or stays in a forked child.
//
// Threads: as io::file and io::file_system.
// Failure: pinyon::error; messages say what was tried on which path.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "pinyon/mmap/descriptor.hpp"
#include "pinyon/mmap/file.hpp"
#include "pinyon/mmap/os_memory.hpp"

namespace pinyon::io {

// Where the bytes of a posix_file are.
enum class medium : std::uint8_t {
    disk,
    memory,  // there is no medium beyond the page cache
};

class posix_file final : public file {
public:
    // `handle` is a regular file; `path` is for messages.
    posix_file(std::shared_ptr<descriptor> handle, std::string path, open_mode mode, medium where,
               const capabilities& offers);

    std::size_t read(std::uint64_t offset, std::span<std::byte> out) override;
    std::size_t read_medium(std::uint64_t offset, std::span<std::byte> out) override;
    void write(std::uint64_t offset, std::span<const std::byte> data) override;
    void store(std::uint64_t offset, std::span<const std::byte> data) override;
    void write_durably(std::uint64_t offset, std::span<const std::byte> data) override;
    void sync() override;
    void grow(std::uint64_t size) override;
    void truncate(std::uint64_t size) override;
    [[nodiscard]] std::uint64_t size() const override;

    [[nodiscard]] bool try_lock(lock_byte byte, lock_mode mode) override;
    [[nodiscard]] bool is_locked_elsewhere(lock_byte byte) override;
    void unlock(lock_byte byte) override;

    [[nodiscard]] std::unique_ptr<mapping> map(view_access access, std::uint64_t first,
                                               std::uint64_t bytes) override;
    void will_need(std::span<const byte_range> ranges) noexcept override;
    void drop_cache(std::span<const byte_range> ranges) override;
    void start_write_back(byte_range range) override;
    void wait_write_back(byte_range range) override;
    [[nodiscard]] bool forked() const noexcept override { return handle_->forked(); }

private:
    [[nodiscard]] int number() const;
    void require_writable(const char* verb) const;
    [[nodiscard]] std::string at(const char* verb, byte_range range) const;
    [[nodiscard]] const descriptor* direct();
    [[nodiscard]] std::shared_ptr<process_memory> shared_memory();
    [[nodiscard]] bool move_window(byte_range range);
    void write_pieces(std::uint64_t offset, std::span<const std::byte> data);
    void write_and_sync(std::uint64_t offset, std::span<const std::byte> data);
    void write_zeros(std::uint64_t from, std::uint64_t to);
    void drop_large_folios() noexcept;
    [[nodiscard]] int reserve(std::uint64_t from, std::uint64_t to);

    std::shared_ptr<descriptor> handle_;
    std::string path_;
    open_mode mode_;
    medium medium_;
    capabilities offers_;
    std::atomic<bool> mapped_{false};     // a view exists: keep large folios out of the cache
    std::atomic<bool> reserved_{false};   // holes below the size were filled since the open
    std::mutex mutex_;                    // of what follows
    std::shared_ptr<descriptor> direct_;  // O_DIRECT, made at the first use
    bool direct_refused_ = false;
    std::shared_ptr<process_memory> memory_;  // made at the first map

    // Of the one thread that stores.
    std::unique_ptr<mapping> stored_;  // of the file as it was at the first store
    byte_range window_;                // the part whose pages are mapped
};

class posix_system final : public file_system {
public:
    explicit posix_system(const capabilities& allowed) : offers_(probe(allowed)) {}

    [[nodiscard]] std::unique_ptr<file> open(const std::string& path, open_mode mode) override;
    [[nodiscard]] bool exists(const std::string& path) override;
    [[nodiscard]] std::string resolve(const std::string& path) override;
    void rename_no_replace(const std::string& from, const std::string& to) override;
    void remove(const std::string& path) override;
    void sync_directory(const std::string& path) override;
    [[nodiscard]] std::vector<std::string> list(const std::string& path) override;

    [[nodiscard]] std::chrono::steady_clock::time_point now() override;
    void random(std::span<std::byte> out) override;
    [[nodiscard]] const capabilities& offers() const noexcept override { return offers_; }

private:
    capabilities offers_;
};

// Random bytes from the kernel.
void fill_random(std::span<std::byte> out);

}  // namespace pinyon::io
