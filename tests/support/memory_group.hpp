// A control group of our own that limits the memory of the processes in it (version 1 or 2), below
// the one that this process is in. It goes with the object.
//
// Threads: one.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <stdexcept>
#include <string>

namespace pinyon::test {

class memory_group {
public:
    // Throws std::runtime_error, saying why there is none.
    explicit memory_group(std::uint64_t bytes) {
        if (::geteuid() != 0) { throw std::runtime_error("needs root"); }
        find();
        const std::string parent = folder_;
        folder_ += "/pinyon-" + std::to_string(::getpid());
        if (::mkdir(folder_.c_str(), 0755) != 0) {
            throw std::runtime_error("no group can be made in " + parent);
        }
        if (!put(version_ == 1 ? "memory.limit_in_bytes" : "memory.max", std::to_string(bytes))) {
            ::rmdir(folder_.c_str());
            throw std::runtime_error("groups below " + parent + " cannot limit memory");
        }
        (void)put(version_ == 1 ? "memory.memsw.limit_in_bytes" : "memory.swap.max",
                  version_ == 1 ? std::to_string(bytes) : "0");
    }
    ~memory_group() {
        // A process that has just died may still be in it.
        for (int i = 0; i != 100 && ::rmdir(folder_.c_str()) != 0; ++i) { ::usleep(10'000); }
    }
    memory_group(const memory_group&) = delete;
    memory_group& operator=(const memory_group&) = delete;

    // The calling process is limited from here on.
    [[nodiscard]] bool enter() const { return put("cgroup.procs", std::to_string(::getpid())); }
    // The most that was charged to it, page cache included; 0 where the kernel does not say.
    [[nodiscard]] std::uint64_t peak_bytes() const {
        std::ifstream file(folder_ + "/" +
                           (version_ == 1 ? "memory.max_usage_in_bytes" : "memory.peak"));
        std::uint64_t bytes = 0;
        file >> bytes;
        return bytes;
    }

private:
    void find() {
        std::ifstream groups("/proc/self/cgroup");
        std::string line;
        std::string unified;
        while (std::getline(groups, line)) {
            const std::size_t first = line.find(':');
            const std::size_t second = line.find(':', first + 1);
            const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
            const std::string path = line.substr(second + 1);
            if (controllers.find(",memory,") != std::string::npos) {
                version_ = 1;
                folder_ = "/sys/fs/cgroup/memory" + (path == "/" ? "" : path);
                return;
            }
            if (controllers == ",,") { unified = path; }
        }
        version_ = 2;
        // A group with processes in it gives no controllers to those below: go up to one that does.
        for (std::string path = unified;; path.erase(path.rfind('/'))) {
            folder_ = "/sys/fs/cgroup" + path;
            std::ifstream given(folder_ + "/cgroup.subtree_control");
            std::string word;
            while (given >> word) {
                if (word == "memory") { return; }
            }
            if (path.empty() || path == "/") {
                throw std::runtime_error("no control group gives memory limits to others");
            }
        }
    }

    [[nodiscard]] bool put(const std::string& name, const std::string& text) const {
        std::ofstream file(folder_ + "/" + name);
        file << text;
        file.flush();
        return file.good();
    }

    int version_ = 0;
    std::string folder_;
};

}  // namespace pinyon::test
