#define BOOST_TEST_MODULE posix_file
#include "pinyon/mmap/posix_file.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sys/resource.h>
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <functional>
#include <iostream>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pinyon/mmap/memory_file.hpp"
#include "support/bytes_of.hpp"
#include "support/errors.hpp"
#include "support/forked_child.hpp"
#include "support/temporary_directory.hpp"

namespace {

namespace io = pinyon::io;
using io::open_mode;
using pinyon::errc;
using pinyon::test::bytes_of;
using pinyon::test::code_of;
using pinyon::test::in_child;
using pinyon::test::pattern;
using pinyon::test::read_all;
using pinyon::test::temporary_directory;

// The same contract for each file system; the last two withhold what they can.
struct system_under_test {
    const char* name;
    std::unique_ptr<io::file_system> files;
};

[[nodiscard]] std::vector<system_under_test> systems() {
    io::capabilities bare;
    bare.fallocate = false;
    bare.large_reservation = false;
    std::vector<system_under_test> result;
    result.push_back({"posix", io::make_posix_file_system({})});
    result.push_back({"posix without fallocate", io::make_posix_file_system(bare)});
    result.push_back({"memory", std::make_unique<io::memory_file_system>()});
    result.push_back({"memory without fallocate", std::make_unique<io::memory_file_system>(bare)});
    return result;
}

void for_each_system(const std::function<void(io::file_system&, const std::string&)>& body) {
    for (const system_under_test& system : systems()) {
        const temporary_directory directory;
        BOOST_TEST_CONTEXT(system.name) { body(*system.files, directory / "file"); }
    }
}

[[nodiscard]] errc error_of(const std::function<void()>& body) {
    try {
        body();
    } catch (const pinyon::error& caught) { return caught.kind(); }
    return errc{};
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_written_is_read) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto data = pattern(3 * 4096 + 100, 1);
        {
            const auto file = files.open(path, open_mode::create_new);
            BOOST_TEST(file->size() == 0u);
            file->write(50, data);
            file->sync();
            BOOST_TEST(file->size() == 50 + data.size());
            BOOST_TEST((read_all(*file, 50, data.size()) == data));
            BOOST_TEST((read_all(*file, 0, 50) == std::vector<std::byte>(50)));
            BOOST_TEST(read_all(*file, 50, 2 * data.size()).size() == data.size());
            BOOST_TEST(read_all(*file, 1 << 20, 10).empty());
        }
        const auto again = files.open(path, open_mode::read_only);
        BOOST_TEST((read_all(*again, 50, data.size()) == data));
    });
}

BOOST_AUTO_TEST_CASE(the_medium_is_read_and_written_past_the_cache) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto file = files.open(path, open_mode::create_new);
        const auto data = pattern((std::size_t{2} << 20) + 3 * 4096, 2);  // several pieces
        file->write_durably(4096, data);
        BOOST_TEST((read_all(*file, 4096, data.size()) == data));
        std::vector<std::byte> out(data.size() + 4096);
        BOOST_TEST(file->read_medium(4096, out) == data.size());
        out.resize(data.size());
        BOOST_TEST((out == data));
        // What is dirty in the cache is seen, too, and the other way round.
        const auto other = pattern(4096, 3);
        file->write(8192, other);
        std::vector<std::byte> page(4096);
        BOOST_TEST(file->read_medium(8192, page) == page.size());
        BOOST_TEST((page == other));
        file->write_durably(8192, pattern(4096, 4));
        BOOST_TEST((read_all(*file, 8192, 4096) == pattern(4096, 4)));
        // A file that ends inside a block.
        file->truncate(4096 + 100);
        BOOST_TEST(file->read_medium(4096, page) == 100u);
        BOOST_TEST(file->read_medium(1 << 20, page) == 0u);
        BOOST_TEST(code_of([&] { file->read_medium(100, page); }) == errc::misuse);
        BOOST_TEST(code_of([&] { file->write_durably(4096, std::span(data).first(100)); }) ==
                   errc::misuse);
    });
}

BOOST_AUTO_TEST_CASE(growing_reserves_and_keeps_the_contents) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto file = files.open(path, open_mode::create_new);
        const auto data = pattern(5000, 5);
        file->write(0, data);
        file->grow(std::uint64_t{3} << 20);
        BOOST_TEST(file->size() == std::uint64_t{3} << 20);
        BOOST_TEST((read_all(*file, 0, data.size()) == data));
        BOOST_TEST((read_all(*file, 5000, 3000) == std::vector<std::byte>(3000)));
        file->grow(4096);  // smaller: nothing to do
        BOOST_TEST(file->size() == std::uint64_t{3} << 20);
        file->grow((std::uint64_t{3} << 20) + 4096);
        BOOST_TEST(file->size() == (std::uint64_t{3} << 20) + 4096);
        file->truncate(5000);
        BOOST_TEST(file->size() == 5000u);
        BOOST_TEST((read_all(*file, 0, data.size()) == data));
    });
}

BOOST_AUTO_TEST_CASE(growth_allocates_blocks_and_fills_holes) {
    const temporary_directory directory;
    const std::string path = directory / "sparse";
    {
        const auto file = io::posix_file_system().open(path, open_mode::create_new);
        file->truncate(1 << 20);
    }
    struct ::stat status {};
    BOOST_REQUIRE(::stat(path.c_str(), &status) == 0);
    BOOST_TEST(status.st_blocks == 0);
    const auto file = io::posix_file_system().open(path, open_mode::read_write);
    file->grow(2 << 20);
    BOOST_REQUIRE(::stat(path.c_str(), &status) == 0);
    BOOST_TEST(status.st_blocks * 512 >= 2 << 20);
}

BOOST_AUTO_TEST_CASE(a_full_disk_is_no_space_and_leaves_the_size) {
    // The limit of a process on the size of its files stands in for the disk's.
    const auto grow_in_child = [](io::file_system& files, const std::string& path) {
        return in_child([&files, &path] {
            std::signal(SIGXFSZ, SIG_IGN);
            const ::rlimit limit{1 << 20, 1 << 20};
            ::setrlimit(RLIMIT_FSIZE, &limit);
            const auto file = files.open(path, open_mode::create_new);
            file->write(0, bytes_of("kept"));
            if (error_of([&file] { file->grow(2 << 20); }) != errc::no_space) return 1;
            if (file->size() != 4) return 2;
            if (error_of([&file] { file->write(1 << 20, bytes_of("x")); }) != errc::no_space) {
                return 3;
            }
            // The part that fits is written, the rest is an error.
            if (error_of([&file] { file->write((1 << 20) - 1, bytes_of("ab")); }) !=
                errc::no_space) {
                return 4;
            }
            if (read_all(*file, 0, 4) != bytes_of("kept")) return 5;
            file->grow(1 << 20);
            return file->size() == 1 << 20 ? 0 : 6;
        });
    };
    io::capabilities bare;
    bare.fallocate = false;
    const temporary_directory directory;
    BOOST_TEST(grow_in_child(io::posix_file_system(), directory / "a") == 0);
    BOOST_TEST(grow_in_child(*io::make_posix_file_system(bare), directory / "b") == 0);
    const auto file = io::posix_file_system().open(directory / "c", open_mode::create_new);
    BOOST_TEST(code_of([&] { file->grow(std::uint64_t{1} << 62); }) == errc::no_space);
    BOOST_TEST(code_of([&] { file->grow(~std::uint64_t{0}); }) == errc::no_space);
    BOOST_TEST(file->size() == 0u);
}

// Over many windows, across their ends, back again, and behind the end of the file.
BOOST_AUTO_TEST_CASE(what_is_stored_is_read) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto file = files.open(path, open_mode::create_new);
        const auto old = pattern(300 * 4096 + 10, 1);
        file->write(0, old);
        auto expected = old;
        const auto store = [&](std::uint64_t offset, std::size_t size, unsigned seed) {
            const auto data = pattern(size, seed);
            file->store(offset, data);
            if (expected.size() < offset + size) { expected.resize(offset + size); }
            std::copy(data.begin(), data.end(),
                      expected.begin() + static_cast<std::ptrdiff_t>(offset));
        };
        for (unsigned i = 0; i != 9000; ++i) { store(4096 + 130 * std::uint64_t{i}, 130, i); }
        store(5000, 200, 7);
        store(64 * 4096 + 4000, 4096, 8);
        store(8192, 3 * 4096 + 1, 9);  // more than a page
        store(300 * 4096 - 5, 10, 10);
        store(300 * 4096 + 8, 50, 11);  // the file ends inside
        store(301 * 4096, 50, 12);
        const auto other = files.open(path, open_mode::read_write);
        BOOST_TEST((read_all(*other, 0, other->size()) == expected));
        file->sync();
        BOOST_TEST((read_all(*other, 0, other->size()) == expected));
        // A file that has grown is stored to behind its old end.
        file->grow(400 * 4096);
        expected.resize(400 * 4096);
        store(399 * 4096 + 100, 500, 13);
        BOOST_TEST((read_all(*other, 0, expected.size()) == expected));
        BOOST_TEST(in_child([&file] {
                       return error_of([&file] { file->store(399 * 4096, bytes_of("x")); }) ==
                                      errc::misuse
                                  ? 0
                                  : 1;
                   }) == 0);
    });
}

// Without addresses for a window, or calls that bring pages in and report errors, it is written.
BOOST_AUTO_TEST_CASE(what_cannot_be_stored_is_written) {
    const auto store = [](io::file_system& files, const std::string& path, bool no_addresses) {
        return in_child([&files, &path, no_addresses] {
            const auto file = files.open(path, open_mode::create_new);
            file->grow(std::uint64_t{1} << 30);
            const ::rlimit limit{1 << 20, 1 << 20};
            if (no_addresses) { ::setrlimit(RLIMIT_AS, &limit); }
            file->store(8190, bytes_of("stored"));
            return read_all(*file, 8190, 6) == bytes_of("stored") ? 0 : 1;
        });
    };
    const temporary_directory directory;
    io::capabilities bare;
    bare.populate = false;
    BOOST_TEST(store(*io::make_posix_file_system(bare), directory / "a", false) == 0);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // which need addresses
    BOOST_TEST(store(io::posix_file_system(), directory / "b", true) == 0);
#endif
}

BOOST_AUTO_TEST_CASE(a_file_opened_for_reading_is_not_changed) {
    for_each_system([](io::file_system& files, const std::string& path) {
        (void)files.open(path, open_mode::create_new);
        const auto file = files.open(path, open_mode::read_only);
        BOOST_TEST(code_of([&] { file->write(0, bytes_of("x")); }) == errc::read_only);
        BOOST_TEST(code_of([&] { file->write_durably(0, pattern(4096, 1)); }) == errc::read_only);
        BOOST_TEST(code_of([&] { file->grow(4096); }) == errc::read_only);
        BOOST_TEST(code_of([&] { file->truncate(0); }) == errc::read_only);
        BOOST_TEST(code_of([&] {
                       (void)file->try_lock(io::lock_byte::writer, io::lock_mode::exclusive);
                   }) == errc::read_only);
        BOOST_TEST(code_of([&] { (void)file->map(io::view_access::write, 0, 4096); }) ==
                   errc::read_only);
    });
}

BOOST_AUTO_TEST_CASE(names_that_are_or_are_not_there) {
    for_each_system([](io::file_system& files, const std::string& path) {
        BOOST_TEST(!files.exists(path));
        BOOST_TEST(code_of([&] { (void)files.open(path, open_mode::read_only); }) ==
                   errc::not_found);
        BOOST_TEST(code_of([&] { (void)files.open(path, open_mode::read_write); }) ==
                   errc::not_found);
        (void)files.open(path, open_mode::create_new);
        BOOST_TEST(files.exists(path));
        BOOST_TEST(code_of([&] { (void)files.open(path, open_mode::create_new); }) == errc::exists);
        BOOST_TEST(code_of([&] { (void)files.open("", open_mode::read_write); }) == errc::misuse);
        (void)files.open(path + "-b", open_mode::create_new);
        BOOST_TEST((files.list(path) == std::vector<std::string>{"file", "file-b"}));
        files.remove(path);
        BOOST_TEST(!files.exists(path));
        BOOST_TEST(code_of([&] { files.remove(path); }) == errc::not_found);
        files.sync_directory(path);
    });
}

BOOST_AUTO_TEST_CASE(renaming_does_not_replace) {
    for_each_system([](io::file_system& files, const std::string& path) {
        files.open(path, open_mode::create_new)->write(0, bytes_of("one"));
        files.open(path + "2", open_mode::create_new)->write(0, bytes_of("two"));
        BOOST_TEST(code_of([&] { files.rename_no_replace(path, path + "2"); }) == errc::exists);
        BOOST_TEST(code_of([&] { files.rename_no_replace(path + "3", path + "4"); }) ==
                   errc::not_found);
        BOOST_TEST(
            (read_all(*files.open(path + "2", open_mode::read_only), 0, 9) == bytes_of("two")));
        files.rename_no_replace(path, path + "3");
        BOOST_TEST(!files.exists(path));
        BOOST_TEST(
            (read_all(*files.open(path + "3", open_mode::read_only), 0, 9) == bytes_of("one")));
    });
}

BOOST_AUTO_TEST_CASE(only_regular_files_are_opened) {
    const temporary_directory directory;
    io::file_system& files = io::posix_file_system();
    for (const open_mode mode : {open_mode::read_only, open_mode::read_write}) {
        BOOST_TEST_CONTEXT("mode " << static_cast<int>(mode)) {
            BOOST_TEST(code_of([&] { (void)files.open(directory.path(), mode); }) ==
                       errc::is_directory);
            BOOST_TEST(code_of([&] { (void)files.open("/dev/null", mode); }) ==
                       errc::not_a_database);
            const std::string pipe = directory / "pipe";
            ::mkfifo(pipe.c_str(), 0600);
            BOOST_TEST(code_of([&] { (void)files.open(pipe, mode); }) == errc::not_a_database);
            BOOST_TEST(code_of([&] { (void)files.open(directory / "pipe/x", mode); }) ==
                       errc::not_found);
            BOOST_TEST(code_of([&] { (void)files.open(std::string("a\0b", 3), mode); }) ==
                       errc::misuse);
        }
    }
    BOOST_TEST(code_of([&] { (void)files.open(directory / "none/file", open_mode::create_new); }) ==
               errc::not_found);
    BOOST_TEST(code_of([&] { (void)files.list(directory / "none/file"); }) == errc::not_found);
}

BOOST_AUTO_TEST_CASE(a_second_hard_link_forbids_writing) {
    const temporary_directory directory;
    io::file_system& files = io::posix_file_system();
    (void)files.open(directory / "one", open_mode::create_new);
    BOOST_REQUIRE(::link((directory / "one").c_str(), (directory / "two").c_str()) == 0);
    BOOST_TEST(code_of([&] { (void)files.open(directory / "one", open_mode::read_write); }) ==
               errc::misuse);
    BOOST_TEST(files.open(directory / "one", open_mode::read_only) != nullptr);
    files.remove(directory / "two");
    BOOST_TEST(files.open(directory / "one", open_mode::read_write) != nullptr);
}

BOOST_AUTO_TEST_CASE(links_are_resolved_once_and_not_followed_by_open) {
    const temporary_directory directory;
    io::file_system& files = io::posix_file_system();
    const std::string link = directory / "link";
    BOOST_REQUIRE(::mkdir((directory / "sub").c_str(), 0700) == 0);
    BOOST_REQUIRE(::symlink("sub/target", link.c_str()) == 0);
    BOOST_TEST(files.resolve(link) == directory / "sub/target");  // which does not exist yet
    (void)files.open(files.resolve(link), open_mode::create_new);
    BOOST_TEST(files.resolve(link) == directory / "sub/target");
    BOOST_TEST(files.resolve(directory / "sub/../sub/./target") == directory / "sub/target");
    BOOST_TEST(files.resolve(directory / "new") == directory / "new");
    BOOST_TEST(files.resolve(directory / "sub/../new") == directory / "new");
    BOOST_TEST(code_of([&] { (void)files.open(link, open_mode::read_write); }) == errc::misuse);
    BOOST_TEST(code_of([&] { (void)files.resolve(directory / "none/new"); }) == errc::not_found);
    BOOST_TEST(code_of([&] { (void)files.resolve(directory / "none/"); }) == errc::is_directory);
    BOOST_TEST(code_of([&] { (void)files.resolve(link + "/x"); }) == errc::not_found);
    BOOST_REQUIRE(::symlink("circle", (directory / "circle").c_str()) == 0);
    BOOST_CHECK_THROW((void)files.resolve(directory / "circle"), pinyon::error);
    BOOST_TEST(files.resolve("/") == "/");
}

BOOST_AUTO_TEST_CASE(a_new_file_is_for_its_owner_and_no_descriptor_survives_exec) {
    const temporary_directory directory;
    std::set<int> inherited;
    for (int number = 0; number != 256; ++number) {
        if (::fcntl(number, F_GETFD) >= 0) inherited.insert(number);
    }
    const auto file = io::posix_file_system().open(directory / "file", open_mode::create_new);
    struct ::stat status {};
    BOOST_REQUIRE(::stat((directory / "file").c_str(), &status) == 0);
    BOOST_TEST((status.st_mode & 07777) == 0600u);
    // With everything open that a file may open.
    file->grow(1 << 20);
    const auto view = file->map(io::view_access::write, 0, 1 << 20);
    std::vector<std::byte> page(4096);
    (void)file->read_medium(0, page);
    unsigned open = 0;
    for (int number = 0; number != 256; ++number) {
        const int flags = ::fcntl(number, F_GETFD);
        if (flags < 0 || inherited.count(number) != 0) continue;
        ++open;
        BOOST_TEST((flags & FD_CLOEXEC) != 0, "descriptor " << number << " survives exec");
    }
    BOOST_TEST(open >= 2u);
}

BOOST_AUTO_TEST_CASE(access_denied_is_permission) {
    if (::geteuid() == 0) {
        // Root may do everything but what the file system forbids.
        BOOST_TEST(code_of([&] {
                       (void)io::posix_file_system().open("/proc/pinyon", open_mode::create_new);
                   }) == errc::not_found);
        return;
    }
    const temporary_directory directory;
    (void)io::posix_file_system().open(directory / "file", open_mode::create_new);
    BOOST_REQUIRE(::chmod((directory / "file").c_str(), 0) == 0);
    BOOST_TEST(code_of([&] {
                   (void)io::posix_file_system().open(directory / "file", open_mode::read_only);
               }) == errc::permission);
}

BOOST_AUTO_TEST_CASE(locks_conflict_between_two_opens_of_a_process) {
    for_each_system([](io::file_system& files, const std::string& path) {
        using io::lock_byte;
        using io::lock_mode;
        const auto one = files.open(path, open_mode::create_new);
        const auto two = files.open(path, open_mode::read_write);
        auto reader = files.open(path, open_mode::read_only);
        BOOST_TEST(one->try_lock(lock_byte::writer, lock_mode::exclusive));
        BOOST_TEST(one->try_lock(lock_byte::writer, lock_mode::exclusive));  // its own: no conflict
        BOOST_TEST(!two->try_lock(lock_byte::writer, lock_mode::exclusive));
        BOOST_TEST(!reader->try_lock(lock_byte::writer, lock_mode::shared));
        // Bytes are apart, and shared locks share.
        BOOST_TEST(reader->try_lock(lock_byte::meta0, lock_mode::shared));
        BOOST_TEST(two->try_lock(lock_byte::meta0, lock_mode::shared));
        BOOST_TEST(!one->try_lock(lock_byte::meta0, lock_mode::exclusive));
        BOOST_TEST(one->try_lock(lock_byte::meta1, lock_mode::exclusive));
        // Closing another open of the file leaves a lock alone (fcntl's own locks would go).
        (void)files.open(path, open_mode::read_only);
        BOOST_TEST(!two->try_lock(lock_byte::writer, lock_mode::exclusive));
        one->unlock(lock_byte::writer);
        BOOST_TEST(two->try_lock(lock_byte::writer, lock_mode::exclusive));
        // A lock goes with the file.
        two->unlock(lock_byte::meta0);
        BOOST_TEST(!one->try_lock(lock_byte::meta0, lock_mode::exclusive));
        reader.reset();
        BOOST_TEST(one->try_lock(lock_byte::meta0, lock_mode::exclusive));
    });
}

BOOST_AUTO_TEST_CASE(a_forked_child_holds_neither_descriptor_nor_lock) {
    for_each_system([](io::file_system& files, const std::string& path) {
        auto file = files.open(path, open_mode::create_new);
        file->grow(4096);
        auto view = file->map(io::view_access::write, 0, 1 << 20);
        BOOST_REQUIRE(file->try_lock(io::lock_byte::writer, io::lock_mode::exclusive));
        BOOST_TEST(!file->forked());
        const int result = in_child([&file, &view] {
            if (!file->forked()) return 1;
            if (error_of([&file] { file->write(0, bytes_of("x")); }) != errc::misuse) return 2;
            if (error_of([&file] { (void)file->size(); }) != errc::misuse) return 3;
            std::vector<std::byte> page(4096);
            if (error_of([&file, &page] { (void)file->read_medium(0, page); }) != errc::misuse) {
                return 4;
            }
            if (error_of([&view] { view->populate({0, 4096}, false); }) != errc::misuse) return 5;
            if (error_of([&file] { (void)file->map(io::view_access::read, 0, 4096); }) !=
                errc::misuse) {
                return 6;
            }
            file.reset();
            return 0;
        });
        BOOST_TEST(result == 0);
        // A child that lives on does not hold the lock after the parent let it go.
        int started[2];
        int gate[2];
        BOOST_REQUIRE(::pipe(started) == 0);
        BOOST_REQUIRE(::pipe(gate) == 0);
        const ::pid_t child = ::fork();
        if (child == 0) {
            char byte = 0;
            ::close(gate[1]);
            (void)!::write(started[1], &byte, 1);
            (void)!::read(gate[0], &byte, 1);
            ::_exit(0);
        }
        char byte = 0;
        BOOST_TEST(::read(started[0], &byte, 1) == 1);
        file = files.open(path, open_mode::read_write);
        BOOST_TEST(!file->try_lock(io::lock_byte::writer, io::lock_mode::exclusive));
        view.reset();  // the last that held the first file
        BOOST_TEST(file->try_lock(io::lock_byte::writer, io::lock_mode::exclusive));
        for (const int number : {started[0], started[1], gate[1], gate[0]}) ::close(number);
        BOOST_TEST(::waitpid(child, nullptr, 0) == child);
    });
}

BOOST_AUTO_TEST_CASE(a_child_may_open_files_of_its_own) {
    const temporary_directory directory;
    io::file_system& files = io::posix_file_system();
    BOOST_TEST(in_child([&files, &directory] {
                   const auto file = files.open(directory / "mine", open_mode::create_new);
                   file->grow(8192);
                   const auto view = file->map(io::view_access::write, 0, 1 << 20);
                   view->populate({0, 8192}, true);
                   const io::byte_range all{0, 8192};
                   view->unmap({&all, 1});
                   std::vector<io::byte_range> resident;
                   view->resident(all, resident);
                   return resident.empty() && !file->forked() ? 0 : 1;
               }) == 0);
}

BOOST_AUTO_TEST_CASE(cache_and_write_back_calls_keep_the_contents) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto file = files.open(path, open_mode::create_new);
        const auto data = pattern(64 * 4096, 6);
        file->write(0, data);
        const io::byte_range ranges[] = {{0, 4096}, {8192, 8 * 4096}, {0, 0}};
        file->start_write_back({0, data.size()});
        file->wait_write_back({0, data.size()});
        file->drop_cache(ranges);
        BOOST_TEST((read_all(*file, 0, data.size()) == data));
    });
}

// A file of 256 pages, written and synced, and how many of them are in the page cache.
struct cached_file {
    static constexpr std::size_t bytes = 256 * 4096;

    cached_file() {
        const auto file = io::posix_file_system().open(path, open_mode::create_new);
        file->write(0, pattern(bytes, 7));
        file->sync();
    }

    [[nodiscard]] long cached() const {
        const int number = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
        void* view = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, number, 0);
        BOOST_REQUIRE(view != MAP_FAILED);
        std::vector<unsigned char> pages(bytes / 4096);
        BOOST_REQUIRE(::mincore(view, bytes, pages.data()) == 0);
        ::munmap(view, bytes);
        ::close(number);
        return std::count_if(pages.begin(), pages.end(),
                             [](unsigned char page) { return (page & 1) != 0; });
    }
    // Until so many are, for at most a second.
    [[nodiscard]] long cached_soon(long pages) const {
        for (int attempt = 0; cached() < pages && attempt != 1000; ++attempt) {
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
        }
        return cached();
    }

    temporary_directory directory;
    std::string path = directory / "file";
};

// What is cached of a file stays for those who read it by calls, and goes before it is mapped: it
// may be in large folios.
BOOST_AUTO_TEST_CASE(opening_keeps_the_cache_and_mapping_drops_it) {
    const cached_file disk;
    if (disk.cached() != 256) {
        std::cout << "SKIPPED what stays cached: the files here do not" << std::endl;
        return;
    }
    const auto file = io::posix_file_system().open(disk.path, open_mode::read_only);
    BOOST_TEST((read_all(*file, 0, disk.bytes) == pattern(disk.bytes, 7)));
    BOOST_TEST(disk.cached() == 256);
    const auto view = file->map(io::view_access::read, 0, disk.bytes);
    BOOST_TEST(disk.cached() == 0);
    const io::byte_range part{8 * 4096, 16 * 4096};
    file->will_need({&part, 1});
    BOOST_TEST(disk.cached_soon(16) == 16);
}

BOOST_AUTO_TEST_CASE(a_mapping_without_advice_asks_for_nothing) {
    io::capabilities plain;
    plain.advice = false;
    for (const bool advised : {false, true}) {
        const cached_file disk;
        if (disk.cached() != 256) {
            std::cout << "SKIPPED what is asked for: the files here do not stay cached"
                      << std::endl;
            return;
        }
        const auto files = io::make_posix_file_system(advised ? io::capabilities{} : plain);
        const auto file = files->open(disk.path, open_mode::read_write);
        const auto view = file->map(io::view_access::read, 0, disk.bytes);
        BOOST_TEST(disk.cached() == 0);
        const io::byte_range part{8 * 4096, 16 * 4096};
        view->will_need({&part, 1});
        BOOST_TEST(disk.cached_soon(advised ? 16 : 1) == (advised ? 16 : 0));
    }
}

BOOST_AUTO_TEST_CASE(random_bytes_differ_and_time_passes) {
    for_each_system([](io::file_system& files, const std::string&) {
        std::set<std::vector<std::byte>> seen;
        for (int i = 0; i != 100; ++i) {
            std::vector<std::byte> value(16);
            files.random(value);
            seen.insert(value);
        }
        BOOST_TEST(seen.size() == 100u);
        const auto before = files.now();
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        BOOST_TEST((files.now() - before >= std::chrono::milliseconds(1)));
    });
}

BOOST_AUTO_TEST_CASE(what_is_withheld_is_not_offered) {
    constexpr bool io::capabilities::*members[] = {
        &io::capabilities::userfaultfd,     &io::capabilities::pagemap_scan,
        &io::capabilities::process_madvise, &io::capabilities::populate,
        &io::capabilities::fallocate,       &io::capabilities::large_reservation};
    for (const auto member : members) {
        io::capabilities allowed;
        allowed.*member = false;
        BOOST_TEST(!(io::make_posix_file_system(allowed)->offers().*member));
        BOOST_TEST(!(io::memory_file_system(allowed).offers().*member));
    }
}
