// A file over another one: what is written stays in memory, what is read is right by every way, and
// the base is as it was.
#define BOOST_TEST_MODULE overlay_file
#include "pinyon/mmap/overlay_file.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "pinyon/engine/check.hpp"
#include "pinyon/engine/database.hpp"
#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/mmap/posix_file.hpp"
#include "support/bytes_of.hpp"
#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

namespace {

namespace io = pinyon::io;
using io::open_mode;
using pinyon::errc;
using pinyon::test::bytes_of;
using pinyon::test::pattern;
using pinyon::test::read_all;
using bytes = std::vector<std::byte>;

// A base of some bytes in memory and an overlay over it, which a vector models.
struct rig {
    explicit rig(std::size_t base_bytes, const io::capabilities& offers = {})
        : base(pattern(base_bytes, 1)), model(base) {
        base_file().write(0, base);
        overlay =
            std::make_unique<io::overlay_file>(files.open("base", open_mode::read_only), offers);
    }

    [[nodiscard]] io::file& base_file() {
        if (writable == nullptr) { writable = files.open("base", open_mode::create_new); }
        return *writable;
    }
    void write(std::size_t offset, const bytes& data) {
        overlay->write(offset, data);
        if (model.size() < offset + data.size()) { model.resize(offset + data.size()); }
        std::memcpy(model.data() + offset, data.data(), data.size());
    }
    void require_right() {
        BOOST_TEST(overlay->size() == model.size());
        BOOST_TEST((read_all(*overlay, 0, model.size() + 5000) == model));
        BOOST_TEST((read_all(base_file(), 0, base.size() + 1) == base));
    }

    io::memory_file_system files;
    bytes base;
    bytes model;
    std::unique_ptr<io::file> writable;
    std::unique_ptr<io::overlay_file> overlay;
};

[[nodiscard]] bytes view_bytes(const io::mapping& view, std::size_t offset, std::size_t size) {
    return {view.base() + offset, view.base() + offset + size};
}

// Every file is opened over one that is only read.
class overlaying_system final : public io::file_system {
public:
    explicit overlaying_system(io::file_system& beneath) : beneath_(beneath) {}

    [[nodiscard]] std::unique_ptr<io::file> open(const std::string& path, open_mode) override {
        auto result = std::make_unique<io::overlay_file>(beneath_.open(path, open_mode::read_write),
                                                         offers());
        last = result.get();
        return result;
    }
    [[nodiscard]] bool exists(const std::string& path) override { return beneath_.exists(path); }
    [[nodiscard]] std::string resolve(const std::string& path) override { return path; }
    void rename_no_replace(const std::string& from, const std::string& to) override {
        beneath_.rename_no_replace(from, to);
    }
    void remove(const std::string& path) override { beneath_.remove(path); }
    void sync_directory(const std::string&) override {}
    [[nodiscard]] std::vector<std::string> list(const std::string& path) override {
        return beneath_.list(path);
    }
    [[nodiscard]] std::chrono::steady_clock::time_point now() override { return beneath_.now(); }
    void random(std::span<std::byte> out) override { beneath_.random(out); }
    [[nodiscard]] const io::capabilities& offers() const noexcept override {
        return beneath_.offers();
    }

    io::overlay_file* last = nullptr;

private:
    io::file_system& beneath_;
};

constexpr pinyon::tree_spec<std::uint64_t, std::string_view> spec{"entries"};

[[nodiscard]] std::string value_of(std::uint64_t key, std::uint64_t round) {
    return std::to_string(key * 7 + round) + std::string(100 + key % 50, 'v');
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_was_not_written_is_read_from_the_base) {
    rig files(5 * 4096 + 123);
    files.require_right();
    BOOST_TEST(files.overlay->memory_bytes() == 0u);
    bytes out(3 * 4096);
    BOOST_TEST(files.overlay->read_medium(4096, out) == out.size());
    BOOST_TEST((out == bytes(files.base.begin() + 4096, files.base.begin() + 4 * 4096)));
    BOOST_TEST(files.overlay->read_medium(8 * 4096, out) == 0u);
    BOOST_TEST(pinyon::test::code_of(
                   [&] { static_cast<void>(files.overlay->read_medium(1, out)); }) == errc::misuse);
    BOOST_TEST(pinyon::test::code_of([&] {
                   static_cast<void>(files.overlay->write_durably(0, bytes(5)));
               }) == errc::misuse);
}

BOOST_AUTO_TEST_CASE(what_is_written_stays_in_memory) {
    constexpr std::pair<std::size_t, std::size_t> writes[] = {{0, 1},
                                                              {4095, 2},
                                                              {100, 4096},
                                                              {2 * 4096, 4096},
                                                              {5 * 4096, 123},
                                                              {5 * 4096 + 100, 500},
                                                              {9 * 4096 + 7, 3 * 4096},
                                                              {3 * 4096 + 5, 10}};
    for (std::size_t alone = 0; alone <= std::size(writes); ++alone) {
        BOOST_TEST_CONTEXT("write " << alone << " alone, or all of them") {
            rig files(5 * 4096 + 123);
            std::uint64_t seed = 2;
            for (std::size_t i = 0; i != std::size(writes); ++i) {
                if (alone != std::size(writes) && alone != i) { continue; }
                files.write(writes[i].first, pattern(writes[i].second, seed++));
                files.require_right();
            }
        }
    }
    rig files(4 * 4096);
    const bytes page = pattern(4096, 9);
    files.overlay->write_durably(4096, page);
    std::memcpy(files.model.data() + 4096, page.data(), page.size());
    files.require_right();
    BOOST_TEST(files.overlay->memory_bytes() == 4096u);
    files.overlay->sync();
}

BOOST_AUTO_TEST_CASE(the_size_is_that_of_the_overlay) {
    rig files(5 * 4096 + 123);
    files.overlay->grow(20 * 4096);
    files.model.resize(20 * 4096);
    files.require_right();
    files.overlay->grow(4096);  // never shrinks
    files.require_right();
    for (const std::size_t size : {std::size_t{3 * 4096 + 77}, std::size_t{2 * 4096}}) {
        files.overlay->truncate(size);
        files.model.resize(size);
        files.require_right();
        // What was cut off does not come back from the base.
        files.overlay->grow(8 * 4096);
        files.model.resize(8 * 4096);
        files.require_right();
    }
    const auto view = files.overlay->map(io::view_access::read, 0, 1 << 20);
    view->populate({0, 8 * 4096}, false);
    BOOST_TEST((view_bytes(*view, 0, 8 * 4096) == files.model));
}

BOOST_AUTO_TEST_CASE(a_view_shows_base_and_changes) {
    for (const bool populates : {true, false}) {
        io::capabilities offers;
        offers.populate = populates;
        rig files(40 * 4096 + 123, offers);
        files.write(7 * 4096 + 5, pattern(9000, 3));
        const auto read = files.overlay->map(io::view_access::read, 0, 1 << 20);
        const auto write = files.overlay->map(io::view_access::write, 0, 1 << 20);
        for (const std::size_t page : {std::size_t{0}, std::size_t{7}, std::size_t{39}}) {
            read->populate({page * 4096, 4096}, false);
            BOOST_TEST(
                (view_bytes(*read, page * 4096, 4096) ==
                 bytes(files.model.begin() + static_cast<std::ptrdiff_t>(page * 4096),
                       files.model.begin() + static_cast<std::ptrdiff_t>(page * 4096 + 4096))));
        }
        // A store through the view is read through all ways, also after the page went and came.
        write->populate({12 * 4096, 8192}, true);
        std::memset(write->base() + 12 * 4096 + 10, 0x5a, 6000);
        std::memset(files.model.data() + 12 * 4096 + 10, 0x5a, 6000);
        files.require_right();
        const io::byte_range all{0, 40 * 4096};
        write->unmap({&all, 1});
        read->unmap({&all, 1});
        files.overlay->drop_cache({&all, 1});
        std::vector<io::byte_range> resident;
        read->resident(all, resident);
        BOOST_TEST(resident.empty());
        read->populate({0, 41 * 4096}, false);
        BOOST_TEST((view_bytes(*read, 0, files.model.size()) == files.model));
        write->flush({0, 40 * 4096});
        files.write(20 * 4096, pattern(4096, 8));
        BOOST_TEST((view_bytes(*read, 0, files.model.size()) == files.model));
        files.require_right();
        BOOST_TEST(pinyon::test::code_of([&] {
                       static_cast<void>(read->populate({64 * 4096, 4096}, false));
                   }) == errc::io);
    }
}

BOOST_AUTO_TEST_CASE(a_base_that_was_cut_is_an_error) {
    rig files(10 * 4096);
    files.base_file().truncate(4 * 4096);
    const auto view = files.overlay->map(io::view_access::read, 0, 1 << 20);
    view->populate({0, 4 * 4096}, false);
    BOOST_TEST(pinyon::test::code_of([&] {
                   static_cast<void>(view->populate({5 * 4096, 4096}, false));
               }) == errc::io);
    BOOST_TEST(pinyon::test::code_of([&] {
                   static_cast<void>(files.overlay->write(5 * 4096 + 1, bytes(1)));
               }) == errc::io);
    bytes out(4096);
    BOOST_TEST(pinyon::test::code_of(
                   [&] { static_cast<void>(files.overlay->read(8 * 4096, out)); }) == errc::io);
}

BOOST_AUTO_TEST_CASE(views_outlive_the_overlay) {
    rig files(10 * 4096);
    const auto view = files.overlay->map(io::view_access::read_private, 0, 1 << 20);
    files.overlay.reset();
    view->populate({3 * 4096, 4096}, false);
    BOOST_TEST((view_bytes(*view, 3 * 4096, 4096) ==
                bytes(files.base.begin() + 3 * 4096, files.base.begin() + 4 * 4096)));
}

BOOST_AUTO_TEST_CASE(threads_copy_each_page_once) {
    rig files(256 * 4096);
    const auto view = files.overlay->map(io::view_access::read, 0, 4 << 20);
    std::vector<std::thread> threads;
    for (std::size_t thread = 0; thread != 4; ++thread) {
        threads.emplace_back([&, thread] {
            for (std::size_t i = 0; i != 256; ++i) {
                const std::size_t page = (i * 37 + thread * 64) % 256;
                view->populate({page * 4096, 4096}, false);
            }
        });
    }
    for (std::thread& thread : threads) { thread.join(); }
    BOOST_TEST((view_bytes(*view, 0, 256 * 4096) == files.base));
    BOOST_TEST(files.overlay->memory_bytes() == 256u * 4096);
}

BOOST_AUTO_TEST_CASE(locks_are_those_of_the_base) {
    const pinyon::test::temporary_directory directory;
    io::file_system& files = io::posix_file_system();
    const auto other = files.open(directory / "file", open_mode::create_new);
    io::overlay_file overlay(files.open(directory / "file", open_mode::read_only));
    BOOST_TEST(overlay.try_lock(io::lock_byte::writer, io::lock_mode::shared));
    BOOST_TEST(!other->try_lock(io::lock_byte::writer, io::lock_mode::exclusive));
    overlay.unlock(io::lock_byte::writer);
    BOOST_TEST(other->try_lock(io::lock_byte::writer, io::lock_mode::exclusive));
    BOOST_TEST(!overlay.try_lock(io::lock_byte::writer, io::lock_mode::shared));
}

// A whole database over a file that must not change: reads, changes, evictions, growth.
BOOST_AUTO_TEST_CASE(a_database_lives_in_an_overlay) {
    for (const std::uint32_t page_bytes : {4096u, 16384u}) {
        for (const pinyon::paging paging : {pinyon::paging::pool, pinyon::paging::raw}) {
            BOOST_TEST_CONTEXT("pages of " << page_bytes << ", raw "
                                           << (paging == pinyon::paging::raw)) {
                constexpr std::uint64_t keys = 20'000;
                const pinyon::test::temporary_directory directory;
                const std::string path = directory / "file";
                pinyon::options chosen;
                chosen.page_bytes = page_bytes;
                pinyon::database::open(path, chosen)
                    .update(
                        [](pinyon::write_transaction& tx) {
                            auto tree = tx.open(spec);
                            for (std::uint64_t key = 0; key != keys; ++key) {
                                tree.put(key, value_of(key, 0));
                            }
                        },
                        pinyon::durability::checkpoint);
                io::file_system& posix = io::posix_file_system();
                const auto base = posix.open(path, open_mode::read_only);
                const bytes before = read_all(*base, 0, base->size());
                overlaying_system files(posix);
                chosen.files = &files;
                chosen.pool_bytes = std::uint64_t{1} << 20;
                chosen.paging = paging;
                chosen.access = pinyon::access_mode::must_exist;
                const auto expect = [&](const pinyon::database& db, std::uint64_t step) {
                    db.view([&](const pinyon::read_transaction& tx) {
                        const auto tree = tx.open(spec);
                        std::uint64_t wrong = 0;
                        for (std::uint64_t key = 0; key < keys; key += step) {
                            const auto value = tree.get(key);
                            wrong += value && *value == value_of(key, key % 3 == 0 ? 1 : 0) ? 0 : 1;
                        }
                        BOOST_TEST(wrong == 0u);
                    });
                };
                {
                    const auto db = pinyon::database::open(path, chosen);
                    db.view([](const pinyon::read_transaction& tx) {
                        BOOST_TEST((tx.open(spec).get(7) == value_of(7, 0)));
                    });
                    // Only what was visited came over.
                    BOOST_TEST(files.last->memory_bytes() < before.size() / 10);
                    const std::string large(std::size_t{3} << 20, 'L');
                    db.update(
                        [&](pinyon::write_transaction& tx) {
                            auto tree = tx.open(spec);
                            for (std::uint64_t key = 0; key < keys; key += 3) {
                                tree.put(key, value_of(key, 1));
                            }
                            tree.put(keys + 1, large);
                        },
                        pinyon::durability::checkpoint);
                    expect(db, 1);
                    db.release_memory();
                    expect(db, 7);
                    db.view([&](const pinyon::read_transaction& tx) {
                        auto reader = tx.open(spec).get_stream(keys + 1);
                        BOOST_REQUIRE(reader);
                        bytes out(large.size());
                        BOOST_TEST(reader->read(out) == out.size());
                        BOOST_TEST(std::memcmp(out.data(), large.data(), out.size()) == 0);
                    });
                    BOOST_TEST(files.last->size() > before.size());
                }
                BOOST_TEST((read_all(*base, 0, base->size() + 1) == before));
            }
        }
    }
}
