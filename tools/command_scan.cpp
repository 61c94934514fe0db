#include "tools/commands.hpp"
#include "tools/entry_text.hpp"
#include "tools/file_watch.hpp"
#include "tools/inspected_file.hpp"
#include "tools/key_range.hpp"
#include "tools/progress.hpp"
#include "tools/stored_value.hpp"

namespace pinyon::tool {

namespace {

// Writes entries as they come, so that a large tree needs no memory; the JSON document is closed
// also when the walk breaks off, and then says so.
class entry_writer {
public:
    entry_writer(const scan_arguments& arguments, const tree_information& tree,
                 const streams& streams)
        : arguments_(arguments), tree_(tree), streams_(streams) {
        if (!arguments.json) { return; }
        streams.out << "{\n  \"schema\": \"pinyon.scan/1\",\n  \"file\": "
                    << json(escaped(arguments.file))
                    << ",\n  \"tree\": " << shown_json(tree.name, byte_style::automatic)
                    << ",\n  \"entries\": [";
    }
    ~entry_writer() { close(false); }
    entry_writer(const entry_writer&) = delete;
    entry_writer& operator=(const entry_writer&) = delete;

    void write(bytes key, bytes value) {
        if (arguments_.json) {
            const json entry{{"key", key_json(tree_.key_type, key, arguments_.bytes)},
                             {"value", value_json(tree_.value_type, value, arguments_.bytes)}};
            streams_.out << (written_ == 0 ? "\n    " : ",\n    ") << entry;
        } else {
            streams_.out << key_text(tree_.key_type, key, arguments_.bytes) << '\t'
                         << value_text(tree_.value_type, value, arguments_.bytes) << '\n';
        }
        if (!streams_.out) { streams_.flush_results(); }
        ++written_;
    }
    [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
    void close(bool complete) {
        if (!arguments_.json || closed_) { return; }
        closed_ = true;
        streams_.out << (written_ == 0 ? "" : "\n  ")
                     << "],\n  \"complete\": " << (complete ? "true" : "false") << "\n}\n";
    }

private:
    const scan_arguments& arguments_;
    const tree_information& tree_;
    const streams& streams_;
    std::uint64_t written_ = 0;
    bool closed_ = false;
};

void walk(const raw_tree& tree, const key_range& range, bool reverse, std::uint64_t limit,
          entry_writer& writer, progress& line) {
    raw_cursor at = tree.cursor();
    std::vector<std::byte> room;
    bool valid = limit != 0 && (reverse ? at.seek_before(range.high) : at.seek(range.low));
    while (valid) {
        const bytes key = at.key();
        if (reverse ? !range.low.is_before(key) : range.high_is_before(key)) { break; }
        writer.write(key, value_at(tree, at, room));
        line.update(writer.written(), writer.written());
        if (writer.written() == limit) { break; }
        valid = reverse ? at.previous() : at.next();
    }
}

}  // namespace

exit_code run_scan(const scan_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    return watch.run([&] {
        const inspected_file file(arguments.file, arguments.checkpoint);
        const tree_information information = file.tree(arguments.range.tree);
        const raw_tree tree = file.snapshot().open_raw(information.name);
        const key_range range = range_of(arguments.range, tree, information, arguments.file);
        // A line of progress between lines of results would only disturb.
        progress line(streams, "scan", "entries", 0, arguments.quiet || streams.out_is_terminal);
        entry_writer writer(arguments, information, streams);
        walk(tree, range, arguments.reverse, arguments.limit, writer, line);
        writer.close(true);
        return exit_code::fine;
    });
}

}  // namespace pinyon::tool
