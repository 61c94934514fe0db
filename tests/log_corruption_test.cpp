// Damage to the log of a database that was not closed: every byte of it, cuts, batches and segments
// moved, lost, doubled and foreign, files of different moments, and crafted batches whose checksums
// are right. Opening shows the commits that lead up to the damage when nothing proves that more had
// been acknowledged, and fails otherwise; it never shows a commit without those before it, never
// crashes, and when it fails it has harmed nothing.
//
// What cannot be seen: the end of the log, cut off whole, with every byte that speaks of it.
//
// All padding and zeros too, and more crafted batches:
//     log_corruption_test -- --all --states 1000000
#define BOOST_TEST_MODULE log_corruption
#include <boost/test/unit_test.hpp>
#include <random>

#include "pinyon/engine/operation.hpp"
#include "support/damaged_log.hpp"
#include "support/long_run.hpp"

namespace {

using namespace pinyon;
using namespace pinyon::test;

const std::string& path = stopped_path;

[[nodiscard]] std::string place(const stopped& of, const std::string& name, std::uint64_t at) {
    return of.name + ", " + name + " at " + std::to_string(at);
}

struct tally {
    damage_judge judge;
    std::uint64_t violations = 0;

    void count(const saved_files& files, const rule& expected, const std::string& what) {
        const std::string wrong = judge.judge(files, expected);
        if (wrong.empty()) { return; }
        ++violations;
        if (violations <= 10) { std::cout << "T10 VIOLATION: " << what << ": " << wrong << '\n'; }
    }
    void report(const char* what, std::uint64_t seed) const {
        std::cout << "T10: " << judge.judged << " damaged logs (" << what << ", " << judge.refused
                  << " refused), seed " << seed << ", " << violations << " violations" << std::endl;
        BOOST_TEST(violations == 0U);
        BOOST_TEST(judge.judged > 0U);
    }
};

// Does `body` to each of the databases that were stopped, and reports what it counted as `what`.
template <class Body>
void damage_each(const char* what, Body&& body) {
    const long_run run = long_run_of(0);
    tally count;
    for (const stopped& each : make_stopped(run.seed)) { body(each, damage_oracle(each), count); }
    count.report(what, run.seed);
}

BOOST_AUTO_TEST_CASE(the_sound_logs_are_read) {
    const long_run run = long_run_of(0);
    for (const stopped& each : make_stopped(run.seed)) {
        BOOST_TEST_CONTEXT(each.name) {
            const damage_oracle oracle(each);
            BOOST_TEST(oracle.log().batches.size() > 10U);
            BOOST_TEST(oracle.log().segments.size() > 1U);
            const rule expected = oracle.of_changes(each.files);
            BOOST_TEST(!expected.may_refuse);
            BOOST_TEST(expected.shown.front() == each.history.back().content);
            BOOST_TEST(damage_judge().judge(each.files, expected) == "");
        }
    }
}

// Bytes that nobody reads are taken at random distances, unless all are wanted.
void damage_bytes(const stopped& sound, bool all, std::mt19937_64& random, tally& count) {
    const damage_oracle oracle(sound);
    saved_files damaged = sound.files;
    for (const logged_segment& segment : oracle.log().segments) {
        const saved_file& original = sound.files.at(segment.path);
        saved_file& file = damaged[segment.path];
        for (std::uint64_t at = 0; at < original.size; ++at) {
            const bool is_padding = at >= sizeof segment.header && original.at(at) == std::byte{0};
            if (!all && is_padding && random() % 16 != 0) { continue; }
            const auto flipped =
                original.at(at) ^ std::byte{static_cast<std::uint8_t>(1U << (random() % 8))};
            for (const std::byte value : {flipped, std::byte{0}, std::byte{0xff}}) {
                if (value == original.at(at) || (slow_build && random() % 8 != 0)) { continue; }
                file.set(at, value);
                count.count(damaged, oracle.of_changes(damaged), place(sound, segment.path, at));
                file.set(at, original.at(at));
            }
        }
        file = original;
    }
}

BOOST_AUTO_TEST_CASE(every_byte) {
    const long_run run = long_run_of(0);
    std::mt19937_64 random(run.seed);
    tally count;
    for (const stopped& each : make_stopped(run.seed)) {
        damage_bytes(each, all_wanted(), random, count);
    }
    BOOST_TEST(count.judge.refused > 0U);
    count.report("bytes", run.seed);
}

BOOST_AUTO_TEST_CASE(cuts) {
    damage_each("cuts", [](const stopped& each, const damage_oracle& oracle, tally& count) {
        for (const logged_segment& segment : oracle.log().segments) {
            const std::uint64_t step = all_wanted() ? 1 : 16;
            for (std::uint64_t size = 0; size < each.files.at(segment.path).size; size += step) {
                saved_files damaged = each.files;
                damaged[segment.path].cut(size);
                rule expected = oracle.of_changes(damaged);
                count.count(damaged, expected, place(each, segment.path, size) + ", cut");
            }
        }
    });
}

BOOST_AUTO_TEST_CASE(segments_that_are_gone) {
    damage_each("segments gone", [](const stopped& each, const damage_oracle& oracle,
                                    tally& count) {
        const auto& segments = oracle.log().segments;
        for (unsigned kept = 0; kept + 1 < 1U << segments.size(); ++kept) {
            saved_files damaged = each.files;
            std::string names;
            for (std::size_t i = 0; i != segments.size(); ++i) {
                if ((kept >> i & 1) == 0) {
                    damaged.erase(segments[i].path);
                    names += " " + segments[i].path;
                }
            }
            count.count(damaged, oracle.of_changes(damaged), each.name + ", without" + names);
        }
        // The option that goes on without a log shows the last checkpoint.
        saved_files alone{{path, each.files.at(path)}};
        restored_disk disk;
        BOOST_CHECK_EXCEPTION(
            (void)database::open(path, how_to_open(disk.load(alone))), error,
            [](const error& failure) { return failure.kind() == errc::log_missing; });
        options without = how_to_open(disk.load(alone));
        without.missing_log = missing_log::open_without;
        const database db = database::open(path, without);
        BOOST_TEST(digest_of(db.begin_read()) == oracle.content_at(oracle.log().meta.log_position));
    });
}

using batch_list = std::vector<logged_batch>;

void copy_bytes(saved_files& files, const forged_log& log, const logged_batch& from,
                std::size_t segment, std::uint64_t to) {
    std::vector<std::byte> bytes(sizeof from.header);
    std::memcpy(bytes.data(), &from.header, sizeof from.header);
    bytes.insert(bytes.end(), from.payload.begin(), from.payload.end());
    bytes.resize(format::batch_bytes(from.payload.size()));
    saved_file& file = files[log.segments[segment].path];
    if (to + bytes.size() <= file.size) { file.put(to, bytes.data(), bytes.size()); }
}

// Whole batches at the place of others, as they are. What then stands in front of the first
// difference is shown when nothing else is proven.
BOOST_AUTO_TEST_CASE(batches_misplaced) {
    damage_each(
        "batches misplaced", [](const stopped& each, const damage_oracle& oracle, tally& count) {
            const batch_list& batches = oracle.log().batches;
            for (std::size_t i = oracle.log().first_needed(); i != batches.size(); ++i) {
                for (std::size_t j = oracle.log().first_needed(); j != batches.size(); ++j) {
                    if (i == j) { continue; }
                    saved_files damaged = each.files;
                    copy_bytes(damaged, oracle.log(), batches[j], batches[i].segment,
                               batches[i].offset);
                    const bool swap = i < j;
                    if (swap) {
                        copy_bytes(damaged, oracle.log(), batches[i], batches[j].segment,
                                   batches[j].offset);
                    }
                    rule expected = oracle.of_changes(damaged);
                    // A header that moved still says what was durable.
                    expected.may_refuse = true;
                    count.count(damaged, expected,
                                each.name + ", batch " + std::to_string(j) + " over " +
                                    std::to_string(i) + (swap ? ", swapped" : ""));
                }
            }
        });
}

// Batches dropped, doubled and swapped, and the chain made right: the numbers of the transactions
// give it away.
BOOST_AUTO_TEST_CASE(batches_chained_anew) {
    damage_each("batches chained anew",
                [](const stopped& each, const damage_oracle& oracle, tally& count) {
                    const std::size_t first = oracle.log().first_needed();
                    const std::size_t last = oracle.log().batches.size() - 1;
                    for (std::size_t i = first; i <= last; ++i) {
                        for (const char* what : {"dropped", "doubled", "swapped"}) {
                            forged_log log(each.files, path);
                            const auto at = log.batches.begin() + static_cast<std::ptrdiff_t>(i);
                            const std::string_view kind = what;
                            rule expected;
                            if (kind == "dropped") {
                                // Without its last batch a log is another, sound one.
                                if (i == last) {
                                    expected.shown = {oracle.content_at(at->header.position)};
                                }
                                log.batches.erase(at);
                            } else if (kind == "doubled") {
                                log.batches.insert(at, *at);
                            } else if (i != last) {
                                std::swap(at->header, (at + 1)->header);
                                std::swap(at->payload, (at + 1)->payload);
                            } else {
                                continue;
                            }
                            saved_files damaged = each.files;
                            log.write(damaged);
                            count.count(damaged, expected,
                                        each.name + ", batch " + std::to_string(i) + " " + what);
                        }
                    }
                });
}

// Logs of another database, of another life of this one, and under wrong names.
BOOST_AUTO_TEST_CASE(foreign_segments) {
    const long_run run = long_run_of(0);
    tally count;
    const std::vector<stopped> all = make_stopped(run.seed);
    for (const stopped& each : all) {
        for (const stopped& other : all) {
            if (&each == &other) { continue; }
            const forged_log log(other.files, path);
            for (const logged_segment& segment : log.segments) {
                saved_files damaged = each.files;
                damaged[segment.path] = other.files.at(segment.path);
                count.count(damaged, {}, each.name + ", of another database " + segment.path);
                damaged = each.files;
                damaged[segment_name(path, 77)] = other.files.at(segment.path);
                count.count(damaged, {}, each.name + ", of another database, new name");
            }
        }
        const forged_log log(each.files, path);
        for (const logged_segment& segment : log.segments) {
            saved_files damaged = each.files;
            damaged[segment_name(path, 77)] = each.files.at(segment.path);
            count.count(damaged, {}, each.name + ", copied to another name");
            damaged.erase(segment.path);
            count.count(damaged, {}, each.name + ", renamed");
        }
    }
    count.report("foreign segments", run.seed);
}

BOOST_AUTO_TEST_CASE(two_lives_of_one_file) {
    const long_run run = long_run_of(0);
    tally count;
    for (std::uint64_t seed = run.seed; seed != run.seed + 8; ++seed) {
        history_maker beginning(seed);
        beginning.commits(5);
        beginning.close();
        const stopped common = beginning.stop("closed");
        history_maker one(seed + 1000, common);
        one.commits(static_cast<unsigned>(3 + seed % 40));
        const stopped first = one.stop("one life");
        history_maker two(seed + 2000, common);
        two.commits(static_cast<unsigned>(1 + seed % 50));
        const stopped second = two.stop("another life");
        for (const auto& entry : second.files) {
            if (entry.first == path) { continue; }
            saved_files damaged = first.files;
            damaged[entry.first] = entry.second;
            count.count(damaged, {}, "a segment of another life, " + entry.first);
        }
        saved_files mixed = second.files;
        mixed[path] = first.files.at(path);
        count.count(mixed, {}, "the log of another life");
        mixed = second.files;
        mixed[path] = common.files.at(path);
        count.count(mixed, {}, "a closed file beside a log that was begun after it");
    }
    count.report("two lives", run.seed);
}

// Data file and log of different moments of one run.
BOOST_AUTO_TEST_CASE(two_moments_of_one_run) {
    const long_run run = long_run_of(0);
    tally count;
    for (std::uint64_t seed = run.seed; seed != run.seed + 4; ++seed) {
        history_maker maker(seed);
        std::vector<stopped> moments;
        std::mt19937_64 random(seed);
        for (unsigned i = 0; i != 12; ++i) {
            maker.commits(1 + static_cast<unsigned>(random() % 12));
            if (random() % 3 == 0) { maker.checkpoint(); }
            if (random() % 5 == 0) { maker.reopen(); }
            moments.push_back(maker.stop("a moment"));
        }
        maker.close();
        moments.push_back(maker.stop("closed"));
        for (std::size_t d = 0; d != moments.size(); ++d) {
            for (std::size_t l = 0; l != moments.size(); ++l) {
                saved_files mixed = moments[l].files;
                mixed[path] = moments[d].files.at(path);
                // All commits of the log, or nothing. A file may have reached farther than a log
                // that is older, and a closed one needs none.
                const format::meta meta = newest_meta(moments[d].files.at(path));
                const moment& last = moments[l].history.back();
                rule expected;
                expected.may_refuse = d != l;
                if ((meta.flags & format::meta_flag_clean) != 0) {
                    expected.shown = {moments[d].history.back().content};
                } else if (last.position >= meta.log_position) {
                    expected.shown = {last.content};
                }
                count.count(mixed, expected,
                            "the file of moment " + std::to_string(d) + ", the log of " +
                                std::to_string(l));
            }
        }
    }
    count.report("two moments", run.seed);
}

// --- forgeries -----------------------------------------------------------------------------------

[[nodiscard]] std::uint64_t hostile(std::mt19937_64& random) {
    static constexpr std::uint64_t values[] = {
        0,          1,          7,          8,        63,    64,        4095,       4096,
        0x7fffffff, 0x80000000, 0xffffffff, 16 << 20, ~0ULL, ~0ULL - 7, 1ULL << 63, 1ULL << 61};
    return random() % 4 == 0 ? random() : values[random() % std::size(values)];
}

void change_payload(std::vector<std::byte>& payload, std::mt19937_64& random) {
    const auto any = [&] { return static_cast<std::byte>(random() & 0xff); };
    switch (random() % 6) {
        case 0:
            payload.resize(random() % (2 * payload.size() + 1), any());
            return;
        case 1:
            payload.clear();
            for (std::size_t i = random() % 200; i != 0; --i) { payload.push_back(any()); }
            return;
        default:
            break;
    }
    for (std::size_t times = 1 + random() % 4; times != 0 && !payload.empty(); --times) {
        std::byte& victim = payload[random() % payload.size()];
        // Kinds, small numbers and the bytes of long varints more often than others.
        constexpr std::byte likely[] = {
            std::byte{0}, std::byte{1}, std::byte{2},    std::byte{3},    std::byte{4},
            std::byte{5}, std::byte{6}, std::byte{0x7f}, std::byte{0x80}, std::byte{0xff}};
        victim = random() % 3 == 0 ? any() : likely[random() % std::size(likely)];
        if (random() % 4 == 0) {
            payload.insert(payload.begin() + static_cast<std::ptrdiff_t>(random() % payload.size()),
                           any());
        }
    }
}

// A put, erase, create and so on, of things that are not there, or too large, or at odds.
void add_crafted(std::vector<std::byte>& payload, std::uint32_t& operations,
                 std::mt19937_64& random) {
    operation_buffer buffer;
    const auto tree =
        static_cast<std::uint32_t>(random() % 3 == 0 ? hostile(random) : random() % 6);
    const std::string key(random() % 3 == 0 ? random() % 5000 : 8, 'k');
    const std::string value(random() % 3 == 0 ? random() % 20000 : 24, 'v');
    format::catalog_record record{};
    record.tree = tree;
    record.key_bytes = static_cast<std::uint32_t>(hostile(random));
    record.value_bytes = static_cast<std::uint32_t>(hostile(random));
    record.value_alignment = static_cast<decltype(record.value_alignment)>(hostile(random));
    record.minimum_degree = static_cast<decltype(record.minimum_degree)>(hostile(random));
    record.layout = static_cast<decltype(record.layout)>(random() % 3);
    switch (random() % 6) {
        case 0:
            buffer.put(tree, as_bytes(key), as_bytes(value));
            break;
        case 1:
            buffer.erase(tree, as_bytes(key));
            break;
        case 2:
            buffer.erase_range(tree, as_bytes(key), as_bytes(value));
            break;
        case 3:
            buffer.create_tree(std::string(random() % 2000, 'n'), record);
            break;
        case 4:
            buffer.drop_tree(tree);
            break;
        default:
            buffer.rename_tree(tree, std::string(random() % 2000, 'n'));
    }
    payload.insert(payload.end(), buffer.payload().begin(), buffer.payload().end());
    operations += buffer.count();
}

void forge_header(format::batch_header& header, std::mt19937_64& random) {
    switch (random() % 5) {
        case 0:
            header.operations = static_cast<std::uint32_t>(hostile(random));
            break;
        case 1:
            header.length = hostile(random);
            break;
        case 2:
            header.transaction =
                random() % 2 == 0 ? header.transaction + random() % 3 - 1 : hostile(random);
            break;
        case 3:
            header.durable = hostile(random);
            break;
        default:
            header.position = hostile(random);
    }
}

// One batch is crafted; checksums and chain are right.
void forge_batch(const stopped& sound, std::mt19937_64& random, saved_files& damaged) {
    forged_log log(sound.files, path);
    const std::size_t first = log.first_needed();
    logged_batch& victim = log.batches[first + random() % (log.batches.size() - first)];
    bool lengths_as_stated = false;
    switch (random() % 4) {
        case 0:
            lengths_as_stated = true;
            forge_header(victim.header, random);
            break;
        case 1:
            add_crafted(victim.payload, victim.header.operations, random);
            break;
        default:
            change_payload(victim.payload, random);
            if (random() % 4 == 0) { forge_header(victim.header, random); }
    }
    log.write(damaged, lengths_as_stated);
}

// A header of a batch or of a segment is crafted where it stands; nothing is chained to it.
void forge_in_place(const stopped& sound, std::mt19937_64& random, saved_files& damaged) {
    const forged_log log(sound.files, path);
    if (random() % 2 == 0) {
        logged_batch victim = log.batches[random() % log.batches.size()];
        forge_header(victim.header, random);
        const logged_segment& segment = log.segments[victim.segment];
        victim.header.checksum = checksum_of(victim.header, segment.header.log_id);
        damaged[segment.path].put(victim.offset, &victim.header, sizeof victim.header);
        return;
    }
    const logged_segment& segment = log.segments[random() % log.segments.size()];
    format::segment_header header = segment.header;
    std::uint64_t* const fields[] = {
        &header.log_id, &header.sequence,          &header.position,    &header.previous_end,
        &header.chain,  &header.previous_sequence, &header.reserved1[0]};
    const std::size_t field = random() % (std::size(fields) + 1);
    if (field == std::size(fields)) {
        header.version = static_cast<std::uint32_t>(hostile(random));
    } else {
        *fields[field] = hostile(random);
        if (random() % 2 == 0) { header.previous_end = header.position; }
    }
    header.checksum = checksum_of(header);
    damaged[segment.path].put(0, &header, sizeof header);
}

BOOST_AUTO_TEST_CASE(forgeries) {
    const long_run run = long_run_of(slow_build ? 2'000 : 20'000);
    const std::vector<stopped> all = make_stopped(run.seed);
    std::mt19937_64 random(run.seed);
    tally count;
    rule expected;
    expected.anything = true;
    for (std::uint64_t i = 0; i != run.states; ++i) {
        const stopped& each = all[i % all.size()];
        saved_files damaged = each.files;
        if (random() % 3 == 0) {
            forge_in_place(each, random, damaged);
        } else {
            forge_batch(each, random, damaged);
        }
        count.count(damaged, expected, each.name + ", forgery " + std::to_string(i));
    }
    count.report("forgeries", run.seed);
}

}  // namespace
