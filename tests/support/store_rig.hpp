// One tree in a file in memory, below the database: a page store over a pool, transactions without
// metas, and a walk that proves the tree's invariants and that no page was lost.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "pinyon/engine/btree.hpp"
#include "pinyon/engine/descent.hpp"
#include "pinyon/mmap/buffer_pool.hpp"
#include "pinyon/mmap/memory_file.hpp"
#include "pinyon/mmap/raw_mapping.hpp"

namespace pinyon::test {

// Keys and values of a tree, as the standard library would hold them.
using model = std::map<std::string, std::string>;

// The normal form of a number in `width` bytes.
[[nodiscard]] inline std::string key_of(std::uint64_t number, std::size_t width = 8) {
    std::string key(width, '\0');
    for (std::size_t i = 0; i < std::min<std::size_t>(width, 8); ++i) {
        key[width - 1 - i] = static_cast<char>(number >> (8 * i));
    }
    return key;
}

[[nodiscard]] inline std::string text_of(bytes value) { return std::string(as_text(value)); }

// xorshift64*: the same numbers everywhere.
class random_numbers {
public:
    explicit random_numbers(std::uint64_t seed) : state_(seed * 0x9e3779b97f4a7c15u + 1) {}
    std::uint64_t operator()() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545f4914f6cdd1du;
    }
    std::uint64_t below(std::uint64_t limit) { return (*this)() % limit; }

private:
    std::uint64_t state_;
};

[[nodiscard]] inline node_schema slotted_schema(std::uint32_t page_bytes = 4096) {
    node_schema schema;
    schema.page_bytes = page_bytes;
    schema.tree = 7;
    schema.layout = format::node_layout::slotted;
    complete(schema);
    return schema;
}

[[nodiscard]] inline node_schema fixed_schema(std::uint32_t page_bytes = 4096,
                                              std::uint32_t key_bytes = 8,
                                              std::uint32_t value_bytes = 8,
                                              std::uint32_t minimum_degree = 0) {
    node_schema schema;
    schema.page_bytes = page_bytes;
    schema.tree = 9;
    schema.layout = format::node_layout::fixed;
    schema.key_bytes = key_bytes;
    schema.value_bytes = value_bytes;
    schema.minimum_degree = minimum_degree;
    complete(schema);
    return schema;
}

class store_rig {
public:
    static constexpr std::uint64_t seed = 0x5eed;

    // 0 bytes of pool: the whole file mapped, without one.
    explicit store_rig(const node_schema& schema,
                       std::uint64_t pool_bytes = std::uint64_t{8} << 20) {
        tree.schema = schema;
        file = files.open("tree", io::open_mode::create_new);
        const std::uint64_t pages = format::first_page(schema.page_bytes);
        file->grow(pages * schema.page_bytes);
        store = std::make_unique<page_store>(*file, seed, schema.page_bytes);
        if (pool_bytes == 0) {
            source = io::make_raw_mapping(*file, files, *store, schema.page_bytes, false);
        } else {
            io::pool_options options;
            options.budget_bytes = pool_bytes;
            source = io::make_buffer_pool(*file, files, *store, schema.page_bytes, options);
        }
        store->attach(*source, pages, 0);
        begin();
        create_tree(*store, tree);
        commit();
    }

    void begin() {
        const std::uint64_t kept[] = {committed};
        store->begin(committed + 1, kept);
        before_ = tree;
    }
    void commit() {
        tree.root.checksum = store->seal_tree(tree.schema, tree.root);
        store->source().flush();
        store->freeze();
        store->commit();
        ++committed;
    }
    void abort() {
        store->abort();
        tree = before_;
    }
    // Everything has to come back from the file, and is verified.
    void cool() { source->evict_all(); }

    bool put(const std::string& key, const std::string& value,
             put_mode mode = put_mode::replace_or_insert) {
        const bool done = pinyon::put(*store, tree, as_bytes(key), as_bytes(value), mode);
        store->relieve();
        return done;
    }
    bool erase(const std::string& key) {
        const bool done = pinyon::erase(*store, tree, as_bytes(key));
        store->relieve();
        return done;
    }
    [[nodiscard]] std::optional<std::string> get(const std::string& key) {
        const std::optional<bytes> found = find(*store, tree, as_bytes(key));
        return found ? std::optional(text_of(*found)) : std::nullopt;
    }

    // Proves the tree and returns what it holds. Every page is reachable once or free or held.
    model validate();
    // Fails the test unless the tree is sound and holds `expected`.
    void require(const model& expected) {
        const model found = validate();
        BOOST_TEST(found.size() == expected.size());
        BOOST_TEST((found == expected));
    }

    io::memory_file_system files;
    std::unique_ptr<io::file> file;
    std::unique_ptr<page_store> store;
    std::unique_ptr<io::page_source> source;
    tree_state tree;
    std::uint64_t committed = 0;

private:
    tree_state before_;
};

// The walk of `validate`.
template <class Node>
class tree_validator {
public:
    using fence = std::optional<std::string>;

    explicit tree_validator(store_rig& rig) : rig_(rig), schema_(rig.tree.schema) {}

    model run() {
        const format::root_reference& root = rig_.tree.root;
        const std::uint64_t entries =
            visit({root.page, root.count, root.checksum}, root.level, std::nullopt, std::nullopt);
        BOOST_TEST(entries == root.count);
        BOOST_TEST(content_.size() == entries);
        const free_space& space = rig_.store->space();
        BOOST_TEST(pages_.size() + space.free_pages() + space.held_pages() ==
                   space.page_count() - format::first_page(schema_.page_bytes));
        return std::move(content_);
    }

private:
    std::uint64_t visit(const child_entry& at, unsigned level, const fence& lower,
                        const fence& upper) {
        BOOST_TEST_CONTEXT("page " << at.page << ", level " << level) {
            BOOST_TEST(pages_.insert(at.page).second, "page is reached twice");
            const io::page_view view = rig_.store->read(schema_, at.page, level, at.checksum);
            const std::vector<std::byte> copy(view.data, view.data + schema_.page_bytes);
            const Node node(copy.data(), schema_);
            const char* defect = node.defect(true);
            BOOST_TEST(defect == nullptr, "defect: " << (defect == nullptr ? "" : defect));
            check_fences(node, lower, upper);
            check_size(node, at.page == rig_.tree.root.page);
            const std::uint64_t entries =
                level == 0 ? visit_leaf(node) : visit_children(node, level, upper);
            BOOST_TEST(entries == at.count);
            return entries;
        }
        return 0;
    }

    void check_fences(const Node& node, const fence& lower, const fence& upper) {
        key_buffer buffer;
        BOOST_TEST(node.has_lower_fence() == lower.has_value());
        if (lower) { BOOST_TEST((text_of(node.lower_fence(buffer)) == *lower)); }
        BOOST_TEST(node.has_upper_fence() == upper.has_value());
        if (upper) { BOOST_TEST((text_of(node.upper_fence(buffer)) == *upper)); }
        for (unsigned index = node.leaf() ? 0 : 1; index < node.count(); ++index) {
            const std::string key = text_of(node.key(index, buffer));
            BOOST_TEST((!lower || key >= *lower));
            BOOST_TEST((!upper || key < *upper));
        }
    }

    void check_size(const Node& node, bool root) {
        const unsigned t = schema_.minimum_degree;
        const unsigned keys = node.leaf() ? node.count() : node.count() - 1;
        if (!node.leaf()) { BOOST_TEST(node.count() >= 2U); }
        if (t != 0) { BOOST_TEST(keys <= 2 * t - 1); }
        if (root) { return; }
        BOOST_TEST(node.count() >= 1U);
        if (t != 0) { BOOST_TEST(keys >= t - 1); }
    }

    std::uint64_t visit_leaf(const Node& leaf) {
        key_buffer buffer;
        for (unsigned index = 0; index < leaf.count(); ++index) {
            const std::string key = text_of(leaf.key(index, buffer));
            BOOST_TEST((content_.empty() || content_.rbegin()->first < key));
            content_.emplace_hint(content_.end(), key, value_of(leaf, index));
        }
        return leaf.count();
    }

    std::string value_of(const Node& leaf, unsigned index) {
        if (!leaf.is_reference(index)) { return text_of(leaf.value(index)); }
        const format::extent_reference extent = reference_in(leaf, index);
        for_each_run(*rig_.store, extent, [&](io::page_run run, std::uint64_t) {
            for (std::uint64_t page = run.first; page < run.first + run.count; ++page) {
                BOOST_TEST(pages_.insert(page).second, "page " << page << " is reached twice");
            }
        });
        std::string value(extent.length, '\0');
        extent_reader reader(*rig_.store, extent);
        const auto room = std::as_writable_bytes(std::span(value.data(), value.size()));
        BOOST_TEST(reader.read(0, room) == value.size());
        return value;
    }

    std::uint64_t visit_children(const Node& node, unsigned level, const fence& upper) {
        std::uint64_t entries = 0;
        key_buffer buffer;
        for (unsigned index = 0; index < node.count(); ++index) {
            fence low;
            if (index != 0 || node.has_lower_fence()) { low = text_of(node.key(index, buffer)); }
            const fence high =
                index + 1 < node.count() ? fence(text_of(node.key(index + 1, buffer))) : upper;
            entries += visit(node.child(index), level - 1, low, high);
        }
        return entries;
    }

    store_rig& rig_;
    const node_schema& schema_;
    model content_;
    std::set<std::uint64_t> pages_;
};

inline model store_rig::validate() {
    return with_layout(tree.schema, [&]<class Node>(std::type_identity<Node>) {
        return tree_validator<Node>(*this).run();
    });
}

}  // namespace pinyon::test
