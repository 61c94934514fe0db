// Where the running test was built, and what stands beside it.
#pragma once

#include <filesystem>
#include <string>

namespace pinyon::test {

// Asked when the program starts: in a changed root, a test that has taken mounts of its own is told
// the path as the system outside sees it, which leads nowhere.
inline const std::filesystem::path folder_of_tests =
    std::filesystem::read_symlink("/proc/self/exe").parent_path();

// A program that was built beside this test.
[[nodiscard]] inline std::string beside_this_test(const std::string& name) {
    return (folder_of_tests / name).string();
}

}  // namespace pinyon::test
