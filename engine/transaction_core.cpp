#include "pinyon/engine/transaction_core.hpp"

#include <algorithm>

#include "pinyon/engine/tree_memory.hpp"

namespace pinyon {

transaction_core::transaction_core(std::shared_ptr<void> owner, page_store& store,
                                   const published_state& start, std::uint64_t id, bool writing)
    : owner_(std::move(owner)),
      store_(&store),
      id_(id),
      writing_(writing),
      next_tree_(start.next_tree),
      start_(start.transaction) {
    catalog_.schema = catalog_schema(store.page_bytes());
    catalog_.root = start.catalog;
}

void transaction_core::raise_over() const {
    if (life_.inherited()) {
        raise(errc::misuse,
              "this transaction belongs to the parent process: a forked child opens the database "
              "again");
    }
    raise(errc::misuse, writing_
                            ? "this write transaction is over (committed or aborted): begin another"
                            : "this read transaction is over: begin another");
}

void transaction_core::enter_change() const {
    enter();
    if (!writing_) { raise(errc::misuse, "a read transaction changes nothing: use begin_write"); }
    if (failed_) {
        raise(errc::transaction_failed,
              "an earlier change in this transaction failed half-way: abort it and try again");
    }
}

void transaction_core::enter_commit() const {
    enter_change();
    if (unfinished_ != 0) {
        raise(errc::misuse,
              "a stream or a load of this transaction is unfinished: finish it, or let it go, "
              "before commit");
    }
}

bool transaction_core::is_about_arguments(errc code) noexcept {
    switch (code) {
        case errc::key_too_long:
        case errc::value_too_long:
        case errc::type_mismatch:
        case errc::no_such_tree:
        case errc::exists:
        case errc::misuse:
            return true;
        default:
            return false;
    }
}

opened_tree& transaction_core::add(std::string_view name, const format::catalog_record& record,
                                   const tree_state& state) {
    return trees_.emplace_front(opened_tree{recycled_string(name), record, state});
}

opened_tree* transaction_core::open(std::string_view name) {
    for (opened_tree& tree : trees_) {
        if (!tree.dropped && tree.name == name) { return &tree; }
    }
    tree_memory& memory = tree_memory::of_this_thread();
    const tree_memory::moment start{store_->number(), start_};
    // The catalog of a transaction that has changed it is its own.
    if (catalog_.changes == 0) {
        if (const auto* known = memory.find(start, name)) {
            return &add(name, known->record, known->state);
        }
    }
    if (name.empty() || name.size() > format::key_bytes_max(store_->page_bytes())) {
        return nullptr;
    }
    const auto record = catalog_find(*store_, catalog_, name);
    if (!record) { return nullptr; }
    opened_tree& tree =
        add(name, *record, state_of(*record, store_->page_bytes(), store_->page_limit()));
    if (catalog_.changes == 0) { memory.keep(start, name, tree.record, tree.state); }
    return &tree;
}

void transaction_core::remember_trees() const noexcept {
    tree_memory& memory = tree_memory::of_this_thread();
    for (const opened_tree& tree : trees_) {
        if (!tree.dropped) {
            memory.keep({store_->number(), id_}, tree.name, tree.record, tree.state);
        }
    }
}

opened_tree& transaction_core::create(std::string_view name, const format::catalog_record& blank) {
    check_tree_name(name, store_->page_bytes());
    if (open(name) != nullptr) {
        raise(errc::exists, "there is a tree named '" + std::string(name) + "' already");
    }
    if (next_tree_ == ~std::uint32_t{0}) {
        raise(errc::no_space, "all tree numbers are used up: copy the data to a new file");
    }
    format::catalog_record made = blank;
    made.tree = next_tree_;
    made.created = id_;
    // Impossible widths must be found before a page is taken; the root is made below.
    made.root = {format::first_page(store_->page_bytes()), 0, 1, 0};
    tree_state state = state_of(made, store_->page_bytes(), store_->page_limit());
    create_tree(*store_, state);
    made.root = state.root;
    pending_operation record(log_);
    if (record) { record->create_tree(name, made); }
    catalog_put(*store_, catalog_, name, made);
    ++state.changes;
    ++next_tree_;
    opened_tree& tree = add(name, made, state);
    record.keep();
    return tree;
}

void transaction_core::rename(std::string_view from, std::string_view to) {
    check_tree_name(to, store_->page_bytes());
    opened_tree* tree = open(from);
    if (tree == nullptr) {
        raise(errc::no_such_tree, "there is no tree named '" + std::string(from) + "' to rename");
    }
    if (from == to) { return; }
    if (open(to) != nullptr) {
        raise(errc::exists, "there is a tree named '" + std::string(to) + "' already");
    }
    pending_operation record(log_);
    if (record) { record->rename_tree(tree->record.tree, to); }
    catalog_erase(*store_, catalog_, from);
    catalog_put(*store_, catalog_, to, tree->record);
    tree->name = to;
    record.keep();
}

bool transaction_core::drop(std::string_view name) {
    opened_tree* tree = open(name);
    if (tree == nullptr) { return false; }
    pending_operation record(log_);
    if (record) { record->drop_tree(tree->record.tree); }
    const page_store::reserve_use reserve(*store_);
    drop_tree(*store_, tree->state);
    catalog_erase(*store_, catalog_, name);
    tree->dropped = true;
    record.keep();
    return true;
}

std::vector<std::pair<std::string, format::catalog_record>> transaction_core::list() {
    auto records = catalog_list(*store_, catalog_);
    for (auto& [name, record] : records) {
        for (const auto& tree : trees_) {
            if (!tree.dropped && std::string_view(name) == tree.name) {
                record.root = tree.state.root;
                if (tree.state.holds_extents) { record.flags |= format::catalog_flag_extents; }
            }
        }
    }
    return records;
}

void transaction_core::write_back_records() {
    for (opened_tree& tree : trees_) {
        if (tree.dropped || tree.state.changes == 0) { continue; }
        tree.state.root.checksum = store_->seal_tree(tree.state.schema, tree.state.root);
        tree.record.root = tree.state.root;
        if (tree.state.holds_extents) { tree.record.flags |= format::catalog_flag_extents; }
        catalog_put(*store_, catalog_, tree.name, tree.record);
    }
}

bool transaction_core::seal() {
    const page_store::reserve_use reserve(*store_);
    write_back_records();
    if (catalog_.changes == 0) { return false; }
    catalog_.root.checksum = store_->seal_tree(catalog_.schema, catalog_.root);
    return true;
}

}  // namespace pinyon
