#include "tools/csv_dump.hpp"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "pinyon/engine/key_text.hpp"
#include "tools/entry_notation.hpp"
#include "tools/json_dump.hpp"

namespace pinyon::tool {

namespace {

// As csv_reader reads it back: a text in two columns, in its worst case with four bytes for one.
static_assert(csv_reader::record_bytes_max > 4 * (noted_value_bytes_max + dumped_key_bytes_max));

// The two numbers of "struct(24,8)".
std::optional<std::pair<std::uint32_t, std::uint16_t>> struct_shape(std::string_view type) {
    constexpr std::string_view start = "struct(";
    if (!type.starts_with(start) || !type.ends_with(")")) { return std::nullopt; }
    type = type.substr(start.size(), type.size() - start.size() - 1);
    std::pair<std::uint32_t, std::uint16_t> shape;
    const char* const end = type.data() + type.size();
    const auto first = std::from_chars(type.data(), end, shape.first);
    if (first.ec != std::errc() || first.ptr == end || *first.ptr != ',') { return std::nullopt; }
    const auto second = std::from_chars(first.ptr + 1, end, shape.second);
    if (second.ec != std::errc() || second.ptr != end) { return std::nullopt; }
    return shape;
}

// The types as their names alone tell them: all that a header of columns says.
tree_types named_types(const std::string& key_type, const std::string& value_type) {
    tree_types types{key_type, value_type, key_width(key_type), 0, 1};
    if (const auto shape = struct_shape(value_type)) {
        types.value_bytes = shape->first;
        types.value_alignment = shape->second;
    } else if (!is_styled_value(value_type)) {
        // Numbers are as wide as keys of their type, and aligned to that.
        types.value_bytes = key_width(value_type);
        types.value_alignment = static_cast<std::uint16_t>(types.value_bytes);
    }
    return types;
}

std::string suffix(byte_style style, bool styled) {
    if (!styled) { return ""; }
    return style == byte_style::hex ? ":hex" : style == byte_style::base64 ? ":base64" : "";
}

std::string quoted(const std::string& field) {
    if (field.find_first_of("\",\r\n") == std::string::npos && !field.empty()) { return field; }
    std::string out = "\"";
    for (const char each : field) {
        if (each == '"') { out += '"'; }
        out += each;
    }
    return out + "\"";
}

}  // namespace

// --- writing -------------------------------------------------------------------------------------

void csv_dump_writer::begin_tree(const dumped_tree& tree, std::uint64_t) {
    types_ = tree.types;
    const bool clear =
        !types_.key_type.ends_with(":hex") && !types_.key_type.ends_with(":base64") &&
        !types_.value_type.ends_with(":hex") && !types_.value_type.ends_with(":base64");
    if (!clear || named_types(types_.key_type, types_.value_type) != types_) {
        throw refusal(exit_code::no,
                      fmt::format("found types {} and {} whose names do not tell their widths, "
                                  "expected others in csv",
                                  types_.key_type, types_.value_type),
                      "the same with --format ndjson");
    }
    write("key:" + types_.key_type + suffix(style_, is_styled_key(types_.key_type)),
          "value:" + types_.value_type + suffix(style_, is_styled_value(types_.value_type)));
}

void csv_dump_writer::write(const std::string& first, const std::string& second) {
    streams_.out << quoted(first) << ',' << quoted(second) << '\n';
    if (!streams_.out) { streams_.flush_results(); }
}

void csv_dump_writer::begin_entry(bytes key, std::uint64_t value_bytes) {
    check_noted_value(value_bytes, "csv");
    key_ = key_field(types_.key_type, key, style_);
    value_.clear();
}

void csv_dump_writer::end_entry() {
    write(key_, value_field(types_.value_type, as_bytes(value_), style_));
}

// --- reading -------------------------------------------------------------------------------------

csv_dump_reader::csv_dump_reader(dump_source source)
    : source_(std::move(source)), reader_(source_.bytes, source_.name, text_format::csv, ',') {}

csv_dump_reader::column csv_dump_reader::read_column(const text_field& field,
                                                     const std::string& name) const {
    column out;
    if (!field.text.starts_with(name + ":")) {
        source_.refuse(field.start, fmt::format("found the column '{}', expected {}:TYPE",
                                                field.text.substr(0, 60), name));
    }
    out.type = field.text.substr(name.size() + 1);
    for (const byte_style style : {byte_style::hex, byte_style::base64}) {
        const std::string ending = suffix(style, true);
        if (!out.type.ends_with(ending)) { continue; }
        out.type.resize(out.type.size() - ending.size());
        out.style = style;
        break;
    }
    return out;
}

// What is no table is refused by the reader beneath, which knows no next step.
bool csv_dump_reader::next_record() {
    try {
        return reader_.next(fields_);
    } catch (const refusal& failure) {
        if (!failure.next().empty()) { throw; }
        throw refusal(failure.code(), failure.what(), source_.look_at(line_));
    }
}

bool csv_dump_reader::next_tree(dumped_tree& out) {
    if (started_) { return false; }
    started_ = true;
    if (!next_record()) { source_.refuse_end({}, "key:TYPE,value:TYPE"); }
    if (fields_.size() != 2) {
        source_.refuse(
            fields_.front().start,
            fmt::format("found {} columns, expected key:TYPE,value:TYPE", fields_.size()));
    }
    key_ = read_column(fields_[0], "key");
    value_ = read_column(fields_[1], "value");
    out = {};
    out.types = named_types(key_.type, value_.type);
    out.at = fields_.front().start;
    return true;
}

bool csv_dump_reader::next_entry(dumped_entry& out) {
    if (!next_record()) { return false; }
    auto key = key_of_field(key_.type, fields_[0].text, key_.style);
    if (!key) { source_.refuse(fields_[0].start, "the key is none of type " + key_.type); }
    auto value = value_of_field(value_.type, fields_[1].text, value_.style);
    if (!value) { source_.refuse(fields_[1].start, "the value is none of type " + value_.type); }
    out.key = *std::move(key);
    out.value = *std::move(value);
    out.at = fields_[0].start;
    line_ = out.at.line;
    return true;
}

}  // namespace pinyon::tool
