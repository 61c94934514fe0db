#include "pinyon/engine/replay.hpp"

#include <utility>

#include "pinyon/mmap/error.hpp"

namespace pinyon {

namespace {

constexpr const char* remedy = "; restore the database from a backup";

[[noreturn]] void raise_damaged(const std::string& what) {
    raise(errc::log_corrupt, what + remedy);
}

[[noreturn]] void raise_other_state(const std::string& what) {
    raise(errc::log_mismatch,
          what + ": the log began in another state of the database; open it with its own log");
}

[[nodiscard]] bool is_fixed(const opened_tree& tree) noexcept {
    return tree.state.schema.layout == format::node_layout::fixed;
}

void check_key(const opened_tree& tree, bytes key) {
    const std::uint32_t width = tree.record.key_bytes;
    if ((width != 0 && key.size() != width) ||
        key.size() > format::key_bytes_max(tree.state.schema.page_bytes)) {
        raise_damaged("a key of " + std::to_string(key.size()) + " bytes is none of " +
                      tree.title());
    }
}

void check_value(const opened_tree& tree, bytes value) {
    const std::uint32_t width = tree.record.value_bytes;
    if (width != 0 && value.size() != width) {
        raise_damaged("a value of " + std::to_string(value.size()) + " bytes is none of " +
                      tree.title());
    }
}

// Bounds stand between the keys of a slotted tree, whatever the width of those.
void check_bound(const opened_tree& tree, const std::optional<bytes>& bound) {
    if (!bound) { return; }
    const std::size_t size = bound->size();
    if (is_fixed(tree) ? size != tree.record.key_bytes
                       : size > format::key_bytes_max(tree.state.schema.page_bytes)) {
        raise_damaged("a bound of " + std::to_string(size) + " bytes is none of " + tree.title());
    }
}

// The record of a tree to be created, as its creator made it.
[[nodiscard]] format::catalog_record blank_of(const operation& what, const page_store& store) {
    const std::uint32_t page_bytes = store.page_bytes();
    try {
        check_tree_name(what.name, page_bytes);
        const format::catalog_record blank =
            make_record(types_of(what.record), {what.record.minimum_degree}, page_bytes);
        if (blank.layout != what.record.layout) {
            raise(errc::corrupt, "its layout does not follow from its types");
        }
        format::catalog_record rooted = blank;
        rooted.tree = what.tree;
        rooted.root = {format::first_page(page_bytes), 0, 1, 0};
        static_cast<void>(state_of(rooted, page_bytes, store.page_limit()));
        return blank;
    } catch (const error& refusal) {
        raise_damaged(std::string("a tree is created that cannot be (") + refusal.what() + ")");
    }
}

}  // namespace

void replayer::learn_names(transaction_core& core) {
    names_.clear();
    for (auto& [name, record] : core.list()) {
        if (!names_.emplace(record.tree, std::move(name)).second) {
            raise(errc::corrupt, "the catalog gives the number " + std::to_string(record.tree) +
                                     " to two trees; run 'pinyon check' on the file");
        }
    }
    names_known_ = true;
}

void replayer::apply(transaction_core& core, bytes payload, std::uint32_t operations) {
    last_ = nullptr;
    try {
        if (!names_known_) { learn_names(core); }
        operation_reader reader(payload, operations);
        while (const std::optional<operation> what = reader.next()) {
            apply(core, *what);
            ++operations_;
        }
    } catch (const error& failure) {
        names_known_ = false;
        if (failure.kind() != errc::log_corrupt && failure.kind() != errc::log_mismatch) { throw; }
        raise(failure.kind(),
              "transaction " + std::to_string(core.id()) + " of the log: " + failure.what());
    } catch (...) {
        names_known_ = false;
        throw;
    }
    last_ = nullptr;
}

void replayer::apply(transaction_core& core, const operation& what) {
    switch (what.kind) {
        case operation_kind::put:
            return put(core, what);
        case operation_kind::erase:
            return erase(core, what);
        case operation_kind::erase_range:
            return erase_range(core, what);
        case operation_kind::create_tree:
            return create(core, what);
        case operation_kind::drop_tree:
            return drop(core, what);
        case operation_kind::rename_tree:
            return rename(core, what);
    }
}

opened_tree& replayer::tree_of(transaction_core& core, std::uint32_t number) {
    if (last_ != nullptr && last_->record.tree == number) { return *last_; }
    const auto named = names_.find(number);
    if (named == names_.end()) {
        raise_damaged("the tree " + std::to_string(number) + " is changed, and there is none");
    }
    opened_tree* tree = core.open(named->second);
    if (tree == nullptr || tree->record.tree != number) {
        raise(errc::corrupt, "the catalog does not find the tree '" + named->second +
                                 "' that it lists; run 'pinyon check' on the file");
    }
    last_ = tree;
    return *tree;
}

void replayer::put(transaction_core& core, const operation& what) {
    opened_tree& tree = tree_of(core, what.tree);
    check_key(tree, what.key);
    check_value(tree, what.value);
    core.change([&] {
        pinyon::put(core.store(), tree.state, what.key, what.value, put_mode::replace_or_insert);
    });
}

void replayer::erase(transaction_core& core, const operation& what) {
    opened_tree& tree = tree_of(core, what.tree);
    check_key(tree, what.key);
    if (!core.change([&] { return pinyon::erase(core.store(), tree.state, what.key); })) {
        raise_other_state("a key is erased that is not in " + tree.title());
    }
}

void replayer::erase_range(transaction_core& core, const operation& what) {
    opened_tree& tree = tree_of(core, what.tree);
    check_bound(tree, what.lower);
    check_bound(tree, what.upper);
    const std::uint64_t erased = core.change(
        [&] { return pinyon::erase_range(core.store(), tree.state, what.lower, what.upper); });
    if (erased == 0) { raise_other_state("a range is erased that is empty in " + tree.title()); }
}

void replayer::create(transaction_core& core, const operation& what) {
    const format::catalog_record blank = blank_of(what, core.store());
    if (what.tree != core.next_tree()) {
        raise_other_state("a tree is created with the number " + std::to_string(what.tree) +
                          " where the next one is " + std::to_string(core.next_tree()));
    }
    if (core.open(what.name) != nullptr) {
        raise_other_state("a tree '" + std::string(what.name) + "' is created that is there");
    }
    names_.insert_or_assign(what.tree, std::string(what.name));
    last_ = core.change([&] { return &core.create(what.name, blank); });
}

void replayer::drop(transaction_core& core, const operation& what) {
    const std::string name(tree_of(core, what.tree).name);
    last_ = nullptr;
    core.change([&] { core.drop(name); });
    names_.erase(what.tree);
}

void replayer::rename(transaction_core& core, const operation& what) {
    const std::string from(tree_of(core, what.tree).name);
    try {
        check_tree_name(what.name, core.store().page_bytes());
    } catch (const error& refusal) {
        raise_damaged(std::string("a tree is renamed as it cannot be (") + refusal.what() + ")");
    }
    if (core.open(what.name) != nullptr) {
        raise_other_state("a tree is renamed to '" + std::string(what.name) + "', which is there");
    }
    names_.insert_or_assign(what.tree, std::string(what.name));
    core.change([&] { core.rename(from, what.name); });
}

}  // namespace pinyon
