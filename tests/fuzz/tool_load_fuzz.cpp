// What `pinyon load` reads: the first byte chooses the format, the rest is the dump. The reader
// gives entries within their bounds, or ends with a refusal that has a message.
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <string_view>

#include "tools/dump_reader.hpp"

namespace {

using namespace pinyon::tool;

[[noreturn]] void fail(const std::string& what) {
    std::cerr << what << std::endl;
    std::abort();
}

// Gives the dump in pieces of a few lengths, so that every place is a border once.
byte_source in_pieces(std::string_view dump, std::size_t piece) {
    return [dump, piece](std::span<char> out) mutable {
        const std::size_t part = std::min({out.size(), piece, dump.size()});
        if (part != 0) { std::memcpy(out.data(), dump.data(), part); }
        dump.remove_prefix(part);
        return part;
    };
}

// What was read, to compare.
std::string read_all(const load_arguments& arguments, std::string_view dump, std::size_t piece) {
    dump_source source;
    source.bytes = in_pieces(dump, piece);
    source.name = "dump";
    source.remark = [](text_position, const std::string&) {};
    std::string seen;
    try {
        const auto reader = make_dump_reader(arguments, source);
        dumped_tree tree;
        dumped_entry entry;
        while (reader->next_tree(tree)) {
            seen += tree.name + '/' + tree.types.key_type + '/' + tree.types.value_type + ':';
            while (reader->next_entry(entry)) {
                if (entry.key.size() > dumped_key_bytes_max) { fail("a key that no page takes"); }
                seen += entry.key + '=' + entry.value + ';';
            }
        }
    } catch (const refusal& failure) {
        const bool known = failure.code() == exit_code::no || failure.code() == exit_code::usage ||
                           failure.code() == exit_code::incomplete;
        if (!known || failure.next().empty()) { fail(failure.what()); }
        seen += failure.what();
    }
    return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) { return 0; }
    load_arguments arguments;
    switch (data[0] % 4) {
        case 1:
            arguments.format = dump_format::lmdb;
            break;
        case 2:
            arguments.format = dump_format::ndjson;
            break;
        case 3:
            arguments.format = dump_format::csv;
            arguments.entries = 1;
            break;
        default:
            break;
    }
    const std::string_view dump(reinterpret_cast<const char*>(data + 1), size - 1);
    if (read_all(arguments, dump, dump.size()) != read_all(arguments, dump, 3)) {
        fail("the answer depends on the pieces in which a dump comes");
    }
    return 0;
}
