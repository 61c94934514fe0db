// A file over another one that is only read: what is written goes to private memory, what was never
// written is that of the base. So a file that needs a recovery can be recovered, and read, without
// being changed. Locks are the base's; a medium, syncs and the page cache do not exist.
//
// The memory is a memfd, and the views are views of it: an OS page of the base is copied there
// before it is first mapped (`mapping::populate`). Every page source maps a page so before it
// touches it, the pool each time it brings the page in, the raw mapping once.
//
// Invariants
//  1. A page that has been copied or written is read from memory for ever after, so that bytes once
//     seen through a view stay, evicted or not: the memory grows by what is visited.
//  2. Nothing but reads and locks reaches the base.
//  3. Pages behind the base's end are zero until they are written.
//
// Threads: as io::file; copying has a mutex.
// Failure: as io::file; io when the base ends before the size that it had; no_space when there is
// no memory.
#pragma once

#include <memory>
#include <span>

#include "pinyon/mmap/file.hpp"

namespace pinyon::io {

// What the overlay and its views share.
class overlay_pages;

class overlay_file final : public file {
public:
    // Takes over the base, as long as it is now.
    explicit overlay_file(std::unique_ptr<file> base, const capabilities& offers = {});
    ~overlay_file() override;

    std::size_t read(std::uint64_t offset, std::span<std::byte> out) override;
    std::size_t read_medium(std::uint64_t offset, std::span<std::byte> out) override;
    void write(std::uint64_t offset, std::span<const std::byte> data) override;
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
    void drop_cache(std::span<const byte_range>) override {}
    void start_write_back(byte_range) override {}
    void wait_write_back(byte_range) override {}
    [[nodiscard]] bool forked() const noexcept override;

    // Bytes of the base that are in memory by now: copied or overwritten.
    [[nodiscard]] std::uint64_t memory_bytes() const;

private:
    std::shared_ptr<overlay_pages> pages_;
};

}  // namespace pinyon::io
