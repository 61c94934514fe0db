#include "tools/difference_writer.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tools/entry_text.hpp"

namespace pinyon::tool {

namespace {

std::string types_text(const tree_information& tree) {
    return fmt::format("{} -> {}", escaped(tree.key_type), escaped(tree.value_type));
}

json tree_json(const std::optional<tree_information>& tree) {
    if (!tree) { return nullptr; }
    return {{"entries", tree->entries},
            {"key_type", shown_json(tree->key_type, byte_style::automatic)},
            {"value_type", shown_json(tree->value_type, byte_style::automatic)}};
}

const char* kind_of(const compared_tree& compared) {
    return !compared.b ? "tree_only_a" : !compared.a ? "tree_only_b" : "tree_types";
}

const char* kind_of(entry_difference kind) {
    switch (kind) {
        case entry_difference::only_a:
            return "only_a";
        case entry_difference::only_b:
            return "only_b";
        case entry_difference::changed:
            break;
    }
    return "changed";
}

std::string verdict_of(const compared_tree& compared) {
    if (!compared.b) { return "only in A"; }
    if (!compared.a) { return "only in B"; }
    if (compared.types_differ) { return "types differ"; }
    return compared.is_equal() ? "equal" : "different";
}

}  // namespace

difference_writer::difference_writer(const diff_arguments& arguments, const streams& streams)
    : arguments_(arguments), streams_(streams) {
    if (!arguments.json) { return; }
    streams.out << "{\n  \"schema\": \"pinyon.diff/1\",\n  \"a\": " << json(escaped(arguments.file))
                << ",\n  \"b\": " << json(escaped(arguments.other)) << ",\n  \"differences\": [";
}

difference_writer::~difference_writer() { close(summary({}, false)); }

bool difference_writer::may_show() {
    const bool silent = arguments_.quiet && !arguments_.json && !arguments_.ndjson;
    if (silent || shown_ == arguments_.limit) {
        ++left_out_;
        return false;
    }
    ++shown_;
    return true;
}

void difference_writer::tree(const compared_tree& compared) {
    if (!may_show()) { return; }
    if (arguments_.json || arguments_.ndjson) {
        return object({{"kind", kind_of(compared)},
                       {"tree", shown_json(compared.name, byte_style::automatic)},
                       {"a", tree_json(compared.a)},
                       {"b", tree_json(compared.b)}});
    }
    const std::string name = fmt::format("tree '{}': ", escaped(compared.name));
    has_heading_ = false;
    const auto tell = [&](const std::string& sign, const tree_information& tree, colour how) {
        line(sign, name + types_text(tree) + ", " + counted(tree.entries, "entry", "entries"), how);
    };
    if (compared.a) { tell("-", *compared.a, colour::red); }
    if (compared.b) { tell("+", *compared.b, colour::green); }
}

void difference_writer::entry(entry_difference kind, tree_side& a, tree_side& b) {
    if (!may_show()) { return; }
    if (!arguments_.json && !arguments_.ndjson) { return entry_text(kind, a, b); }
    const tree_side& named = kind == entry_difference::only_b ? b : a;
    json out{{"kind", kind_of(kind)},
             {"tree", shown_json(named.tree().name, byte_style::automatic)},
             {"key", key_json(named.tree().key_type, named.key(), arguments_.bytes)}};
    if (arguments_.values) {
        const auto value = [this](tree_side& side) {
            return value_json(side.tree().value_type, side.value(), arguments_.bytes);
        };
        if (kind != entry_difference::only_b) { out["a"] = value(a); }
        if (kind != entry_difference::only_a) { out["b"] = value(b); }
    }
    object(out);
}

void difference_writer::entry_text(entry_difference kind, tree_side& a, tree_side& b) {
    const auto text = [this](tree_side& side) {
        const tree_information& tree = side.tree();
        std::string out = key_text(tree.key_type, side.key(), arguments_.bytes);
        if (arguments_.values) {
            out += '\t' + value_text(tree.value_type, side.value(), arguments_.bytes);
        }
        return out;
    };
    const std::string& name = (kind == entry_difference::only_b ? b : a).tree().name;
    if (!has_heading_ || named_ != name) {
        streams_.out << painted(fmt::format("tree '{}'", escaped(name)), colour::bold,
                                streams_.out_colour)
                     << '\n';
        named_ = name;
        has_heading_ = true;
    }
    if (kind == entry_difference::changed && !arguments_.values) {
        return line("~", text(a), colour::yellow);
    }
    if (kind != entry_difference::only_b) { line("-", text(a), colour::red); }
    if (kind != entry_difference::only_a) { line("+", text(b), colour::green); }
}

void difference_writer::line(const std::string& sign, const std::string& text, colour how) {
    streams_.out << painted(sign + " " + text, how, streams_.out_colour) << '\n';
    if (!streams_.out) { streams_.flush_results(); }
}

void difference_writer::object(const json& difference) {
    if (arguments_.json) { streams_.out << (shown_ == 1 ? "\n    " : ",\n    "); }
    streams_.out << difference;
    if (arguments_.ndjson) { streams_.out << '\n'; }
    if (!streams_.out) { streams_.flush_results(); }
}

json difference_writer::summary(const std::vector<compared_tree>& trees, bool complete) const {
    json out{{"trees", json::array()}};
    bool equal = true;
    for (const compared_tree& each : trees) {
        equal = equal && each.is_equal();
        const bool in_both = each.a && each.b;
        out["trees"].push_back({{"tree", shown_json(each.name, byte_style::automatic)},
                                {"in_a", each.a.has_value()},
                                {"in_b", each.b.has_value()},
                                {"same_types", in_both ? json(!each.types_differ) : json(nullptr)},
                                {"only_a", each.counts.only_a},
                                {"only_b", each.counts.only_b},
                                {"changed", each.counts.changed},
                                {"equal", each.counts.equal}});
    }
    out["shown"] = shown_;
    out["not_shown"] = left_out_;
    out["equal"] = complete ? json(equal) : json(nullptr);
    out["complete"] = complete;
    return out;
}

// Behind the differences of the document, or as the last line.
void difference_writer::close(const json& summary) {
    if (closed_) { return; }
    closed_ = true;
    if (arguments_.ndjson) {
        json line{{"kind", "summary"}, {"schema", "pinyon.diff/1"}};
        line.update(summary);
        streams_.out << line << '\n';
    } else if (arguments_.json) {
        std::string rest = summary.dump(2);
        rest.erase(0, 1);
        streams_.out << (shown_ == 0 ? "" : "\n  ") << "]," << rest << '\n';
    }
}

void difference_writer::finish(const std::vector<compared_tree>& trees) {
    close(summary(trees, true));
    if (arguments_.json || arguments_.ndjson || arguments_.quiet) { return; }
    streams_.out << summary_text(trees);
}

std::string difference_writer::summary_text(const std::vector<compared_tree>& trees) const {
    const bool equal = std::all_of(trees.begin(), trees.end(),
                                   [](const compared_tree& tree) { return tree.is_equal(); });
    std::string out;
    if (left_out_ != 0) {
        out += fmt::format("... and {} not shown\n", counted(left_out_, "more", "more"));
    }
    if (shown_ != 0 || left_out_ != 0) { out += '\n'; }
    out += fmt::format("{}\n  A: {}\n  B: {}\n",
                       painted(equal ? "equal" : "different",
                               equal ? colour::green : colour::yellow, streams_.out_colour),
                       escaped(arguments_.file), escaped(arguments_.other));
    text_table table({"tree", "", ">only in A", ">only in B", ">changed", ">equal"});
    for (const compared_tree& each : trees) {
        table.row({escaped(each.name), verdict_of(each), grouped(each.counts.only_a),
                   grouped(each.counts.only_b), grouped(each.counts.changed),
                   grouped(each.counts.equal)});
    }
    return trees.empty() ? out : out + table.text(streams_.out_colour);
}

}  // namespace pinyon::tool
