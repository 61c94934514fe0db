// What a durable commit costs at least: records of given size appended to a file that was written
// full of zeros and synced before, each on the medium when `append` returns. No checksum, no tree.
// One record is a pwrite and an fdatasync; several threads share syncs in one of the usual ways.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <vector>

namespace pinyon::bench {

// How threads that append at the same time share the work.
enum class sharing {
    own_writes,      // each writes its record at a place it reserved, one syncs what is complete
    ordered_writes,  // each writes its record under the mutex, one syncs
    leader_writes,   // records are collected, the one who syncs writes them all before
    patient_leader,  // own_writes, but the one who syncs first lets the others run
};

[[nodiscard]] const char* name(sharing how);

class bare_log {
public:
    // Makes the file, `bytes` long.
    bare_log(const std::string& path, std::uint64_t bytes, std::uint64_t record_bytes);
    ~bare_log();
    bare_log(const bare_log&) = delete;
    bare_log& operator=(const bare_log&) = delete;

    // One thread alone.
    void append();
    // From any number of threads at once.
    void append_shared(sharing how);
    [[nodiscard]] std::uint64_t syncs() const noexcept { return syncs_.load(); }

private:
    using guard = std::unique_lock<std::mutex>;

    [[nodiscard]] std::uint64_t reserve();
    void write(std::uint64_t offset, const char* data, std::uint64_t bytes) const;
    void sync() const;
    void finish_write(std::uint64_t ticket);
    void lead(sharing how, guard& lock);

    int file_;
    mutable std::atomic<std::uint64_t> syncs_{0};
    std::uint64_t bytes_;
    std::uint64_t record_bytes_;
    std::vector<char> record_;

    std::mutex mutex_;
    std::condition_variable synced_changed_;
    std::uint64_t reserved_ = 0;  // records, as all counts here
    std::uint64_t complete_ = 0;  // all before are written
    std::uint64_t synced_ = 0;
    bool leading_ = false;
    std::vector<std::uint64_t> written_;  // beyond complete_, in no order
    std::vector<char> collected_;
};

}  // namespace pinyon::bench
