// The content of a database as a sum of hashes, one for each entry and each tree: cheap to compare
// with what it should be, and to follow through changes.
//
// Threads: immutable functions. Failure: what the database throws.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "pinyon/pinyon.hpp"
#include "support/crash_image.hpp"

namespace pinyon::test {

using content_digest = std::uint64_t;

[[nodiscard]] inline content_digest digest_of(std::string_view tree) noexcept {
    return XXH3_64bits_withSeed(tree.data(), tree.size(), 1);
}
[[nodiscard]] inline content_digest digest_of(content_digest tree, bytes key,
                                              bytes value) noexcept {
    return XXH3_64bits_withSeed(value.data(), value.size(),
                                XXH3_64bits_withSeed(key.data(), key.size(), tree));
}

// Keys and values in normal form.
struct model_tree {
    bool fixed = false;
    std::map<std::string, std::string> entries;
};
using model = std::map<std::string, model_tree>;

[[nodiscard]] inline content_digest digest_of(const model& content) noexcept {
    content_digest sum = 0;
    for (const auto& tree : content) {
        const content_digest name = digest_of(tree.first);
        sum += name;
        for (const auto& entry : tree.second.entries) {
            sum += digest_of(name, as_bytes(entry.first), as_bytes(entry.second));
        }
    }
    return sum;
}

// What a snapshot shows. Keys out of order, and counts that are wrong, change the digest.
[[nodiscard]] inline content_digest digest_of(const read_transaction& tx) {
    content_digest sum = 0;
    std::string before;
    for (const tree_information& each : tx.trees()) {
        const content_digest name = digest_of(each.name);
        sum += name;
        const raw_tree tree = tx.open_raw(each.name);
        raw_cursor cursor = tree.cursor();
        std::uint64_t count = 0;
        for (bool valid = cursor.first(); valid; valid = cursor.next()) {
            const bytes key = cursor.key();
            if (count++ != 0 && as_text(key) <= before) { sum += 1; }
            before.assign(as_text(key));
            sum += digest_of(name, key, cursor.value());
        }
        if (count != tree.size()) { sum += 1; }
    }
    return sum;
}

[[nodiscard]] inline tree_types types_of(bool fixed) {
    return fixed ? tree_spec<std::uint64_t, std::array<char, 24>>("t").types() : raw_types();
}

}  // namespace pinyon::test
