// A database: one file, opened. Copies of the handle share it; it closes when the last handle and
// the last transaction are gone, or by `close`.
//
// Threads: everything here from any thread. The child of a fork opens the database again: to it,
// what the parent opened is misuse.
// Failure: the codes of error.hpp, each with the remedy in its text.
#pragma once

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "pinyon/engine/options.hpp"
#include "pinyon/engine/statistics.hpp"
#include "pinyon/engine/transaction.hpp"

namespace pinyon {

class database_core;

class database {
public:
    // Opens `path`, creating the file when it is absent (options.access).
    [[nodiscard]] static database open(const std::string& path, const options& options = {});
    // A database in memory, for tests; gone with its last handle.
    [[nodiscard]] static database in_memory(options options = {});

    // A snapshot of the last commit. Never blocks, takes no lock; allocates nothing once the thread
    // has run a few transactions.
    [[nodiscard]] read_transaction begin_read() const;
    // Waits for its turn behind other writers, in order of arrival. Throws misuse when this thread
    // has a write transaction already (it would wait for itself), read_only, poisoned.
    [[nodiscard]] write_transaction begin_write() const;
    // The same, giving up after `timeout` with busy.
    [[nodiscard]] write_transaction begin_write(std::chrono::milliseconds timeout) const;
    // Nullopt when another write transaction is running.
    [[nodiscard]] std::optional<write_transaction> try_begin_write() const;

    // Runs `change` in a write transaction; commits when it returns, aborts when it throws. Returns
    // what `change` returns.
    template <std::invocable<write_transaction&> Change>
    auto update(Change&& change, durability when = durability::durable) const {
        write_transaction transaction = begin_write();
        if constexpr (std::is_void_v<std::invoke_result_t<Change, write_transaction&>>) {
            std::forward<Change>(change)(transaction);
            transaction.commit(when);
        } else {
            auto result = std::forward<Change>(change)(transaction);
            transaction.commit(when);
            return result;
        }
    }
    // Runs `look` on a snapshot; returns what it returns (no views: the snapshot ends here).
    template <std::invocable<const read_transaction&> Look>
    auto view(Look&& look) const {
        const read_transaction transaction = begin_read();
        return std::forward<Look>(look)(transaction);
    }

    // Waits until commits up to this log position survive a loss of power; one sync serves all who
    // wait. Throws commit_unknown or poisoned when a sync failed.
    void wait_durable(std::uint64_t position) const;
    [[nodiscard]] std::uint64_t durable_position() const;
    // Makes the last commit the durable state of the data file; the log before it can go. Neither
    // readers nor writers wait meanwhile. Throws no_space, io, poisoned.
    void checkpoint() const;

    [[nodiscard]] database_statistics statistics() const;
    [[nodiscard]] const std::string& path() const;
    [[nodiscard]] std::uint32_t page_bytes() const;
    // True until close().
    [[nodiscard]] bool is_open() const noexcept;
    // Closes now: a checkpoint that leaves the data file alone, without a log; in a forked child it
    // is the parent's and stays open there. Throws misuse, saying how many, while transactions are
    // running; no_space or io when the checkpoint failed: then nothing is lost, and the next open
    // goes on from the log; poisoned when relaxed commits may be lost.
    void close();
    // Gives back all memory that the pool may give back.
    void release_memory() const;

private:
    explicit database(std::shared_ptr<database_core> core) noexcept;

    std::shared_ptr<database_core> core_;
};

}  // namespace pinyon
