#include "tools/progress.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

constexpr std::chrono::milliseconds first_after{500};
constexpr std::chrono::milliseconds redraw_after{100};

std::string clock_text(double seconds) {
    const auto whole = static_cast<std::uint64_t>(std::llround(seconds));
    if (whole >= 3600) {
        return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
    }
    return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

progress::progress(const streams& streams, std::string label, std::string unit, std::uint64_t total,
                   bool quiet)
    : streams_(streams),
      label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      on_(streams.err_is_terminal && !quiet),
      start_(streams.now()),
      next_(start_ + first_after) {}

progress::~progress() { clear(); }

void progress::update(std::uint64_t done, std::uint64_t count) {
    streams_.check_interrupt();
    if (!on_) { return; }
    const auto now = streams_.now();
    if (now >= next_) { draw(now, done, count); }
}

void progress::draw(std::chrono::steady_clock::time_point now, std::uint64_t done,
                    std::uint64_t count) {
    next_ = now + redraw_after;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    std::string line = label_;
    if (total_ != 0) {
        const double part = std::min(1.0, static_cast<double>(done) / static_cast<double>(total_));
        line += fmt::format("  {:3.0f} %", part * 100);
    }
    line += fmt::format("  {} {}", grouped(count), unit_);
    line += fmt::format("  {}/s",
                        grouped(static_cast<std::uint64_t>(static_cast<double>(count) / seconds)));
    if (total_ != 0 && done != 0 && done <= total_) {
        const double left =
            seconds * static_cast<double>(total_ - done) / static_cast<double>(done);
        line += fmt::format("  {} left", clock_text(left));
    }
    if (line.size() >= streams_.columns) { line.resize(streams_.columns - 1); }
    streams_.err << "\r\x1b[K" << line << std::flush;
    drawn_ = true;
}

void progress::clear() {
    if (drawn_) { streams_.err << "\r\x1b[K" << std::flush; }
    drawn_ = false;
}

}  // namespace pinyon::tool
