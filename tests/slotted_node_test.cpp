#define BOOST_TEST_MODULE slotted_node
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <map>
#include <set>

#include "pinyon/engine/slotted_node.hpp"
#include "support/node_pages.hpp"

namespace pinyon {
namespace {

using test::heap_page;
using test::key_text;
using test::random_bytes;
using editor = slotted_node::editor;

constexpr std::uint64_t seed = 20240613;

node_schema schema_of(std::uint32_t page_bytes = 4096) {
    node_schema schema;
    schema.page_bytes = page_bytes;
    schema.tree = 5;
    complete(schema);
    return schema;
}

bool is_corrupt(const error& failure) { return failure.kind() == errc::corrupt; }

std::optional<bytes> fence(const std::optional<std::string>& text) {
    return text ? std::optional<bytes>(as_bytes(*text)) : std::nullopt;
}

// A page with an empty node between fences.
class slotted_page {
public:
    explicit slotted_page(std::optional<std::string> low = {}, std::optional<std::string> high = {},
                          unsigned level = 0, std::uint32_t page_bytes = 4096)
        : lower(std::move(low)),
          upper(std::move(high)),
          schema(schema_of(page_bytes)),
          page(page_bytes),
          node(page.data(), schema) {
        node.format(7, level, 3, {fence(lower), fence(upper)});
    }

    // Puts the entry where it belongs; false when it does not fit.
    bool put(const std::string& key, const std::string& value) {
        if (!node.fits(as_bytes(key), value.size())) { return false; }
        const search_result found = node.lower_bound(as_bytes(key));
        if (found.equal) {
            if (!node.fits_replacement(found.index, value.size())) { return false; }
            node.replace(found.index, as_bytes(value));
        } else {
            node.insert(found.index, as_bytes(key), as_bytes(value));
        }
        return true;
    }
    void put_child(const std::string& key, std::uint64_t child) {
        const unsigned i = node.count() == 0 ? 0 : node.child_index(as_bytes(key)) + 1;
        node.insert_child(i, as_bytes(key), {child, child, 1});
    }
    [[nodiscard]] std::string separator(unsigned i) const {
        key_buffer buffer;
        return std::string(as_text(node.separator(i, buffer)));
    }
    [[nodiscard]] unsigned field(std::size_t offset) const {
        return load<std::uint16_t>(page.data() + offset);
    }
    [[nodiscard]] std::string value(unsigned i) const {
        return std::string(as_text(node.value(i)));
    }

    std::optional<std::string> lower;
    std::optional<std::string> upper;
    node_schema schema;
    heap_page page;
    editor node;
};

std::string sound(const slotted_node& node) {
    const char* found = node.defect(true);
    return found == nullptr ? "" : found;
}

BOOST_AUTO_TEST_CASE(what_the_fences_share_is_stored_once) {
    slotted_page of("http://a/1", "http://a/9");
    BOOST_TEST(of.field(offsetof(format::page_header, prefix_bytes)) == 9u);
    BOOST_TEST_REQUIRE(of.put("http://a/33", "x"));
    BOOST_TEST_REQUIRE(of.put("http://a/1", "y"));
    BOOST_TEST_REQUIRE(of.put("http://a/8zzz", "z"));
    BOOST_TEST(of.node.used_bytes() == 3 * 10u + 1 + 1 + 2 + 1 + 4 + 1);
    BOOST_TEST(key_text(of.node, 0) == "http://a/1");
    BOOST_TEST(key_text(of.node, 1) == "http://a/33");
    BOOST_TEST(key_text(of.node, 2) == "http://a/8zzz");
    BOOST_TEST(of.value(2) == "z");
    BOOST_TEST(sound(of.node) == "");
    // Keys outside the prefix stand before or behind everything.
    BOOST_TEST(of.node.lower_bound(as_bytes("http")).index == 0u);
    BOOST_TEST(of.node.lower_bound(as_bytes("")).index == 0u);
    BOOST_TEST(of.node.lower_bound(as_bytes("http://b")).index == 3u);
    BOOST_TEST(of.node.lower_bound(as_bytes("https")).index == 3u);
    BOOST_CHECK_EXCEPTION(of.node.insert(0, as_bytes("ftp"), {}), error, is_corrupt);
    key_buffer buffer;
    BOOST_TEST(as_text(of.node.lower_fence(buffer)) == "http://a/1");
    BOOST_TEST(as_text(of.node.upper_fence(buffer)) == "http://a/9");
    const slotted_page open("http://a/1");
    BOOST_TEST(open.field(offsetof(format::page_header, prefix_bytes)) == 0u);
    BOOST_TEST(!open.node.has_upper_fence());
    BOOST_TEST(open.node.upper_fence(buffer).empty());
}

BOOST_AUTO_TEST_CASE(short_keys_and_zero_bytes_keep_their_order) {
    using namespace std::string_literals;
    std::set<std::string> keys{
        ""s,      "\0"s,    "\0\0"s, "\0\0\0\0"s, "\0\0\0\0\0"s, "a"s,
        "a\0"s,   "a\0\0"s, "ab"s,   "abcd"s,     "abcd\0"s,     "abcda"s,
        "abcdb"s, "abc"s,   "abd"s,  "\xff"s,     "\xff\xff"s,   "\xff\xff\xff\xff"s};
    slotted_page of;
    std::vector<std::string> shuffled(keys.begin(), keys.end());
    std::mt19937_64 random(seed);
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    for (const std::string& key : shuffled) { BOOST_TEST_REQUIRE(of.put(key, key)); }
    BOOST_TEST_REQUIRE(of.node.count() == keys.size());
    unsigned i = 0;
    for (const std::string& key : keys) {
        BOOST_TEST(key_text(of.node, i) == key);
        const search_result found = of.node.lower_bound(as_bytes(key));
        BOOST_TEST(found.equal);
        BOOST_TEST(found.index == i);
        ++i;
    }
    BOOST_TEST(sound(of.node) == "");
}

BOOST_AUTO_TEST_CASE(hints_follow_every_insertion_and_erasure) {
    for (const char* common : {"", "same"}) {
        std::mt19937_64 random(seed);
        slotted_page of;
        std::set<std::string> model;
        for (unsigned round = 0; round != 1500; ++round) {
            const bool grow = (round / 300) % 2 == 0;
            const std::string key = common + std::to_string(random() % 400);
            const search_result found = of.node.lower_bound(as_bytes(key));
            const auto place = model.lower_bound(key);
            const bool present = place != model.end() && *place == key;
            BOOST_TEST_CONTEXT("round " << round << " key " << key) {
                BOOST_TEST_REQUIRE(found.index ==
                                   static_cast<unsigned>(std::distance(model.begin(), place)));
                BOOST_TEST_REQUIRE(found.equal == present);
                if (present && !grow) {
                    of.node.erase(found.index);
                    model.erase(key);
                } else if (!present && grow && of.put(key, "v")) {
                    model.insert(key);
                }
                BOOST_TEST_REQUIRE(sound(of.node) == "");
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(room_of_erased_and_replaced_entries_is_used_again) {
    slotted_page of;
    const std::string value(300, 'v');
    unsigned entries = 0;
    while (of.put("key" + std::to_string(100 + entries), value)) { ++entries; }
    BOOST_TEST(entries == (4096 - 112) / (10 + 6 + 300));
    of.node.erase(1);
    of.node.erase(3);
    BOOST_TEST(of.field(offsetof(format::page_header, garbage)) == 2 * 306u);
    BOOST_TEST_REQUIRE(of.put("key1001", std::string(600, 'w')));
    BOOST_TEST(of.field(offsetof(format::page_header, garbage)) == 0u);
    BOOST_TEST(of.value(1) == std::string(600, 'w'));
    BOOST_TEST(sound(of.node) == "");
    // Smaller in place, larger elsewhere, the same again.
    of.node.replace(1, as_bytes("small"));
    BOOST_TEST(of.value(1) == "small");
    BOOST_TEST(sound(of.node) == "");
    BOOST_TEST(of.node.fits_replacement(1, 600));
    of.node.replace(1, as_bytes(std::string(600, 'x')));
    BOOST_TEST(of.value(1) == std::string(600, 'x'));
    BOOST_TEST(key_text(of.node, 1) == "key1001");
    BOOST_TEST(sound(of.node) == "");
    BOOST_TEST(!of.node.fits_replacement(0, 900));
    BOOST_CHECK_EXCEPTION(of.node.replace(0, as_bytes(std::string(900, 'x'))), error, is_corrupt);
    BOOST_CHECK_EXCEPTION(of.node.insert(0, as_bytes("a"), as_bytes(value)), error, is_corrupt);
    while (of.node.count() != 0) { of.node.erase(of.node.count() / 2); }
    BOOST_TEST(of.node.used_bytes() == 0u);
    BOOST_TEST(sound(of.node) == "");
}

BOOST_AUTO_TEST_CASE(a_value_of_the_same_page_may_be_put_again) {
    slotted_page of;
    for (unsigned i = 0; i != 9; ++i) {
        BOOST_TEST_REQUIRE(
            of.put("k" + std::to_string(i), std::string(400, static_cast<char>('a' + i))));
    }
    of.node.erase(0);
    of.node.erase(4);
    const std::string expected = of.value(6);
    of.node.insert(0, as_bytes("k"), of.node.value(6));  // makes the heap compact
    BOOST_TEST(of.value(0) == expected);
    of.node.replace(1, as_bytes("x"));
    of.node.replace(1, of.node.value(0));
    BOOST_TEST(of.value(1) == expected);
    BOOST_TEST(sound(of.node) == "");
}

BOOST_AUTO_TEST_CASE(references_are_marked) {
    slotted_page of;
    const std::string reference(sizeof(format::extent_reference), 'r');
    of.node.insert(0, as_bytes("a"), as_bytes(reference), true);
    of.node.insert(1, as_bytes("b"), as_bytes("inline"), false);
    BOOST_TEST(of.node.is_reference(0));
    BOOST_TEST(!of.node.is_reference(1));
    BOOST_TEST(of.value(0) == reference);
    of.node.replace(0, as_bytes("now inline"), false);
    BOOST_TEST(!of.node.is_reference(0));
    of.node.replace(1, as_bytes(reference), true);
    BOOST_TEST(of.node.is_reference(1));
    BOOST_TEST(of.value(1) == reference);
    BOOST_TEST(sound(of.node) == "");
}

BOOST_AUTO_TEST_CASE(an_inner_node_finds_the_child_whose_range_holds_the_key) {
    for (const unsigned children : {2u, 5u, 33u, 34u, 60u}) {
        BOOST_TEST_CONTEXT(children << " children") {
            slotted_page of("k000", "k999", 1);
            std::vector<std::string> separators;
            for (unsigned i = 0; i != children; ++i) {
                separators.push_back("k" + std::to_string(100 + i * 10) + std::string(i % 5, 'x'));
                of.put_child(separators[i], 100 + i);
            }
            BOOST_TEST(sound(of.node) == "");
            BOOST_TEST(key_text(of.node, 0) == "k000");
            for (unsigned probe = 0; probe != 1000; ++probe) {
                const std::string key = "k" + std::to_string(1000 + probe).substr(1);
                const auto above = std::upper_bound(separators.begin() + 1, separators.end(), key);
                const auto expected = static_cast<unsigned>(above - separators.begin()) - 1;
                BOOST_TEST_REQUIRE(of.node.child_index(as_bytes(key)) == expected);
                BOOST_TEST_REQUIRE(of.node.child(expected).page == 100 + expected);
            }
            BOOST_TEST(of.node.child_index(as_bytes("a")) == 0u);
            BOOST_TEST(of.node.child_index(as_bytes("z")) == children - 1);
            of.node.set_child(1, {5, 6, 7});
            BOOST_TEST(of.node.child(1).page == 5u);
            BOOST_TEST(of.node.child(1).count == 6u);
            BOOST_TEST(of.node.child(1).checksum == 7u);
            BOOST_TEST(of.separator(1) == separators[1]);
            BOOST_CHECK_EXCEPTION(of.node.erase(0), error, is_corrupt);
            of.node.erase(1);
            BOOST_TEST(of.node.count() == children - 1);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_separator_is_as_short_as_it_can_be) {
    struct pair {
        const char* left;
        const char* right;
        const char* separator;
    };
    for (const pair& each : {pair{"k-apple", "k-banana", "k-b"}, pair{"k-ab", "k-abc", "k-abc"},
                             pair{"k-abcdef", "k-abcxyz", "k-abcx"}, pair{"k-", "k-a", "k-a"}}) {
        for (const bool closed : {false, true}) {
            slotted_page of(closed ? std::optional<std::string>("k-") : std::nullopt,
                            closed ? std::optional<std::string>("k-z") : std::nullopt);
            BOOST_TEST_REQUIRE(of.put(each.left, ""));
            BOOST_TEST_REQUIRE(of.put(each.right, ""));
            BOOST_TEST(of.separator(1) == each.separator);
        }
    }
}

// Parts the node as a tree does and puts `key` into the half it belongs to.
void split_and_put(const slotted_page& of, const std::string& key, std::size_t value_bytes) {
    const slotted_node& node = of.node;
    const bool leaf = node.leaf();
    const search_result found = node.lower_bound(as_bytes(key));
    const unsigned at = leaf ? found.index : node.child_index(as_bytes(key)) + 1;
    for (const bool ascending : {false, true}) {
        const unsigned cut = node.split_index(at, ascending);
        BOOST_TEST_REQUIRE(cut >= (leaf ? 1u : 2u));
        BOOST_TEST_REQUIRE(cut <= node.count() - 1);
        const std::string boundary = of.separator(cut);
        const unsigned level = leaf ? 0 : 1;
        const bool left = key < boundary;
        slotted_page half(left ? of.lower : boundary, left ? boundary : of.upper, level,
                          of.schema.page_bytes);
        slotted_page other(left ? boundary : of.lower, left ? of.upper : boundary, level,
                           of.schema.page_bytes);
        half.node.append(node, left ? 0 : cut, left ? cut : node.count());
        other.node.append(node, left ? cut : 0, left ? node.count() : cut);
        BOOST_TEST_REQUIRE(half.node.fits(as_bytes(key), value_bytes));
        if (leaf) {
            const std::string value(value_bytes, 'v');
            half.node.insert(half.node.lower_bound(as_bytes(key)).index, as_bytes(key),
                             as_bytes(value));
        } else {
            half.put_child(key, 99);
            BOOST_TEST_REQUIRE(half.node.count() >= 2);
        }
        BOOST_TEST_REQUIRE(sound(half.node) == "");
        if (leaf || other.node.count() >= 2) { BOOST_TEST_REQUIRE(sound(other.node) == ""); }
        for (unsigned i = 1; i < cut && left; ++i) {
            const search_result there = half.node.lower_bound(as_bytes(key_text(node, i)));
            BOOST_TEST_REQUIRE(there.equal);
        }
    }
}

// Keys and values of very different lengths, the longest ones often.
std::string any_key(std::mt19937_64& random, std::size_t key_max, const std::string& shared) {
    const std::size_t length = random() % 3 == 0 ? key_max : 1 + random() % key_max;
    std::string key = shared + random_bytes(random, key_max);
    if (random() % 4 == 0) { std::fill(key.begin(), key.end() - 1, 'm'); }
    return key.substr(0, length);
}

BOOST_AUTO_TEST_CASE(after_a_split_what_did_not_fit_fits) {
    for (const std::uint32_t page_bytes : {4096u, 8192u, 16384u, 32768u}) {
        std::mt19937_64 random(seed);
        const std::size_t key_max = format::key_bytes_max(page_bytes);
        const std::size_t entry_max = slotted_entry_max(page_bytes);
        const unsigned rounds = page_bytes == 4096 ? 400 : 60;
        for (unsigned round = 0; round != rounds; ++round) {
            const bool leaf = round % 3 != 0;
            const std::string low(round % 2 == 0 ? key_max : 1, '\x01');
            const std::string high(round % 5 < 2 ? key_max : 1, '\xfe');
            slotted_page of(round % 7 == 0 ? std::nullopt : std::optional(low),
                            round % 11 == 0 ? std::nullopt : std::optional(high), leaf ? 0 : 1,
                            page_bytes);
            if (!leaf) { of.put_child("", 9); }
            BOOST_TEST_CONTEXT("seed " << seed << " page " << page_bytes << " round " << round) {
                for (;;) {
                    const std::string key = any_key(
                        random, key_max, std::string(1, static_cast<char>(2 + random() % 250)));
                    if ((of.lower && key <= *of.lower) || (of.upper && key >= *of.upper)) {
                        continue;
                    }
                    const bool maximal = round % 4 == 0 || random() % 3 == 0;
                    const std::size_t room = entry_max - key.size();
                    const std::size_t value =
                        maximal ? room : random() % (random() % 2 == 0 ? 9 : room);
                    const search_result found = of.node.lower_bound(as_bytes(key));
                    if (found.equal) { continue; }
                    if (!of.node.fits(as_bytes(key), leaf ? value : 0)) {
                        split_and_put(of, key, leaf ? value : 0);
                        break;
                    }
                    if (leaf) {
                        BOOST_TEST_REQUIRE(of.put(key, std::string(value, 'v')));
                    } else {
                        of.put_child(key, 99);
                    }
                }
            }
        }
    }
}

BOOST_AUTO_TEST_CASE(a_split_prefers_the_middle_the_short_separator_and_the_end_when_ascending) {
    slotted_page of;
    unsigned entries = 0;
    while (of.put("key" + std::to_string(1000 + entries), std::string(20, 'v'))) { ++entries; }
    BOOST_TEST(of.node.split_index(entries, true) == entries - 1);
    const unsigned cut = of.node.split_index(3, false);
    BOOST_TEST(cut >= entries / 2 - entries / 16 - 1);
    BOOST_TEST(cut <= entries / 2 + entries / 16 + 1);
    BOOST_TEST(of.separator(cut).size() < 7u);
}

BOOST_AUTO_TEST_CASE(neighbours_merge_exactly_when_they_fit_behind_each_other) {
    std::mt19937_64 random(seed);
    unsigned merged = 0;
    unsigned refused = 0;
    for (unsigned round = 0; round != 600; ++round) {
        const unsigned level = round % 2;
        const std::string shared(random() % 200, 'p');
        slotted_page left(shared + "a", shared + "m", level);
        slotted_page right(shared + "m", round % 3 == 0 ? "q" : shared + "z", level);
        for (slotted_page* side : {&left, &right}) {
            const std::string first = shared + (side == &left ? "b" : "n");
            if (level == 1) { side->put_child(*side->lower, 50); }
            for (auto tries = 1 + random() % 25; tries != 0; --tries) {
                const std::string key = first + random_bytes(random, random() % 90);
                if (level == 0) {
                    (void)side->put(key, random_bytes(random, random() % 90));
                } else if (side->node.fits(as_bytes(key), 0) &&
                           !side->node.lower_bound(as_bytes(key)).equal) {
                    side->put_child(key, 60);
                }
            }
            if (level == 1 && side->node.count() == 1) { side->put_child(first, 60); }
        }
        slotted_page both(left.lower, right.upper, level);
        bool fitted = true;
        try {
            both.node.append(left.node, 0, left.node.count());
            both.node.append(right.node, 0, right.node.count());
        } catch (const error&) { fitted = false; }
        BOOST_TEST_CONTEXT("seed " << seed << " round " << round) {
            BOOST_TEST_REQUIRE(slotted_node::can_merge(left.node, right.node) == fitted);
            if (fitted) {
                BOOST_TEST_REQUIRE(sound(both.node) == "");
                BOOST_TEST_REQUIRE(key_text(both.node, left.node.count()) ==
                                   key_text(right.node, 0));
            }
        }
        ++(fitted ? merged : refused);
    }
    BOOST_TEST(merged > 100u);
    BOOST_TEST(refused > 100u);
}

BOOST_AUTO_TEST_CASE(neighbours_are_balanced_only_as_they_fit) {
    std::mt19937_64 random(seed);
    unsigned moved = 0;
    for (unsigned round = 0; round != 600; ++round) {
        const unsigned level = round % 2;
        const std::string shared(random() % 300, 'p');
        slotted_page left(shared + "a", shared + "m", level);
        slotted_page right(shared + "m", round % 3 == 0 ? "q" : shared + "z", level);
        for (slotted_page* side : {&left, &right}) {
            const std::string first = shared + (side == &left ? "b" : "n");
            const bool full = (round % 4 < 2) == (side == &left);
            if (level == 1) { side->put_child(*side->lower, 50); }
            const auto entries = full ? 60 : round % 4 == 1 && level == 0 ? 0 : 1 + random() % 3;
            for (auto tries = entries; tries != 0; --tries) {
                const std::string key = first + random_bytes(random, 1 + random() % 60);
                if (level == 0) {
                    (void)side->put(key, random_bytes(random, random() % 120));
                } else if (side->node.fits(as_bytes(key), 0) &&
                           !side->node.lower_bound(as_bytes(key)).equal) {
                    side->put_child(key, 60);
                }
            }
        }
        const unsigned boundary = left.node.count();
        const unsigned total = boundary + right.node.count();
        const unsigned cut = slotted_node::balanced_index(left.node, right.node);
        BOOST_TEST_CONTEXT("seed " << seed << " round " << round) {
            if (cut == boundary) {
                BOOST_TEST(!left.node.leaf() == (level == 1));
                // An empty leaf is never left alone beside one with two entries.
                BOOST_TEST_REQUIRE((boundary != 0 && boundary != total));
                continue;
            }
            ++moved;
            const std::string middle =
                cut < boundary ? left.separator(cut) : right.separator(cut - boundary);
            slotted_page new_left(left.lower, middle, level);
            slotted_page new_right(middle, right.upper, level);
            new_left.node.append(left.node, 0, std::min(cut, boundary));
            if (cut > boundary) { new_left.node.append(right.node, 0, cut - boundary); }
            if (cut < boundary) { new_right.node.append(left.node, cut, boundary); }
            new_right.node.append(right.node, cut > boundary ? cut - boundary : 0,
                                  right.node.count());
            BOOST_TEST_REQUIRE(sound(new_left.node) == "");
            BOOST_TEST_REQUIRE(sound(new_right.node) == "");
            BOOST_TEST_REQUIRE(new_left.node.count() + new_right.node.count() == total);
        }
    }
    BOOST_TEST(moved > 300u);
}

BOOST_AUTO_TEST_CASE(forty_percent_is_the_line) {
    slotted_page of;
    BOOST_TEST(of.node.underfull());
    unsigned i = 0;
    while (of.node.used_bytes() * 5 < of.node.capacity_bytes() * 2) {
        BOOST_TEST_REQUIRE(of.node.underfull());
        BOOST_TEST_REQUIRE(of.put("k" + std::to_string(i++), std::string(50, 'v')));
    }
    BOOST_TEST(!of.node.underfull());
}

// A damage, whether a shallow look sees it, and a word of its report.
struct damage {
    const char* name;
    std::size_t offset;
    std::uint64_t value;
    unsigned bytes;
    bool shallow;
    const char* word;
};

void expect_defects(const slotted_page& original, const std::vector<damage>& damages) {
    for (const damage& each : damages) {
        BOOST_TEST_CONTEXT(each.name) {
            heap_page page(original.page);
            const slotted_node node(page.data(), original.schema);
            BOOST_TEST_REQUIRE(sound(node) == "");
            std::memcpy(page.data() + each.offset, &each.value, each.bytes);
            BOOST_TEST((node.defect(false) != nullptr) == each.shallow);
            const std::string report = sound(node);
            BOOST_TEST_CONTEXT(report) { BOOST_TEST(report.find(each.word) != std::string::npos); }
        }
    }
}

BOOST_AUTO_TEST_CASE(each_defect_of_a_leaf_is_named) {
    slotted_page of("k-a", "k-z");
    for (unsigned i = 0; i != 40; ++i) {
        BOOST_TEST_REQUIRE(of.put("k-b" + std::to_string(10000 + i), "value"));
    }
    const std::size_t slot = 112 + 5 * 10;
    const auto offset = load<std::uint16_t>(of.page.data() + slot);
    expect_defects(of, {
                           {"count", 4, 41, 4, true, "contradict"},
                           {"huge count", 4, 0xffffffff, 4, true, "contradict"},
                           {"tree", 20, 6, 4, true, "its tree"},
                           {"level", 17, 1, 1, true, "its tree"},
                           {"lower", 32, 500, 2, true, "contradict"},
                           {"upper", 34, 4096, 2, true, "contradict"},
                           {"upper below", 34, 4000, 2, true, "heap"},
                           {"garbage", 36, 8, 2, true, "garbage"},
                           {"much garbage", 36, 4000, 2, true, "contradict"},
                           {"fence flags", 38, 8, 2, true, "fence flags"},
                           {"open fence with bytes", 38, 1, 2, true, "impossible length"},
                           {"fence bytes", 40, 600, 2, true, "impossible length"},
                           {"prefix", 44, 4, 2, true, "prefix"},
                           {"shorter prefix", 44, 1, 2, false, "prefix"},
                           {"reserved", 46, 1, 2, true, "reserved"},
                           {"hint", 48, 1, 4, false, "hint"},
                           {"slot offset", slot, 100, 2, true, "outside the heap"},
                           {"slot offset beyond", slot, 4090, 2, true, "outside the heap"},
                           {"long key", slot + 2, 5000, 2, true, "outside the heap"},
                           {"key length", slot + 2, 5, 2, true, "garbage"},
                           {"value length", slot + 4, 6, 2, true, "garbage"},
                           {"reference", slot + 4, 0x8005, 2, true, "reference"},
                           {"head", slot + 6, 1, 4, false, "head"},
                           {"order", offset + 5u, 'z', 1, false, "order"},
                           {"overlap", slot, offset + 1u, 2, false, "overlap"},
                           {"upper fence", 4096 - 4, 'a', 1, false, "fences"},
                       });
}

BOOST_AUTO_TEST_CASE(each_defect_of_an_inner_node_is_named) {
    slotted_page of("k-a", "k-z", 1);
    for (unsigned i = 0; i != 5; ++i) { of.put_child("k-b" + std::to_string(i), 50 + i); }
    const std::size_t slot = 112 + 2 * 10;
    const auto cell = load<std::uint16_t>(of.page.data() + slot);
    expect_defects(of, {
                           {"one child", 4, 1, 4, true, "contradict"},
                           {"alignment", slot, cell + 1u, 2, true, "not aligned"},
                           {"value", slot + 4, 1, 2, true, "has a value"},
                           {"child", cell + 4u, 1, 6, true, "page number"},
                           {"first separator", 112, cell | 1u << 16, 4, true, "first separator"},
                       });
    slotted_page single(std::nullopt, std::nullopt, 1);
    single.put_child("", 50);
    BOOST_TEST(sound(single.node).find("fewer than two") != std::string::npos);
    const slotted_page empty("a", "b");
    BOOST_TEST(sound(empty.node).find("empty") != std::string::npos);
    BOOST_TEST(sound(slotted_page().node) == "");
    // Fences around the keys.
    for (const auto& fences : {std::pair("k-c", "k-z"), std::pair("k-a", "k-b3")}) {
        slotted_page leaf("k-a", "k-z");
        for (unsigned i = 0; i != 5; ++i) {
            BOOST_TEST_REQUIRE(leaf.put("k-b" + std::to_string(i), ""));
        }
        slotted_page narrow(fences.first, fences.second);
        if (narrow.field(offsetof(format::page_header, prefix_bytes)) == 2) {
            narrow.node.append(leaf.node, 0, 5);
            BOOST_TEST(sound(narrow.node).find("fence") != std::string::npos);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_damaged_page_is_named_or_harmless) {
    std::mt19937_64 random(seed);
    const std::vector<std::string> probes{"",       "k",     "k-b",  "k-b1055",
                                          "k-bzzz", "k-bxx", "zzzz", std::string(512, 'k')};
    slotted_page leaf("k-a", "k-z");
    slotted_page inner("k-a", "k-z", 1);
    for (unsigned i = 0; i != 60; ++i) {
        const std::string key = "k-b" + std::to_string(1000 + i * 7 % 60) + std::string(i % 4, 'y');
        BOOST_TEST_REQUIRE(leaf.put(key, random_bytes(random, random() % 40)));
        inner.put_child(key, 50 + i);
    }
    leaf.node.erase(20);
    leaf.node.erase(30);
    BOOST_TEST(sound(leaf.node) == "");
    BOOST_TEST(sound(inner.node) == "");
    unsigned harmless = 0;
    for (unsigned round = 0; round != 4000; ++round) {
        heap_page page((round % 2 == 0 ? leaf : inner).page);
        if (round % 50 == 0) {
            const std::string noise = random_bytes(random, page.size() - 112);
            std::memcpy(page.data() + 112, noise.data(), noise.size());
        }
        for (unsigned flips = 1 + round % 6; flips != 0; --flips) {
            const std::size_t reach = flips % 2 == 0 ? page.size() : 720;
            page.data()[random() % reach] ^= static_cast<std::byte>(1u << random() % 8);
        }
        if (round % 10 == 0) { page.put(36, static_cast<std::uint16_t>(random() % 3000)); }
        const slotted_node node(page.data(), leaf.schema);
        if (node.defect(false) != nullptr) {
            BOOST_TEST((node.defect(true) != nullptr));
            continue;
        }
        ++harmless;
        BOOST_TEST_CONTEXT("seed " << seed << " round " << round) {
            BOOST_TEST(test::walk(node, probes) != 0u);
            test::edit<slotted_node>(page, leaf.schema, probes, std::string(70, 'v'));
        }
    }
    BOOST_TEST(harmless > 300u);
}

// Overlapping cells and swapped lengths pass the shallow look: nothing may leave the page for them.
BOOST_AUTO_TEST_CASE(cells_that_overlap_are_harmless) {
    std::mt19937_64 random(seed);
    slotted_page of("k-a", "k-z");
    for (unsigned i = 0; i != 50; ++i) {
        BOOST_TEST_REQUIRE(of.put("k-b" + std::to_string(1000 + i), std::string(30, 'v')));
    }
    const std::vector<std::string> probes{"k-b1011", "k-b1022x", "k-c", "k-aa",
                                          std::string(500, 'k')};
    const unsigned begin = of.field(offsetof(format::page_header, upper));
    for (unsigned round = 0; round != 300; ++round) {
        heap_page page(of.page);
        for (unsigned i = 0; i != 50; ++i) {
            page.put(112 + i * 10,
                     static_cast<std::uint16_t>(begin + random() % (4090 - 36 - begin)));
            page.put(112 + i * 10 + 6, static_cast<std::uint32_t>(random()));
        }
        const slotted_node node(page.data(), of.schema);
        BOOST_TEST_REQUIRE((node.defect(false) == nullptr));
        BOOST_TEST((node.defect(true) != nullptr));
        BOOST_TEST(test::walk(node, probes) != 0u);
        test::edit<slotted_node>(page, of.schema, probes, std::string(200, 'v'));
    }
}

}  // namespace
}  // namespace pinyon
