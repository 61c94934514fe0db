// How the changes of a write transaction become durable and visible.
#include <algorithm>
#include <utility>

#include "pinyon/engine/database_core.hpp"
#include "pinyon/mmap/assert.hpp"
#include "pinyon/mmap/mutant.hpp"

namespace pinyon {

namespace {

// How often the background thread looks whether log has waited too long for a checkpoint.
constexpr std::chrono::milliseconds background_period{500};

}  // namespace

std::uint64_t database_core::commit(write_core& transaction, durability when) {
    try {
        if (!transaction.seal()) {
            give_back(transaction);
            return 0;
        }
    } catch (...) {
        abort(transaction);
        throw;
    }
    if (in_memory_) {
        commit_in_memory(transaction);
        return 0;
    }
    if (when == durability::checkpoint || operations_.overflowed()) {
        commit_checkpoint(transaction);
        return 0;
    }
    return commit_logged(transaction, when);
}

// REQUIRES: every page of the transaction is sealed and frozen.
void database_core::finish_commit(write_core& transaction) noexcept {
    store_->commit();
    tip_ = {transaction.id(), transaction.catalog_root(), store_->space().page_count(),
            transaction.next_tree()};
    transaction.remember_trees();
    transaction.end();
    note_space();
    commits_.fetch_add(1, std::memory_order_relaxed);
}

void database_core::commit_in_memory(write_core& transaction) {
    try {
        store_->freeze();
    } catch (...) {
        abort(transaction);
        throw;
    }
    finish_commit(transaction);
    publication_.publish(tip_);
    judge_retired();
    writers_.leave();
}

std::uint64_t database_core::commit_logged(write_core& transaction, durability when) {
    std::uint64_t position = 0;
    try {
        require_writable();
        if (!log_) { begin_log(); }
        publication_.reserve();
        store_->freeze();
        source_->require_sound();
        position = log_->append(transaction.id(), operations_.count(), operations_.payload());
    } catch (const error& failure) {
        if (failure.kind() == errc::commit_unknown || (log_ && log_->poisoned())) { poison(); }
        if (failure.kind() == errc::no_space && !poisoned()) {
            // No room for log: without it, and with the room of the log that it makes superfluous.
            commit_checkpoint(transaction);
            return 0;
        }
        abort(transaction);
        throw;
    } catch (...) {
        if (log_ && log_->poisoned()) { poison(); }
        abort(transaction);
        throw;
    }
    // The point of no return.
    finish_commit(transaction);
    log_end_.store(position, std::memory_order_relaxed);
    if (mutant(22)) { publication_.publish(tip_); }
    const std::uint64_t awaited = publication_.push(tip_, position, when == durability::durable);
    const bool frozen = checkpoint_due() && freeze();
    const bool in_background = background_.running();
    const log_use use(*this);
    writers_.leave();

    if (in_background && (frozen || log_->wants_spare())) { background_.wake(); }
    const bool own_checkpoint = frozen && !in_background;
    try {
        if (awaited != 0) { sync_log(awaited, company::expected); }
    } catch (...) {
        // Others may wait for the checkpoint to end, which it does now.
        if (own_checkpoint) { run_checkpoint(); }
        throw;
    }
    publication_.advance(log_->durable());
    if (own_checkpoint) { run_checkpoint(); }
    return position;
}

// A failed sync takes every commit that waits for it along.
void database_core::sync_log(std::uint64_t position, company who) {
    try {
        log_->wait_durable(position, who);
    } catch (...) {
        if (!mutant(17)) { poison(); }
        throw;
    }
}

void database_core::commit_checkpoint(write_core& transaction) {
    checkpoint_outcome outcome = checkpoint_outcome::unchanged;
    checkpoint_job job;
    try {
        wait_for_checkpoint();
        // It may have failed; a sync is never tried again.
        require_writable();
        // What stands before this commit is published before it.
        if (log_) {
            sync_log(log_->end().position, company::none);
            publication_.advance(log_->durable());
        }
        job = checkpoints_->prepare(*store_);
        store_->freeze();
        job.catalog = transaction.catalog_root();
        job.next_tree = transaction.next_tree();
        job.log = log_place();
        job.span = take_span();
        // Before the first log the file is complete without one.
        settle(job, !log_, outcome);
    } catch (const std::exception& failure) {
        if (outcome == checkpoint_outcome::unchanged) {
            give_span_back(job.span);
            abort(transaction);
            throw;
        }
        poison();
        transaction.end();
        writers_.leave();
        raise(outcome == checkpoint_outcome::lost ? errc::io : errc::commit_unknown,
              std::string(outcome == checkpoint_outcome::lost
                              ? "the commit failed and is not in the file; "
                              : "the commit failed while its meta page was written, it may or may "
                                "not be in the file; ") +
                  "the database reads on but writes no more: reopen it (" + failure.what() + ")");
    }
    finish_commit(transaction);
    publication_.publish(tip_);
    judge_retired();
    writers_.leave();
}

// The first logged commit since the open: the log exists under its name before the metas name it,
// and they do before its first batch is written.
void database_core::begin_log() {
    auto log = std::make_unique<log_writer>(files_, log_origin_);
    const log_reference place{log->id(), log_origin_.from.position, log_origin_.from.chain,
                              log->first_segment()};
    checkpoint_outcome outcome = checkpoint_outcome::unchanged;
    try {
        checkpoints_->restate(place, mutant(28), outcome);
    } catch (const error& failure) {
        poison();
        raise(failure.kind(), std::string("the log could not begin, the commit is not in the "
                                          "file; the database reads on but writes no more: "
                                          "reopen it (") +
                                  failure.what() + ")");
    } catch (...) {
        poison();
        throw;
    }
    log_ = std::move(log);
    log_end_.store(place.position, std::memory_order_relaxed);
    has_log_.store(true, std::memory_order_release);
    remove_leftovers();
    if (options_.background == background::thread) {
        unsaved_since_ = std::chrono::steady_clock::now();
        background_.start([this] { background_work(); }, background_period);
    }
}

// What an older log left behind; what cannot be removed now is harmless, and tried again after the
// next open.
void database_core::remove_leftovers() noexcept {
    for (const std::string& path : leftovers_) {
        try {
            files_.remove(path);
        } catch (const std::exception&) { continue; }
    }
    leftovers_.clear();
}

// Nothing is written any more, here or by the log.
void database_core::poison() noexcept {
    poisoned_.store(true, std::memory_order_release);
    if (log_) { log_->poison(); }
}

// What the last transaction retired, now instead of before the next one: for the statistics.
void database_core::judge_retired() noexcept {
    try {
        store_->space().keep(kept_roots());
    } catch (const std::exception&) { return; }
    note_space();
}

// The pages of an unfinished transaction go back to the free set.
void database_core::give_back(write_core& transaction) noexcept {
    store_->abort();
    transaction.end();
    writers_.leave();
}

void database_core::abort(write_core& transaction) noexcept {
    aborts_.fetch_add(1, std::memory_order_relaxed);
    give_back(transaction);
}

void database_core::wait_durable(std::uint64_t position) {
    require_open();
    if (position == 0 || position <= durable_position()) { return; }
    if (!has_log_.load(std::memory_order_acquire) ||
        position > log_end_.load(std::memory_order_relaxed)) {
        raise(errc::misuse, "no commit of this database has log position " +
                                std::to_string(position) + ": wait for what commit returned");
    }
    const log_use use(*this);
    require_open();
    sync_log(position, company::expected);
    publication_.advance(log_->durable());
}

std::uint64_t database_core::durable_position() const {
    return has_log_.load(std::memory_order_acquire) ? log_->durable() : log_origin_.from.position;
}

}  // namespace pinyon
