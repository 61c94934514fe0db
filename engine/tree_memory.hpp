// What a thread has opened lately: a transaction that begins where the last one of the thread ended
// needs no look into the catalog.
//
// Invariants
//  1. What is remembered belongs to one open database and to one committed transaction of it: after
//     another commit, of whichever thread, it is not found.
//  2. Only trees with short names, so that nothing here has to be destroyed: transactions may run
//     until a thread's very end.
//
// Threads: each has its own.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "pinyon/engine/btree.hpp"

namespace pinyon {

class tree_memory {
public:
    struct found_tree {
        format::catalog_record record;
        tree_state state;
    };
    // A state of an open database: its page_store's number, and the transaction.
    struct moment {
        std::uint64_t store = 0;
        std::uint64_t transaction = 0;
        friend bool operator==(const moment&, const moment&) = default;
    };

    [[nodiscard]] static tree_memory& of_this_thread() noexcept;

    // Null when it is not remembered; good until the next `keep`.
    [[nodiscard]] const found_tree* find(const moment& when, std::string_view name) const noexcept;
    void keep(const moment& when, std::string_view name, const format::catalog_record& record,
              const tree_state& state) noexcept;

private:
    static constexpr std::size_t name_bytes_max = 48;
    struct memory {
        moment when;
        std::array<char, name_bytes_max> name;
        std::size_t name_bytes = 0;
        found_tree tree;

        [[nodiscard]] bool is(std::string_view wanted) const noexcept {
            return std::string_view(name.data(), name_bytes) == wanted;
        }
    };

    std::array<memory, 4> trees_;
    std::size_t oldest_ = 0;
};

}  // namespace pinyon
