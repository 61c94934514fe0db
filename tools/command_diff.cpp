#include <algorithm>

#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/difference_writer.hpp"
#include "tools/progress.hpp"

namespace pinyon::tool {

namespace {

data_arguments with_file(const diff_arguments& arguments, const std::string& file) {
    data_arguments which = arguments;
    which.file = file;
    return which;
}

// The trees of both, by name; only the wanted one.
std::vector<compared_tree> paired(const compared_file& a, const compared_file& b,
                                  const diff_arguments& arguments) {
    std::vector<compared_tree> pairs;
    const auto trees_of = [](const compared_file& file) {
        return file.guard([&] { return file.snapshot().trees(); });
    };
    for (tree_information& each : trees_of(a)) {
        std::string name = each.name;
        pairs.push_back({std::move(name), std::move(each), {}, false, {}});
    }
    const auto of_a = static_cast<std::ptrdiff_t>(pairs.size());
    const auto by_name = [](const compared_tree& pair, const std::string& name) {
        return pair.name < name;
    };
    for (tree_information& each : trees_of(b)) {
        const auto end = pairs.begin() + of_a;
        const auto found = std::lower_bound(pairs.begin(), end, each.name, by_name);
        if (found != end && found->name == each.name) {
            found->b = std::move(each);
        } else {
            std::string name = each.name;
            pairs.push_back({std::move(name), {}, std::move(each), false, {}});
        }
    }
    std::sort(pairs.begin(), pairs.end(),
              [](const compared_tree& x, const compared_tree& y) { return x.name < y.name; });
    if (!arguments.tree) { return pairs; }
    std::erase_if(pairs, [&](const compared_tree& each) { return each.name != *arguments.tree; });
    if (pairs.empty()) {
        throw refusal(exit_code::no,
                      fmt::format("neither this file nor {} has a tree '{}'",
                                  escaped(arguments.other), escaped(*arguments.tree)),
                      "pinyon info " + shell_quoted(arguments.file));
    }
    return pairs;
}

// What a program sees of the types; how values are aligned in a page is not of it.
bool same_types(const compared_file& a, const compared_file& b, const compared_tree& pair) {
    const auto types_of = [&](const compared_file& file) {
        return file.guard([&] { return file.snapshot().open_raw(pair.name).types(); });
    };
    const tree_types left = types_of(a);
    const tree_types right = types_of(b);
    return left.key_type == right.key_type && left.value_type == right.value_type &&
           left.key_bytes == right.key_bytes && left.value_bytes == right.value_bytes;
}

class comparison {
public:
    comparison(const diff_arguments& arguments, const streams& streams)
        : arguments_(arguments),
          a_(with_file(arguments, arguments.file), "diff", streams),
          b_(with_file(arguments, arguments.other), "diff", streams),
          trees_(paired(a_, b_, arguments)),
          // A line of progress between lines of results would only disturb.
          line_(streams, "diff", "entries", 0, arguments.quiet || streams.out_is_terminal),
          writer_(arguments, streams) {}

    // Whether the files are equal.
    bool run() {
        std::uint64_t total = 0;
        for (compared_tree& each : trees_) {
            if (!each.a || !each.b) { continue; }
            each.types_differ = !same_types(a_, b_, each);
            if (!each.types_differ) { total += each.a->entries + each.b->entries; }
        }
        line_.set_total(total);
        bool equal = true;
        for (compared_tree& each : trees_) {
            if (!equal && stops_early()) { break; }
            compare(each);
            equal = equal && each.is_equal();
        }
        line_.clear();
        writer_.finish(trees_);
        return equal;
    }

private:
    // Nobody asks for more than whether they are equal.
    [[nodiscard]] bool stops_early() const noexcept {
        return arguments_.quiet && !arguments_.json && !arguments_.ndjson;
    }

    void compare(compared_tree& pair) {
        if (!pair.a || !pair.b || pair.types_differ) { return writer_.tree(pair); }
        tree_side a(a_, *pair.a);
        tree_side b(b_, *pair.b);
        const auto tell = [&](entry_difference kind) {
            writer_.entry(kind, a, b);
            return !stops_early();
        };
        const auto look = [&](const comparison_counts& counts) {
            line_.update(walked_ + counts.walked(), walked_ + counts.walked());
        };
        pair.counts = compare_trees(a, b, tell, look);
        walked_ += pair.counts.walked();
    }

    const diff_arguments& arguments_;
    compared_file a_;
    compared_file b_;
    std::vector<compared_tree> trees_;
    progress line_;
    difference_writer writer_;
    std::uint64_t walked_ = 0;
};

}  // namespace

exit_code run_diff(const diff_arguments& arguments, const streams& streams) {
    return comparison(arguments, streams).run() ? exit_code::fine : exit_code::no;
}

}  // namespace pinyon::tool
