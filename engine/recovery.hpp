// Recovery: what the log holds beyond a meta is done again, through the functions that did it
// first.
//
// Invariants
//  1. Nothing that a meta names is overwritten: pages come from the free set alone, as in any
//     transaction. A crash at any moment therefore repeats the recovery from the same meta.
//  2. The data file is not read as a whole: only the pages that the replayed operations touch, and
//     afterwards the inner pages.
//
// Threads: the one that opens the database.
// Failure: log_corrupt, log_mismatch from the log; corrupt, io, no_space from the pages. Nothing
// has been made durable then.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "pinyon/engine/log_reader.hpp"
#include "pinyon/engine/options.hpp"
#include "pinyon/engine/page_store.hpp"
#include "pinyon/engine/snapshot.hpp"
#include "pinyon/engine/statistics.hpp"

namespace pinyon {

// Applies all batches of `log` to `state`; returns the state after the last. `kept`: transactions
// whose pages must stay (ascending). `progress` may be empty.
[[nodiscard]] published_state replay_log(
    log_reader& log, page_store& store, published_state state, std::span<const std::uint64_t> kept,
    const std::function<void(const recovery_progress&)>& progress, recovery_facts& facts);

// Walks the inner pages of all trees: throws corrupt when a page that is reached twice, or is
// free, would be overwritten by the next transactions. O(inner pages).
void require_disjoint(page_store& store, const published_state& state);

}  // namespace pinyon
