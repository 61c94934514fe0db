#include "tools/histogram.hpp"

#include <cmath>

#include <fmt/format.h>

#include "tools/table.hpp"

namespace pinyon::tool {

double ratio(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string bar(std::uint64_t count, std::uint64_t most) {
    constexpr double width_max = 24;
    if (count == 0 || most == 0) { return ""; }
    const auto blocks = static_cast<int>(std::ceil(ratio(count, most) * width_max));
    std::string out;
    for (int i = 0; i < blocks; ++i) { out += "\u2588"; }
    return out;
}

std::string bucket_text(std::size_t bits) {
    if (bits < 2) { return std::to_string(bits); }
    const std::uint64_t least = std::uint64_t{1} << (bits - 1);
    return fmt::format("{}-{}", grouped(least), grouped(2 * least - 1));
}

}  // namespace pinyon::tool
