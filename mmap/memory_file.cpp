#include "pinyon/mmap/memory_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "pinyon/mmap/os_memory.hpp"
#include "pinyon/mmap/posix_file.hpp"

namespace pinyon::io {

namespace {

[[nodiscard]] std::shared_ptr<descriptor> make_memory(const std::string& path) {
    const int number = ::memfd_create("pinyon", MFD_CLOEXEC);
    if (number < 0) { raise_os(errno, "making the file " + path + " in memory"); }
    return adopt_descriptor(number);
}

// "a/" for "a/b", empty for "b".
[[nodiscard]] std::string directory_of(const std::string& path) {
    return path.substr(0, path.rfind('/') + 1);
}

}  // namespace

memory_file_system::memory_file_system(const capabilities& allowed) : offers_(probe(allowed)) {}

memory_file_system::node memory_file_system::find(const std::string& path) {
    const auto found = files_.find(path);
    if (found == files_.end()) { raise_os(ENOENT, "looking for " + path + " in memory"); }
    return found->second;
}

std::unique_ptr<file> memory_file_system::open(const std::string& path, open_mode mode) {
    if (path.empty() || path.back() == '/') {
        raise(errc::misuse, "a file in memory needs a name");
    }
    const std::lock_guard lock(mutex_);
    node memory;
    if (mode == open_mode::create_new) {
        if (files_.count(path) != 0) { raise_os(EEXIST, "creating " + path + " in memory"); }
        memory = make_memory(path);
    } else {
        memory = find(path);
    }
    if (memory->forked()) {
        raise(errc::misuse, path + " is in the memory of the parent process of this one");
    }
    const int access = mode == open_mode::read_only ? O_RDONLY : O_RDWR;
    const int number = ::open(reopening_path(memory->get()).c_str(), access | O_CLOEXEC);
    if (number < 0) { raise_os(errno, "opening " + path + " in memory (is /proc mounted?)"); }
    auto result =
        std::make_unique<posix_file>(adopt_descriptor(number), path, mode, medium::memory, offers_);
    if (mode == open_mode::create_new) { files_.emplace(path, std::move(memory)); }
    return result;
}

bool memory_file_system::exists(const std::string& path) {
    const std::lock_guard lock(mutex_);
    return files_.count(path) != 0;
}

void memory_file_system::rename_no_replace(const std::string& from, const std::string& to) {
    const std::lock_guard lock(mutex_);
    (void)find(from);
    if (files_.count(to) != 0) {
        raise_os(EEXIST, "renaming " + from + " to " + to + " in memory");
    }
    auto entry = files_.extract(from);
    entry.key() = to;
    files_.insert(std::move(entry));
}

void memory_file_system::remove(const std::string& path) {
    const std::lock_guard lock(mutex_);
    (void)find(path);
    files_.erase(path);
}

std::vector<std::string> memory_file_system::list(const std::string& path) {
    const std::string directory = directory_of(path);
    const std::lock_guard lock(mutex_);
    std::vector<std::string> names;
    for (const auto& entry : files_) {  // ascending
        if (directory_of(entry.first) == directory) {
            names.push_back(entry.first.substr(directory.size()));
        }
    }
    return names;
}

std::chrono::steady_clock::time_point memory_file_system::now() {
    return std::chrono::steady_clock::now();
}

void memory_file_system::random(std::span<std::byte> out) { fill_random(out); }

}  // namespace pinyon::io
