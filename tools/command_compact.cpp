#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/copy_check.hpp"
#include "tools/dense_copy.hpp"
#include "tools/file_watch.hpp"
#include "tools/progress.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

struct compaction {
    std::vector<tree_information> trees;
    std::uint64_t transaction = 0;  // of the source
    std::uint32_t page_bytes = 0;
    std::uint64_t entries = 0;
    std::uint64_t bytes_before = 0;
    std::uint64_t bytes_after = 0;
};

compaction copy(const compact_arguments& arguments, const new_file& output,
                const streams& streams) {
    const inspected_file file(arguments.file, arguments.checkpoint);
    compaction result;
    result.trees = file.snapshot().trees();
    result.transaction = file.snapshot().id();
    result.page_bytes = file.opened().page_bytes();
    result.bytes_before = open_to_inspect(arguments.file)->size();
    std::uint64_t total = 0;
    for (const tree_information& each : result.trees) { total += each.entries; }
    progress line(streams, "compact", "entries", total, arguments.quiet);
    result.entries =
        copy_densely(file, output, [&line](std::uint64_t done) { line.update(done, done); });
    return result;
}

// The source was verified as it was read; this is about the medium of the new file, and about us.
void verify(const compact_arguments& arguments, const new_file& output, const streams& streams) {
    const auto defect =
        output.build([&] { return first_defect(output.temporary(), streams, arguments.quiet); });
    if (!defect) { return; }
    throw refusal(exit_code::unreadable,
                  fmt::format("the copy does not read as it was written ({}): nothing was made",
                              escaped(defect->text)),
                  "dmesg", output.path());
}

double part(const compaction& result) {
    return static_cast<double>(result.bytes_after) / static_cast<double>(result.bytes_before);
}

json as_json(const compact_arguments& arguments, const compaction& result) {
    json out{{"schema", "pinyon.compact/1"},
             {"file", escaped(arguments.file)},
             {"output", escaped(arguments.output)},
             {"transaction", result.transaction},
             {"page_bytes", result.page_bytes},
             {"bytes_before", result.bytes_before},
             {"bytes_after", result.bytes_after},
             {"entries", result.entries},
             {"trees", json::array()}};
    for (const tree_information& each : result.trees) {
        out["trees"].push_back(
            {{"name", shown_json(each.name, byte_style::automatic)}, {"entries", each.entries}});
    }
    return out;
}

std::string as_text(const compact_arguments& arguments, const compaction& result) {
    return fmt::format("{}: {} in {}\n  {} bytes of {} ({})\n", escaped(arguments.output),
                       counted(result.entries, "entry", "entries"),
                       counted(result.trees.size(), "tree", "trees"), grouped(result.bytes_after),
                       grouped(result.bytes_before), percentage(part(result)));
}

}  // namespace

exit_code run_compact(const compact_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    new_file output(arguments.output, "compact");
    compaction result = watch.run([&] { return copy(arguments, output, streams); });
    verify(arguments, output, streams);
    result.bytes_after = open_to_inspect(output.temporary())->size();
    output.publish();

    if (arguments.json) {
        streams.out << as_json(arguments, result).dump(2) << '\n';
    } else if (!arguments.quiet) {
        streams.out << as_text(arguments, result);
    }
    return exit_code::fine;
}

}  // namespace pinyon::tool
