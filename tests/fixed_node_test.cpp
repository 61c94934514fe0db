#define BOOST_TEST_MODULE fixed_node
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>

#include "pinyon/engine/fixed_node.hpp"
#include "support/node_pages.hpp"

namespace pinyon {
namespace {

using test::heap_page;
using test::key_text;
using test::number_key;
using test::random_bytes;

constexpr std::uint64_t seed = 20240612;

node_schema schema_of(std::uint32_t key_bytes, std::uint32_t value_bytes,
                      std::uint32_t page_bytes = 4096, std::uint32_t minimum_degree = 0,
                      std::uint32_t value_alignment = 1) {
    node_schema schema;
    schema.page_bytes = page_bytes;
    schema.tree = 5;
    schema.layout = format::node_layout::fixed;
    schema.key_bytes = key_bytes;
    schema.value_bytes = value_bytes;
    schema.value_alignment = value_alignment;
    schema.minimum_degree = minimum_degree;
    complete(schema);
    return schema;
}

bool is_misuse(const error& failure) { return failure.kind() == errc::misuse; }
bool is_corrupt(const error& failure) { return failure.kind() == errc::corrupt; }

// A leaf of ascending keys 10, 20, ... with the number as value.
void fill(fixed_node::editor& node, const node_schema& schema, unsigned entries) {
    for (unsigned i = 0; i != entries; ++i) {
        node.insert(i, as_bytes(number_key(std::uint64_t{10} * (i + 1), schema.key_bytes)),
                    as_bytes(number_key(i, schema.value_bytes)));
    }
}

BOOST_AUTO_TEST_CASE(columns_stand_inside_the_page_one_behind_the_other) {
    for (const std::uint32_t page_bytes : {4096u, 8192u, 16384u, 32768u}) {
        for (const std::uint32_t key : {1u, 2u, 3u, 4u, 5u, 7u, 8u, 9u, 16u, 17u, 100u, 512u}) {
            for (const std::uint32_t value : {0u, 1u, 8u, 24u, 100u, 512u}) {
                for (const std::uint32_t alignment : {1u, 2u, 4u, 8u, 16u}) {
                    BOOST_TEST_CONTEXT("page " << page_bytes << " key " << key << " value " << value
                                               << " alignment " << alignment) {
                        const node_schema schema = schema_of(key, value, page_bytes, 0, alignment);
                        const fixed_geometry& g = schema.fixed;
                        const std::uint32_t keys_end = g.keys + g.leaf_capacity * g.stored_bytes;
                        const std::uint32_t leaf_end = g.values + g.leaf_capacity * value;
                        const std::uint32_t inner_end = g.checksums + g.inner_capacity * 4;
                        const bool sound =
                            g.stored_bytes >= key && g.keys % 8 == 0 && keys_end <= g.values &&
                            g.values % alignment == 0 && leaf_end <= page_bytes &&
                            g.keys + g.inner_capacity * g.stored_bytes <= g.children &&
                            g.children + g.inner_capacity * 12 <= g.checksums &&
                            g.checksums % 4 == 0 && inner_end <= page_bytes;
                        BOOST_TEST(sound);
                        const bool large_enough = g.leaf_capacity >= 2 && g.inner_capacity >= 4;
                        BOOST_TEST(large_enough);
                        // No entry that would fit is given away.
                        BOOST_TEST(leaf_end + g.stored_bytes + value + alignment > page_bytes);
                        BOOST_TEST(inner_end + g.stored_bytes + 16 + 3 > page_bytes);
                    }
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_minimum_degree_sets_the_capacities_of_the_textbook) {
    const node_schema schema = schema_of(8, 8, 4096, 32);
    BOOST_TEST(schema.fixed.leaf_capacity == 63u);
    BOOST_TEST(schema.fixed.inner_capacity == 64u);
}

BOOST_AUTO_TEST_CASE(an_impossible_schema_is_misuse) {
    const auto refused = [](std::uint32_t key, std::uint32_t value, std::uint32_t t,
                            std::uint32_t alignment) {
        BOOST_TEST_CONTEXT("key " << key << " value " << value << " t " << t << " alignment "
                                  << alignment) {
            BOOST_CHECK_EXCEPTION(schema_of(key, value, 4096, t, alignment), error, is_misuse);
        }
    };
    refused(0, 8, 0, 1);
    refused(513, 8, 0, 1);
    refused(8, 1017, 0, 1);
    refused(8, 8, 1, 1);
    refused(8, 8, 85, 1);    // 170 children, 168 fit
    refused(8, 100, 20, 1);  // 39 entries, 37 fit
    refused(8, 8, 0xffffffff, 1);
    refused(8, 8, 0, 3);
    refused(8, 8, 0, 32);
    BOOST_CHECK_NO_THROW(schema_of(8, 8, 4096, 84));
    BOOST_CHECK_NO_THROW(schema_of(8, 100, 4096, 19));
    BOOST_CHECK_NO_THROW(schema_of(512, 512));
    node_schema slotted;
    slotted.minimum_degree = 32;
    BOOST_CHECK_EXCEPTION(complete(slotted), error, is_misuse);
    node_schema odd;
    odd.page_bytes = 5000;
    BOOST_CHECK_THROW(complete(odd), error);
}

BOOST_AUTO_TEST_CASE(keys_of_every_width_are_kept_in_the_order_of_their_bytes) {
    for (const std::uint32_t width :
         {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 9u, 15u, 16u, 17u, 40u, 512u}) {
        std::mt19937_64 random(seed + width);
        const node_schema schema = schema_of(width, 3);
        heap_page page(schema.page_bytes);
        fixed_node::editor node(page.data(), schema);
        node.format(7, 0, 3, {});
        std::set<std::string> model;
        for (unsigned tries = 0; tries != 150; ++tries) {
            std::string key = random_bytes(random, width);
            // Wide keys that agree in their first words.
            if (tries % 2 == 0) { std::fill(key.begin(), key.end() - (width > 1 ? 1 : 0), '\x81'); }
            const search_result found = node.lower_bound(as_bytes(key));
            const auto place = model.lower_bound(key);
            BOOST_TEST_CONTEXT("width " << width << " try " << tries) {
                const bool present = place != model.end() && *place == key;
                BOOST_TEST(found.index ==
                           static_cast<unsigned>(std::distance(model.begin(), place)));
                BOOST_TEST(found.equal == present);
                if (!present && node.fits(as_bytes(key), 3)) {
                    node.insert(found.index, as_bytes(key), as_bytes(key.substr(0, 1) + "zz"));
                    model.insert(key);
                }
            }
        }
        BOOST_TEST_REQUIRE(node.count() == model.size());
        unsigned i = 0;
        for (const std::string& key : model) {
            BOOST_TEST_REQUIRE(key_text(node, i) == key);
            BOOST_TEST_REQUIRE(as_text(node.value(i)) == key.substr(0, 1) + "zz");
            ++i;
        }
        BOOST_TEST((node.defect(true) == nullptr));
        BOOST_TEST(node.page() == 7u);
        BOOST_TEST(node.born() == 3u);
    }
}

BOOST_AUTO_TEST_CASE(numbers_are_stored_little_endian) {
    const node_schema schema = schema_of(8, 0);
    heap_page page(schema.page_bytes);
    fixed_node::editor node(page.data(), schema);
    node.format(7, 0, 3, {});
    node.insert(0, as_bytes(number_key(0x0102030405060708, 8)), {});
    BOOST_TEST(load<std::uint64_t>(page.data() + schema.fixed.keys) == 0x0102030405060708u);
}

BOOST_AUTO_TEST_CASE(a_key_of_another_width_is_placed_by_its_bytes) {
    for (const std::uint32_t width : {4u, 8u, 12u}) {
        BOOST_TEST_CONTEXT("width " << width) {
            const node_schema schema = schema_of(width, 0);
            heap_page page(schema.page_bytes);
            fixed_node::editor node(page.data(), schema);
            node.format(7, 0, 3, {});
            fill(node, schema, 3);
            const std::string second = number_key(20, width);
            const search_result longer = node.lower_bound(as_bytes(second + "x"));
            BOOST_TEST(longer.index == 2u);
            BOOST_TEST(!longer.equal);
            node.erase(0);
            node.insert(0, as_bytes("ab" + std::string(width - 2, '\0')), {});
            node.erase(1);
            node.erase(1);
            const search_result shorter = node.lower_bound(as_bytes("ab"));
            BOOST_TEST(shorter.index == 0u);
            BOOST_TEST(!shorter.equal);
        }
    }
}

BOOST_AUTO_TEST_CASE(values_are_aligned_and_survive_being_copied_within_their_page) {
    const node_schema schema = schema_of(1, 24, 4096, 0, 8);
    heap_page page(schema.page_bytes);
    fixed_node::editor node(page.data(), schema);
    node.format(7, 0, 3, {});
    fill(node, schema, 20);
    BOOST_TEST(static_cast<std::size_t>(node.value(0).data() - page.data()) % 8 == 0u);
    const std::string expected(as_text(node.value(15)));
    node.insert(0, as_bytes(number_key(1, 1)), node.value(15));
    BOOST_TEST(as_text(node.value(0)) == expected);
    BOOST_TEST(as_text(node.value(16)) == expected);
    node.replace(3, node.value(0));
    BOOST_TEST(as_text(node.value(3)) == expected);
}

BOOST_AUTO_TEST_CASE(another_width_is_misuse_and_a_full_node_refuses) {
    const node_schema schema = schema_of(8, 8, 4096, 2);
    heap_page page(schema.page_bytes);
    fixed_node::editor node(page.data(), schema);
    node.format(7, 0, 3, {});
    const std::string key = number_key(1, 8);
    BOOST_CHECK_EXCEPTION(node.insert(0, as_bytes("short"), as_bytes(key)), error, is_misuse);
    BOOST_CHECK_EXCEPTION(node.insert(0, as_bytes(key), as_bytes("short")), error, is_misuse);
    BOOST_CHECK_EXCEPTION(node.insert(0, as_bytes(key), as_bytes(key), true), error, is_misuse);
    fill(node, schema, 3);
    BOOST_TEST(!node.fits(as_bytes(key), 8));
    BOOST_CHECK_EXCEPTION(node.insert(0, as_bytes(key), as_bytes(key)), error, is_corrupt);
    BOOST_CHECK_EXCEPTION(node.append(node, 0, 1), error, is_corrupt);
    BOOST_CHECK_EXCEPTION(node.erase(3), error, is_corrupt);
    BOOST_TEST(node.count() == 3u);
}

// An inner node over [100, 500) with separators 100, 200, 300, 400.
class inner_fixture {
public:
    explicit inner_fixture(std::uint32_t width)
        : schema(schema_of(width, 8)), page(4096), node(page.data(), schema) {
        const std::string low = number_key(100, width);
        const std::string high = number_key(500, width);
        node.format(7, 1, 3, {as_bytes(low), as_bytes(high)});
        for (unsigned i = 0; i != 4; ++i) {
            node.insert_child(i, as_bytes(number_key(std::uint64_t{100} * (i + 1), width)),
                              {1000 + i, 10 + i, 77 + i});
        }
    }

    node_schema schema;
    heap_page page;
    fixed_node::editor node;
};

BOOST_AUTO_TEST_CASE(an_inner_node_finds_the_child_whose_range_holds_the_key) {
    for (const std::uint32_t width : {2u, 3u, 8u, 12u, 24u}) {
        BOOST_TEST_CONTEXT("width " << width) {
            inner_fixture fixture(width);
            const fixed_node& node = fixture.node;
            for (unsigned number = 90; number != 520; ++number) {
                const unsigned expected = std::clamp(number / 100, 1u, 4u) - 1;
                BOOST_TEST_REQUIRE(node.child_index(as_bytes(number_key(number, width))) ==
                                   expected);
            }
            BOOST_TEST(node.child(2).page == 1002u);
            BOOST_TEST(node.child(2).count == 12u);
            BOOST_TEST(node.child(2).checksum == 79u);
            BOOST_TEST(key_text(node, 0) == number_key(100, width));
            BOOST_TEST(key_text(node, 3) == number_key(400, width));
            BOOST_TEST((node.defect(true) == nullptr));
            fixture.node.erase(2);
            fixture.node.set_child(1, {5, 6, 7});
            BOOST_TEST(node.count() == 3u);
            BOOST_TEST(node.child(1).page == 5u);
            BOOST_TEST(node.child(2).page == 1003u);
            BOOST_TEST(node.child_index(as_bytes(number_key(350, width))) == 1u);
            BOOST_TEST((node.defect(true) == nullptr));
        }
    }
}

BOOST_AUTO_TEST_CASE(splitting_an_inner_node_keeps_separators_as_fences) {
    inner_fixture fixture(8);
    key_buffer buffer;
    const std::string boundary(as_text(fixture.node.separator(2, buffer)));
    BOOST_TEST(boundary == number_key(300, 8));
    heap_page right_page(4096);
    fixed_node::editor right(right_page.data(), fixture.schema);
    const std::string high = number_key(500, 8);
    right.format(8, 1, 3, {as_bytes(boundary), as_bytes(high)});
    right.append(fixture.node, 2, 4);
    BOOST_TEST((right.defect(true) == nullptr));
    BOOST_TEST(key_text(right, 0) == boundary);
    heap_page merged_page(4096);
    fixed_node::editor merged(merged_page.data(), fixture.schema);
    const std::string low = number_key(100, 8);
    merged.format(9, 1, 3, {as_bytes(low), as_bytes(high)});
    merged.append(fixture.node, 0, 2);
    merged.append(right, 0, 2);
    BOOST_TEST((merged.defect(true) == nullptr));
    BOOST_TEST(key_text(merged, 2) == boundary);
    BOOST_TEST(merged.child(3).checksum == 80u);
}

BOOST_AUTO_TEST_CASE(splits_and_merges_keep_the_minimum_degree) {
    for (const unsigned t : {2u, 3u, 32u}) {
        for (const unsigned level : {0u, 1u}) {
            BOOST_TEST_CONTEXT("t " << t << " level " << level) {
                const node_schema schema = schema_of(8, 8, 4096, t);
                heap_page page(4096);
                fixed_node::editor node(page.data(), schema);
                node.format(7, level, 3, {});
                const unsigned full = level == 0 ? 2 * t - 1 : 2 * t;
                const unsigned least = level == 0 ? t - 1 : t;
                for (unsigned i = 0; i != full; ++i) {
                    const std::string key = number_key(std::uint64_t{10} * i, 8);
                    if (level == 0) {
                        node.insert(i, as_bytes(key), as_bytes(key));
                    } else {
                        node.insert_child(i, as_bytes(key), {i + 5, 1, 0});
                    }
                }
                BOOST_TEST(!node.fits(as_bytes(number_key(3, 8)), 8));
                for (unsigned at = 0; at <= full; ++at) {
                    const unsigned first = node.split_index(at, at == full);
                    BOOST_TEST(first >= least);
                    BOOST_TEST(full - first >= least);
                }
                while (node.count() > least) { node.erase(node.count() - 1); }
                BOOST_TEST(!node.underfull());
                node.erase(node.count() - 1);
                BOOST_TEST(node.underfull());
                BOOST_TEST(fixed_node::can_merge(node, node));
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(ascending_inserts_leave_full_nodes_behind) {
    const node_schema schema = schema_of(8, 8);
    heap_page page(4096);
    fixed_node::editor node(page.data(), schema);
    node.format(7, 0, 3, {});
    const unsigned full = schema.fixed.leaf_capacity;
    fill(node, schema, full);
    BOOST_TEST(node.used_bytes() == node.capacity_bytes());
    BOOST_TEST(node.split_index(full, true) == full - 1);
    BOOST_TEST(node.split_index(full, false) == full / 2);
    BOOST_TEST(node.split_index(3, true) == full / 2);
    BOOST_TEST(fixed_node::balanced_index(node, node) == full);
    BOOST_TEST(!fixed_node::can_merge(node, node));
}

// Each damage and the word that its report holds; empty: a shallow look does not see it.
struct damage {
    const char* name;
    std::size_t offset;
    std::uint64_t value;
    unsigned bytes;
    bool shallow;
    const char* word;
};

BOOST_AUTO_TEST_CASE(each_defect_is_named) {
    const std::size_t keys = schema_of(8, 8).fixed.keys;
    const std::size_t children = schema_of(8, 8).fixed.children;
    const damage damages[] = {
        {"count", 4, 5000, 4, true, "more entries"},
        {"too few", 4, 1, 4, true, "fewer than two"},
        {"tree", 20, 6, 4, true, "its tree"},
        {"kind", 16, 1, 1, true, "its tree"},
        {"flags", 18, 1, 2, true, "its tree"},
        {"fence flags", 38, 4, 2, true, "fence flags"},
        {"fence bytes", 40, 7, 2, true, "width"},
        {"open fence with bytes", 38, 1, 2, true, "width"},
        {"lower", 32, 1, 2, true, "reserved"},
        {"prefix", 44, 1, 2, true, "reserved"},
        {"reserved", 46, 1, 2, true, "reserved"},
        {"child", children, 1, 2, true, "page number"},
        {"order", keys + 8, 300, 8, false, "out of order"},
        {"separator 0", keys, 101, 8, false, "first separator"},
        {"upper fence", 56, 400, 8, false, "not below the upper"},
        {"fences", 56, 50, 8, false, "fences"},
    };
    for (const damage& each : damages) {
        BOOST_TEST_CONTEXT(each.name) {
            inner_fixture fixture(8);
            std::memcpy(fixture.page.data() + each.offset, &each.value, each.bytes);
            const char* shallow = fixture.node.defect(false);
            const char* deep = fixture.node.defect(true);
            BOOST_TEST((shallow != nullptr) == each.shallow);
            BOOST_TEST_REQUIRE((deep != nullptr));
            BOOST_TEST_CONTEXT(deep) {
                BOOST_TEST(std::string(deep).find(each.word) != std::string::npos);
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(an_empty_leaf_is_a_root_and_narrow_keys_stay_narrow) {
    const node_schema schema = schema_of(3, 8);
    heap_page page(4096);
    fixed_node::editor node(page.data(), schema);
    node.format(7, 0, 3, {});
    BOOST_TEST((node.defect(true) == nullptr));
    const std::string low = number_key(5, 3);
    node.format(7, 0, 3, {as_bytes(low), std::nullopt});
    BOOST_TEST((node.defect(false) != nullptr));
    node.insert(0, as_bytes(low), as_bytes(number_key(1, 8)));
    BOOST_TEST((node.defect(true) == nullptr));
    page.put(schema.fixed.keys, std::uint32_t{0x01000005});
    BOOST_TEST((node.defect(false) == nullptr));
    BOOST_TEST(std::string(node.defect(true)).find("wider") != std::string::npos);
    const node_schema wide = schema_of(12, 0);
    fixed_node::editor other(page.data(), wide);
    other.format(7, 0, 3, {});
    other.insert(0, as_bytes("abcdefghijkl"), {});
    BOOST_TEST((other.defect(true) == nullptr));
    page.put(wide.fixed.keys + std::size_t{wide.fixed.leaf_capacity} * 8, std::uint64_t{1});
    BOOST_TEST((other.defect(true) != nullptr));
}

BOOST_AUTO_TEST_CASE(a_damaged_page_is_named_or_harmless) {
    std::mt19937_64 random(seed);
    const std::vector<std::string> probes{"",
                                          "a",
                                          number_key(150, 8),
                                          number_key(250, 8),
                                          number_key(499, 8),
                                          std::string(8, '\xff'),
                                          std::string(20, 'x')};
    unsigned harmless = 0;
    for (unsigned round = 0; round != 3000; ++round) {
        inner_fixture fixture(round % 2 == 0 ? 8 : 12);
        if (round % 3 == 0) {
            fixture.node.format(7, 0, 3, {});
            fill(fixture.node, fixture.schema, 30);
        }
        heap_page page(fixture.page);
        if (round % 50 == 0) {
            const std::string noise = random_bytes(random, page.size());
            std::memcpy(page.data(), noise.data(), noise.size());
        }
        for (unsigned flips = 1 + round % 8; flips != 0; --flips) {
            const std::size_t reach = flips % 2 == 0 ? page.size() : 200;
            page.data()[random() % reach] ^= static_cast<std::byte>(1u << random() % 8);
        }
        const fixed_node node(page.data(), fixture.schema);
        if (node.defect(false) != nullptr) {
            BOOST_TEST((node.defect(true) != nullptr));
            continue;
        }
        ++harmless;
        BOOST_TEST_CONTEXT("seed " << seed << " round " << round) {
            BOOST_TEST(test::walk(node, probes) != 0u);
            test::edit<fixed_node>(page, fixture.schema, probes, std::string(8, 'v'));
        }
    }
    BOOST_TEST(harmless > 100u);
}

}  // namespace
}  // namespace pinyon
