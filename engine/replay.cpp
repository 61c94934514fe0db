#include "pinyon/engine/replay.hpp"

#include "pinyon/mmap/error.hpp"

namespace pinyon {

void replayer::apply(transaction_core& core, bytes payload, std::uint32_t operations) {
    last_ = nullptr;
    try {
        if (!rules_) { rules_.emplace(core.list(), core.next_tree(), core.store().page_bytes()); }
        operation_reader reader(payload, operations);
        while (const std::optional<operation> what = reader.next()) {
            rules_->check(*what);
            apply(core, *what);
            rules_->follow(*what);
            ++operations_;
        }
    } catch (const error& failure) {
        rules_.reset();
        if (failure.kind() != errc::log_corrupt && failure.kind() != errc::log_mismatch) { throw; }
        raise(failure.kind(),
              "transaction " + std::to_string(core.id()) + " of the log: " + failure.what());
    } catch (...) {
        rules_.reset();
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
    const std::string& name = rules_->name_of(number);
    opened_tree* tree = core.open(name);
    if (tree == nullptr || tree->record.tree != number) {
        raise(errc::corrupt, "the catalog does not find the tree '" + name +
                                 "' that it lists; run 'pinyon check' on the file");
    }
    last_ = tree;
    return *tree;
}

void replayer::put(transaction_core& core, const operation& what) {
    opened_tree& tree = tree_of(core, what.tree);
    core.change([&] {
        pinyon::put(core.store(), tree.state, what.key, what.value, put_mode::replace_or_insert);
    });
}

void replayer::erase(transaction_core& core, const operation& what) {
    opened_tree& tree = tree_of(core, what.tree);
    if (!core.change([&] { return pinyon::erase(core.store(), tree.state, what.key); })) {
        raise_other_state("a key is erased that is not in " + tree.title());
    }
}

void replayer::erase_range(transaction_core& core, const operation& what) {
    opened_tree& tree = tree_of(core, what.tree);
    const std::uint64_t erased = core.change(
        [&] { return pinyon::erase_range(core.store(), tree.state, what.lower, what.upper); });
    if (erased == 0) { raise_other_state("a range is erased that is empty in " + tree.title()); }
}

void replayer::create(transaction_core& core, const operation& what) {
    const format::catalog_record blank = created_record(what, core.store().page_bytes());
    last_ = core.change([&] { return &core.create(what.name, blank); });
}

void replayer::drop(transaction_core& core, const operation& what) {
    last_ = nullptr;
    core.change([&] { core.drop(rules_->name_of(what.tree)); });
}

void replayer::rename(transaction_core& core, const operation& what) {
    core.change([&] { core.rename(rules_->name_of(what.tree), what.name); });
}

}  // namespace pinyon
