// A closed file is cut behind its last page in use, and holds the same at every moment of it.
#define BOOST_TEST_MODULE trim
#include "pinyon/engine/trim.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <unordered_set>

#include "pinyon/mmap/memory_file.hpp"
#include "support/check_rig.hpp"
#include "support/crash_explorer.hpp"
#include "support/errors.hpp"

using namespace pinyon;
using namespace pinyon::test;

namespace {

const std::string path = "/a.pinyon";

[[nodiscard]] meta_slots metas_of(io::file_system& files) {
    return read_metas(*files.open(path, io::open_mode::read_only), path);
}

[[nodiscard]] std::uint64_t size_of(io::file_system& files) {
    return files.open(path, io::open_mode::read_only)->size();
}

// Every entry, in a line each.
[[nodiscard]] std::string content_of(io::file_system& files) {
    options how = in(files, 0);
    how.access = access_mode::read_only;
    const database db = database::open(path, how);
    const read_transaction tx = db.begin_read();
    std::string all;
    for (const auto& [key, value] : tx.open(numbers).all()) {
        all += std::to_string(key) + " " + std::to_string(value) + "\n";
    }
    for (const auto& [key, value] : tx.open(texts).all()) {
        all += std::string(key) + " " + std::string(value) + "\n";
    }
    return all;
}

void grow(const database& db) {
    db.update([](write_transaction& tx) {
        auto tree = tx.open(numbers);
        for (std::uint64_t i = 0; i < 5000; ++i) { tree.put(200'000 + i, i); }
    });
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_free_end_goes_and_all_else_stays) {
    for (const std::uint32_t page_bytes : {4096U, 8192U, 16384U, 32768U}) {
        io::memory_file_system files;
        make_sample(files, path, page_bytes);
        const std::string before = content_of(files);
        const std::uint64_t pages_before = metas_of(files).current().page_count;
        BOOST_TEST_CONTEXT(page_bytes) {
            const std::uint64_t pages = trim_file(files, path);
            BOOST_TEST(pages < pages_before);
            BOOST_TEST(size_of(files) == pages * page_bytes);
            const meta_slots slots = metas_of(files);
            BOOST_TEST(slots.valid[0]->page_count == pages);
            BOOST_TEST(slots.valid[1]->page_count == pages);
            require_sound(run(files, path));
            BOOST_TEST((content_of(files) == before));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_second_time_there_is_nothing_more_to_cut_but_the_old_image) {
    io::memory_file_system files;
    make_sample(files, path);
    std::uint64_t pages = trim_file(files, path);
    for (int i = 0; i < 4; ++i) {
        const std::uint64_t again = trim_file(files, path);
        BOOST_TEST(again <= pages);
        BOOST_TEST(again + 2 >= pages);
        pages = again;
        require_sound(run(files, path));
    }
}

BOOST_AUTO_TEST_CASE(a_file_without_free_pages_is_left_alone) {
    io::memory_file_system files;
    database::open(path, in(files)).close();
    const std::uint64_t sequence = metas_of(files).current().sequence;
    BOOST_TEST(trim_file(files, path) == 3U);
    BOOST_TEST(metas_of(files).current().sequence == sequence);
    BOOST_TEST(size_of(files) == 3U * 4096U);
}

BOOST_AUTO_TEST_CASE(a_trimmed_file_grows_again) {
    io::memory_file_system files;
    make_sample(files, path);
    const std::uint64_t pages = trim_file(files, path);
    database db = database::open(path, in(files, 0));
    grow(db);
    db.close();
    BOOST_TEST(size_of(files) > pages * 4096U);
    require_sound(run(files, path));
    trim_file(files, path);
    require_sound(run(files, path));
}

BOOST_AUTO_TEST_CASE(what_is_open_or_was_not_closed_is_refused) {
    io::memory_file_system files;
    make_sample(files, path);
    {
        const database db = database::open(path, in(files, 0));
        BOOST_TEST(code_of([&] { trim_file(files, path); }) == errc::busy);
    }
    {
        forged_file file(files, path);
        file.meta.flags = 0;
        file.store_metas();
        file.save();
    }
    BOOST_TEST(code_of([&] { trim_file(files, path); }) == errc::misuse);
    BOOST_TEST(code_of([&] { trim_file(files, "/absent"); }) == errc::not_found);
}

BOOST_AUTO_TEST_CASE(a_damaged_image_is_an_error_and_nothing_changes) {
    io::memory_file_system files;
    make_sample(files, path);
    const std::uint64_t size = size_of(files);
    forged_file file(files, path);
    file.page(file.meta.free_first)[3] ^= std::byte{1};
    file.save();
    BOOST_TEST(code_of([&] { trim_file(files, path); }) == errc::corrupt);
    BOOST_TEST(size_of(files) == size);
}

BOOST_AUTO_TEST_CASE(a_crash_at_any_moment_leaves_the_same_database) {
    crash_disk disk(7);
    disk.limit_growth(std::uint64_t{1} << 20);
    make_sample(disk, path);
    const std::string before = content_of(disk);
    crash_disk after(8, false);
    std::unordered_set<std::uint64_t> seen;
    crash_watch watch(disk, device_model::sectors, 9, seen);
    watch.share(1);
    watch.each([&](const disk_image& image) -> std::string {
        after.load(image, 10);
        std::string said;
        check_options how;
        how.files = &after;
        (void)check(path, how, [&said](const finding& found) {
            if (found.level == severity::error) { said += found.text + "; "; }
        });
        if (content_of(after) != before) { said += "holds something else; "; }
        database db = database::open(path, in(after, 0));
        grow(db);
        db.close();
        (void)check(path, how, [&said](const finding& found) { said += found.text + "; "; });
        return said;
    });
    disk.before_operation([&watch] { watch.look(); });
    trim_file(disk, path);
    watch.look();
    disk.before_operation({});
    BOOST_TEST(watch.wrong() == "");
    BOOST_TEST(watch.states() > 10U);
    BOOST_TEST_MESSAGE(watch.states() << " states");
}
