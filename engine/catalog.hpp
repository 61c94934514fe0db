// The catalog: the tree (number 0, slotted) that names the others. Key: the name; value: a catalog_record.
//
// Failure: corrupt for records that contradict the format, all checked when they are read.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "pinyon/engine/btree.hpp"

namespace pinyon {

[[nodiscard]] node_schema catalog_schema(std::uint32_t page_bytes) noexcept;
// The state of a tree by its record. Throws corrupt for impossible records (widths, layout, degree, root
// beyond `page_limit`, height).
[[nodiscard]] tree_state state_of(const format::catalog_record& record, std::uint32_t page_bytes,
                                  std::uint64_t page_limit);

// 1 to key_bytes_max bytes, no control bytes. Throws misuse.
void check_tree_name(std::string_view name, std::uint32_t page_bytes);

[[nodiscard]] std::optional<format::catalog_record> catalog_find(page_store& store, const tree_state& catalog,
                                                                 std::string_view name);
void catalog_put(page_store& store, tree_state& catalog, std::string_view name,
                 const format::catalog_record& record);
bool catalog_erase(page_store& store, tree_state& catalog, std::string_view name);
[[nodiscard]] std::vector<std::pair<std::string, format::catalog_record>> catalog_list(
    page_store& store, const tree_state& catalog);

}  // namespace pinyon
