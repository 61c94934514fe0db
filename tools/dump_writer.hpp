// Writes trees as text, in one of the formats from which dump_reader.hpp reads them. The end of a
// tree is written by `end_tree` alone, so that a dump that broke off has none.
//
// Threads: one. Failure: refusal for what the format cannot hold, and when the results could not be
// written.
#pragma once

#include <cstdint>
#include <memory>

#include "tools/arguments.hpp"
#include "tools/dumped_tree.hpp"

namespace pinyon::tool {

// Of the whole dump.
struct dump_extent {
    std::uint64_t trees = 0;
    std::uint32_t page_bytes = 0;
    std::uint64_t file_bytes = 0;
};

class dump_writer {
public:
    dump_writer() = default;
    virtual ~dump_writer() = default;
    dump_writer(const dump_writer&) = delete;
    dump_writer& operator=(const dump_writer&) = delete;

    virtual void begin(const dump_extent& extent) = 0;
    // `entries` will follow.
    virtual void begin_tree(const dumped_tree& tree, std::uint64_t entries) = 0;
    // The value follows in pieces, `value_bytes` in all.
    virtual void begin_entry(bytes key, std::uint64_t value_bytes) = 0;
    virtual void add(bytes piece) = 0;
    virtual void end_entry() = 0;
    virtual void end_tree() = 0;
};

[[nodiscard]] std::unique_ptr<dump_writer> make_dump_writer(const dump_arguments& arguments,
                                                            const streams& streams);

}  // namespace pinyon::tool
