#include "pinyon/engine/operation_rules.hpp"

#include "pinyon/engine/catalog.hpp"
#include "pinyon/mmap/error.hpp"

namespace pinyon {

namespace {

[[noreturn]] void raise_damaged(const std::string& what) {
    raise(errc::log_corrupt, what + "; restore the database from a backup");
}

[[nodiscard]] std::string quoted(std::string_view name) { return "'" + std::string(name) + "'"; }

[[nodiscard]] bool is_fixed(const format::catalog_record& record) noexcept {
    return record.layout == static_cast<std::uint8_t>(format::node_layout::fixed);
}

[[noreturn]] void raise_none_of(const char* what, bytes given, const std::string& tree) {
    raise_damaged(std::string(what) + " of " + std::to_string(given.size()) +
                  " bytes is none of the tree " + quoted(tree));
}

}  // namespace

void raise_other_state(const std::string& what) {
    raise(errc::log_mismatch,
          what + ": the log began in another state of the database; open it with its own log");
}

format::catalog_record created_record(const operation& what, std::uint32_t page_bytes) {
    try {
        check_tree_name(what.name, page_bytes);
        const format::catalog_record blank =
            make_record(types_of(what.record), {what.record.minimum_degree}, page_bytes);
        if (blank.layout != what.record.layout) {
            raise(errc::corrupt, "its layout does not follow from its types");
        }
        // Any root: the widths are asked for.
        format::catalog_record rooted = blank;
        rooted.tree = what.tree;
        rooted.root = {format::first_page(page_bytes), 0, 1, 0};
        static_cast<void>(state_of(rooted, page_bytes, rooted.root.page + 1));
        return blank;
    } catch (const error& refusal) {
        raise_damaged(std::string("a tree is created that cannot be (") + refusal.what() + ")");
    }
}

operation_rules::operation_rules(
    const std::vector<std::pair<std::string, format::catalog_record>>& trees,
    std::uint32_t next_tree, std::uint32_t page_bytes)
    : next_tree_(next_tree), page_bytes_(page_bytes) {
    for (const auto& [name, record] : trees) {
        names_.insert(name);
        if (!trees_.try_emplace(record.tree, known_tree{name, record}).second) {
            raise(errc::corrupt, "the catalog gives the number " + std::to_string(record.tree) +
                                     " to two trees; run 'pinyon check' on the file");
        }
    }
}

operation_rules::known_tree& operation_rules::find(std::uint32_t tree) {
    if (last_ != nullptr && last_number_ == tree) { return *last_; }
    const auto found = trees_.find(tree);
    if (found == trees_.end()) {
        raise_damaged("the tree " + std::to_string(tree) + " is changed, and there is none");
    }
    last_number_ = tree;
    last_ = &found->second;
    return *last_;
}

void operation_rules::check(const operation& what) {
    if (what.kind == operation_kind::create_tree) { return check_created(what); }
    const known_tree& tree = find(what.tree);
    switch (what.kind) {
        case operation_kind::put:
            check_key(tree, what.key);
            return check_value(tree, what.value);
        case operation_kind::erase:
            return check_key(tree, what.key);
        case operation_kind::erase_range:
            check_bound(tree, what.lower);
            return check_bound(tree, what.upper);
        case operation_kind::rename_tree:
            return check_renamed(what);
        case operation_kind::create_tree:
        case operation_kind::drop_tree:
            return;
    }
}

void operation_rules::check_key(const known_tree& tree, bytes key) const {
    const std::uint32_t width = tree.record.key_bytes;
    if ((width != 0 && key.size() != width) || key.size() > format::key_bytes_max(page_bytes_)) {
        raise_none_of("a key", key, tree.name);
    }
}

void operation_rules::check_value(const known_tree& tree, bytes value) const {
    const std::uint32_t width = tree.record.value_bytes;
    if (width != 0 && value.size() != width) { raise_none_of("a value", value, tree.name); }
}

// Bounds stand between the keys of a slotted tree, whatever the width of those.
void operation_rules::check_bound(const known_tree& tree, const std::optional<bytes>& bound) const {
    if (!bound) { return; }
    if (is_fixed(tree.record) ? bound->size() != tree.record.key_bytes
                              : bound->size() > format::key_bytes_max(page_bytes_)) {
        raise_none_of("a bound", *bound, tree.name);
    }
}

void operation_rules::check_created(const operation& what) const {
    static_cast<void>(created_record(what, page_bytes_));
    if (what.tree != next_tree_) {
        raise_other_state("a tree is created with the number " + std::to_string(what.tree) +
                          " where the next one is " + std::to_string(next_tree_));
    }
    if (names_.contains(std::string(what.name))) {
        raise_other_state("a tree " + quoted(what.name) + " is created that is there");
    }
}

void operation_rules::check_renamed(const operation& what) const {
    try {
        check_tree_name(what.name, page_bytes_);
    } catch (const error& refusal) {
        raise_damaged(std::string("a tree is renamed as it cannot be (") + refusal.what() + ")");
    }
    if (names_.contains(std::string(what.name))) {
        raise_other_state("a tree is renamed to " + quoted(what.name) + ", which is there");
    }
}

void operation_rules::follow(const operation& what) {
    switch (what.kind) {
        case operation_kind::put:
        case operation_kind::erase:
        case operation_kind::erase_range:
            return;
        case operation_kind::create_tree: {
            format::catalog_record record = created_record(what, page_bytes_);
            record.tree = next_tree_++;
            trees_.try_emplace(record.tree, known_tree{std::string(what.name), record});
            names_.emplace(what.name);
            return;
        }
        case operation_kind::drop_tree:
            names_.erase(find(what.tree).name);
            last_ = nullptr;
            trees_.erase(what.tree);
            return;
        case operation_kind::rename_tree: {
            std::string& name = find(what.tree).name;
            names_.erase(name);
            name = what.name;
            names_.insert(name);
            return;
        }
    }
}

}  // namespace pinyon
