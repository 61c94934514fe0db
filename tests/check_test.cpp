#define BOOST_TEST_MODULE check
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pinyon/engine/check.hpp"
#include "pinyon/engine/database.hpp"
#include "pinyon/engine/overflow.hpp"
#include "pinyon/mmap/memory_file.hpp"
#include "support/errors.hpp"
#include "support/forged_file.hpp"
#include "support/temporary_directory.hpp"
#include "support/whole_file.hpp"

namespace {

using namespace pinyon;
using test::code_of;
using test::forged_file;
using optional_page = std::optional<std::uint64_t>;

constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};
constexpr tree_spec<std::uint64_t, std::uint32_t> degrees{"degrees", tree_options{4}};
constexpr tree_spec<std::string_view, std::string_view> texts{"texts"};

constexpr unsigned number_entries = 1500;
constexpr unsigned text_entries = 400;

options in(io::file_system& files, std::uint32_t page_bytes = 4096) {
    options result;
    result.files = &files;
    result.page_bytes = page_bytes;
    result.pool_bytes = std::uint64_t{8} << 20;
    return result;
}

std::string large_value(std::size_t size) {
    std::string value(size, '\0');
    for (std::size_t i = 0; i < size; ++i) { value[i] = static_cast<char>(i * 7 + i / 251); }
    return value;
}

// Three trees: fixed layout, textbook degree, text with a large value; and some space freed again.
void make_sample(io::file_system& files, const std::string& path, std::uint32_t page_bytes = 4096) {
    database db = database::open(path, in(files, page_bytes));
    db.update(
        [](write_transaction& tx) {
            auto tree = tx.open(numbers);
            for (std::uint64_t i = 0; i < number_entries; ++i) { tree.put(i * 7919 % 100'003, i); }
            auto narrow = tx.open(degrees);
            for (std::uint64_t i = 0; i < 200; ++i) { narrow.put(i * 31 % 211, 1); }
        },
        durability::checkpoint);
    db.update(
        [](write_transaction& tx) {
            auto tree = tx.open(texts);
            for (unsigned i = 0; i < text_entries; ++i) {
                tree.put("text " + std::to_string(i * 37 % 1000), std::string(i % 50, 'x'));
            }
            tree.put("large", large_value(20'000));
            tree.put("gone", large_value(30'000));
        },
        durability::checkpoint);
    db.update(
        [](write_transaction& tx) {
            tx.open(texts).erase("gone");
            tx.open(numbers).put(1, 2);
        },
        durability::checkpoint);
    db.close();
}

struct outcome {
    check_summary summary;
    std::vector<finding> findings;

    [[nodiscard]] bool has(finding_kind kind, optional_page page = std::nullopt) const {
        return std::any_of(findings.begin(), findings.end(), [&](const finding& found) {
            return found.kind == kind && (!page || found.page == page);
        });
    }
    [[nodiscard]] std::string text() const {
        std::string all;
        for (const finding& found : findings) {
            all += std::string(name(found.level)) + ' ' + name(found.kind) + ' ' + found.tree +
                   " page " + (found.page ? std::to_string(*found.page) : "-") + ": " + found.text +
                   '\n';
        }
        return all;
    }
};

outcome run(io::file_system& files, const std::string& path, check_options options = {}) {
    outcome result;
    options.files = &files;
    result.summary =
        check(path, options, [&result](const finding& found) { result.findings.push_back(found); });
    BOOST_TEST(result.summary.findings() == result.findings.size());
    return result;
}

const tree_summary& tree_of(const outcome& found, const std::string& name) {
    for (const tree_summary& tree : found.summary.trees) {
        if (tree.name == name) { return tree; }
    }
    throw std::runtime_error("no such tree");
}

void require_sound(const outcome& found) {
    BOOST_TEST(found.findings.empty(), found.text());
    const check_summary& summary = found.summary;
    BOOST_TEST(summary.complete);
    BOOST_TEST(!summary.moved_on);
    BOOST_TEST(summary.lost_pages == 0u);
    BOOST_TEST(summary.meta_pages + summary.tree_pages + summary.extent_pages +
                   summary.image_pages + summary.free_pages + summary.pending_pages ==
               summary.page_count);
}

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

// --- damage --------------------------------------------------------------------------------------

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

optional_page leaf_of(forged_file& file, const char* tree, unsigned child) {
    const node_schema schema = file.schema(tree);
    const std::uint64_t root = file.record(tree).root.page;
    if (schema.layout == format::node_layout::fixed) {
        return fixed_node(file.page(root), schema).child(child).page;
    }
    return slotted_node(file.page(root), schema).child(child).page;
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

// --- what cannot be checked ----------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(what_cannot_be_checked_is_an_error_of_its_own) {
    const test::temporary_directory folder;
    const std::string path = folder / "file";
    const auto attempt = [](const std::string& name) {
        return code_of([&] { (void)check(name, {}, [](const finding&) {}); });
    };
    BOOST_TEST(attempt(path) == errc::not_found);
    BOOST_TEST(attempt(folder.path()) == errc::is_directory);
    test::write_file(path, {});
    BOOST_TEST(attempt(path) == errc::not_a_database);
    test::write_file(path, std::vector<char>(10'000, 'x'));
    BOOST_TEST(attempt(path) == errc::not_a_database);

    make_sample(io::posix_file_system(), folder / "sample");
    std::vector<char> newer = test::read_file(folder / "sample");
    newer[8] = newer[4096 + 8] = static_cast<char>(format::version + 1);
    test::write_file(path, newer);
    BOOST_TEST(attempt(path) == errc::version);
    std::vector<char> broken = test::read_file(folder / "sample");
    broken[60] = broken[4096 + 60] = 99;
    test::write_file(path, broken);
    BOOST_TEST(attempt(path) == errc::corrupt);
}

BOOST_AUTO_TEST_CASE(checking_changes_and_creates_nothing) {
    const test::temporary_directory folder;
    make_sample(io::posix_file_system(), folder / "sample");
    std::filesystem::permissions(folder / "sample", std::filesystem::perms::owner_read);
    const std::vector<char> before = test::read_file(folder / "sample");
    const outcome found = run(io::posix_file_system(), folder / "sample");
    require_sound(found);
    BOOST_TEST((test::read_file(folder / "sample") == before));
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
