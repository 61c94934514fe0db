// Damage to the data file: every byte of a small one flipped, zeroed and set; cuts; pages swapped,
// zeroed and replaced by older versions. As it is, each must end in an error or in right data, and
// `check` must not call a file sound whose data cannot all be read. With every checksum made right
// again (a forger's work) the data may differ, but opening, reading, changing and checking end:
// with no signal, within a second, within the memory that a small file can need.
//
// A run takes half of the mutations, the next seed the other half: corruption_test -- --seed 2;
// all in one: -- --all
#define BOOST_TEST_MODULE corruption
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <ctime>
#include <map>
#include <new>
#include <string>

#include "support/crash_explorer.hpp"
#include "support/forged_file.hpp"
#include "support/long_run.hpp"
#include "support/saved_files.hpp"

namespace {
std::size_t largest_allocation = 0;  // NOLINT: what operator new was asked for since it was reset
}

[[gnu::noinline]] void* operator new(std::size_t bytes) {
    largest_allocation = std::max(largest_allocation, bytes);
    if (void* const place = std::malloc(bytes == 0 ? 1 : bytes)) { return place; }
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* place) noexcept { std::free(place); }
[[gnu::noinline]] void operator delete(void* place, std::size_t) noexcept { std::free(place); }

namespace {

using namespace pinyon;
using namespace pinyon::test;
using entries = std::map<std::string, std::string>;

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t allocation_max = std::size_t{4} << 20;
constexpr tree_spec<std::string_view, std::string_view> words{"words"};
constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};
const std::string path = "damaged.pinyon";

struct sample {
    saved_file sound;
    saved_file older;
    entries expected;

    sample() {
        crash_disk disk(1, false);
        options how;
        how.files = &disk;
        how.background = background::none;
        database db = database::open(path, how);
        db.update([&](write_transaction& tx) { fill(tx, 0); });
        db.close();
        older = save_file(disk, path);
        db = database::open(path, how);
        db.update([&](write_transaction& tx) { fill(tx, 1); });
        expected = read(db);
        db.close();
        sound = save_file(disk, path);
        older.content.resize(sound.content.size());
    }
    // Two trees, one of each layout, of two levels each, with a value in pages of its own.
    static void fill(write_transaction& tx, int round) {
        auto texts = tx.open(words);
        for (int i = 0; i < 44; ++i) {
            const std::string key = "word/" + std::to_string(i * 7919 % 1000);
            texts.put(key, std::string(static_cast<std::size_t>(60 + i),
                                       static_cast<char>('a' + (i + round) % 26)));
        }
        texts.put("large", std::string(4100, static_cast<char>('A' + round)));
        auto table = tx.open(numbers);
        for (std::uint64_t i = 0; i < 300; ++i) {
            table.put(i * 3, i + static_cast<std::uint64_t>(round));
        }
    }
    [[nodiscard]] static entries read(const database& db) {
        entries found;
        const read_transaction tx = db.begin_read();
        for (const auto& entry : tx.open(words).all()) {
            found.emplace("w" + std::string(entry.key), std::string(entry.value));
        }
        for (const auto& entry : tx.open(numbers).all()) {
            found.emplace("n" + std::to_string(entry.key), std::to_string(entry.value));
        }
        return found;
    }
    // Those that hold something.
    [[nodiscard]] std::vector<std::size_t> pages_in_use() const {
        std::vector<std::size_t> pages;
        for (std::size_t page = 0; page * page_bytes < sound.content.size(); ++page) {
            for (std::size_t i = 0; i != page_bytes; ++i) {
                if (sound.at(page * page_bytes + i) == std::byte{0}) { continue; }
                pages.push_back(page);
                break;
            }
        }
        return pages;
    }
};

class damage_judge {
public:
    explicit damage_judge(const sample& file) : file_(file) {}

    void as_it_is(const saved_file& damaged, const std::string& what) {
        judge(what, [&] { return look(damaged); });
    }
    void forged(const saved_file& damaged, const std::string& what) {
        judge(what, [&] { return use(damaged); });
    }
    void report(const char* what, std::uint64_t seed) const {
        std::cout << "T9: " << judged_ << " damaged files (" << what << ", " << refused_
                  << " refused), seed " << seed << ", " << violations_ << " violations"
                  << std::endl;
        BOOST_TEST(violations_ == 0U);
        BOOST_TEST(refused_ > 0U);
        BOOST_TEST(judged_ > refused_);
    }
    [[nodiscard]] std::uint64_t violations() const noexcept { return violations_; }
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
    // Of the file that was judged last.
    [[nodiscard]] bool check_is_content() {
        try {
            check_options how;
            how.files = &disk_.disk();
            return check(path, how, [](const finding&) {}).findings() == 0;
        } catch (const error&) { return false; }
    }

private:
    template <class Judgement>
    void judge(const std::string& what, Judgement&& judgement) {
        ++judged_;
        largest_allocation = 0;
        const std::clock_t begun = std::clock();
        std::string wrong;
        try {
            wrong = judgement();
        } catch (const std::exception& failure) { wrong = failure.what(); }
        // Of the processor: a busy machine is no violation, and a hang meets the test's time-out.
        const double seconds = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
        if (wrong.empty() && seconds > (slow_build ? 10 : 1)) {
            wrong = "it took more than a second";
        }
        if (wrong.empty() && largest_allocation > allocation_max) {
            wrong = "it asked for " + std::to_string(largest_allocation) + " bytes";
        }
        if (wrong.empty()) { return; }
        if (++violations_ <= 10) { std::cout << "T9 VIOLATION: " << what << ": " << wrong << '\n'; }
    }
    [[nodiscard]] options how_to_open(access_mode access) {
        options how;
        how.files = &disk_.disk();
        how.access = access;
        how.pool_bytes = std::uint64_t{256} << 10;
        how.background = background::none;
        how.log_segment_bytes = 16 << 10;
        return how;
    }
    [[nodiscard]] std::string look(const saved_file& damaged) {
        disk_.load({{path, damaged}});
        bool refused = false;
        try {
            // What writes sees what is read, and more.
            const auto access = judged_ % 4 == 0 ? access_mode::must_exist : access_mode::read_only;
            if (sample::read(database::open(path, how_to_open(access))) != file_.expected) {
                return "it shows wrong data";
            }
        } catch (const error&) {
            refused = true;
            ++refused_;
        }
        // Not behind an open for writing, which may have changed the file.
        if (refused && judged_ % 4 != 0 && check_is_content()) {
            return "check calls a file sound that cannot be read";
        }
        return {};
    }
    [[nodiscard]] std::string use(const saved_file& damaged) {
        disk_.load({{path, damaged}});
        try {
            database db = database::open(path, how_to_open(access_mode::must_exist));
            read_all(db);
            change(db);
            db.close();
        } catch (const error&) { ++refused_; }
        if (judged_ % 2 == 0) { (void)check_is_content(); }
        return {};
    }
    static void read_all(const database& db) {
        const read_transaction tx = db.begin_read();
        for (const tree_information& each : tx.trees()) {
            const raw_tree tree = tx.open_raw(each.name);
            raw_cursor cursor = tree.cursor();
            for (bool valid = cursor.first(); valid; valid = cursor.next()) {
                (void)cursor.value();
            }
            (void)tree.nth(tree.size() / 2);
            (void)tree.rank(as_bytes(std::string_view("word/5")));
        }
    }
    static void change(const database& db) {
        db.update([](write_transaction& tx) {
            auto texts = tx.open(words);
            auto table = tx.open(numbers);
            for (int i = 0; i != 24; ++i) {
                const std::string key = "word/" + std::to_string(i * 37);
                if (!texts.erase(key)) { texts.put(key, "new"); }
                const auto number = static_cast<std::uint64_t>(i * 29);
                if (!table.erase(number)) { table.put(number, 1); }
            }
            texts.erase("large");
        });
    }

    const sample& file_;
    restored_disk disk_;
    std::uint64_t judged_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t violations_ = 0;
};

// Which mutations this run takes.
class turns {
public:
    explicit turns(std::uint64_t seed) : turn_(seed % 2) {
        if (slow_build) { every_ = 32; }
    }
    [[nodiscard]] bool next() noexcept { return all_ || ++count_ % every_ == turn_; }

private:
    bool all_ = all_wanted();
    std::uint64_t every_ = 2;
    std::uint64_t turn_;
    std::uint64_t count_ = 0;
};

template <class Visit>
void each_byte(const sample& file, Visit&& visit) {
    for (const std::size_t page : file.pages_in_use()) {
        for (std::size_t at = page * page_bytes; at != (page + 1) * page_bytes; ++at) {
            const std::byte original = file.sound.at(at);
            const auto bit = static_cast<std::uint8_t>(1U << (at % 8));
            for (const std::byte value :
                 {original ^ std::byte{bit}, std::byte{0}, std::byte{0xff}}) {
                if (value != original) { visit(at, value); }
            }
        }
    }
}

[[nodiscard]] std::string place(std::size_t at, std::byte value) {
    return "byte " + std::to_string(at) + " = " + std::to_string(std::to_integer<int>(value));
}

BOOST_AUTO_TEST_CASE(the_sound_file_is_read) {
    const sample file;
    BOOST_TEST(file.expected.size() == 345U);
    BOOST_TEST(file.pages_in_use().size() >= 8U);  // 32 KiB
    damage_judge judge(file);
    judge.as_it_is(file.sound, "the sound file");
    BOOST_TEST(judge.check_is_content());
    judge.forged(file.sound, "the sound file");
    BOOST_TEST(judge.check_is_content());
    BOOST_TEST(judge.refused() == 0U);
    BOOST_TEST(judge.violations() == 0U);
}

BOOST_AUTO_TEST_CASE(every_byte) {
    const long_run run = long_run_of(0);
    const sample file;
    damage_judge judge(file);
    turns turn(run.seed);
    saved_file damaged = file.sound;
    each_byte(file, [&](std::size_t at, std::byte value) {
        if (!turn.next()) { return; }
        damaged.set(at, value);
        judge.as_it_is(damaged, place(at, value));
        damaged.set(at, file.sound.at(at));
    });
    judge.report("bytes", run.seed);
}

BOOST_AUTO_TEST_CASE(cuts) {
    const long_run run = long_run_of(0);
    const sample file;
    damage_judge judge(file);
    judge.as_it_is(file.sound, "the sound file");
    const std::size_t used = file.sound.content.size();
    for (std::size_t size = 0; size < file.sound.size; size += size < used ? 512 : 8192) {
        saved_file damaged = file.sound;
        damaged.cut(size);
        judge.as_it_is(damaged, "cut to " + std::to_string(size));
    }
    judge.report("cuts", run.seed);
}

void copy_page(saved_file& to, std::size_t at, const saved_file& from, std::size_t page) {
    for (std::size_t i = 0; i != page_bytes; ++i) {
        to.set(at * page_bytes + i, from.at(page * page_bytes + i));
    }
}

BOOST_AUTO_TEST_CASE(whole_pages) {
    const long_run run = long_run_of(0);
    const sample file;
    damage_judge judge(file);
    const auto pages = file.pages_in_use();
    for (const std::size_t page : pages) {
        const std::string name = "page " + std::to_string(page);
        saved_file damaged = file.sound;
        copy_page(damaged, page, saved_file{}, page);
        judge.as_it_is(damaged, name + " zeroed");
        copy_page(damaged, page, file.older, page);
        judge.as_it_is(damaged, name + " as it was");
        for (const std::size_t other : pages) {
            if (other == page) { continue; }
            damaged = file.sound;
            copy_page(damaged, page, file.sound, other);
            judge.as_it_is(damaged, name + " is " + std::to_string(other));
            if (other < page) { continue; }
            copy_page(damaged, other, file.sound, page);
            judge.as_it_is(damaged, name + " and " + std::to_string(other) + " swapped");
        }
    }
    judge.report("pages", run.seed);
}

// --- forgeries -----------------------------------------------------------------------------------

class forger {
public:
    explicit forger(const sample& file) : original_(make(file)), size_(file.sound.size) {}

    // The change, then every checksum.
    template <class Change>
    [[nodiscard]] saved_file forge(Change&& change) {
        forged_file copy = original_;
        change(copy);
        copy.reseal();
        return {size_, std::move(copy.content)};
    }
    // A byte of a meta page: both are written, only their checksums are made right.
    [[nodiscard]] saved_file forge_meta(std::size_t offset, std::byte value) {
        forged_file copy = original_;
        reinterpret_cast<std::byte*>(&copy.meta)[offset] = value;
        copy.store_metas();
        return {size_, std::move(copy.content)};
    }

private:
    [[nodiscard]] forged_file make(const sample& file) {
        disk_.load({{path, file.sound}});
        forged_file result(disk_.disk(), path);
        result.content.resize(file.sound.content.size());  // zeros behind that
        return result;
    }

    restored_disk disk_;
    forged_file original_;
    std::uint64_t size_;
};

BOOST_AUTO_TEST_CASE(every_byte_forged) {
    const long_run run = long_run_of(0);
    const sample file;
    damage_judge judge(file);
    forger forger(file);
    turns turn(run.seed + 1);
    each_byte(file, [&](std::size_t at, std::byte value) {
        const bool is_meta = at < 2 * page_bytes;
        if ((is_meta && at >= sizeof(format::meta)) || !turn.next()) { return; }
        if (is_meta) { return judge.forged(forger.forge_meta(at, value), place(at, value)); }
        judge.forged(forger.forge([&](forged_file& copy) { copy.content[at] = value; }),
                     place(at, value) + ", forged");
    });
    judge.report("bytes, checksums right", run.seed);
}

BOOST_AUTO_TEST_CASE(whole_pages_forged) {
    const long_run run = long_run_of(0);
    const sample file;
    damage_judge judge(file);
    forger forger(file);
    const auto pages = file.pages_in_use();
    const auto put = [&](forged_file& copy, std::size_t at, const saved_file& from,
                         std::size_t page) {
        for (std::size_t i = 0; i != page_bytes; ++i) {
            copy.content[at * page_bytes + i] = from.at(page * page_bytes + i);
        }
        // It says that it belongs there.
        format::page_header header = copy.header(at);
        header.page = at;
        copy.set_header(at, header);
    };
    for (const std::size_t page : pages) {
        if (page < 2) { continue; }
        for (const std::size_t other : pages) {
            if (other < 2) { continue; }
            const std::string name =
                "page " + std::to_string(page) + " is " + std::to_string(other) + ", forged";
            if (other != page) {
                judge.forged(
                    forger.forge([&](forged_file& copy) { put(copy, page, file.sound, other); }),
                    name);
            }
            judge.forged(
                forger.forge([&](forged_file& copy) { put(copy, page, file.older, other); }),
                name + ", older");
        }
    }
    judge.report("pages, checksums right", run.seed);
}

// Several changes at once, of the fields that lead elsewhere more often than of the others.
BOOST_AUTO_TEST_CASE(many_bytes_forged) {
    const long_run run = long_run_of(slow_build ? 500 : 10'000);
    const sample file;
    damage_judge judge(file);
    forger forger(file);
    std::mt19937_64 random(run.seed);
    const auto pages = file.pages_in_use();
    for (std::uint64_t i = 0; i != run.states; ++i) {
        judge.forged(forger.forge([&](forged_file& copy) {
            for (std::uint64_t changes = 1 + random() % 4; changes != 0; --changes) {
                const std::size_t page = pages[2 + random() % (pages.size() - 2)];
                const std::size_t at = random() % (random() % 2 == 0 ? 128 : page_bytes);
                const auto value = static_cast<std::byte>(
                    random() % 3 == 0 ? random() % 256 : random() % pages.size());
                copy.content[page * page_bytes + at] = value;
            }
        }),
                     "forgery " + std::to_string(i));
    }
    judge.report("many bytes, checksums right", run.seed);
}

}  // namespace
