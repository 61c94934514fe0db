#define BOOST_TEST_MODULE operation
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/operation.hpp"
#include "support/bytes_of.hpp"
#include "support/errors.hpp"
#include "support/store_rig.hpp"

using namespace pinyon;
using test::random_numbers;

namespace {

// An operation that owns its bytes.
struct owned_operation {
    operation_kind kind = operation_kind::put;
    std::uint32_t tree = 0;
    std::string key;
    std::string value;
    std::optional<std::string> lower;
    std::optional<std::string> upper;
    std::string name;
    format::catalog_record record{};
};

std::optional<bytes> view_of(const std::optional<std::string>& text) {
    return text ? std::optional(as_bytes(*text)) : std::nullopt;
}

void record(operation_buffer& to, const owned_operation& what) {
    switch (what.kind) {
        case operation_kind::put:
            return to.put(what.tree, as_bytes(what.key), as_bytes(what.value));
        case operation_kind::erase:
            return to.erase(what.tree, as_bytes(what.key));
        case operation_kind::erase_range:
            return to.erase_range(what.tree, view_of(what.lower), view_of(what.upper));
        case operation_kind::create_tree:
            return to.create_tree(what.name, what.record);
        case operation_kind::drop_tree:
            return to.drop_tree(what.tree);
        case operation_kind::rename_tree:
            return to.rename_tree(what.tree, what.name);
    }
}

void record(operation_buffer& to, const operation& what) {
    const auto text = [](const std::optional<bytes>& view) {
        return view ? std::optional(std::string(as_text(*view))) : std::nullopt;
    };
    record(to, owned_operation{what.kind, what.tree, std::string(as_text(what.key)),
                               std::string(as_text(what.value)), text(what.lower), text(what.upper),
                               std::string(what.name), what.record});
}

void require_same(const operation& found, const owned_operation& expected) {
    BOOST_TEST((found.kind == expected.kind));
    BOOST_TEST(found.tree == expected.tree);
    BOOST_TEST(equal(found.key, as_bytes(expected.key)));
    BOOST_TEST(equal(found.value, as_bytes(expected.value)));
    BOOST_TEST(found.lower.has_value() == expected.lower.has_value());
    if (found.lower) { BOOST_TEST(equal(*found.lower, as_bytes(*expected.lower))); }
    BOOST_TEST(found.upper.has_value() == expected.upper.has_value());
    if (found.upper) { BOOST_TEST(equal(*found.upper, as_bytes(*expected.upper))); }
    BOOST_TEST(found.name == expected.name);
    BOOST_TEST(std::memcmp(&found.record, &expected.record, sizeof found.record) == 0);
}

std::string random_text(random_numbers& next, std::uint64_t longest) {
    std::string text(next.below(longest + 1), '\0');
    for (char& letter : text) { letter = static_cast<char>(next()); }
    return text;
}

// Small numbers and large ones, so that varints of every length come.
template <class Number>
Number random_number(random_numbers& next) {
    return static_cast<Number>(next() >> next.below(64));
}

void fill_type(std::array<char, 32>& name, random_numbers& next) {
    const std::size_t length = 1 + next.below(name.size());
    std::fill_n(name.begin(), length, static_cast<char>('a' + next.below(26)));
}

owned_operation random_operation(random_numbers& next) {
    owned_operation what;
    what.kind = static_cast<operation_kind>(1 + next.below(6));
    what.tree = random_number<std::uint32_t>(next);
    switch (what.kind) {
        case operation_kind::put:
            what.key = random_text(next, 20);
            what.value = random_text(next, next.below(8) == 0 ? 300 : 20);
            break;
        case operation_kind::erase:
            what.key = random_text(next, 200);
            break;
        case operation_kind::erase_range:
            if (next.below(2) != 0) { what.lower = random_text(next, 20); }
            if (next.below(2) != 0) { what.upper = random_text(next, 20); }
            break;
        case operation_kind::create_tree:
            what.name = random_text(next, 20);
            what.record.tree = what.tree;
            what.record.layout = random_number<std::uint8_t>(next);
            what.record.key_bytes = random_number<std::uint32_t>(next);
            what.record.value_bytes = random_number<std::uint32_t>(next);
            what.record.value_alignment = random_number<std::uint16_t>(next);
            what.record.minimum_degree = random_number<std::uint32_t>(next);
            fill_type(what.record.key_type, next);
            fill_type(what.record.value_type, next);
            break;
        case operation_kind::drop_tree:
            break;
        case operation_kind::rename_tree:
            what.name = random_text(next, 20);
            break;
    }
    return what;
}

struct recorded {
    std::vector<owned_operation> operations;
    operation_buffer buffer;
};

void fill(recorded& to, std::uint64_t seed, std::size_t count) {
    random_numbers next(seed);
    for (std::size_t i = 0; i < count; ++i) {
        to.operations.push_back(random_operation(next));
        record(to.buffer, to.operations.back());
    }
}

// Reads all of it and records it again. Nullopt: refused, and refused again when asked again.
std::optional<std::vector<std::byte>> read_and_record(bytes payload, std::uint32_t count) {
    // Of exactly its size, so that a sanitizer sees a byte too many.
    const std::vector<std::byte> copy(payload.begin(), payload.end());
    operation_reader reader(copy, count);
    operation_buffer again;
    try {
        while (const auto what = reader.next()) { record(again, *what); }
    } catch (const error& refusal) {
        BOOST_TEST((refusal.kind() == errc::log_corrupt));
        BOOST_TEST(reader.offset() <= copy.size());
        BOOST_TEST(pinyon::test::code_of([&] { static_cast<void>(reader.next()); }) ==
                   errc::log_corrupt);
        return std::nullopt;
    }
    BOOST_TEST(!reader.next().has_value());
    return std::vector<std::byte>(again.payload().begin(), again.payload().end());
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_recorded_is_read) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            recorded all;
            fill(all, seed, 200);
            BOOST_TEST(all.buffer.count() == 200U);
            operation_reader reader(all.buffer.payload(), all.buffer.count());
            for (const owned_operation& expected : all.operations) {
                const auto found = reader.next();
                BOOST_REQUIRE(found.has_value());
                require_same(*found, expected);
            }
            BOOST_TEST(!reader.next().has_value());
            BOOST_TEST(reader.offset() == all.buffer.payload().size());
        }
    }
}

// The bytes are a format: they must not change unnoticed.
BOOST_AUTO_TEST_CASE(the_encoding_is_the_documented_one) {
    operation_buffer buffer;
    buffer.put(1, as_bytes("k"), as_bytes("vv"));
    buffer.erase(300, as_bytes("k"));
    buffer.erase_range(2, std::nullopt, as_bytes("z"));
    buffer.drop_tree(3);
    buffer.rename_tree(4, "n");
    format::catalog_record blank{};
    blank.tree = 5;
    blank.layout = 1;
    blank.key_bytes = 8;
    blank.value_bytes = 200;
    blank.value_alignment = 4;
    blank.key_type[0] = 'a';
    blank.value_type[0] = 'b';
    buffer.create_tree("t", blank);
    const std::string expected =
        "\x01\x01\x01k\x02vv"
        "\x02\xac\x02\x01k"
        "\x03\x02\x02\x01z"
        "\x05\x03"
        "\x06\x04\x01n" +
        std::string("\x04\x05\x01t\x01\x08\xc8\x01\x04\x00\x01\x61\x01\x62", 14);
    BOOST_TEST(as_text(buffer.payload()) == expected);
    BOOST_TEST(buffer.count() == 6U);
}

BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
    recorded all;
    fill(all, 7, 60);
    const bytes payload = all.buffer.payload();
    for (std::size_t length = 0; length < payload.size(); ++length) {
        BOOST_TEST_CONTEXT("length " << length) {
            BOOST_TEST(!read_and_record(payload.first(length), all.buffer.count()).has_value());
        }
    }
}

BOOST_AUTO_TEST_CASE(another_count_is_refused) {
    recorded all;
    fill(all, 8, 10);
    for (const std::uint32_t count : {0U, 9U, 11U, ~0U}) {
        BOOST_TEST(!read_and_record(all.buffer.payload(), count).has_value());
    }
    BOOST_TEST(read_and_record(all.buffer.payload(), 10).has_value());
}

// Whatever is accepted has one encoding: what was read says all that the bytes said.
BOOST_AUTO_TEST_CASE(every_changed_byte_is_refused_or_read_as_it_stands) {
    recorded all;
    fill(all, 9, 20);
    std::vector<std::byte> payload(all.buffer.payload().begin(), all.buffer.payload().end());
    std::size_t refused = 0;
    for (std::size_t at = 0; at < payload.size(); ++at) {
        const std::byte before = payload[at];
        for (unsigned mask = 1; mask < 256; ++mask) {
            payload[at] = before ^ static_cast<std::byte>(mask);
            const auto again = read_and_record(payload, all.buffer.count());
            if (!again) {
                ++refused;
            } else if (*again != payload) {
                BOOST_TEST(false, "byte " << at << " as " << std::to_integer<int>(payload[at])
                                          << " is read as something else");
            }
        }
        payload[at] = before;
    }
    BOOST_TEST(refused > 0U);
    BOOST_TEST((read_and_record(payload, all.buffer.count()) == payload));
}

BOOST_AUTO_TEST_CASE(what_is_no_operation_is_refused) {
    const struct {
        const char* what;
        std::string payload;
    } cases[] = {
        {"kind 0", std::string("\x00\x01", 2)},
        {"kind 7", "\x07\x01"},
        {"a tree's number above 32 bits", "\x05\xff\xff\xff\xff\x1f"},
        {"a number in a longer form", std::string("\x05\x81\x00", 3)},
        {"a number of 65 bits", "\x02\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x03"},
        {"a number of eleven bytes", "\x02\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"},
        {"a length of 2^63", "\x02\x01\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"},
        {"a length one too long", "\x02\x01\x02k"},
        {"unknown bounds", "\x03\x01\x04"},
        {"a type of no bytes", std::string("\x04\x01\x01n\x01\x08\x08\x01\x00\x00\x01v", 12)},
        {"a type of 33 bytes",
         std::string("\x04\x01\x01n\x01\x08\x08\x01\x00\x21", 10) + std::string(33, 'k') + "\x01v"},
        {"a type with a zero", std::string("\x04\x01\x01n\x01\x08\x08\x01\x00\x01\x00\x01v", 13)},
        {"an alignment above 16 bits",
         std::string("\x04\x01\x01n\x01\x08\x08\x80\x80\x04\x00", 11) + "\x01k\x01v"},
        {"a byte behind the last", std::string("\x05\x01\x00", 3)},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT(each.what) {
            BOOST_TEST(!read_and_record(as_bytes(each.payload), 1).has_value());
        }
    }
}

BOOST_AUTO_TEST_CASE(the_error_names_the_offset) {
    operation_buffer buffer;
    buffer.drop_tree(1);
    buffer.drop_tree(2);
    std::vector<std::byte> payload(buffer.payload().begin(), buffer.payload().end());
    payload[2] = std::byte{99};
    operation_reader reader(payload, 2);
    BOOST_TEST(reader.next().has_value());
    BOOST_CHECK_EXCEPTION(static_cast<void>(reader.next()), error, [](const error& caught) {
        const std::string text = caught.what();
        return text.find("of 4") != std::string::npos && text.find("kind 99") != std::string::npos;
    });
    BOOST_TEST(reader.offset() == 2U);
}

BOOST_AUTO_TEST_CASE(what_is_not_kept_is_taken_back) {
    operation_buffer buffer;
    buffer.drop_tree(1);
    const std::vector<std::byte> before(buffer.payload().begin(), buffer.payload().end());
    {
        pending_operation record(&buffer);
        record->put(2, as_bytes("key"), as_bytes("value"));
        BOOST_TEST(buffer.count() == 2U);
    }
    BOOST_TEST(buffer.count() == 1U);
    BOOST_TEST(equal(buffer.payload(), before));
    {
        pending_operation record(&buffer);
        record->put(2, as_bytes("key"), as_bytes("value"));
        record.keep();
    }
    BOOST_TEST(buffer.count() == 2U);
    pending_operation nothing(nullptr);
    BOOST_TEST(!static_cast<bool>(nothing));
    nothing.keep();
}

BOOST_AUTO_TEST_CASE(a_long_transaction_overflows_and_holds_nothing) {
    operation_buffer buffer;
    const std::vector<std::byte> value(std::size_t{1} << 20);
    std::uint32_t puts = 0;
    while (!buffer.overflowed()) {
        BOOST_REQUIRE(puts < 100U);
        const bool room = buffer.has_room(3, value.size());
        buffer.put(1, as_bytes("key"), value);
        ++puts;
        BOOST_TEST(buffer.payload().size() <= operation_buffer::payload_bytes_max);
        if (room) { BOOST_TEST(!buffer.overflowed()); }
    }
    BOOST_TEST(puts == 16U);
    BOOST_TEST(buffer.count() == 0U);
    BOOST_TEST(buffer.payload().empty());
    BOOST_TEST(buffer.payload().data() == nullptr);
    BOOST_TEST(!buffer.has_room(0, 0));
    {
        pending_operation record(&buffer);
        record->drop_tree(1);
    }
    buffer.drop_tree(1);
    BOOST_TEST(buffer.overflowed());
    BOOST_TEST(buffer.payload().empty());
    BOOST_TEST(buffer.count() == 0U);
    buffer.clear();
    BOOST_TEST(!buffer.overflowed());
    buffer.drop_tree(1);
    BOOST_TEST(buffer.count() == 1U);
}

BOOST_AUTO_TEST_CASE(the_limit_is_exact) {
    // kind, tree, a key of nothing, a length of four bytes
    constexpr std::size_t around = 1 + 1 + 1 + 4;
    const std::vector<std::byte> value(operation_buffer::payload_bytes_max - around + 1);
    operation_buffer buffer;
    buffer.put(1, {}, bytes(value).first(value.size() - 1));
    BOOST_TEST(!buffer.overflowed());
    BOOST_TEST(buffer.payload().size() == operation_buffer::payload_bytes_max);
    BOOST_TEST(!buffer.has_room(0, 0));
    buffer.clear();
    buffer.put(1, {}, value);
    BOOST_TEST(buffer.overflowed());
}

BOOST_AUTO_TEST_CASE(memory_is_kept_for_the_next_transaction_up_to_a_bound) {
    operation_buffer buffer;
    const std::vector<std::byte> value(10000);
    buffer.put(1, as_bytes("key"), value);
    const std::byte* place = buffer.payload().data();
    buffer.clear();
    buffer.put(1, as_bytes("key"), value);
    BOOST_TEST(buffer.payload().data() == place);
    while (buffer.payload().size() <= operation_buffer::kept_bytes_max) {
        buffer.put(1, as_bytes("key"), value);
    }
    buffer.clear();
    BOOST_TEST(buffer.payload().data() == nullptr);
}
