// The metas: which one counts, and what is refused, with which code.
#define BOOST_TEST_MODULE meta
#include "pinyon/engine/meta.hpp"

#include <boost/test/unit_test.hpp>
#include <cstring>
#include <functional>

#include "pinyon/engine/checksum.hpp"
#include "pinyon/mmap/memory_file.hpp"
#include "support/errors.hpp"

namespace {

using pinyon::errc;
using pinyon::meta_slots;
using pinyon::test::code_of;
namespace format = pinyon::format;
namespace io = pinyon::io;

[[nodiscard]] format::meta sound_meta(std::uint64_t sequence) {
    format::meta meta{};
    meta.magic = format::magic;
    meta.version = format::version;
    meta.page_bytes = 4096;
    meta.uuid = {1, 2, 3};
    meta.sequence = sequence;
    meta.transaction = sequence / 2;
    meta.catalog = {2, 0, 77, 0};
    meta.page_count = 3;
    meta.next_tree = 1;
    return meta;
}

struct fixture {
    std::unique_ptr<io::file_system> files = std::make_unique<io::memory_file_system>();
    std::unique_ptr<io::file> file = files->open("a.pinyon", io::open_mode::create_new);

    void put(const format::meta& meta) { pinyon::write_meta(*file, meta); }
    [[nodiscard]] meta_slots read() { return pinyon::read_metas(*file, "a.pinyon"); }
    [[nodiscard]] errc failure() {
        return code_of([&] { (void)read(); });
    }
    void make_sound() {
        file->grow(3 * 4096);
        put(sound_meta(4));
        put(sound_meta(5));
    }
};

BOOST_FIXTURE_TEST_CASE(the_newer_of_two_counts, fixture) {
    make_sound();
    BOOST_TEST(read().current().sequence == 5U);
    put(sound_meta(6));
    BOOST_TEST(read().current().sequence == 6U);
    BOOST_TEST(read().newest() == 0U);
}

BOOST_FIXTURE_TEST_CASE(one_damaged_slot_loses_nothing, fixture) {
    for (const unsigned damaged : {0U, 1U}) {
        make_sound();
        const std::array<std::byte, 1> wrong{std::byte{0xaa}};
        file->write(format::meta_offset[damaged] + 60, wrong);
        const meta_slots slots = read();
        BOOST_TEST(slots.newest() == (damaged ^ 1U));
        BOOST_TEST(slots.defect[damaged] == "wrong checksum");
    }
}

BOOST_FIXTURE_TEST_CASE(every_byte_of_a_meta_is_covered, fixture) {
    make_sound();
    for (std::uint64_t at = 0; at < sizeof(format::meta); ++at) {
        BOOST_TEST_CONTEXT("byte " << at) {
            std::array<std::byte, 1> byte{};
            BOOST_REQUIRE(file->read(4096 + at, byte) == 1U);
            byte[0] ^= std::byte{1};
            file->write(4096 + at, byte);
            BOOST_TEST(!read().valid[1]);
            byte[0] ^= std::byte{1};
            file->write(4096 + at, byte);
        }
    }
    BOOST_TEST(read().valid[1].has_value());
}

BOOST_FIXTURE_TEST_CASE(files_that_are_not_ours, fixture) {
    BOOST_TEST(failure() == errc::not_a_database);  // empty
    const std::string text(5000, 'x');
    file->write(0, pinyon::as_bytes(text));
    BOOST_TEST(failure() == errc::not_a_database);
}

BOOST_FIXTURE_TEST_CASE(a_file_cut_inside_its_metas_is_truncated, fixture) {
    make_sound();
    file->truncate(100);
    BOOST_TEST(failure() == errc::truncated);
    make_sound();
    file->truncate(2 * 4096);
    BOOST_TEST(failure() == errc::truncated);
}

BOOST_FIXTURE_TEST_CASE(other_versions_and_unknown_features_are_version_errors, fixture) {
    make_sound();
    for (const std::uint32_t version : {format::version - 1, format::version + 1}) {
        for (const std::uint64_t sequence : {4U, 5U}) {
            format::meta meta = sound_meta(sequence);
            meta.version = version;
            put(meta);
        }
        BOOST_TEST(failure() == errc::version);
    }
    for (const std::uint64_t sequence : {4U, 5U}) {
        format::meta meta = sound_meta(sequence);
        meta.incompatible_features = std::uint64_t{1} << 63;
        put(meta);
    }
    BOOST_TEST(failure() == errc::version);
}

struct crafted {
    const char* what;
    std::function<void(format::meta&)> change;
};

BOOST_FIXTURE_TEST_CASE(crafted_metas_are_corrupt, fixture) {
    const std::vector<crafted> cases{
        {"page size 0", [](format::meta& m) { m.page_bytes = 0; }},
        {"page size 5000", [](format::meta& m) { m.page_bytes = 5000; }},
        {"no pages", [](format::meta& m) { m.page_count = 2; }},
        {"too many pages", [](format::meta& m) { m.page_count = ~std::uint64_t{0}; }},
        {"root in the metas", [](format::meta& m) { m.catalog.page = 1; }},
        {"root beyond the file", [](format::meta& m) { m.catalog.page = 3; }},
        {"root without checksum", [](format::meta& m) { m.catalog.checksum = 0; }},
        {"impossible height", [](format::meta& m) { m.catalog.level = 200; }},
        {"image beyond the file", [](format::meta& m) { m.free_first = 2, m.free_pages = 2; }},
        {"image longer than its run", [](format::meta& m) { m.free_bytes = 1; }},
        {"tree number 0", [](format::meta& m) { m.next_tree = 0; }},
    };
    for (const crafted& entry : cases) {
        BOOST_TEST_CONTEXT(entry.what) {
            make_sound();
            for (const std::uint64_t sequence : {6U, 7U}) {
                format::meta meta = sound_meta(sequence);
                entry.change(meta);
                put(meta);
            }
            BOOST_TEST(failure() == errc::corrupt);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(metas_of_two_files_are_corrupt, fixture) {
    make_sound();
    format::meta foreign = sound_meta(7);
    foreign.uuid = {9};
    put(foreign);
    BOOST_TEST(failure() == errc::corrupt);
}

}  // namespace
