// Text line by line, a line whole or piece by piece, in bounded memory.
//
// Threads: one. Failure: as the source's.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/csv_reader.hpp"
#include "tools/streams.hpp"

namespace pinyon::tool {

class line_reader {
public:
    explicit line_reader(byte_source source);

    // Behind the last byte.
    [[nodiscard]] bool at_end();
    // The byte at hand, not yet taken. REQUIRES: !at_end().
    [[nodiscard]] char front() const noexcept { return buffer_[used_]; }
    // Takes the byte at hand, which is no line end.
    void skip() noexcept;
    // Takes what is in memory of the line at hand; empty: the line has ended, its end is taken.
    [[nodiscard]] std::string_view piece();
    // Takes the rest of the line; false when it is longer than `bytes_max`, and then not all is.
    [[nodiscard]] bool take(std::string& line, std::size_t bytes_max);

    // Of the byte at hand; columns count bytes.
    [[nodiscard]] text_position position() const noexcept { return at_; }
    [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }

private:
    byte_source source_;
    std::vector<char> buffer_;
    std::size_t used_ = 0;
    std::size_t filled_ = 0;
    std::uint64_t bytes_read_ = 0;
    bool ended_ = false;
    text_position at_;
};

}  // namespace pinyon::tool
