#include "tools/csv_reader.hpp"

#include <fmt/format.h>

#include "tools/escape.hpp"

namespace pinyon::tool {

namespace {

constexpr std::size_t buffer_bytes = std::size_t{256} << 10;
constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";

char delimiter_of(text_format format, char chosen) {
    if (chosen != 0 || format == text_format::lines) { return chosen; }
    return format == text_format::tsv ? '\t' : ',';
}

}  // namespace

csv_reader::csv_reader(byte_source source, std::string name, text_format format, char delimiter)
    : source_(std::move(source)),
      name_(std::move(name)),
      format_(format),
      delimiter_(delimiter_of(format, delimiter)),
      buffer_(buffer_bytes) {
    for (const char each : {'\n', '\r'}) { bare_stops_[static_cast<unsigned char>(each)] = true; }
    if (delimiter_ != 0) { bare_stops_[static_cast<unsigned char>(delimiter_)] = true; }
    if (format_ == text_format::csv) { bare_stops_['"'] = true; }
    quoted_stops_['"'] = true;
    quoted_stops_['\n'] = true;
}

int csv_reader::peek() {
    if (used_ == filled_ && !ended_) {
        used_ = 0;
        filled_ = source_(buffer_);
        bytes_read_ += filled_;
        ended_ = filled_ == 0;
    }
    return ended_ ? end_of_input : static_cast<unsigned char>(buffer_[used_]);
}

int csv_reader::take() {
    const int byte = peek();
    if (byte == end_of_input) { return byte; }
    ++used_;
    if (byte == '\n') {
        ++at_.line;
        at_.column = 1;
    } else {
        ++at_.column;
    }
    return byte;
}

// REQUIRES: the byte at hand is CR or LF or neither. A CR counts only before an LF, or at the very
// end; telling takes the byte behind it, which may be in the next bufferful.
bool csv_reader::at_line_end() {
    const int byte = peek();
    if (byte == '\n' || byte == end_of_input) { return true; }
    if (byte != '\r') { return false; }
    if (used_ + 1 == filled_) {
        buffer_[0] = '\r';
        used_ = 0;
        const std::size_t more = source_(std::span(buffer_).subspan(1));
        filled_ = 1 + more;
        bytes_read_ += more;
    }
    return used_ + 1 == filled_ || buffer_[used_ + 1] == '\n';
}

void csv_reader::take_line_end() {
    if (peek() == '\r') { take(); }
    if (peek() == '\n') { take(); }
}

void csv_reader::grow(text_field& field, int byte) {
    if (++record_bytes_ > record_bytes_max) {
        refuse(field.start, fmt::format("the record is longer than {} MiB; is this a text file?",
                                        record_bytes_max >> 20));
    }
    field.text.push_back(static_cast<char>(byte));
}

void csv_reader::take_run(text_field& field, const std::array<bool, 256>& stops) {
    std::size_t end = used_;
    while (end < filled_ && !stops[static_cast<unsigned char>(buffer_[end])]) { ++end; }
    const std::size_t length = end - used_;
    record_bytes_ += length;
    field.text.append(buffer_.data() + used_, length);
    at_.column += length;
    used_ = end;
}

text_field& csv_reader::start_field(std::vector<text_field>& fields, std::size_t index) {
    if (fields.size() == index) {
        if (++record_bytes_ > record_bytes_max) { refuse(at_, "the record has too many columns"); }
        fields.emplace_back();
    }
    fields[index].text.clear();
    fields[index].start = at_;
    return fields[index];
}

void csv_reader::read_bare(text_field& field) {
    while (!at_line_end() && peek() != static_cast<unsigned char>(delimiter_)) {
        if (peek() == '"' && format_ == text_format::csv) {
            refuse(at_,
                   "a quote inside a field that does not begin with one; expected the whole field "
                   "in quotes and each quote in it doubled");
        }
        grow(field, take());
        take_run(field, bare_stops_);
    }
}

void csv_reader::read_quoted(text_field& field) {
    take();
    for (;;) {
        const int byte = take();
        if (byte == end_of_input) {
            refuse(field.start, "the quote that opens here is never closed");
        }
        if (byte != '"') {
            grow(field, byte);
            take_run(field, quoted_stops_);
        } else if (peek() == '"') {
            grow(field, take());
        } else {
            break;
        }
    }
    if (!at_line_end() && peek() != static_cast<unsigned char>(delimiter_)) {
        refuse(at_,
               fmt::format("text behind the closing quote; expected the delimiter '{}' or the end "
                           "of the line",
                           escaped(std::string_view(&delimiter_, 1))));
    }
}

bool csv_reader::next_line(std::vector<text_field>& fields) {
    if (peek() == end_of_input) { return false; }
    std::size_t count = 1;
    text_field* field = &start_field(fields, 0);
    while (!at_line_end()) {
        if (count == 1 && delimiter_ != 0 && peek() == static_cast<unsigned char>(delimiter_)) {
            take();
            field = &start_field(fields, count++);
        } else {
            grow(*field, take());
            take_run(*field, bare_stops_);
        }
    }
    take_line_end();
    fields.resize(count);
    return true;
}

void csv_reader::skip_byte_order_mark() {
    while (filled_ < byte_order_mark.size()) {
        const std::size_t more = source_(std::span(buffer_).subspan(filled_));
        if (more == 0) { break; }
        filled_ += more;
        bytes_read_ += more;
    }
    if (std::string_view(buffer_.data(), filled_).substr(0, byte_order_mark.size()) ==
        byte_order_mark) {
        used_ = byte_order_mark.size();
    }
}

bool csv_reader::next(std::vector<text_field>& fields) {
    record_bytes_ = 0;
    if (!started_) {
        started_ = true;
        skip_byte_order_mark();
    }
    if (format_ == text_format::lines) { return next_line(fields); }
    while (peek() != end_of_input && at_line_end()) { take_line_end(); }
    if (peek() == end_of_input) { return false; }

    const std::uint64_t line = at_.line;
    std::size_t count = 0;
    for (;;) {
        text_field& field = start_field(fields, count++);
        if (peek() == '"' && format_ == text_format::csv) {
            read_quoted(field);
        } else {
            read_bare(field);
        }
        if (at_line_end()) { break; }
        take();
    }
    take_line_end();
    fields.resize(count);
    if (columns_ == 0) { columns_ = count; }
    if (count != columns_) {
        const text_position at = count > columns_ ? fields[columns_].start : text_position{line, 1};
        refuse(at, fmt::format("the record has {} columns; the first one has {}", count, columns_));
    }
    return true;
}

std::string csv_reader::written(std::string_view field) const {
    const std::string special{'"', '\r', '\n', delimiter_};
    if (format_ != text_format::csv || field.find_first_of(special) == std::string_view::npos) {
        return std::string(field);
    }
    std::string out = "\"";
    for (const char each : field) {
        if (each == '"') { out += '"'; }
        out += each;
    }
    return out + "\"";
}

void csv_reader::refuse(text_position at, const std::string& text) const {
    throw refusal(exit_code::no,
                  fmt::format("{}: line {}, column {}: {}", name_, at.line, at.column, text));
}

}  // namespace pinyon::tool
