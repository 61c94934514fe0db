#include "tools/entry_notation.hpp"

#include <charconv>
#include <type_traits>

#include "pinyon/engine/key_codec.hpp"
#include "pinyon/engine/key_text.hpp"
#include "pinyon/mmap/error.hpp"
#include "tools/entry_text.hpp"

namespace pinyon::tool {

namespace {

// Never the beginning of an escape.
constexpr std::string_view digits_follow = "\\h";

// Calls `use(T{})` with the scalar that the type of a value names; false for other types.
template <class Use>
bool with_scalar(const std::string& type, Use&& use) {
    const auto named = [&](const char* name, auto scalar) {
        if (type != name) { return false; }
        use(scalar);
        return true;
    };
    return named("u8", std::uint8_t{}) || named("u16", std::uint16_t{}) ||
           named("u32", std::uint32_t{}) || named("u64", std::uint64_t{}) ||
           named("i8", std::int8_t{}) || named("i16", std::int16_t{}) ||
           named("i32", std::int32_t{}) || named("i64", std::int64_t{}) || named("f32", float{}) ||
           named("f64", double{}) || named("bool", bool{});
}

template <class Number>
std::optional<std::string> stored_number(std::string_view text) {
    Number number{};
    if constexpr (std::is_same_v<Number, bool>) {
        number = text == "true";
        if (!number && text != "false") { return std::nullopt; }
    } else {
        const char* const end = text.data() + text.size();
        const auto parsed = std::from_chars(text.data(), end, number);
        if (parsed.ec != std::errc() || parsed.ptr != end) { return std::nullopt; }
    }
    return std::string(as_text(std::as_bytes(std::span(&number, 1))));
}

// A value of a scalar type from its text.
std::optional<std::string> scalar_of(const std::string& type, std::string_view text) {
    std::optional<std::string> stored;
    with_scalar(type, [&]<class Number>(Number) { stored = stored_number<Number>(text); });
    return stored;
}

std::optional<std::string> typed_key(const std::string& type, std::string_view text) {
    try {
        key_buffer room;
        return std::string(as_text(pinyon::parse_key(type, text, room)));
    } catch (const error&) { return std::nullopt; }
}

// A number, a truth value or a string of JSON as the text in it.
std::optional<std::string> text_of(const json& noted) {
    if (noted.is_string()) { return noted.get<std::string>(); }
    if (noted.is_number() || noted.is_boolean()) { return noted.dump(); }
    return std::nullopt;
}

std::string styled(std::string_view text, byte_style style) {
    if (style == byte_style::hex) { return hexadecimal(text); }
    return style == byte_style::base64 ? base64(text) : escaped(text);
}

std::optional<std::string> from_styled(std::string_view text, byte_style style) {
    if (style == byte_style::hex) { return from_hexadecimal(text); }
    return style == byte_style::base64 ? from_base64(text) : from_escaped(text);
}

std::string as_digits(bytes stored) {
    return std::string(digits_follow) + hexadecimal(as_text(stored));
}

// What a JSON style may be: text that is no UTF-8 could not be turned back.
byte_style json_style(byte_style style) noexcept {
    return style == byte_style::text ? byte_style::automatic : style;
}

}  // namespace

bool is_styled_key(const std::string& type) noexcept { return type == "string" || type == "bytes"; }

bool is_styled_value(const std::string& type) noexcept {
    return !with_scalar(type, [](auto) {});
}

// --- JSON ----------------------------------------------------------------------------------------

json noted_key(const std::string& type, bytes key, byte_style style) {
    json noted = key_json(type, key, json_style(style));
    if (!is_styled_key(type) && key_of(type, noted) != as_text(key)) {
        return {{"hex", hexadecimal(as_text(key))}};
    }
    return noted;
}

json noted_value(const std::string& type, bytes value, byte_style style) {
    json noted = value_json(type, value, json_style(style));
    if (!is_styled_value(type) && value_of(type, noted) != as_text(value)) {
        return {{"hex", hexadecimal(as_text(value))}};
    }
    return noted;
}

std::optional<std::string> bytes_of(const json& noted) {
    if (noted.is_string()) { return noted.get<std::string>(); }
    if (!noted.is_object() || noted.size() != 1 || !noted.front().is_string()) {
        return std::nullopt;
    }
    const auto text = noted.front().get<std::string>();
    if (noted.contains("hex")) { return from_hexadecimal(text); }
    return noted.contains("base64") ? from_base64(text) : std::nullopt;
}

std::optional<std::string> key_of(const std::string& type, const json& noted) {
    if (is_styled_key(type) || noted.is_object()) { return bytes_of(noted); }
    const auto text = text_of(noted);
    return text ? typed_key(type, *text) : std::nullopt;
}

std::optional<std::string> value_of(const std::string& type, const json& noted) {
    if (is_styled_value(type) || noted.is_object()) { return bytes_of(noted); }
    const auto text = text_of(noted);
    return text ? scalar_of(type, *text) : std::nullopt;
}

// --- fields --------------------------------------------------------------------------------------

std::string key_field(const std::string& type, bytes key, byte_style style) {
    if (is_styled_key(type)) { return styled(as_text(key), style); }
    std::string field = key_text(type, key, byte_style::text);
    return key_of_field(type, field, style) == as_text(key) ? field : as_digits(key);
}

std::string value_field(const std::string& type, bytes value, byte_style style) {
    if (is_styled_value(type)) { return styled(as_text(value), style); }
    std::string field = value_text(type, value, byte_style::text);
    return value_of_field(type, field, style) == as_text(value) ? field : as_digits(value);
}

std::optional<std::string> key_of_field(const std::string& type, const std::string& field,
                                        byte_style style) {
    if (is_styled_key(type)) { return from_styled(field, style); }
    if (field.starts_with(digits_follow)) {
        return from_hexadecimal(std::string_view(field).substr(digits_follow.size()));
    }
    return typed_key(type, field);
}

std::optional<std::string> value_of_field(const std::string& type, const std::string& field,
                                          byte_style style) {
    if (is_styled_value(type)) { return from_styled(field, style); }
    if (field.starts_with(digits_follow)) {
        return from_hexadecimal(std::string_view(field).substr(digits_follow.size()));
    }
    return scalar_of(type, field);
}

}  // namespace pinyon::tool
