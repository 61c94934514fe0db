// Records from text: comma-separated values after RFC 4180 (with any delimiter), tab-separated
// values, and plain lines. Reads a stream front to back in bounded memory.
//
// csv: a field in double quotes may hold delimiters, line ends and doubled quotes; a quote inside a
// bare field, or text behind a closing quote, is an error, not a guess. tsv and lines: every byte
// stands for itself. Records end with LF or CR LF (lines: LF only is cut, and a CR before it); a
// byte-order mark at the start is skipped. In csv and tsv empty lines are skipped and every record
// has as many columns as the first.
//
// Threads: one. Failure: refusal(exit_code::no) that names line and column, both from 1, columns in
// bytes.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tools/streams.hpp"

namespace pinyon::tool {

enum class text_format { lines, csv, tsv };

// A place in the input, for messages.
struct text_position {
    std::uint64_t line = 1;
    std::uint64_t column = 1;
};

struct text_field {
    std::string text;
    text_position start;
};

class csv_reader {
public:
    // The longest record, so that an input that never ends a line cannot take all memory.
    static constexpr std::size_t record_bytes_max = std::size_t{64} << 20;

    // `name` is the input's, for messages. A delimiter of 0: comma for csv, tab for tsv, none for
    // lines.
    csv_reader(byte_source source, std::string name, text_format format, char delimiter);

    // The next record; false at the end. With lines: one field, or two when the line holds the
    // delimiter (which parts it at its first occurrence).
    bool next(std::vector<text_field>& fields);

    [[nodiscard]] char delimiter() const noexcept { return delimiter_; }
    [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }
    // The field as it would stand in a file of this format: in quotes where csv needs them.
    [[nodiscard]] std::string written(std::string_view field) const;
    // Ends the reading with a message about this place.
    [[noreturn]] void refuse(text_position at, const std::string& text) const;

private:
    static constexpr int end_of_input = -1;

    // The next byte without taking it; end_of_input at the end.
    [[nodiscard]] int peek();
    int take();
    [[nodiscard]] bool at_line_end();
    void take_line_end();
    void grow(text_field& field, int byte);
    // Takes the bytes at hand up to one that means something.
    void take_run(text_field& field, const std::array<bool, 256>& stops);
    void skip_byte_order_mark();
    text_field& start_field(std::vector<text_field>& fields, std::size_t index);
    void read_bare(text_field& field);
    void read_quoted(text_field& field);
    bool next_line(std::vector<text_field>& fields);

    byte_source source_;
    std::string name_;
    text_format format_;
    char delimiter_;
    std::array<bool, 256> bare_stops_{};    // bytes that mean something in a bare field
    std::array<bool, 256> quoted_stops_{};  // ... and in a quoted one
    std::vector<char> buffer_;
    std::size_t used_ = 0;
    std::size_t filled_ = 0;
    std::uint64_t bytes_read_ = 0;
    std::size_t record_bytes_ = 0;
    std::size_t columns_ = 0;  // of the first record
    bool started_ = false;
    bool ended_ = false;
    text_position at_;
};

}  // namespace pinyon::tool
