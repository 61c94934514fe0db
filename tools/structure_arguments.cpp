#include "tools/structure_arguments.hpp"

#include "tools/argument_parts.hpp"

namespace pinyon::tool {

namespace {

void add_page(CLI::App& verb, std::uint64_t& into) {
    verb.add_option("N", into, "the page's number; its offset in the file is N times the page size")
        ->required()
        ->type_name("")
        ->check(CLI::NonNegativeNumber.description(""));
}

void declare_pages(CLI::App& verb, pages_arguments& into) {
    add_common(verb, into);
    add_ndjson(verb, into.ndjson);
    const std::map<std::string, page_choice> kinds{
        {"meta", {page_use::meta}},       {"leaf", {page_use::leaf}},
        {"inner", {page_use::inner}},     {"extent_data", {page_use::extent_data}},
        {"image", {page_use::image}},     {"extent_sums", {page_use::extent_sums}},
        {"free", {page_use::free}},       {"pending", {page_use::pending}},
        {"lost", {page_use::lost}},       {"missing", {page_use::missing}},
        {"damaged", {std::nullopt, true}}};
    add_choice<page_choice>(verb, "--kind", into.kind, kinds,
                            "only these: meta, leaf, inner, extent_data, extent_sums, image, free, "
                            "pending, lost, missing; or damaged");
    verb.add_flag("--runs", into.runs, "neighbours of one kind, tree and level in one line");
}

void declare_map(CLI::App& verb, map_arguments& into) {
    add_common(verb, into);
    add_choice<map_colouring>(verb, "--by", into.by,
                              {{"kind", map_colouring::kind},
                               {"tree", map_colouring::tree},
                               {"fill", map_colouring::fill},
                               {"age", map_colouring::age}},
                              "what the colours tell: kind, tree, fill, age (kind)");
}

void declare_tree(CLI::App& verb, tree_arguments& into) {
    add_common(verb, into);
    CLI::Option* const lines =
        verb.add_flag("--ndjson", into.ndjson, "one JSON document a line")->excludes("--json");
    verb.add_option("--tree", into.tree, "only this one; without it all, the catalog first")
        ->type_name("NAME");
    verb.add_option("--depth", into.depth, "levels below the root (all)")
        ->type_name("D")
        ->check(CLI::NonNegativeNumber.description(""));
    verb.add_flag("--dot", into.dot, "as a graph for Graphviz")
        ->excludes("--json")
        ->excludes(lines);
}

void declare_path(CLI::App& verb, path_arguments& into) {
    add_common(verb, into);
    verb.add_option("KEY", into.key, "the key, written as its type in the catalog says")
        ->required()
        ->type_name("");
    add_tree(verb, into.tree);
}

}  // namespace

void declare_structure(const std::map<std::string, CLI::App*>& verbs, structure_verbs& into) {
    declare_pages(*verbs.at("pages"), into.pages);

    add_common(*verbs.at("page"), into.page);
    add_page(*verbs.at("page"), into.page.page);
    verbs.at("page")->add_flag("--hex", into.page.hex, "also the bytes of the page");

    add_common(*verbs.at("owner"), into.owner);
    add_page(*verbs.at("owner"), into.owner.page);

    declare_map(*verbs.at("map"), into.map);
    declare_tree(*verbs.at("tree"), into.tree);
    declare_path(*verbs.at("path"), into.path);

    add_common(*verbs.at("free"), into.free);

    add_common(*verbs.at("log"), into.log);
    add_ndjson(*verbs.at("log"), into.log.ndjson);
    verbs.at("log")->add_flag("--operations", into.log.operations,
                              "also what each transaction did");
}

std::optional<verb_arguments> chosen_structure(const std::string& verb, structure_verbs& all) {
    if (verb == "pages") { return std::move(all.pages); }
    if (verb == "page") { return std::move(all.page); }
    if (verb == "owner") { return std::move(all.owner); }
    if (verb == "map") { return std::move(all.map); }
    if (verb == "tree") { return std::move(all.tree); }
    if (verb == "path") { return std::move(all.path); }
    if (verb == "free") { return std::move(all.free); }
    if (verb == "log") { return std::move(all.log); }
    return std::nullopt;
}

}  // namespace pinyon::tool
