// A file with a bit of everything, and what the checker says of it.
#pragma once

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "pinyon/engine/check.hpp"
#include "pinyon/engine/database.hpp"
#include "support/forged_file.hpp"

namespace pinyon::test {

using optional_page = std::optional<std::uint64_t>;

inline constexpr tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};
inline constexpr tree_spec<std::uint64_t, std::uint32_t> degrees{"degrees", tree_options{4}};
inline constexpr tree_spec<std::string_view, std::string_view> texts{"texts"};

inline constexpr unsigned number_entries = 1500;
inline constexpr unsigned text_entries = 400;

[[nodiscard]] inline options in(io::file_system& files, std::uint32_t page_bytes = 4096) {
    options result;
    result.files = &files;
    result.page_bytes = page_bytes;
    result.pool_bytes = std::uint64_t{8} << 20;
    return result;
}

[[nodiscard]] inline std::string large_value(std::size_t size) {
    std::string value(size, '\0');
    for (std::size_t i = 0; i < size; ++i) { value[i] = static_cast<char>(i * 7 + i / 251); }
    return value;
}

// Three trees: fixed layout, textbook degree, text with a large value; and some space freed again.
inline void make_sample(io::file_system& files, const std::string& path,
                        std::uint32_t page_bytes = 4096) {
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

inline outcome run(io::file_system& files, const std::string& path, check_options options = {}) {
    outcome result;
    options.files = &files;
    result.summary =
        check(path, options, [&result](const finding& found) { result.findings.push_back(found); });
    BOOST_TEST(result.summary.findings() == result.findings.size());
    return result;
}

[[nodiscard]] inline const tree_summary& tree_of(const outcome& found, const std::string& name) {
    for (const tree_summary& tree : found.summary.trees) {
        if (tree.name == name) { return tree; }
    }
    throw std::runtime_error("no such tree");
}

inline void require_sound(const outcome& found) {
    BOOST_TEST(found.findings.empty(), found.text());
    const check_summary& summary = found.summary;
    BOOST_TEST(summary.complete);
    BOOST_TEST(!summary.moved_on);
    BOOST_TEST(summary.lost_pages == 0u);
    BOOST_TEST(summary.meta_pages + summary.tree_pages + summary.extent_pages +
                   summary.image_pages + summary.free_pages + summary.pending_pages ==
               summary.page_count);
}

// The `child`-th page below the root of `tree`.
[[nodiscard]] inline optional_page leaf_of(forged_file& file, const char* tree, unsigned child) {
    const node_schema schema = file.schema(tree);
    const std::uint64_t root = file.record(tree).root.page;
    if (schema.layout == format::node_layout::fixed) {
        return fixed_node(file.page(root), schema).child(child).page;
    }
    return slotted_node(file.page(root), schema).child(child).page;
}

}  // namespace pinyon::test
