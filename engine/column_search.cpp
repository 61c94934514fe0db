#include "pinyon/engine/column_search.hpp"

#include <array>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace pinyon::column_search {

namespace {

unsigned below_scalar(const std::byte* column, unsigned n, std::uint64_t wanted) noexcept {
    return below_baseline<std::uint64_t>(column, n, wanted);
}

#if defined(__x86_64__)

// Halves [first, first + n) until at most `rest` elements are left; returns the index of the first
// one.
[[nodiscard, gnu::always_inline]] inline std::size_t narrow(const std::byte* column, unsigned& n,
                                                            std::uint64_t wanted,
                                                            unsigned rest) noexcept {
    std::size_t first = 0;
    while (n > rest) {
        const std::size_t half = n / 2;
        std::uint64_t probe;
        std::memcpy(&probe, column + (first + half - 1) * 8, sizeof probe);
        std::size_t less = probe < wanted ? 1 : 0;
        asm("" : "+r"(less));  // no branch; see below_baseline
        first += less * half;
        n -= static_cast<unsigned>(half);
    }
    return first;
}

// Four vectors: more would cost more than the two steps they save.
[[gnu::target("avx2")]] unsigned below_avx2(const std::byte* column, unsigned n,
                                            std::uint64_t wanted) noexcept {
    std::size_t result = narrow(column, n, wanted, 16);
    const std::byte* rest = column + result * 8;
    // There is only a signed comparison; flipping the top bits makes it unsigned.
    const __m256i flip = _mm256_set1_epi64x(std::numeric_limits<long long>::min());
    const __m256i limit =
        _mm256_xor_si256(_mm256_set1_epi64x(static_cast<long long>(wanted)), flip);
    unsigned i = 0;
    for (; i + 4 <= n; i += 4) {
        const __m256i values = _mm256_xor_si256(
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(rest + std::size_t{i} * 8)), flip);
        const int mask = _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpgt_epi64(limit, values)));
        result += static_cast<unsigned>(__builtin_popcount(static_cast<unsigned>(mask)));
    }
    for (; i < n; ++i) {
        std::uint64_t value;
        std::memcpy(&value, rest + std::size_t{i} * 8, sizeof value);
        result += value < wanted ? 1u : 0u;
    }
    return static_cast<unsigned>(result);
}

[[gnu::target("avx512f")]] unsigned below_avx512(const std::byte* column, unsigned n,
                                                 std::uint64_t wanted) noexcept {
    std::size_t result = narrow(column, n, wanted, 32);
    const std::byte* rest = column + result * 8;
    const __m512i limit = _mm512_set1_epi64(static_cast<long long>(wanted));
    unsigned i = 0;
    for (; i + 8 <= n; i += 8) {
        const __m512i values = _mm512_loadu_si512(rest + std::size_t{i} * 8);
        result += static_cast<unsigned>(__builtin_popcount(_mm512_cmplt_epu64_mask(values, limit)));
    }
    if (i < n) {
        const auto valid = static_cast<__mmask8>((1u << (n - i)) - 1);
        const __m512i values = _mm512_maskz_loadu_epi64(valid, rest + std::size_t{i} * 8);
        result += static_cast<unsigned>(
            __builtin_popcount(_mm512_mask_cmplt_epu64_mask(valid, values, limit)));
    }
    return static_cast<unsigned>(result);
}

#endif

}  // namespace

variant variant_at(unsigned index) noexcept {
#if defined(__x86_64__)
    __builtin_cpu_init();  // may run before the constructors of the C++ runtime
    if (index == 1) { return {"avx2", __builtin_cpu_supports("avx2") != 0 ? below_avx2 : nullptr}; }
    if (index == 2) {
        return {"avx512", __builtin_cpu_supports("avx512f") != 0 ? below_avx512 : nullptr};
    }
#endif
    return {"baseline", index == 0 ? below_scalar : nullptr};
}

constinit below_function below_8 = below_scalar;

namespace {

const struct chooser {
    chooser() noexcept {
        for (unsigned i = 0; i != variants; ++i) {
            if (const variant candidate = variant_at(i); candidate.below != nullptr) {
                below_8 = candidate.below;
            }
        }
    }
} choose_once;

}  // namespace

}  // namespace pinyon::column_search
