// A directory of its own for one test, removed with all it holds at the end.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace pinyon::test {

class temporary_directory {
public:
    explicit temporary_directory(
        const std::filesystem::path& place = std::filesystem::temp_directory_path()) {
        std::string pattern = (place / "pinyon-").string();
        pattern.append(6, 'X');  // which mkdtemp replaces
        if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
        path_ = std::filesystem::canonical(pattern).string();
    }
    ~temporary_directory() {
        namespace fs = std::filesystem;
        std::error_code ignored;
        fs::permissions(path_, fs::perms::owner_all, fs::perm_options::add, ignored);
        fs::remove_all(path_, ignored);
    }
    temporary_directory(const temporary_directory&) = delete;
    temporary_directory& operator=(const temporary_directory&) = delete;

    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] std::string operator/(const std::string& name) const {
        return path_ + "/" + name;
    }
    // Of what it holds, sorted.
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> list;
        for (const auto& each : std::filesystem::directory_iterator(path_)) {
            list.push_back(each.path().filename().string());
        }
        std::sort(list.begin(), list.end());
        return list;
    }

private:
    std::string path_;
};

}  // namespace pinyon::test
