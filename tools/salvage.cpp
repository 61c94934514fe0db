#include "tools/salvage.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tools/exit_code.hpp"

namespace pinyon::tool {

std::optional<std::uint64_t> salvaged_tree::missing_entries() const noexcept {
    if (!content) { return expected; }
    const std::uint64_t damaged = content->damaged_values().size();
    if (!expected) { return content->is_whole() ? std::optional<std::uint64_t>(0) : std::nullopt; }
    const std::uint64_t found = std::min(*expected, content->entries());
    return *expected - found + damaged;
}

salvage::salvage(damaged_file& file, const format::meta& meta, bool is_assumed)
    : file_(file), meta_(meta), is_assumed_(is_assumed) {
    claimed_.resize(file_.pages());
    load_space();
    catalog_ = std::make_unique<tree_salvage>(file_, claimed_, catalog_schema(file_.page_bytes()));
    if (meta_.catalog.level < format::height_max) {
        catalog_->walk(meta_.catalog, meta_.transaction);
    } else {
        catalog_->lose_all(meta_.transaction);
    }
    add_records();
    require_space_agrees();
    find_orphans();
    if (!catalog_->is_whole()) {
        catalog_->fill(orphans_.of(format::catalog_tree));
        add_records();
        if (!catalog_->is_whole()) { add_unnamed(); }
    }
    for (salvaged_tree& tree : trees_) {
        if (tree.content && tree.exists) { tree.content->fill(orphans_.of(tree.number)); }
    }
}

// --- free space ----------------------------------------------------------------------------------

void salvage::load_space() {
    if (is_assumed_) {
        space_problem_ = "no meta names it";
        return;
    }
    free_space space;
    space.reset(file_.first_page(), std::min(meta_.page_count, file_.pages()));
    const io::page_run run{meta_.free_first, meta_.free_pages};
    (void)claimed_.insert(run);
    if (meta_.free_pages != 0) {
        if (run.first >= file_.pages() || run.count > file_.pages() - run.first) {
            space_problem_ = "it lies behind the end of the file";
            return;
        }
        std::vector<std::byte> image(run.count * file_.page_bytes());
        if (!file_.read(run.first, image)) {
            space_problem_ = "it cannot be read";
            return;
        }
        const bytes whole = bytes(image).first(meta_.free_bytes);
        if (file_.seal().of_image(run.first, whole) != meta_.free_checksum) {
            space_problem_ = "it has a wrong checksum";
            return;
        }
        try {
            space.load(whole, meta_.transaction);
        } catch (const error& failure) {
            space_problem_ = failure.what();
            return;
        }
    }
    space_ = std::move(space);
}

// An image that calls a page free which the state uses proves nothing.
void salvage::require_space_agrees() {
    if (!space_) { return; }
    for (const page_set* set : {&space_->free_set(), &space_->held_set()}) {
        for (auto run = set->next_run(0); run; run = set->next_run(run->first + run->count)) {
            if (claimed_.contains_none(*run)) { continue; }
            space_problem_ = "it calls pages free that are in use";
            space_.reset();
            return;
        }
    }
}

// --- trees ---------------------------------------------------------------------------------------

// The trees that the catalog's leaves name, but for those that are known already.
void salvage::add_records() {
    std::set<std::string> names;
    for (const salvaged_tree& tree : trees_) { names.insert(tree.name); }
    const node_schema schema = catalog_schema(file_.page_bytes());
    catalog_->for_each_leaf([&](std::uint64_t page) {
        (void)for_each_entry(file_, schema, page, [&](bytes key, bytes value, bool is_reference) {
            std::string name(as_text(key));
            if (is_reference || names.contains(name)) { return; }
            add_tree(std::move(name), value);
        });
    });
}

void salvage::add_tree(std::string name, bytes record) {
    salvaged_tree tree;
    tree.name = std::move(name);
    try {
        check_tree_name(tree.name, file_.page_bytes());
        if (record.size() != sizeof(format::catalog_record)) {
            raise(errc::corrupt, "its record has " + std::to_string(record.size()) + " bytes");
        }
        const auto stored = load<format::catalog_record>(record.data());
        tree.number = stored.tree;
        if (!numbers_.insert(tree.number).second) {
            raise(errc::corrupt, "its number is that of another tree");
        }
        const tree_state state = state_of(stored, file_.page_bytes(), format::page_number_max);
        tree.types = types_of(stored);
        tree.minimum_degree = stored.minimum_degree;
        tree.expected = stored.root.count;
        tree.content = std::make_unique<tree_salvage>(file_, claimed_, state.schema);
        tree.content->walk(state.root, meta_.transaction);
    } catch (const error& failure) {
        if (exit_code_of(failure.kind()) != exit_code::damage && failure.kind() != errc::misuse) {
            throw;
        }
        tree.content.reset();
        tree.problem = failure.what();
    }
    trees_.push_back(std::move(tree));
}

void salvage::find_orphans() {
    const bool is_needed = !catalog_->is_whole() ||
                           std::any_of(trees_.begin(), trees_.end(),
                                       [](const salvaged_tree& tree) { return !tree.is_whole(); });
    if (!is_needed) { return; }
    // Behind the state's end are pages of younger ones, which never became durable.
    orphans_.find(file_, claimed_, is_assumed_ ? file_.pages() : meta_.page_count,
                  space_ ? &*space_ : nullptr, meta_.transaction);
}

// The trees that a lost part of the catalog named: those of which pages are left. Which of them
// were dropped long ago, only the free space tells.
void salvage::add_unnamed() {
    const auto older = older_records();
    for (const orphan& each : orphans_.all()) {
        if ((space_ && !each.in_use) || each.born > meta_.transaction ||
            !numbers_.insert(each.tree).second) {
            continue;
        }
        salvaged_tree tree;
        tree.name = fmt::format("tree-{}", each.tree);
        tree.number = each.tree;
        tree.types = raw_types();
        tree.exists = space_.has_value();
        node_schema schema;
        schema.page_bytes = file_.page_bytes();
        schema.tree = each.tree;
        if (const auto record = older.find(each.tree); record != older.end()) {
            tree.last_known_name = record->second.first;
            tree.types = types_of(record->second.second);
            tree.minimum_degree = record->second.second.minimum_degree;
            schema =
                state_of(record->second.second, file_.page_bytes(), format::page_number_max).schema;
        } else if (each.fixed) {
            tree.problem = "no record tells the widths of its keys and values";
        } else {
            complete(schema);
        }
        if (tree.problem.empty()) {
            tree.content = std::make_unique<tree_salvage>(file_, claimed_, schema);
            tree.content->lose_all(meta_.transaction);
        }
        trees_.push_back(std::move(tree));
    }
}

// The youngest record of each tree in what is left of older catalogs. Numbers are never used twice,
// and types never change.
std::map<std::uint32_t, std::pair<std::string, format::catalog_record>> salvage::older_records() {
    std::map<std::uint32_t, std::pair<std::string, format::catalog_record>> found;
    const node_schema schema = catalog_schema(file_.page_bytes());
    for (const orphan& each : orphans_.of(format::catalog_tree)) {
        if (each.level != 0) { continue; }
        (void)for_each_entry(file_, schema, each.page, [&](bytes key, bytes value, bool) {
            if (value.size() != sizeof(format::catalog_record)) { return; }
            const auto record = load<format::catalog_record>(value.data());
            try {
                (void)state_of(record, file_.page_bytes(), format::page_number_max);
                found.try_emplace(record.tree, std::string(as_text(key)), record);
            } catch (const error&) {  // NOLINT(bugprone-empty-catch): no record that can be used
            }
        });
    }
    return found;
}

// --- looking -------------------------------------------------------------------------------------

bool salvage::is_whole() const noexcept {
    return !is_assumed_ && catalog_->is_whole() &&
           std::all_of(trees_.begin(), trees_.end(),
                       [](const salvaged_tree& tree) { return tree.is_whole(); });
}

std::uint64_t salvage::lost_nodes() const noexcept {
    std::uint64_t lost = catalog_->lost_nodes();
    for (const salvaged_tree& tree : trees_) {
        if (tree.content && tree.expected) { lost += tree.content->lost_nodes(); }
    }
    return lost;
}

std::optional<format::meta> state_without_meta(damaged_file& file) {
    orphan_pages found;
    found.find(file, {}, file.pages(), nullptr, format::count_max);
    if (found.all().empty()) { return std::nullopt; }
    format::meta meta{};
    meta.page_bytes = file.page_bytes();
    meta.page_count = file.pages();
    meta.catalog.level = format::height_max;
    for (const orphan& each : found.all()) {
        meta.transaction = std::max(meta.transaction, each.born);
    }
    const node_schema schema = catalog_schema(file.page_bytes());
    std::vector<std::byte> page(file.page_bytes());
    for (const orphan& each : found.of(format::catalog_tree)) {
        if (each.born != meta.transaction || !file.read(each.page, page) ||
            !file.is_node(each.page, page.data()) ||
            header_of(page.data()).identity != schema.identity(each.level)) {
            continue;
        }
        const slotted_node node(page.data(), schema);
        if (node.defect(true) == nullptr && !node.has_lower_fence() && !node.has_upper_fence()) {
            meta.catalog = {each.page, 0, header_of(page.data()).checksum, each.level};
            break;
        }
    }
    return meta;
}

}  // namespace pinyon::tool
