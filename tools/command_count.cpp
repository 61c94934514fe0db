#include "tools/commands.hpp"
#include "tools/file_watch.hpp"
#include "tools/inspected_file.hpp"
#include "tools/key_range.hpp"

namespace pinyon::tool {

exit_code run_count(const count_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    return watch.run([&] {
        const inspected_file file(arguments.file, arguments.checkpoint);
        const tree_information information = file.tree(arguments.range.tree);
        const raw_tree tree = file.snapshot().open_raw(information.name);
        const key_range range = range_of(arguments.range, tree, information, arguments.file);
        const std::uint64_t count = tree.count(range.low, range.high);
        if (arguments.json) {
            const json document{{"schema", "pinyon.count/1"},
                                {"file", escaped(arguments.file)},
                                {"tree", shown_json(information.name, byte_style::automatic)},
                                {"count", count}};
            streams.out << document.dump(2) << '\n';
        } else {
            streams.out << count << '\n';
        }
        return exit_code::fine;
    });
}

}  // namespace pinyon::tool
