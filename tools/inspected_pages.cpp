#include "tools/inspected_pages.hpp"

#include "pinyon/mmap/direct_source.hpp"
#include "tools/file_watch.hpp"
#include "tools/tree_choice.hpp"

namespace pinyon::tool {

inspected_pages::inspected_pages(const std::string& file)
    : path_(file), file_(open_to_inspect(file)), metas_(read_metas(*file_, file)) {
    const format::meta& meta = metas_.current();
    store_ = std::make_unique<page_store>(*file_, seed_of(meta.uuid), meta.page_bytes);
    source_ = io::make_direct_source(*file_, *store_, meta.page_bytes);
    store_->attach(*source_, meta.page_count, meta.transaction);
    catalog_.schema = catalog_schema(meta.page_bytes);
    catalog_.root = meta.catalog;
}

std::pair<std::string, format::catalog_record> inspected_pages::record(
    const std::optional<std::string>& name) {
    if (name) {
        if (const auto found = catalog_find(*store_, catalog_, *name)) { return {*name, *found}; }
    }
    auto trees = catalog_list(*store_, catalog_);
    std::vector<std::string> names;
    names.reserve(trees.size());
    for (const auto& each : trees) { names.push_back(each.first); }
    return trees[choose_tree(names, name, path_)];
}

}  // namespace pinyon::tool
