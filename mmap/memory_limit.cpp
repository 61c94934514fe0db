#include "pinyon/mmap/memory_limit.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

namespace pinyon::io {

namespace {

constexpr std::uint64_t unlimited = ~std::uint64_t{0};

// The number in a control file; "max", an absent or unreadable file mean no limit.
[[nodiscard]] std::uint64_t limit_in(const std::string& path) {
    std::ifstream input(path);
    std::uint64_t value = 0;
    return input >> value ? value : unlimited;
}

// The smallest limit from the group `path` up to the root of the hierarchy at `mount`.
[[nodiscard]] std::uint64_t smallest_limit(const std::string& mount, std::string path,
                                           const std::string& name) {
    std::uint64_t limit = limit_in(mount + '/' + name);
    while (path.size() > 1) {
        limit =
            std::min(limit, limit_in(std::string(mount).append(path).append(1, '/').append(name)));
        path.resize(path.rfind('/'));
    }
    return limit;
}

[[nodiscard]] std::uint64_t control_group_limit() {
    std::uint64_t limit = unlimited;
    std::ifstream groups("/proc/self/cgroup");
    for (std::string line; std::getline(groups, line);) {
        // hierarchy:controllers:path
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) { continue; }
        const std::string controllers = line.substr(first + 1, second - first - 1);
        const std::string path = line.substr(second + 1);
        if (controllers.empty()) {
            limit = std::min(limit, smallest_limit("/sys/fs/cgroup", path, "memory.max"));
        } else if (controllers.find("memory") != std::string::npos) {
            limit = std::min(
                limit, smallest_limit("/sys/fs/cgroup/memory", path, "memory.limit_in_bytes"));
        }
    }
    return limit;
}

}  // namespace

std::uint64_t memory_limit() {
    const auto pages = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PHYS_PAGES), 0L));
    const auto page_bytes = static_cast<std::uint64_t>(std::max(::sysconf(_SC_PAGESIZE), 0L));
    std::uint64_t limit = std::min(pages * page_bytes, control_group_limit());
    rlimit address_space{};
    if (::getrlimit(RLIMIT_AS, &address_space) == 0 && address_space.rlim_cur != RLIM_INFINITY) {
        limit = std::min<std::uint64_t>(limit, address_space.rlim_cur);
    }
    return limit;
}

}  // namespace pinyon::io
