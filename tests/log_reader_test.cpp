// The table of verdicts, row by row; torn tails told from damage; logs that nobody wrote.
#define BOOST_TEST_MODULE log_reader
#include "pinyon/engine/log_reader.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "support/errors.hpp"
#include "support/log_rig.hpp"
#include "support/simulated_disk.hpp"
#include "support/slow_build.hpp"

namespace {

using namespace pinyon;
using namespace pinyon::test;

constexpr std::uint64_t block = format::segment_block_bytes;

// Ten batches over several segments of 16 KiB, all durable, and the files as they are then.
struct ten {
    io::memory_file_system files;
    log_rig rig{files};
    log_image image;

    ten() {
        for (std::size_t i = 0; i != 10; ++i) { rig.add(4000 + i * 37); }
        image = image_of(files);
    }
    [[nodiscard]] errc error_of(const log_image& changed, const format::meta& meta,
                                std::uint64_t floor = 0) const {
        return code_of([&] { (void)replay_count(changed, meta, floor); });
    }
    [[nodiscard]] std::string path(std::uint64_t sequence) const {
        return segment_name(log_database, sequence);
    }
};

// A segment's header, changed and given the right checksum again.
template <class Change>
void rewrite_header(log_image& image, const std::string& path, Change change) {
    format::segment_header header{};
    std::memcpy(&header, image.at(path).data(), sizeof header);
    change(header);
    header.checksum = checksum_of(header);
    std::memcpy(image.at(path).data(), &header, sizeof header);
}

void flip(log_image& image, const std::string& path, std::uint64_t offset) {
    image.at(path).at(offset) ^= std::byte{0x10};
}

log_verdict verdict_of(const log_image& image, const format::meta& meta) {
    const auto files = files_of(image);
    return reader_of(*files, meta).verdict();
}

}  // namespace

BOOST_AUTO_TEST_CASE(names_of_segments_are_made_and_understood) {
    BOOST_TEST(segment_name("base.pinyon", 17) == "base.pinyon-wal.00000000000000000017");
    const auto parsed = [](std::string_view name) { return parse_segment_name("base", name); };
    BOOST_TEST(*parsed("base-wal.00000000000000000017") == 17u);
    BOOST_TEST(*parsed("base-wal.02305843009213693951") == format::count_max);
    for (const char* other : {"base-wal.02305843009213693952", "base-wal.18446744073709551615",
                              "base-wal.18446744073709551616", "base-wal.00000000000000000000",
                              "base-wal.0000000000000000017", "base-wal.000000000000000000017",
                              "base-wal.0000000000000000001x", "bass-wal.00000000000000000017",
                              "base-val.00000000000000000017", "base", ""}) {
        BOOST_TEST_CONTEXT(other) { BOOST_TEST(!parsed(other)); }
    }
    BOOST_TEST(file_name_of("a/b/base") == "base");
    BOOST_TEST(file_name_of("base") == "base");
}

BOOST_FIXTURE_TEST_CASE(every_row_of_replay_reads_from_the_metas_place, ten) {
    BOOST_REQUIRE(image.size() > 2u);
    for (std::size_t begun = 0; begun <= 10; ++begun) {
        BOOST_TEST_CONTEXT("checkpoint after " << begun) {
            BOOST_TEST(replay_count(image, rig.meta(begun)) == 10 - begun);
            const auto copy = files_of(image);
            log_reader reader = reader_of(*copy, rig.meta(begun));
            BOOST_TEST(reader.bytes_total() >=
                       rig.log->end().position - rig.meta(begun).log_position);
            (void)replay_count(reader, rig.meta(begun));
            BOOST_TEST((reader.end() == rig.log->end()));
            BOOST_TEST(reader.bytes_done() ==
                       rig.log->end().position - rig.meta(begun).log_position);
            BOOST_TEST(reader.segments().size() == image.size());
            BOOST_TEST(reader.leftovers().empty());
            BOOST_TEST(reader.last_sequence() == image.size());
        }
    }
}

BOOST_AUTO_TEST_CASE(clean_and_alone_is_clean) {
    io::memory_file_system files;
    const format::meta meta = log_meta(9, 4, {800, 3}, 5, true);
    log_reader reader = reader_of(files, meta);
    BOOST_TEST((reader.verdict() == log_verdict::clean));
    BOOST_TEST(!reader.next());
    BOOST_TEST(reader.last_sequence() == 4u);
    // An older state may serve only if its log leads to the newer one.
    BOOST_TEST(code_of([&] { (void)reader_of(files, meta, 900); }) == errc::log_missing);
}

BOOST_FIXTURE_TEST_CASE(clean_with_batches_before_its_place_has_leftovers, ten) {
    const auto copy = files_of(image);
    log_reader reader = reader_of(*copy, rig.meta(10, true));
    BOOST_TEST((reader.verdict() == log_verdict::clean_with_leftovers));
    BOOST_TEST(!reader.next());
    BOOST_TEST(reader.leftovers().size() == image.size());
    BOOST_TEST(reader.segments().empty());
}

BOOST_FIXTURE_TEST_CASE(clean_before_a_batch_is_a_mismatch, ten) {
    for (std::size_t closed = 0; closed != 10; ++closed) {
        BOOST_TEST_CONTEXT("closed after " << closed) {
            BOOST_TEST(error_of(image, rig.meta(closed, true)) == errc::log_mismatch);
        }
    }
}

// The file was copied when it was closed, then opened and changed; now the copy is put back.
BOOST_AUTO_TEST_CASE(clean_before_a_log_that_it_does_not_know_is_a_mismatch) {
    io::memory_file_system files;
    const log_cut from{800, 77};
    log_rig rig(files, 16384, from, 3);
    const format::meta closed = log_meta(99, 3, from, 100, true);
    BOOST_TEST((reader_of(files, closed).verdict() == log_verdict::clean_with_leftovers));
    rig.add(100);
    BOOST_TEST(code_of([&] { (void)reader_of(files, closed); }) == errc::log_mismatch);
    // The same for a copy that was not closed, and whose own log is gone.
    const format::meta open = log_meta(99, 3, from, 100);
    BOOST_TEST(code_of([&] { (void)reader_of(files, open); }) == errc::log_mismatch);
    // Older than the meta's own log: nobody's any more.
    const format::meta later = log_meta(99, 5, {5000, 78}, 200, true);
    BOOST_TEST((reader_of(files, later).verdict() == log_verdict::clean_with_leftovers));
}

BOOST_FIXTURE_TEST_CASE(open_without_any_segment_is_missing, ten) {
    BOOST_TEST(error_of({}, rig.meta()) == errc::log_missing);
    // A spare is no log.
    log_image spare;
    spare[path(7)] = std::vector<std::byte>(8192);
    BOOST_TEST(error_of(spare, rig.meta()) == errc::log_missing);
    // But where the log's first segment has lost its header, it is damage.
    log_image erased;
    erased[path(1)] = image.at(path(1));
    std::fill_n(erased.at(path(1)).begin(), block, std::byte{0});
    BOOST_TEST(error_of(erased, rig.meta()) == errc::log_corrupt);
}

BOOST_FIXTURE_TEST_CASE(a_log_that_ends_before_the_metas_place_is_a_mismatch, ten) {
    // An older copy of the log beside a newer file.
    log_image older = image;
    while (older.size() > 1) { older.erase(std::prev(older.end())); }
    BOOST_TEST(error_of(older, rig.meta(9)) == errc::log_mismatch);
    // And within a segment.
    for (auto& [name, content] : older) {
        std::fill(content.begin() + static_cast<std::ptrdiff_t>(rig.batches[1].offset),
                  content.end(), std::byte{0});
    }
    BOOST_TEST(error_of(older, rig.meta(2)) == errc::log_mismatch);
    BOOST_TEST(replay_count(older, rig.meta(0)) == 1u);
    BOOST_TEST(replay_count(older, rig.meta(1)) == 0u);
}

BOOST_FIXTURE_TEST_CASE(a_wrong_chain_is_a_mismatch, ten) {
    for (const std::size_t begun : {0u, 1u, 5u, 10u}) {
        BOOST_TEST_CONTEXT("checkpoint after " << begun) {
            format::meta meta = rig.meta(begun);
            meta.log_chain ^= 1;
            BOOST_TEST(error_of(image, meta) == errc::log_mismatch);
        }
    }
}

BOOST_FIXTURE_TEST_CASE(segments_of_another_database_are_a_mismatch_whatever_the_meta, ten) {
    for (const bool clean : {false, true}) {
        format::meta meta = rig.meta(10, clean);
        meta.uuid.fill(8);
        BOOST_TEST(error_of(image, meta) == errc::log_mismatch);
    }
    log_image renamed = image;
    renamed[path(40)] = renamed.at(path(1));
    BOOST_TEST(error_of(renamed, rig.meta()) == errc::log_mismatch);
    BOOST_TEST(error_of(renamed, rig.meta(10, true)) == errc::log_mismatch);
    std::swap(renamed.at(path(1)), renamed.at(path(2)));
    renamed.erase(path(40));
    BOOST_TEST(error_of(renamed, rig.meta()) == errc::log_mismatch);
}

BOOST_FIXTURE_TEST_CASE(a_segment_of_a_newer_version_says_so, ten) {
    rewrite_header(image, path(2), [](format::segment_header& h) { h.version = 2; });
    BOOST_TEST(error_of(image, rig.meta()) == errc::version);
}

BOOST_FIXTURE_TEST_CASE(a_missing_segment_is_damage_where_something_follows, ten) {
    const std::size_t segments = image.size();
    for (std::uint64_t gone = 1; gone != segments; ++gone) {
        BOOST_TEST_CONTEXT("without segment " << gone) {
            log_image gap = image;
            gap.erase(path(gone));
            BOOST_TEST(error_of(gap, rig.meta()) == errc::log_corrupt);
        }
    }
    // Behind the last one nothing tells, unless a meta does.
    log_image last = image;
    last.erase(path(segments));
    const std::size_t count = replay_count(last, rig.meta());
    BOOST_TEST(count < 10u);
    BOOST_TEST(error_of(last, rig.meta(), rig.log->end().position) == errc::log_corrupt);
    BOOST_TEST(replay_count(last, rig.meta(), rig.batches[count - 1].end.position) == count);
}

BOOST_FIXTURE_TEST_CASE(segments_that_contradict_each_other_are_damage, ten) {
    const auto changed = [&](auto change) {
        log_image forged = image;
        rewrite_header(forged, path(2), change);
        return error_of(forged, rig.meta());
    };
    BOOST_TEST(changed([](format::segment_header& h) { h.chain ^= 1; }) == errc::log_corrupt);
    BOOST_TEST(changed([](format::segment_header& h) { h.previous_sequence = 0; }) ==
               errc::log_corrupt);
    BOOST_TEST(changed([](format::segment_header& h) { h.position = h.previous_end += 64; }) ==
               errc::log_corrupt);
    BOOST_TEST(changed([](format::segment_header& h) { h.position = h.previous_end -= 64; }) ==
               errc::log_corrupt);
    BOOST_TEST(changed([](format::segment_header& h) { h.position = h.previous_end = 0; }) ==
               errc::log_mismatch);
}

BOOST_AUTO_TEST_CASE(a_torn_tail_is_cut_at_every_64_bytes) {
    io::memory_file_system files;
    log_rig rig(files);
    for (std::size_t i = 0; i != 4; ++i) { rig.add(300); }
    const written_batch last = rig.add(2000, false);
    const log_image whole = image_of(files);
    const std::uint64_t size = last.end.position - last.begin.position;
    for (const bool garbage : {false, true}) {
        for (std::uint64_t kept = 0; kept + 64 < size; kept += 64) {
            BOOST_TEST_CONTEXT("kept " << kept << (garbage ? ", garbage" : ", zeros")) {
                log_image torn = whole;
                auto& content = torn.at(last.path);
                for (std::uint64_t i = last.offset + kept; i != last.offset + size; ++i) {
                    content[i] =
                        garbage ? content[i] ^ static_cast<std::byte>(i * 37 | 1) : std::byte{0};
                }
                BOOST_TEST(replay_count(torn, rig.meta()) == 4u);
                // What recovery leaves behind it: a closed file and the torn remains.
                BOOST_TEST(
                    (verdict_of(torn, rig.meta(4, true)) == log_verdict::clean_with_leftovers));
            }
        }
    }
    BOOST_TEST(replay_count(whole, rig.meta()) == 5u);
}

// Of several batches that no sync covered, any may have reached the medium.
BOOST_AUTO_TEST_CASE(unsynced_batches_may_be_lost_in_any_order) {
    io::memory_file_system files;
    log_rig rig(files);
    for (std::size_t i = 0; i != 3; ++i) { rig.add(300); }
    for (std::size_t i = 0; i != 6; ++i) { rig.add(200, false); }
    const log_image whole = image_of(files);
    for (unsigned lost = 0; lost != 64; ++lost) {
        log_image torn = whole;
        std::size_t expected = 9;
        for (std::size_t i = 6; i-- != 0;) {
            if ((lost >> i & 1u) == 0) { continue; }
            const written_batch& batch = rig.batches[3 + i];
            const auto first =
                torn.at(batch.path).begin() + static_cast<std::ptrdiff_t>(batch.offset);
            std::fill(first, first + 64, std::byte{0});
            expected = 3 + i;
        }
        BOOST_TEST_CONTEXT("lost " << lost) {
            BOOST_TEST(replay_count(torn, rig.meta()) == expected);
            BOOST_TEST(
                (verdict_of(torn, rig.meta(expected, true)) == log_verdict::clean_with_leftovers));
        }
    }
}

BOOST_FIXTURE_TEST_CASE(damage_before_an_acknowledged_batch_is_never_cut, ten) {
    for (std::size_t i = 0; i != 9; ++i) {
        const written_batch& batch = rig.batches[i];
        const std::uint64_t size = batch.end.position - batch.begin.position;
        for (const std::uint64_t place : {std::uint64_t{0}, std::uint64_t{9}, std::uint64_t{40},
                                          std::uint64_t{60}, std::uint64_t{64}, size - 12}) {
            BOOST_TEST_CONTEXT("batch " << i << ", byte " << place) {
                log_image damaged = image;
                flip(damaged, batch.path, batch.offset + place);
                BOOST_TEST(error_of(damaged, rig.meta()) == errc::log_corrupt);
                BOOST_TEST(error_of(damaged, rig.meta(i)) == errc::log_corrupt);
                BOOST_TEST(replay_count(damaged, rig.meta(i + 1)) == 9 - i);
            }
        }
    }
}

BOOST_FIXTURE_TEST_CASE(damage_in_any_header_of_a_segment_is_never_cut, ten) {
    const std::size_t segments = image.size();
    for (std::uint64_t sequence = 1; sequence <= segments; ++sequence) {
        for (std::uint64_t place = 0; place < sizeof(format::segment_header); place += 3) {
            BOOST_TEST_CONTEXT("segment " << sequence << ", byte " << place) {
                log_image damaged = image;
                flip(damaged, path(sequence), place);
                BOOST_TEST(error_of(damaged, rig.meta()) == errc::log_corrupt);
            }
        }
    }
}

BOOST_FIXTURE_TEST_CASE(dropped_swapped_and_repeated_batches_are_damage, ten) {
    // All of one segment, so that what is moved keeps its length.
    io::memory_file_system other;
    log_rig same(other, 1 << 20);
    for (std::size_t i = 0; i != 8; ++i) { same.add(400); }
    const log_image whole = image_of(other);
    const std::string only = same.batches[0].path;
    const auto size = static_cast<std::ptrdiff_t>(format::batch_bytes(400));
    const auto at = [&](log_image& from, std::size_t i) {
        return from.at(only).begin() + static_cast<std::ptrdiff_t>(same.batches[i].offset);
    };
    for (std::size_t i = 0; i != 6; ++i) {
        BOOST_TEST_CONTEXT("batch " << i) {
            log_image dropped = whole;
            std::move(at(dropped, i + 1), dropped.at(only).end(), at(dropped, i));
            BOOST_TEST(error_of(dropped, same.meta()) == errc::log_corrupt);
            log_image swapped = whole;
            std::swap_ranges(at(swapped, i), at(swapped, i) + size, at(swapped, i + 1));
            BOOST_TEST(error_of(swapped, same.meta()) == errc::log_corrupt);
            log_image repeated = whole;
            std::copy(at(repeated, i), at(repeated, i) + size, at(repeated, i + 1));
            BOOST_TEST(error_of(repeated, same.meta()) == errc::log_corrupt);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_transaction_out_of_turn_is_damage) {
    io::memory_file_system files;
    log_rig rig(files);
    rig.add(100);
    format::meta meta = rig.meta();
    ++meta.transaction;
    BOOST_TEST(code_of([&] { (void)replay_count(files, meta); }) == errc::log_corrupt);
}

// A batch with right checksums that follows another one than stands before it: nobody tears so.
BOOST_AUTO_TEST_CASE(a_batch_that_follows_another_is_damage) {
    io::memory_file_system files;
    log_rig rig(files);
    rig.add(100);
    const written_batch second = rig.add(100, false);
    log_image forged = image_of(files);
    format::batch_header header{};
    std::byte* place = forged.at(second.path).data() + second.offset;
    std::memcpy(&header, place, sizeof header);
    header.previous ^= 1;
    header.checksum = checksum_of(header, rig.log->id());
    std::memcpy(place, &header, sizeof header);
    BOOST_TEST(code_of([&] { (void)replay_count(forged, rig.meta()); }) == errc::log_corrupt);
}

// A recovery cut a torn tail, the next log began at the cut, and a crash kept the old segments.
BOOST_AUTO_TEST_CASE(the_remains_of_a_log_before_the_metas_are_nobodys) {
    io::memory_file_system files;
    log_rig torn(files);
    torn.add(100);
    const log_cut cut = torn.log->end();
    torn.add(100, false);
    torn.add(100, false);
    log_rig next(files, 16384, cut, torn.log->last_sequence());
    for (const bool clean : {false, true}) {
        BOOST_TEST_CONTEXT((clean ? "closed" : "open")) {
            log_reader reader = reader_of(files, next.meta(0, clean));
            BOOST_TEST(!reader.next());
            BOOST_TEST(reader.leftovers().size() == (clean ? 2u : 1u));
        }
    }
}

BOOST_FIXTURE_TEST_CASE(after_a_failure_a_reader_fails_for_ever, ten) {
    flip(image, rig.batches[2].path, rig.batches[2].offset + 70);
    const auto copy = files_of(image);
    log_reader reader = reader_of(*copy, rig.meta());
    BOOST_TEST((reader.next() && reader.next()));
    for (int i = 0; i != 3; ++i) {
        BOOST_TEST(code_of([&] { (void)reader.next(); }) == errc::log_corrupt);
    }
    BOOST_TEST(reader.transaction() == 102u);
}

BOOST_FIXTURE_TEST_CASE(a_reader_changes_nothing_and_asks_the_medium, ten) {
    simulated_disk disk(files);
    log_reader reader = reader_of(disk, rig.meta());
    reader.sync_trusted();
    BOOST_TEST(disk.operations(calls(disk_call::sync)) == image.size());
    BOOST_TEST(replay_count(reader, rig.meta()) == 10u);
    BOOST_TEST(disk.operations(calls(disk_call::read)) == 0u);
    BOOST_TEST(disk.operations(writing_calls | calls(disk_call::truncate, disk_call::remove,
                                                     disk_call::rename)) == 0u);
    BOOST_TEST((image_of(files) == image));
    // An error of the medium is itself, no end of the log.
    disk.plan({.at = 3, .on = calls(disk_call::read_medium)});
    BOOST_TEST(code_of([&] {
                   log_reader again = reader_of(disk, rig.meta());
                   (void)replay_count(again, rig.meta());
               }) == errc::io);
}

BOOST_AUTO_TEST_CASE(large_and_empty_batches_come_back) {
    io::memory_file_system files;
    log_rig rig(files, 0);
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{3} << 20,
          static_cast<std::size_t>(format::payload_bytes_max), std::size_t{0}}) {
        rig.add(size);
    }
    log_reader reader = reader_of(files, rig.meta());
    std::vector<std::size_t> sizes;
    while (const auto batch = reader.next()) { sizes.push_back(batch->payload.size()); }
    BOOST_TEST((sizes == std::vector<std::size_t>{0, 1, 3 << 20, format::payload_bytes_max, 0}));
}

// Lengths that lead outside, with right checksums: only a crafted file has them.
BOOST_AUTO_TEST_CASE(hostile_lengths_lead_nowhere) {
    io::memory_file_system files;
    log_rig rig(files);
    rig.add(100);
    const log_image whole = image_of(files);
    const written_batch& first = rig.batches[0];
    for (const std::uint64_t length :
         {std::uint64_t{16384}, format::payload_bytes_max, format::payload_bytes_max + 1,
          std::uint64_t{1} << 40, ~std::uint64_t{0}, ~std::uint64_t{0} - 63}) {
        BOOST_TEST_CONTEXT("length " << length) {
            log_image forged = whole;
            format::batch_header header{};
            std::byte* place = forged.at(first.path).data() + first.offset;
            std::memcpy(&header, place, sizeof header);
            header.length = length;
            header.checksum = checksum_of(header, rig.log->id());
            std::memcpy(place, &header, sizeof header);
            BOOST_TEST(replay_count(forged, rig.meta()) == 0u);
        }
    }
    for (const std::uint64_t position :
         {std::uint64_t{4}, std::uint64_t{1} << 63, ~std::uint64_t{0}, ~std::uint64_t{0} - 4000}) {
        BOOST_TEST_CONTEXT("position " << position) {
            format::meta meta = rig.meta();
            meta.log_position = position;
            BOOST_TEST(code_of([&] { (void)replay_count(whole, meta); }) == errc::log_mismatch);
        }
    }
}

// As many candidates for a header as fit, none of which may cost more than a look.
BOOST_AUTO_TEST_CASE(a_hostile_tail_of_64_mib_costs_little) {
    io::memory_file_system files;
    log_rig rig(files);
    rig.add(100);
    const std::string path = rig.batches[0].path;
    std::vector<std::byte> tail(std::size_t{64} << 20);
    for (std::size_t i = 0; i + 8 <= tail.size(); i += 8) {
        std::memcpy(tail.data() + i, &format::batch_magic, sizeof format::batch_magic);
    }
    // Each second one has a possible position and length, so that its checksum is computed.
    const std::uint64_t small = 4096;
    for (std::size_t i = 0; i + 64 <= tail.size(); i += 64) {
        std::memcpy(tail.data() + i + 8, &small, sizeof small);
        std::memcpy(tail.data() + i + 16, &small, sizeof small);
        std::memcpy(tail.data() + i + 32, &small, sizeof small);
    }
    const auto file = files.open(path, io::open_mode::read_write);
    file->write(rig.batches[0].offset + (rig.batches[0].end.position), tail);
    const std::clock_t begun = std::clock();
    BOOST_TEST(replay_count(files, rig.meta()) == 1u);
    const double seconds = static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC;
    BOOST_TEST(seconds < (slow_build ? 10.0 : 1.0));
    // A sparse file of a terabyte is looked at up to the size of the largest segment.
    file->truncate(std::uint64_t{1} << 40);
    BOOST_TEST(replay_count(files, rig.meta()) == 1u);
}

// A value may hold the bytes of a log, even of the very one it is written to.
BOOST_AUTO_TEST_CASE(a_copy_of_the_log_inside_a_torn_batch_proves_nothing) {
    io::memory_file_system files;
    log_rig rig(files, 1 << 20);
    for (std::size_t i = 0; i != 3; ++i) { rig.add(300); }
    std::vector<std::byte> inner = image_of(files).at(rig.batches[0].path);
    inner.resize(8192);
    const log_cut before = rig.log->end();
    (void)rig.log->append(104, 1, inner);
    log_image torn = image_of(files);
    flip(torn, rig.batches[0].path, block + before.position + 64 + 8000);
    BOOST_TEST(replay_count(torn, rig.meta()) == 3u);
}
