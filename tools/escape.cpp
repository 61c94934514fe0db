#include "tools/escape.hpp"

#include <array>
#include <cstdint>

namespace pinyon::tool {

namespace {

constexpr std::string_view digits = "0123456789abcdef";
constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::uint8_t byte_at(std::string_view text, std::size_t at) noexcept {
    return static_cast<std::uint8_t>(text[at]);
}

struct character {
    std::size_t length = 0;  // 0: not UTF-8
    std::uint32_t code = 0;
};

// One character of well-formed UTF-8 (Unicode 15, table 3-7).
character decode(std::string_view text) noexcept {
    const std::uint8_t lead = byte_at(text, 0);
    if (lead < 0x80) { return {1, lead}; }
    const std::size_t length = lead >= 0xf0 ? 4u : lead >= 0xe0 ? 3u : 2u;
    if (lead < 0xc2 || lead > 0xf4 || text.size() < length) { return {}; }
    std::uint32_t code = lead & (0xffu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte_at(text, i) & 0xc0) != 0x80) { return {}; }
        code = code << 6 | (byte_at(text, i) & 0x3fu);
    }
    constexpr std::array<std::uint32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    const bool surrogate = code >= 0xd800 && code <= 0xdfff;
    if (code < least[length] || code > 0x10ffff || surrogate) { return {}; }
    return {length, code};
}

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        const character next = decode(text);
        if (next.length == 0) { return false; }
        text.remove_prefix(next.length);
    }
    return true;
}

// Characters that move the cursor, end the line or turn the reading direction.
bool is_control(std::uint32_t code) noexcept {
    return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x061c ||
           (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
           (code >= 0x2060 && code <= 0x206f) || code == 0xfeff;
}

bool reads_as_text(std::string_view bytes) noexcept {
    std::size_t plain = 0;
    for (std::string_view rest = bytes; !rest.empty();) {
        const std::size_t length = printable_character(rest);
        plain += length;
        rest.remove_prefix(length == 0 ? 1 : length);
    }
    return plain * 4 >= bytes.size() * 3;
}

}  // namespace

std::size_t printable_character(std::string_view text) noexcept {
    if (text.empty()) { return 0; }
    const character next = decode(text);
    return is_control(next.code) ? 0 : next.length;
}

std::string escaped(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        const std::size_t length = printable_character(bytes);
        const char first = bytes.front();
        if (first == '\\') {
            out += "\\\\";
        } else if (length != 0) {
            out += bytes.substr(0, length);
        } else if (first == '\n') {
            out += "\\n";
        } else if (first == '\r') {
            out += "\\r";
        } else if (first == '\t') {
            out += "\\t";
        } else {
            out += "\\x";
            out += hexadecimal(bytes.substr(0, 1));
        }
        bytes.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

std::string hexadecimal(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size() * 2);
    for (const char each : bytes) {
        const auto value = static_cast<std::uint8_t>(each);
        out += digits[value >> 4];
        out += digits[value & 15];
    }
    return out;
}

std::string base64(std::string_view bytes) {
    std::string out;
    out.reserve((bytes.size() + 2) / 3 * 4);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
        const std::size_t left = bytes.size() - at;
        std::uint32_t group = std::uint32_t{byte_at(bytes, at)} << 16;
        if (left > 1) { group |= std::uint32_t{byte_at(bytes, at + 1)} << 8; }
        if (left > 2) { group |= byte_at(bytes, at + 2); }
        out += alphabet[group >> 18];
        out += alphabet[group >> 12 & 63];
        out += left > 1 ? alphabet[group >> 6 & 63] : '=';
        out += left > 2 ? alphabet[group & 63] : '=';
    }
    return out;
}

std::optional<unsigned> digit_value(char digit) noexcept {
    const auto from = [digit](char first) { return static_cast<unsigned>(digit - first); };
    if (digit >= '0' && digit <= '9') { return from('0'); }
    if (digit >= 'a' && digit <= 'f') { return from('a') + 10; }
    if (digit >= 'A' && digit <= 'F') { return from('A') + 10; }
    return std::nullopt;
}

std::optional<std::string> from_hexadecimal(std::string_view text) {
    if (text.size() % 2 != 0) { return std::nullopt; }
    std::string out;
    out.reserve(text.size() / 2);
    for (std::size_t at = 0; at < text.size(); at += 2) {
        const auto high = digit_value(text[at]);
        const auto low = digit_value(text[at + 1]);
        if (!high || !low) { return std::nullopt; }
        out += static_cast<char>(*high << 4 | *low);
    }
    return out;
}

std::optional<std::string> from_escaped(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\\') {
            out += text[at];
            continue;
        }
        const char kind = ++at < text.size() ? text[at] : '\0';
        if (kind == '\\') {
            out += '\\';
        } else if (kind == 'n') {
            out += '\n';
        } else if (kind == 'r') {
            out += '\r';
        } else if (kind == 't') {
            out += '\t';
        } else {
            if (kind != 'x') { return std::nullopt; }
            const auto byte = from_hexadecimal(text.substr(at + 1, 2));
            if (!byte || byte->empty()) { return std::nullopt; }
            out += *byte;
            at += 2;
        }
    }
    return out;
}

std::optional<std::string> from_base64(std::string_view text) {
    if (text.size() % 4 != 0) { return std::nullopt; }
    const std::size_t padding = text.ends_with("==") ? 2u : text.ends_with('=') ? 1u : 0u;
    std::string out;
    out.reserve(text.size() / 4 * 3);
    std::uint32_t group = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const bool padded = at >= text.size() - padding;
        const std::size_t value = padded ? 0 : alphabet.find(text[at]);
        if (value == std::string_view::npos) { return std::nullopt; }
        group = group << 6 | static_cast<std::uint32_t>(value);
        if (at % 4 != 3) { continue; }
        for (const unsigned shift : {16u, 8u, 0u}) {
            out += static_cast<char>(group >> shift & 0xff);
        }
        group = 0;
    }
    out.resize(out.size() - padding);
    // Bits that no byte takes have to be zero: one text for the same bytes.
    if (base64(out) != text) { return std::nullopt; }
    return out;
}

std::string shown(std::string_view bytes, byte_style style) {
    switch (style) {
        case byte_style::automatic:
            return reads_as_text(bytes) ? escaped(bytes) : "0x" + hexadecimal(bytes);
        case byte_style::text:
            return escaped(bytes);
        case byte_style::hex:
            return hexadecimal(bytes);
        case byte_style::base64:
            return base64(bytes);
        case byte_style::redacted:
            break;
    }
    return "<" + std::to_string(bytes.size()) + (bytes.size() == 1 ? " byte>" : " bytes>");
}

json shown_json(std::string_view bytes, byte_style style) {
    switch (style) {
        case byte_style::automatic:
            if (is_utf8(bytes)) { return std::string(bytes); }
            return {{"hex", hexadecimal(bytes)}};
        case byte_style::text:
            return is_utf8(bytes) ? std::string(bytes) : escaped(bytes);
        case byte_style::hex:
            return {{"hex", hexadecimal(bytes)}};
        case byte_style::base64:
            return {{"base64", base64(bytes)}};
        case byte_style::redacted:
            break;
    }
    return {{"bytes", bytes.size()}};
}

std::string shell_quoted(std::string_view word) {
    constexpr std::string_view plain =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./,:=@%+";
    if (!word.empty() && word.find_first_not_of(plain) == std::string_view::npos) {
        return std::string(word);
    }
    std::string out = "'";
    for (const char each : escaped(word)) {
        if (each == '\'') {
            out += "'\\''";
        } else {
            out += each;
        }
    }
    return out + "'";
}

}  // namespace pinyon::tool
