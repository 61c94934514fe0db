#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/entry_text.hpp"
#include "tools/file_watch.hpp"
#include "tools/inspected_file.hpp"
#include "tools/stored_value.hpp"

namespace pinyon::tool {

exit_code run_get(const get_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    return watch.run([&] {
        const inspected_file file(arguments.file, arguments.checkpoint);
        const tree_information information = file.tree(arguments.tree);
        const raw_tree tree = file.snapshot().open_raw(information.name);
        key_buffer room;
        const bytes key = parse_key(information, arguments.key, room, arguments.file);
        const auto value = read_value(tree, key);
        if (arguments.json) {
            json document{{"schema", "pinyon.get/1"},
                          {"file", escaped(arguments.file)},
                          {"tree", shown_json(information.name, byte_style::automatic)},
                          {"key", key_json(information.key_type, key, arguments.bytes)},
                          {"found", value.has_value()}};
            if (value) {
                document["value"] = value_json(information.value_type, *value, arguments.bytes);
            }
            streams.out << document.dump(2) << '\n';
        } else if (value) {
            streams.out << value_text(information.value_type, *value, arguments.bytes) << '\n';
        } else if (!arguments.quiet) {
            streams.err << fmt::format(
                "pinyon get: {}: tree '{}' has no key '{}'\n  next: pinyon scan {} "
                "--tree {} --from {} --limit 3\n",
                escaped(arguments.file), escaped(information.name), escaped(arguments.key),
                shell_quoted(arguments.file), shell_quoted(information.name),
                shell_quoted(arguments.key));
        }
        return value ? exit_code::fine : exit_code::no;
    });
}

}  // namespace pinyon::tool
