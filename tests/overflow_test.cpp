// Large values: one view, streams in pieces, every page verified, and references that lie.
#define BOOST_TEST_MODULE overflow
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include "support/errors.hpp"
#include "support/store_rig.hpp"

using namespace pinyon;
using namespace pinyon::test;

namespace {

constexpr std::uint64_t mib = std::uint64_t{1} << 20;

// The byte of a value at an offset.
std::byte byte_at(std::uint64_t offset, std::uint64_t seed) {
    return static_cast<std::byte>((offset * 0x9e3779b97f4a7c15u + seed) >> 56);
}

std::vector<std::byte> pattern_part(std::uint64_t offset, std::size_t size, std::uint64_t seed) {
    std::vector<std::byte> part(size);
    for (std::size_t i = 0; i < size; ++i) { part[i] = byte_at(offset + i, seed); }
    return part;
}

std::string pattern_text(std::size_t size, std::uint64_t seed) {
    return text_of(pattern_part(0, size, seed));
}

format::extent_reference write_value(store_rig& rig, std::uint64_t length, std::size_t chunk,
                                     std::uint64_t seed) {
    extent_writer writer(*rig.store, length);
    for (std::uint64_t offset = 0; offset < length; offset += chunk) {
        writer.write(pattern_part(offset, std::min<std::uint64_t>(chunk, length - offset), seed));
    }
    BOOST_TEST(writer.written() == length);
    return writer.finish();
}

// Damages the stored bytes at a file offset.
void flip(store_rig& rig, std::uint64_t offset) {
    std::byte one[1];
    BOOST_REQUIRE(rig.file->read(offset, one) == 1U);
    one[0] ^= std::byte{0x40};
    rig.file->write(offset, one);
}

}  // namespace

BOOST_AUTO_TEST_CASE(values_of_every_length_come_back) {
    for (const std::uint32_t page_bytes : {4096U, 16384U}) {
        // 4 MiB: one full page of checksums where pages have 4 KiB.
        const std::uint64_t lengths[] = {
            1,      2,       page_bytes - 1, page_bytes, page_bytes + 1, 5 * page_bytes,
            60'000, 4 * mib, 4 * mib + 1};
        for (const std::uint64_t length : lengths) {
            for (const std::size_t chunk : {std::size_t{777}, std::size_t{100'000}}) {
                BOOST_TEST_CONTEXT("page " << page_bytes << ", length " << length << ", chunk "
                                           << chunk) {
                    store_rig rig(slotted_schema(page_bytes), 64 * mib);
                    rig.begin();
                    const format::extent_reference reference =
                        write_value(rig, length, chunk, length);
                    put_extent(*rig.store, rig.tree, as_bytes("key"), reference);
                    rig.commit();
                    rig.cool();
                    const std::string expected = pattern_text(length, length);
                    BOOST_TEST((text_of(view_extent(*rig.store, reference)) == expected));
                    BOOST_TEST((rig.get("key") == expected));
                    rig.require({{"key", expected}});
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(put_moves_values_between_leaf_and_extent) {
    store_rig rig(slotted_schema());
    model expected;
    for (const std::size_t size : {10U, 3000U, 900U, 200'000U, 980U, 968U, 5U, 972U}) {
        rig.begin();
        for (const char* key : {"a", "b", "c"}) {
            rig.put(key, expected[key] = pattern_text(size, size));
        }
        rig.commit();
        rig.require(expected);
    }
    rig.begin();
    rig.put("a", std::string(5000, 'x'));
    BOOST_TEST(!rig.put("a", std::string(6000, 'y'), put_mode::insert_only));
    BOOST_TEST(rig.put("d", std::string(6000, 'd'), put_mode::insert_only));
    BOOST_TEST(rig.erase("b"));
    rig.commit();
    rig.require(
        {{"a", std::string(5000, 'x')}, {"c", expected["c"]}, {"d", std::string(6000, 'd')}});
    rig.begin();
    BOOST_TEST(erase_range(*rig.store, rig.tree, std::nullopt, std::nullopt) == 3U);
    rig.commit();
    rig.begin();
    rig.commit();
    rig.require({});
    BOOST_TEST(rig.store->space().held_pages() == 0U);
}

BOOST_AUTO_TEST_CASE(streams_read_at_any_offset) {
    store_rig rig(slotted_schema());
    rig.begin();
    constexpr std::uint64_t length = 3 * mib + 123;
    const format::extent_reference reference = write_value(rig, length, 10'000, 9);
    rig.commit();
    rig.cool();
    extent_reader reader(*rig.store, reference);
    BOOST_TEST(reader.length() == length);
    random_numbers random(8);
    for (unsigned i = 0; i < 300; ++i) {
        const std::uint64_t offset = random.below(length + 10);
        const std::size_t size = random.below(20'000);
        std::vector<std::byte> out(size);
        const std::size_t expected =
            offset >= length ? 0 : std::min<std::uint64_t>(size, length - offset);
        BOOST_TEST(reader.read(offset, out) == expected);
        out.resize(expected);
        BOOST_TEST((out == pattern_part(offset, expected, 9)));
    }
}

BOOST_AUTO_TEST_CASE(streams_ask_for_pages_ahead) {
    store_rig rig(slotted_schema());
    rig.begin();
    constexpr std::uint64_t pages = 500;
    const format::extent_reference reference = write_value(rig, pages * 4096, 10'000, 9);
    rig.commit();
    extent_reader reader(*rig.store, reference);
    std::vector<std::byte> out(1000);
    // The second time from the start: what was asked for before is gone.
    for (unsigned pass = 0; pass < 2; ++pass) {
        rig.cool();
        const std::uint64_t before = rig.source->statistics().prefetches;
        std::uint64_t offset = 0;
        while (const std::size_t size = reader.read(offset, out)) { offset += size; }
        BOOST_TEST(offset == pages * 4096);
        BOOST_TEST(rig.source->statistics().prefetches - before >= pages * 9 / 10);
    }
}

BOOST_AUTO_TEST_CASE(values_of_several_pieces_go_through_a_small_pool) {
    store_rig rig(slotted_schema(), mib);
    rig.begin();
    constexpr std::uint64_t length = 2 * run_bytes_max + 4097;
    const format::extent_reference reference = write_value(rig, length, mib, 4);
    BOOST_TEST(reference.pieces == 3U);
    put_extent(*rig.store, rig.tree, as_bytes("huge"), reference);
    rig.commit();
    rig.cool();

    extent_reader reader(*rig.store, reference);
    std::vector<std::byte> out(mib);
    std::uint64_t wrong = 0;
    std::uint64_t offset = 0;
    while (const std::size_t size = reader.read(offset, out)) {
        for (std::size_t i = 0; i < size; i += 61) {
            wrong += out[i] != byte_at(offset + i, 4) ? 1 : 0;
        }
        offset += size;
    }
    BOOST_TEST(offset == length);
    BOOST_TEST(wrong == 0U);
    std::vector<std::byte> seam(200);
    BOOST_TEST(reader.read(run_bytes_max - 100, seam) == 200U);
    BOOST_TEST((seam == pattern_part(run_bytes_max - 100, 200, 4)));

    std::uint64_t pages = 0;
    for_each_run(*rig.store, reference, [&](io::page_run run, std::uint64_t born) {
        pages += run.count;
        BOOST_TEST(born == rig.committed);
    });
    BOOST_TEST(pages == extent_pages(length, 4096) + 2);
    BOOST_TEST(code_of([&] { (void)rig.get("huge"); }) == errc::value_too_long);
    rig.begin();
    BOOST_TEST(rig.erase("huge"));
    rig.commit();
    rig.begin();
    rig.commit();
    rig.require({});
}

BOOST_AUTO_TEST_CASE(views_are_bounded_by_the_pool) {
    store_rig rig(slotted_schema(), mib);
    rig.begin();
    const std::uint64_t most = view_bytes_max(*rig.store);
    BOOST_TEST(most <= mib / 2);
    BOOST_TEST(most >= mib / 8);
    const format::extent_reference fits = write_value(rig, most, mib, 1);
    const format::extent_reference too_long = write_value(rig, most + 1, mib, 1);
    rig.commit();
    BOOST_TEST(view_extent(*rig.store, fits).size() == most);
    BOOST_TEST(code_of([&] { (void)view_extent(*rig.store, too_long); }) == errc::value_too_long);
}

BOOST_AUTO_TEST_CASE(damaged_values_are_never_returned) {
    constexpr std::uint64_t length = 20 * 4096 + 10;
    // The first byte, one in the middle, the zero tail of the last data page, a sum, the sum page's
    // tail.
    const std::uint64_t offsets[] = {0, 10 * 4096 + 5, length + 100, 21 * 4096, 22 * 4096 - 1};
    for (const std::uint64_t offset : offsets) {
        BOOST_TEST_CONTEXT("damage at " << offset) {
            store_rig rig(slotted_schema());
            rig.begin();
            const format::extent_reference reference = write_value(rig, length, 5000, 2);
            rig.commit();
            rig.cool();
            verify_extent(*rig.store, reference);
            rig.cool();
            flip(rig, reference.first * 4096 + offset);
            BOOST_TEST(code_of([&] { (void)view_extent(*rig.store, reference); }) == errc::corrupt);
            BOOST_TEST(code_of([&] { verify_extent(*rig.store, reference); }) == errc::corrupt);
            BOOST_TEST(code_of([&] {
                           extent_reader reader(*rig.store, reference);
                           std::vector<std::byte> out(length);
                           (void)reader.read(0, out);
                       }) == errc::corrupt);
        }
    }
}

BOOST_AUTO_TEST_CASE(references_that_lie_are_corrupt_before_memory_is_taken) {
    struct lie {
        const char* name;
        void (*tell)(format::extent_reference&);
    };
    const lie lies[] = {
        {"no length", [](format::extent_reference& r) { r.length = 0; }},
        {"more than the limit",
         [](format::extent_reference& r) { r.length = format::value_bytes_max + 1; }},
        {"more than the file",
         [](format::extent_reference& r) {
             r.length = format::value_bytes_max;
             r.pieces = 1 << 14;
         }},
        {"one piece too long", [](format::extent_reference& r) { r.length = run_bytes_max + 1; }},
        {"many pieces", [](format::extent_reference& r) { r.pieces = ~0U; }},
        {"no pieces", [](format::extent_reference& r) { r.pieces = 0; }},
        {"a longer value", [](format::extent_reference& r) { r.length += 4096; }},
        {"a meta page", [](format::extent_reference& r) { r.first = 0; }},
        {"a page behind the end", [](format::extent_reference& r) { r.first = ~std::uint64_t{0}; }},
        {"a run over the end", [](format::extent_reference& r) { r.first += 1'000'000; }},
        {"another run", [](format::extent_reference& r) { r.first += 1; }},
        {"another checksum", [](format::extent_reference& r) { r.sums_checksum ^= 1; }},
    };
    store_rig rig(slotted_schema());
    rig.begin();
    const format::extent_reference reference = write_value(rig, 50'000, 5000, 2);
    rig.commit();
    for (const lie& each : lies) {
        BOOST_TEST_CONTEXT(each.name) {
            format::extent_reference forged = reference;
            each.tell(forged);
            BOOST_TEST(code_of([&] { (void)view_extent(*rig.store, forged); }) == errc::corrupt);
            BOOST_TEST(code_of([&] { verify_extent(*rig.store, forged); }) == errc::corrupt);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_forged_list_of_pieces_is_corrupt) {
    store_rig rig(slotted_schema());
    rig.begin();
    const format::extent_reference honest = write_value(rig, run_bytes_max + 5000, mib, 2);
    rig.commit();
    // A list written anew, whose checksums hold.
    std::vector<format::extent_reference> pieces(2);
    std::vector<std::byte> page(4096);
    BOOST_REQUIRE(rig.file->read(honest.first * 4096, page) == 4096U);
    std::memcpy(pieces.data(), page.data(), 64);
    for (const bool wrong_length : {true, false}) {
        std::vector<format::extent_reference> forged = pieces;
        if (wrong_length) {
            forged[1].length += 1;
        } else {
            forged[1].first = format::page_number_max;
        }
        rig.begin();
        extent_writer writer(*rig.store, 64);
        writer.write(std::as_bytes(std::span(forged)));
        format::extent_reference list = writer.finish();
        rig.commit();
        list.length = honest.length;
        list.pieces = 2;
        BOOST_TEST(code_of([&] { extent_reader(*rig.store, list); }) == errc::corrupt);
        rig.begin();
        BOOST_TEST(code_of([&] { retire_extent(*rig.store, list); }) == errc::corrupt);
        rig.abort();
    }
}

BOOST_AUTO_TEST_CASE(writers_are_held_to_the_length_announced) {
    store_rig rig(slotted_schema());
    rig.begin();
    BOOST_TEST(code_of([&] { extent_writer(*rig.store, 0); }) == errc::misuse);
    BOOST_TEST(code_of([&] { extent_writer(*rig.store, format::value_bytes_max + 1); }) ==
               errc::value_too_long);
    extent_writer writer(*rig.store, 100);
    writer.write(pattern_part(0, 60, 1));
    BOOST_TEST(code_of([&] { (void)writer.finish(); }) == errc::misuse);
    BOOST_TEST(code_of([&] { writer.write(pattern_part(0, 41, 1)); }) == errc::misuse);
    writer.write(pattern_part(60, 40, 1));
    const format::extent_reference reference = writer.finish();
    BOOST_TEST((text_of(view_extent(*rig.store, reference)) == pattern_text(100, 1)));
    rig.abort();
    rig.begin();
    rig.commit();
    rig.require({});
}

BOOST_AUTO_TEST_CASE(an_abandoned_value_gives_its_pages_back) {
    store_rig rig(slotted_schema());
    rig.begin();
    const std::uint64_t in_use = rig.store->space().page_count() - rig.store->space().free_pages();
    extent_writer writer(*rig.store, run_bytes_max + 5000);
    for (std::uint64_t written = 0; written < run_bytes_max + 1000; written += 1000) {
        writer.write(pattern_part(written, 1000, 1));
    }
    writer.abandon();
    BOOST_TEST(rig.store->space().page_count() - rig.store->space().free_pages() == in_use);
    rig.commit();
    rig.require({});
}
