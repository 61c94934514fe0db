// Random changes to a row of neighbouring leaves, of both layouts, that split, merge and balance as
// those of a tree do, beside a std::map that says what must be there.
#define BOOST_TEST_MODULE node_model
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>

#include "pinyon/engine/fixed_node.hpp"
#include "pinyon/engine/slotted_node.hpp"
#include "support/node_pages.hpp"

namespace pinyon {
namespace {

using test::heap_page;
using test::number_key;
using test::random_bytes;

constexpr std::uint64_t seed = 20240614;

std::optional<bytes> fence(const std::optional<std::string>& text) {
    return text ? std::optional<bytes>(as_bytes(*text)) : std::nullopt;
}

using entries = std::map<std::string, std::string>;

template <class Node>
class leaves {
public:
    explicit leaves(const node_schema& schema) : schema_(schema) {
        row_.push_back({heap_page(schema.page_bytes), {}, {}});
        format(row_[0]);
    }

    void put(const std::string& key, const std::string& value, bool ascending) {
        std::size_t at = find(key);
        auto found = node(at).lower_bound(as_bytes(key));
        if (found.equal && node(at).fits_replacement(found.index, value.size())) {
            edit(at).replace(found.index, as_bytes(value));
            return;
        }
        if (found.equal || !node(at).fits(as_bytes(key), value.size())) {
            split(at, node(at).split_index(found.index, ascending));
            ++splits;
            at = find(key);
            found = node(at).lower_bound(as_bytes(key));
        }
        if (found.equal) {
            BOOST_TEST_REQUIRE(node(at).fits_replacement(found.index, value.size()));
            edit(at).replace(found.index, as_bytes(value));
        } else {
            BOOST_TEST_REQUIRE(node(at).fits(as_bytes(key), value.size()));
            edit(at).insert(found.index, as_bytes(key), as_bytes(value));
        }
    }

    bool erase(const std::string& key) {
        const std::size_t at = find(key);
        const search_result found = node(at).lower_bound(as_bytes(key));
        if (!found.equal) { return false; }
        edit(at).erase(found.index);
        if (node(at).underfull() && row_.size() > 1) { refill(at + 1 < row_.size() ? at : at - 1); }
        return true;
    }

    [[nodiscard]] std::optional<std::string> get(const std::string& key) const {
        const Node leaf = node(find(key));
        const search_result found = leaf.lower_bound(as_bytes(key));
        if (!found.equal) { return std::nullopt; }
        return std::string(as_text(leaf.value(found.index)));
    }

    void expect(const entries& model) const {
        auto expected = model.begin();
        for (std::size_t at = 0; at != row_.size(); ++at) {
            const Node leaf = node(at);
            const char* defect = leaf.defect(true);
            BOOST_TEST_REQUIRE(std::string(defect == nullptr ? "" : defect) == "");
            for (unsigned i = 0; i != leaf.count(); ++i, ++expected) {
                if (expected == model.end() || test::key_text(leaf, i) != expected->first ||
                    as_text(leaf.value(i)) != expected->second) {
                    BOOST_FAIL("leaf " << at << " differs from the model at entry " << i);
                }
            }
        }
        BOOST_TEST_REQUIRE((expected == model.end()));
    }

    [[nodiscard]] std::size_t size() const noexcept { return row_.size(); }

    unsigned splits = 0;
    unsigned merges = 0;
    unsigned balances = 0;

private:
    struct leaf_page {
        heap_page page;
        std::optional<std::string> lower;
        std::optional<std::string> upper;
    };

    [[nodiscard]] Node node(std::size_t at) const { return Node(row_[at].page.data(), schema_); }
    [[nodiscard]] typename Node::editor edit(std::size_t at) {
        return typename Node::editor(row_[at].page.data(), schema_);
    }
    void format(leaf_page& leaf) {
        typename Node::editor(leaf.page.data(), schema_)
            .format(7, 0, 1, {fence(leaf.lower), fence(leaf.upper)});
    }
    [[nodiscard]] leaf_page between(const std::optional<std::string>& lower,
                                    const std::optional<std::string>& upper) {
        leaf_page leaf{heap_page(schema_.page_bytes), lower, upper};
        format(leaf);
        return leaf;
    }
    void append(leaf_page& to, const Node& from, unsigned first, unsigned last) {
        typename Node::editor(to.page.data(), schema_).append(from, first, last);
    }
    [[nodiscard]] std::size_t find(const std::string& key) const {
        std::size_t at = 0;
        while (row_[at].upper && key >= *row_[at].upper) { ++at; }
        return at;
    }
    // The leaf at `at` becomes `first`, and `second`, if it is there, stands behind it.
    void exchange(std::size_t at, leaf_page first, std::optional<leaf_page> second) {
        row_[at] = std::move(first);
        const auto next = row_.begin() + static_cast<std::ptrdiff_t>(at) + 1;
        if (second) { row_.insert(next, std::move(*second)); }
    }
    void remove(std::size_t at) { row_.erase(row_.begin() + static_cast<std::ptrdiff_t>(at)); }
    void split(std::size_t at, unsigned cut) {
        const Node old = node(at);
        key_buffer buffer;
        const std::string boundary(as_text(old.separator(cut, buffer)));
        leaf_page left = between(row_[at].lower, boundary);
        leaf_page right = between(boundary, row_[at].upper);
        append(left, old, 0, cut);
        append(right, old, cut, old.count());
        exchange(at, std::move(left), std::move(right));
    }
    // Merges the leaves at `at` and behind it, or parts them evenly.
    void refill(std::size_t at) {
        const Node left = node(at);
        const Node right = node(at + 1);
        const unsigned boundary = left.count();
        if (Node::can_merge(left, right)) {
            leaf_page merged = between(row_[at].lower, row_[at + 1].upper);
            append(merged, left, 0, boundary);
            append(merged, right, 0, right.count());
            exchange(at, std::move(merged), std::nullopt);
            remove(at + 1);
            ++merges;
            return;
        }
        const unsigned cut = Node::balanced_index(left, right);
        if (cut == boundary) { return; }
        key_buffer buffer;
        const std::string middle(as_text(cut < boundary ? left.separator(cut, buffer)
                                                        : right.separator(cut - boundary, buffer)));
        leaf_page new_left = between(row_[at].lower, middle);
        leaf_page new_right = between(middle, row_[at + 1].upper);
        append(new_left, left, 0, std::min(cut, boundary));
        if (cut > boundary) { append(new_left, right, 0, cut - boundary); }
        if (cut < boundary) { append(new_right, left, cut, boundary); }
        append(new_right, right, cut > boundary ? cut - boundary : 0, right.count());
        remove(at + 1);
        exchange(at, std::move(new_left), std::move(new_right));
        ++balances;
    }

    node_schema schema_;
    std::vector<leaf_page> row_;
};

// One change, and one look.
template <class Node, class MakeKey, class MakeValue>
void change(leaves<Node>& real, entries& model, std::mt19937_64& random, bool grow,
            const MakeKey& make_key, const MakeValue& make_value) {
    std::string key = make_key(random);
    if (!grow && random() % 4 != 0 && !model.empty()) {
        const auto near = model.lower_bound(key);
        key = near == model.end() ? model.begin()->first : near->first;
    }
    if (grow ? random() % 8 != 0 : random() % 8 == 0) {
        const std::string value = make_value(random, key);
        real.put(key, value, random() % 2 == 0);
        model[key] = value;
    } else if (real.erase(key) != (model.erase(key) != 0)) {
        BOOST_FAIL("the leaves and the model disagree about an erased key");
    }
    const std::string probe = make_key(random);
    const auto found = model.find(probe);
    const auto expected = found == model.end() ? std::nullopt : std::optional(found->second);
    if (real.get(probe) != expected) {
        BOOST_FAIL("the leaves and the model disagree about a key");
    }
}

// What one run does: keys and values of one kind.
template <class Node, class MakeKey, class MakeValue>
void run(const node_schema& schema, const MakeKey& make_key, const MakeValue& make_value) {
    std::mt19937_64 random(seed);
    leaves<Node> real(schema);
    entries model;
    for (unsigned chunk = 0; chunk != 40; ++chunk) {
        BOOST_TEST_CONTEXT("seed " << seed << " chunk " << chunk) {
            // Grows, shrinks, grows again and shrinks to little.
            const bool grow = chunk / 10 % 2 == 0;
            for (unsigned round = 0; round != 100; ++round) {
                change(real, model, random, grow, make_key, make_value);
            }
            real.expect(model);
        }
    }
    real.expect(model);
    while (!model.empty()) {
        BOOST_TEST_REQUIRE(real.erase(model.begin()->first));
        model.erase(model.begin());
    }
    BOOST_TEST(real.size() == 1u);
    BOOST_TEST(real.splits > 5u);
    BOOST_TEST(real.merges > 5u);
    real.expect(model);
}

BOOST_AUTO_TEST_CASE(fixed_leaves_hold_what_a_map_holds) {
    for (const std::uint32_t width : {3u, 8u, 13u}) {
        for (const std::uint32_t degree : {0u, 2u, 6u}) {
            BOOST_TEST_CONTEXT("width " << width << " degree " << degree) {
                node_schema schema;
                schema.layout = format::node_layout::fixed;
                schema.key_bytes = width;
                schema.value_bytes = 100;
                schema.minimum_degree = degree;
                complete(schema);
                run<fixed_node>(
                    schema,
                    [width](std::mt19937_64& random) { return number_key(random() % 700, width); },
                    [](std::mt19937_64& random, const std::string&) {
                        return random_bytes(random, 100);
                    });
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(slotted_leaves_of_small_entries_hold_what_a_map_holds) {
    node_schema schema;
    complete(schema);
    run<slotted_node>(
        schema,
        [](std::mt19937_64& random) {
            return "https://example.org/" + std::to_string(random() % 30) + "/" +
                   std::to_string(random() % 40);
        },
        [](std::mt19937_64& random, const std::string&) {
            return random_bytes(random, random() % 60);
        });
}

BOOST_AUTO_TEST_CASE(slotted_leaves_of_all_sizes_hold_what_a_map_holds) {
    for (const std::uint32_t page_bytes : {4096u, 16384u}) {
        node_schema schema;
        schema.page_bytes = page_bytes;
        complete(schema);
        run<slotted_node>(
            schema,
            [page_bytes](std::mt19937_64& random) {
                const std::size_t key_max = format::key_bytes_max(page_bytes);
                const auto number = random() % 300;
                std::string key(number % 7 == 0 ? key_max - 4 : number % 5 * 30, 'm');
                return key + number_key(number, 4);
            },
            [page_bytes](std::mt19937_64& random, const std::string& key) {
                const std::size_t room = slotted_entry_max(page_bytes) - key.size();
                const std::size_t size = random() % 3 == 0 ? room : random() % (room / 4 + 1);
                return std::string(size, static_cast<char>(random()));
            });
    }
}

}  // namespace
}  // namespace pinyon
