// Judges what a crash left: it opens, shows a state that was committed and none older than what was
// acknowledged, `check` finds nothing, and the database works on: three more transactions, a clean
// close, and all of it there after reopening.
//
// Threads: one. Failure: what is wrong is returned, never thrown.
#pragma once

#include <algorithm>
#include <string>

#include "support/crash_disk.hpp"
#include "support/crash_workload.hpp"

namespace pinyon::test {

// Transactions after a recovery, each expected before it is committed.
class aftermath {
public:
    // `expected` follows what is done.
    aftermath(const database& db, expectation& expected) : db_(db), expected_(expected) {}

    // Empty, or what is wrong with the content found.
    [[nodiscard]] std::string adopt() {
        const content_digest shown = digest_of(db_.begin_read());
        const auto from = expected_.history.begin() + static_cast<std::ptrdiff_t>(expected_.safe);
        const auto found = std::find(from, expected_.history.end(), shown);
        if (found == expected_.history.end()) {
            const auto older = std::find(expected_.history.begin(), from, shown);
            if (older == from) { return "the content is none that was ever committed"; }
            return "the content is that of commit " +
                   std::to_string(older - expected_.history.begin()) + ", but commit " +
                   std::to_string(expected_.safe) + " was acknowledged";
        }
        // What is shown is there for good.
        expected_.history.erase(found + 1, expected_.history.end());
        expected_.safe = expected_.history.size() - 1;
        expected_.may_be_absent = false;
        return {};
    }

    void commit_three() {
        changed(
            [&](write_transaction& tx) {
                const content_digest tree = tx.contains("after") ? 0 : digest_of("after");
                return tree + put(tx, "after", "one", "1") + put(tx, "after", "two", "2");
            },
            durability::durable);
        changed(
            [&](write_transaction& tx) {
                content_digest change = put(tx, "after", "three", std::string(40, '3'));
                for (const tree_information& each : tx.trees()) {
                    if (each.name == "after") { continue; }
                    return change + put(tx, each.name,
                                        each.fixed_layout ? "\xff\xff\xff\xff!!!!" : "~",
                                        "abcdefghijklmnopqrstuvwx");
                }
                return change;
            },
            durability::relaxed);
        changed(
            [&](write_transaction& tx) {
                content_digest change = put(tx, "after", "four", "4");
                for (const tree_information& each : tx.trees()) {
                    if (each.entries == 0) { continue; }
                    return change - erase_first(tx, each.name);
                }
                return change;
            },
            durability::checkpoint);
    }
    void closed() { expected_.safe = expected_.history.size() - 1; }

private:
    template <class Change>
    void changed(Change&& change, durability how) {
        write_transaction tx = db_.begin_write();
        expected_.history.push_back(expected_.history.back() + change(tx));
        tx.commit(how);
        if (is_safe_on_return(how)) { expected_.safe = expected_.history.size() - 1; }
    }
    static content_digest put(write_transaction& tx, const std::string& tree, std::string_view key,
                              std::string_view value) {
        writable_raw_tree target = tx.open_raw(tree);
        content_digest change = digest_of(digest_of(tree), as_bytes(key), as_bytes(value));
        if (const auto before = target.get(as_bytes(key))) {
            change -= digest_of(digest_of(tree), as_bytes(key), *before);
        }
        target.put(as_bytes(key), as_bytes(value));
        return change;
    }
    static content_digest erase_first(write_transaction& tx, const std::string& name) {
        writable_raw_tree tree = tx.open_raw(name);
        raw_cursor cursor = tree.cursor();
        cursor.first();
        const std::string key(as_text(cursor.key()));
        const content_digest gone = digest_of(digest_of(name), as_bytes(key), cursor.value());
        tree.erase(as_bytes(key));
        return gone;
    }

    const database& db_;
    expectation& expected_;
};

class crash_judge {
public:
    // Empty, or what is wrong.
    [[nodiscard]] std::string judge(const disk_image& image, const workload& chosen,
                                    const expectation& expected) {
        disk_.load(image, ++judged_);
        if (!disk_.exists(workload_run::path())) {
            return expected.may_be_absent ? "" : "the file is gone";
        }
        std::string wrong;
        try {
            wrong = look(chosen, expected);
            // What was stored behind the disk's back would be judged as part of the next image.
            if (wrong.empty() && judged_ % 256 == 0 && !disk_.knows_all_changes()) {
                wrong = "a page was stored to that no one had mapped for writing";
            }
        } catch (const std::exception& failure) { wrong = stage_ + ": " + failure.what(); }
        return wrong;
    }
    [[nodiscard]] std::uint64_t judged() const noexcept { return judged_; }

private:
    [[nodiscard]] std::string look(const workload& chosen, expectation expected) {
        const options how = workload_run::how_to_open(chosen, disk_);
        stage_ = "opening";
        {
            database db = database::open(workload_run::path(), how);
            aftermath after(db, expected);
            stage_ = "reading";
            if (std::string wrong = after.adopt(); !wrong.empty()) { return wrong; }
            // A damaged slot is no loss: the other one serves.
            if (judged_ % 4 == 0) {
                stage_ = "checking";
                if (std::string wrong = check_all(severity::error); !wrong.empty()) {
                    return "after opening, " + wrong;
                }
            }
            stage_ = "three more transactions";
            after.commit_three();
            stage_ = "closing";
            db.close();
            after.closed();
        }
        stage_ = "checking the closed file";
        if (std::string wrong = check_all(severity::warning); !wrong.empty()) { return wrong; }
        stage_ = "reopening";
        const database db = database::open(workload_run::path(), how);
        if (digest_of(db.begin_read()) != expected.history.back()) {
            return "three transactions later, closed and reopened, the content is another";
        }
        return {};
    }

    [[nodiscard]] std::string check_all(severity least) {
        check_options how;
        how.files = &disk_;
        std::string found;
        (void)check(workload_run::path(), how, [&](const finding& each) {
            if (each.level < least || !found.empty()) { return; }
            found = "check finds " + std::string(name(each.kind)) + ": " + each.text;
        });
        return found;
    }

    crash_disk disk_{0, false};
    std::uint64_t judged_ = 0;
    std::string stage_;
};

}  // namespace pinyon::test
