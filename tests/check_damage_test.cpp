// Damage to a file, by accident and by a forger, and what the checker says of each.
#define BOOST_TEST_MODULE check_damage
#include <boost/test/unit_test.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <random>
#include <vector>

#include "pinyon/engine/overflow.hpp"
#include "pinyon/mmap/memory_file.hpp"
#include "support/check_rig.hpp"

namespace {

using namespace pinyon;
using namespace pinyon::test;

// A change to a sound file, and what the checker says of it.
struct damage {
    const char* what;
    finding_kind expected;
    bool resealed;  // a forger's work: all checksums are right
    // Returns the page that the finding is about.
    std::function<optional_page(forged_file&)> change;
};

// Of "numbers": the root, an inner node with leaves below it.
template <class Change>
optional_page change_numbers_root(forged_file& file, Change change) {
    const node_schema schema = file.schema("numbers");
    fixed_node::editor root(file.page(file.record("numbers").root.page), schema);
    return change(root);
}

template <class Change>
optional_page change_header(forged_file& file, std::uint64_t page, Change change) {
    format::page_header header = file.header(page);
    change(header);
    file.set_header(page, header);
    return page;
}

template <class Change>
optional_page change_record(forged_file& file, const char* tree, Change change) {
    format::catalog_record record = file.record(tree);
    change(record);
    file.set_record(tree, record);
    return std::nullopt;
}

// The large value's reference, in place.
template <class Change>
optional_page change_reference(forged_file& file, Change change) {
    const node_schema schema = file.schema("texts");
    const slotted_node root(file.page(file.record("texts").root.page), schema);
    const bytes key = as_bytes("large");
    const slotted_node leaf(file.page(root.child(root.child_index(key)).page), schema);
    auto* place = const_cast<std::byte*>(leaf.value(leaf.lower_bound(key).index).data());
    auto reference = load<format::extent_reference>(place);
    const optional_page page = change(reference, leaf.page());
    store(place, reference);
    return page;
}

template <class Change>
optional_page change_image(forged_file& file, Change change) {
    std::byte* image = file.page(file.meta.free_first);
    auto run = load<format::free_run>(image + sizeof(format::free_image_header));
    auto header = load<format::free_image_header>(image);
    const optional_page page = change(header, run);
    store(image, header);
    store(image + sizeof header, run);
    return page;
}

const std::vector<damage>& plain_damages() {
    static const std::vector<damage> rows{
        {"a bit of a leaf", finding_kind::checksum_page, false,
         [](forged_file& file) {
             const auto page = leaf_of(file, "numbers", 1);
             file.page(*page)[1000] ^= std::byte{4};
             return page;
         }},
        {"the checksum word of a leaf", finding_kind::checksum_page, false,
         [](forged_file& file) {
             const auto page = leaf_of(file, "texts", 0);
             file.page(*page)[2] ^= std::byte{1};
             return page;
         }},
        {"two leaves swapped", finding_kind::checksum_page, false,
         [](forged_file& file) {
             const auto a = leaf_of(file, "numbers", 0);
             const auto b = leaf_of(file, "numbers", 2);
             std::swap_ranges(file.page(*a), file.page(*a) + 4096, file.page(*b));
             return b;
         }},
        {"a page of zeros", finding_kind::checksum_page, false,
         [](forged_file& file) {
             const auto page = file.record("degrees").root.page;
             std::fill_n(file.page(page), 4096, std::byte{0});
             return optional_page(page);
         }},
        {"another version of a page", finding_kind::checksum_parent, false,
         [](forged_file& file) {
             const auto page = leaf_of(file, "numbers", 1);
             file.page(*page)[1000] ^= std::byte{4};
             store(file.page(*page), file.seal.of(*page, file.page(*page)));
             return page;
         }},
        {"a data page of an extent", finding_kind::extent_checksum, false,
         [](forged_file& file) {
             return change_reference(file, [&](auto& reference, std::uint64_t) {
                 file.page(reference.first + 2)[17] ^= std::byte{1};
                 return reference.first + 2;
             });
         }},
        {"a sum page of an extent", finding_kind::extent_checksum, false,
         [](forged_file& file) {
             return change_reference(file, [&](auto& reference, std::uint64_t) {
                 file.page(reference.first + 5)[17] ^= std::byte{1};
                 return reference.first + 5;
             });
         }},
        {"the free-space image", finding_kind::space_checksum, false,
         [](forged_file& file) {
             file.page(file.meta.free_first)[40] ^= std::byte{1};
             return optional_page(file.meta.free_first);
         }},
        {"behind the free-space image", finding_kind::space_structure, false,
         [](forged_file& file) {
             file.page(file.meta.free_first)[file.meta.free_bytes] ^= std::byte{1};
             return optional_page(file.meta.free_first);
         }},
        {"a meta", finding_kind::meta_damaged, false,
         [](forged_file& file) {
             file.content[4096 + 60] ^= std::byte{1};
             return optional_page();
         }},
        {"behind a meta", finding_kind::meta_padding, false,
         [](forged_file& file) {
             file.content[3000] ^= std::byte{1};
             return optional_page();
         }},
        {"the other meta of another moment", finding_kind::meta_disagrees, false,
         [](forged_file& file) {
             format::meta older = file.meta;
             older.sequence -= 3;
             older.checksum = checksum_of(older);
             std::memcpy(file.content.data() + format::meta_offset[older.sequence & 1], &older,
                         sizeof older);
             return optional_page();
         }},
        {"the end of the file is gone", finding_kind::file_truncated, false,
         [](forged_file& file) {
             file.content.resize(file.content.size() - 5000);
             return optional_page();
         }},
    };
    return rows;
}

const std::vector<damage>& forged_nodes() {
    static const std::vector<damage> rows{
        {"a page's own number", finding_kind::page_number, true,
         [](forged_file& file) {
             return change_header(file, *leaf_of(file, "numbers", 0),
                                  [](auto& header) { ++header.page; });
         }},
        {"a level", finding_kind::page_identity, true,
         [](forged_file& file) {
             return change_header(file, *leaf_of(file, "numbers", 0),
                                  [](auto& header) { header.identity += 1 << 8; });
         }},
        {"a flag of the identity", finding_kind::page_identity, true,
         [](forged_file& file) {
             return change_header(file, *leaf_of(file, "texts", 0),
                                  [](auto& header) { header.identity |= 1 << 16; });
         }},
        {"a birth after the parent's", finding_kind::page_born, true,
         [](forged_file& file) {
             return change_header(file, *leaf_of(file, "numbers", 0),
                                  [](auto& header) { header.born = 99; });
         }},
        {"a birth before the first transaction", finding_kind::page_born, true,
         [](forged_file& file) {
             return change_header(file, *leaf_of(file, "texts", 1),
                                  [](auto& header) { header.born = 0; });
         }},
        {"a leaf without entries", finding_kind::node_empty, true,
         [](forged_file& file) {
             return change_header(file, *leaf_of(file, "numbers", 1),
                                  [](auto& header) { header.count = 0; });
         }},
        {"an inner node with one child", finding_kind::node_empty, true,
         [](forged_file& file) {
             return change_header(file, file.record("numbers").root.page,
                                  [](auto& header) { header.count = 1; });
         }},
        {"more entries than a page holds", finding_kind::node_structure, true,
         [](forged_file& file) {
             return change_header(file, *leaf_of(file, "numbers", 1),
                                  [](auto& header) { header.count = 0xffffffff; });
         }},
        {"keys out of order", finding_kind::node_structure, true,
         [](forged_file& file) {
             const auto page = leaf_of(file, "numbers", 1);
             const node_schema schema = file.schema("numbers");
             std::byte* keys = file.page(*page) + schema.fixed.keys;
             std::swap_ranges(keys + 8, keys + 16, keys + 16);
             return page;
         }},
        {"slots out of the page", finding_kind::node_structure, true,
         [](forged_file& file) {
             return change_header(file, *leaf_of(file, "texts", 0),
                                  [](auto& header) { header.lower = 0xfff0; });
         }},
        {"too few keys for the degree", finding_kind::node_degree, true,
         [](forged_file& file) {
             const node_schema schema = file.schema("degrees");
             std::uint64_t page = file.record("degrees").root.page;
             for (unsigned level = file.record("degrees").root.level; level > 0; --level) {
                 page = fixed_node(file.page(page), schema).child(0).page;
             }
             return change_header(file, page, [](auto& header) { header.count = 2; });
         }},
        {"a separator moved", finding_kind::node_fences, true,
         [](forged_file& file) {
             return change_numbers_root(file, [&](fixed_node::editor& root) {
                 std::byte* key = file.page(root.page()) + file.schema("numbers").fixed.keys + 8;
                 store(key, load<std::uint64_t>(key) + 1);
                 return root.child(1).page;
             });
         }},
        {"a subtree's count", finding_kind::count_subtree, true,
         [](forged_file& file) {
             return change_numbers_root(file, [&](fixed_node::editor& root) {
                 child_entry child = root.child(2);
                 ++child.count;
                 root.set_child(2, child);
                 return child.page;
             });
         }},
        {"one child twice", finding_kind::page_used_twice, true,
         [](forged_file& file) {
             return change_numbers_root(file, [&](fixed_node::editor& root) {
                 const child_entry child = root.child(1);
                 root.set_child(2, child);
                 return child.page;
             });
         }},
        {"a node as its own child", finding_kind::page_used_twice, true,
         [](forged_file& file) {
             return change_numbers_root(file, [&](fixed_node::editor& root) {
                 child_entry child = root.child(1);
                 child.page = root.page();
                 root.set_child(1, child);
                 return root.page();
             });
         }},
        {"a child beyond the file", finding_kind::page_out_of_range, true,
         [](forged_file& file) {
             return change_numbers_root(file, [&](fixed_node::editor& root) {
                 child_entry child = root.child(1);
                 child.page = format::page_number_max;
                 root.set_child(1, child);
                 return child.page;
             });
         }},
        {"a leaf of another tree", finding_kind::page_identity, true,
         [](forged_file& file) {
             const auto other = leaf_of(file, "texts", 0);
             return change_numbers_root(file, [&](fixed_node::editor& root) {
                 child_entry child = root.child(1);
                 child.page = *other;
                 root.set_child(1, child);
                 return other;
             });
         }},
    };
    return rows;
}

const std::vector<damage>& forged_rest() {
    static const std::vector<damage> rows{
        {"an empty large value", finding_kind::extent_reference, true,
         [](forged_file& file) {
             return change_reference(file, [](auto& reference, std::uint64_t) {
                 reference.length = 0;
                 return reference.first;
             });
         }},
        {"a large value of 2^64 bytes", finding_kind::extent_reference, true,
         [](forged_file& file) {
             return change_reference(file, [](auto& reference, std::uint64_t) {
                 reference.length = ~std::uint64_t{0};
                 return reference.first;
             });
         }},
        {"a large value in many pieces", finding_kind::extent_reference, true,
         [](forged_file& file) {
             return change_reference(file, [](auto& reference, std::uint64_t) {
                 reference.pieces = 0xffffffff;
                 return reference.first;
             });
         }},
        {"a large value beyond the file", finding_kind::page_out_of_range, true,
         [](forged_file& file) {
             return change_reference(file, [](auto& reference, std::uint64_t) {
                 reference.first = ~std::uint64_t{0} - 2;
                 return reference.first;
             });
         }},
        {"a large value longer than the file", finding_kind::page_out_of_range, true,
         [](forged_file& file) {
             return change_reference(file, [](auto& reference, std::uint64_t) {
                 reference.length = run_bytes_max;
                 return reference.first;
             });
         }},
        {"a large value over a leaf", finding_kind::page_used_twice, true,
         [](forged_file& file) {
             return change_reference(file, [](auto& reference, std::uint64_t leaf) {
                 reference.first = leaf;
                 return leaf;
             });
         }},
        {"a tree without a large value has one", finding_kind::catalog_record, true,
         [](forged_file& file) {
             return change_record(file, "texts", [](auto& record) { record.flags = 0; });
         }},
        {"a tree of the catalog's number", finding_kind::catalog_record, true,
         [](forged_file& file) {
             return change_record(file, "texts", [](auto& record) { record.tree = 0; });
         }},
        {"two trees of one number", finding_kind::catalog_record, true,
         [](forged_file& file) {
             return change_record(file, "texts",
                                  [&](auto& record) { record.tree = file.record("numbers").tree; });
         }},
        {"a tree of 2^32 levels", finding_kind::catalog_record, true,
         [](forged_file& file) {
             return change_record(file, "numbers",
                                  [](auto& record) { record.root.level = 0xffffffff; });
         }},
        {"a key width of 0", finding_kind::catalog_record, true,
         [](forged_file& file) {
             return change_record(file, "numbers", [](auto& record) { record.key_bytes = 0; });
         }},
        {"an alignment of 3", finding_kind::catalog_record, true,
         [](forged_file& file) {
             return change_record(file, "numbers",
                                  [](auto& record) { record.value_alignment = 3; });
         }},
        {"more entries in a record", finding_kind::count_subtree, true,
         [](forged_file& file) {
             change_record(file, "numbers", [](auto& record) { ++record.root.count; });
             return optional_page(file.record("numbers").root.page);
         }},
        {"keys of another width", finding_kind::entry_size, true,
         [](forged_file& file) {
             change_record(file, "texts", [](auto& record) { record.key_bytes = 5; });
             return leaf_of(file, "texts", 1);
         }},
        {"a catalog of 40 levels", finding_kind::catalog_record, true,
         [](forged_file& file) {
             file.meta.catalog.level = 40;
             return optional_page();
         }},
        {"a leaf is free", finding_kind::page_used_and_free, true,
         [](forged_file& file) {
             const auto leaf = leaf_of(file, "numbers", 0);
             return change_image(file, [&](auto& header, auto& run) {
                 header.free_pages += 1 - run.count;
                 run = {*leaf, 1};
                 return leaf;
             });
         }},
        {"a free page is missing", finding_kind::page_lost, true,
         [](forged_file& file) {
             return change_image(file, [](auto& header, auto& run) {
                 ++run.first;
                 --run.count;
                 --header.free_pages;
                 return optional_page(run.first - 1);
             });
         }},
        {"free runs beyond the file", finding_kind::space_structure, true,
         [](forged_file& file) {
             return change_image(file, [](auto&, auto& run) {
                 run.count = ~std::uint64_t{0} / 2;
                 return optional_page(run.first);
             });
         }},
        {"as many runs as numbers", finding_kind::space_structure, true,
         [](forged_file& file) {
             return change_image(file, [&](auto& header, auto&) {
                 header.free_runs = ~std::uint64_t{0};
                 return optional_page(file.meta.free_first);
             });
         }},
        {"the image over a leaf", finding_kind::page_used_twice, true,
         [](forged_file& file) {
             file.meta.free_first = *leaf_of(file, "numbers", 0);
             return optional_page(file.meta.free_first);
         }},
    };
    return rows;
}

void require_found(const damage& row) {
    BOOST_TEST_CONTEXT(row.what) {
        io::memory_file_system files;
        make_sample(files, "sample");
        forged_file file(files, "sample");
        const optional_page page = row.change(file);
        if (row.resealed) { file.reseal(); }
        file.save();
        const outcome found = run(files, "sample");
        BOOST_TEST(found.has(row.expected, page), "expected " << name(row.expected) << " of page "
                                                              << page.value_or(0) << ", found\n"
                                                              << found.text());
        for (const finding& one : found.findings) { BOOST_TEST(!one.text.empty()); }
    }
}

BOOST_AUTO_TEST_CASE(accidents_are_found_and_named) {
    for (const damage& row : plain_damages()) { require_found(row); }
}

BOOST_AUTO_TEST_CASE(forged_nodes_are_found_and_named) {
    for (const damage& row : forged_nodes()) { require_found(row); }
}

BOOST_AUTO_TEST_CASE(forged_extents_records_and_images_are_found_and_named) {
    for (const damage& row : forged_rest()) { require_found(row); }
}

BOOST_AUTO_TEST_CASE(damage_in_one_tree_leaves_the_figures_of_the_others) {
    io::memory_file_system files;
    make_sample(files, "sample");
    forged_file file(files, "sample");
    file.page(*leaf_of(file, "numbers", 1))[500] ^= std::byte{1};
    file.save();
    const outcome found = run(files, "sample");
    BOOST_TEST(found.findings.size() == 1u, found.text());
    BOOST_TEST(found.findings.at(0).tree == "numbers");
    BOOST_TEST(found.findings.at(0).offset.value() == *found.findings.at(0).page * 4096);
    BOOST_TEST(!found.summary.complete);
    BOOST_TEST(!tree_of(found, "numbers").complete);
    BOOST_TEST(tree_of(found, "texts").complete);
    BOOST_TEST(tree_of(found, "texts").entries == text_entries + 1u);
    BOOST_TEST(tree_of(found, "numbers").entries < number_entries);
    BOOST_TEST(tree_of(found, "numbers").entries > number_entries / 2);
}

// Where a changed byte means nothing: free and pending pages, and what the file has behind its
// pages.
std::vector<bool> meaningful_bytes(forged_file& file) {
    const free_space space = file.space();
    std::vector<bool> meaningful(file.content.size(), false);
    for (std::uint64_t page = 0; page < file.meta.page_count; ++page) {
        if (!space.is_free(page) && !space.held_set().contains(page)) {
            std::fill_n(meaningful.begin() + static_cast<long>(page * file.meta.page_bytes),
                        file.meta.page_bytes, true);
        }
    }
    return meaningful;
}

BOOST_AUTO_TEST_CASE(a_changed_byte_is_found_exactly_where_bytes_mean_something) {
    io::memory_file_system files;
    make_sample(files, "sample");
    forged_file file(files, "sample");
    const std::vector<bool> meaningful = meaningful_bytes(file);
    const auto raw = files.open("sample", io::open_mode::read_write);
    // A prime stride meets every offset of a page in some page, and every field of the metas.
    for (std::size_t at = 0; at < file.content.size(); at += at < 8192 ? 1 : 211) {
        if (at >= 256 && at < 4096 && at % 211 != 0) { continue; }
        if (at >= 4352 && at < 8192 && at % 211 != 0) { continue; }
        const std::byte changed = file.content[at] ^ std::byte{0x10};
        raw->write(at, std::span(&changed, 1));
        const outcome found = run(files, "sample");
        BOOST_TEST(found.findings.empty() == !meaningful[at], "byte " << at << '\n'
                                                                      << found.text());
        raw->write(at, std::span(&file.content[at], 1));
    }
    require_sound(run(files, "sample"));
}

// Where pages are larger than both metas, the rest of theirs is zero.
BOOST_AUTO_TEST_CASE(a_changed_byte_behind_the_metas_of_a_large_page_is_found) {
    io::memory_file_system files;
    make_sample(files, "sample", 16384);
    require_sound(run(files, "sample"));
    const forged_file file(files, "sample");
    const auto raw = files.open("sample", io::open_mode::read_write);
    for (const std::size_t at : {8192U, 12345U, 16383U}) {
        const std::byte changed{1};
        raw->write(at, std::span(&changed, 1));
        const outcome found = run(files, "sample");
        BOOST_TEST(found.findings.size() == 1U, found.text());
        BOOST_TEST((found.findings.at(0).kind == finding_kind::meta_padding));
        raw->write(at, std::span(&file.content[at], 1));
    }
}

BOOST_AUTO_TEST_CASE(a_cut_file_is_found_at_every_length) {
    io::memory_file_system files;
    make_sample(files, "sample");
    const forged_file whole(files, "sample");
    for (std::size_t size = 512; size < whole.meta.page_count * 4096; size += 1536) {
        BOOST_TEST_CONTEXT("cut to " << size) {
            forged_file file = whole;
            file.content.resize(size);
            file.save();
            BOOST_TEST(run(files, "sample").has(finding_kind::file_truncated));
        }
    }
}

BOOST_AUTO_TEST_CASE(forged_bytes_do_no_harm) {
    io::memory_file_system files;
    make_sample(files, "sample");
    const forged_file whole(files, "sample");
    for (std::uint64_t seed = 1; seed <= 1200; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            std::mt19937_64 random(seed);
            forged_file file = whole;
            for (unsigned i = 0; i < 1 + seed % 4; ++i) {
                const std::uint64_t page = 2 + random() % (file.meta.page_count - 2);
                // Headers and what follows them are where counts and offsets are.
                const std::size_t at = random() % 2 == 0 ? random() % 160 : random() % 4096;
                constexpr std::array<unsigned, 4> values{0, 0xff, 0x7f, 1};
                file.page(page)[at] = static_cast<std::byte>(
                    random() % 2 == 0 ? values[random() % values.size()] : random() % 256);
            }
            file.reseal();
            file.save();
            BOOST_CHECK_NO_THROW(run(files, "sample"));
        }
    }
}

}  // namespace
