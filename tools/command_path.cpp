#include <fmt/format.h>

#include "pinyon/engine/descent.hpp"
#include "tools/commands.hpp"
#include "tools/entry_text.hpp"
#include "tools/inspected_pages.hpp"
#include "tools/page_text.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// Values in a line of text; longer ones are cut.
constexpr std::size_t value_columns = 60;

// A node on the way, and the keys in it between which the search goes on. In an inner node `index`
// is the child that is chosen, `before` its separator and `after` the next one; in a leaf the entry
// that is found, or that would stand behind the key, and the one before it.
struct search_step {
    std::uint64_t page = 0;
    unsigned level = 0;
    unsigned count = 0;
    key_bounds bounds;
    unsigned index = 0;
    std::optional<std::string> before;
    std::optional<std::string> after;
    std::uint64_t child = 0;
};

struct search_story {
    std::string tree;
    tree_types types;
    unsigned levels = 0;
    bytes key;
    std::vector<search_step> steps;
    bool found = false;
    std::string value;  // when found, and not large
    std::optional<format::extent_reference> large;
    std::optional<error> damage;
};

std::string copied(bytes key) { return std::string(as_text(key)); }

template <class Node>
search_step step_in(const Node& node, std::uint64_t page, unsigned level) {
    search_step step;
    step.page = page;
    step.level = level;
    step.count = node.count();
    key_buffer room;
    if (node.has_lower_fence()) { step.bounds.lower = copied(node.lower_fence(room)); }
    if (node.has_upper_fence()) { step.bounds.upper = copied(node.upper_fence(room)); }
    return step;
}

template <class Node>
child_entry pass_inner(const page_store& store, const tree_state& tree, const child_entry& at,
                       unsigned level, search_story& story) {
    return look_at<Node>(store, tree.schema, at, level, [&](const Node& node, const auto&) {
        search_step step = step_in(node, at.page, level);
        step.index = node.child_index(story.key);
        key_buffer room;
        if (step.index != 0) { step.before = copied(node.key(step.index, room)); }
        if (step.index + 1 < step.count) { step.after = copied(node.key(step.index + 1, room)); }
        const child_entry child = node.child(step.index);
        step.child = child.page;
        story.steps.push_back(step);
        return child;
    });
}

template <class Node>
void look_in_leaf(const page_store& store, const tree_state& tree, const child_entry& at,
                  search_story& story) {
    (void)look_at<Node>(store, tree.schema, at, 0, [&](const Node& node, const auto&) {
        search_step step = step_in(node, at.page, 0);
        const search_result result = node.lower_bound(story.key);
        step.index = result.index;
        key_buffer room;
        if (step.index != 0) { step.before = copied(node.key(step.index - 1, room)); }
        if (step.index < step.count) { step.after = copied(node.key(step.index, room)); }
        story.steps.push_back(step);
        story.found = result.equal;
        if (!result.equal) { return true; }
        const stored_value stored = stored_in(node, step.index);
        story.large = stored.extent;
        story.value = copied(stored.inline_bytes);
        return true;
    });
}

// Follows the search; stops at the first damage and keeps it.
void follow(const page_store& store, const tree_state& tree, search_story& story) {
    try {
        with_layout(tree.schema, [&]<class Node>(std::type_identity<Node>) {
            child_entry at = root_entry(tree);
            for (unsigned level = tree.root.level; level > 0; --level) {
                at = pass_inner<Node>(store, tree, at, level, story);
            }
            look_in_leaf<Node>(store, tree, at, story);
        });
    } catch (const error& failure) {
        if (exit_code_of(failure.kind()) != exit_code::damage) { throw; }
        story.damage = failure;
    }
}

class story_text {
public:
    story_text(const path_arguments& arguments, const search_story& story, bool coloured)
        : arguments_(arguments), story_(story), coloured_(coloured) {}

    [[nodiscard]] std::string all() const {
        std::string out =
            fmt::format("{}: {} to {}, {}; looking for {}\n",
                        painted("'" + escaped(story_.tree) + "'", colour::bold, coloured_),
                        escaped(story_.types.key_type), escaped(story_.types.value_type),
                        counted(story_.levels, "level", "levels"), key(story_.key));
        for (const search_step& step : story_.steps) {
            out += step.level == 0 ? leaf(step) : inner(step);
        }
        if (story_.damage) {
            return out + painted("  here the path ends\n", colour::red, coloured_);
        }
        return out + verdict();
    }

private:
    [[nodiscard]] std::string key(bytes of) const {
        return clipped(key_text(story_.types.key_type, of, arguments_.bytes), value_columns);
    }
    [[nodiscard]] std::string key(const std::string& of) const { return key(as_bytes(of)); }

    [[nodiscard]] std::string heading(const search_step& step, const std::string& what) const {
        return fmt::format(
            "  {}  {}\n", painted(fmt::format("page {}", step.page), colour::bold, coloured_),
            fmt::format("{}, {}", what,
                        range_text(story_.types.key_type, step.bounds, arguments_.bytes)));
    }

    [[nodiscard]] std::string inner(const search_step& step) const {
        std::string out =
            heading(step, fmt::format("inner node, level {}, {} children", step.level, step.count));
        text_table table({"", "", ""}, "      ");
        const std::string wanted = key(story_.key);
        table.row({fmt::format("child {}", step.index),
                   step.before ? key(*step.before) + " <= " + wanted : "the first",
                   fmt::format("-> page {}", step.child)});
        table.row({step.after ? fmt::format("child {}", step.index + 1) : "",
                   step.after ? key(*step.after) + " >  " + wanted : "it is the last"});
        return out + table.text(false);
    }

    [[nodiscard]] std::string leaf(const search_step& step) const {
        std::string out = heading(step, "leaf, " + counted(step.count, "entry", "entries"));
        text_table table({"", ""}, "      ");
        const std::string wanted = key(story_.key);
        if (step.before) {
            table.row(
                {fmt::format("entry {}", step.index - 1), key(*step.before) + " <  " + wanted});
        }
        if (step.after) {
            table.row({fmt::format("entry {}", step.index),
                       key(*step.after) + (story_.found ? " =  " : " >  ") + wanted});
        }
        return out + table.text(false);
    }

    [[nodiscard]] std::string verdict() const {
        if (!story_.found) {
            const search_step& last = story_.steps.back();
            return fmt::format("  {}; it would be inserted as entry {} of page {}\n",
                               painted("not there", colour::yellow, coloured_), last.index,
                               last.page);
        }
        return fmt::format("  {}  {}\n", painted("found", colour::green, coloured_),
                           story_.large
                               ? fmt::format("a large value of {} bytes, from page {} on",
                                             grouped(story_.large->length), story_.large->first)
                               : clipped(value_text(story_.types.value_type, as_bytes(story_.value),
                                                    arguments_.bytes),
                                         value_columns));
    }

    const path_arguments& arguments_;
    const search_story& story_;
    bool coloured_;
};

json step_json(const search_story& story, const search_step& step, std::uint32_t page_bytes,
               byte_style style) {
    const std::string& type = story.types.key_type;
    json out{{"page", step.page},
             {"offset", step.page * page_bytes},
             {"level", step.level},
             {"items", step.count},
             {"lower", bound_json(type, step.bounds.lower, style)},
             {"upper", bound_json(type, step.bounds.upper, style)}};
    if (step.level != 0) {
        out["child"] = {{"index", step.index}, {"page", step.child}};
        out["separator"] = bound_json(type, step.before, style);
        out["next_separator"] = bound_json(type, step.after, style);
    } else {
        out["entry"] = step.index;
        out["before"] = bound_json(type, step.before, style);
        out["at"] = bound_json(type, step.after, style);
    }
    return out;
}

json as_json(const path_arguments& arguments, const search_story& story, std::uint32_t page_bytes) {
    json out{{"schema", "pinyon.path/1"},
             {"file", escaped(arguments.file)},
             {"tree", shown_json(story.tree, byte_style::automatic)},
             {"key", key_json(story.types.key_type, story.key, arguments.bytes)}};
    out["steps"] = json::array();
    for (const search_step& step : story.steps) {
        out["steps"].push_back(step_json(story, step, page_bytes, arguments.bytes));
    }
    if (story.damage) {
        out["damage"] = {{"text", escaped(story.damage->what())}};
        if (story.damage->page()) { out["damage"]["page"] = *story.damage->page(); }
        return out;
    }
    out["found"] = story.found;
    if (story.large) {
        out["large_value"] = {{"page", story.large->first}, {"bytes", story.large->length}};
    } else if (story.found) {
        out["value"] = value_json(story.types.value_type, as_bytes(story.value), arguments.bytes);
    }
    return out;
}

void tell_of_log(const path_arguments& arguments, const format::meta& meta, const file_watch& watch,
                 const streams& streams) {
    if (arguments.quiet || watch.beside_writer() || (meta.flags & format::meta_flag_clean) != 0) {
        return;
    }
    streams.err << fmt::format(
                       "pinyon path: {}: these are the pages of the last checkpoint; the file was "
                       "not closed, so its log may hold more\n  next: pinyon log {}\n",
                       escaped(arguments.file), shell_quoted(arguments.file))
                << std::flush;
}

// "There is no such tree" of an older state is no answer.
std::pair<std::string, format::catalog_record> chosen_tree(const path_arguments& arguments,
                                                           inspected_pages& pages) {
    try {
        return pages.record(arguments.tree);
    } catch (const refusal&) {
        require_both_metas(arguments.file);
        throw;
    }
}

}  // namespace

exit_code run_path(const path_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    return watch.run([&] {
        inspected_pages pages(arguments.file);
        const auto [name, record] = chosen_tree(arguments, pages);
        const tree_state tree = state_of(record, pages.meta().page_bytes, pages.meta().page_count);
        search_story story;
        story.tree = name;
        story.types = types_of(record);
        story.levels = tree.root.level + 1;
        tree_information information;
        information.name = name;
        information.key_type = story.types.key_type;
        key_buffer room;
        story.key = parse_key(information, arguments.key, room, arguments.file);
        tell_of_log(arguments, pages.meta(), watch, streams);
        follow(pages.store(), tree, story);
        if (arguments.json) {
            streams.out << as_json(arguments, story, pages.meta().page_bytes).dump(2) << '\n';
        } else {
            streams.out << story_text(arguments, story, streams.out_colour).all();
        }
        streams.flush_results();
        if (story.damage) { throw error(*story.damage); }
        require_both_metas(arguments.file);
        return story.found ? exit_code::fine : exit_code::no;
    });
}

}  // namespace pinyon::tool
