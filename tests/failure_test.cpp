// Each operation on the file fails once, and from then on for ever, with EIO, with no space and
// with a short write: every commit that was acknowledged is there after reopening, one whose
// outcome was unknown is there whole or not at all, nothing else is, and `check` finds nothing.
#define BOOST_TEST_MODULE failure
#include <boost/test/unit_test.hpp>
#include <map>
#include <optional>
#include <string>

#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/pinyon.hpp"
#include "support/simulated_disk.hpp"

namespace {

using namespace pinyon;
using test::disk_fault;
using test::fault_plan;
using test::simulated_disk;
using entries = std::map<std::string, std::string>;

constexpr tree_spec<std::string_view, std::string_view> words{"words"};
constexpr int commits = 4;

void change(write_transaction& tx, entries& expected, int round) {
    auto tree = tx.open(words);
    for (int i = 0; i < 40; ++i) {
        const std::string key = "key" + std::to_string((i * 31 + round * 7) % 100);
        const std::string value(static_cast<std::size_t>(i * 5 + round),
                                static_cast<char>('a' + round));
        tree.put(key, value);
        expected[key] = value;
    }
    const std::string large = "large" + std::to_string(round % 2);
    tree.put(large, std::string(9000, static_cast<char>('A' + round)));
    expected[large] = std::string(9000, static_cast<char>('A' + round));
}

[[nodiscard]] entries read(const database& db) {
    entries found;
    const read_transaction tx = db.begin_read();
    if (!tx.contains(words.name)) { return found; }
    for (const auto& entry : tx.open(words).all()) { found.emplace(entry.key, entry.value); }
    return found;
}

class trial {
public:
    explicit trial(const fault_plan& plan) {
        disk_.plan(plan);
        work();
        fired_ = disk_.fired();
        disk_.heal();
        judge();
    }
    [[nodiscard]] bool fired() const noexcept { return fired_ != 0; }

private:
    [[nodiscard]] options how(io::file_system& files) {
        options chosen;
        chosen.files = &files;
        chosen.pool_bytes = 64 << 10;
        return chosen;
    }

    void work() {
        try {
            database db = database::open(path_, how(disk_));
            for (int round = 0; round < commits; ++round) { commit(db, round); }
            disk_.heal();
            // Whatever failed, this database still reads what it acknowledged last.
            BOOST_TEST((read(db) == acknowledged_));
            db.close();
        } catch (const error& failure) { BOOST_TEST_MESSAGE(failure.what()); }
    }

    void commit(const database& db, int round) {
        entries wanted = acknowledged_;
        try {
            db.update([&](write_transaction& tx) { change(tx, wanted, round); });
            BOOST_TEST(!unknown_);
            acknowledged_ = wanted;
        } catch (const error& failure) {
            if (failure.kind() == errc::commit_unknown) { unknown_ = wanted; }
        }
    }

    void judge() {
        const database db = database::open(path_, how(beneath_));
        const entries found = read(db);
        BOOST_TEST((found == acknowledged_ || (unknown_ && found == *unknown_)));
        db.update([](write_transaction& tx) { tx.open(words).put("after", "all"); });
        entries expected = found;
        expected["after"] = "all";
        BOOST_TEST((read(db) == expected));
        check_options chosen;
        chosen.files = &beneath_;
        const auto summary = check(path_, chosen, [](const finding& finding) {
            BOOST_TEST(false, "check found: " << finding.text);
        });
        BOOST_TEST(summary.findings() == 0U);
    }

    io::memory_file_system beneath_;
    simulated_disk disk_{beneath_};
    std::string path_ = beneath_.resolve("a.pinyon");
    entries acknowledged_;
    std::optional<entries> unknown_;
    std::uint64_t fired_ = 0;
};

void each_operation(disk_fault kind, bool for_ever) {
    std::uint64_t at = 0;
    for (bool fired = true; fired; ++at) {
        BOOST_TEST_CONTEXT("operation " << at << (for_ever ? " and all after it" : "")) {
            fault_plan plan;
            plan.at = at;
            plan.kind = kind;
            plan.for_ever = for_ever;
            fired = trial(plan).fired();
        }
    }
    BOOST_TEST_MESSAGE(at << " operations failed" << (for_ever ? " for ever" : " once"));
    BOOST_TEST(at > 50U);
}

BOOST_AUTO_TEST_CASE(an_io_error_once) { each_operation(disk_fault::io, false); }
BOOST_AUTO_TEST_CASE(an_io_error_for_ever) { each_operation(disk_fault::io, true); }
BOOST_AUTO_TEST_CASE(no_space_once) { each_operation(disk_fault::no_space, false); }
BOOST_AUTO_TEST_CASE(no_space_for_ever) { each_operation(disk_fault::no_space, true); }
BOOST_AUTO_TEST_CASE(a_short_write_once) { each_operation(disk_fault::short_write, false); }
BOOST_AUTO_TEST_CASE(a_short_write_for_ever) { each_operation(disk_fault::short_write, true); }

}  // namespace
