#define BOOST_TEST_MODULE check
#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "pinyon/mmap/memory_file.hpp"
#include "support/check_rig.hpp"
#include "support/errors.hpp"
#include "support/simulated_disk.hpp"
#include "support/temporary_directory.hpp"
#include "support/whole_file.hpp"

namespace {

using namespace pinyon;
using namespace pinyon::test;

// --- sound files ---------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(a_sound_file_has_no_findings_and_every_page_has_one_place) {
    for (const std::uint32_t page_bytes : {4096u, 8192u, 16384u, 32768u}) {
        BOOST_TEST_CONTEXT("page size " << page_bytes) {
            io::memory_file_system files;
            make_sample(files, "sample", page_bytes);
            check_options options;
            options.root_descend = true;
            const outcome found = run(files, "sample", options);
            require_sound(found);
            BOOST_TEST(found.summary.page_bytes == page_bytes);
            BOOST_TEST(found.summary.metas[0].valid);
            BOOST_TEST(found.summary.metas[1].valid);
            BOOST_TEST(found.summary.transaction == 4u);
            BOOST_TEST(found.summary.free_pages > 0u);
        }
    }
}

// The children of a node are asked for before the first is read.
BOOST_AUTO_TEST_CASE(children_are_read_ahead) {
    io::memory_file_system files;
    make_sample(files, "sample");
    simulated_disk disk(files);
    std::set<std::uint64_t> children;
    check_options options;
    options.on_page = [&children](const page_fact& fact) {
        const bool is_node = fact.use == page_use::leaf || fact.use == page_use::inner;
        if (is_node && fact.parent) { children.insert(fact.pages.first); }
    };
    require_sound(run(disk, "sample", options));
    BOOST_TEST(children.size() > 20u);
    std::set<std::uint64_t> asked;
    std::size_t seen = 0;
    for (const disk_event& event : disk.trace()) {
        for (std::uint64_t page = event.offset / 4096; page < (event.offset + event.size) / 4096;
             ++page) {
            if (event.call == disk_call::will_need) { asked.insert(page); }
            if (event.call != disk_call::read || children.count(page) == 0) { continue; }
            ++seen;
            BOOST_TEST(asked.count(page) == 1u, "page " << page << " was read unasked");
        }
    }
    BOOST_TEST(seen == children.size());
}

BOOST_AUTO_TEST_CASE(the_figures_are_those_of_the_trees) {
    io::memory_file_system files;
    make_sample(files, "sample");
    const outcome found = run(files, "sample");
    BOOST_TEST(found.summary.trees.size() == 3u);
    BOOST_TEST(found.summary.catalog.entries == 3u);

    const tree_summary& fixed = tree_of(found, "numbers");
    BOOST_TEST(fixed.entries == number_entries + 1u);
    BOOST_TEST(fixed.key_bytes == 8 * fixed.entries);
    BOOST_TEST(fixed.value_bytes == 8 * fixed.entries);
    BOOST_TEST(fixed.key_sizes[4] == fixed.entries);
    BOOST_TEST(fixed.levels == 2u);
    BOOST_TEST(fixed.inners == 1u);
    BOOST_TEST(fixed.children == fixed.leaves);
    BOOST_TEST(fixed.leaf_used_bytes == 16 * fixed.entries);
    BOOST_TEST(fixed.extents == 0u);
    std::uint64_t filled = 0;
    for (const std::uint64_t leaves : fixed.leaf_fill) { filled += leaves; }
    BOOST_TEST(filled == fixed.leaves);

    const tree_summary& narrow = tree_of(found, "degrees");
    BOOST_TEST(narrow.entries == 200u);
    BOOST_TEST(narrow.levels >= 3u);
    BOOST_TEST(narrow.children_max <= 8u);
    BOOST_TEST(narrow.children_min >= 4u);

    const tree_summary& text = tree_of(found, "texts");
    BOOST_TEST(text.entries == text_entries + 1u);
    BOOST_TEST(text.extents == 1u);
    BOOST_TEST(text.extent_bytes == 20'000u);
    BOOST_TEST(text.extent_pages == extent_pages(20'000, 4096));
    BOOST_TEST(text.value_bytes_max == 20'000u);
    BOOST_TEST(text.key_bytes_max == 8u);
}

BOOST_AUTO_TEST_CASE(an_empty_database_is_sound) {
    io::memory_file_system files;
    database::open("empty", in(files)).close();
    const outcome found = run(files, "empty");
    require_sound(found);
    BOOST_TEST(found.summary.trees.empty());
    BOOST_TEST(found.summary.page_count == 3u);
}

BOOST_AUTO_TEST_CASE(a_value_of_several_runs_is_walked) {
    io::memory_file_system files;
    database db = database::open("long", in(files));
    const std::uint64_t length = run_bytes_max + 5000;
    db.update([&](write_transaction& tx) {
        auto writer = tx.open(texts).put_stream("long", length);
        const std::string chunk = large_value(1 << 20);
        for (std::uint64_t done = 0; done < length; done += chunk.size()) {
            writer.write(as_bytes(std::string_view(chunk).substr(0, length - done)));
        }
        writer.finish();
    });
    db.close();
    const outcome found = run(files, "long");
    require_sound(found);
    BOOST_TEST(found.summary.trees.at(0).extent_bytes == length);

    // The second piece's last data page.
    forged_file file(files, "long");
    const node_schema schema = file.schema("texts");
    const slotted_node leaf(file.page(file.record("texts").root.page), schema);
    auto list = load<format::extent_reference>(leaf.value(0).data());
    const auto second = load<format::extent_reference>(file.page(list.first) + sizeof list);
    file.page(second.first + 1)[904] ^= std::byte{1};
    file.save();
    const outcome damaged = run(files, "long");
    BOOST_TEST(damaged.has(finding_kind::extent_checksum, second.first + 1), damaged.text());
    BOOST_TEST(damaged.findings.size() == 1u);
}

// --- what cannot be checked ----------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(what_cannot_be_checked_is_an_error_of_its_own) {
    const temporary_directory folder;
    const std::string path = folder / "file";
    const auto attempt = [](const std::string& name) {
        return code_of([&] { (void)check(name, {}, [](const finding&) {}); });
    };
    BOOST_TEST(attempt(path) == errc::not_found);
    BOOST_TEST(attempt(folder.path()) == errc::is_directory);
    write_file(path, {});
    BOOST_TEST(attempt(path) == errc::not_a_database);
    write_file(path, std::string(10'000, 'x'));
    BOOST_TEST(attempt(path) == errc::not_a_database);

    make_sample(io::posix_file_system(), folder / "sample");
    std::string newer = read_file(folder / "sample");
    newer[8] = newer[4096 + 8] = static_cast<char>(format::version + 1);
    write_file(path, newer);
    BOOST_TEST(attempt(path) == errc::version);
    std::string broken = read_file(folder / "sample");
    broken[60] = broken[4096 + 60] = 99;
    write_file(path, broken);
    BOOST_TEST(attempt(path) == errc::corrupt);
}

BOOST_AUTO_TEST_CASE(checking_changes_and_creates_nothing) {
    const temporary_directory folder;
    make_sample(io::posix_file_system(), folder / "sample");
    std::filesystem::permissions(folder / "sample", std::filesystem::perms::owner_read);
    const std::string before = read_file(folder / "sample");
    const outcome found = run(io::posix_file_system(), folder / "sample");
    require_sound(found);
    BOOST_TEST((read_file(folder / "sample") == before));
    std::size_t names = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        names += entry.path().empty() ? 0 : 1;
    }
    BOOST_TEST(names == 1u);
}

BOOST_AUTO_TEST_CASE(a_check_stops_when_it_is_told_to) {
    io::memory_file_system files;
    make_sample(files, "sample");
    forged_file file(files, "sample");
    for (unsigned child = 0; child < 4; ++child) {
        file.page(*leaf_of(file, "numbers", child))[9] ^= std::byte{1};
    }
    file.save();
    BOOST_TEST(run(files, "sample").findings.size() == 4u);
    check_options options;
    options.max_errors = 3;
    const outcome found = run(files, "sample", options);
    BOOST_TEST(found.findings.size() == 3u);
    BOOST_TEST(!found.summary.complete);

    // Enough pages for several reports of progress.
    database db = database::open("large", in(files));
    db.update([](write_transaction& tx) { tx.open(texts).put("large", large_value(8'000'000)); });
    db.close();
    std::vector<std::uint64_t> told;
    check_options plain;
    plain.files = &files;
    const auto ignore = [](const finding&) {};
    const check_summary whole = check("large", plain, ignore, [&](const check_progress& at) {
        BOOST_TEST(at.pages_done <= at.pages_total);
        told.push_back(at.pages_done);
        return true;
    });
    BOOST_TEST(whole.complete);
    BOOST_TEST(told.size() >= 4u);
    BOOST_TEST(std::is_sorted(told.begin(), told.end()));
    BOOST_TEST(told.back() == whole.page_count);
    const check_summary part =
        check("large", plain, ignore, [](const check_progress&) { return false; });
    BOOST_TEST(!part.complete);
    BOOST_TEST(part.findings() == 0u);
}

BOOST_AUTO_TEST_CASE(a_checkpoint_meanwhile_is_noticed) {
    io::memory_file_system files;
    make_sample(files, "sample");
    database db = database::open("sample", in(files));
    bool changed = false;
    check_options options;
    options.files = &files;
    const check_summary summary = check(
        "sample", options, [](const finding&) {},
        [&](const check_progress&) {
            if (!changed) {
                db.update([](write_transaction& tx) { tx.open(numbers).put(5, 5); });
            }
            changed = true;
            return true;
        });
    BOOST_TEST(changed);
    BOOST_TEST(summary.moved_on);
    BOOST_TEST(!summary.complete);
}

BOOST_AUTO_TEST_CASE(every_kind_has_a_word_of_its_own) {
    std::set<std::string> words;
    const auto last = static_cast<unsigned>(finding_kind::log_corrupt);
    for (unsigned kind = 0; kind <= last; ++kind) {
        words.insert(name(static_cast<finding_kind>(kind)));
    }
    BOOST_TEST(words.size() == last + 1);
    BOOST_TEST(words.count("unknown") == 0u);
}

}  // namespace
