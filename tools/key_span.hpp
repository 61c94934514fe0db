// A part of the keys of a tree: from `lower`, included, up to `upper`, excluded. Owns its bounds.
//
// Invariants
//  1. An empty `lower` is the beginning of all keys, an absent `upper` their end.
//
// Threads: a value. Failure: bad_alloc.
#pragma once

#include <optional>
#include <vector>

#include "pinyon/engine/bytes.hpp"

namespace pinyon::tool {

using key_bytes = std::vector<std::byte>;

[[nodiscard]] inline key_bytes own(bytes key) { return {key.begin(), key.end()}; }

struct key_span {
    key_bytes lower;
    std::optional<key_bytes> upper;

    // The span of this key alone: up to the least key above it.
    [[nodiscard]] static key_span of(bytes key) {
        key_span result{own(key), own(key)};
        result.upper->push_back(std::byte{0});
        return result;
    }

    [[nodiscard]] bool contains(bytes key) const noexcept {
        return compare(lower, key) <= 0 && (!upper || compare(key, *upper) < 0);
    }
    [[nodiscard]] bool contains(const key_span& other) const noexcept {
        return compare(lower, other.lower) <= 0 &&
               (!upper || (other.upper && compare(*other.upper, *upper) <= 0));
    }
    friend bool operator==(const key_span&, const key_span&) = default;
};

}  // namespace pinyon::tool
