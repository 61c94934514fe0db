// Memory runs out: the n-th allocation that the engine makes fails, once and from then on for ever,
// in the middle of programs that open, write, commit in each way, checkpoint, read, close, are
// killed and recover. Then memory is there again: what was acknowledged is shown, before and after
// reopening, nothing else is, the database works on, and `check` finds nothing.
//
// More runs: allocation_test -- --states 50000 --seed 7
// One again: allocation_test -- --seed 7 --at 118 [--for-ever]
#define BOOST_TEST_MODULE allocation
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <exception>
#include <new>
#include <optional>
#include <random>

#include "pinyon/mmap/memory_file.hpp"
#include "support/crash_explorer.hpp"
#include "support/long_run.hpp"
#include "support/small_log.hpp"

namespace {

// What the operator new below does while a call of the engine is under way.
struct plan {
    bool armed = false;
    bool for_ever = false;
    std::uint64_t fail_at = ~std::uint64_t{0};
    std::uint64_t count = 0;
    std::uint64_t seed = 0;
};
plan memory;  // NOLINT: operator new has no other way to know

[[nodiscard]] bool fails_now() noexcept {
    if (!memory.armed) { return false; }
    const std::uint64_t now = memory.count++;
    return memory.for_ever ? now >= memory.fail_at : now == memory.fail_at;
}

[[nodiscard]] void* allocate(std::size_t bytes, std::size_t alignment) {
    void* place = nullptr;
    if (!fails_now()) {
        bytes = bytes == 0 ? 1 : bytes;
        place = alignment == 0 ? std::malloc(bytes)
                               : std::aligned_alloc(
                                     alignment, (bytes + alignment - 1) / alignment * alignment);
    }
    if (place == nullptr) { throw std::bad_alloc(); }
    return place;
}

}  // namespace

// Not inlined: the compiler sees a pair that does not match when it sees half of it.
[[gnu::noinline]] void* operator new(std::size_t bytes) { return allocate(bytes, 0); }
[[gnu::noinline]] void* operator new(std::size_t bytes, std::align_val_t alignment) {
    return allocate(bytes, static_cast<std::size_t>(alignment));
}
[[gnu::noinline]] void operator delete(void* place) noexcept { std::free(place); }
[[gnu::noinline]] void operator delete(void* place, std::size_t) noexcept { std::free(place); }
[[gnu::noinline]] void operator delete(void* place, std::align_val_t) noexcept { std::free(place); }
[[gnu::noinline]] void operator delete(void* place, std::size_t, std::align_val_t) noexcept {
    std::free(place);
}

namespace {

using namespace pinyon;
using namespace pinyon::test;

class unarmed {
public:
    unarmed() noexcept : before_(std::exchange(memory.armed, false)) {}
    ~unarmed() { memory.armed = before_; }
    unarmed(const unarmed&) = delete;
    unarmed& operator=(const unarmed&) = delete;

private:
    bool before_;
};

struct configuration {
    const char* name;
    pinyon::paging paging;
    std::uint64_t pool_pages;
};
constexpr configuration configurations[] = {
    {"pool", paging::pool, 256},
    {"pool of 16 pages", paging::pool, 16},
    {"raw", paging::raw, 0},
};

// A program that goes on as well as it can.
class program {
public:
    program(const configuration& chosen, std::uint64_t seed) : chosen_(chosen), random_(seed) {}

    // Says what is wrong, or nothing.
    [[nodiscard]] std::string run() {
        for (unsigned step = 0; step != 22 && wrong_.empty(); ++step) {
            if (!db_ && !open()) { continue; }
            act();
        }
        heal();
        return wrong_;
    }

private:
    // Runs what the engine does where allocations may fail; false when it failed.
    template <class Action>
    bool guarded(Action&& action) {
        last_ = errc::misuse;
        out_of_memory_ = false;
        memory.armed = true;
        try {
            action();
            memory.armed = false;
            return true;
        } catch (const std::bad_alloc&) {
            memory.armed = false;
            out_of_memory_ = true;
        } catch (const error& failure) {
            memory.armed = false;
            last_ = failure.kind();
            if (last_ == errc::corrupt || last_ == errc::log_corrupt ||
                last_ == errc::log_mismatch || last_ == errc::log_missing) {
                wrong_ = std::string("it met ") + failure.what();
            }
        }
        return false;
    }

    [[nodiscard]] options how() {
        options how;
        how.files = files_.get();
        how.paging = chosen_.paging;
        how.pool_bytes = chosen_.pool_pages * 4096;
        use_small_log_inside_calls(how, 16 << 10);
        return how;
    }

    [[nodiscard]] bool open() {
        const options chosen = how();
        std::optional<content_digest> shown;
        const bool opened = guarded([&] {
            database fresh = database::open(path_, chosen);
            shown = digest_of(fresh.begin_read());
            const unarmed pause;
            db_ = std::make_unique<database>(std::move(fresh));
        });
        if (opened) { adopt(*shown); }
        return opened;
    }
    void adopt(content_digest shown) {
        std::size_t at = history_.size();
        while (at != safe_ && history_[at - 1] != shown) { --at; }
        if (at == safe_) {
            wrong_ = "after opening the content is none that was committed, or an old one";
            return;
        }
        history_.resize(at);
        states_.resize(at);
        safe_ = at - 1;
    }

    void act() {
        switch (random_() % 10) {
            case 0:
                close();
                break;
            case 1:
                kill();
                break;
            case 2:
                if (guarded([&] { db_->checkpoint(); })) { safe_ = history_.size() - 1; }
                break;
            case 3:
                look();
                break;
            default:
                write();
        }
        if (db_ && !usable()) { close(); }
    }
    void close() {
        if (guarded([&] { db_->close(); })) { safe_ = history_.size() - 1; }
        drop();
    }
    void drop() {
        (void)guarded([&] { db_.reset(); });
    }
    // The files as they are, in the hands of another process.
    void kill() {
        auto copies = std::make_unique<io::memory_file_system>();
        for (const std::string& name : files_->list(path_)) {
            const auto from = files_->open(name, io::open_mode::read_only);
            std::vector<std::byte> content(static_cast<std::size_t>(from->size()));
            (void)from->read(0, content);
            copies->open(name, io::open_mode::create_new)->write(0, content);
        }
        drop();
        files_ = std::move(copies);
        // The files hold what was written, synced or not.
    }
    [[nodiscard]] bool usable() {
        try {
            db_->begin_write().abort();
            return true;
        } catch (const error& failure) {
            if (failure.kind() != errc::poisoned) { wrong_ = failure.what(); }
            return false;
        }
    }
    void look() {
        content_digest shown = 0;
        if (!guarded([&] { shown = digest_of(db_->begin_read()); })) { return; }
        if (shown != history_.back()) { wrong_ = "a snapshot shows something else"; }
    }

    void write() {
        model wanted = states_.back();
        const unsigned how = static_cast<unsigned>(random_() % 8);
        const durability safe = how == 0  ? durability::checkpoint
                                : how < 3 ? durability::relaxed
                                          : durability::durable;
        bool ended = false;
        const bool done = guarded([&] {
            write_transaction tx = db_->begin_write();
            change(tx, wanted);
            {
                const unarmed pause;
                history_.push_back(digest_of(wanted));
                states_.push_back(wanted);
            }
            ended = true;
            tx.commit(safe);
        });
        if (done && is_safe_on_return(safe)) { safe_ = history_.size() - 1; }
        if (done || !ended) { return; }
        if (last_ == errc::commit_unknown && !out_of_memory_) { return; }
        history_.pop_back();
        states_.pop_back();
    }
    void change(write_transaction& tx, model& wanted) {
        const std::string name = "tree " + number(random_() % 3);
        if (random_() % 8 == 0 && wanted.count(name) != 0) {
            if (random_() % 2 == 0) {
                tx.drop(name);
                const unarmed pause;
                wanted.erase(name);
                return;
            }
            const std::string fresh = "renamed " + number(random_() % 3);
            if (wanted.count(fresh) == 0) {
                tx.rename(name, fresh);
                const unarmed pause;
                auto entry = wanted.extract(name);
                entry.key() = fresh;
                wanted.insert(std::move(entry));
                return;
            }
        }
        const bool fixed = name.back() == '1';
        auto tree = tx.open_as(name, types_of(fixed));
        model_tree* expected = nullptr;
        {
            const unarmed pause;
            expected = &wanted[name];
            expected->fixed = fixed;
        }
        const std::uint64_t puts = random_() % 30;
        for (std::uint64_t i = 0; i != puts; ++i) { put(tree, *expected); }
        if (random_() % 4 == 0) { erase_some(tree, *expected); }
    }
    void put(writable_raw_tree& tree, model_tree& expected) {
        std::string key;
        std::string value;
        {
            const unarmed pause;
            key = expected.fixed ? std::string(7, '\0') + static_cast<char>(random_() % 200)
                                 : "a rather long key " + number(random_() % 300);
            std::size_t size = random_() % 60;
            if (random_() % 40 == 0) { size = random_() % 12'000; }
            value.assign(expected.fixed ? 24 : size, static_cast<char>('a' + random_() % 26));
        }
        if (random_() % 3 == 0) {
            const bool erased = tree.erase(as_bytes(key));
            const unarmed pause;
            if (erased != (expected.entries.erase(key) == 1)) { wrong_ = "erase is wrong"; }
            return;
        }
        tree.put(as_bytes(key), as_bytes(value));
        const unarmed pause;
        expected.entries[key] = value;
    }
    void erase_some(writable_raw_tree& tree, model_tree& expected) {
        if (expected.entries.empty()) { return; }
        std::string low;
        std::string high;
        {
            const unarmed pause;
            const auto any = [&] {
                return std::next(expected.entries.begin(),
                                 static_cast<std::ptrdiff_t>(random_() % expected.entries.size()))
                    ->first;
            };
            low = any();
            high = any();
            if (high < low) { low.swap(high); }
        }
        tree.erase(as_bytes(low), as_bytes(high));
        const unarmed pause;
        expected.entries.erase(expected.entries.lower_bound(low),
                               expected.entries.lower_bound(high));
    }
    [[nodiscard]] static std::string number(std::uint64_t value) {
        const unarmed pause;
        return std::to_string(value);
    }

    // Memory is there again.
    void heal() {
        memory.fail_at = ~std::uint64_t{0};
        if (!wrong_.empty()) { return; }
        try {
            if (db_) {
                const content_digest shown = digest_of(db_->begin_read());
                if (shown != history_.back() && shown != history_[safe_]) {
                    wrong_ = "healed, it shows something else";
                }
                if (usable()) {
                    write();
                    look();
                }
                // The last words of a poisoned one.
                if (guarded([&] { db_->close(); })) { safe_ = history_.size() - 1; }
                db_.reset();
            }
            for (int i = 0; i != 2 && wrong_.empty(); ++i) {
                if (!open()) { wrong_ = "healed, it does not open"; }
                if (wrong_.empty()) { write(); }
                if (db_ && i == 0) { kill(); }
                if (db_ && i == 1) { close(); }
            }
            if (wrong_.empty()) { check_all(); }
        } catch (const std::exception& failure) { wrong_ = failure.what(); }
    }
    void check_all() {
        check_options how;
        how.files = files_.get();
        const check_summary found =
            check(path_, how, [&](const finding& each) { wrong_ = "check finds " + each.text; });
        if (wrong_.empty() && found.lost_pages != 0) { wrong_ = "pages are lost"; }
    }

    const configuration& chosen_;
    std::mt19937_64 random_;
    std::unique_ptr<io::memory_file_system> files_ = std::make_unique<io::memory_file_system>();
    std::string path_ = "a.pinyon";
    std::unique_ptr<database> db_;
    std::vector<content_digest> history_{0};
    std::vector<model> states_{{}};
    std::size_t safe_ = 0;
    errc last_{};
    bool out_of_memory_ = false;
    std::string wrong_;
};

[[nodiscard]] std::string run(std::uint64_t seed, std::uint64_t at, bool for_ever) {
    memory = {};
    memory.fail_at = at;
    memory.for_ever = for_ever;
    memory.seed = seed;
    return program(configurations[seed % std::size(configurations)], seed).run();
}

// A throw that nobody may throw ends the process: it says what repeats it first.
void say_and_end() {
    memory.armed = false;
    std::cout << "T6 VIOLATION: the process ends\n    repeat: -- --seed " << memory.seed << " --at "
              << memory.fail_at << (memory.for_ever ? " --for-ever" : "") << std::endl;
    std::abort();
}

struct one_run {
    std::optional<std::uint64_t> at;
    bool for_ever = false;
};
[[nodiscard]] one_run one_run_of() {
    const auto& suite = boost::unit_test::framework::master_test_suite();
    one_run chosen;
    for (int i = 1; i < suite.argc; ++i) {
        const std::string_view word = suite.argv[i];
        if (word == "--at") { chosen.at = std::strtoull(suite.argv[i + 1], nullptr, 10); }
        if (word == "--for-ever") { chosen.for_ever = true; }
    }
    return chosen;
}

BOOST_AUTO_TEST_CASE(the_programs_run_when_memory_suffices) {
    for (std::uint64_t seed = 1; seed != 10; ++seed) {
        BOOST_TEST(run(seed, ~std::uint64_t{0}, false) == "");
        BOOST_TEST(memory.count > 500U);
    }
}

BOOST_AUTO_TEST_CASE(each_allocation_fails) {
    const long_run chosen = long_run_of(slow_build ? 500 : 5'000);
    const one_run one = one_run_of();
    std::set_terminate(say_and_end);
    if (one.at) {
        BOOST_TEST(run(chosen.seed, *one.at, one.for_ever) == "");
        return;
    }
    constexpr std::uint64_t runs_each = 250;
    std::uint64_t done = 0;
    std::uint64_t violations = 0;
    for (std::uint64_t seed = chosen.seed; done != chosen.states; ++seed) {
        (void)run(seed, ~std::uint64_t{0}, false);
        const std::uint64_t allocations = memory.count;
        for (std::uint64_t i = 0; i != runs_each && done != chosen.states; ++i, ++done) {
            const std::uint64_t at = (i / 2 * 2 + seed % 2) * allocations / runs_each;
            const std::string wrong = run(seed, at, i % 2 != 0);
            if (wrong.empty()) { continue; }
            if (++violations > 10) { continue; }
            std::cout << "T6 VIOLATION: " << wrong << "\n    repeat: -- --seed " << seed << " --at "
                      << at << (i % 2 != 0 ? " --for-ever" : "") << std::endl;
        }
    }
    std::cout << "T6: " << done << " runs with a failed allocation, seed " << chosen.seed << ", "
              << violations << " violations" << std::endl;
    BOOST_TEST(violations == 0U);
}

}  // namespace
