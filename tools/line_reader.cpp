#include "tools/line_reader.hpp"

#include <algorithm>
#include <utility>

namespace pinyon::tool {

namespace {

constexpr std::size_t buffer_bytes = std::size_t{256} << 10;

}  // namespace

line_reader::line_reader(byte_source source) : source_(std::move(source)), buffer_(buffer_bytes) {}

bool line_reader::at_end() {
    if (used_ == filled_ && !ended_) {
        used_ = 0;
        filled_ = source_(buffer_);
        bytes_read_ += filled_;
        ended_ = filled_ == 0;
    }
    return ended_;
}

void line_reader::skip() noexcept {
    ++used_;
    ++at_.column;
}

std::string_view line_reader::piece() {
    if (at_end()) { return {}; }
    const std::string_view ready(buffer_.data() + used_, filled_ - used_);
    const std::size_t length = std::min(ready.find('\n'), ready.size());
    if (length == 0) {
        ++used_;
        ++at_.line;
        at_.column = 1;
        return {};
    }
    used_ += length;
    at_.column += length;
    return ready.substr(0, length);
}

bool line_reader::take(std::string& line, std::size_t bytes_max) {
    line.clear();
    for (std::string_view part = piece(); !part.empty(); part = piece()) {
        if (part.size() > bytes_max - line.size()) { return false; }
        line += part;
    }
    return true;
}

}  // namespace pinyon::tool
