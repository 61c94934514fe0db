// The catalog: the tree (number 0, slotted) that names the others. Key: the name; value: a
// catalog_record.
//
// Invariants
//  1. What `catalog_find`, `catalog_list` and `state_of` return is checked against the format.
//  2. The layout is fixed exactly when keys and values have fixed widths and an entry fits.
//
// Threads: as the tree beneath: one at a time per tree_state.
// Failure: corrupt for records that contradict the format; io; the rest as stated.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pinyon/engine/btree.hpp"
#include "pinyon/engine/tree_types.hpp"

namespace pinyon {

[[nodiscard]] node_schema catalog_schema(std::uint32_t page_bytes);
// The state of a tree by its record. Throws corrupt for impossible records (widths, layout, degree,
// root beyond `page_limit`, height).
[[nodiscard]] tree_state state_of(const format::catalog_record& record, std::uint32_t page_bytes,
                                  std::uint64_t page_limit);

// The record of a new tree, but for its number, root and creation. Throws misuse for a type name
// that does not fit and for a minimum degree that the types or the page do not allow, key_too_long
// for fixed-width keys that no page of this size takes.
[[nodiscard]] format::catalog_record make_record(const tree_types& types,
                                                 const tree_options& options,
                                                 std::uint32_t page_bytes);
// The types that a record names.
[[nodiscard]] tree_types types_of(const format::catalog_record& record);
// Throws type_mismatch, naming both sides, when the tree does not hold `types`.
void check_types(const format::catalog_record& record, const tree_types& types,
                 std::string_view name);

// 1 to key_bytes_max bytes, no control bytes. Throws misuse.
void check_tree_name(std::string_view name, std::uint32_t page_bytes);

[[nodiscard]] std::optional<format::catalog_record> catalog_find(page_store& store,
                                                                 const tree_state& catalog,
                                                                 std::string_view name);
void catalog_put(page_store& store, tree_state& catalog, std::string_view name,
                 const format::catalog_record& record);
bool catalog_erase(page_store& store, tree_state& catalog, std::string_view name);
// Sorted by name. O(trees).
[[nodiscard]] std::vector<std::pair<std::string, format::catalog_record>> catalog_list(
    page_store& store, const tree_state& catalog);

}  // namespace pinyon
