// Applies again what a log says that transactions did.
//
// Invariants
//  1. Operations go through the functions that made the changes first; only the pages that they
//     land on differ.
//  2. What the log says is checked before the first page changes: an operation that could not have
//     been recorded in this state is refused.
//
// Threads: the writer's.
// Failure: log_corrupt and log_mismatch, with the transaction's id; corrupt, io, no_space from the
// pages. The transaction is then to be aborted.
#pragma once

#include <cstdint>
#include <optional>

#include "pinyon/engine/operation_rules.hpp"
#include "pinyon/engine/transaction_core.hpp"

namespace pinyon {

class replayer {
public:
    // Does to `core`, which is writing, what the transaction of the same id did. REQUIRES: since
    // the last call every change was made by this replayer, and committed. Throws log_corrupt for
    // damaged operations and for a tree, a key or a value that cannot be; log_mismatch for a log
    // that began in another state (another number for a new tree, a key to erase that is absent).
    void apply(transaction_core& core, bytes payload, std::uint32_t operations);

    // In all batches.
    [[nodiscard]] std::uint64_t operations() const noexcept { return operations_; }

private:
    void apply(transaction_core& core, const operation& what);
    [[nodiscard]] opened_tree& tree_of(transaction_core& core, std::uint32_t number);
    void put(transaction_core& core, const operation& what);
    void erase(transaction_core& core, const operation& what);
    void erase_range(transaction_core& core, const operation& what);
    void create(transaction_core& core, const operation& what);
    void drop(transaction_core& core, const operation& what);
    void rename(transaction_core& core, const operation& what);

    std::optional<operation_rules> rules_;  // none before the first batch and behind a refused one
    opened_tree* last_ = nullptr;           // in the running batch
    std::uint64_t operations_ = 0;
};

}  // namespace pinyon
