// What this process takes of the machine: page faults, bytes of the device, processor time, memory.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace pinyon::bench {

// Since the process began.
struct resources {
    std::uint64_t minor_faults = 0;
    std::uint64_t major_faults = 0;
    std::uint64_t bytes_read = 0;  // from the device
    std::uint64_t bytes_written = 0;
    double processor_seconds = 0;  // of user and system

    [[nodiscard]] static resources now();
    [[nodiscard]] resources since(const resources& start) const noexcept;
    // As they stand in a file of figures.
    [[nodiscard]] std::map<std::string, double> facts() const;
};

// At this moment, and the most so far.
[[nodiscard]] std::uint64_t resident_bytes();
[[nodiscard]] std::uint64_t resident_bytes_peak();

}  // namespace pinyon::bench
