#include <fmt/format.h>

#include <algorithm>

#include "pinyon/engine/database.hpp"
#include "tools/commands.hpp"
#include "tools/entry_batch.hpp"
#include "tools/import_columns.hpp"
#include "tools/input_file.hpp"
#include "tools/progress.hpp"
#include "tools/table.hpp"
#include "tools/tree_filler.hpp"

namespace pinyon::tool {

namespace {

// Takes a file away again that the import made and did not fill.
class new_file_guard {
public:
    explicit new_file_guard(const std::string& file)
        : file_(io::posix_file_system().resolve(file)),
          made_here_(!io::posix_file_system().exists(file_)) {}
    ~new_file_guard() {
        if (!made_here_) { return; }
        try {
            io::posix_file_system().remove(file_);
        } catch (const error&) {  // it was not even made
        }
    }
    new_file_guard(const new_file_guard&) = delete;
    new_file_guard& operator=(const new_file_guard&) = delete;

    void keep() noexcept { made_here_ = false; }

private:
    std::string file_;
    bool made_here_;
};

struct import_result {
    std::uint64_t records = 0;
    std::uint64_t input_bytes = 0;
    std::uint64_t entries = 0;  // of the tree afterwards
    fill_counts filled;
};

void check_key(const import_columns::entry& entry, const csv_reader& reader,
               std::size_t key_bytes_max) {
    if (entry.key.size() > key_bytes_max) {
        reader.refuse(entry.at,
                      fmt::format("the key has {} bytes; at most {} fit (an eighth of a page)",
                                  entry.key.size(), key_bytes_max));
    }
}

import_result import_all(const import_arguments& arguments, input_file& input,
                         write_transaction& change, std::size_t key_bytes_max,
                         const streams& streams) {
    progress line(streams, "import", "records", input.bytes(), arguments.quiet);
    csv_reader reader(input.source(), input.name(), arguments.format, arguments.delimiter);
    import_columns columns(arguments, reader);
    writable_raw_tree tree = change.open_as(arguments.tree, imported_types(arguments.key_type));
    tree_filler filler(
        tree,
        {arguments.duplicates, imported_key_type(arguments.key_type), arguments.bytes,
         [&reader](text_position at, const std::string& text) { reader.refuse(at, text); }},
        streams);

    import_result result;
    entry_batch batch;
    import_columns::entry entry;
    while (columns.next(entry)) {
        check_key(entry, reader, key_bytes_max);
        batch.add(entry.key, entry.value, entry.at);
        ++result.records;
        line.update(reader.bytes_read(), result.records);
        if (batch.memory() >= entry_batch::memory_max) { filler.fill(batch); }
    }
    filler.fill(batch);
    filler.finish();
    streams.check_interrupt();
    result.input_bytes = reader.bytes_read();
    result.entries = tree.size();
    result.filled = filler.counts();
    return result;
}

void commit(write_transaction& change, new_file_guard& guard) {
    try {
        change.commit();
    } catch (const error& failure) {
        // What the sync left behind may be the whole import: not to be thrown away.
        if (failure.kind() == errc::commit_unknown || failure.kind() == errc::poisoned) {
            guard.keep();
        }
        throw;
    }
    guard.keep();
}

json as_json(const import_arguments& arguments, const import_result& result) {
    return {{"schema", "pinyon.import/1"},
            {"file", escaped(arguments.file)},
            {"input", escaped(arguments.input)},
            {"tree", shown_json(arguments.tree, byte_style::automatic)},
            {"input_bytes", result.input_bytes},
            {"records", result.records},
            {"inserted", result.filled.inserted},
            {"replaced", result.filled.replaced},
            {"skipped", result.filled.skipped},
            {"entries", result.entries}};
}

std::string as_text(const import_arguments& arguments, const import_result& result) {
    std::string out = fmt::format("{}: {} records read, {} entries added to tree '{}'",
                                  escaped(arguments.file), grouped(result.records),
                                  grouped(result.filled.inserted), escaped(arguments.tree));
    if (result.filled.replaced != 0) {
        out += fmt::format(", {} replaced", grouped(result.filled.replaced));
    }
    if (result.filled.skipped != 0) {
        out += fmt::format(", {} duplicates skipped", grouped(result.filled.skipped));
    }
    if (result.entries != result.filled.inserted) {
        out += fmt::format("; it now has {}", grouped(result.entries));
    }
    return out + "\n";
}

}  // namespace

exit_code run_import(const import_arguments& arguments, const streams& streams) {
    input_file input(arguments.input, streams);
    new_file_guard guard(arguments.file);
    database file = database::open(arguments.file);
    write_transaction change = file.begin_write();
    const import_result result =
        import_all(arguments, input, change, format::key_bytes_max(file.page_bytes()), streams);
    commit(change, guard);
    file.close();
    if (arguments.json) {
        streams.out << as_json(arguments, result).dump(2) << '\n';
    } else if (!arguments.quiet) {
        streams.out << as_text(arguments, result);
    }
    return exit_code::fine;
}

}  // namespace pinyon::tool
