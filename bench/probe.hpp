// Takes the times of operations while they run: how many there were, how long they took, and how
// the slow ones stand to the fast ones.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace pinyon::bench {

// Nanoseconds of what was timed at once: a lookup, a batch, a transaction.
struct latencies {
    std::uint64_t p50 = 0;
    std::uint64_t p99 = 0;
    std::uint64_t p999 = 0;
    std::uint64_t worst = 0;

    // As they stand in a file of figures.
    [[nodiscard]] std::map<std::string, double> facts() const {
        const auto number = [](std::uint64_t time) { return static_cast<double>(time); };
        return {{"p50", number(p50)},
                {"p99", number(p99)},
                {"p99.9", number(p999)},
                {"worst", number(worst)}};
    }
};

class probe {
public:
    explicit probe(double seconds)
        : start_(clock()), end_(start_ + static_cast<std::uint64_t>(seconds * 1e9)), now_(start_) {}

    [[nodiscard]] bool over() const noexcept { return now_ >= end_; }
    void begin() noexcept { now_ = clock(); }
    // So many operations since `begin`; only what lies between the two counts as time.
    void end(std::uint64_t operations) noexcept {
        const std::uint64_t begin = std::exchange(now_, clock());
        const std::uint64_t took = std::max<std::uint64_t>(now_ - begin, 1);
        ++buckets_[bucket_of(took)];
        ++samples_;
        busy_ += took;
        operations_ += operations;
        worst_ = std::max(worst_, took);
    }

    // What another one saw, at the same time.
    void add(const probe& other) noexcept {
        for (std::size_t i = 0; i != buckets_.size(); ++i) { buckets_[i] += other.buckets_[i]; }
        samples_ += other.samples_;
        busy_ += other.busy_;
        operations_ += other.operations_;
        worst_ = std::max(worst_, other.worst_);
    }

    [[nodiscard]] std::uint64_t operations() const noexcept { return operations_; }
    // Since the start, at the last begin or end.
    [[nodiscard]] double elapsed() const noexcept {
        return static_cast<double>(now_ - start_) / 1e9;
    }
    [[nodiscard]] double seconds() const noexcept { return static_cast<double>(busy_) / 1e9; }
    // Of one operation.
    [[nodiscard]] double nanoseconds() const noexcept {
        return static_cast<double>(busy_) / static_cast<double>(operations_);
    }
    [[nodiscard]] latencies times() const noexcept {
        return {at(0.5), at(0.99), at(0.999), worst_};
    }

private:
    static constexpr unsigned steps = 16;  // buckets in a doubling: 4 bits below the highest

    [[nodiscard]] static std::uint64_t clock() noexcept {
        return static_cast<std::uint64_t>(std::chrono::steady_clock::now().time_since_epoch() /
                                          std::chrono::nanoseconds(1));
    }
    [[nodiscard]] static std::size_t bucket_of(std::uint64_t took) noexcept {
        const unsigned doubling = static_cast<unsigned>(std::bit_width(took)) - 1;
        const std::uint64_t step = doubling < 4 ? 0 : (took >> (doubling - 4)) & (steps - 1);
        return doubling * steps + step;
    }
    [[nodiscard]] std::uint64_t at(double part) const noexcept {
        auto left = static_cast<std::uint64_t>(static_cast<double>(samples_) * part);
        for (unsigned bucket = 0; bucket != buckets_.size(); ++bucket) {
            if (left < buckets_[bucket]) {
                const unsigned doubling = bucket / steps;
                const std::uint64_t step = bucket % steps;
                return (std::uint64_t{1} << doubling) + (doubling < 4 ? 0 : step << (doubling - 4));
            }
            left -= buckets_[bucket];
        }
        return worst_;
    }

    std::uint64_t start_;
    std::uint64_t end_;
    std::uint64_t now_;
    std::uint64_t busy_ = 0;
    std::uint64_t samples_ = 0;
    std::uint64_t operations_ = 0;
    std::uint64_t worst_ = 0;
    std::array<std::uint64_t, 64 * steps> buckets_{};
};

}  // namespace pinyon::bench
