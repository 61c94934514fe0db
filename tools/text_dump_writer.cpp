#include "tools/text_dump_writer.hpp"

#include <fmt/format.h>

#include "tools/escape.hpp"

namespace pinyon::tool {

namespace {

// As the dump and load programs have it: ASCII but the backslash as it is, else \xx. A backslash is
// written \5c, which all of them read; a doubled one not all do.
std::string in_print(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (const char& each : text) {
        if (each >= ' ' && each <= '~' && each != '\\') {
            out += each;
        } else {
            out += '\\';
            out += hexadecimal({&each, 1});
        }
    }
    return out;
}

// A map that holds the entries in LMDB's way: a small entry takes up to four times its size there,
// and a half-filled page twice that. It is address space, not memory.
std::uint64_t map_bytes(const dump_extent& extent) {
    constexpr std::uint64_t step = std::uint64_t{10} << 20;
    return (extent.file_bytes * 8 / step + 1) * step;
}

}  // namespace

text_dump_writer::text_dump_writer(const dump_arguments& arguments, const streams& streams)
    : print_(arguments.bytes == byte_style::text),
      for_lmdb_(arguments.format == dump_format::lmdb),
      streams_(streams) {}

void text_dump_writer::begin(const dump_extent& extent) {
    extent_ = extent;
    if (extent.trees != 0) { return; }
    write_header("", fmt::format("pinyon=1 tree=0/0 page_bytes={}", extent.page_bytes));
    end_tree();
}

void text_dump_writer::write_header(const std::string& name, const std::string& own) {
    streams_.out << "VERSION=3\nformat=" << (print_ ? "print" : "bytevalue") << '\n';
    if (!name.empty()) {
        streams_.out << "database=" << (for_lmdb_ ? name : in_print(name)) << '\n';
    }
    streams_.out << "type=btree\n";
    if (for_lmdb_) { streams_.out << "mapsize=" << map_bytes(extent_) << '\n'; }
    streams_.out << "HEADER=END " << own << '\n';
}

void text_dump_writer::begin_tree(const dumped_tree& tree, std::uint64_t entries) {
    ++tree_;
    const tree_types& types = tree.types;
    write_header(tree.name,
                 fmt::format("pinyon=1 tree={}/{} page_bytes={} entries={} key_type={} "
                             "key_bytes={} value_type={} value_bytes={} value_alignment={} "
                             "minimum_degree={}",
                             tree_, extent_.trees, extent_.page_bytes, entries, types.key_type,
                             types.key_bytes, types.value_type, types.value_bytes,
                             types.value_alignment, tree.minimum_degree));
}

void text_dump_writer::begin_entry(bytes key, std::uint64_t) {
    streams_.out << ' ';
    add(key);
    streams_.out << "\n ";
}

void text_dump_writer::add(bytes piece) {
    streams_.out << (print_ ? in_print(as_text(piece)) : hexadecimal(as_text(piece)));
}

void text_dump_writer::end_entry() {
    streams_.out << '\n';
    if (!streams_.out) { streams_.flush_results(); }
}

void text_dump_writer::end_tree() { streams_.out << "DATA=END\n"; }

}  // namespace pinyon::tool
