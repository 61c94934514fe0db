// Keys as tools print and take them, by the type that the catalog names.
#define BOOST_TEST_MODULE key_text
#include "pinyon/engine/key_text.hpp"

#include <boost/test/unit_test.hpp>
#include <limits>
#include <random>

#include "pinyon/engine/key_codec.hpp"
#include "support/errors.hpp"

namespace {

using pinyon::as_bytes;
using pinyon::as_text;
using pinyon::bytes;
using pinyon::errc;
using pinyon::key_buffer;
using pinyon::key_codec;
using pinyon::test::code_of;
using namespace std::string_literals;

std::string parsed(std::string_view type, std::string_view text) {
    key_buffer room;
    return std::string(as_text(pinyon::parse_key(type, text, room)));
}

template <class T>
void check(const T& value, std::string_view text, std::string type = key_codec<T>::name()) {
    BOOST_TEST_CONTEXT(type << " " << text) {
        key_buffer room;
        const std::string key(as_text(key_codec<T>::encode(value, room)));
        BOOST_TEST(pinyon::print_key(type, as_bytes(key)) == text);
        BOOST_TEST(parsed(type, text) == key);
        if (key_codec<T>::width != 0) { BOOST_TEST(pinyon::key_width(type) == key.size()); }
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(scalars) {
    check<std::uint8_t>(255, "255");
    check<std::uint16_t>(65535, "65535");
    check<std::uint32_t>(0, "0");
    check<std::uint64_t>(~std::uint64_t{0}, "18446744073709551615");
    check<std::int8_t>(-128, "-128");
    check<std::int16_t>(-1, "-1");
    check<std::int32_t>(7, "7");
    check<std::int64_t>(std::numeric_limits<std::int64_t>::min(), "-9223372036854775808");
    check<float>(0.1f, "0.1");
    check<double>(-1.5e300, "-1.5e+300");
    check<double>(std::numeric_limits<double>::infinity(), "inf");
    check<bool>(true, "true");
    check<bool>(false, "false");
    check<std::uint64_t>(0x1f332, "1F332", "hex");
}

BOOST_AUTO_TEST_CASE(hexadecimal_is_taken_in_every_spelling) {
    for (const char* text : {"1F332", "1f332", "0x1f332", "0X1F332", "0001F332"}) {
        BOOST_TEST(parsed("hex", text) == "\0\0\0\0\0\1\xf3\x32"s);
    }
}

BOOST_AUTO_TEST_CASE(text_and_bytes) {
    check<std::string_view>("ann", "ann");
    check<std::string_view>("", "");
    check<std::string_view>("a,b c", "a,b c");
    check<std::string_view>("a\\b", "a\\\\b");
    check<std::string_view>("\n\r\t\x1b\x7f", "\\n\\r\\t\\x1b\\x7f");
    check<std::string_view>("\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\xb2",
                            "\xc3\xa4\xe2\x82\xac\xf0\x9f\x8c\xb2");
    check<std::string_view>("\xc2\x85", "\\xc2\\x85");
    check<std::string_view>("\xff\xc3(", "\\xff\\xc3(");
    check<std::string_view>("\xed\xa0\x80", "\\xed\\xa0\\x80");
    check<std::string_view>("\xc0\x80", "\\xc0\\x80");
    check<std::string_view>("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80");
    check<bytes>(as_bytes("\0a"s), "\\x00a");
    check<std::array<std::byte, 3>>({std::byte{1}, std::byte{0xab}, std::byte{0}}, "01ab00");
}

BOOST_AUTO_TEST_CASE(tuples) {
    using person = std::tuple<std::string_view, std::uint32_t, std::string_view>;
    check<person>({"Ulm", 7, "x"}, "Ulm,7,x");
    check<person>({"a,\0b"s, 0, ",,"}, "a\\x2c\\x00b,0,\\x2c\\x2c");
    check<person>({"", 0, ""}, ",0,");
    check<std::pair<std::int32_t, double>>({-1, 0.5}, "-1,0.5");
    check<std::pair<std::pair<std::string_view, bool>, std::string_view>>({{"a", true}, "b"},
                                                                          "a,true,b");
}

BOOST_AUTO_TEST_CASE(random_text_comes_back) {
    std::mt19937_64 random(4);
    using pair = std::pair<std::string_view, std::string_view>;
    for (int i = 0; i < 5000; ++i) {
        std::string first(random() % 8, '\0');
        std::string second(random() % 8, '\0');
        for (std::string* text : {&first, &second}) {
            for (char& letter : *text) { letter = static_cast<char>(random()); }
        }
        key_buffer room;
        const std::string key(as_text(key_codec<pair>::encode({first, second}, room)));
        const std::string text = pinyon::print_key("tuple(string,string)", as_bytes(key));
        BOOST_TEST(parsed("tuple(string,string)", text) == key);
        BOOST_TEST(parsed("string", pinyon::print_key("string", as_bytes(first))) == first);
    }
}

BOOST_AUTO_TEST_CASE(what_is_no_key_of_the_type_prints_as_bytes) {
    BOOST_TEST(pinyon::print_key("u32", as_bytes("abc")) == "abc");
    BOOST_TEST(pinyon::print_key("bool", as_bytes("\x07")) == "\\x07");
    BOOST_TEST(pinyon::print_key("tuple(string,u8)", as_bytes("abc")) == "abc");
    BOOST_TEST(pinyon::print_key("tuple(u8,u8)", as_bytes("abc")) == "abc");
    BOOST_TEST(pinyon::print_key("tuple(", as_bytes("abc")) == "abc");
    BOOST_TEST(pinyon::print_key("day", as_bytes("abc")) == "abc");
    BOOST_TEST(pinyon::print_key("", as_bytes("abc")) == "abc");
    std::mt19937_64 random(9);
    for (int i = 0; i < 5000; ++i) {
        std::string type;
        for (std::size_t n = random() % 6; n > 0; --n) {
            constexpr std::array parts{"tuple(", ")", ",", "u8", "string", "bytes(", "3"};
            type += parts[random() % parts.size()];
        }
        std::string key(random() % 10, '\0');
        for (char& letter : key) { letter = static_cast<char>(random() % 3); }
        static_cast<void>(pinyon::print_key(type, as_bytes(key)));
    }
}

BOOST_AUTO_TEST_CASE(text_that_names_no_key_is_refused) {
    struct row {
        const char* type;
        const char* text;
    };
    const row rows[]{
        {"u8", "256"},
        {"u8", "-1"},
        {"u8", ""},
        {"u64", "1F"},
        {"u64", "12 "},
        {"u64", " 12"},
        {"i8", "128"},
        {"i8", "1.0"},
        {"f64", "one"},
        {"f64", "nan"},
        {"f32", "1e99"},
        {"bool", "yes"},
        {"hex", "xyz"},
        {"hex", "0x"},
        {"hex", "11112222333344445"},
        {"string", "\\"},
        {"string", "\\q"},
        {"string", "\\x1"},
        {"bytes(2)", "0102ff"},
        {"bytes(2)", "01zz"},
        {"tuple(u8,u8)", "1"},
        {"tuple(u8,u8)", "1,2,3"},
        {"tuple(u8,u8)", "1,x"},
    };
    for (const row& line : rows) {
        BOOST_TEST_CONTEXT(line.type << " '" << line.text << "'") {
            BOOST_TEST(code_of([&] { parsed(line.type, line.text); }) == errc::type_mismatch);
        }
    }
    BOOST_TEST(code_of([&] { parsed("string", std::string(5000, 'x')); }) == errc::key_too_long);
}

BOOST_AUTO_TEST_CASE(widths) {
    BOOST_TEST(pinyon::key_width("hex") == 8u);
    BOOST_TEST(pinyon::key_width("bytes(16)") == 16u);
    BOOST_TEST(pinyon::key_width("tuple(u32,tuple(u8,f64))") == 13u);
    for (const char* type : {"string", "bytes", "bytes()", "bytes(x)", "bytes(99999)", "day", "",
                             "tuple(u8,string)"}) {
        BOOST_TEST(pinyon::key_width(type) == 0u);
    }
}
