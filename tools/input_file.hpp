// The text that an import reads: a file, or standard input for "-".
//
// Threads: one. Failure: refusal(exit_code::unreadable) that names the input.
#pragma once

#include <cstdint>
#include <string>

#include "tools/streams.hpp"

namespace pinyon::tool {

class input_file {
public:
    input_file(const std::string& path, const streams& streams);
    ~input_file();
    input_file(const input_file&) = delete;
    input_file& operator=(const input_file&) = delete;

    // What people call it.
    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    // Bytes in all; 0 when that is not known (a pipe).
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    // Reads on from where the last read ended. Valid for as long as this lives.
    [[nodiscard]] byte_source source();

private:
    [[nodiscard]] std::size_t read(std::span<char> out);
    [[noreturn]] void refuse(const char* what, int error_number) const;

    const streams& streams_;
    std::string name_;
    int descriptor_ = -1;  // -1: standard input
    std::uint64_t bytes_ = 0;
};

}  // namespace pinyon::tool
