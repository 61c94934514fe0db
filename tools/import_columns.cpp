#include "tools/import_columns.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "pinyon/engine/key_codec.hpp"
#include "tools/escape.hpp"

namespace pinyon::tool {

namespace {

// How much of a bad field a message shows.
constexpr std::size_t shown_bytes_max = 60;

std::string excerpt(std::string_view text) {
    return "'" + escaped(text.substr(0, shown_bytes_max)) +
           (text.size() > shown_bytes_max ? "...'" : "'");
}

bool is_number(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

const char* imported_key_type(key_format format) noexcept {
    constexpr std::array names{"string", "u64", "i64", "f64", "hex"};
    return names[static_cast<std::size_t>(format)];
}

tree_types imported_types(key_format format) {
    tree_types types;
    types.key_type = imported_key_type(format);
    types.key_bytes = format == key_format::string ? 0 : 8;
    types.value_type = "string";
    return types;
}

import_columns::import_columns(const import_arguments& arguments, csv_reader& reader)
    : arguments_(arguments), reader_(reader) {
    if (!arguments.header) {
        find_column(nullptr);
    } else if (reader_.next(fields_)) {
        find_column(&fields_);
    }
}

void import_columns::find_column(const std::vector<text_field>* header) {
    const std::string& key = arguments_.key;
    if (is_number(key)) {
        std::size_t number = 0;
        const auto parsed = std::from_chars(key.data(), key.data() + key.size(), number);
        if (parsed.ec != std::errc() || number == 0) {
            throw refusal(exit_code::usage, "--key " + key + ": columns count from 1");
        }
        column_ = number - 1;
        return;
    }
    if (header == nullptr) {
        throw refusal(
            exit_code::usage,
            "--key " + escaped(key) + ": without --header a column is named by its number, from 1");
    }
    const auto found = std::find_if(header->begin(), header->end(),
                                    [&key](const text_field& field) { return field.text == key; });
    if (found == header->end()) {
        std::vector<std::string> names;
        for (const text_field& field : *header) { names.push_back(excerpt(field.text)); }
        throw refusal(exit_code::usage,
                      fmt::format("--key {}: the header names no such column, but {}", escaped(key),
                                  fmt::join(names, ", ")));
    }
    column_ = static_cast<std::size_t>(found - header->begin());
}

template <class Number>
bytes import_columns::encode_number(const text_field& field, const char* expected, int base) {
    const char* first = field.text.data();
    const char* const last = first + field.text.size();
    if (base == 16 && (field.text.starts_with("0x") || field.text.starts_with("0X"))) {
        first += 2;
    }
    Number number{};
    std::from_chars_result parsed{};
    if constexpr (std::is_floating_point_v<Number>) {
        parsed = std::from_chars(first, last, number);
        if (std::isnan(number)) { parsed.ptr = first; }
    } else {
        parsed = std::from_chars(first, last, number, base);
    }
    if (parsed.ec == std::errc::result_out_of_range) {
        reader_.refuse(field.start, fmt::format("{} is out of range; expected {}",
                                                excerpt(field.text), expected));
    }
    if (parsed.ec != std::errc() || parsed.ptr != last) {
        reader_.refuse(field.start,
                       fmt::format("found {}; expected {}", excerpt(field.text), expected));
    }
    return key_codec<Number>::encode(number, key_);
}

bytes import_columns::encode(const text_field& field) {
    switch (arguments_.key_type) {
        case key_format::string:
            return as_bytes(field.text);
        case key_format::u64:
            return encode_number<std::uint64_t>(field, "a whole number from 0 to 2^64 - 1", 10);
        case key_format::i64:
            return encode_number<std::int64_t>(field, "a whole number from -2^63 to 2^63 - 1", 10);
        case key_format::f64:
            return encode_number<double>(field, "a number such as -1.5e3", 10);
        case key_format::hex:
            break;
    }
    return encode_number<std::uint64_t>(field, "a hexadecimal number of at most 16 digits", 16);
}

bool import_columns::next(entry& out) {
    if (!reader_.next(fields_)) { return false; }
    if (column_ >= fields_.size()) {
        throw refusal(exit_code::usage,
                      fmt::format("--key {}: the record at line {} has {} columns", arguments_.key,
                                  fields_.front().start.line, fields_.size()));
    }
    value_.clear();
    // A column that stands alone needs no quotes to be told from its neighbours.
    const bool as_it_stands = arguments_.format == text_format::lines || fields_.size() <= 2;
    bool first = true;
    for (std::size_t i = 0; i < fields_.size(); ++i) {
        if (i == column_) { continue; }
        if (!first) { value_ += reader_.delimiter(); }
        value_ += as_it_stands ? fields_[i].text : reader_.written(fields_[i].text);
        first = false;
    }
    out = {encode(fields_[column_]), value_, fields_[column_].start};
    return true;
}

}  // namespace pinyon::tool
