#define BOOST_TEST_MODULE column_search
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

#include "pinyon/engine/column_search.hpp"

namespace pinyon::column_search {
namespace {

constexpr std::uint64_t seed = 20240611;

// On the heap in its exact size, at an odd address.
template <class T>
class column {
public:
    explicit column(const std::vector<T>& values)
        : data_(new std::byte[values.size() * sizeof(T) + 1]) {
        if (!values.empty()) { std::memcpy(data(), values.data(), values.size() * sizeof(T)); }
    }
    [[nodiscard]] std::byte* data() const noexcept { return data_.get() + 1; }

private:
    std::unique_ptr<std::byte[]> data_;
};

template <class T>
std::vector<T> sorted_values(std::mt19937_64& random, unsigned n, bool narrow) {
    std::vector<T> values(n);
    for (T& value : values) { value = static_cast<T>(narrow ? random() % (2 * n + 1) : random()); }
    if (n > 2 && !narrow) {
        values[0] = 0;
        values[1] = std::numeric_limits<T>::max();
    }
    std::sort(values.begin(), values.end());
    return values;
}

template <class T>
std::vector<T> probes_of(std::mt19937_64& random, const std::vector<T>& values) {
    std::vector<T> probes{0, 1, std::numeric_limits<T>::max(),
                          static_cast<T>(T{1} << (8 * sizeof(T) - 1))};
    for (const T value : values) {
        probes.insert(probes.end(), {value, static_cast<T>(value + 1), static_cast<T>(value - 1)});
    }
    probes.push_back(static_cast<T>(random()));
    return probes;
}

template <class T>
void compare_with_standard() {
    std::mt19937_64 random(seed);
    for (unsigned n = 0; n != 140; ++n) {
        const auto values = sorted_values<T>(random, n, n % 2 == 0);
        const column<T> packed(values);
        for (const T probe : probes_of(random, values)) {
            const auto lower = std::lower_bound(values.begin(), values.end(), probe);
            const auto upper = std::upper_bound(values.begin(), values.end(), probe);
            if (below(packed.data(), n, probe) != lower - values.begin() ||
                below_baseline(packed.data(), n, probe) != lower - values.begin() ||
                not_above(packed.data(), n, probe) != upper - values.begin()) {
                BOOST_ERROR("width " << sizeof(T) << " n " << n << " probe " << +probe);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(every_width_agrees_with_the_standard_library) {
    compare_with_standard<std::uint8_t>();
    compare_with_standard<std::uint16_t>();
    compare_with_standard<std::uint32_t>();
    compare_with_standard<std::uint64_t>();
}

BOOST_AUTO_TEST_CASE(every_variant_agrees_with_the_baseline) {
    std::mt19937_64 random(seed);
    for (unsigned index = 0; index != variants; ++index) {
        const variant tried = variant_at(index);
        if (tried.below == nullptr) {
            BOOST_TEST_MESSAGE("this processor has no " << tried.name);
            continue;
        }
        for (unsigned n = 0; n < 300; n += n < 80 ? 1 : 7) {
            auto values = sorted_values<std::uint64_t>(random, n, n % 3 == 0);
            const column<std::uint64_t> packed(values);
            for (const std::uint64_t probe : probes_of(random, values)) {
                const unsigned expected = below_baseline(packed.data(), n, probe);
                if (tried.below(packed.data(), n, probe) != expected) {
                    BOOST_ERROR(tried.name << " differs at n " << n << " probe " << probe);
                }
            }
            std::shuffle(values.begin(), values.end(), random);
            const column<std::uint64_t> shuffled(values);
            BOOST_TEST(tried.below(shuffled.data(), n, random()) <= n);
        }
    }
}

BOOST_AUTO_TEST_CASE(the_baseline_is_always_there) {
    BOOST_TEST_REQUIRE((variant_at(0).below != nullptr));
    BOOST_TEST((below_8 != nullptr));
    BOOST_TEST((variant_at(variants).below == nullptr));
}

}  // namespace
}  // namespace pinyon::column_search
