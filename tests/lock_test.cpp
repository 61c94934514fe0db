// Who may have a file open beside whom: other processes, the same process once more, readers,
// forked children, and those that read one meta's state under its lock byte. Real processes, real
// locks.
#define BOOST_TEST_MODULE lock
#include <boost/test/unit_test.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <string>

#include "pinyon/mmap/file.hpp"
#include "pinyon/pinyon.hpp"
#include "support/long_run.hpp"
#include "support/temporary_directory.hpp"

namespace {

using namespace pinyon;
using std::chrono::milliseconds;

constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};

// A forked process that does `work` and ends with what it returns.
class process {
public:
    explicit process(const std::function<int()>& work) {
        BOOST_REQUIRE(::pipe(signal_.data()) == 0);
        child_ = ::fork();
        if (child_ == 0) {
            current = this;
            int code = 99;
            try {
                code = work();
            } catch (...) { code = 98; }
            ::_exit(code);
        }
        ::close(signal_[1]);
    }
    ~process() {
        if (child_ > 0) { (void)end(SIGKILL); }
        ::close(signal_[0]);
    }
    process(const process&) = delete;
    process& operator=(const process&) = delete;

    // In the child: lets wait_until_ready return.
    static void ready() { (void)!::write(current->signal_[1], "r", 1); }
    void wait_until_ready() {
        char letter = 0;
        BOOST_REQUIRE(::read(signal_[0], &letter, 1) == 1);
    }
    // Its exit code; -1: ended by a signal.
    int wait() {
        int status = 0;
        ::waitpid(child_, &status, 0);
        child_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    int end(int signal) {
        ::kill(child_, signal);
        return wait();
    }

private:
    static inline process* current = nullptr;

    std::array<int, 2> signal_{};
    pid_t child_ = -1;
};

struct fixture {
    test::temporary_directory folder;
    std::string path = folder / "a.pinyon";

    [[nodiscard]] static options with(access_mode access, milliseconds timeout = milliseconds(0)) {
        options chosen;
        chosen.access = access;
        chosen.lock_timeout = timeout;
        return chosen;
    }
    [[nodiscard]] database make() const {
        database db = database::open(path);
        put(db, 1);
        return db;
    }
    static void put(const database& db, std::uint64_t value) {
        db.update([&](write_transaction& tx) {
            auto tree = tx.open(numbers);
            for (std::uint64_t key = 0; key != 500; ++key) { tree.put(key, value); }
        });
    }
    [[nodiscard]] static std::uint64_t sum(const database& db) {
        const read_transaction tx = db.begin_read();
        std::uint64_t result = 0;
        for (const auto& entry : tx.open(numbers).all()) { result += entry.value; }
        return result;
    }
    // The code with which an open fails; 0: it does not.
    [[nodiscard]] int code_of_open(const options& chosen = {}) const {
        try {
            (void)database::open(path, chosen);
        } catch (const error& failure) { return static_cast<int>(failure.kind()); }
        return 0;
    }
    [[nodiscard]] int elsewhere(const options& chosen = {}) const {
        return process([&] { return code_of_open(chosen); }).wait();
    }
};

constexpr int busy = static_cast<int>(errc::busy);
constexpr int misuse = static_cast<int>(errc::misuse);

// Says at the end how it went.
struct closing_line {
    ~closing_line() {
        const auto& suite = boost::unit_test::framework::master_test_suite();
        test::report("T18", std::to_string(suite.size()) + " cases of locks", test::failed_cases(),
                     1);
    }
};
BOOST_TEST_GLOBAL_FIXTURE(closing_line);

}  // namespace

BOOST_FIXTURE_TEST_CASE(a_second_process_is_busy_until_the_first_closes, fixture) {
    database db = make();
    BOOST_TEST(elsewhere() == busy);
    db.close();
    BOOST_TEST(elsewhere() == 0);
}

BOOST_FIXTURE_TEST_CASE(a_second_open_in_the_process_is_busy_until_the_first_closes, fixture) {
    database db = make();
    BOOST_TEST(code_of_open() == busy);
    BOOST_TEST(code_of_open(with(access_mode::read_only)) == busy);
    db.close();
    BOOST_TEST(code_of_open() == 0);
}

BOOST_FIXTURE_TEST_CASE(a_patient_open_gets_in_when_the_other_process_closes, fixture) {
    database db = make();
    process second([&] {
        process::ready();
        return code_of_open(with(access_mode::must_exist, milliseconds(30'000)));
    });
    second.wait_until_ready();
    ::usleep(50'000);
    db.close();
    BOOST_TEST(second.wait() == 0);
}

BOOST_FIXTURE_TEST_CASE(patience_ends, fixture) {
    const database db = make();
    const auto start = std::chrono::steady_clock::now();
    BOOST_TEST(elsewhere(with(access_mode::must_exist, milliseconds(100))) == busy);
    BOOST_TEST((std::chrono::steady_clock::now() - start >= milliseconds(100)));
}

BOOST_FIXTURE_TEST_CASE(the_lock_of_a_killed_process_is_gone, fixture) {
    make().close();
    process owner([&] {
        const database db = database::open(path);
        put(db, 2);
        process::ready();
        return ::pause();
    });
    owner.wait_until_ready();
    BOOST_TEST(code_of_open() == busy);
    BOOST_TEST(owner.end(SIGKILL) == -1);
    BOOST_TEST(sum(database::open(path)) == 1000U);
}

BOOST_FIXTURE_TEST_CASE(a_read_only_open_beside_a_writer_is_busy, fixture) {
    const database db = make();
    BOOST_TEST(elsewhere(with(access_mode::read_only)) == busy);
}

BOOST_FIXTURE_TEST_CASE(a_writer_beside_a_read_only_open_is_busy, fixture) {
    make().close();
    const database reader = database::open(path, with(access_mode::read_only));
    BOOST_TEST(elsewhere() == busy);
    BOOST_TEST(sum(reader) == 500U);
}

BOOST_FIXTURE_TEST_CASE(read_only_opens_stand_beside_each_other, fixture) {
    make().close();
    const database first = database::open(path, with(access_mode::read_only));
    const database second = database::open(path, with(access_mode::read_only));
    BOOST_TEST(elsewhere(with(access_mode::read_only)) == 0);
    BOOST_TEST(sum(first) + sum(second) == 1000U);
}

BOOST_FIXTURE_TEST_CASE(a_forked_child_may_not_use_the_parents_database, fixture) {
    const database db = make();
    process child([&] {
        try {
            put(db, 7);
        } catch (const error& failure) { return static_cast<int>(failure.kind()); }
        return 0;
    });
    BOOST_TEST(child.wait() == misuse);
    put(db, 3);
    BOOST_TEST(sum(db) == 1500U);
}

BOOST_FIXTURE_TEST_CASE(a_forked_child_holds_no_lock_and_its_end_drops_none, fixture) {
    database db = make();
    process lasting([] { return ::pause(); });
    BOOST_TEST(process([] { return 0; }).wait() == 0);
    BOOST_TEST(elsewhere() == busy);
    db.close();
    BOOST_TEST(elsewhere() == 0);
}

BOOST_FIXTURE_TEST_CASE(inspection_beside_a_writer_sees_the_last_checkpoint, fixture) {
    const database db = make();
    db.checkpoint();
    process inspector([&] {
        std::uint64_t findings = 0;
        const check_summary facts = check(path, {}, [&](const finding&) { ++findings; });
        return findings == 0 && facts.complete && !facts.trees.empty() ? 0 : 1;
    });
    BOOST_TEST(inspector.wait() == 0);
    put(db, 2);
    BOOST_TEST(sum(db) == 1000U);
}

// As a backup does: it holds the lock byte of the slot whose state it reads.
BOOST_FIXTURE_TEST_CASE(what_another_process_reads_is_kept_until_it_dies, fixture) {
    const database db = make();
    db.checkpoint();
    for (const io::lock_byte byte : {io::lock_byte::meta0, io::lock_byte::meta1}) {
        process backup([&] {
            const auto file = io::posix_file_system().open(path, io::open_mode::read_only);
            if (!file->try_lock(byte, io::lock_mode::shared)) { return 1; }
            process::ready();
            return ::pause();
        });
        backup.wait_until_ready();
        for (std::uint64_t value = 2; value != 10; ++value) {
            put(db, value);
            db.checkpoint();
        }
        BOOST_TEST(db.statistics().held_pages > 0U);
        (void)backup.end(SIGKILL);
        for (int i = 0; i != 3; ++i) {
            put(db, 1);
            db.checkpoint();
        }
    }
    BOOST_TEST(db.statistics().held_pages < db.statistics().file_pages / 4);
}
