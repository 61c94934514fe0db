// What a transaction is inside: its view of the catalog, the trees it opened and, for the writer,
// what it changed. The public transactions and the tree handles share it.
//
// Invariants
//  1. An opened_tree, once handed out, stays at its address for the life of the core: handles point
//     to it.
//  2. Every entry point calls `enter`, which refuses a transaction that is over.
//  3. A change that throws after its first page change fails the transaction; commit then refuses.
//  4. While there is a log, it holds one operation for each change that was made, in order, none
//     for one that was refused or found nothing to do; or it has overflowed.
//
// Threads: one at a time.
#pragma once

#include <forward_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "pinyon/engine/btree.hpp"
#include "pinyon/engine/catalog.hpp"
#include "pinyon/engine/operation.hpp"
#include "pinyon/engine/recycled_memory.hpp"
#include "pinyon/engine/snapshot.hpp"
#include "pinyon/engine/transaction_life.hpp"

namespace pinyon {

// A tree as opened in this transaction.
struct opened_tree {
    recycled_string name;
    format::catalog_record record{};
    tree_state state;
    bool dropped = false;

    // For messages.
    [[nodiscard]] std::string title() const { return "the tree '" + std::string(name) + "'"; }
};

class transaction_core {
public:
    // `owner` keeps the database open for as long as this lives.
    transaction_core(std::shared_ptr<void> owner, page_store& store, const published_state& start,
                     std::uint64_t id, bool writing);
    transaction_core(const transaction_core&) = delete;
    transaction_core& operator=(const transaction_core&) = delete;

    // Throws misuse when the transaction is over.
    void enter() const {
        if (over()) [[unlikely]] { raise_over(); }
    }
    // `enter`, and misuse for a read transaction, transaction_failed after an error.
    void enter_change() const;
    // `enter_change`, and misuse while a stream or a load is unfinished: its pages belong to no
    // tree.
    void enter_commit() const;
    void begin_unfinished() noexcept { ++unfinished_; }
    void end_unfinished() noexcept { --unfinished_; }
    // Runs one change. An error other than one about its arguments (key_too_long, value_too_long,
    // type_mismatch, no_such_tree, exists, misuse) fails the transaction.
    template <class Change>
    auto change(Change&& run);

    [[nodiscard]] page_store& store() const noexcept { return *store_; }
    [[nodiscard]] bool writing() const noexcept { return writing_; }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
    [[nodiscard]] bool over() const noexcept { return life_.over(); }
    [[nodiscard]] const transaction_life& life() const noexcept { return life_; }
    // Nothing may be done through this transaction any more.
    void end() noexcept { life_.end(); }

    // From now on changes are recorded in `log`, which outlives the transaction's running; null: no
    // more.
    void record_into(operation_buffer* log) noexcept { log_ = log; }
    [[nodiscard]] operation_buffer* log() const noexcept { return log_; }

    // Null when there is no such tree. The same name gives the same object. O(log trees) the first
    // time, unless this thread remembers it.
    [[nodiscard]] opened_tree* open(std::string_view name);
    // After the commit: this thread's next transaction finds these trees without the catalog.
    void remember_trees() const noexcept;
    // A new tree; `blank` is its record without number, root and creation. Throws exists.
    opened_tree& create(std::string_view name, const format::catalog_record& blank);
    void rename(std::string_view from, std::string_view to);
    bool drop(std::string_view name);
    // Records as this transaction sees them, sorted by name.
    [[nodiscard]] std::vector<std::pair<std::string, format::catalog_record>> list();

    // Seals every changed tree and the catalog. False when the transaction changed nothing.
    [[nodiscard]] bool seal();
    [[nodiscard]] const format::root_reference& catalog_root() const noexcept {
        return catalog_.root;
    }
    [[nodiscard]] std::uint32_t next_tree() const noexcept { return next_tree_; }

private:
    [[noreturn]] void raise_over() const;
    opened_tree& add(std::string_view name, const format::catalog_record& record,
                     const tree_state& state);
    void write_back_records();
    [[nodiscard]] static bool is_about_arguments(errc code) noexcept;

    std::shared_ptr<void> owner_;
    page_store* store_;
    std::uint64_t id_;
    bool writing_;
    transaction_life life_;
    bool failed_ = false;
    unsigned unfinished_ = 0;
    operation_buffer* log_ = nullptr;
    std::uint32_t next_tree_;
    std::uint64_t start_;  // the transaction whose state this began from
    tree_state catalog_;
    std::forward_list<opened_tree, recycling_allocator<opened_tree>> trees_;  // the last one first
};

template <class Change>
auto transaction_core::change(Change&& run) {
    enter_change();
    try {
        if constexpr (std::is_void_v<decltype(run())>) {
            run();
            store_->relieve();
        } else {
            auto result = run();
            store_->relieve();
            return result;
        }
    } catch (const error& failure) {
        failed_ = failed_ || !is_about_arguments(failure.kind());
        throw;
    } catch (...) {
        failed_ = true;
        throw;
    }
}

}  // namespace pinyon
