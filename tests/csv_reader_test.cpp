#define BOOST_TEST_MODULE csv_reader
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tools/csv_reader.hpp"

using namespace pinyon::tool;

namespace {

// Hands the text out in pieces of `piece` bytes, so that every boundary is met.
byte_source from(const std::string& text, std::size_t piece) {
    return [text, piece, at = std::size_t{0}](std::span<char> out) mutable {
        const std::size_t length = std::min({piece, out.size(), text.size() - at});
        std::copy_n(text.begin() + static_cast<std::ptrdiff_t>(at), length, out.begin());
        at += length;
        return length;
    };
}

using table = std::vector<std::vector<std::string>>;

table read_all(const std::string& text, text_format format, char delimiter = 0,
               std::size_t piece = 7) {
    csv_reader reader(from(text, piece), "input", format, delimiter);
    table out;
    std::vector<text_field> fields;
    while (reader.next(fields)) {
        out.emplace_back();
        for (const text_field& field : fields) { out.back().push_back(field.text); }
    }
    return out;
}

std::string refused(const std::string& text, text_format format, char delimiter = 0) {
    try {
        static_cast<void>(read_all(text, format, delimiter));
    } catch (const refusal& failure) {
        BOOST_TEST(static_cast<int>(failure.code()) == static_cast<int>(exit_code::no));
        return failure.what();
    }
    return "nothing";
}

}  // namespace

struct reading {
    std::string text;
    text_format format;
    char delimiter;
    table expected;
};

BOOST_AUTO_TEST_CASE(fields_are_read_as_the_format_says) {
    const auto csv = text_format::csv;
    const auto tsv = text_format::tsv;
    const auto lines = text_format::lines;
    const std::vector<reading> readings{
        {"", csv, 0, {}},
        {"a,b,c\n", csv, 0, {{"a", "b", "c"}}},
        {"a,b,c", csv, 0, {{"a", "b", "c"}}},
        {"a,b\r\nc,d\r\n", csv, 0, {{"a", "b"}, {"c", "d"}}},
        {"a,b\nc,d\r", csv, 0, {{"a", "b"}, {"c", "d"}}},
        {"a\rb,c\n", csv, 0, {{"a\rb", "c"}}},
        {",\n", csv, 0, {{"", ""}}},
        {"\"\"\n", csv, 0, {{""}}},
        {"a,b\n\n\r\nc,d\n\n", csv, 0, {{"a", "b"}, {"c", "d"}}},
        {"\"a,b\",\"c\"\"d\"\n", csv, 0, {{"a,b", "c\"d"}}},
        {"\"two\nlines\",x\n", csv, 0, {{"two\nlines", "x"}}},
        {"\"two\r\nlines\",x\r\n", csv, 0, {{"two\r\nlines", "x"}}},
        {"\xef\xbb\xbf"
         "a,b\n",
         csv,
         0,
         {{"a", "b"}}},
        {"a;b,c;d\n", csv, ';', {{"a", "b,c", "d"}}},
        {"a\tb \"c\"\td\n", tsv, 0, {{"a", "b \"c\"", "d"}}},
        {"\"a\tb\"\n", tsv, 0, {{"\"a", "b\""}}},
        {"one\n\ntwo\r\nthree", lines, 0, {{"one"}, {""}, {"two"}, {"three"}}},
        {"a=b=c\nd\n=e\n", lines, '=', {{"a", "b=c"}, {"d"}, {"", "e"}}},
        {"a,\"b\"\n", lines, 0, {{"a,\"b\""}}},
    };
    for (const reading& each : readings) {
        for (const std::size_t piece : {1u, 2u, 3u, 100u}) {
            BOOST_TEST_CONTEXT("text " << each.text << ", pieces of " << piece) {
                BOOST_TEST(
                    (read_all(each.text, each.format, each.delimiter, piece) == each.expected));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_bad_record_is_refused_with_line_and_column) {
    const struct {
        std::string text;
        std::string expected;
    } cases[] = {
        {"a,b\nc,d\"e\n", "input: line 2, column 4: a quote inside"},
        {"a,b\nc,\"d\"e\n", "input: line 2, column 6: text behind the closing quote"},
        {"a,b\n\"c,d\n", "input: line 2, column 1: the quote that opens here is never closed"},
        {"a,b\nc\n", "input: line 2, column 1: the record has 1 columns; the first one has 2"},
        {"a,b\nc,d,e,f\n", "input: line 2, column 5: the record has 4 columns"},
        {"\"x\ny\",b\nc\n", "input: line 3, column 1: the record has 1 columns"},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT("text " << each.text) {
            const std::string message = refused(each.text, text_format::csv);
            BOOST_TEST(message.substr(0, each.expected.size()) == each.expected);
        }
    }
}

BOOST_AUTO_TEST_CASE(an_endless_record_does_not_take_all_memory) {
    csv_reader reader(
        [](std::span<char> out) {
            std::fill(out.begin(), out.end(), 'x');
            return out.size();
        },
        "input", text_format::lines, 0);
    std::vector<text_field> fields;
    BOOST_CHECK_THROW(reader.next(fields), refusal);
    BOOST_TEST(reader.bytes_read() < csv_reader::record_bytes_max + (std::size_t{1} << 20));
}

BOOST_AUTO_TEST_CASE(what_is_written_reads_back_the_same) {
    const unsigned seed = 20240615;
    BOOST_TEST_CONTEXT("seed " << seed) {
        std::mt19937 random(seed);
        const std::string alphabet = "ab,;\"\r\n\t ";
        for (int round = 0; round < 500; ++round) {
            table records(1 + random() % 4);
            const std::size_t columns = 2 + random() % 3;
            csv_reader writer(from("", 1), "input", text_format::csv, ';');
            std::string text;
            for (auto& record : records) {
                for (std::size_t i = 0; i < columns; ++i) {
                    std::string field;
                    while (random() % 4 != 0) { field += alphabet[random() % alphabet.size()]; }
                    text += (i == 0 ? "" : ";") + writer.written(field);
                    record.push_back(field);
                }
                text += "\n";
            }
            BOOST_REQUIRE((read_all(text, text_format::csv, ';', 1 + random() % 9) == records));
        }
    }
}

BOOST_AUTO_TEST_CASE(fields_know_where_they_started) {
    csv_reader reader(from("a,b\n\"x\ny\",z\n", 3), "input", text_format::csv, 0);
    std::vector<text_field> fields;
    BOOST_REQUIRE(reader.next(fields));
    BOOST_TEST(fields[1].start.line == 1u);
    BOOST_TEST(fields[1].start.column == 3u);
    BOOST_REQUIRE(reader.next(fields));
    BOOST_TEST(fields[0].start.line == 2u);
    BOOST_TEST(fields[1].start.line == 3u);
    BOOST_TEST(fields[1].start.column == 4u);
}
