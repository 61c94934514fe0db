// What a transaction is inside: its view of the catalog, the trees it opened and, for the writer, what it
// changed. The public transactions and tree handles share it.
//
// Invariants
//  1. A tree_state, once handed out, stays at its address for the life of the core: handles point to it.
//  2. Every entry point calls `enter`, which refuses a core that has ended, a closed database and a fork.
//  3. A change that throws after its first page change fails the transaction; commit then refuses.
//
// Threads: one at a time.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pinyon/engine/btree.hpp"
#include "pinyon/engine/catalog.hpp"

namespace pinyon {

class database_core;

// A tree as opened in this transaction.
struct opened_tree {
    std::string name;
    format::catalog_record record{};
    tree_state state;
    bool dropped = false;
};

class transaction_core {
public:
    virtual ~transaction_core() = default;
    transaction_core(const transaction_core&) = delete;
    transaction_core& operator=(const transaction_core&) = delete;

    // Throws misuse when the transaction is over or the database closed.
    void enter() const;
    // `enter`, and misuse for a read transaction, transaction_failed after an error.
    void enter_change();
    // Runs one change; an error other than one about its arguments (key_too_long, value_too_long,
    // type_mismatch, no_such_tree, exists, misuse) fails the transaction. Ends with store().relieve().
    template <class Change>
    auto change(Change&& run);

    [[nodiscard]] page_store& store() const noexcept { return *store_; }
    [[nodiscard]] bool writing() const noexcept { return writing_; }
    [[nodiscard]] std::uint64_t id() const noexcept { return id_; }

    // Null when there is no such tree. The same name gives the same object.
    [[nodiscard]] opened_tree* open(std::string_view name);
    opened_tree& create(std::string_view name, const format::catalog_record& blank);
    void rename(std::string_view from, std::string_view to);
    bool drop(std::string_view name);
    [[nodiscard]] std::vector<std::pair<std::string, format::catalog_record>> list();

protected:
    transaction_core(std::shared_ptr<database_core> database, page_store& store, std::uint64_t id, bool writing);

    std::shared_ptr<database_core> database_;
    page_store* store_;
    std::uint64_t id_;
    bool writing_;
    bool over_ = false;
    bool failed_ = false;
    std::uint32_t next_tree_ = 1;
    tree_state catalog_;
    std::deque<opened_tree> trees_;

private:
    void fail() noexcept { failed_ = true; }
    [[nodiscard]] static bool is_about_arguments(errc code) noexcept;
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
        if (!is_about_arguments(failure.kind())) { fail(); }
        throw;
    } catch (...) {
        fail();
        throw;
    }
}

}  // namespace pinyon
