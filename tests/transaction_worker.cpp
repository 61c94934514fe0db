// A process that commits transactions of a journal and tells of each step through a pipe, until
// somebody kills it, something fails for good, or the work is done.
//
//   transaction_worker FILE SEED COUNT THREADS CHECKPOINT-BYTES [abandon]
//
// abandon: it goes without closing the database, as a program that crashes.
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "support/journal.hpp"
#include "support/small_log.hpp"
#include "support/worker_report.hpp"
#ifdef PINYON_WORKER_FAULTS
#include "support/system_call_faults.hpp"
#endif

namespace {

using namespace pinyon;
using test::event;

void tell(event what, std::uint64_t number = 0) {
    const test::report_record record{what, 0, number};
    if (::write(test::report_descriptor, &record, sizeof record) !=
        static_cast<ssize_t>(sizeof record)) {
        ::_exit(9);
    }
}

void tell(const error& failure) {
    tell(event::failed, static_cast<std::uint64_t>(failure.kind()));
    if (std::strstr(failure.what(), std::strerror(EINTR)) != nullptr) { tell(event::interrupted); }
}

void tell_calls() {
#ifdef PINYON_WORKER_FAULTS
    for (std::uint32_t kind = 0; kind < test::call_names.size(); ++kind) {
        tell(event::calls,
             std::uint64_t{kind} << 32 | test::calls_of(static_cast<test::call_kind>(kind)));
    }
    tell(event::fired, test::calls_failed());
#endif
}

class worker {
public:
    explicit worker(char** arguments)
        : path_(arguments[1]),
          seed_(std::strtoull(arguments[2], nullptr, 10)),
          count_(std::strtoll(arguments[3], nullptr, 10)),
          threads_(std::strtoull(arguments[4], nullptr, 10)),
          script_(seed_) {
        test::use_small_log(options_, std::strtoull(arguments[5], nullptr, 10));
        options_.pool_bytes = std::uint64_t{1} << 20;
    }

    void run(bool abandon) {
        tell(event::opening);
        database db = database::open(path_, options_);
        first_ = test::journal::last_of(db);
        tell(event::opened, first_);
        std::vector<std::thread> others;
        for (std::uint64_t i = 1; i < threads_; ++i) {
            others.emplace_back([this, &db, i] { work(db, i); });
        }
        work(db, 0);
        for (std::thread& each : others) { each.join(); }
        if (abandon) {
            tell_calls();
            ::_exit(0);
        }
        tell(event::closing);
        db.close();
        tell(event::closed);
    }

private:
    static constexpr int patience = 4;

    void work(const database& db, std::uint64_t thread) {
        // Another sequence in each life, and the same one when it is repeated.
        test::splitmix random(seed_ ^ (thread << 32) ^ (first_ << 40));
        for (int failures = 0; failures != patience && !over_.load() && --count_ >= 0;) {
            try {
                if (random.below(16) == 0) {
                    tell(event::checkpointing);
                    db.checkpoint();
                    tell(event::checkpointed);
                }
                commit_one(db, random);
                failures = 0;
            } catch (const error& failure) {
                tell(failure);
                ++failures;
                if (failure.kind() == errc::poisoned || failure.kind() == errc::commit_unknown) {
                    over_.store(true);
                }
            }
        }
    }

    void commit_one(const database& db, test::splitmix& random) {
        write_transaction tx = db.begin_write();
        const std::uint64_t n = test::journal::last(tx) + 1;
        script_.write(tx, n);
        tell(event::submitted, n);
        const std::uint64_t choice = random.below(20);
        const durability how = choice < 11   ? durability::durable
                               : choice < 19 ? durability::relaxed
                                             : durability::checkpoint;
        const bool waits = choice >= 16 && how == durability::relaxed;
        try {
            const std::uint64_t position = tx.commit(how);
            if (waits) { db.wait_durable(position); }
            const bool safe = waits || test::is_safe_on_return(how);
            tell(safe ? event::acknowledged : event::relaxed, n);
        } catch (const error& failure) {
            // With a failed sync the outcome is open; with all else nothing has happened, unless
            // the commit had returned and the wait for its sync failed.
            const bool open =
                failure.kind() == errc::commit_unknown || failure.kind() == errc::poisoned || waits;
            tell(open ? event::unknown : event::aborted, n);
            throw;
        }
    }

    std::string path_;
    std::uint64_t seed_;
    std::uint64_t first_ = 0;  // what the file held when it was opened
    std::atomic<std::int64_t> count_;
    std::uint64_t threads_;
    test::journal script_;
    options options_;
    std::atomic<bool> over_{false};
};

}  // namespace

int main(int count, char** arguments) {
    if (count < 6) { return 2; }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
        worker(arguments).run(count > 6);
    } catch (const error& failure) { tell(failure); }
    tell_calls();
    return 0;
}
