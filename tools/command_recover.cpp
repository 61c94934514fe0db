#include <algorithm>
#include <map>
#include <memory>

#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/entry_text.hpp"
#include "tools/file_watch.hpp"
#include "tools/new_file.hpp"
#include "tools/progress.hpp"
#include "tools/salvage_writer.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// Missing ranges of one tree that the text names; the JSON has all.
constexpr std::size_t ranges_shown_max = 20;

// The state to save, and what the log is worth on top of it.
struct chosen_state {
    std::unique_ptr<salvage> what;
    std::uint64_t durable_floor = 0;
    std::string log_problem;
};

// What one tree has in the new file.
struct saved_tree {
    const salvaged_tree* tree = nullptr;
    written_tree written;
    std::string name;              // after the log; empty: the log says that it was dropped
    std::uint64_t entries = 0;     // in the new file, after the log
    std::uint64_t lost_found = 0;  // the same
    std::vector<missing_part> missing;

    [[nodiscard]] bool is_whole() const {
        return tree->is_whole() && written.entries == tree->content->entries();
    }
};

struct recovery {
    chosen_state state;
    std::vector<saved_tree> trees;
    std::vector<tree_information> made;  // by the log
    replayed_log log;

    [[nodiscard]] bool is_whole() const {
        return state.what->is_whole() && log.problem.empty() && log.skipped == 0 &&
               std::all_of(trees.begin(), trees.end(),
                           [](const saved_tree& tree) { return tree.is_whole(); });
    }
};

// --- choosing a state ----------------------------------------------------------------------------

chosen_state choose_without_meta(damaged_file& file) {
    const std::optional<format::meta> youngest = state_without_meta(file);
    if (!youngest) {
        throw refusal(exit_code::damage,
                      "both metas are damaged, and no page of the file is a sound node: there is "
                      "nothing to save");
    }
    chosen_state state;
    state.what = std::make_unique<salvage>(file, *youngest, true);
    state.log_problem = "no meta says where a log goes on; none was applied";
    return state;
}

// The newest meta's state; or the older one's, where that is whole, and the log leads from there to
// the newest and beyond.
chosen_state choose_state(damaged_file& file) {
    if (file.metas().empty()) { return choose_without_meta(file); }
    const format::meta& newest = file.metas().front();
    std::uint64_t transactions = 0;
    chosen_state state;
    state.what = std::make_unique<salvage>(file, newest, false);
    state.log_problem = log_problem(file.resolved(), newest, 0, transactions);
    if (state.what->is_whole() || file.metas().size() < 2) { return state; }

    const format::meta& older = file.metas().back();
    if (older.transaction >= newest.transaction || (older.flags & format::meta_flag_clean) != 0 ||
        !log_problem(file.resolved(), older, newest.log_position, transactions).empty()) {
        return state;
    }
    auto what = std::make_unique<salvage>(file, older, false);
    if (what->is_whole()) { state = {std::move(what), newest.log_position, {}}; }
    return state;
}

// --- writing -------------------------------------------------------------------------------------

// What the new file holds, after the log.
void note_sizes(recovery& result, const database& made) {
    std::map<std::string, tree_information> trees;
    for (tree_information& each : made.begin_read().trees()) { trees[each.name] = each; }
    const auto take = [&trees](const std::string& name) -> std::uint64_t {
        const auto found = trees.find(name);
        if (found == trees.end()) { return 0; }
        const std::uint64_t entries = found->second.entries;
        trees.erase(found);
        return entries;
    };
    for (saved_tree& each : result.trees) {
        each.entries = take(each.name);
        if (each.written.lost_found.empty()) { continue; }
        each.lost_found = take(each.written.lost_found);
        (void)take(transactions_of(each.written.lost_found));
    }
    for (auto& [name, each] : trees) { result.made.push_back(std::move(each)); }
}

void write(damaged_file& file, recovery& result, const new_file& output,
           const std::function<void()>& look) {
    options how;
    how.page_bytes = file.page_bytes();
    database made = database::open(output.temporary(), how);
    const salvage& what = *result.state.what;
    salvage_writer writer(made, file, what, look);
    std::vector<written_tree> written = writer.write(!result.state.log_problem.empty());
    if (what.is_assumed()) {
        result.log.problem = result.state.log_problem;
    } else {
        result.log = writer.replay(result.state.durable_floor);
    }
    for (std::size_t i = 0; i < written.size(); ++i) {
        const salvaged_tree& tree = what.trees()[i];
        result.trees.push_back(
            {&tree, std::move(written[i]), writer.name_of(tree).value_or(""), 0, 0, {}});
        if (tree.content) { result.trees.back().missing = tree.content->missing(); }
    }
    writer.finish();
    note_sizes(result, made);
    made.close();
}

// --- telling -------------------------------------------------------------------------------------

json optional_json(const std::optional<std::uint64_t>& number) {
    return number ? json(*number) : json(nullptr);
}

json missing_json(const saved_tree& saved, const missing_part& part, byte_style style) {
    const std::string& type = saved.tree->types.key_type;
    json out;
    out["from"] =
        part.range.lower.empty() ? json(nullptr) : key_json(type, part.range.lower, style);
    out["to"] = part.range.upper ? key_json(type, *part.range.upper, style) : json(nullptr);
    out["entries"] = optional_json(part.entries);
    out["page"] = optional_json(part.page);
    out["reason"] = escaped(part.why);
    return out;
}

std::optional<std::uint64_t> missing_entries(const saved_tree& saved) {
    if (!saved.tree->expected) { return saved.tree->missing_entries(); }
    return *saved.tree->expected - std::min(*saved.tree->expected, saved.written.entries);
}

json tree_json(const saved_tree& saved, byte_style style) {
    const salvaged_tree& tree = *saved.tree;
    json out{{"name",
              saved.name.empty() ? json(nullptr) : shown_json(saved.name, byte_style::automatic)},
             {"number", tree.number},
             {"entries", saved.entries},
             {"whole", saved.is_whole()}};
    if (tree.last_known_name) {
        out["last_known_name"] = shown_json(*tree.last_known_name, byte_style::automatic);
    }
    if (!tree.problem.empty()) { out["problem"] = escaped(tree.problem); }
    out["missing_entries"] = optional_json(missing_entries(saved));
    out["entries_of_orphans"] = tree.content ? tree.content->entries_of_orphans() : 0;
    out["damaged_values"] = tree.content ? tree.content->damaged_values().size() : 0;
    out["exists"] = tree.exists;
    out["missing"] = json::array();
    for (const missing_part& each : saved.missing) {
        out["missing"].push_back(missing_json(saved, each, style));
    }
    out["lost_found"] = nullptr;
    if (saved.lost_found != 0) {
        out["lost_found"] = {{"tree", shown_json(saved.written.lost_found, byte_style::automatic)},
                             {"entries", saved.lost_found}};
    }
    return out;
}

json as_json(const recover_arguments& arguments, damaged_file& file, const recovery& result) {
    const salvage& what = *result.state.what;
    json out{{"schema", "pinyon.recover/1"},        {"file", escaped(arguments.file)},
             {"output", escaped(arguments.output)}, {"whole", result.is_whole()},
             {"page_bytes", file.page_bytes()},     {"transaction", what.meta().transaction}};
    out["meta"] = what.is_assumed() ? json(nullptr) : json(what.meta().sequence & 1);
    out["damaged_metas"] = json::array();
    for (const std::string& each : file.defects()) {
        if (!each.empty()) { out["damaged_metas"].push_back(escaped(each)); }
    }
    out["pages"] = {
        {"file", file.pages()}, {"read", file.pages_read()}, {"lost_nodes", what.lost_nodes()}};
    out["catalog_whole"] = what.catalog().is_whole();
    out["free_space_problem"] =
        what.space_problem().empty() ? json(nullptr) : json(escaped(what.space_problem()));
    out["log"] = {{"transactions", result.log.transactions},
                  {"operations", result.log.operations},
                  {"skipped", result.log.skipped}};
    out["log"]["problem"] =
        result.log.problem.empty() ? json(nullptr) : json(escaped(result.log.problem));
    out["trees"] = json::array();
    for (const saved_tree& each : result.trees) {
        out["trees"].push_back(tree_json(each, arguments.bytes));
    }
    out["trees_of_log"] = json::array();
    for (const tree_information& each : result.made) {
        out["trees_of_log"].push_back(
            {{"name", shown_json(each.name, byte_style::automatic)}, {"entries", each.entries}});
    }
    return out;
}

std::string range_text(const saved_tree& saved, const missing_part& part, byte_style style) {
    const std::string& type = saved.tree->types.key_type;
    std::string text = part.range.lower.empty() ? "from the first key"
                                                : "from " + key_text(type, part.range.lower, style);
    text += part.range.upper ? " up to " + key_text(type, *part.range.upper, style)
                             : " to the last key";
    if (part.entries) { text += fmt::format(": {} entries", grouped(*part.entries)); }
    if (part.page) { text += fmt::format(", page {}", *part.page); }
    return text + " " + escaped(part.why);
}

std::string missing_text(const saved_tree& saved, byte_style style) {
    const salvaged_tree& tree = *saved.tree;
    const std::string name =
        fmt::format("  tree '{}'", escaped(saved.name.empty() ? tree.name : saved.name));
    std::string out;
    if (tree.last_known_name) {
        out += fmt::format("{}: its record is lost; an older one calls it '{}'\n", name,
                           escaped(*tree.last_known_name));
    }
    if (!tree.problem.empty()) { out += fmt::format("{}: {}\n", name, escaped(tree.problem)); }
    if (!tree.exists) {
        out += name + ": nothing proves that it was not dropped; see lost+found\n";
    }
    if (tree.content && !tree.content->damaged_values().empty()) {
        out += fmt::format("{}: {} large values are damaged\n", name,
                           grouped(tree.content->damaged_values().size()));
    }
    std::size_t shown = 0;
    for (const missing_part& each : saved.missing) {
        if (shown++ == ranges_shown_max) {
            out += fmt::format("{}: {} more ranges are missing (--json has all)\n", name,
                               grouped(saved.missing.size() - ranges_shown_max));
            break;
        }
        out += fmt::format("{}: missing {}\n", name, range_text(saved, each, style));
    }
    return out;
}

std::string trees_text(const recovery& result, bool coloured) {
    text_table table({"tree", ">entries", ">of orphans", ">missing", ">lost+found"});
    for (const saved_tree& each : result.trees) {
        if (each.name.empty()) { continue; }
        const auto missing = missing_entries(each);
        table.row({escaped(each.name), grouped(each.entries),
                   each.tree->content ? grouped(each.tree->content->entries_of_orphans()) : "-",
                   missing ? grouped(*missing) : "unknown", grouped(each.lost_found)});
    }
    for (const tree_information& each : result.made) {
        table.row({escaped(each.name), grouped(each.entries), "0", "0", "0"});
    }
    return table.text(coloured);
}

std::string as_text(const recover_arguments& arguments, damaged_file& file, const recovery& result,
                    bool coloured) {
    const salvage& what = *result.state.what;
    const bool whole = result.is_whole();
    std::string out =
        fmt::format("{}: {}\n", painted(escaped(arguments.output), colour::bold, coloured),
                    painted(whole ? "all was saved" : "not all was saved",
                            whole ? colour::green : colour::yellow, coloured));
    out +=
        fmt::format("  {} pages read of {} of {} KiB, {} nodes lost\n", grouped(file.pages_read()),
                    grouped(file.pages()), file.page_bytes() / 1024, grouped(what.lost_nodes()));
    out += fmt::format("  as of transaction {}, {} of the log applied\n",
                       grouped(what.meta().transaction), grouped(result.log.transactions));
    for (std::size_t slot = 0; slot < 2; ++slot) {
        if (!file.defects()[slot].empty()) {
            out += fmt::format("  meta {}: {}\n", slot, escaped(file.defects()[slot]));
        }
    }
    if (what.is_assumed()) {
        out += "  no meta tells the state; this is the youngest that is there\n";
    } else if (!what.space_problem().empty()) {
        out += fmt::format("  free-space image: {}; it cannot tell current nodes from older ones\n",
                           escaped(what.space_problem()));
    }
    if (!what.catalog().is_whole()) { out += "  a part of the catalog is lost\n"; }
    if (!result.log.problem.empty()) {
        out += fmt::format("  log: {}\n", escaped(result.log.problem));
    }
    if (result.log.skipped != 0) {
        out += fmt::format("  log: {} operations on trees that are lost\n",
                           grouped(result.log.skipped));
    }
    out += "\n" + trees_text(result, coloured);
    for (const saved_tree& each : result.trees) { out += missing_text(each, arguments.bytes); }
    return out;
}

}  // namespace

exit_code run_recover(const recover_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    damaged_file file(arguments.file);
    new_file output(arguments.output, "recover");
    progress line(streams, "recover", "pages", file.pages(), arguments.quiet);
    file.on_read([&line](std::uint64_t pages) { line.update(pages, pages); });

    recovery result;
    result.state = choose_state(file);
    output.build([&] {
        write(file, result, output, [&] { line.update(file.pages_read(), file.pages_read()); });
    });
    line.clear();
    if (watch.moved_on()) {
        throw refusal(exit_code::incomplete, "a writer changed the file while it was read",
                      "the same command again, when the writer rests");
    }
    output.publish();

    if (arguments.json) {
        streams.out << as_json(arguments, file, result).dump(2) << '\n';
    } else if (!arguments.quiet) {
        streams.out << as_text(arguments, file, result, streams.out_colour);
    }
    streams.flush_results();
    if (result.is_whole()) { return exit_code::fine; }
    throw refusal(exit_code::incomplete,
                  "not all was saved, or it cannot be proven: " + escaped(arguments.output) +
                      " holds what was",
                  "pinyon info " + shell_quoted(arguments.output));
}

}  // namespace pinyon::tool
