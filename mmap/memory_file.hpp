// A file system in memory: files are memfds with names in a map. The interface, the mappings and
// the locks are those of posix files, so that a database in memory and a test run the same code as
// one on disk. Nothing outlives the object and the open files.
//
// Names are compared as they are; "a/b" is a file b in a directory a that need not be made.
//
// Threads: as io::file_system; the map has a mutex.
// Failure: as io::file_system; syncs do nothing, a medium does not exist.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "pinyon/mmap/descriptor.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon::io {

class memory_file_system final : public file_system {
public:
    explicit memory_file_system(const capabilities& allowed = {});

    [[nodiscard]] std::unique_ptr<file> open(const std::string& path, open_mode mode) override;
    [[nodiscard]] bool exists(const std::string& path) override;
    [[nodiscard]] std::string resolve(const std::string& path) override { return path; }
    void rename_no_replace(const std::string& from, const std::string& to) override;
    void remove(const std::string& path) override;
    void sync_directory(const std::string&) override {}
    [[nodiscard]] std::vector<std::string> list(const std::string& path) override;

    [[nodiscard]] std::chrono::steady_clock::time_point now() override;
    void random(std::span<std::byte> out) override;
    [[nodiscard]] const capabilities& offers() const noexcept override { return offers_; }

private:
    // The memfd that keeps a file alive; each open gets a file description of its own, as locks
    // demand.
    using node = std::shared_ptr<descriptor>;

    [[nodiscard]] node find(const std::string& path);

    capabilities offers_;
    std::mutex mutex_;
    std::map<std::string, node> files_;
};

}  // namespace pinyon::io
