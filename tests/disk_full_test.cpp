// Disks of many small sizes filled to the last byte: the commit that finds no room says no_space
// and changes nothing, reading and erasing work on, and what is erased (or what somebody else
// removes) can be filled again.
//
//   disk_full_test -- --states SIZES --seed S
#define BOOST_TEST_MODULE disk_full
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "support/journal.hpp"
#include "support/long_run.hpp"
#include "support/private_mounts.hpp"
#include "support/small_log.hpp"

namespace {

using namespace pinyon;
using test::splitmix;
using model = std::map<std::string, std::string>;

constexpr tree_spec<std::string_view, std::string_view> words{"words"};

struct score {
    std::uint64_t sizes = 0;
    std::uint64_t too_small = 0;       // for the database itself
    std::uint64_t full = 0;            // commits that found no space
    std::uint64_t erases_refused = 0;  // of several entries at once
    std::uint64_t violations = 0;
};

class disk {
public:
    disk(std::uint64_t bytes, std::uint64_t seed, score& total)
        : bytes_(bytes), random_(seed), mount_(bytes), path_(mount_ / "a.pinyon"), total_(total) {
        test::use_small_log(options_, std::uint64_t{64} << 10);
    }

    void run() {
        ++total_.sizes;
        const std::uint64_t ballast_bytes = bytes_ / 8;
        const std::string ballast = mount_ / "ballast";
        std::ofstream(ballast) << std::string(ballast_bytes, 'b');
        try {
            db_ = database::open(path_, options_);
        } catch (const error& failure) {
            ++total_.too_small;
            require(failure.kind() == errc::no_space, std::string("opening: ") + failure.what());
            return;
        }
        try {
            fill();
            compare("full");
            // Somebody else makes space. A commit takes some pages more than its entries.
            std::filesystem::remove(ballast);
            const std::uint64_t before = held_bytes();
            fill();
            require(ballast_bytes < spare_bytes || held_bytes() > before,
                    "space made by others is not used");
            compare("full again");
            refill_what_is_erased();
            reopen();
        } catch (const error& failure) { require(false, failure.what()); }
    }

private:
    static constexpr std::uint64_t spare_bytes = 64 << 10;

    // Until the disk is full, first for large transactions, then for the smallest, too.
    void fill() {
        for (int i = 0; put_some(1 + random_.below(20), 30'000); ++i) {
            require(i < 100'000, "the disk does not fill");
        }
        while (put_some(12, 400)) {}
        for (int in_a_row = 0; in_a_row != 3;) { in_a_row = put_some(1, 100) ? 0 : in_a_row + 1; }
    }

    // False: no space, and nothing has changed.
    bool put_some(std::uint64_t count, std::uint64_t length_max) {
        std::map<std::string, std::string> added;
        try {
            write_transaction tx = db_->begin_write();
            auto tree = tx.open(words);
            for (std::uint64_t i = 0; i != count; ++i) {
                const std::string key = "key" + std::to_string(random_.below(1'000'000));
                const std::uint64_t most = random_.below(20) == 0 ? length_max : 400;
                const std::string value(random_.below(std::min<std::uint64_t>(most, length_max)),
                                        static_cast<char>('a' + random_.below(26)));
                tree.put(key, value);
                added[key] = value;
            }
            tx.commit(durability::durable);
        } catch (const error& failure) {
            if (failure.kind() != errc::no_space) { throw; }
            ++total_.full;
            return false;
        }
        for (auto& [key, value] : added) { model_[key] = value; }
        return true;
    }

    [[nodiscard]] std::uint64_t held_bytes() const {
        std::uint64_t sum = 0;
        for (const auto& [key, value] : model_) { sum += key.size() + value.size(); }
        return sum;
    }

    // Erases half of the entries, a few a transaction. A small disk may have no room for the pages
    // that so many touch; for those of one there is always.
    void erase_half() {
        const std::size_t goal = model_.size() / 2;
        while (model_.size() > goal) {
            if (!erase_some(std::min<std::size_t>(8, model_.size() - goal))) {
                compare("too many erased at once");
                require(erase_some(1), "an erase finds no space");
            }
        }
    }

    // False: no space, and nothing has changed.
    bool erase_some(std::size_t count) {
        std::vector<model::node_type> erased;
        try {
            write_transaction tx = db_->begin_write();
            auto tree = tx.open(words);
            for (; count != 0; --count) {
                auto victim = model_.lower_bound("key" + std::to_string(random_.below(1'000'000)));
                if (victim == model_.end()) { victim = model_.begin(); }
                erased.push_back(model_.extract(victim));
                require(tree.erase(erased.back().key()), "an entry is missing");
            }
            tx.commit(durability::durable);
        } catch (const error& failure) {
            if (failure.kind() != errc::no_space) { throw; }
            ++total_.erases_refused;
            for (model::node_type& each : erased) { model_.insert(std::move(each)); }
            return false;
        }
        return true;
    }

    void refill_what_is_erased() {
        const std::uint64_t full = held_bytes();
        erase_half();
        compare("half erased");
        db_->checkpoint();
        const std::uint64_t left = held_bytes();
        fill();
        require(full - left < spare_bytes ? held_bytes() > left
                                          : held_bytes() - left > (full - left) / 2,
                "erased space is not used again");
        compare("filled again");
    }

    void reopen() {
        db_->close();
        db_ = database::open(path_, options_);
        compare("reopened");
        db_->close();
        (void)check(path_, {}, [this](const finding& found) {
            require(false, std::string("check: ") + found.text);
        });
    }

    void compare(const char* when) {
        const read_transaction tx = db_->begin_read();
        model found;
        if (tx.contains(words.name)) {
            for (const auto& entry : tx.open(words).all()) {
                found.emplace(entry.key, entry.value);
            }
        }
        require(found == model_, std::string("the content differs, ") + when);
    }

    void require(bool holds, const std::string& what) {
        if (holds) { return; }
        ++total_.violations;
        BOOST_TEST(false, "a disk of " << bytes_ << " bytes: " << what);
    }

    std::uint64_t bytes_;
    splitmix random_;
    test::memory_mount mount_;
    std::string path_;
    options options_;
    std::optional<database> db_;
    model model_;
    score& total_;
};

BOOST_AUTO_TEST_CASE(a_full_disk_loses_nothing_and_is_no_dead_end) {
    const test::long_run chosen = test::long_run_of(40);
    if (const std::string why = test::own_mounts(); !why.empty()) {
        test::skip_all("full disks", why);
    }
    score total;
    splitmix random(chosen.seed);
    for (std::uint64_t i = 0; i != chosen.states && total.violations < 10; ++i) {
        // 128 KiB up to 32 MiB, evenly over the orders of magnitude, in pages.
        const std::uint64_t power = i % 7;
        const std::uint64_t bytes = (32 + random.below(32)) << power << 12;
        disk(bytes, chosen.seed * 1'000'003 + i, total).run();
    }
    test::report("T14",
                 std::to_string(total.sizes) + " sizes of disk (" +
                     std::to_string(total.too_small) + " too small for a database; " +
                     std::to_string(total.full) + " commits found no space, " +
                     std::to_string(total.erases_refused) + " of them several erases)",
                 total.violations, chosen.seed);
    BOOST_TEST(total.violations == 0U);
    BOOST_TEST(total.full > total.sizes);
}

// A hole gets its block by the store, where a refusal would be a signal: it is brought in by a call
// first, and what that cannot have is written, which says so.
BOOST_AUTO_TEST_CASE(a_store_without_room_is_an_error_and_no_signal) {
    if (const std::string why = test::own_mounts(); !why.empty()) {
        test::skip_all("full disks", why);
    }
    constexpr std::uint64_t room = std::uint64_t{1} << 20;
    constexpr std::uint64_t page = 4096;
    const test::memory_mount mount(room);
    const auto file = io::posix_file_system().open(mount / "file", io::open_mode::create_new);
    file->truncate(8 * room);
    const std::vector<std::byte> data(100, std::byte{7});
    std::uint64_t stored = 0;
    errc refused{};
    try {
        for (; stored != 8 * room; stored += page) { file->store(stored, data); }
    } catch (const error& failure) { refused = failure.kind(); }
    BOOST_TEST((refused == errc::no_space));
    BOOST_TEST(stored > 0U);
    BOOST_TEST(stored <= room);
    std::vector<std::byte> found(data.size());
    for (std::uint64_t at = 0; at != stored; at += page) {
        BOOST_TEST(file->read(at, found) == data.size());
        BOOST_TEST((found == data));
    }
}

}  // namespace
