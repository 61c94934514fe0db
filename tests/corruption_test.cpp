// Damage: every byte of a small file, flipped, zeroed and set; every truncation; pages swapped,
// zeroed and replaced by older versions. Each must end in an error or in right data, never in wrong
// data, a crash or a hang; and `check` must not call a file sound whose data cannot all be read.
#define BOOST_TEST_MODULE corruption
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <map>
#include <string>

#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/pinyon.hpp"

namespace {

using namespace pinyon;
using contents = std::vector<char>;
using entries = std::map<std::string, std::string>;

constexpr tree_spec<std::string_view, std::string_view> words{"words"};
constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};

struct sample {
    // In memory: a thousand damaged files would be a thousand syncs on a disk.
    std::unique_ptr<io::memory_file_system> files = std::make_unique<io::memory_file_system>();
    std::string path = files->resolve("damaged.pinyon");
    contents sound;
    contents older;
    entries expected;

    sample() {
        {
            options how;
            how.files = files.get();
            const database db = database::open(path, how);
            db.update([&](write_transaction& tx) { fill(tx, 0); });
            older = content();
            db.update([&](write_transaction& tx) { fill(tx, 1); });
        }
        sound = content();
        older.resize(sound.size());
        const database db = open(sound);
        expected = read(db);
    }

    void fill(write_transaction& tx, int round) {
        auto texts = tx.open(words);
        for (int i = 0; i < 60; ++i) {
            const std::string key = "word/" + std::to_string(i * 7919 % 1000);
            texts.put(key, std::string(static_cast<std::size_t>(20 + i),
                                       static_cast<char>('a' + (i + round) % 26)));
        }
        texts.put("large", std::string(6000, static_cast<char>('A' + round)));
        auto table = tx.open(numbers);
        for (std::uint64_t i = 0; i < 300; ++i) {
            table.put(i * 3, i + static_cast<std::uint64_t>(round));
        }
    }

    [[nodiscard]] contents content() const {
        const auto file = files->open(path, io::open_mode::read_only);
        contents bytes(file->size());
        BOOST_REQUIRE(file->read(0, std::as_writable_bytes(std::span(bytes))) == bytes.size());
        return bytes;
    }

    [[nodiscard]] database open(const contents& content) const {
        {
            const auto file = files->open(path, io::open_mode::read_write);
            file->truncate(content.size());
            file->write(0, std::as_bytes(std::span(content)));
        }
        options how;
        how.files = files.get();
        how.access = access_mode::read_only;
        how.pool_bytes = 1 << 20;
        return database::open(path, how);
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

    // What became of the damaged file.
    enum class outcome { right, refused, wrong };
    [[nodiscard]] outcome judge(const contents& damaged) const {
        try {
            return read(open(damaged)) == expected ? outcome::right : outcome::wrong;
        } catch (const error&) { return outcome::refused; }
    }
    [[nodiscard]] bool check_is_content() const {
        try {
            check_options how;
            how.files = files.get();
            return check(path, how, [](const finding&) {}).findings() == 0;
        } catch (const error&) { return false; }
    }
};

struct tally {
    int right = 0;
    int refused = 0;

    void count(const sample& file, const contents& damaged) {
        const auto begun = std::chrono::steady_clock::now();
        const sample::outcome became = file.judge(damaged);
        BOOST_REQUIRE(became != sample::outcome::wrong);
        ++(became == sample::outcome::right ? right : refused);
        if (became == sample::outcome::refused) { BOOST_REQUIRE(!file.check_is_content()); }
        BOOST_REQUIRE(std::chrono::steady_clock::now() - begun < std::chrono::seconds(2));
    }
    void report(const char* what) const {
        BOOST_TEST_MESSAGE(what << ": " << right << " right, " << refused << " refused");
    }
};

// Pages that hold something: the metas, and every page that is not all zero.
[[nodiscard]] std::vector<std::size_t> pages_in_use(const contents& content) {
    std::vector<std::size_t> pages;
    for (std::size_t page = 0; page * 4096 < content.size(); ++page) {
        const auto begin = content.begin() + static_cast<std::ptrdiff_t>(page * 4096);
        if (std::any_of(begin, begin + 4096, [](char c) { return c != 0; })) {
            pages.push_back(page);
        }
    }
    return pages;
}

// By turns: each run takes another part of the bytes, so that all are covered over a few runs in a
// second each. PINYON_CORRUPTION_STRIDE=1 takes all in one.
[[nodiscard]] std::size_t stride() {
    const char* text = std::getenv("PINYON_CORRUPTION_STRIDE");
    return text != nullptr ? std::strtoull(text, nullptr, 10) : 17;
}

BOOST_AUTO_TEST_CASE(the_sound_file_is_read) {
    const sample file;
    BOOST_TEST(file.expected.size() == 361U);
    BOOST_TEST((file.judge(file.sound) == sample::outcome::right));
    BOOST_TEST(file.check_is_content());
}

BOOST_AUTO_TEST_CASE(single_bytes) {
    const sample file;
    tally count;
    const std::size_t step = stride();
    std::size_t turn = 0;
    contents damaged = file.sound;
    for (const std::size_t page : pages_in_use(file.sound)) {
        for (std::size_t at = page * 4096; at < (page + 1) * 4096; ++at) {
            if (++turn % step != 0) { continue; }
            const char original = damaged[at];
            const char values[] = {static_cast<char>(original ^ (1 << at % 8)), 0,
                                   static_cast<char>(0xff)};
            const char value = values[turn / step % 3];
            if (value == original) { continue; }
            BOOST_TEST_CONTEXT("byte " << at << " = " << static_cast<int>(value)) {
                damaged[at] = value;
                count.count(file, damaged);
                damaged[at] = original;
            }
        }
    }
    BOOST_TEST(count.refused > 0);
    count.report("single bytes");
}

BOOST_AUTO_TEST_CASE(truncations) {
    const sample file;
    tally count;
    for (std::size_t size = 0; size < file.sound.size();
         size += std::max<std::size_t>(512, file.sound.size() / 300)) {
        BOOST_TEST_CONTEXT("cut to " << size) {
            count.count(
                file, {file.sound.begin(), file.sound.begin() + static_cast<std::ptrdiff_t>(size)});
        }
    }
    BOOST_TEST(count.right == 0);
    count.report("truncations");
}

BOOST_AUTO_TEST_CASE(whole_pages) {
    const sample file;
    tally count;
    const auto pages = pages_in_use(file.sound);
    const auto copy_page = [](contents& to, std::size_t at, const contents& from,
                              std::size_t page) {
        std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(page * 4096), 4096,
                    to.begin() + static_cast<std::ptrdiff_t>(at * 4096));
    };
    const contents zeros(file.sound.size());
    for (const std::size_t page : pages) {
        BOOST_TEST_CONTEXT("page " << page) {
            contents damaged = file.sound;
            copy_page(damaged, page, zeros, page);
            count.count(file, damaged);
            copy_page(damaged, page, file.older, page);
            count.count(file, damaged);
            for (const std::size_t other : pages) {
                copy_page(damaged, page, file.sound, other);
                copy_page(damaged, other, file.sound, page);
                count.count(file, damaged);
                copy_page(damaged, other, file.sound, other);
            }
        }
    }
    BOOST_TEST(count.refused > 0);
    count.report("whole pages");
}

}  // namespace
