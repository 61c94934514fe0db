// What is special about files in memory; the contract that they share with posix files is in
// posix_file_test.cpp and mapping_test.cpp.
#define BOOST_TEST_MODULE memory_file
#include "pinyon/mmap/memory_file.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <thread>
#include <vector>

#include "support/bytes_of.hpp"
#include "support/errors.hpp"

namespace {

namespace io = pinyon::io;
using io::open_mode;
using pinyon::errc;
using pinyon::test::bytes_of;
using pinyon::test::code_of;
using pinyon::test::read_all;

}  // namespace

BOOST_AUTO_TEST_CASE(two_file_systems_share_no_names) {
    io::memory_file_system one;
    io::memory_file_system two;
    (void)one.open("file", open_mode::create_new);
    BOOST_TEST(one.exists("file"));
    BOOST_TEST(!two.exists("file"));
}

BOOST_AUTO_TEST_CASE(contents_live_as_long_as_name_or_open_file) {
    io::memory_file_system files;
    {
        const auto file = files.open("file", open_mode::create_new);
        file->write(0, bytes_of("text"));
    }
    const auto file = files.open("file", open_mode::read_write);
    files.remove("file");
    BOOST_TEST((read_all(*file, 0, 10) == bytes_of("text")));
    const auto fresh = files.open("file", open_mode::create_new);
    BOOST_TEST(fresh->size() == 0u);
    BOOST_TEST(file->size() == 4u);
}

BOOST_AUTO_TEST_CASE(open_files_outlive_their_file_system) {
    std::unique_ptr<io::file> file;
    {
        io::memory_file_system files;
        file = files.open("file", open_mode::create_new);
        file->write(0, bytes_of("text"));
    }
    BOOST_TEST((read_all(*file, 0, 10) == bytes_of("text")));
}

BOOST_AUTO_TEST_CASE(names_are_listed_by_directory) {
    io::memory_file_system files;
    for (const char* path : {"b", "a", "d/x", "d/y", "d/e/z"}) {
        (void)files.open(path, open_mode::create_new);
    }
    BOOST_TEST((files.list("a") == std::vector<std::string>{"a", "b"}));
    BOOST_TEST((files.list("d/anything") == std::vector<std::string>{"x", "y"}));
    BOOST_TEST((files.list("d/e/z") == std::vector<std::string>{"z"}));
    BOOST_TEST(files.list("none/z").empty());
    BOOST_TEST(files.resolve("d/x") == "d/x");
    BOOST_TEST(code_of([&] { (void)files.open("d/", open_mode::create_new); }) == errc::misuse);
}

BOOST_AUTO_TEST_CASE(names_may_be_used_by_several_threads) {
    io::memory_file_system files;
    std::vector<std::thread> threads;
    for (int thread = 0; thread != 4; ++thread) {
        threads.emplace_back([&files, thread] {
            for (int i = 0; i != 50; ++i) {
                const std::string path = std::to_string(thread) + "-" + std::to_string(i);
                files.open(path, open_mode::create_new)->write(0, bytes_of(path));
                files.rename_no_replace(path, path + "!");
                if (i % 2 == 0) files.remove(path + "!");
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    BOOST_TEST(files.list("0-0").size() == 100u);
}
