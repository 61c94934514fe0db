#include "commit_costs.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "interleaved.hpp"
#include "pinyon/pinyon.hpp"

namespace pinyon::bench {

namespace {

using clock = std::chrono::steady_clock;
using value_type = std::array<char, 100>;

constexpr tree_spec<std::uint64_t, value_type> entries{"entries"};
constexpr tree_spec<std::uint64_t, value_type> small{"small"};
constexpr tree_spec<std::uint64_t, std::array<char, 1000>> kept{"kept"};
constexpr tree_spec<std::uint64_t, std::array<char, 1000>> dropped{"dropped"};

[[nodiscard]] double seconds_of(const std::function<void()>& work) {
    const clock::time_point start = clock::now();
    work();
    return std::chrono::duration<double>(clock::now() - start).count();
}

// No checkpoint but those that are asked for.
[[nodiscard]] options quiet() {
    options how;
    how.pool_bytes = std::uint64_t{2} << 30;
    how.background = background::none;
    how.checkpoint_bytes = std::uint64_t{1} << 30;
    how.checkpoint_interval = std::chrono::milliseconds(0);
    return how;
}

void remove_database(const std::string& path) {
    const std::filesystem::path file(path);
    for (const auto& entry : std::filesystem::directory_iterator(file.parent_path())) {
        if (entry.path().filename().string().rfind(file.filename().string(), 0) == 0) {
            std::filesystem::remove(entry.path());
        }
    }
}

// A file of about `bytes`, half of it free in many places, and a small tree that is the same in all
// files.
void make_file(const std::string& path, std::uint64_t bytes) {
    remove_database(path);
    const database db = database::open(path, quiet());
    constexpr std::uint64_t batch = 1000;
    std::array<char, 1000> value{};
    for (std::uint64_t done = 0; done < bytes / 2 / value.size(); done += batch) {
        // The two trees take turns, so that what is dropped lies between what stays.
        db.update(
            [&](write_transaction& tx) {
                auto live = tx.open(kept);
                auto free = tx.open(dropped);
                for (std::uint64_t key = done; key < done + batch; ++key) {
                    live.put(key, value);
                    free.put(key, value);
                }
            },
            done % (20 * batch) == 0 ? durability::checkpoint : durability::relaxed);
    }
    db.update(
        [&](write_transaction& tx) {
            auto tree = tx.open(small);
            for (std::uint64_t key = 0; key < 10'000; ++key) { tree.put(key, {}); }
        },
        durability::checkpoint);
    db.update([](write_transaction& tx) { (void)tx.drop(dropped.name); }, durability::checkpoint);
    // Twice more, so that no meta holds what was dropped.
    for (int i = 0; i < 2; ++i) {
        db.update([&](write_transaction& tx) { tx.open(small).put(1, {}); },
                  durability::checkpoint);
    }
}

void put_some(const database& db, std::uint64_t commits, std::uint64_t puts, std::uint64_t seed,
              durability when) {
    std::mt19937_64 random(seed);
    value_type value{};
    for (std::uint64_t i = 0; i < commits; ++i) {
        db.update(
            [&](write_transaction& tx) {
                auto tree = tx.open(small);
                for (std::uint64_t j = 0; j < puts; ++j) {
                    const std::uint64_t key = random() % 10'000;
                    std::memcpy(value.data(), &key, sizeof key);
                    tree.put(key, value);
                }
            },
            when);
    }
}

// --- recovery --------------------------------------------------------------------------------

constexpr std::uint64_t puts_per_transaction = 1000;

// Random puts below `range`; all durable at the end.
void put_random(const database& db, std::uint64_t transactions, std::uint64_t range) {
    std::mt19937_64 random(11);
    std::uint64_t position = 0;
    for (std::uint64_t i = 0; i < transactions; ++i) {
        write_transaction tx = db.begin_write();
        auto tree = tx.open(entries);
        value_type value{};
        std::memcpy(value.data(), &i, sizeof i);
        for (std::uint64_t j = 0; j < puts_per_transaction; ++j) {
            tree.put(random() % range, value);
        }
        position = tx.commit(durability::relaxed);
    }
    db.wait_durable(position);
}

// A child changes the file and ends without closing it: what stays is the file and its log. Returns
// the seconds that the changes took.
[[nodiscard]] double leave_log(const std::string& path, std::uint64_t transactions,
                               std::uint64_t range) {
    int channel[2];
    if (::pipe(channel) != 0) { throw std::runtime_error("pipe"); }
    const ::pid_t child = ::fork();
    if (child == 0) {
        const database db = database::open(path, quiet());
        const double seconds = seconds_of([&] { put_random(db, transactions, range); });
        const bool told = ::write(channel[1], &seconds, sizeof seconds) == sizeof seconds;
        ::_exit(told ? 0 : 1);
    }
    double result = 0;
    ::close(channel[1]);
    const bool told =
        ::read(channel[0], &result, sizeof result) == static_cast<::ssize_t>(sizeof result);
    ::close(channel[0]);
    int status = 0;
    if (!told || ::waitpid(child, &status, 0) != child || status != 0) {
        throw std::runtime_error("the child that leaves a log has failed");
    }
    return result;
}

void make_entries(const std::string& path, std::uint64_t count) {
    remove_database(path);
    const database db = database::open(path, quiet());
    db.update(
        [&](write_transaction& tx) {
            raw_loader loader = tx.open(entries).raw().begin_load();
            const value_type value{};
            key_buffer room;
            for (std::uint64_t key = 0; key < count; ++key) {
                loader.append(key_codec<std::uint64_t>::encode(key, room),
                              std::as_bytes(std::span(value)));
            }
            loader.finish();
        },
        durability::checkpoint);
}

// So that what is read of the file comes from the device.
void drop_from_cache(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ::fdatasync(file);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
}

// Read by this process so far, by calls and by faults.
[[nodiscard]] std::uint64_t bytes_from_devices() {
    std::ifstream facts("/proc/self/io");
    for (std::string word; facts >> word;) {
        std::uint64_t value = 0;
        facts >> value;
        if (word == "read_bytes:") { return value; }
    }
    return 0;
}

}  // namespace

void measure_sizes(const cost_settings& how, requirements& verdict) {
    constexpr std::uint64_t sizes_mb[] = {10, 100, 1000};
    std::vector<database> open;
    std::vector<std::string> names;
    for (const std::uint64_t size : sizes_mb) {
        const std::string path = how.folder + "/size-" + std::to_string(size);
        const auto bytes = static_cast<std::uint64_t>(static_cast<double>(size << 20) * how.scale);
        make_file(path, bytes);
        open.push_back(database::open(path, quiet()));
        const database_statistics found = open.back().statistics();
        char name[80];
        std::snprintf(name, sizeof name, "%.0f MB, %.0f MB of it free",
                      static_cast<double>(found.file_pages * found.page_bytes) / 1e6,
                      static_cast<double>(found.free_pages * found.page_bytes) / 1e6);
        names.emplace_back(name);
    }
    interleaved commits;
    interleaved durable;
    interleaved checkpoints;
    std::uint64_t seed = 1;
    for (std::size_t i = 0; i < open.size(); ++i) {
        const database& db = open[i];
        commits.add(names[i], [&db, &seed] {
            constexpr std::uint64_t count = 20'000;
            const double seconds =
                seconds_of([&] { put_some(db, count, 1, ++seed, durability::relaxed); });
            db.checkpoint();
            return 1e6 * seconds / static_cast<double>(count);
        });
        durable.add(names[i], [&db, &seed] {
            constexpr std::uint64_t count = 300;
            return 1e6 / static_cast<double>(count) *
                   seconds_of([&] { put_some(db, count, 1, ++seed, durability::durable); });
        });
        checkpoints.add(names[i], [&db, &seed] {
            put_some(db, 10, 100, ++seed, durability::durable);
            return 1e3 * seconds_of([&] { db.checkpoint(); });
        });
    }
    std::printf("\none put into a small tree, in files of three sizes\n");
    commits.run(how.rounds);
    commits.print("microseconds a relaxed commit");
    durable.run(how.rounds);
    durable.print("microseconds a durable commit");
    checkpoints.run(3 * how.rounds);
    checkpoints.print("milliseconds a checkpoint of 1000 puts");
    verdict.at_most("relaxed commit: largest against smallest file", 1.5,
                    commits.ratio(names.back(), names.front()));
    verdict.at_most("durable commit: largest against smallest file", 1.5,
                    durable.ratio(names.back(), names.front()));
    verdict.at_most("checkpoint of the same change: largest against smallest", 1.5,
                    checkpoints.ratio(names.back(), names.front()));
    open.clear();
    for (const std::uint64_t size : sizes_mb) {
        remove_database(how.folder + "/size-" + std::to_string(size));
    }
}

void measure_recovery(const cost_settings& how, requirements& verdict) {
    const std::string path = how.folder + "/recovery";
    const auto count = static_cast<std::uint64_t>(2e6 * how.scale);
    const auto transactions = static_cast<std::uint64_t>(300 * how.scale) + 1;
    // 1. The rate. Both sides begin with an open, which leaves nothing of the file in the page
    // cache: into a full tree, what is compared is reading it; into an empty one, replay alone.
    std::uint64_t wrong = 0;
    interleaved rates;
    const auto puts = static_cast<double>(transactions * puts_per_transaction);
    for (unsigned round = 0; round < std::max(3u, how.rounds / 2); ++round) {
        for (const bool full : {true, false}) {
            const std::string where = full ? " into a full tree" : " into an empty tree";
            make_entries(path, full ? count : 0);
            rates.record("updates" + where, puts / leave_log(path, transactions, count));
            std::optional<database> db;
            rates.record("replay" + where,
                         puts / seconds_of([&] { db.emplace(database::open(path, quiet())); }));
            wrong += db->statistics().recovery.transactions == transactions ? 0 : 1;
        }
    }
    std::printf("\n%llu transactions of %llu random puts, keys below %llu; replay is all of open\n",
                static_cast<unsigned long long>(transactions),
                static_cast<unsigned long long>(puts_per_transaction),
                static_cast<unsigned long long>(count));
    rates.print("puts a second");
    for (const char* where : {" into a full tree", " into an empty tree"}) {
        verdict.at_least(
            std::string("recovery") + where + ": replay against the updates", 0.7,
            rates.ratio(std::string("replay") + where, std::string("updates") + where));
    }
    // 2. What it reads: changes in a twentieth of the file.
    make_entries(path, count);
    const std::uint64_t few = transactions / 10 + 1;
    (void)leave_log(path, few, count / 20);
    drop_from_cache(path);
    const std::uint64_t before = bytes_from_devices();
    {
        const database db = database::open(path, quiet());
        const auto read = static_cast<double>(bytes_from_devices() - before);
        const database_statistics found = db.statistics();
        wrong += found.recovery.transactions == few ? 0 : 1;
        const auto file = static_cast<double>(found.file_pages * found.page_bytes);
        std::printf(
            "%.1f MB came from the device, the log among them, for a file of %.1f MB, in a "
            "recovery of changes in a twentieth of the keys\n",
            read / 1e6, file / 1e6);
        verdict.at_most("recovery: read, as a part of the data file", 0.25, read / file);
    }
    verdict.equal("recoveries that replayed another number of transactions", 0, wrong);
    const check_summary checked =
        check(path, {}, [](const finding& each) { std::printf("check: %s\n", each.text.c_str()); });
    verdict.equal("findings of check after a recovery", 0, checked.findings());
    remove_database(path);
}

}  // namespace pinyon::bench
