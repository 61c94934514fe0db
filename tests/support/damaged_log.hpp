// Databases that were stopped with a log, what the rules of recovery say of damage to that log, and
// the judge of what opening then does.
//
// Threads: one at a time. Failure: what is wrong is returned, never thrown.
#pragma once

#include <ctime>
#include <random>
#include <set>

#include "support/crash_explorer.hpp"
#include "support/forged_log.hpp"
#include "support/small_log.hpp"

namespace pinyon::test {

inline const std::string stopped_path = "a.pinyon";

[[nodiscard]] inline options how_to_open(io::file_system& files) {
    options how;
    how.files = &files;
    how.pool_bytes = 256 * 4096;
    use_small_log_inside_calls(how, 1 << 20);
    how.log_segment_bytes = format::segment_bytes_min;
    return how;
}

// What a database showed when its log ended at a position.
struct moment {
    std::uint64_t position = 0;
    content_digest content = 0;
};

// A database that was stopped, with its history.
struct stopped {
    std::string name;
    saved_files files;
    std::vector<moment> history;  // ascending; positions are those of durable or relaxed commits
};

class history_maker {
public:
    explicit history_maker(std::uint64_t seed) : random_(seed), disk_(seed, false) {
        db_.emplace(database::open(stopped_path, how_to_open(disk_)));
        note(0);
    }
    // Starts from what another one left.
    history_maker(std::uint64_t seed, const stopped& from) : random_(seed), disk_(seed, false) {
        for (const auto& entry : from.files) {
            const auto file = disk_.open(entry.first, io::open_mode::create_new);
            file->write(0, entry.second.content);
            file->grow(entry.second.size);
        }
        history_ = from.history;
        db_.emplace(database::open(stopped_path, how_to_open(disk_)));
    }

    void commits(unsigned count, durability how = durability::durable) {
        for (unsigned i = 0; i != count; ++i) {
            write_transaction tx = db_->begin_write();
            change(tx);
            note(tx.commit(how));
        }
    }
    void checkpoint() { db_->checkpoint(); }
    void reopen() {
        db_.reset();
        db_.emplace(database::open(stopped_path, how_to_open(disk_)));
    }
    void close() {
        db_->close();
        db_.reset();
    }
    [[nodiscard]] stopped stop(const char* name) { return {name, save_all(disk_), history_}; }

private:
    void change(write_transaction& tx) {
        auto texts = tx.open_as("texts", types_of(false));
        auto numbers = tx.open_as("numbers", types_of(true));
        const std::size_t puts = 1 + random_() % 2;
        for (std::size_t i = 0; i != puts; ++i) {
            const std::string key = "key " + std::to_string(random_() % 40);
            texts.put(as_bytes(key), as_bytes(std::string(random_() % 30, 'v')));
        }
        std::string key(8, '\0');
        key[7] = static_cast<char>(random_() % 40);
        if (!numbers.erase(as_bytes(key))) {
            numbers.put(as_bytes(key), as_bytes(std::string(24, static_cast<char>(random_()))));
        }
    }
    void note(std::uint64_t position) {
        history_.push_back({position, digest_of(db_->begin_read())});
    }

    std::mt19937_64 random_;
    crash_disk disk_;
    std::vector<moment> history_;
    std::optional<database> db_;
};

// The databases that are damaged.
[[nodiscard]] inline std::vector<stopped> make_stopped(std::uint64_t seed) {
    std::vector<stopped> all;
    {
        history_maker maker(seed);
        maker.commits(60);
        all.push_back(maker.stop("durable commits"));
    }
    {
        history_maker maker(seed + 1);
        maker.commits(34);
        maker.commits(8, durability::relaxed);
        all.push_back(maker.stop("relaxed commits last"));
    }
    {
        history_maker maker(seed + 2);
        maker.commits(20);
        maker.reopen();
        maker.commits(12);
        maker.checkpoint();
        maker.commits(14);
        maker.checkpoint();
        maker.commits(11);
        all.push_back(maker.stop("after checkpoints"));
    }
    return all;
}

enum class ending { shown, refused };

// What may become of it.
struct rule {
    std::vector<content_digest> shown;  // one of these, when it opens
    bool may_refuse = true;
    bool anything = false;  // a forger's work: sound, whatever it shows
    const stopped* sound = nullptr;
};

class damage_judge {
public:
    // Says what is wrong, or nothing.
    [[nodiscard]] std::string judge(const saved_files& files, const rule& expected) {
        ++judged;
        const std::clock_t begun = std::clock();
        std::string wrong;
        try {
            wrong = open(files, expected);
            // A reader that replays in memory judges as the writer does.
            if (wrong.empty() && judged % 8 == 0) { wrong = read_only(files); }
        } catch (const std::exception& failure) {
            wrong = std::string("an exception that is not Pinyon's: ") + failure.what();
        }
        // Of the processor: a busy machine is no violation, and a hang meets the test's time-out.
        const double seconds = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
        if (wrong.empty() && seconds > (slow_build ? 10 : 1)) {
            wrong = "it took more than a second";
        }
        return wrong;
    }

    std::uint64_t judged = 0;
    std::uint64_t refused = 0;

private:
    [[nodiscard]] std::string open(const saved_files& files, const rule& expected) {
        crash_disk& disk = store_.load(files);
        try {
            database db = database::open(stopped_path, how_to_open(disk));
            ended_ = ending::shown;
            content_ = digest_of(db.begin_read());
            const auto& shown = expected.shown;
            if (!expected.anything &&
                std::find(shown.begin(), shown.end(), content_) == shown.end()) {
                return shown.empty() ? "it opens, though acknowledged commits are damaged"
                                     : "it shows what it must not show";
            }
            if (judged % 16 == 0 || expected.anything) { return go_on(disk, db); }
            return {};
        } catch (const error& failure) {
            ended_ = ending::refused;
            kind_ = failure.kind();
            ++refused;
            if (!expected.may_refuse) {
                return std::string("it does not open, though nothing needed is damaged: ") +
                       failure.what();
            }
            return refusal(disk, files, failure, expected.sound);
        }
    }
    // What opened is sound and works.
    static std::string go_on(crash_disk& disk, database& db) {
        db.update([](write_transaction& tx) {
            tx.open_as("after", raw_types()).put(as_bytes("a"), as_bytes("b"));
        });
        db.close();
        check_options how;
        how.files = &disk;
        std::string found;
        (void)check(stopped_path, how, [&](const finding& each) { found = each.text; });
        return found.empty() ? "" : "check finds: " + found;
    }
    std::string refusal(crash_disk& disk, const saved_files& files, const error& failure,
                        const stopped* sound) {
        static const std::set<errc> codes{errc::log_corrupt, errc::log_missing, errc::log_mismatch,
                                          errc::corrupt, errc::version};
        if (codes.count(failure.kind()) == 0) {
            return std::string("the wrong error: ") + failure.what();
        }
        if (std::string wrong = same(disk, files); !wrong.empty()) { return wrong; }
        return judged % 16 == 0 && sound != nullptr ? mend(*sound) : "";
    }
    // With its sound log back, the file that could not be opened shows everything.
    std::string mend(const stopped& sound) {
        saved_files mended = sound.files;
        mended[stopped_path] = save_file(store_.disk(), stopped_path);
        const database db = database::open(stopped_path, how_to_open(store_.load(mended)));
        return digest_of(db.begin_read()) == sound.history.back().content
                   ? ""
                   : "the failed open harmed the data file";
    }
    // Replay stores to pages that no meta reaches and may have made the file longer; nothing else.
    [[nodiscard]] std::string same(crash_disk& disk, const saved_files& files) {
        std::set<std::string> names;
        for (const std::string& name : disk.list("")) { names.insert(name); }
        for (const auto& entry : files) {
            if (names.erase(entry.first) == 0) { return entry.first + " was removed"; }
            const saved_file now = save_file(disk, entry.first);
            const bool is_data = entry.first == stopped_path;
            if (is_data ? now.size < entry.second.size : now.size != entry.second.size) {
                return "the failed open changed the size of " + entry.first;
            }
            const std::uint64_t bytes = is_data ? 8192 : entry.second.content.size();
            if (entry.second.content.size() >= bytes && !now.same(entry.second, 0, bytes)) {
                return "the failed open changed " + entry.first;
            }
        }
        return names.empty() ? "" : "the failed open left " + *names.begin();
    }
    [[nodiscard]] std::string read_only(const saved_files& files) {
        crash_disk& disk = store_.load(files);
        options how = how_to_open(disk);
        how.access = access_mode::read_only;
        how.replay = replay::in_memory;
        std::string wrong;
        try {
            const database db = database::open(stopped_path, how);
            if (ended_ != ending::shown || digest_of(db.begin_read()) != content_) {
                wrong = "read-only it shows something else";
            }
        } catch (const error& failure) {
            if (ended_ != ending::refused || failure.kind() != kind_) {
                wrong =
                    std::string("only read-only, or otherwise than for writing: ") + failure.what();
            }
        }
        for (const auto& entry : files) {
            const saved_file now = save_file(disk, entry.first);
            if (!now.same(entry.second)) { return "opening read-only changed " + entry.first; }
        }
        return wrong;
    }

    restored_disk store_;
    ending ended_{};
    content_digest content_ = 0;
    errc kind_{};
};

// What the rules of recovery say of a damaged log, found by comparing it with the sound one.
class damage_oracle {
public:
    explicit damage_oracle(const stopped& sound) : sound_(sound), log_(sound.files, stopped_path) {}

    [[nodiscard]] const forged_log& log() const noexcept { return log_; }
    // Of bytes changed where they are.
    [[nodiscard]] rule of_changes(const saved_files& damaged) const {
        const std::size_t first = log_.first_needed();
        std::size_t reached = first;
        while (reached != log_.batches.size() && whole(damaged, log_.batches[reached], true) &&
               header_whole(damaged, log_.batches[reached].segment)) {
            ++reached;
        }
        rule result;
        result.sound = &sound_;
        if (reached == log_.batches.size()) {
            result.may_refuse = !meta_place_whole(damaged, first);
            result.shown = {content_at(end())};
            return result;
        }
        const std::uint64_t begin = log_.batches[reached].header.position;
        if (!proven_beyond(damaged, begin)) { result.shown = {content_at(begin)}; }
        return result;
    }
    [[nodiscard]] std::uint64_t end() const { return log_.batches.back().end(); }
    [[nodiscard]] content_digest content_at(std::uint64_t position) const {
        for (const moment& each : sound_.history) {
            if (each.position == position) { return each.content; }
        }
        // Where a log begins, the first state of the history that it follows.
        content_digest before = sound_.history.front().content;
        for (const moment& each : sound_.history) {
            if (each.position < position) { before = each.content; }
        }
        return before;
    }

private:
    [[nodiscard]] bool whole(const saved_files& damaged, const logged_batch& batch,
                             bool with_payload) const {
        const std::string& name = log_.segments[batch.segment].path;
        const auto found = damaged.find(name);
        return found != damaged.end() &&
               found->second.same(sound_.files.at(name), batch.offset,
                                  sizeof batch.header + (with_payload ? batch.payload.size() : 0));
    }
    [[nodiscard]] bool header_whole(const saved_files& damaged, std::size_t segment) const {
        const std::string& name = log_.segments[segment].path;
        const auto found = damaged.find(name);
        return found != damaged.end() &&
               found->second.same(sound_.files.at(name), 0, sizeof(format::segment_header));
    }
    // Before the meta's place only its segment counts, and that only where no batch stands at it.
    [[nodiscard]] bool meta_place_whole(const saved_files& damaged, std::size_t first) const {
        if (first != log_.batches.size()) { return true; }
        const std::size_t segment = log_.batches.back().segment;
        for (const logged_batch& batch : log_.batches) {
            if (batch.segment == segment && !whole(damaged, batch, true)) { return false; }
        }
        return header_whole(damaged, segment);
    }
    [[nodiscard]] bool proven_beyond(const saved_files& damaged, std::uint64_t position) const {
        for (const logged_batch& batch : log_.batches) {
            if (batch.header.durable > position && whole(damaged, batch, false)) { return true; }
        }
        for (std::size_t i = 0; i != log_.segments.size(); ++i) {
            if (log_.segments[i].header.position > position && header_whole(damaged, i)) {
                return true;
            }
        }
        return false;
    }

    const stopped& sound_;
    forged_log log_;
};

}  // namespace pinyon::test
