#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/entry_text.hpp"
#include "tools/extent_place.hpp"
#include "tools/file_watch.hpp"
#include "tools/page_survey.hpp"
#include "tools/page_text.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// One link from a meta down to the page: who it is and where it stands.
struct owner_link {
    std::string who;
    std::optional<std::uint64_t> page;
    std::string text;
};

class owner_chain {
public:
    owner_chain(const owner_arguments& arguments, const page_survey& survey)
        : arguments_(arguments), survey_(survey) {}

    [[nodiscard]] std::vector<owner_link> of(std::uint64_t page) {
        const page_row& row = survey_.at(page);
        if (row.use == page_use::meta) {
            add("the format", page, "the metas stand at the offsets 0 and 4096");
        } else if (row.use == page_use::image || row.use == page_use::free ||
                   row.use == page_use::pending) {
            add_space(row);
        } else if (row.is_node()) {
            add_meta(
                fmt::format("names page {} as root of the catalog", survey_.meta().catalog.page));
            add_tree_path(row);
        } else if (row.is_extent()) {
            add_extent(page);
        }
        return std::move(links_);
    }

private:
    void add(std::string who, std::optional<std::uint64_t> page, std::string text) {
        links_.push_back({std::move(who), page, std::move(text)});
    }

    void add_meta(const std::string& text) {
        const unsigned slot = survey_.summary().newest;
        add(fmt::format("meta {}", slot), format::meta_offset[slot] / survey_.summary().page_bytes,
            fmt::format("transaction {}, {}", survey_.meta().transaction, text));
    }

    void add_space(const page_row& row) {
        const format::meta& meta = survey_.meta();
        add_meta("names " + pages_text({meta.free_first, meta.free_pages}) +
                 " as free-space image");
        if (row.use == page_use::image) { return; }
        add("free-space image", meta.free_first,
            fmt::format("has {} as {}", pages_text(row.pages),
                        row.use == page_use::free ? "free: the next writer may take them"
                                                  : "pending: " + pending_text(survey_, row)));
    }

    // The nodes from the root of the node's tree down to it, behind the catalog's path to the tree.
    void add_tree_path(const page_row& row) {
        if (*row.tree != page_fact::catalog) {
            const std::string& name = survey_.tree(*row.tree).name;
            if (const page_row* const leaf = catalog_leaf(name); leaf != nullptr) {
                add_nodes(*leaf);
                links_.back().text += fmt::format(
                    "; its entry '{}' names page {} as root of tree {}", escaped(name),
                    survey_.tree(*row.tree).record.root.page, survey_.tree(*row.tree).record.tree);
            }
        }
        add_nodes(row);
    }

    void add_nodes(const page_row& last) {
        std::vector<const page_row*> path{&last};
        while (path.back()->parent) { path.push_back(&survey_.at(*path.back()->parent)); }
        for (auto each = path.rbegin(); each != path.rend(); ++each) { add_node(**each); }
    }

    void add_node(const page_row& row) {
        std::string text = fmt::format(
            "{}, level {}, {}", use_text(row.use), row.level,
            range_text(survey_.key_type(*row.tree), survey_.bounds(row), arguments_.bytes));
        if (survey_.is_damaged(row)) { text += "; damaged: " + note_text(survey_, row); }
        add(tree_text(survey_, *row.tree), row.pages.first, std::move(text));
    }

    [[nodiscard]] const page_row* catalog_leaf(const std::string& name) const {
        for (const page_row& row : survey_.rows()) {
            if (row.tree != page_fact::catalog || row.use != page_use::leaf) { continue; }
            const key_bounds& bounds = survey_.bounds(row);
            if ((!bounds.lower || *bounds.lower <= name) &&
                (!bounds.upper || name < *bounds.upper)) {
                return &row;
            }
        }
        return nullptr;
    }

    void add_extent(std::uint64_t page) {
        const page_row& row = survey_.at(page);
        add_meta(fmt::format("names page {} as root of the catalog", survey_.meta().catalog.page));
        const std::optional<extent_place> place = find_extent(survey_, page);
        if (!place) { return; }
        add_tree_path(survey_.at(place->leaf));
        links_.back().text += fmt::format(
            "; its entry {}, key {}, refers to a large value of {} bytes", place->entry,
            key_text(survey_.key_type(*row.tree), as_bytes(place->key), arguments_.bytes),
            grouped(place->value.length));
        if (place->piece) {
            add("list of pieces", row.parent,
                fmt::format("names piece {} of {}, from page {} on", *place->piece,
                            place->value.pieces, place->run.first));
        }
        const extent_shape shape = shape_of(place->run, survey_.summary().page_bytes);
        const bool is_data = place->index < shape.data_pages;
        add(place->is_list ? "list of pieces" : "large value", page,
            is_data ? fmt::format("page {} of {} of data", place->index + 1, shape.data_pages)
                    : fmt::format("page {} of {} of checksums", place->index - shape.data_pages + 1,
                                  shape.sum_pages));
    }

    const owner_arguments& arguments_;
    const page_survey& survey_;
    std::vector<owner_link> links_;
};

json as_json(const owner_arguments& arguments, const page_survey& survey,
             const std::vector<owner_link>& links) {
    const page_row& row = survey.at(arguments.page);
    json out{{"schema", "pinyon.owner/1"},
             {"file", escaped(arguments.file)},
             {"page", arguments.page},
             {"offset", arguments.page * survey.summary().page_bytes},
             {"kind", name(row.use)}};
    if (row.tree) { out["tree"] = tree_name_json(survey, *row.tree); }
    out["chain"] = json::array();
    for (const owner_link& each : links) {
        json link{{"who", each.who}};
        if (each.page) { link["page"] = *each.page; }
        link["text"] = each.text;
        out["chain"].push_back(std::move(link));
    }
    out["sound"] = !survey.is_damaged(row);
    out["findings"] = json::array();
    for (const finding* each : survey.findings_of(arguments.page)) {
        out["findings"].push_back({{"kind", name(each->kind)}, {"text", escaped(each->text)}});
    }
    return out;
}

std::string as_text(const owner_arguments& arguments, const page_survey& survey,
                    const std::vector<owner_link>& links, bool coloured) {
    const page_row& row = survey.at(arguments.page);
    std::string out = fmt::format(
        "{}  {}{}\n", painted(fmt::format("page {}", arguments.page), colour::bold, coloured),
        use_text(row.use), row.tree ? " of " + tree_text(survey, *row.tree) : "");
    text_table table({"", "", ""});
    for (const owner_link& each : links) {
        table.row({each.who, each.page ? fmt::format("page {}", *each.page) : "", each.text});
    }
    out += table.text(coloured);
    for (const finding* each : survey.findings_of(arguments.page)) {
        out += fmt::format("  {}  {}: {}\n", painted("damaged", colour::red, coloured),
                           name(each->kind), escaped(each->text));
    }
    return out;
}

// The answer is no where nobody owns the page, unless damage may hide its owner.
exit_code outcome(const owner_arguments& arguments, const page_survey& survey) {
    const page_row& row = survey.at(arguments.page);
    const check_summary& summary = survey.summary();
    const std::string next = "pinyon check " + shell_quoted(arguments.file);
    if (row.use == page_use::missing) {
        throw refusal(exit_code::damage, "the file ends before this page", next);
    }
    if (row.use == page_use::lost && !summary.complete) {
        throw refusal(exit_code::damage,
                      "found no owner, but parts of the file are damaged and may have hidden it",
                      next);
    }
    if (row.use != page_use::lost && survey.is_damaged(row)) {
        throw refusal(exit_code::damage,
                      fmt::format("page {} is damaged: {}", arguments.page, note_text(survey, row)),
                      next);
    }
    require_both_metas(arguments.file);
    return row.use == page_use::lost ? exit_code::no : exit_code::fine;
}

}  // namespace

exit_code run_owner(const owner_arguments& arguments, const streams& streams) {
    const page_survey survey(arguments, streams, "owner", true);
    survey.require_unmoved();
    survey.require_page(arguments.page);
    const std::vector<owner_link> links = owner_chain(arguments, survey).of(arguments.page);
    if (arguments.json) {
        streams.out << as_json(arguments, survey, links).dump(2) << '\n';
    } else {
        streams.out << as_text(arguments, survey, links, streams.out_colour);
    }
    streams.flush_results();
    return outcome(arguments, survey);
}

}  // namespace pinyon::tool
