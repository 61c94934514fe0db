// The rule of reuse against a model: random histories of transactions, readers, checkpoints and
// crashes over a file of at most 62 pages, so that the pages of any state are one 64-bit mask and
// what the kept roots reach is their union. The same histories under rules that forget one kind of
// root must be caught.
#define BOOST_TEST_MODULE page_life
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "pinyon/engine/free_space.hpp"
#include "pinyon/mmap/error.hpp"

namespace {

using pinyon::free_space;
using pinyon::io::page_run;
using mask = std::uint64_t;

constexpr std::uint64_t first_page = 2;
constexpr std::uint64_t pages_max = 62;

enum class rule {
    as_it_is,
    without_the_older_meta,
    without_the_newer_meta,
    without_the_running_checkpoint,
    without_readers,
    without_the_oldest_reader,
};

constexpr mask bit(std::uint64_t page) { return mask{1} << page; }
mask bits(page_run run) { return ((mask{1} << run.count) - 1) << run.first; }

mask mask_of(const pinyon::page_set& set) {
    mask pages = 0;
    for (auto page = set.next(0); page; page = set.next(*page + 1)) { pages |= bit(*page); }
    return pages;
}

// One committed state: which pages it reaches, and what is needed to open it after a crash.
struct state {
    mask pages = 0;
    std::uint64_t page_count = 0;
    std::vector<std::byte> image;
};

class history {
public:
    history(std::uint64_t seed, rule which) : random_(seed), rule_(which) {
        page_count_ = first_page + 6 + random_() % 20;
        current_ = bits({first_page, 3});
        space_.reset(first_page, first_page + 3);
        space_.extend(page_count_);
        states_[0] = {current_, page_count_, space_.save()};
    }

    // One random event and a look at everything: what is wrong, if anything is.
    std::optional<std::string> step() {
        try {
            happen();
        } catch (const pinyon::error& failure) { return std::string("throws: ") + failure.what(); }
        return broken_.empty() ? contradiction() : broken_;
    }
    // With all readers gone and both metas at the published state nothing else is held.
    std::optional<std::string> end() {
        if (running_) { abort(); }
        readers_.clear();
        checkpoint_.reset();
        metas_ = {published_, published_};
        space_.keep(kept());
        if (mask_of(space_.free_set()) != (all() & ~current_)) { return "pages are never freed"; }
        return std::nullopt;
    }

private:
    [[nodiscard]] mask all() const { return bits({first_page, page_count_ - first_page}); }

    // K, as the rule under test knows it.
    [[nodiscard]] std::vector<std::uint64_t> kept() const {
        std::vector<std::uint64_t> roots =
            rule_ == rule::without_readers ? std::vector<std::uint64_t>{} : readers_;
        if (rule_ == rule::without_the_oldest_reader && !roots.empty()) {
            roots.erase(std::min_element(roots.begin(), roots.end()));
        }
        if (rule_ != rule::without_the_older_meta) { roots.push_back(metas_[newest_ ^ 1]); }
        if (rule_ != rule::without_the_newer_meta) { roots.push_back(metas_[newest_]); }
        if (checkpoint_ && rule_ != rule::without_the_running_checkpoint) {
            roots.push_back(*checkpoint_);
        }
        std::sort(roots.begin(), roots.end());
        roots.erase(std::unique(roots.begin(), roots.end()), roots.end());
        return roots;
    }
    // K, as it is.
    [[nodiscard]] std::vector<std::uint64_t> roots() const {
        std::vector<std::uint64_t> all = readers_;
        all.insert(all.end(), metas_.begin(), metas_.end());
        if (checkpoint_) { all.push_back(*checkpoint_); }
        return all;
    }
    [[nodiscard]] mask reachable() const {
        mask pages = states_.at(published_).pages;
        for (const std::uint64_t root : roots()) { pages |= states_.at(root).pages; }
        return pages;
    }

    void happen() {
        switch (random_() % 24) {
            case 0:
                return readers_.push_back(published_);
            case 1:
            case 2:
                return end_reader();
            case 3:
            case 4:
                return begin_checkpoint();
            case 5:
                return end_checkpoint(random_() % 4 == 0);
            case 6:
                return random_() % 8 == 0 ? crash() : void();
            default:
                break;
        }
        if (!running_) { return begin(); }
        switch (random_() % 12) {
            case 0:
            case 1:
                return commit();
            case 2:
                return random_() % 4 == 0 ? abort() : commit();
            case 3:
                return take_run(1 + random_() % 5);
            case 4:
            case 5:
            case 6:
                return take();
            default:
                return retire();
        }
    }

    void begin() {
        space_.keep(kept());
        // Exact: what no root reaches is free, but for pages retired unread, held by all older
        // roots.
        mask unread = 0;
        for (const auto& entry : unread_) {
            for (const std::uint64_t root : roots()) {
                unread |= root < entry.second ? bit(entry.first) : 0;
            }
        }
        if (rule_ == rule::as_it_is &&
            (mask_of(space_.free_set()) | unread) != ((all() & ~reachable()) | unread)) {
            broken_ = "a page that no root reaches is not free";
        }
        space_.begin(published_ + 1);
        running_ = true;
    }
    void commit() {
        ++published_;
        states_[published_].pages = current_;
        space_.commit();
        space_.keep(kept());
        running_ = false;
    }
    void abort() {
        space_.abort();
        current_ = states_.at(published_).pages;
        for (auto& entry : born_) {
            if (entry.second == published_ + 1) { entry.second = 0; }
        }
        running_ = false;
    }
    void extend() {
        if (page_count_ == pages_max) { return; }
        page_count_ = std::min(pages_max, page_count_ + 1 + random_() % 8);
        space_.extend(page_count_);
    }
    void use(page_run run) {
        if ((bits(run) & (reachable() | current_)) != 0) {
            broken_ = "a page that a root reaches is given out";
        }
        current_ |= bits(run);
        for (std::uint64_t page = run.first; page < run.first + run.count; ++page) {
            born_[page] = published_ + 1;
            unread_.erase(page);
        }
    }
    void take() {
        if (const auto page = space_.take()) { return use({*page, 1}); }
        extend();
    }
    void take_run(std::uint64_t pages) {
        if (const auto run = space_.take_run(pages)) { return use(*run); }
        extend();
    }
    void retire() {
        if (std::popcount(current_) < 2) { return; }
        std::uint64_t page = random_() % pages_max;
        while ((current_ & bit(page)) == 0) { page = (page + 1) % pages_max; }
        current_ &= ~bit(page);
        if (random_() % 10 == 0) {
            if (born_[page] <= published_) { unread_[page] = published_ + 1; }
            return space_.retire({page, 1}, 0);
        }
        space_.retire({page, 1}, born_[page]);
    }
    void end_reader() {
        if (readers_.empty()) { return; }
        readers_.erase(readers_.begin() + static_cast<long>(random_() % readers_.size()));
    }

    void begin_checkpoint() {
        if (checkpoint_ || running_) { return; }
        checkpoint_ = published_;
        states_[published_].page_count = page_count_;
        states_[published_].image = space_.save();
    }
    // The meta becomes durable; a settle writes the other slot as well.
    void end_checkpoint(bool settle) {
        if (!checkpoint_) { return; }
        newest_ ^= 1;
        metas_[newest_] = *checkpoint_;
        if (settle) { metas_[newest_ ^ 1] = *checkpoint_; }
        checkpoint_.reset();
    }
    // All that is left are the metas; the transactions after the newest one never were.
    void crash() {
        published_ = metas_[newest_];
        readers_.clear();
        checkpoint_.reset();
        running_ = false;
        const state& opened = states_.at(published_);
        current_ = opened.pages;
        space_.reset(first_page, opened.page_count);
        space_.load(opened.image, published_);
        space_.keep(kept());
        space_.extend(page_count_);
        for (auto entry = unread_.begin(); entry != unread_.end();) {
            const bool lost = entry->second > published_ || (current_ & bit(entry->first)) != 0;
            entry = lost ? unread_.erase(entry) : std::next(entry);
        }
        // Pages of other lives have other births; 0 is always right, if late.
        for (auto& entry : born_) {
            if ((current_ & bit(entry.first)) == 0 || entry.second > published_) {
                entry.second = 0;
            }
        }
    }

    [[nodiscard]] std::optional<std::string> contradiction() const {
        const mask free = mask_of(space_.free_set());
        const mask held = mask_of(space_.held_set());
        if ((free & reachable()) != 0) { return "a page that a root reaches is free"; }
        if ((free & held) != 0 || ((free | held) & current_) != 0) {
            return "a page is in two places";
        }
        if ((free | held | current_) != all()) { return "a page is nowhere"; }
        return std::nullopt;
    }

    std::mt19937_64 random_;
    rule rule_;
    free_space space_;
    std::uint64_t page_count_ = 0;
    std::map<std::uint64_t, state> states_;
    std::vector<std::uint64_t> readers_;
    std::array<std::uint64_t, 2> metas_{0, 0};
    unsigned newest_ = 0;
    std::optional<std::uint64_t> checkpoint_;
    std::uint64_t published_ = 0;
    mask current_ = 0;
    bool running_ = false;
    std::map<std::uint64_t, std::uint64_t> born_;    // by page
    std::map<std::uint64_t, std::uint64_t> unread_;  // page retired with birth unknown -> by whom
    std::string broken_;
};

BOOST_AUTO_TEST_CASE(no_reachable_page_is_given_out_and_every_other_becomes_free) {
    std::uint64_t states = 0;
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            history run(seed, rule::as_it_is);
            for (unsigned step = 0; step < 100; ++step) {
                const std::optional<std::string> wrong = run.step();
                BOOST_TEST_REQUIRE(!wrong, "step " << step << ": " << wrong.value_or(""));
                ++states;
            }
            const std::optional<std::string> wrong = run.end();
            BOOST_TEST_REQUIRE(!wrong, "at the end: " << wrong.value_or(""));
        }
    }
    BOOST_TEST(states >= 160'000u);
    BOOST_TEST_MESSAGE(states << " random states");
}

BOOST_AUTO_TEST_CASE(a_rule_that_forgets_a_root_is_caught) {
    struct row {
        rule which;
        const char* what;
    };
    for (const row& row : {row{rule::without_the_older_meta, "the older meta"},
                           row{rule::without_the_newer_meta, "the newer meta"},
                           row{rule::without_the_running_checkpoint, "the running checkpoint"},
                           row{rule::without_readers, "readers"},
                           row{rule::without_the_oldest_reader, "the oldest reader"}}) {
        BOOST_TEST_CONTEXT("without " << row.what) {
            unsigned caught = 0;
            for (std::uint64_t seed = 1; seed <= 200; ++seed) {
                history run(seed, row.which);
                bool wrong = false;
                for (unsigned step = 0; step < 100 && !wrong; ++step) {
                    wrong = run.step().has_value();
                }
                caught += wrong ? 1 : 0;
            }
            BOOST_TEST_MESSAGE("without " << row.what << ": " << caught
                                          << " of 200 histories caught");
            BOOST_TEST(caught >= 20u);
        }
    }
}

}  // namespace
