#include "pinyon/engine/tree_memory.hpp"

#include <algorithm>
#include <type_traits>

namespace pinyon {

tree_memory& tree_memory::of_this_thread() noexcept {
    static_assert(std::is_trivially_destructible_v<tree_memory>);
    thread_local tree_memory mine;
    return mine;
}

const tree_memory::found_tree* tree_memory::find(const moment& when,
                                                 std::string_view name) const noexcept {
    for (const memory& each : trees_) {
        if (each.when == when && each.is(name)) { return &each.tree; }
    }
    return nullptr;
}

void tree_memory::keep(const moment& when, std::string_view name,
                       const format::catalog_record& record, const tree_state& state) noexcept {
    if (name.size() > name_bytes_max) { return; }
    // The same tree at an earlier moment gives its place, else the oldest.
    auto place = std::find_if(trees_.begin(), trees_.end(), [&](const memory& each) {
        return each.when.store == when.store && each.is(name);
    });
    if (place == trees_.end()) {
        place = trees_.begin() + static_cast<std::ptrdiff_t>(oldest_);
        oldest_ = (oldest_ + 1) % trees_.size();
    }
    place->when = when;
    place->name_bytes = name.copy(place->name.data(), name_bytes_max);
    place->tree = {record, state};
    place->tree.state.changes = 0;
}

}  // namespace pinyon
