// A dump as objects, one a line: first {"schema": "pinyon.dump/1", "page_bytes", "trees": how
// many}, then for each tree one with its name, types and options, one {"key", "value"} for each
// entry, and at last {"tree", "entries": how many there were}.
//
// Threads: one. Failure: as dump_writer and dump_reader.
#pragma once

#include <string>

#include "tools/dump_reader.hpp"
#include "tools/dump_writer.hpp"
#include "tools/escape.hpp"
#include "tools/line_reader.hpp"

namespace pinyon::tool {

class json_dump_writer final : public dump_writer {
public:
    json_dump_writer(const dump_arguments& arguments, const streams& streams)
        : style_(arguments.bytes), streams_(streams) {}

    void begin(const dump_extent& extent) override;
    void begin_tree(const dumped_tree& tree, std::uint64_t entries) override;
    void begin_entry(bytes key, std::uint64_t value_bytes) override;
    void add(bytes piece) override { value_ += as_text(piece); }
    void end_entry() override;
    void end_tree() override;

private:
    byte_style style_;
    const streams& streams_;
    dumped_tree tree_;
    std::uint64_t entries_ = 0;
    json entry_;
    std::string value_;
};

class json_dump_reader final : public dump_reader {
public:
    explicit json_dump_reader(dump_source source);

    [[nodiscard]] bool next_tree(dumped_tree& out) override;
    [[nodiscard]] bool next_entry(dumped_entry& out) override;
    [[nodiscard]] std::uint64_t bytes_read() const noexcept override { return lines_.bytes_read(); }

private:
    [[nodiscard]] json next_object(const char* expected);
    void read_start();
    void end_tree(const json& object);
    [[nodiscard]] std::uint64_t number(const json& object, const char* name,
                                       std::uint64_t most) const;
    [[nodiscard]] std::string text(const json& object, const char* name) const;

    dump_source source_;
    line_reader lines_;
    std::string line_;
    text_position at_;  // of the line at hand
    bool started_ = false;
    std::uint32_t page_bytes_ = 0;
    std::uint64_t trees_ = 0;
    std::uint64_t trees_read_ = 0;
    std::uint64_t entries_ = 0;  // of the tree, so far
    std::string name_;
    tree_types types_;
};

// A value that a line or record of text can hold. Throws refusal.
void check_noted_value(std::uint64_t value_bytes, const char* format);

}  // namespace pinyon::tool
