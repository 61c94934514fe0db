#include "tools/key_range.hpp"

#include "tools/entry_text.hpp"

namespace pinyon::tool {

key_range range_of(const range_arguments& arguments, const raw_tree& tree,
                   const tree_information& information, const std::string& file) {
    key_range range;
    range.high.where = key_cut::place::back;
    if (arguments.prefix) {
        if (information.key_type != "string" && information.key_type != "bytes") {
            throw refusal(exit_code::usage,
                          "--prefix needs keys of text or bytes; those of tree '" +
                              escaped(information.name) + "' are " + escaped(information.key_type) +
                              ": expected --from and --to",
                          "pinyon scan --help");
        }
        key_buffer room;
        const bytes prefix = parse_key(information, *arguments.prefix, room, file);
        range.low = tree.cut(prefix);
        range.high = tree.cut_after_prefix(prefix);
        return range;
    }
    key_buffer room;
    if (arguments.from) {
        range.low = tree.cut(parse_key(information, *arguments.from, room, file));
    }
    if (arguments.to) { range.high = tree.cut(parse_key(information, *arguments.to, room, file)); }
    return range;
}

}  // namespace pinyon::tool
