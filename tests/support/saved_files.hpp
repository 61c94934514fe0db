// The files of a database as bytes, so that a test can take them while the database is open, change
// them and put them on a disk in memory as if that had been found after a crash.
//
// Threads: one at a time. Failure: bad_alloc.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "support/crash_disk.hpp"

namespace pinyon::test {

// Behind `content` there are zeros up to the size.
struct saved_file {
    std::uint64_t size = 0;
    std::vector<std::byte> content;

    // Beyond the content: what is there is zeros.
    [[nodiscard]] std::byte at(std::uint64_t offset) const {
        return offset < content.size() ? content[offset] : std::byte{0};
    }
    void set(std::uint64_t offset, std::byte value) {
        if (offset >= content.size()) { content.resize(offset + 1); }
        content[offset] = value;
    }
    void put(std::uint64_t offset, const void* data, std::size_t bytes) {
        if (offset + bytes > content.size()) { content.resize(offset + bytes); }
        size = std::max<std::uint64_t>(size, offset + bytes);
        std::memcpy(content.data() + offset, data, bytes);
    }
    void cut(std::uint64_t to) {
        size = to;
        if (content.size() > to) { content.resize(to); }
    }
    [[nodiscard]] bool same(const saved_file& other, std::uint64_t offset,
                            std::uint64_t bytes) const {
        for (std::uint64_t i = offset; i != offset + bytes; ++i) {
            if (at(i) != other.at(i)) { return false; }
        }
        return size >= offset + bytes;
    }
    [[nodiscard]] bool same(const saved_file& other) const {
        return size == other.size && same(other, 0, std::max(content.size(), other.content.size()));
    }
};

using saved_files = std::map<std::string, saved_file>;

inline saved_file save_file(io::file_system& files, const std::string& path) {
    const auto file = files.open(path, io::open_mode::read_only);
    saved_file saved;
    saved.size = file->size();
    saved.content.resize(static_cast<std::size_t>(saved.size));
    (void)file->read(0, saved.content);
    while (!saved.content.empty() && saved.content.back() == std::byte{0}) {
        const std::size_t block = (saved.content.size() - 1) / block_bytes * block_bytes;
        const auto first = saved.content.begin() + static_cast<std::ptrdiff_t>(block);
        if (std::any_of(first, saved.content.end(),
                        [](std::byte b) { return b != std::byte{0}; })) {
            break;
        }
        saved.content.resize(block);
    }
    return saved;
}

// All files of the directory that a disk in memory is.
inline saved_files save_all(io::file_system& files) {
    saved_files all;
    for (const std::string& name : files.list("")) { all[name] = save_file(files, name); }
    return all;
}

// A disk that is loaded again and again.
class restored_disk {
public:
    crash_disk& load(const saved_files& files) {
        image_.used = 0;
        if (++loads_ % 4096 == 0) { blocks_.clear(); }
        for (const auto& entry : files) {
            file_image& file = image_.add(entry.first).content;
            file.size = entry.second.size;
            file.cut(0);
            const std::vector<std::byte>& content = entry.second.content;
            for (std::size_t at = 0; at < content.size(); at += block_bytes) {
                block_.fill(std::byte{0});
                std::memcpy(block_.data(), content.data() + at,
                            std::min<std::size_t>(block_bytes, content.size() - at));
                file.set(at / block_bytes, blocks_.keep(block_.data()));
            }
        }
        disk_.load(image_, loads_);
        return disk_;
    }
    [[nodiscard]] crash_disk& disk() noexcept { return disk_; }

private:
    crash_disk disk_{0, false};
    disk_image image_;
    block_store blocks_;
    std::array<std::byte, block_bytes> block_{};
    std::uint64_t loads_ = 0;
};

}  // namespace pinyon::test
