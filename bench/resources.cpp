#include "resources.hpp"

#include <sys/resource.h>

#include <fstream>

namespace pinyon::bench {

namespace {

// A line "name: value" of a file in /proc/self.
[[nodiscard]] std::uint64_t own_figure(const char* file, const std::string& name) {
    std::ifstream lines(std::string("/proc/self/") + file);
    std::string word;
    std::uint64_t value = 0;
    while (lines >> word) {
        if (word == name) {
            lines >> value;
            return value;
        }
    }
    return 0;
}

}  // namespace

resources resources::now() {
    struct ::rusage used {};
    (void)::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const ::timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return {static_cast<std::uint64_t>(used.ru_minflt), static_cast<std::uint64_t>(used.ru_majflt),
            own_figure("io", "read_bytes:"), own_figure("io", "write_bytes:"),
            seconds(used.ru_utime) + seconds(used.ru_stime)};
}

resources resources::since(const resources& start) const noexcept {
    return {minor_faults - start.minor_faults, major_faults - start.major_faults,
            bytes_read - start.bytes_read, bytes_written - start.bytes_written,
            processor_seconds - start.processor_seconds};
}

std::map<std::string, double> resources::facts() const {
    const auto number = [](std::uint64_t value) { return static_cast<double>(value); };
    return {{"minor_faults", number(minor_faults)},
            {"major_faults", number(major_faults)},
            {"device_bytes_read", number(bytes_read)},
            {"device_bytes_written", number(bytes_written)},
            {"processor_seconds", processor_seconds}};
}

std::uint64_t resident_bytes() { return own_figure("status", "VmRSS:") << 10; }
std::uint64_t resident_bytes_peak() { return own_figure("status", "VmHWM:") << 10; }

}  // namespace pinyon::bench
