// The page source for AddressSanitizer must keep the promises of the others.
#define BOOST_TEST_MODULE heap_source
#include "support/heap_source.hpp"

#include <boost/test/unit_test.hpp>
#include <cstdlib>

#include "pinyon/mmap/memory_file.hpp"
#include "support/bytes_of.hpp"
#include "support/errors.hpp"

namespace {

namespace io = pinyon::io;
using pinyon::errc;
using pinyon::test::code_of;
using pinyon::test::heap_source;
using pinyon::test::pattern;
using pinyon::test::read_all;

constexpr std::uint32_t page_bytes = 4096;

// A page's first byte is its checksum.
class first_byte final : public io::page_warden {
public:
    void admit(const io::page_reference& reference, std::span<const std::byte> page) override {
        if (std::to_integer<std::uint32_t>(page[0]) != reference.checksum) {
            pinyon::raise(errc::corrupt, "the first byte is another", reference.page);
        }
    }
    [[nodiscard]] std::uint32_t seal(io::page_number, std::span<std::byte> page) override {
        return std::to_integer<std::uint32_t>(page[0]);
    }
};

struct fixture {
    io::memory_file_system files;
    first_byte warden;
    std::unique_ptr<io::file> file = grown(files);
    heap_source source{*file, warden, page_bytes, 64};

    [[nodiscard]] static std::unique_ptr<io::file> grown(io::file_system& files) {
        auto made = files.open("file", io::open_mode::create_new);
        made->grow(32 * page_bytes);
        return made;
    }

    [[nodiscard]] static std::vector<std::byte> content(std::uint8_t first) {
        auto result = pattern(page_bytes, first);
        result[0] = std::byte{first};
        return result;
    }

    [[nodiscard]] std::vector<std::byte> fetched(io::page_number page, std::uint8_t checksum,
                                                 io::residency kind = io::residency::leaf) {
        const io::page_view view = source.fetch({page, checksum, 0, 0, kind});
        BOOST_TEST(source.unchanged(view));
        return {view.data, view.data + page_bytes};
    }
};

}  // namespace

BOOST_FIXTURE_TEST_CASE(what_was_created_is_fetched_and_flushed, fixture) {
    std::byte* made = source.create(5, io::residency::leaf, content(1));
    BOOST_TEST((fetched(5, 0) == content(1)));
    made[9] = std::byte{99};
    BOOST_TEST(source.writable({5}) == made);
    source.publish();
    BOOST_TEST(code_of([&] { (void)source.writable({5}); }) == errc::misuse);
    BOOST_TEST((fetched(5, 1)[9] == std::byte{99}));
    BOOST_TEST((read_all(*file, 5 * page_bytes, 10) == std::vector<std::byte>(10)));
    source.flush();
    BOOST_TEST((read_all(*file, 5 * page_bytes + 9, 1)[0] == std::byte{99}));
    heap_source again(*file, warden, page_bytes, 64);
    BOOST_TEST((again.fetch({5, 1}).data[9] == std::byte{99}));
    BOOST_TEST(code_of([&] {
                   (void)heap_source(*file, warden, page_bytes, 64).fetch({5, 2});
               }) == errc::corrupt);
}

BOOST_FIXTURE_TEST_CASE(pages_outside_the_file_are_refused, fixture) {
    BOOST_TEST(code_of([&] { (void)source.fetch({32, 1}); }) == errc::corrupt);
    BOOST_TEST(code_of([&] { (void)source.fetch({1, 1}); }) == errc::corrupt);
    BOOST_TEST(code_of([&] { (void)source.fetch({~std::uint64_t{0}, 1}); }) == errc::corrupt);
    BOOST_TEST(code_of([&] { (void)source.create(32, io::residency::leaf, content(1)); }) ==
               errc::misuse);
}

BOOST_FIXTURE_TEST_CASE(extent_pages_stand_side_by_side_until_forgotten, fixture) {
    for (std::uint8_t i = 1; i != 4; ++i) { file->write((9u + i) * page_bytes, content(i)); }
    source.mark_dirty({10, 3});
    const std::byte* first = source.fetch({10, 1, 0, 0, io::residency::extent}).data;
    BOOST_TEST(source.fetch({11, 2, 0, 0, io::residency::extent}).data == first + page_bytes);
    source.forget({10, 3});
    file->write(10 * page_bytes, content(7));
    BOOST_TEST((fetched(10, 7, io::residency::extent) == content(7)));
}

BOOST_FIXTURE_TEST_CASE(a_page_made_anew_is_another_block, fixture) {
    (void)source.create(5, io::residency::leaf, content(1));
    source.publish();
    source.flush();
    source.forget({5, 1});
    (void)source.create(5, io::residency::leaf, content(2));
    BOOST_TEST((fetched(5, 0) == content(2)));
    const io::pin_guard pin = source.pin({5});
    BOOST_TEST((pin.data()[0] == std::byte{2}));
    BOOST_TEST(source.statistics().writes == 2u);
}
