// A tree as a table after RFC 4180: a header of the two columns with their types, and a record for
// each entry. `key:u64,value:string` says what the fields are; `:hex` and `:base64` behind a type
// how its bytes are written, which else are text with \\ \n \r \t \xNN. A table has no place for
// a count: the reader's caller has to know it.
//
// Threads: one. Failure: as dump_writer and dump_reader.
#pragma once

#include <string>
#include <vector>

#include "tools/csv_reader.hpp"
#include "tools/dump_reader.hpp"
#include "tools/dump_writer.hpp"

namespace pinyon::tool {

class csv_dump_writer final : public dump_writer {
public:
    csv_dump_writer(const dump_arguments& arguments, const streams& streams)
        : style_(arguments.bytes), streams_(streams) {}

    void begin(const dump_extent&) override {}
    void begin_tree(const dumped_tree& tree, std::uint64_t entries) override;
    void begin_entry(bytes key, std::uint64_t value_bytes) override;
    void add(bytes piece) override { value_ += as_text(piece); }
    void end_entry() override;
    void end_tree() override {}

private:
    void write(const std::string& first, const std::string& second);

    byte_style style_;
    const streams& streams_;
    tree_types types_;
    std::string key_;
    std::string value_;
};

class csv_dump_reader final : public dump_reader {
public:
    explicit csv_dump_reader(dump_source source);

    [[nodiscard]] bool next_tree(dumped_tree& out) override;
    [[nodiscard]] bool next_entry(dumped_entry& out) override;
    [[nodiscard]] std::uint64_t bytes_read() const noexcept override {
        return reader_.bytes_read();
    }

private:
    struct column {
        std::string type;
        byte_style style = byte_style::text;
    };
    [[nodiscard]] bool next_record();
    [[nodiscard]] column read_column(const text_field& field, const std::string& name) const;

    dump_source source_;
    csv_reader reader_;
    std::vector<text_field> fields_;
    bool started_ = false;
    std::uint64_t line_ = 1;  // of the last record
    column key_;
    column value_;
};

}  // namespace pinyon::tool
