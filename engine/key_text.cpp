#include "pinyon/engine/key_text.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include "pinyon/engine/key_codec.hpp"
#include "pinyon/mmap/error.hpp"

namespace pinyon {
namespace {

constexpr std::string_view digits = "0123456789abcdef";

[[noreturn]] void refuse(std::string_view type, std::string_view text,
                         const std::string& expected) {
    raise(errc::type_mismatch, "'" + std::string(text) + "' is no key of type " +
                                   std::string(type) + "; expected " + expected);
}

// Calls `use(T{})` with the scalar that the type names; false for other types.
template <class Use>
bool with_scalar(std::string_view type, Use&& use) {
    const auto named = [&]<class T>(std::string_view name, T scalar) {
        if (type != name) { return false; }
        use(scalar);
        return true;
    };
    return named("u64", std::uint64_t{}) || named("i64", std::int64_t{}) ||
           named("f64", double{}) || named("u32", std::uint32_t{}) ||
           named("i32", std::int32_t{}) || named("f32", float{}) || named("u16", std::uint16_t{}) ||
           named("i16", std::int16_t{}) || named("u8", std::uint8_t{}) ||
           named("i8", std::int8_t{}) || named("bool", bool{});
}

// The n of "bytes(n)", else 0.
[[nodiscard]] std::uint32_t array_width(std::string_view type) noexcept {
    constexpr std::string_view start = "bytes(";
    if (!type.starts_with(start) || !type.ends_with(")")) { return 0; }
    type = type.substr(start.size(), type.size() - start.size() - 1);
    std::uint32_t width = 0;
    const auto parsed = std::from_chars(type.data(), type.data() + type.size(), width);
    const bool sound = parsed.ec == std::errc() && parsed.ptr == type.data() + type.size();
    return sound && width <= key_buffer::capacity ? width : 0;
}

[[nodiscard]] bool is_tuple(std::string_view type) noexcept {
    return type.starts_with("tuple(") && type.ends_with(")");
}

// The components of a tuple type, those of nested ones in their place: as keys hold them.
void add_components(std::string_view type, std::vector<std::string_view>& found) {
    if (!is_tuple(type)) {
        found.push_back(type);
        return;
    }
    type = type.substr(6, type.size() - 7);
    std::size_t start = 0;
    int depth = 0;
    for (std::size_t i = 0; i <= type.size(); ++i) {
        if (i == type.size() || (type[i] == ',' && depth == 0)) {
            add_components(type.substr(start, i - start), found);
            start = i + 1;
        } else if (type[i] == '(') {
            ++depth;
        } else if (type[i] == ')') {
            --depth;
        }
    }
}

// The length of the UTF-8 character at the front of `text`; 0 when there is none, or a control
// character.
[[nodiscard]] std::size_t character_length(std::string_view text) noexcept {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned first = at(0);
    if (first < 0x80) { return first >= 0x20 && first != 0x7f ? 1 : 0; }
    const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || text.size() < length) { return 0; }
    std::uint32_t point = first & (0xffu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((at(i) & 0xc0u) != 0x80u) { return 0; }
        point = point << 6 | (at(i) & 0x3fu);
    }
    constexpr std::array<std::uint32_t, 5> least{0, 0, 0xa0, 0x800, 0x10000};
    const bool surrogate = point >= 0xd800 && point <= 0xdfff;
    return point < least[length] || point > 0x10ffff || surrogate ? 0 : length;
}

void add_escape(std::string& out, char letter) {
    const auto value = static_cast<unsigned char>(letter);
    switch (letter) {
        case '\\':
            out += "\\\\";
            break;
        case '\n':
            out += "\\n";
            break;
        case '\r':
            out += "\\r";
            break;
        case '\t':
            out += "\\t";
            break;
        default:
            out += "\\x";
            out += digits[value >> 4];
            out += digits[value & 15];
    }
}

[[nodiscard]] std::string print_text(bytes key, bool in_tuple) {
    std::string out;
    for (std::string_view rest = as_text(key); !rest.empty();) {
        const std::size_t length = character_length(rest);
        if (length == 0 || rest[0] == '\\' || (in_tuple && rest[0] == ',')) {
            add_escape(out, rest[0]);
            rest.remove_prefix(1);
        } else {
            out += rest.substr(0, length);
            rest.remove_prefix(length);
        }
    }
    return out;
}

[[nodiscard]] std::string print_digits(bytes key) {
    std::string out;
    for (const std::byte value : key) {
        out += digits[std::to_integer<unsigned>(value) >> 4];
        out += digits[std::to_integer<unsigned>(value) & 15];
    }
    return out;
}

template <class T>
[[nodiscard]] std::string print_number(T value, int base) {
    if constexpr (std::is_same_v<T, bool>) {
        return value ? "true" : "false";
    } else {
        std::array<char, 64> out;
        std::to_chars_result end{};
        if constexpr (std::is_floating_point_v<T>) {
            end = std::to_chars(out.begin(), out.end(), value);
        } else {
            end = std::to_chars(out.begin(), out.end(), value, base);
        }
        return {out.begin(), end.ptr};
    }
}

// One component, or a key that is no tuple. Throws corrupt for bytes that the type does not have.
[[nodiscard]] std::string print_component(std::string_view type, bytes part, bool in_tuple) {
    std::string out;
    if (type == "hex") {
        std::string text = print_number(key_codec<std::uint64_t>::decode(part), 16);
        for (char& letter : text) {
            if (letter >= 'a') { letter = static_cast<char>(letter - 'a' + 'A'); }
        }
        return text;
    }
    if (with_scalar(type,
                    [&]<class T>(T) { out = print_number(key_codec<T>::decode(part), 10); })) {
        return out;
    }
    if (const std::uint32_t width = array_width(type); width != 0) {
        if (part.size() != width) {
            detail::raise_key_width(std::string(type), width, part.size());
        }
        return print_digits(part);
    }
    return print_text(part, in_tuple);
}

[[nodiscard]] std::string print_tuple(std::string_view type, bytes key) {
    std::vector<std::string_view> components;
    add_components(type, components);
    std::string out;
    key_buffer room;
    room.clear();
    bytes rest = key;
    for (std::size_t i = 0; i < components.size(); ++i) {
        const std::uint32_t width = key_width(components[i]);
        const bool last = i + 1 == components.size();
        bytes part = rest;
        if (width != 0) {
            if (rest.size() < width) { detail::raise_key_shape(std::string(type)); }
            part = rest.first(width);
            rest = rest.subspan(width);
        } else if (!last) {
            part = detail::take_escaped(rest, room, std::string(type));
        } else {
            rest = {};
        }
        if (i != 0) { out += ','; }
        out += print_component(components[i], part, true);
    }
    if (!rest.empty()) { detail::raise_key_shape(std::string(type)); }
    return out;
}

[[nodiscard]] std::optional<unsigned> digit_of(char letter) noexcept {
    const auto at = digits.find(
        letter >= 'A' && letter <= 'F' ? static_cast<char>(letter - 'A' + 'a') : letter);
    return at == std::string_view::npos ? std::nullopt : std::optional(static_cast<unsigned>(at));
}

// The byte of two hexadecimal digits at the front of `text`.
[[nodiscard]] std::optional<std::byte> byte_of(std::string_view text) noexcept {
    if (text.size() < 2) { return std::nullopt; }
    const auto high = digit_of(text[0]);
    const auto low = digit_of(text[1]);
    if (!high || !low) { return std::nullopt; }
    return static_cast<std::byte>(*high << 4 | *low);
}

void parse_text(std::string_view type, std::string_view text, key_buffer& room) {
    const auto add = [&](std::byte value) { detail::append_part(room, {&value, 1}); };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            add(static_cast<std::byte>(text[i]));
            continue;
        }
        ++i;
        const char kind = i < text.size() ? text[i] : '\0';
        const auto coded = kind == 'x' ? byte_of(text.substr(i + 1)) : std::nullopt;
        if (coded) {
            add(*coded);
            i += 2;
        } else if (kind == '\\') {
            add(std::byte{'\\'});
        } else if (kind == 'n') {
            add(std::byte{'\n'});
        } else if (kind == 'r') {
            add(std::byte{'\r'});
        } else if (kind == 't') {
            add(std::byte{'\t'});
        } else {
            refuse(type, text, "\\\\ for each backslash, or \\n, \\r, \\t, \\xNN");
        }
    }
}

void parse_digits(std::string_view type, std::string_view text, std::size_t width,
                  key_buffer& room) {
    if (text.size() != 2 * width) {
        refuse(type, text, std::to_string(2 * width) + " hexadecimal digits");
    }
    for (std::size_t i = 0; i < text.size(); i += 2) {
        const auto value = byte_of(text.substr(i));
        if (!value) { refuse(type, text, std::to_string(2 * width) + " hexadecimal digits"); }
        detail::append_part(room, {&*value, 1});
    }
}

template <class T>
[[nodiscard]] T parse_number(std::string_view type, std::string_view text, int base) {
    if constexpr (std::is_same_v<T, bool>) {
        if (text != "true" && text != "false") { refuse(type, text, "true or false"); }
        return text == "true";
    } else {
        T value{};
        const char* end = text.data() + text.size();
        std::from_chars_result parsed{};
        if constexpr (std::is_floating_point_v<T>) {
            parsed = std::from_chars(text.data(), end, value);
        } else {
            parsed = std::from_chars(text.data(), end, value, base);
        }
        if (parsed.ec == std::errc::result_out_of_range) {
            refuse(type, text, "a number that " + std::to_string(sizeof(T) * 8) + " bits can hold");
        }
        bool sound = parsed.ec == std::errc() && parsed.ptr == end;
        if constexpr (std::is_floating_point_v<T>) { sound = sound && !std::isnan(value); }
        if (!sound) {
            refuse(type, text,
                   std::is_floating_point_v<T> ? "a number such as -1.5e3"
                   : base == 16                ? "hexadecimal digits"
                   : std::is_signed_v<T>       ? "a whole number"
                                               : "a whole number without sign");
        }
        return value;
    }
}

// Appends the component, or the key that is no tuple.
void parse_component(std::string_view type, std::string_view text, key_buffer& room) {
    key_buffer own;
    if (type == "hex") {
        std::string_view number = text;
        if (number.starts_with("0x") || number.starts_with("0X")) { number.remove_prefix(2); }
        const auto value = parse_number<std::uint64_t>(type, number, 16);
        detail::append_part(room, key_codec<std::uint64_t>::encode(value, own));
        return;
    }
    const auto parse_scalar = [&]<class T>(T) {
        detail::append_part(room, key_codec<T>::encode(parse_number<T>(type, text, 10), own));
    };
    if (with_scalar(type, parse_scalar)) { return; }
    if (const std::uint32_t width = array_width(type); width != 0) {
        parse_digits(type, text, width, room);
    } else {
        parse_text(type, text, room);
    }
}

void parse_tuple(std::string_view type, std::string_view text, key_buffer& room) {
    std::vector<std::string_view> components;
    add_components(type, components);
    std::string_view rest = text;
    for (std::size_t i = 0; i < components.size(); ++i) {
        const bool last = i + 1 == components.size();
        const std::size_t comma = rest.find(',');
        if (last != (comma == std::string_view::npos)) {
            refuse(type, text,
                   std::to_string(components.size()) +
                       " components parted by commas, \\x2c for a comma inside");
        }
        key_buffer part;
        part.clear();
        parse_component(components[i], rest.substr(0, comma), part);
        if (last || key_width(components[i]) != 0) {
            detail::append_part(room, part.view());
        } else {
            detail::append_escaped(room, part.view());
        }
        if (!last) { rest.remove_prefix(comma + 1); }
    }
}

}  // namespace

std::string print_key(std::string_view type, bytes key) {
    try {
        return is_tuple(type) ? print_tuple(type, key) : print_component(type, key, false);
    } catch (const error& failure) {
        if (failure.kind() != errc::corrupt) { throw; }
        return print_text(key, false);
    }
}

bytes parse_key(std::string_view type, std::string_view text, key_buffer& room) {
    room.clear();
    is_tuple(type) ? parse_tuple(type, text, room) : parse_component(type, text, room);
    return room.view();
}

std::uint32_t key_width(std::string_view type) {
    std::uint32_t width = type == "hex" ? 8 : array_width(type);
    with_scalar(type, [&]<class T>(T) { width = sizeof(T); });
    if (!is_tuple(type)) { return width; }
    std::vector<std::string_view> components;
    add_components(type, components);
    for (const std::string_view component : components) {
        const std::uint32_t part = key_width(component);
        if (part == 0) { return 0; }
        width += part;
    }
    return width;
}

}  // namespace pinyon
