// The part of a tree that --from, --to and --prefix name.
//
// Threads: one. Failure: refusal(exit_code::usage) for words that are no keys.
#pragma once

#include "pinyon/engine/raw_tree.hpp"
#include "tools/arguments.hpp"
#include "tools/inspected_file.hpp"

namespace pinyon::tool {

struct key_range {
    key_cut low;
    key_cut high;

    [[nodiscard]] bool high_is_before(bytes key) const noexcept {
        return high.where != key_cut::place::back && high.is_before(key);
    }
};

[[nodiscard]] key_range range_of(const range_arguments& arguments, const raw_tree& tree,
                                 const tree_information& information, const std::string& file);

}  // namespace pinyon::tool
