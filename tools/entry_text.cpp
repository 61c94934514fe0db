#include "tools/entry_text.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "pinyon/engine/key_text.hpp"

namespace pinyon::tool {

namespace {

bool is_plain_bytes(const std::string& type) { return type == "string" || type == "bytes"; }

// Text that print_key has escaped already, but for what only a terminal would mind.
std::string printed(const std::string& type, bytes key) {
    std::string text = print_key(type, key);
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t length = printable_character(rest);
        if (length == 0) { return escaped(text); }
        rest.remove_prefix(length);
    }
    return text;
}

// A number as JSON has it: infinities have no digits there.
template <class Number>
json number_json(Number number) {
    if constexpr (std::is_floating_point_v<Number>) {
        if (!std::isfinite(number)) { return fmt::format("{}", number); }
    }
    return number;
}

// The value of a scalar type, as stored (little-endian), given to `use`; false for other types and
// widths.
template <class Use>
bool with_scalar(const std::string& type, bytes value, Use&& use) {
    const auto as = [&](auto number) {
        if (value.size() != sizeof number) { return false; }
        std::memcpy(&number, value.data(), sizeof number);
        use(number);
        return true;
    };
    if (type == "bool" && value.size() == 1) {
        use(value[0] != std::byte{0});
        return true;
    }
    if (type == "u8") { return as(std::uint8_t{}); }
    if (type == "u16") { return as(std::uint16_t{}); }
    if (type == "u32") { return as(std::uint32_t{}); }
    if (type == "u64") { return as(std::uint64_t{}); }
    if (type == "i8") { return as(std::int8_t{}); }
    if (type == "i16") { return as(std::int16_t{}); }
    if (type == "i32") { return as(std::int32_t{}); }
    if (type == "i64") { return as(std::int64_t{}); }
    if (type == "f32") { return as(float{}); }
    if (type == "f64") { return as(double{}); }
    return false;
}

}  // namespace

std::string key_text(const std::string& type, bytes key, byte_style style) {
    if (style == byte_style::redacted || is_plain_bytes(type)) {
        return shown(as_text(key), style);
    }
    return printed(type, key);
}

json key_json(const std::string& type, bytes key, byte_style style) {
    if (style == byte_style::redacted || is_plain_bytes(type)) {
        return shown_json(as_text(key), style);
    }
    const std::string text = printed(type, key);
    // Only what every reader of JSON takes for the same number is written as one.
    const bool integer = type.size() >= 2 && (type[0] == 'u' || type[0] == 'i') && type[1] != 'n';
    if (integer || type == "bool") {
        json number = json::parse(text, nullptr, false);
        if (!number.is_discarded()) { return number; }
    }
    return text;
}

std::string value_text(const std::string& type, bytes value, byte_style style) {
    std::string text;
    const auto write = [&text](auto number) { text = fmt::format("{}", number); };
    if (style != byte_style::redacted && with_scalar(type, value, write)) { return text; }
    return shown(as_text(value), style);
}

json value_json(const std::string& type, bytes value, byte_style style) {
    json out;
    const auto write = [&out](auto number) { out = number_json(number); };
    if (style != byte_style::redacted && with_scalar(type, value, write)) { return out; }
    return shown_json(as_text(value), style);
}

bytes parse_key(const tree_information& tree, const std::string& word, key_buffer& room,
                const std::string& file) {
    try {
        return pinyon::parse_key(tree.key_type, word, room);
    } catch (const error& failure) {
        throw refusal(exit_code::usage,
                      fmt::format("found the key '{}', expected one of type {}: {}", escaped(word),
                                  escaped(tree.key_type), failure.what()),
                      "pinyon scan " + shell_quoted(file) + " --tree " + shell_quoted(tree.name) +
                          " --limit 3");
    }
}

}  // namespace pinyon::tool
