#define BOOST_TEST_MODULE page_fact
#include <boost/test/unit_test.hpp>

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "pinyon/mmap/memory_file.hpp"
#include "support/check_rig.hpp"

namespace {

using namespace pinyon;
using namespace pinyon::test;

// A fact with copies of what is valid only during the call.
struct kept_fact {
    page_fact fact;
    std::string tree;
    std::optional<std::string> lower;
    std::optional<std::string> upper;
    std::vector<std::uint64_t> children;  // of an inner node that can be walked
    unsigned count = 0;                   // that its content states
};

std::optional<std::string> copied(const std::optional<bytes>& fence) {
    if (!fence) { return std::nullopt; }
    return std::string(as_text(*fence));
}

struct survey {
    check_summary summary;
    std::vector<finding> findings;
    std::vector<kept_fact> facts;

    [[nodiscard]] const kept_fact& at(std::uint64_t page) const {
        for (const kept_fact& each : facts) {
            if (page - each.fact.pages.first < each.fact.pages.count) { return each; }
        }
        throw std::runtime_error("no fact tells of page " + std::to_string(page));
    }
    [[nodiscard]] std::uint64_t pages(page_use use) const {
        std::uint64_t sum = 0;
        for (const kept_fact& each : facts) {
            if (each.fact.use == use) { sum += each.fact.pages.count; }
        }
        return sum;
    }
    [[nodiscard]] std::uint64_t unsound_pages() const {
        std::uint64_t sum = 0;
        for (const kept_fact& each : facts) {
            if (!each.fact.sound) { sum += each.fact.pages.count; }
        }
        return sum;
    }
};

kept_fact keep(const page_fact& fact) {
    kept_fact kept{
        fact, std::string(fact.tree_name), copied(fact.fences.lower), copied(fact.fences.upper), {},
        0};
    const auto look = [&](const auto& node) {
        kept.count = node.count();
        for (unsigned i = 0; i < node.count() && fact.level != 0; ++i) {
            kept.children.push_back(node.child(i).page);
        }
        key_buffer room;
        BOOST_TEST(header_of(fact.content).checksum == fact.checksum);
        BOOST_TEST(node.has_lower_fence() == kept.lower.has_value());
        if (kept.lower && fact.sound) {
            BOOST_TEST(as_text(node.lower_fence(room)) == *kept.lower);
        }
    };
    if (fact.content != nullptr) {
        if (fact.schema->layout == format::node_layout::fixed) {
            look(fixed_node(fact.content, *fact.schema));
        } else {
            look(slotted_node(fact.content, *fact.schema));
        }
    }
    return kept;
}

survey run_survey(io::file_system& files, const std::string& path) {
    survey result;
    check_options options;
    options.files = &files;
    options.max_errors = 0;
    options.on_page = [&](const page_fact& fact) { result.facts.push_back(keep(fact)); };
    result.summary =
        check(path, options, [&](const finding& found) { result.findings.push_back(found); });
    return result;
}

// Every page of the file is told of once.
void require_cover(const survey& told) {
    std::map<std::uint64_t, std::uint64_t> runs;
    std::uint64_t sum = 0;
    for (const kept_fact& each : told.facts) {
        BOOST_TEST(each.fact.pages.count > 0u);
        BOOST_TEST(runs.emplace(each.fact.pages.first, each.fact.pages.count).second);
        sum += each.fact.pages.count;
    }
    std::uint64_t next = 0;
    for (const auto& [first, count] : runs) {
        BOOST_TEST(first == next);
        next = first + count;
    }
    BOOST_TEST(next == told.summary.page_count);
    BOOST_TEST(sum == told.summary.page_count);
}

void require_counts(const survey& told) {
    const check_summary& summary = told.summary;
    BOOST_TEST(told.pages(page_use::meta) == summary.meta_pages);
    BOOST_TEST(told.pages(page_use::leaf) + told.pages(page_use::inner) == summary.tree_pages);
    BOOST_TEST(told.pages(page_use::extent_data) + told.pages(page_use::extent_sums) ==
               summary.extent_pages);
    BOOST_TEST(told.pages(page_use::image) == summary.image_pages);
    BOOST_TEST(told.pages(page_use::free) == summary.free_pages);
    BOOST_TEST(told.pages(page_use::pending) == summary.pending_pages);
    BOOST_TEST(told.pages(page_use::lost) == summary.lost_pages);
    BOOST_TEST(told.pages(page_use::missing) == 0u);
}

// Parents come first, name their children, and have them in order.
void require_trees(const survey& told) {
    std::map<std::uint64_t, std::vector<std::uint64_t>> named;
    std::map<std::uint64_t, std::vector<std::uint64_t>> told_below;
    for (const kept_fact& each : told.facts) {
        const page_fact& fact = each.fact;
        if (fact.use != page_use::leaf && fact.use != page_use::inner) { continue; }
        BOOST_TEST(fact.tree.has_value());
        const tree_summary& tree = *fact.tree == page_fact::catalog
                                       ? told.summary.catalog
                                       : told.summary.trees.at(*fact.tree);
        BOOST_TEST(tree.name == each.tree);
        BOOST_TEST((fact.use == page_use::leaf) == (fact.level == 0));
        named[fact.pages.first] = each.children;
        BOOST_TEST(each.count == fact.items);
        BOOST_TEST(fact.used_bytes <= fact.capacity_bytes);
        BOOST_TEST(fact.born > 0u);
        if (fact.parent) {
            BOOST_TEST(named.count(*fact.parent) == 1u);
            told_below[*fact.parent].push_back(fact.pages.first);
        } else {
            BOOST_TEST(fact.level + 1 == tree.levels);
            BOOST_TEST(fact.entries == tree.entries);
            BOOST_TEST(!each.lower.has_value());
            BOOST_TEST(!each.upper.has_value());
        }
    }
    for (const auto& [page, children] : named) { BOOST_TEST(children == told_below[page]); }
}

BOOST_AUTO_TEST_CASE(every_page_of_a_sound_file_is_told_of_once) {
    for (const std::uint32_t page_bytes : {4096u, 8192u, 16384u, 32768u}) {
        BOOST_TEST_CONTEXT("page size " << page_bytes) {
            io::memory_file_system files;
            make_sample(files, "sample", page_bytes);
            const survey told = run_survey(files, "sample");
            BOOST_TEST(told.findings.empty());
            BOOST_TEST(told.unsound_pages() == 0u);
            require_cover(told);
            require_counts(told);
            require_trees(told);
            BOOST_TEST(told.pages(page_use::free) > 0u);
            BOOST_TEST(told.pages(page_use::extent_sums) > 0u);
            BOOST_TEST(told.at(0).fact.born == told.summary.metas[0].meta.transaction);
        }
    }
}

BOOST_AUTO_TEST_CASE(pending_pages_are_told_with_their_lives) {
    io::memory_file_system files;
    make_sample(files, "sample");
    database db = database::open("sample", in(files));
    for (std::uint64_t i = 0; i < 3; ++i) {
        db.update([i](write_transaction& tx) { tx.open(numbers).put(i, i); },
                  durability::checkpoint);
    }
    const survey told = run_survey(files, "sample");
    BOOST_TEST(told.findings.empty());
    require_cover(told);
    require_counts(told);
    BOOST_TEST(told.pages(page_use::pending) > 0u);
    for (const kept_fact& each : told.facts) {
        if (each.fact.use != page_use::pending) { continue; }
        BOOST_TEST(each.fact.born < each.fact.retired);
        BOOST_TEST(each.fact.retired <= told.summary.transaction);
    }
}

BOOST_AUTO_TEST_CASE(a_large_value_is_told_by_its_leaf_and_its_pages_by_their_state) {
    io::memory_file_system files;
    make_sample(files, "sample");
    const survey before = run_survey(files, "sample");
    std::uint64_t first = 0;
    for (const kept_fact& each : before.facts) {
        if (each.fact.use != page_use::extent_data) { continue; }
        first = each.fact.pages.first;
        BOOST_TEST(each.fact.pages.count == 5u);
        BOOST_TEST(each.fact.used_bytes == 20'000u);
        BOOST_TEST(each.tree == "texts");
        BOOST_TEST(before.at(*each.fact.parent).fact.level == 0u);
        BOOST_TEST(before.at(*each.fact.parent).tree == "texts");
    }
    BOOST_REQUIRE(first != 0u);
    BOOST_TEST((before.at(first + 5).fact.use == page_use::extent_sums));
    BOOST_TEST(before.at(first + 5).fact.used_bytes == 20u);

    forged_file file(files, "sample");
    file.page(first + 2)[7] ^= std::byte{1};
    file.save();
    const survey damaged = run_survey(files, "sample");
    require_cover(damaged);
    BOOST_TEST(damaged.at(first).fact.pages.count == 2u);
    BOOST_TEST(!damaged.at(first + 2).fact.sound);
    BOOST_TEST(damaged.at(first + 2).fact.used_bytes == 4096u);
    BOOST_TEST(damaged.at(first + 4).fact.sound);
    BOOST_TEST(damaged.at(first + 4).fact.used_bytes == 20'000u - 3 * 4096u);
    BOOST_TEST(damaged.unsound_pages() == 1u);

    file.page(first + 2)[7] ^= std::byte{1};
    file.page(first + 5)[0] ^= std::byte{1};
    file.save();
    const survey unverified = run_survey(files, "sample");
    require_cover(unverified);
    BOOST_TEST(unverified.unsound_pages() == 6u);
}

BOOST_AUTO_TEST_CASE(a_damaged_node_is_told_as_its_parent_implies) {
    io::memory_file_system files;
    make_sample(files, "sample");
    const survey before = run_survey(files, "sample");
    forged_file file(files, "sample");
    const std::uint64_t leaf = *leaf_of(file, "numbers", 3);
    const std::uint64_t root = file.record("degrees").root.page;
    file.page(leaf)[100] ^= std::byte{1};
    file.page(root)[100] ^= std::byte{1};
    file.save();

    const survey told = run_survey(files, "sample");
    require_cover(told);
    const kept_fact& damaged = told.at(leaf);
    BOOST_TEST(!damaged.fact.sound);
    BOOST_TEST(damaged.fact.content == nullptr);
    BOOST_TEST(damaged.fact.level == 0u);
    BOOST_TEST(damaged.fact.entries == before.at(leaf).fact.items);
    BOOST_TEST((damaged.lower == before.at(leaf).lower));
    BOOST_TEST((damaged.upper == before.at(leaf).upper));
    BOOST_TEST(damaged.lower.has_value());
    BOOST_TEST(damaged.fact.checksum == before.at(leaf).fact.checksum);
    BOOST_TEST((damaged.fact.parent == before.at(leaf).fact.parent));
    BOOST_TEST(damaged.tree == "numbers");

    // What hangs below the root has no owner that could be found.
    BOOST_TEST(!told.at(root).fact.sound);
    BOOST_TEST((told.at(root).fact.use == page_use::inner));
    BOOST_TEST(told.pages(page_use::lost) > 0u);
    BOOST_TEST(told.pages(page_use::lost) == told.summary.lost_pages);
}

BOOST_AUTO_TEST_CASE(a_node_that_can_be_walked_is_told_with_its_content_though_it_is_damaged) {
    io::memory_file_system files;
    make_sample(files, "sample");
    forged_file file(files, "sample");
    const std::uint64_t leaf = *leaf_of(file, "numbers", 2);
    format::page_header header = file.header(leaf);
    header.born = file.meta.transaction + 1;
    file.set_header(leaf, header);
    file.reseal();
    file.save();
    const survey told = run_survey(files, "sample");
    require_cover(told);
    BOOST_TEST(told.findings.size() == 1u);
    BOOST_TEST(!told.at(leaf).fact.sound);
    BOOST_TEST(told.at(leaf).fact.items > 0u);
    BOOST_TEST(told.unsound_pages() == 1u);
}

BOOST_AUTO_TEST_CASE(a_page_of_two_owners_is_told_of_once) {
    io::memory_file_system files;
    make_sample(files, "sample");
    forged_file file(files, "sample");
    const node_schema schema = file.schema("numbers");
    const std::uint64_t root = file.record("numbers").root.page;
    fixed_node::editor node(file.page(root), schema);
    const child_entry twice = node.child(1);
    node.set_child(2, twice);
    file.reseal();
    file.save();
    const survey told = run_survey(files, "sample");
    require_cover(told);
    BOOST_TEST((told.at(twice.page).fact.parent == root));
    BOOST_TEST(std::any_of(told.findings.begin(), told.findings.end(), [](const finding& each) {
        return each.kind == finding_kind::page_used_twice;
    }));
}

BOOST_AUTO_TEST_CASE(a_page_in_use_and_free_is_told_as_in_use) {
    io::memory_file_system files;
    make_sample(files, "sample");
    forged_file file(files, "sample");
    // A free page becomes a child of the root, so that it is in use and free at once.
    const std::uint64_t free_page = *file.space().free_set().next(0);
    const node_schema schema = file.schema("numbers");
    fixed_node::editor root(file.page(file.record("numbers").root.page), schema);
    child_entry child = root.child(1);
    std::memcpy(file.page(free_page), file.page(child.page), file.meta.page_bytes);
    format::page_header header = file.header(free_page);
    header.page = free_page;
    file.set_header(free_page, header);
    child.page = free_page;
    root.set_child(1, child);
    file.reseal();
    file.save();
    const survey told = run_survey(files, "sample");
    require_cover(told);
    BOOST_TEST((told.at(free_page).fact.use == page_use::leaf));
    BOOST_TEST(told.pages(page_use::free) == told.summary.free_pages - 1);
    BOOST_TEST(told.pages(page_use::lost) == 1u);
}

BOOST_AUTO_TEST_CASE(metas_and_image_are_told_as_what_they_are) {
    for (const std::uint32_t page_bytes : {4096u, 8192u}) {
        io::memory_file_system files;
        make_sample(files, "sample", page_bytes);
        forged_file file(files, "sample");
        const unsigned older = (file.meta.sequence & 1) == 0 ? 1 : 0;
        file.content[format::meta_offset[older] + 60] ^= std::byte{1};
        file.content[file.meta.free_first * page_bytes + 8] ^= std::byte{1};
        file.save();
        const survey told = run_survey(files, "sample");
        require_cover(told);
        BOOST_TEST(!told.at(page_bytes == 4096 ? older : 0).fact.sound);
        if (page_bytes == 4096) { BOOST_TEST(told.at(older ^ 1).fact.sound); }
        const kept_fact& image = told.at(file.meta.free_first);
        BOOST_TEST((image.fact.use == page_use::image));
        BOOST_TEST(!image.fact.sound);
        // Nobody knows what is free.
        BOOST_TEST(told.pages(page_use::free) == 0u);
        BOOST_TEST(told.pages(page_use::lost) > 0u);
    }
}

BOOST_AUTO_TEST_CASE(of_a_file_that_was_cut_the_rest_is_told_as_missing) {
    for (const std::uint64_t kept : {256u, 300u, 4096u, 8191u, 8192u, 8193u, 12288u, 81920u}) {
        io::memory_file_system files;
        make_sample(files, "sample");
        forged_file file(files, "sample");
        // Slot 0 says what the file should hold: the other one may be gone.
        format::meta meta = file.meta;
        meta.sequence &= ~std::uint64_t{1};
        meta.checksum = checksum_of(meta);
        store(file.content.data(), meta);
        file.content.resize(kept);
        file.save();
        BOOST_TEST_CONTEXT("cut to " << kept << " bytes") {
            const survey told = run_survey(files, "sample");
            require_cover(told);
            BOOST_TEST(told.pages(page_use::missing) > 0u);
            BOOST_TEST((told.at(told.summary.page_count - 1).fact.use == page_use::missing));
        }
    }
}

BOOST_AUTO_TEST_CASE(every_byte_that_is_damaged_leaves_every_page_told_of) {
    io::memory_file_system files;
    make_sample(files, "sample");
    const forged_file sound(files, "sample");
    for (std::uint64_t page = 2; page < sound.meta.page_count; ++page) {
        forged_file file = sound;
        std::memset(file.page(page), static_cast<int>(0x5a + page), file.meta.page_bytes);
        file.save();
        BOOST_TEST_CONTEXT("page " << page) { require_cover(run_survey(files, "sample")); }
    }
}

BOOST_AUTO_TEST_CASE(a_check_that_is_stopped_tells_no_more) {
    io::memory_file_system files;
    make_sample(files, "sample");
    forged_file file(files, "sample");
    file.page(*leaf_of(file, "numbers", 1))[9] ^= std::byte{1};
    file.save();
    check_options options;
    options.files = &files;
    options.max_errors = 1;
    std::set<std::uint64_t> told;
    options.on_page = [&](const page_fact& fact) {
        BOOST_TEST(told.insert(fact.pages.first).second);
        BOOST_TEST((fact.use != page_use::free));
    };
    const check_summary summary = check("sample", options, [](const finding&) {});
    BOOST_TEST(!summary.complete);
    BOOST_TEST(told.size() < summary.page_count);
}

BOOST_AUTO_TEST_CASE(every_use_has_a_word_of_its_own) {
    std::set<std::string> words;
    const auto last = static_cast<unsigned>(page_use::missing);
    for (unsigned use = 0; use <= last; ++use) { words.insert(name(static_cast<page_use>(use))); }
    BOOST_TEST(words.size() == last + 1);
    BOOST_TEST(words.count("unknown") == 0u);
}

}  // namespace
