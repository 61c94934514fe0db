// Searching a sorted column of packed unsigned integers: how many of its first n elements are below
// a number. A binary search whose steps are arithmetic, not branches: a wrong guess costs more than
// the few steps it could save. Columns of 8-byte elements have variants for AVX2 and AVX-512,
// chosen once when the program starts; they narrow the column by the same steps and count the rest
// in vectors.
//
// Invariants
//  1. All variants return the same index, on unsorted columns too an index in [0, n] (crafted
//     pages).
//  2. Nothing outside the n elements is read. Elements need no alignment.
//
// Threads: any. Failure: none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

namespace pinyon::column_search {

// Number of leading elements < wanted. O(log n), no allocation.
template <class T>
[[nodiscard]] inline unsigned below_baseline(const std::byte* column, unsigned n,
                                             T wanted) noexcept {
    if (n == 0) { return 0; }
    const std::byte* first = column;
    T probe;
    while (n > 1) {
        const std::size_t half = n / 2;
        std::memcpy(&probe, first + (half - 1) * sizeof(T), sizeof probe);
        std::size_t less = probe < wanted ? 1 : 0;
        // Hides the comparison from the optimiser, which would make a branch of it: 33 against 8 ns
        // for 37 random keys with gcc 12, 28 against 8 with clang 14.
        asm("" : "+r"(less));
        first += less * half * sizeof(T);
        n -= static_cast<unsigned>(half);
    }
    std::memcpy(&probe, first, sizeof probe);
    return static_cast<unsigned>(static_cast<std::size_t>(first - column) / sizeof(T)) +
           (probe < wanted ? 1u : 0u);
}

using below_function = unsigned (*)(const std::byte* column, unsigned n,
                                    std::uint64_t wanted) noexcept;

// A variant for 8-byte elements, for tests that compare them all: null where this processor lacks
// it.
struct variant {
    const char* name;
    below_function below;
};
[[nodiscard]] variant variant_at(unsigned index) noexcept;
inline constexpr unsigned variants = 3;  // baseline, avx2, avx512

// The best of them on this processor. The baseline until static initialisation reaches it.
extern constinit below_function below_8;

template <class T>
[[nodiscard]] inline unsigned below(const std::byte* column, unsigned n, T wanted) noexcept {
    if constexpr (sizeof(T) == 8) {
        return below_8(column, n, wanted);
    } else {
        return below_baseline(column, n, wanted);
    }
}

// Number of leading elements <= wanted.
template <class T>
[[nodiscard]] inline unsigned not_above(const std::byte* column, unsigned n, T wanted) noexcept {
    if (wanted == std::numeric_limits<T>::max()) { return n; }
    return below(column, n, static_cast<T>(wanted + 1));
}

}  // namespace pinyon::column_search
