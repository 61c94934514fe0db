// The text that mdb_load and db_load read, VERSION=3: for each tree a header, the entries as pairs
// of lines in hexadecimal (or in print with \xx), and DATA=END.
//
// What Pinyon wants to find again stands behind HEADER=END on its line, where both programs look no
// further: the tree's place among those of the dump, its types and options, and how many entries
// follow. A file without trees is one section of tree 0/0. For LMDB a header line says how large
// the map may have to be; Berkeley DB refuses that line, and takes names with \xx.
//
// Threads: one. Failure: refusal when the results could not be written.
#pragma once

#include <string>

#include "tools/dump_writer.hpp"

namespace pinyon::tool {

class text_dump_writer final : public dump_writer {
public:
    text_dump_writer(const dump_arguments& arguments, const streams& streams);

    void begin(const dump_extent& extent) override;
    void begin_tree(const dumped_tree& tree, std::uint64_t entries) override;
    void begin_entry(bytes key, std::uint64_t value_bytes) override;
    void add(bytes piece) override;
    void end_entry() override;
    void end_tree() override;

private:
    void write_header(const std::string& name, const std::string& own);

    bool print_;
    bool for_lmdb_;
    const streams& streams_;
    dump_extent extent_;
    std::uint64_t tree_ = 0;
};

}  // namespace pinyon::tool
