// Reads the VERSION=3 text of text_dump_writer.hpp, mdb_dump and db_dump, with -p and without.
//
// Sections of others are trees of bytes. What their programs say of order, pages and maps means
// nothing here and is passed over; recno and queue, whose keys are numbers of records that the text
// leaves out, are refused.
//
// Threads: one. Failure: as dump_reader.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tools/dump_reader.hpp"
#include "tools/line_reader.hpp"

namespace pinyon::tool {

class text_dump_reader final : public dump_reader {
public:
    explicit text_dump_reader(dump_source source);

    [[nodiscard]] bool next_tree(dumped_tree& out) override;
    [[nodiscard]] bool next_entry(dumped_entry& out) override;
    [[nodiscard]] std::uint64_t bytes_read() const noexcept override { return lines_.bytes_read(); }

private:
    // What the header of the section at hand says, beyond the tree.
    struct section {
        bool print = false;
        bool from_lmdb = false;  // or for it: a map size is there
        bool from_pinyon = false;
        bool duplicates = false;
        std::uint64_t tree = 0;   // its place in a dump of Pinyon
        std::uint64_t trees = 0;  // of that dump
        std::uint64_t entries = 0;
    };

    void read_header(dumped_tree& out);
    void read_field(const std::string& line, text_position at, dumped_tree& out);
    void check_type(const std::string& type, text_position at) const;
    void read_own(std::string_view text, text_position at, dumped_tree& out);
    void check_place(const section& before, text_position at) const;
    void end_section();
    void read_item(std::string& out, std::size_t bytes_max, const char* what);
    void add_digits(std::string_view piece, text_position at, std::string& out);
    void add_print(std::string_view piece, text_position at, std::string& out);
    void check_escape(char byte, bool doubled, text_position at);
    [[nodiscard]] unsigned digit(char letter, text_position at) const;

    dump_source source_;
    line_reader lines_;
    section section_;
    bool started_ = false;
    bool warned_ = false;
    std::uint64_t entries_ = 0;  // of the section, so far
    // Between two pieces of a line.
    std::optional<unsigned> high_;  // the first of two digits
    bool escape_ = false;           // behind a backslash
};

}  // namespace pinyon::tool
