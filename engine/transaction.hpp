// Transactions: any number of readers, each on a snapshot that never changes and never blocks, and
// one writer at a time. Both kinds are movable, share ownership of the database, and end in their
// destructor (a write transaction then aborts).
//
// What stays valid: a value view from a read transaction until that ends; from a write transaction
// until the next change through it. Keys from a cursor until the cursor moves.
//
// Threads: one thread at a time per transaction; a transaction may move between threads.
// Failure: misuse after commit, abort or move, and after fork; otherwise as stated.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pinyon/engine/options.hpp"
#include "pinyon/engine/tree.hpp"

namespace pinyon {

class transaction_core;

// One line of the catalog.
struct tree_information {
    std::string name;
    std::string key_type;
    std::string value_type;
    bool fixed_layout = false;
    std::uint32_t number = 0;  // as page headers name the tree
    std::uint64_t entries = 0;
    unsigned height = 0;  // levels, 1 for a lone leaf
    std::uint32_t minimum_degree = 0;
    bool holds_extents = false;
};

class read_transaction {
public:
    read_transaction(read_transaction&&) noexcept;
    read_transaction& operator=(read_transaction&&) noexcept;
    ~read_transaction();

    // The typed tree that `spec` names. Throws no_such_tree, type_mismatch. O(log trees).
    template <class Key, class Value>
    [[nodiscard]] tree<Key, Value> open(const tree_spec<Key, Value>& spec) const {
        return tree<Key, Value>(open_checked(spec.name, spec.types(), spec.options));
    }
    // Nullopt when there is no such tree.
    template <class Key, class Value>
    [[nodiscard]] std::optional<tree<Key, Value>> find(const tree_spec<Key, Value>& spec) const {
        if (!contains(spec.name)) { return std::nullopt; }
        return open(spec);
    }
    // Any tree, by its bytes. Throws no_such_tree.
    [[nodiscard]] raw_tree open_raw(std::string_view name) const;
    [[nodiscard]] bool contains(std::string_view name) const;
    // Sorted by name. O(trees).
    [[nodiscard]] std::vector<tree_information> trees() const;

    // The transaction whose commit this snapshot shows.
    [[nodiscard]] std::uint64_t id() const;
    // Ends the snapshot; its pages can be used again. Views of it must not be used any more.
    void end() noexcept;
    [[nodiscard]] bool active() const noexcept { return core_ != nullptr; }

private:
    friend class database;
    explicit read_transaction(std::shared_ptr<transaction_core> core) noexcept;
    [[nodiscard]] raw_tree open_checked(std::string_view name, const tree_types& types,
                                        const tree_options& options) const;

    std::shared_ptr<transaction_core> core_;
};

class write_transaction {
public:
    write_transaction(write_transaction&&) noexcept;
    write_transaction& operator=(write_transaction&&) noexcept;
    ~write_transaction();

    // The typed tree that `spec` names, created when absent. Throws type_mismatch.
    template <class Key, class Value>
    [[nodiscard]] writable_tree<Key, Value> open(const tree_spec<Key, Value>& spec) {
        return writable_tree<Key, Value>(open_checked(spec.name, spec.types(), spec.options));
    }
    // An existing tree, or a new one of raw bytes (slotted layout).
    [[nodiscard]] writable_raw_tree open_raw(std::string_view name);
    // A new or existing tree of these types, by its bytes in normal form; how tools fill typed
    // trees.
    [[nodiscard]] writable_raw_tree open_as(std::string_view name, const tree_types& types,
                                            const tree_options& options = {});
    [[nodiscard]] bool contains(std::string_view name) const;
    [[nodiscard]] std::vector<tree_information> trees() const;
    // Throws no_such_tree, and exists when `to` is taken. Open handles go on.
    void rename(std::string_view from, std::string_view to);
    // False when there is no such tree. Open handles of it become misuse. O(inner pages).
    bool drop(std::string_view name);

    // Makes everything durable and visible at once, as `when` says; the transaction is over. A
    // transaction of more than 16 MiB of changes, or with a bulk load, becomes a checkpoint commit.
    // Returns the log position behind it; 0: it has none. A transaction that changed nothing writes
    // and syncs nothing, whatever `when` says: `wait_durable` is what makes earlier relaxed commits
    // durable. Throws transaction_failed after an
    // earlier error in it, no_space or io with nothing changed, commit_unknown and poisoned when a
    // sync failed.
    std::uint64_t commit(durability when = durability::durable);
    void abort() noexcept;
    [[nodiscard]] std::uint64_t id() const;
    [[nodiscard]] bool active() const noexcept { return core_ != nullptr; }

private:
    friend class database;
    explicit write_transaction(std::shared_ptr<transaction_core> core) noexcept;
    [[nodiscard]] writable_raw_tree open_checked(std::string_view name, const tree_types& types,
                                                 const tree_options& options);

    std::shared_ptr<transaction_core> core_;
};

}  // namespace pinyon
