// Reads trees from text, in one of the formats that dump_writer.hpp writes. Nothing that a dump
// says of itself is taken on trust: what it announces must come, to the last entry and tree.
//
// Threads: one. Failure: refusal that names the place: `incomplete` where the dump ends too early
// or holds less than it says, `no` where it makes no sense.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "tools/arguments.hpp"
#include "tools/dumped_tree.hpp"

namespace pinyon::tool {

// Where a dump comes from.
struct dump_source {
    byte_source bytes;
    std::string name;  // for messages
    // Takes what a person should know though it is no error.
    std::function<void(text_position, const std::string&)> remark;

    // What shows a line of it; the help where it cannot be read again.
    [[nodiscard]] std::string look_at(std::uint64_t line) const;
    // Ends the reading with a message about this place.
    [[noreturn]] void refuse(text_position at, const std::string& text,
                             exit_code code = exit_code::no) const;
    // The dump ends where `expected` should stand.
    [[noreturn]] void refuse_end(text_position at, const std::string& expected) const;
    // `found` of the `announced` entries have come.
    void check_count(text_position at, std::uint64_t found, std::uint64_t announced) const;
};

class dump_reader {
public:
    dump_reader() = default;
    virtual ~dump_reader() = default;
    dump_reader(const dump_reader&) = delete;
    dump_reader& operator=(const dump_reader&) = delete;

    // The next tree; false when the dump has ended and nothing of it is missing. REQUIRES: the
    // entries of the one before have been read.
    [[nodiscard]] virtual bool next_tree(dumped_tree& out) = 0;
    // The next entry of the tree; false when the tree has ended and nothing of it is missing.
    [[nodiscard]] virtual bool next_entry(dumped_entry& out) = 0;
    [[nodiscard]] virtual std::uint64_t bytes_read() const noexcept = 0;
};

// Of the format that the arguments name, or of the one as which the dump begins. Refuses csv when
// they do not say how many entries there must be.
[[nodiscard]] std::unique_ptr<dump_reader> make_dump_reader(const load_arguments& arguments,
                                                            dump_source source);

}  // namespace pinyon::tool
