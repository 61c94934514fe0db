#include <functional>

#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/dump_writer.hpp"
#include "tools/file_watch.hpp"
#include "tools/inspected_file.hpp"
#include "tools/key_range.hpp"
#include "tools/progress.hpp"
#include "tools/stored_value.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

bool is_part(const range_arguments& range) { return range.from || range.to || range.prefix; }

std::vector<tree_information> chosen_trees(const inspected_file& file,
                                           const dump_arguments& arguments) {
    // csv has no place for a second tree, and a range means keys of one.
    const bool one = arguments.format == dump_format::csv || is_part(arguments.range);
    if (arguments.range.tree || one) { return {file.tree(arguments.range.tree)}; }
    return file.snapshot().trees();
}

std::uint64_t entries_of(const std::vector<tree_information>& trees) {
    std::uint64_t sum = 0;
    for (const tree_information& each : trees) { sum += each.entries; }
    return sum;
}

void dump_tree(const inspected_file& file, const tree_information& information,
               const dump_arguments& arguments, dump_writer& writer, std::uint64_t& written,
               progress& line) {
    const raw_tree tree = file.snapshot().open_raw(information.name);
    const key_range range = range_of(arguments.range, tree, information, arguments.file);
    const std::uint64_t announced =
        is_part(arguments.range) ? tree.count(range.low, range.high) : tree.size();
    dumped_tree what;
    what.name = information.name;
    what.types = tree.types();
    what.minimum_degree = information.minimum_degree;
    writer.begin_tree(what, announced);

    std::uint64_t entries = 0;
    const std::function<void(bytes)> add = [&](bytes piece) {
        writer.add(piece);
        line.update(written, written);
    };
    raw_cursor at = tree.cursor();
    for (bool valid = at.seek(range.low); valid; valid = at.next()) {
        const bytes key = at.key();
        if (range.high_is_before(key)) { break; }
        writer.begin_entry(key, at.value_length());
        for_each_piece(tree, at, add);
        writer.end_entry();
        ++entries;
        ++written;
        line.update(written, written);
    }
    if (entries != announced) {
        raise(errc::corrupt, fmt::format("the nodes of tree '{}' announce {} entries here, found "
                                         "{}",
                                         information.name, announced, entries));
    }
    writer.end_tree();
}

}  // namespace

exit_code run_dump(const dump_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    return watch.run([&] {
        const inspected_file file(arguments.file, arguments.checkpoint);
        const std::vector<tree_information> trees = chosen_trees(file, arguments);
        const database_statistics size = file.opened().statistics();
        // A line of progress between lines of results would only disturb.
        progress line(streams, "dump", "entries", is_part(arguments.range) ? 0 : entries_of(trees),
                      arguments.quiet || streams.out_is_terminal);
        const std::unique_ptr<dump_writer> writer = make_dump_writer(arguments, streams);
        writer->begin({trees.size(), size.page_bytes, size.file_pages * size.page_bytes});
        std::uint64_t written = 0;
        for (const tree_information& each : trees) {
            dump_tree(file, each, arguments, *writer, written, line);
        }
        streams.flush_results();
        line.clear();
        if (arguments.format == dump_format::csv && !arguments.quiet) {
            streams.err << fmt::format("pinyon: {}: {}; to load: --entries {}\n",
                                       escaped(arguments.file),
                                       counted(written, "entry", "entries"), written);
        }
        return exit_code::fine;
    });
}

}  // namespace pinyon::tool
