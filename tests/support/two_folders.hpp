// Where the long tests put their files, by turns: a directory on disk, and one in memory (where
// there is one), in which all is faster and other moments are hit.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "support/temporary_directory.hpp"

namespace pinyon::test {

class two_folders {
public:
    two_folders() {
        if (::access("/dev/shm", W_OK) != 0) { return; }
        memory_ = "/dev/shm/pinyon-" + std::to_string(::getpid());
        std::filesystem::create_directory(memory_);
    }
    ~two_folders() {
        std::error_code ignored;
        if (!memory_.empty()) { std::filesystem::remove_all(memory_, ignored); }
    }
    two_folders(const two_folders&) = delete;
    two_folders& operator=(const two_folders&) = delete;

    // A path in the first or second folder, by whether `turn` is odd.
    [[nodiscard]] std::string path(std::uint64_t turn, const std::string& name) const {
        return (turn % 2 == 0 || memory_.empty() ? disk_.path() : memory_) + "/" + name;
    }

private:
    temporary_directory disk_;
    std::string memory_;
};

}  // namespace pinyon::test
