// When checkpoints happen, and who does them.
#include <algorithm>
#include <utility>

#include "pinyon/engine/database_core.hpp"
#include "pinyon/mmap/assert.hpp"
#include "pinyon/mmap/mutant.hpp"

namespace pinyon {

namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;
// Writers are slowed down when this many times the due amount of log waits, and stopped at that.
constexpr std::uint64_t slow_factor = 2;
constexpr std::uint64_t stop_factor = 4;
constexpr std::chrono::milliseconds slice{2};

[[nodiscard]] io::page_run span_of(io::page_run a, io::page_run b) noexcept {
    if (a.count == 0) { return b; }
    if (b.count == 0) { return a; }
    const std::uint64_t first = std::min(a.first, b.first);
    return {first, std::max(a.first + a.count, b.first + b.count) - first};
}

}  // namespace

std::uint64_t database_core::checkpoint_bytes() const noexcept {
    if (options_.checkpoint_bytes != 0) { return options_.checkpoint_bytes; }
    return std::clamp(live_bytes_.load(std::memory_order_relaxed) / 4, 64 * mib, 1024 * mib);
}

std::uint64_t database_core::unsaved_log() const noexcept {
    const std::uint64_t saved = saved_position_.load(std::memory_order_relaxed);
    const std::uint64_t end = log_end_.load(std::memory_order_relaxed);
    return end > saved ? end - saved : 0;
}

bool database_core::checkpoint_due() const noexcept { return unsaved_log() >= checkpoint_bytes(); }

log_reference database_core::log_place() const {
    if (!log_) {
        const format::meta meta = checkpoints_->newest();
        return {meta.log_id, log_origin_.from.position, log_origin_.from.chain,
                log_origin_.last_sequence};
    }
    const log_cut end = log_->end();
    return {log_->id(), end.position, end.chain, log_->segment_of(end.position)};
}

io::page_run database_core::take_span() noexcept {
    const std::lock_guard lock(checkpoint_mutex_);
    return span_of(std::exchange(unflushed_, {}), source_->take_dirty());
}

void database_core::give_span_back(io::page_run span) noexcept {
    const std::lock_guard lock(checkpoint_mutex_);
    unflushed_ = span_of(unflushed_, span);
}

checkpoint_job database_core::job_of_tip() {
    store_->begin(tip_.transaction, kept_roots());
    try {
        checkpoint_job job = checkpoints_->prepare(*store_);
        job.catalog = tip_.catalog;
        job.next_tree = tip_.next_tree;
        job.log = log_place();
        store_->commit();
        job.span = take_span();
        checkpoints_->begin(job);
        return job;
    } catch (...) {
        store_->abort();
        throw;
    }
}

// Where more pages are held than in use, the older meta's state goes before the next one is frozen.
// The writer sees to it: a checkpoint in the background syncs the log first, and until that is done
// each transaction would make the file grow.
void database_core::make_way_for_checkpoint() {
    const free_space& space = store_->space();
    if (2 * space.held_pages() <= space.page_count() - space.free_pages()) { return; }
    checkpoint_outcome outcome = checkpoint_outcome::unchanged;
    try {
        checkpoints_->give_up_older(outcome);
    } catch (...) {
        if (outcome != checkpoint_outcome::unchanged) { poison(); }
        throw;
    }
}

bool database_core::freeze() noexcept {
    {
        const std::lock_guard lock(checkpoint_mutex_);
        if (checkpoint_running_ || poisoned() || !log_) { return false; }
        checkpoint_running_ = true;
    }
    try {
        make_way_for_checkpoint();
        checkpoint_job job = job_of_tip();
        const std::lock_guard lock(checkpoint_mutex_);
        job_ = std::move(job);
        return true;
    } catch (const std::exception&) {
        end_checkpoint(false);
        return false;
    }
}

void database_core::end_checkpoint(bool done) noexcept {
    {
        const std::lock_guard lock(checkpoint_mutex_);
        checkpoint_running_ = false;
        last_checkpoint_done_ = done;
        ++checkpoints_ended_;
    }
    (done ? checkpoints_done_ : checkpoints_cancelled_).fetch_add(1, std::memory_order_relaxed);
    checkpoint_ended_.notify_all();
}

// Takes what `freeze` left and writes it. Nothing here stops a reader or a writer.
void database_core::run_checkpoint() noexcept {
    std::optional<checkpoint_job> job;
    {
        const std::lock_guard lock(checkpoint_mutex_);
        job.swap(job_);
    }
    if (!job) { return; }
    checkpoint_outcome outcome = checkpoint_outcome::unchanged;
    bool done = false;
    try {
        if (!mutant(16)) { sync_log(job->log.position, company::none); }
        publication_.advance(log_->durable());
        if (mutant(12)) { log_->remove_before(job->log.position); }
        PINYON_ASSERT(job->log.position <= log_->durable());
        checkpoints_->run(*store_, *job, outcome);
        saved_position_.store(job->log.position, std::memory_order_relaxed);
        done = true;
    } catch (const std::exception&) {
        if (outcome != checkpoint_outcome::unchanged) { poison(); }
        checkpoints_->cancel();
        give_span_back(job->span);
    }
    if (done) { remove_saved_log(); }
    end_checkpoint(done);
}

// What both metas have saved; that which cannot be removed now is tried again after the next
// checkpoint.
void database_core::remove_saved_log() noexcept {
    try {
        const bool newest = mutant(13);
        log_->remove_before((newest ? checkpoints_->newest() : checkpoints_->older()).log_position);
    } catch (const std::exception&) {
        if (log_->poisoned()) { poison(); }
    }
}

void database_core::wait_for_checkpoint() {
    std::unique_lock lock(checkpoint_mutex_);
    checkpoint_ended_.wait(lock, [this] { return !checkpoint_running_; });
}

void database_core::settle(const checkpoint_job& job, bool clean, checkpoint_outcome& outcome) {
    PINYON_ASSERT(!log_ || job.log.position <= log_->durable());
    if (mutant(30) && !clean) {
        checkpoints_->run(*store_, job, outcome);
    } else {
        checkpoints_->settle(*store_, job, clean, outcome);
    }
    saved_position_.store(job.log.position, std::memory_order_relaxed);
    if (log_) { remove_saved_log(); }
}

// On request: a checkpoint of the last commit, waited for.
void database_core::checkpoint() {
    require_writable();
    if (in_memory_) { return; }
    if (!writers_.enter(std::nullopt)) { return; }
    wait_for_checkpoint();
    const bool wanted = unsaved_log() != 0 && !poisoned();
    const bool frozen = wanted && freeze();
    const bool in_background = background_.running();
    const log_use use(*this);
    writers_.leave();
    bool done = !wanted;
    if (frozen) {
        if (in_background) {
            background_.wake();
        } else {
            run_checkpoint();
        }
        wait_for_checkpoint();
        const std::lock_guard lock(checkpoint_mutex_);
        done = last_checkpoint_done_;
    }
    require_writable();
    if (!done) {
        raise(errc::no_space,
              "the checkpoint of " + path_ +
                  " was cancelled for want of space or memory; nothing is lost, the log has "
                  "everything: make space and try again");
    }
}

// The file could not grow: what only the states in the metas hold becomes free when both of them
// name the last commit, and so does the log.
void database_core::reclaim_space() {
    if (in_memory_) { return; }
    wait_for_checkpoint();
    require_writable();
    if (log_) {
        sync_log(log_->end().position, company::none);
        publication_.advance(log_->durable());
    }
    checkpoint_outcome outcome = checkpoint_outcome::unchanged;
    checkpoint_job job;
    try {
        if (tip_.transaction != checkpoints_->newest().transaction ||
            tip_.transaction != checkpoints_->older().transaction) {
            job = job_of_tip();
            settle(job, !log_, outcome);
        }
        store_->forget_shortage();
    } catch (const std::exception& failure) {
        checkpoints_->cancel();
        if (outcome != checkpoint_outcome::unchanged) {
            poison();
            throw;
        }
        give_span_back(job.span);
        // Not even that: the transaction that begins now meets it, if it needs a page.
        const auto* const known = dynamic_cast<const error*>(&failure);
        if (known == nullptr || known->kind() != errc::no_space) { throw; }
    }
}

// Back-pressure: a writer that outruns the checkpoints waits before it takes its turn.
void database_core::wait_for_room() {
    const std::uint64_t due = checkpoint_bytes();
    if (unsaved_log() < slow_factor * due) { return; }
    const auto start = std::chrono::steady_clock::now();
    {
        std::unique_lock lock(checkpoint_mutex_);
        if (!checkpoint_running_) { return; }
        const auto ended = [this] { return !checkpoint_running_; };
        if (unsaved_log() < stop_factor * due) {
            checkpoint_ended_.wait_for(lock, slice, ended);
        } else {
            checkpoint_ended_.wait(lock, ended);
        }
    }
    const auto passed = std::chrono::steady_clock::now() - start;
    waits_.fetch_add(1, std::memory_order_relaxed);
    microseconds_waited_.fetch_add(
        static_cast<std::uint64_t>(
            std::chrono::duration_cast<std::chrono::microseconds>(passed).count()),
        std::memory_order_relaxed);
}

// The background thread, when it is woken and once in each period.
void database_core::background_work() noexcept {
    run_checkpoint();
    try {
        if (log_->wants_spare()) { log_->prepare_spare(); }
    } catch (const std::exception&) {
        // The writer makes the next segment itself, and meets the error if it lasts.
        if (log_->poisoned()) { poison(); }
    }
    checkpoint_by_time();
}

void database_core::checkpoint_by_time() noexcept {
    const auto now = std::chrono::steady_clock::now();
    if (options_.checkpoint_interval.count() == 0 || unsaved_log() == 0) {
        unsaved_since_ = now;
        return;
    }
    if (now - unsaved_since_ < options_.checkpoint_interval || !writers_.try_enter()) { return; }
    const bool frozen = freeze();
    writers_.leave();
    unsaved_since_ = now;
    if (frozen) { run_checkpoint(); }
}

}  // namespace pinyon
