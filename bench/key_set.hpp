// The keys of a benchmark: so many different ones, numbered from 0 in an order that looks random,
// and as many again that are in no store.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "stores/store.hpp"

namespace pinyon::bench {

// Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014): a bijection of 64
// bits.
[[nodiscard]] constexpr std::uint64_t scrambled(std::uint64_t value) noexcept {
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    return value ^ value >> 31;
}

class random_numbers {
public:
    explicit random_numbers(std::uint64_t seed) noexcept : state_(scrambled(seed)) {}
    // Below `end`.
    [[nodiscard]] std::uint64_t below(std::uint64_t end) noexcept {
        state_ += 0x9e3779b97f4a7c15u;
        return scrambled(state_) % end;
    }

private:
    std::uint64_t state_;
};

// Zipf's law over [0, count) with exponent 0.99, the popular ones spread over the whole: Gray et
// al., "Quickly generating billion-record synthetic databases" (1994), as in YCSB.
class zipfian_numbers {
public:
    zipfian_numbers(std::uint64_t count, std::uint64_t seed)
        : random_(seed), count_(count), zeta_(zeta(count)) {
        const double exponent = 1 - theta;
        eta_ = (1 - std::pow(2.0 / static_cast<double>(count), exponent)) / (1 - zeta(2) / zeta_);
    }
    [[nodiscard]] std::uint64_t next() { return scrambled(rank()) % count_; }
    // 0 is the most popular.
    [[nodiscard]] std::uint64_t rank() {
        const double uniform = static_cast<double>(random_.below(std::uint64_t{1} << 53)) /
                               static_cast<double>(std::uint64_t{1} << 53);
        const double scaled = uniform * zeta_;
        std::uint64_t rank = 0;
        if (scaled >= 1 + std::pow(0.5, theta)) {
            rank = static_cast<std::uint64_t>(static_cast<double>(count_) *
                                              std::pow(eta_ * uniform - eta_ + 1, 1 / (1 - theta)));
        } else if (scaled >= 1) {
            rank = 1;
        }
        return std::min(rank, count_ - 1);
    }

private:
    static constexpr double theta = 0.99;
    // Beyond the first numbers the sum is an integral.
    [[nodiscard]] static double zeta(std::uint64_t count) {
        constexpr std::uint64_t exact = 100'000;
        double sum = 0;
        for (std::uint64_t i = 1; i <= std::min(count, exact); ++i) {
            sum += std::pow(1.0 / static_cast<double>(i), theta);
        }
        if (count > exact) {
            sum += (std::pow(static_cast<double>(count), 1 - theta) -
                    std::pow(static_cast<double>(exact), 1 - theta)) /
                   (1 - theta);
        }
        return sum;
    }

    random_numbers random_;
    std::uint64_t count_;
    double zeta_;
    double eta_;
};

enum class key_kind : std::uint8_t {
    numbers,      // 63 random bits
    short_bytes,  // the same as eight bytes
    urls,         // long common prefixes, 50 to 80 bytes
};

[[nodiscard]] inline std::uint64_t key_number(std::uint64_t index) noexcept {
    return scrambled(index) >> 1;
}

// A web shop's address of `index`: few hosts, deep paths, an end that tells them apart.
[[nodiscard]] inline std::string url(std::uint64_t index) {
    static constexpr const char* parts[] = {"books",  "garden", "kitchen", "travel",
                                            "sports", "music",  "tools",   "toys"};
    const std::uint64_t random = scrambled(index);
    char text[128];
    const int length = std::snprintf(
        text, sizeof text, "https://www.shop-%02llu.example.com/%s/%s/item-%llu.html?ref=%06llx",
        static_cast<unsigned long long>(random % 40), parts[random >> 8 & 7],
        parts[random >> 16 & 7], static_cast<unsigned long long>(index),
        static_cast<unsigned long long>(random >> 40));
    return std::string(text, static_cast<std::size_t>(length));
}

// Keys drawn ahead, side by side in memory, so that making them is no part of what is timed.
template <class Key>
class drawn_keys;
template <>
class drawn_keys<std::uint64_t> {
public:
    drawn_keys(key_kind, const std::vector<std::uint64_t>& indices) {
        keys_.reserve(indices.size());
        for (const std::uint64_t index : indices) { keys_.push_back(key_number(index)); }
    }
    [[nodiscard]] std::span<const std::uint64_t> all() const noexcept { return keys_; }

private:
    std::vector<std::uint64_t> keys_;
};
template <>
class drawn_keys<std::string_view> {
public:
    drawn_keys(key_kind kind, const std::vector<std::uint64_t>& indices) {
        std::vector<std::size_t> ends;
        for (const std::uint64_t index : indices) {
            bytes_ += kind == key_kind::urls ? url(index)
                                             : std::string(number_bytes(key_number(index)).view());
            ends.push_back(bytes_.size());
        }
        std::size_t begin = 0;
        for (const std::size_t end : ends) {
            keys_.emplace_back(bytes_.data() + begin, end - begin);
            begin = end;
        }
    }
    drawn_keys(const drawn_keys&) = delete;
    drawn_keys& operator=(const drawn_keys&) = delete;
    [[nodiscard]] std::span<const std::string_view> all() const noexcept { return keys_; }

private:
    std::string bytes_;
    std::vector<std::string_view> keys_;
};

// The value of the key with this number: its first eight bytes say which.
class value_of {
public:
    explicit value_of(std::uint64_t index) noexcept {
        __builtin_memcpy(bytes_, &index, sizeof index);
        __builtin_memset(bytes_ + sizeof index, static_cast<int>(index),
                         value_bytes - sizeof index);
    }
    [[nodiscard]] std::string_view view() const noexcept { return {bytes_, value_bytes}; }
    [[nodiscard]] static std::uint64_t index(std::string_view value) noexcept {
        std::uint64_t result = 0;
        __builtin_memcpy(&result, value.data(), sizeof result);
        return result;
    }

private:
    char bytes_[value_bytes];
};

}  // namespace pinyon::bench
