// The tool with which other tests make disks fail must itself be right.
#define BOOST_TEST_MODULE simulated_disk
#include "support/simulated_disk.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "pinyon/mmap/memory_file.hpp"
#include "support/bytes_of.hpp"
#include "support/errors.hpp"

namespace {

namespace io = pinyon::io;
using io::open_mode;
using pinyon::errc;
using namespace pinyon::test;

struct fixture {
    io::memory_file_system memory;
    simulated_disk disk{memory};
    std::unique_ptr<io::file> file = disk.open("file", open_mode::create_new);
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(operations_are_passed_on_counted_and_traced, fixture) {
    file->grow(1 << 20);
    file->write(4096, bytes_of("text"));
    const auto view = file->map(io::view_access::write, 0, 1 << 20);
    view->populate({4096, 4096}, true);
    BOOST_TEST((view->base()[4096] == bytes_of("t")[0]));
    view->flush({0, 8192});
    const io::byte_range page{4096, 4096};
    view->unmap({&page, 1});
    file->sync();
    BOOST_TEST((read_all(*file, 4096, 4) == bytes_of("text")));
    std::string names;
    for (const disk_event& event : disk.trace()) { names += std::string(name(event.call)) + " "; }
    BOOST_TEST(names == "open grow write map populate flush unmap sync read ");
    BOOST_TEST(disk.operations() == 8u);
    BOOST_TEST(disk.operations(calls(disk_call::unmap)) == 1u);
    BOOST_TEST(disk.operations(syncing_calls) == 2u);
    BOOST_TEST(disk.trace()[2].offset == 4096u);
    BOOST_TEST(disk.trace()[2].size == 4u);
    BOOST_TEST(disk.trace()[2].path == "file");
    disk.forget();
    BOOST_TEST(disk.operations() == 0u);
    BOOST_TEST(disk.trace().empty());
}

BOOST_FIXTURE_TEST_CASE(the_nth_operation_fails_once_and_does_nothing, fixture) {
    disk.plan({.at = 1});
    file->write(0, bytes_of("one"));
    BOOST_TEST(code_of([&] { file->write(0, bytes_of("two")); }) == errc::io);
    BOOST_TEST((read_all(*file, 0, 3) == bytes_of("one")));
    file->write(0, bytes_of("six"));
    BOOST_TEST((read_all(*file, 0, 3) == bytes_of("six")));
    BOOST_TEST(disk.fired() == 1u);
    BOOST_TEST(disk.trace()[2].failed);
}

BOOST_FIXTURE_TEST_CASE(a_fault_for_ever_lasts_until_healed, fixture) {
    disk.plan({.at = 0, .for_ever = true, .kind = disk_fault::io, .on = syncing_calls});
    file->write(0, bytes_of("one"));
    BOOST_TEST(code_of([&] { file->sync(); }) == errc::io);
    BOOST_TEST(code_of([&] { file->sync(); }) == errc::io);
    BOOST_TEST(code_of([&] { disk.sync_directory("file"); }) == errc::io);
    disk.heal();
    file->sync();
    BOOST_TEST(disk.fired() == 3u);
}

BOOST_FIXTURE_TEST_CASE(a_full_disk_and_short_writes, fixture) {
    disk.plan({.at = 0, .for_ever = true, .kind = disk_fault::no_space});
    BOOST_TEST(code_of([&] { file->grow(1 << 20); }) == errc::no_space);
    BOOST_TEST(code_of([&] { file->write(0, bytes_of("abcd")); }) == errc::no_space);
    BOOST_TEST(code_of([&] { (void)disk.open("other", open_mode::create_new); }) == errc::no_space);
    BOOST_TEST(code_of([&] { (void)disk.open("file", open_mode::read_only); }) == errc::io);
    BOOST_TEST(file->size() == 0u);
    disk.plan({.at = 0, .for_ever = false, .kind = disk_fault::short_write});
    BOOST_TEST(code_of([&] { file->write(0, bytes_of("abcd")); }) == errc::no_space);
    BOOST_TEST(file->size() == 2u);
    BOOST_TEST((read_all(*file, 0, 4) == bytes_of("ab")));
}

BOOST_FIXTURE_TEST_CASE(views_fail_as_planned, fixture) {
    file->grow(1 << 20);
    disk.plan({.at = 0});
    BOOST_TEST(file->map(io::view_access::read, 0, 1 << 20) == nullptr);
    const auto view = file->map(io::view_access::write, 0, 1 << 20);
    disk.plan({.at = 0});
    BOOST_TEST(code_of([&] { view->populate({0, 4096}, false); }) == errc::io);
    disk.plan({.at = 0});
    BOOST_TEST(code_of([&] { view->flush({0, 4096}); }) == errc::io);
    view->flush({0, 4096});
    BOOST_TEST(view->faults_single_pages() == memory.offers().userfaultfd);
}

BOOST_FIXTURE_TEST_CASE(an_observer_sees_the_state_before_each_operation, fixture) {
    std::vector<std::uint64_t> sizes;
    const auto spy = memory.open("file", open_mode::read_only);
    disk.observe([&](const disk_event&) { sizes.push_back(spy->size()); });
    file->write(0, bytes_of("abc"));
    file->truncate(1);
    file->sync();
    BOOST_TEST((sizes == std::vector<std::uint64_t>{0, 3, 1}));
}
