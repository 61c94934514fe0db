// Workloads that are cut off: what a program does to a database, and what it may expect of it.
//
// Threads: one. Failure: errors of the database are met as a program would meet them.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "support/crash_model.hpp"
#include "support/small_log.hpp"

namespace pinyon::test {

// How often something is done: in so many of 100 transactions.
using percent = unsigned;

struct workload {
    const char* name;
    unsigned transactions = 12;
    std::uint32_t page_bytes = 4096;
    pinyon::paging paging = pinyon::paging::pool;
    std::uint64_t pool_pages = 256;
    bool fixed = false;
    unsigned trees = 1;
    unsigned puts = 6;  // at most, in one transaction
    unsigned erases = 0;
    unsigned keys = 120;  // from which they are chosen
    unsigned value_bytes = 60;
    percent large = 0;  // a value of up to 20,000 bytes
    percent erase_ranges = 0;
    percent renames = 0;
    percent drops = 0;
    percent aborts = 0;
    percent loads = 0;    // a tree made by a bulk load
    percent relaxed = 0;  // the others are durable
    percent checkpoint = 0;
    percent requests = 0;  // checkpoints on request
    percent waits = 0;     // for the log, after a relaxed commit
    percent reopens = 0;
    bool reader = false;  // a snapshot that stays for half of the transactions
    unsigned preload = 0;
    std::uint64_t checkpoint_bytes = 8 << 10;
};

[[nodiscard]] inline std::vector<workload> make_workloads() {
    constexpr auto raw = paging::raw;
    constexpr auto pool = paging::pool;
    return {
        {.name = "small puts"},
        {.name = "puts and erases", .puts = 8, .erases = 6, .keys = 60, .preload = 40},
        {.name = "large values", .transactions = 8, .puts = 2, .keys = 8, .large = 70},
        {.name = "many trees", .trees = 6, .puts = 3, .renames = 30, .drops = 30},
        {.name = "bulk loads", .transactions = 6, .trees = 3, .drops = 30, .loads = 60},
        {.name = "mixed safety", .erases = 2, .relaxed = 40, .checkpoint = 20, .waits = 20},
        {.name = "relaxed", .transactions = 16, .relaxed = 90, .checkpoint_bytes = 1 << 20},
        {.name = "checkpoints on request", .erases = 3, .relaxed = 30, .requests = 40},
        {.name = "close and reopen", .transactions = 9, .relaxed = 20, .reopens = 40},
        {.name = "pool of 16 pages",
         .transactions = 8,
         .pool_pages = 16,
         .puts = 60,
         .keys = 900,
         .value_bytes = 200,
         .preload = 300},
        {.name = "a reader stays", .erases = 3, .requests = 20, .reader = true, .preload = 30},
        {.name = "the log rolls",
         .transactions = 14,
         .puts = 12,
         .value_bytes = 600,
         .relaxed = 30,
         .checkpoint_bytes = 64 << 10},
        {.name = "aborts", .erases = 2, .aborts = 45, .relaxed = 20},
        {.name = "a file that grows",
         .transactions = 6,
         .puts = 40,
         .keys = 400,
         .value_bytes = 900,
         .large = 40,
         .preload = 100},
        {.name = "fixed layout", .fixed = true, .puts = 20, .erases = 6, .preload = 100},
        {.name = "fixed, raw", .paging = raw, .fixed = true, .puts = 20, .relaxed = 20},
        {.name = "raw", .paging = raw, .erases = 4, .large = 10, .relaxed = 20, .requests = 10},
        {.name = "16 KiB pages",
         .page_bytes = 16384,
         .paging = pool,
         .erases = 3,
         .large = 10,
         .relaxed = 20},
        {.name = "16 KiB pages, raw", .page_bytes = 16384, .paging = raw, .fixed = true},
        {.name = "ranges erased",
         .trees = 2,
         .puts = 15,
         .large = 10,
         .erase_ranges = 50,
         .relaxed = 30,
         .reopens = 10,
         .preload = 60},
    };
}

// What may be found after a crash at this moment.
struct expectation {
    bool may_be_absent = true;  // the file: until it was opened once
    std::vector<content_digest> history{0};
    std::size_t safe = 0;  // of history: what is acknowledged and so must be there, or a later one
};

// Runs a workload once. Whatever fails is met by closing and reopening, as long as that works.
class workload_run {
public:
    workload_run(const workload& chosen, io::file_system& files, std::uint64_t seed)
        : chosen_(chosen), files_(files), random_(seed) {}

    [[nodiscard]] static options how_to_open(const workload& chosen, io::file_system& files) {
        options how;
        how.page_bytes = chosen.page_bytes;
        how.paging = chosen.paging;
        how.pool_bytes = chosen.pool_pages * chosen.page_bytes;
        how.files = &files;
        use_small_log_inside_calls(how, chosen.checkpoint_bytes);
        return how;
    }
    [[nodiscard]] static const char* path() noexcept { return "a.pinyon"; }

    // Failed syncs take back what the cache shows: what is still open may meet that, as an error,
    // and a reopening may not.
    void cache_reverts() noexcept { cache_reverts_ = true; }

    // Empty when all went as it should, else what did not.
    [[nodiscard]] std::string run() {
        for (unsigned done = 0; done != chosen_.transactions && wrong_.empty(); ++done) {
            if (!db_ && !reopen()) { break; }
            if (chosen_.reader && done == chosen_.transactions / 4) { begin_reading(); }
            if (chosen_.reader && done == chosen_.transactions * 3 / 4) { end_reading(); }
            if (done == 0 && chosen_.preload != 0) {
                guarded([&] { transaction(chosen_.preload); });
            } else {
                step();
            }
        }
        end_reading();
        close();
        return wrong_;
    }

    [[nodiscard]] const expectation& expected() const noexcept { return expected_; }
    // Errors met.
    [[nodiscard]] unsigned failures() const noexcept { return failures_; }

private:
    [[nodiscard]] bool happens(percent often) { return random_() % 100 < often; }

    // True when it went through. After a failure that leaves the database unusable it is closed.
    template <class Action>
    bool guarded(Action&& action) {
        try {
            action();
            return true;
        } catch (const error& failure) {
            ++failures_;
            const bool damaged = failure.kind() == errc::corrupt && (!cache_reverts_ || !db_);
            if (damaged || failure.kind() == errc::misuse) {
                wrong_ = std::string("the workload met ") + failure.what();
            }
            return false;
        }
    }

    [[nodiscard]] bool reopen() {
        for (unsigned attempt = 0; attempt != 3; ++attempt) {
            if (guarded([&] {
                    database fresh = database::open(path(), how_to_open(chosen_, files_));
                    adopt(fresh);
                    db_ = std::move(fresh);
                })) {
                return true;
            }
            db_.reset();
        }
        return false;
    }

    // What is shown now is there for good; what was acknowledged is among it.
    void adopt(const database& db) {
        const content_digest shown = digest_of(db.begin_read());
        std::size_t at = expected_.history.size();
        while (at != expected_.safe && expected_.history[at - 1] != shown) { --at; }
        if (at == expected_.safe) {
            wrong_ = "after reopening the content is none that was committed";
            return;
        }
        expected_.history.resize(at);
        states_.resize(at);
        expected_.may_be_absent = false;
        all_is_safe();
    }

    void all_is_safe() { expected_.safe = expected_.history.size() - 1; }

    void close() {
        if (!db_) { return; }
        if (guarded([&] { db_->close(); })) { all_is_safe(); }
        db_.reset();
    }

    void step() {
        if (happens(chosen_.reopens) && !reader_) {
            close();
            if (!reopen()) { return; }
        }
        if (happens(chosen_.requests) && guarded([&] { db_->checkpoint(); })) { all_is_safe(); }
        const bool fine = guarded([&] { transaction(0); });
        if (!fine) { look_after_a_failure(); }
    }

    // Whatever failed, the database still shows what it acknowledged last; a poisoned one is
    // closed.
    void look_after_a_failure() {
        const unsigned before = failures_;
        guarded([&] {
            const content_digest shown = digest_of(db_->begin_read());
            const auto& all = expected_.history;
            if (std::find(all.begin(), all.end(), shown) == all.end()) {
                wrong_ = "after a failure the content shown is none that was committed";
            }
        });
        const bool usable = failures_ == before && guarded([&] { db_->begin_write().abort(); });
        if (!usable) {
            reader_.reset();
            guarded([&] { db_->close(); });
            db_.reset();
        }
    }

    void transaction(unsigned puts) {
        model wanted = states_.back();
        write_transaction tx = db_->begin_write();
        change(tx, wanted, puts);
        if (puts == 0 && happens(chosen_.aborts)) { return tx.abort(); }
        durability how = durability::durable;
        if (happens(chosen_.relaxed)) { how = durability::relaxed; }
        if (happens(chosen_.checkpoint)) { how = durability::checkpoint; }
        expected_.history.push_back(digest_of(wanted));
        states_.push_back(std::move(wanted));
        std::uint64_t position = 0;
        try {
            position = tx.commit(how);
        } catch (const error& failure) {
            // Only a commit whose outcome is not known may show up later.
            if (failure.kind() != errc::commit_unknown) {
                expected_.history.pop_back();
                states_.pop_back();
            }
            throw;
        }
        // A commit of nothing writes nothing, and so makes nothing before it safe.
        const auto& all = expected_.history;
        const bool changed = all[all.size() - 2] != all.back();
        if (is_safe_on_return(how) && changed) { all_is_safe(); }
        if (how == durability::relaxed && changed && happens(chosen_.waits)) {
            db_->wait_durable(position);
            all_is_safe();
        }
    }

    void change(write_transaction& tx, model& wanted, unsigned puts) {
        if (happens(chosen_.drops) && !wanted.empty()) {
            const std::string victim = any_tree(wanted);
            tx.drop(victim);
            wanted.erase(victim);
        }
        if (happens(chosen_.renames) && !wanted.empty()) {
            const std::string from = any_tree(wanted);
            const std::string to = "tree " + std::to_string(chosen_.trees + random_() % 100);
            if (wanted.count(to) == 0) {
                tx.rename(from, to);
                auto entry = wanted.extract(from);
                entry.key() = to;
                wanted.insert(std::move(entry));
            }
        }
        if (happens(chosen_.loads)) { load(tx, wanted); }
        for (unsigned tree = 0; tree != 1 + (chosen_.trees > 1 ? 1 : 0); ++tree) {
            change_tree(tx, wanted, puts);
        }
    }

    [[nodiscard]] std::string any_tree(const model& wanted) {
        return std::next(wanted.begin(), static_cast<std::ptrdiff_t>(random_() % wanted.size()))
            ->first;
    }

    void change_tree(write_transaction& tx, model& wanted, unsigned puts) {
        const std::string name = "tree " + std::to_string(random_() % chosen_.trees);
        auto tree = tx.open_as(name, types_of(chosen_.fixed));
        model_tree& expected = wanted[name];
        expected.fixed = chosen_.fixed;
        if (puts == 0) { puts = static_cast<unsigned>(random_() % (chosen_.puts + 1)); }
        for (unsigned i = 0; i != puts; ++i) {
            const std::string key = random_key();
            const std::string value = random_value();
            tree.put(as_bytes(key), as_bytes(value));
            expected.entries[key] = value;
        }
        for (unsigned i = 0; i != chosen_.erases && !expected.entries.empty(); ++i) {
            auto victim = expected.entries.lower_bound(random_key());
            if (victim == expected.entries.end()) { victim = expected.entries.begin(); }
            tree.erase(as_bytes(victim->first));
            expected.entries.erase(victim);
        }
        if (happens(chosen_.erase_ranges)) {
            std::string low = random_key();
            std::string high = random_key();
            if (high < low) { low.swap(high); }
            tree.erase(as_bytes(low), as_bytes(high));
            expected.entries.erase(expected.entries.lower_bound(low),
                                   expected.entries.lower_bound(high));
        }
    }

    void load(write_transaction& tx, model& wanted) {
        const std::string name = "loaded " + std::to_string(random_() % 4);
        if (wanted.count(name) != 0) { return; }
        model_tree& expected = wanted[name];
        expected.fixed = chosen_.fixed;
        for (unsigned i = 0; i != 150; ++i) { expected.entries[random_key()] = random_value(); }
        auto tree = tx.open_as(name, types_of(chosen_.fixed));
        auto loader = tree.begin_load();
        for (const auto& entry : expected.entries) {
            loader.append(as_bytes(entry.first), as_bytes(entry.second));
        }
        loader.finish();
    }

    [[nodiscard]] std::string random_key() {
        std::uint64_t number = random_() % chosen_.keys;
        if (!chosen_.fixed) { return "key " + std::to_string(number); }
        std::string key(8, '\0');
        for (std::size_t i = 8; i-- != 0; number >>= 8) {
            key[i] = static_cast<char>(number & 0xff);
        }
        return key;
    }
    [[nodiscard]] std::string random_value() {
        std::size_t size = chosen_.value_bytes == 0 ? 0 : random_() % chosen_.value_bytes;
        if (chosen_.fixed) { size = 24; }
        if (!chosen_.fixed && happens(chosen_.large)) { size = random_() % 20'000; }
        std::string value(size, '\0');
        for (char& each : value) { each = static_cast<char>('a' + random_() % 26); }
        return value;
    }

    void begin_reading() {
        guarded([&] {
            if (!db_) { return; }
            read_transaction reader = db_->begin_read();
            reader_shows_ = digest_of(reader);
            reader_ = std::move(reader);
        });
    }
    void end_reading() {
        if (!reader_) { return; }
        guarded([&] {
            if (digest_of(*reader_) != reader_shows_) { wrong_ = "a snapshot has changed"; }
        });
        reader_.reset();
    }

    const workload& chosen_;
    io::file_system& files_;
    std::mt19937_64 random_;
    std::optional<database> db_;
    std::optional<read_transaction> reader_;
    content_digest reader_shows_ = 0;
    expectation expected_;
    std::vector<model> states_{model{}};  // beside expected_.history
    unsigned failures_ = 0;
    bool cache_reverts_ = false;
    std::string wrong_;
};

}  // namespace pinyon::test
