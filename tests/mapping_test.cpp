// Views of files, on disk and in memory, with everything the kernel offers and with each of it
// withheld.
#define BOOST_TEST_MODULE mapping
#include <fcntl.h>
#include <unistd.h>

#include <boost/interprocess/mapped_region.hpp>
#include <boost/test/unit_test.hpp>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/mmap/os_memory.hpp"
#include "pinyon/mmap/posix_file.hpp"
#include "support/bytes_of.hpp"
#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

namespace {

namespace io = pinyon::io;
using io::byte_range;
using io::open_mode;
using io::view_access;
using pinyon::errc;
using pinyon::test::code_of;
using pinyon::test::pattern;
using pinyon::test::read_all;
using pinyon::test::temporary_directory;

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;

#if defined(__SANITIZE_THREAD__)
constexpr std::uint64_t reservation = std::uint64_t{1} << 32;
#else
constexpr std::uint64_t reservation = std::uint64_t{1} << 40;
#endif

struct variant {
    const char* name;
    io::capabilities allowed;
};

[[nodiscard]] std::vector<variant> variants() {
    std::vector<variant> result;
    const auto add = [&result](const char* name, auto... withheld) {
        variant each{name, {}};
        ((each.allowed.*withheld = false), ...);
        result.push_back(each);
    };
    using c = io::capabilities;
    add("everything");
    add("no userfaultfd", &c::userfaultfd);
    add("no pagemap_scan", &c::pagemap_scan);
    add("no process_madvise", &c::process_madvise);
    add("no populate", &c::populate);
    add("no fallocate", &c::fallocate);
    add("nothing but addresses", &c::userfaultfd, &c::pagemap_scan, &c::process_madvise,
        &c::populate, &c::fallocate);
    return result;
}

void for_each_system(const std::function<void(io::file_system&, const std::string&)>& body) {
    for (const variant& each : variants()) {
        BOOST_TEST_CONTEXT("posix, " << each.name) {
            const temporary_directory directory;
            body(*io::make_posix_file_system(each.allowed), directory / "file");
        }
        BOOST_TEST_CONTEXT("memory, " << each.name) {
            io::memory_file_system files(each.allowed);
            body(files, "file");
        }
    }
}

[[nodiscard]] std::vector<byte_range> resident(const io::mapping& view, byte_range range) {
    std::vector<byte_range> result;
    view.resident(range, result);
    return result;
}

[[nodiscard]] std::uint64_t bytes_in(const std::vector<byte_range>& ranges) {
    std::uint64_t sum = 0;
    for (const byte_range& range : ranges) sum += range.size;
    return sum;
}

void unmap(io::mapping& view, byte_range range) { view.unmap({&range, 1}); }

[[nodiscard]] bool equals(const std::byte* found, const std::vector<std::byte>& expected) {
    return std::memcmp(found, expected.data(), expected.size()) == 0;
}

// Rss of the mapping that holds this address, in bytes, as the system accounts it.
[[nodiscard]] std::uint64_t rss_at(const std::byte* address) {
    std::ifstream smaps("/proc/self/smaps");
    const auto wanted = reinterpret_cast<std::uintptr_t>(address);
    bool inside = false;
    for (std::string line; std::getline(smaps, line);) {
        std::uintptr_t first = 0;
        std::uintptr_t last = 0;
        std::uint64_t kibibytes = 0;
        if (std::sscanf(line.c_str(), "%" SCNxPTR "-%" SCNxPTR " ", &first, &last) == 2) {
            inside = first <= wanted && wanted < last;
        } else if (inside && std::sscanf(line.c_str(), "Rss: %" SCNu64 " kB", &kibibytes) == 1) {
            return kibibytes * 1024;
        }
    }
    BOOST_FAIL("the mapping is not in smaps");
    return 0;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_file_grows_beneath_its_views) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto file = files.open(path, open_mode::create_new);
        file->grow(mebibyte);
        const auto reader = file->map(view_access::read, 0, reservation);
        const auto writer = file->map(view_access::write, 2 * page, reservation);
        BOOST_REQUIRE(reader != nullptr);
        BOOST_REQUIRE(writer != nullptr);
        BOOST_TEST(reader->bytes() == reservation);
        BOOST_TEST(writer->bytes() == reservation);
        std::byte* const before = reader->base();
        for (std::uint64_t size = mebibyte; size <= 16 * mebibyte; size *= 4) {
            file->grow(size);
            const auto data = pattern(page, size);
            const byte_range last{size - page, page};
            writer->populate(last, true);
            std::memcpy(writer->base() + last.offset, data.data(), page);
            reader->populate(last, false);
            BOOST_TEST(equals(reader->base() + last.offset, data));
            BOOST_TEST((read_all(*file, last.offset, page) == data));
        }
        BOOST_TEST(reader->base() == before);
    });
}

BOOST_AUTO_TEST_CASE(two_views_and_the_calls_are_coherent) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto file = files.open(path, open_mode::create_new);
        file->grow(mebibyte);
        const auto reader = file->map(view_access::read, 0, 4 * mebibyte);
        const auto writer = file->map(view_access::write, 2 * page, 4 * mebibyte);
        const auto first = pattern(page, 1);
        const auto second = pattern(page, 2);
        file->write(5 * page, first);
        BOOST_TEST(equals(reader->base() + 5 * page, first));
        BOOST_TEST(equals(writer->base() + 5 * page, first));
        std::memcpy(writer->base() + 5 * page, second.data(), page);
        BOOST_TEST(equals(reader->base() + 5 * page, second));
        BOOST_TEST((read_all(*file, 5 * page, page) == second));
        // Past the cache, while both views map the page.
        file->write_durably(4 * page, pattern(4 * page, 3));
        BOOST_TEST(equals(reader->base() + 4 * page, pattern(4 * page, 3)));
        std::memcpy(writer->base() + 5 * page, first.data(), page);
        std::vector<std::byte> out(page);
        BOOST_TEST(file->read_medium(5 * page, out) == page);
        BOOST_TEST((out == first));
        // What was dirty when it was unmapped comes back.
        unmap(*writer, {2 * page, mebibyte - 2 * page});
        unmap(*reader, {0, mebibyte});
        writer->flush({2 * page, mebibyte - 2 * page});
        BOOST_TEST(equals(reader->base() + 5 * page, first));
    });
}

BOOST_AUTO_TEST_CASE(residency_is_told_exactly) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto file = files.open(path, open_mode::create_new);
        file->grow(4 * mebibyte);
        file->write(0, pattern(4 * mebibyte, 1));
        const auto view = file->map(view_access::read, 0, 64 * mebibyte);
        const byte_range all{0, 64 * mebibyte};
        BOOST_TEST(resident(*view, all).empty());
        view->populate({8 * page, 2 * page}, false);
        view->populate({512 * page, page}, false);
        const auto found = resident(*view, all);
        BOOST_TEST(bytes_in(found) == rss_at(view->base()));
        if (view->faults_single_pages()) {
            BOOST_REQUIRE(found.size() == 2u);
            BOOST_TEST(found[0].offset == 8 * page);
            BOOST_TEST(found[0].size == 2 * page);
            BOOST_TEST(found[1].offset == 512 * page);
            BOOST_TEST(found[1].size == page);
            BOOST_TEST(bytes_in(resident(*view, {9 * page, page})) == page);
            BOOST_TEST(resident(*view, {10 * page, 100 * page}).empty());
        }
        // Appended to what is there, and never joined with it.
        std::vector<byte_range> out{{7 * page, page}};
        view->resident({8 * page, page}, out);
        BOOST_TEST(out.size() == 2u);
        const std::vector<byte_range> ranges = found;
        view->unmap(ranges);
        BOOST_TEST(resident(*view, all).empty());
        BOOST_TEST(rss_at(view->base()) == 0u);
    });
}

BOOST_AUTO_TEST_CASE(many_ranges_are_unmapped_at_once) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto file = files.open(path, open_mode::create_new);
        file->grow(8 * mebibyte);
        const auto view = file->map(view_access::write, 0, 64 * mebibyte);
        view->populate({0, 8 * mebibyte}, true);
        std::vector<byte_range> odd;  // more than two batches
        for (std::uint64_t i = 1; i < 2048; i += 2) odd.push_back({i * page, page});
        view->unmap(odd);
        if (view->faults_single_pages()) {
            BOOST_TEST(bytes_in(resident(*view, {0, 8 * mebibyte})) == 4 * mebibyte);
            BOOST_TEST(resident(*view, {0, 8 * mebibyte}).size() == 1024u);
        }
        BOOST_TEST(rss_at(view->base()) == 4 * mebibyte);
        view->will_need(odd);
        view->unmap({});
    });
}

// Growth of Rss per page touched, over a cached file: by stores of the system's own copying
// (single-page folios) and by sequential reading (large folios).
BOOST_AUTO_TEST_CASE(a_fault_maps_one_page) {
    constexpr std::uint64_t file_bytes = 64 * mebibyte;
    constexpr std::uint64_t touched = 2000;
    const temporary_directory directory;
    io::capabilities plain;
    plain.userfaultfd = false;
    io::posix_file_system().open(directory / "file", open_mode::create_new)->grow(file_bytes);
    for (const bool large_folios : {false, true}) {
        for (const bool single : {true, false}) {
            for (const view_access access : {view_access::read, view_access::read_private}) {
                const auto files = io::make_posix_file_system(single ? io::capabilities{} : plain);
                const auto mode =
                    access == view_access::read ? open_mode::read_write : open_mode::read_only;
                const auto file = files->open(directory / "file", mode);
                std::vector<std::byte> piece(mebibyte);
                const int other = ::open((directory / "file").c_str(), O_RDONLY | O_CLOEXEC);
                for (std::uint64_t at = 0; at != file_bytes; at += mebibyte) {
                    if (large_folios) {
                        (void)!::pread(other, piece.data(), mebibyte, static_cast<off_t>(at));
                    } else {
                        (void)file->read(at, piece);
                    }
                }
                ::close(other);
                const auto view = file->map(access, 0, reservation);
                BOOST_REQUIRE(view != nullptr);
                std::mt19937_64 random(1);
                std::vector<bool> seen(file_bytes / page);
                std::uint64_t distinct = 0;
                unsigned sum = 0;
                for (std::uint64_t i = 0; i != touched; ++i) {
                    const std::uint64_t number = random() % seen.size();
                    distinct += seen[number] ? 0 : 1;
                    seen[number] = true;
                    if (i % 2 == 0) view->populate({number * page, page}, false);
                    sum += std::to_integer<unsigned>(view->base()[number * page]);
                }
                BOOST_TEST(sum == 0u);
                const std::uint64_t rss = rss_at(view->base());
                BOOST_TEST_MESSAGE(
                    (large_folios ? "large folios, " : "single pages, ")
                    << (view->faults_single_pages() ? "userfaultfd" : "plain") << ": Rss grew "
                    << static_cast<double>(rss) / static_cast<double>(distinct * page)
                    << " times the pages touched");
                if (view->faults_single_pages()) BOOST_TEST(rss == distinct * page);
                BOOST_TEST(view->faults_single_pages() == files->offers().userfaultfd);
                BOOST_TEST(bytes_in(resident(*view, {0, file_bytes})) == rss);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_shared_view_of_a_file_opened_for_reading_maps_without_userfaultfd) {
    const temporary_directory directory;
    io::posix_file_system().open(directory / "file", open_mode::create_new)->grow(mebibyte);
    const auto file = io::posix_file_system().open(directory / "file", open_mode::read_only);
    const auto view = file->map(view_access::read, 0, reservation);
    BOOST_TEST(!view->faults_single_pages());
    view->populate({0, page}, false);
    BOOST_TEST((view->base()[0] == std::byte{0}));
}

BOOST_AUTO_TEST_CASE(populate_past_the_end_is_an_error_and_no_signal) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto file = files.open(path, open_mode::create_new);
        file->grow(4 * page);
        const auto reader = file->map(view_access::read, 0, mebibyte);
        const auto writer = file->map(view_access::write, 0, mebibyte);
        BOOST_TEST(code_of([&] { reader->populate({4 * page, page}, false); }) == errc::io);
        BOOST_TEST(code_of([&] { reader->populate({3 * page, 2 * page}, false); }) == errc::io);
        BOOST_TEST(code_of([&] { writer->populate({4 * page, page}, true); }) == errc::io);
        reader->populate({0, 4 * page}, false);
        // The file is cut by somebody else.
        file->truncate(2 * page);
        BOOST_TEST(code_of([&] { reader->populate({2 * page, page}, false); }) == errc::io);
        // A last page that is not whole has zeros behind the end.
        file->truncate(page + 100);
        reader->populate({0, 2 * page}, false);
        BOOST_TEST((reader->base()[page + 200] == std::byte{0}));
        reader->populate({0, 0}, false);
    });
}

BOOST_AUTO_TEST_CASE(ranges_must_be_whole_pages_of_the_view) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto file = files.open(path, open_mode::create_new);
        file->grow(mebibyte);
        const auto view = file->map(view_access::write, 2 * page, 4 * mebibyte);
        const auto reader = file->map(view_access::read, 0, 4 * mebibyte);
        const byte_range wrong[] = {
            {2 * page + 1, page},
            {2 * page, 100},
            {page, page},
            {4 * mebibyte, page},
            {5 * mebibyte, 0},
            {0, 4 * page},
            {2 * page, ~std::uint64_t{0} - page + 1},
            {~std::uint64_t{0} - page + 1, page},
        };
        for (const byte_range& range : wrong) {
            BOOST_TEST_CONTEXT(range.offset << " + " << range.size) {
                BOOST_TEST(code_of([&] { view->flush(range); }) == errc::misuse);
                BOOST_TEST(code_of([&] { view->populate(range, true); }) == errc::misuse);
                BOOST_TEST(code_of([&] { unmap(*view, range); }) == errc::misuse);
                BOOST_TEST(code_of([&] { view->will_need({&range, 1}); }) == errc::misuse);
                BOOST_TEST(code_of([&] { (void)resident(*view, range); }) == errc::misuse);
            }
        }
        BOOST_TEST(code_of([&] { reader->populate({0, page}, true); }) == errc::misuse);
        BOOST_TEST(code_of([&] { (void)file->map(view_access::read, 0, page + 1); }) ==
                   errc::misuse);
        BOOST_TEST(code_of([&] { (void)file->map(view_access::read, 100, 2 * page); }) ==
                   errc::misuse);
        BOOST_TEST(code_of([&] { (void)file->map(view_access::read, page, page); }) ==
                   errc::misuse);
    });
}

BOOST_AUTO_TEST_CASE(a_flush_covers_any_span) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto file = files.open(path, open_mode::create_new);
        file->grow(4 * mebibyte);
        const auto view = file->map(view_access::write, 2 * page, reservation);
        for (const std::uint64_t offset : {2 * page, 3 * page, mebibyte, 4 * mebibyte - page}) {
            view->base()[offset] = std::byte{7};
        }
        view->flush({3 * page, page});
        view->flush({2 * page, 4 * mebibyte - 2 * page});
        view->flush({2 * page, 0});
        std::vector<std::byte> out(page);
        BOOST_TEST(file->read_medium(mebibyte, out) == page);
        BOOST_TEST((out[0] == std::byte{7}));
    });
}

// Whether dirty pages reach the medium: unsynced ones cannot be dropped from the cache, flushed
// ones can.
BOOST_AUTO_TEST_CASE(a_flushed_page_is_clean) {
    const temporary_directory directory;
    const auto file = io::posix_file_system().open(directory / "file", open_mode::create_new);
    file->grow(mebibyte);
    file->sync();
    const auto view = file->map(view_access::write, 0, mebibyte);
    view->base()[5 * page] = std::byte{1};
    view->flush({4 * page, 2 * page});
    unmap(*view, {0, mebibyte});
    const byte_range all{0, mebibyte};
    file->drop_cache({&all, 1});
    std::ifstream direct;
    const int number = ::open((directory / "file").c_str(), O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (number < 0) {
        BOOST_TEST_MESSAGE("SKIPPED reading the medium: no direct access here");
        return;
    }
    alignas(4096) static std::byte buffer[page];
    BOOST_TEST(::pread(number, buffer, page, 5 * page) == static_cast<ssize_t>(page));
    BOOST_TEST((buffer[0] == std::byte{1}));
    ::close(number);
}

BOOST_AUTO_TEST_CASE(too_large_a_view_is_null) {
    for_each_system([](io::file_system& files, const std::string& path) {
        const auto file = files.open(path, open_mode::create_new);
        file->grow(mebibyte);
        BOOST_TEST(file->map(view_access::read, 0, std::uint64_t{1} << 62) == nullptr);
        BOOST_TEST(file->map(view_access::read, 0, std::uint64_t{1} << 48) == nullptr);
    });
}

BOOST_AUTO_TEST_CASE(rationed_addresses_give_64_mebibytes_or_twice_the_file) {
    io::capabilities small;
    small.large_reservation = false;
    const temporary_directory directory;
    const auto files = io::make_posix_file_system(small);
    const auto file = files->open(directory / "file", open_mode::create_new);
    file->grow(mebibyte);
    BOOST_TEST(file->map(view_access::read, 0, 64 * mebibyte + page) == nullptr);
    BOOST_TEST(file->map(view_access::read, 0, 64 * mebibyte) != nullptr);
    file->truncate(128 * mebibyte);
    BOOST_TEST(file->map(view_access::read, 0, 256 * mebibyte) != nullptr);
    BOOST_TEST(file->map(view_access::read, 0, 264 * mebibyte) == nullptr);
}

BOOST_AUTO_TEST_CASE(a_view_outlives_its_file) {
    for_each_system([](io::file_system& files, const std::string& path) {
        auto file = files.open(path, open_mode::create_new);
        file->grow(mebibyte);
        const auto view = file->map(view_access::write, 0, mebibyte);
        file.reset();
        view->populate({0, mebibyte}, true);
        view->base()[5] = std::byte{9};
        view->flush({0, mebibyte});
        unmap(*view, {0, mebibyte});
        BOOST_TEST(resident(*view, {0, mebibyte}).empty());
        BOOST_TEST((view->base()[5] == std::byte{9}));
    });
}

// What the code relies on in Boost: an asynchronous flush is its default and reports success, a
// flush of an unaligned range fails.
BOOST_AUTO_TEST_CASE(facts_about_mapped_region) {
    namespace ipc = boost::interprocess;
    struct mappable {
        int number;
        [[nodiscard]] ipc::mapping_handle_t get_mapping_handle() const { return {number, false}; }
    };
    const temporary_directory directory;
    const int number = ::open((directory / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    BOOST_REQUIRE(number >= 0);
    BOOST_REQUIRE(::ftruncate(number, static_cast<off_t>(mebibyte)) == 0);
    ipc::mapped_region region(mappable{number}, ipc::read_write, 0, 4 * mebibyte);
    BOOST_TEST(region.get_size() == 4 * mebibyte);
    BOOST_TEST(region.flush(page, 2 * page, false));
    BOOST_TEST(!region.flush(100, page, false));
    BOOST_TEST(!region.flush(4 * mebibyte, page, false));
    BOOST_TEST(region.flush(2 * mebibyte, mebibyte, false));  // past the end of the file: success
    ::close(number);
}

BOOST_AUTO_TEST_CASE(probing_clears_what_is_withheld_and_what_is_missing) {
    const io::capabilities found = io::probe({});
    BOOST_TEST_MESSAGE("userfaultfd " << found.userfaultfd << ", pagemap_scan "
                                      << found.pagemap_scan << ", process_madvise "
                                      << found.process_madvise << ", populate " << found.populate);
    BOOST_TEST(found.fallocate);
    BOOST_TEST(found.large_reservation);
}
