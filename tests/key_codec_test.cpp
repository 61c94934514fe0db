#define BOOST_TEST_MODULE key_codec
#include "pinyon/engine/key_codec.hpp"

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "pinyon/engine/value_codec.hpp"
#include "pinyon/mmap/error.hpp"
#include "support/errors.hpp"

namespace {

using pinyon::bytes;
using pinyon::errc;
using pinyon::key_buffer;
using pinyon::key_codec;
using pinyon::value_codec;
using pinyon::test::code_of;
using namespace std::string_literals;
using namespace std::string_view_literals;

template <class T>
std::string encoded(const T& value) {
    key_buffer room;
    return std::string(pinyon::as_text(key_codec<T>::encode(value, room)));
}

template <class T>
T decoded(const std::string& key) {
    static key_buffer room;  // what the result views
    return pinyon::decode_key<T>(pinyon::as_bytes(key), room);
}

// `ascending` values: their keys ascend as bytes, and come back.
template <class T>
void check_order(const std::vector<T>& ascending) {
    for (std::size_t i = 0; i < ascending.size(); ++i) {
        BOOST_TEST_CONTEXT(key_codec<T>::name() << ", value " << i) {
            const std::string key = encoded(ascending[i]);
            BOOST_TEST((decoded<T>(key) == ascending[i]));
            if (key_codec<T>::width != 0) { BOOST_TEST(key.size() == key_codec<T>::width); }
            if (i > 0) {
                const std::string before = encoded(ascending[i - 1]);
                BOOST_TEST(pinyon::compare(pinyon::as_bytes(before), pinyon::as_bytes(key)) < 0);
            }
        }
    }
}

template <class T>
void check_integer() {
    using limits = std::numeric_limits<T>;
    std::set<T> values{limits::min(), static_cast<T>(limits::min() + 1), T{0}, T{1}, T{2}, T{127},
                       limits::max(), static_cast<T>(limits::max() - 1)};
    if constexpr (std::is_signed_v<T>) { values.insert({T{-1}, T{-2}, T{-128}}); }
    std::mt19937_64 random(sizeof(T));
    for (int i = 0; i < 200; ++i) { values.insert(static_cast<T>(random())); }
    check_order(std::vector<T>(values.begin(), values.end()));
}

template <class T>
void check_float() {
    using limits = std::numeric_limits<T>;
    std::set<T> values{-limits::infinity(),
                       limits::lowest(),
                       T(-1.5),
                       T(-1),
                       -limits::min(),
                       -limits::denorm_min(),
                       T(0),
                       limits::denorm_min(),
                       limits::min(),
                       T(1),
                       T(1.5),
                       limits::max(),
                       limits::infinity()};
    std::mt19937_64 random(7);
    std::uniform_real_distribution<T> spread(T(-1e9), T(1e9));
    for (int i = 0; i < 200; ++i) { values.insert(spread(random)); }
    check_order(std::vector<T>(values.begin(), values.end()));
}

enum class suit : std::uint8_t { clubs, hearts = 7, spades = 200 };
enum class level : std::int16_t { low = -300, none = 0, high = 300 };

struct point {
    std::int32_t x;
    std::int32_t y;
    friend bool operator==(const point&, const point&) = default;
};

struct day {
    int number = 0;
    friend bool operator==(const day&, const day&) = default;
};

}  // namespace

template <>
struct pinyon::key_codec<day> {
    static std::string name() { return "day"; }
    static constexpr std::uint32_t width = 4;
    static bytes encode(const day& value, key_buffer& room) {
        return key_codec<int>::encode(value.number, room);
    }
    static day decode(bytes key) { return {key_codec<int>::decode(key)}; }
};

BOOST_AUTO_TEST_CASE(integers_keep_their_order_and_value) {
    check_integer<std::uint8_t>();
    check_integer<std::uint16_t>();
    check_integer<std::uint32_t>();
    check_integer<std::uint64_t>();
    check_integer<std::int8_t>();
    check_integer<std::int16_t>();
    check_integer<std::int32_t>();
    check_integer<std::int64_t>();
    check_integer<char>();
    check_order<bool>({false, true});
}

BOOST_AUTO_TEST_CASE(integers_stand_big_endian_with_the_sign_flipped) {
    BOOST_TEST(encoded<std::uint32_t>(0x01020304) == "\x01\x02\x03\x04"s);
    BOOST_TEST(encoded<std::int16_t>(-1) == "\x7f\xff"s);
    BOOST_TEST(encoded<std::int16_t>(0) == "\x80\x00"s);
    BOOST_TEST(encoded<double>(1.0) == "\xbf\xf0\0\0\0\0\0\0"s);
    BOOST_TEST(encoded<double>(-1.0) == "\x40\x0f\xff\xff\xff\xff\xff\xff"s);
    BOOST_TEST(encoded(std::pair<std::string_view, std::uint8_t>("a\0b"sv, 9)) ==
               "a\0\xff"
               "b\0\0\x09"s);
}

BOOST_AUTO_TEST_CASE(floats_keep_their_order_and_value) {
    check_float<float>();
    check_float<double>();
}

BOOST_AUTO_TEST_CASE(negative_zero_becomes_zero_and_nan_is_refused) {
    BOOST_TEST(encoded(-0.0) == encoded(0.0));
    BOOST_TEST(!std::signbit(decoded<double>(encoded(-0.0))));
    BOOST_TEST(encoded(-0.0f) == encoded(0.0f));
    BOOST_TEST(code_of([] { encoded(std::numeric_limits<double>::quiet_NaN()); }) == errc::misuse);
    BOOST_TEST(code_of([] { encoded(-std::numeric_limits<float>::quiet_NaN()); }) == errc::misuse);
}

BOOST_AUTO_TEST_CASE(enums_order_as_the_integers_beneath) {
    check_order<suit>({suit::clubs, suit::hearts, suit::spades});
    check_order<level>({level::low, level::none, level::high});
    BOOST_TEST(key_codec<level>::name() == "i16");
}

BOOST_AUTO_TEST_CASE(text_and_bytes_stand_as_they_are) {
    check_order<std::string_view>({""sv, "\0"sv, "\0\0"sv, "\0\x01"sv, "a"sv, "a\0"sv, "aa"sv,
                                   "b"sv, "\xc3\xa9"sv, "\xff"sv});
    check_order<std::string>({""s, "a"s, "a\0"s, "b"s});
    BOOST_TEST(encoded("a\0b"sv) == "a\0b"s);
    using four = std::array<std::byte, 4>;
    check_order<four>({four{}, four{std::byte{0}, std::byte{1}}, four{std::byte{255}}});
}

BOOST_AUTO_TEST_CASE(tuples_order_by_their_components) {
    using person = std::tuple<std::string_view, std::uint32_t, std::string_view>;
    const std::vector<std::string_view> words{
        ""sv,    "\0"sv,     "\0\0"sv,  "\0\x01"sv, "\0\xff"sv, "\x01"sv,    "a"sv,
        "a\0"sv, "a\0\0b"sv, "a\x01"sv, "ab"sv,     "\xff"sv,   "\xff\xff"sv};
    std::set<person> people;
    for (const auto first : words) {
        for (const std::uint32_t number : {0u, 1u, 0x01000000u, ~0u}) {
            for (const auto last : words) { people.emplace(first, number, last); }
        }
    }
    check_order(std::vector<person>(people.begin(), people.end()));
}

BOOST_AUTO_TEST_CASE(nested_tuples_order_by_their_components) {
    using inner = std::pair<std::string, std::string>;
    using outer = std::pair<inner, std::string>;
    const std::vector<std::string> words{"", "\0"s, "\0\xff"s, "a", "a\0"s, "b"};
    std::set<outer> all;
    for (const auto& a : words) {
        for (const auto& b : words) {
            for (const auto& c : words) { all.insert({{a, b}, c}); }
        }
    }
    check_order(std::vector<outer>(all.begin(), all.end()));
    BOOST_TEST(key_codec<outer>::name() == "tuple(tuple(string,string),string)");
}

BOOST_AUTO_TEST_CASE(random_tuples_order_as_std_tuple_does) {
    using key = std::tuple<std::string, std::int64_t, double, std::string>;
    std::mt19937_64 random(11);
    const auto word = [&] {
        std::string text(random() % 4, '\0');
        for (char& letter : text) {
            letter =
                "\0\x01\xff"
                "a"[random() % 4];
        }
        return text;
    };
    std::set<key> all;
    for (int i = 0; i < 3000; ++i) {
        all.emplace(word(), static_cast<std::int64_t>(random() % 5) - 2,
                    static_cast<double>(random() % 3) - 1.0, word());
    }
    check_order(std::vector<key>(all.begin(), all.end()));
}

BOOST_AUTO_TEST_CASE(widths_and_names) {
    BOOST_TEST((key_codec<std::pair<std::uint32_t, double>>::width) == 12u);
    BOOST_TEST((key_codec<std::tuple<std::uint32_t, std::string_view>>::width) == 0u);
    BOOST_TEST((key_codec<std::tuple<std::uint32_t, std::string_view>>::name()) ==
               "tuple(u32,string)");
    BOOST_TEST(key_codec<std::uint64_t>::name() == "u64");
    BOOST_TEST(key_codec<std::int8_t>::name() == "i8");
    BOOST_TEST(key_codec<float>::name() == "f32");
    BOOST_TEST(key_codec<bool>::name() == "bool");
    BOOST_TEST(key_codec<bytes>::name() == "bytes");
    BOOST_TEST((key_codec<std::array<std::byte, 16>>::name()) == "bytes(16)");
    BOOST_TEST(value_codec<point>::name() == "struct(8,4)");
    BOOST_TEST(value_codec<suit>::name() == "u8");
}

BOOST_AUTO_TEST_CASE(a_codec_of_the_program_serves_alone_and_in_tuples) {
    check_order<day>({day{-5}, day{0}, day{9}});
    using key = std::pair<day, std::string_view>;
    const key some{day{3}, "x"};
    BOOST_TEST((decoded<key>(encoded(some)) == some));
    BOOST_TEST(key_codec<key>::name() == "tuple(day,string)");
}

BOOST_AUTO_TEST_CASE(owned_keys_hold_what_views_only_name) {
    static_assert(std::is_same_v<pinyon::owned_key<std::string_view>, std::string>);
    static_assert(std::is_same_v<pinyon::owned_key<std::uint64_t>, std::uint64_t>);
    static_assert(std::is_same_v<pinyon::owned_key<bytes>, std::vector<std::byte>>);
    static_assert(std::is_same_v<pinyon::owned_key<std::pair<std::string_view, int>>,
                                 std::pair<std::string, int>>);
    const std::pair<std::string_view, int> view{"ann", 3};
    const std::pair<std::string, int> copy = pinyon::detail::own_key(view);
    BOOST_TEST(copy.first == "ann");
    BOOST_TEST(copy.second == 3);
}

BOOST_AUTO_TEST_CASE(types_without_a_codec_are_no_keys_and_no_values) {
    static_assert(!pinyon::key_type<point>);
    static_assert(!pinyon::key_type<const char*>);
    static_assert(!pinyon::key_type<const int>);
    static_assert(!pinyon::key_type<long double>);
    static_assert(!pinyon::key_type<std::vector<int>>);
    static_assert(pinyon::key_type<std::tuple<int, std::string_view>>);
    static_assert(pinyon::value_type<point>);
    static_assert(pinyon::value_type<std::array<double, 3>>);
    static_assert(!pinyon::value_type<std::vector<int>>);
    static_assert(!pinyon::value_type<const char*>);
    static_assert(!pinyon::value_type<std::array<const char*, 2>>);
    static_assert(!pinyon::value_type<std::u16string_view>);
    static_assert(!pinyon::value_type<std::span<const int>>);
    BOOST_TEST(true);
}

BOOST_AUTO_TEST_CASE(keys_that_no_value_has_are_corrupt) {
    using text_pair = std::pair<std::string_view, std::uint16_t>;
    struct row {
        const char* what;
        void (*decode)();
    };
    const row rows[]{
        {"short integer", [] { decoded<std::uint32_t>("abc"); }},
        {"long integer", [] { decoded<std::uint32_t>("abcde"); }},
        {"bool of 2", [] { decoded<bool>("\x02"); }},
        {"no end mark", [] { decoded<text_pair>("abc"); }},
        {"cut end mark", [] { decoded<text_pair>("abc\0"s); }},
        {"bad escape",
         [] {
             decoded<text_pair>(
                 "a\0\x01"
                 "b\0\0\0\0"s);
         }},
        {"nothing after the text", [] { decoded<text_pair>("a\0\0"s); }},
        {"one byte too many", [] { decoded<text_pair>("a\0\0\0\0\0"s); }},
        {"empty", [] { decoded<text_pair>(""); }},
        {"short array", [] { decoded<std::array<std::byte, 4>>("abc"); }},
    };
    for (const row& line : rows) {
        BOOST_TEST_CONTEXT(line.what) { BOOST_TEST(code_of(line.decode) == errc::corrupt); }
    }
}

BOOST_AUTO_TEST_CASE(random_bytes_decode_to_a_value_or_to_corrupt) {
    using key = std::tuple<std::string, std::pair<std::string, std::uint8_t>, std::string>;
    std::mt19937_64 random(3);
    std::size_t sound = 0;
    for (int i = 0; i < 20000; ++i) {
        std::string text(random() % 12, '\0');
        for (char& letter : text) {
            letter =
                "\0\0\0\xff"
                "a"[random() % 5];
        }
        try {
            const key value = decoded<key>(text);
            BOOST_TEST(encoded(value) == text);
            ++sound;
        } catch (const pinyon::error& failure) { BOOST_TEST(failure.kind() == errc::corrupt); }
    }
    BOOST_TEST(sound > 100u);
}

BOOST_AUTO_TEST_CASE(a_tuple_that_exceeds_the_buffer_is_too_long) {
    using key = std::pair<std::string, std::string>;
    const key fits{std::string(2000, 'a'), std::string(2094, 'b')};
    BOOST_TEST(encoded(fits).size() == key_buffer::capacity);
    BOOST_TEST((decoded<key>(encoded(fits)) == fits));
    BOOST_TEST(code_of([] {
                   encoded(key{std::string(2000, 'a'), std::string(2095, 'b')});
               }) == errc::key_too_long);
    BOOST_TEST(code_of([] { encoded(key{std::string(4095, 'a'), ""}); }) == errc::key_too_long);
    BOOST_TEST(code_of([] { encoded(key{std::string(2100, '\0'), ""}); }) == errc::key_too_long);
}

BOOST_AUTO_TEST_CASE(values_come_back) {
    std::vector<std::byte> room;
    const point stored{3, -4};
    BOOST_TEST((value_codec<point>::decode(value_codec<point>::encode(stored, room)) == stored));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    BOOST_TEST(std::isnan(value_codec<double>::decode(value_codec<double>::encode(nan, room))));
    BOOST_TEST(value_codec<bool>::decode(pinyon::as_bytes("\x01")) == true);
    BOOST_TEST(value_codec<std::string_view>::decode(pinyon::as_bytes("abc")) == "abc");
    const std::uint32_t number = 0x01020304;
    BOOST_TEST(pinyon::as_text(value_codec<std::uint32_t>::encode(number, room)) ==
               "\x04\x03\x02\x01");
    BOOST_TEST(code_of([] {
                   static_cast<void>(value_codec<point>::decode(pinyon::as_bytes("abc")));
               }) == errc::corrupt);
    BOOST_TEST(code_of([] { static_cast<void>(value_codec<int>::decode(pinyon::as_bytes(""))); }) ==
               errc::corrupt);
}

BOOST_AUTO_TEST_CASE(after_prefix_is_the_first_string_beyond) {
    key_buffer room;
    const auto after = [&](std::string_view prefix) {
        return std::string(pinyon::as_text(pinyon::after_prefix(pinyon::as_bytes(prefix), room)));
    };
    BOOST_TEST(after("ab") == "ac");
    BOOST_TEST(after("a\xff\xff") == "b");
    BOOST_TEST(after("\xff\xff") == "");
    BOOST_TEST(after("") == "");
    BOOST_TEST(after("a\x7f") == "a\x80");
}
