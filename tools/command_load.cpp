#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/dump_loader.hpp"
#include "tools/escape.hpp"
#include "tools/input_file.hpp"
#include "tools/new_file.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

json as_json(const load_arguments& arguments, const dump_loader& loaded) {
    json trees = json::array();
    for (const loaded_tree& each : loaded.trees()) {
        trees.push_back({{"name", shown_json(each.name, byte_style::automatic)},
                         {"key_type", each.types.key_type},
                         {"value_type", each.types.value_type},
                         {"entries", each.entries},
                         {"replaced", each.filled.replaced},
                         {"skipped", each.filled.skipped}});
    }
    return {{"schema", "pinyon.load/1"},
            {"input", escaped(arguments.file)},
            {"output", escaped(arguments.output)},
            {"records", loaded.records()},
            {"trees", std::move(trees)}};
}

std::string as_text(const load_arguments& arguments, const dump_loader& loaded, bool coloured) {
    std::string out = fmt::format("{}: {}, {} loaded\n", escaped(arguments.output),
                                  counted(loaded.trees().size(), "tree", "trees"),
                                  counted(loaded.records(), "entry", "entries"));
    if (loaded.trees().empty()) { return out; }
    text_table table({"tree", "keys", "values", ">entries"});
    for (const loaded_tree& each : loaded.trees()) {
        table.row({escaped(each.name), escaped(each.types.key_type), escaped(each.types.value_type),
                   grouped(each.entries)});
        const std::uint64_t merged = each.filled.replaced + each.filled.skipped;
        if (merged != 0) {
            out += fmt::format("  tree '{}': {} of keys that come again left out\n",
                               escaped(each.name), counted(merged, "entry", "entries"));
        }
    }
    return out + table.text(coloured);
}

}  // namespace

exit_code run_load(const load_arguments& arguments, const streams& streams) {
    input_file input(arguments.file, streams);
    new_file output(arguments.output, "load");
    dump_source source;
    source.bytes = input.source();
    source.name = input.name();
    source.remark = [&](text_position at, const std::string& text) {
        if (arguments.quiet) { return; }
        streams.err << fmt::format("pinyon: {}: line {}: {}\n", escaped(input.name()), at.line,
                                   escaped(text));
    };
    const std::unique_ptr<dump_reader> reader = make_dump_reader(arguments, source);
    progress line(streams, "load", "entries", input.bytes(), arguments.quiet);
    dump_loader loader(*reader, source, arguments, streams, line);
    options how;
    how.page_bytes = loader.page_bytes();
    output.build([&] {
        database made = database::open(output.temporary(), how);
        loader.load(made);
        made.close();
    });
    line.clear();
    output.publish();
    if (arguments.json) {
        streams.out << as_json(arguments, loader).dump(2) << '\n';
    } else if (!arguments.quiet) {
        streams.out << as_text(arguments, loader, streams.out_colour);
    }
    return exit_code::fine;
}

}  // namespace pinyon::tool
