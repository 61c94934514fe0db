// Trees by name: records, types and what a crafted catalog may not say.
#define BOOST_TEST_MODULE catalog
#include "pinyon/engine/catalog.hpp"

#include <boost/test/unit_test.hpp>
#include <functional>

#include "pinyon/engine/pinyon.hpp"
#include "support/database_rig.hpp"
#include "support/errors.hpp"

namespace {

using pinyon::errc;
using pinyon::read_transaction;
using pinyon::tree_options;
using pinyon::tree_spec;
using pinyon::tree_types;
using pinyon::write_transaction;
using pinyon::test::code_of;
using pinyon::test::database_rig;
namespace format = pinyon::format;

constexpr std::uint32_t page_bytes = 4096;
constexpr std::uint64_t page_limit = 100;

const tree_types numbers{"u64", "u32", 8, 4, 4};
const tree_types words{"string", "string", 0, 0, 1};

format::catalog_record sound_record(const tree_types& types) {
    format::catalog_record record = pinyon::make_record(types, {}, page_bytes);
    record.tree = 5;
    record.root = {7, 1000, 0x1234, 2};
    return record;
}

std::vector<std::string> names(const std::vector<pinyon::tree_information>& trees) {
    std::vector<std::string> result;
    for (const auto& tree : trees) { result.push_back(tree.name); }
    return result;
}

inline constexpr tree_spec<std::string_view, std::uint64_t> users{"users"};
inline constexpr tree_spec<std::uint64_t, std::uint64_t> squares{"squares"};

}  // namespace

BOOST_AUTO_TEST_CASE(a_record_says_what_it_was_made_of) {
    for (const tree_types& types :
         {numbers, words, tree_types{"tuple(u32,string)", "struct(24,8)", 0, 24, 8}}) {
        BOOST_TEST_CONTEXT(types.key_type) {
            BOOST_TEST((pinyon::types_of(pinyon::make_record(types, {}, page_bytes)) == types));
        }
    }
}

BOOST_AUTO_TEST_CASE(layout_is_fixed_when_both_widths_are_and_an_entry_fits) {
    struct row {
        tree_types types;
        format::node_layout layout;
    };
    const row rows[]{
        {numbers, format::node_layout::fixed},
        {words, format::node_layout::slotted},
        {{"u64", "string", 8, 0, 1}, format::node_layout::slotted},
        {{"string", "u64", 0, 8, 8}, format::node_layout::slotted},
        {{"u64", "struct(1016,8)", 8, 1016, 8}, format::node_layout::fixed},
        {{"u64", "struct(1024,8)", 8, 1024, 8}, format::node_layout::slotted},
        {{"bytes(512)", "u64", 512, 8, 8}, format::node_layout::fixed},
    };
    for (const row& line : rows) {
        BOOST_TEST_CONTEXT(line.types.key_type << " -> " << line.types.value_type) {
            const auto record = pinyon::make_record(line.types, {}, page_bytes);
            BOOST_TEST(record.layout == static_cast<std::uint8_t>(line.layout));
        }
    }
}

BOOST_AUTO_TEST_CASE(a_tree_that_no_page_can_hold_is_refused) {
    struct row {
        const char* what;
        tree_types types;
        tree_options options;
        errc code;
    };
    const row rows[]{
        {"key above an eighth of a page", {"bytes(513)", "u8", 513, 1, 1}, {}, errc::key_too_long},
        {"long type name", {std::string(33, 'x'), "u8", 8, 1, 1}, {}, errc::misuse},
        {"empty type name", {"", "u8", 8, 1, 1}, {}, errc::misuse},
        {"control in a type name", {"a\nb", "u8", 8, 1, 1}, {}, errc::misuse},
        {"degree of a slotted tree", words, {8}, errc::misuse},
        {"degree 1", numbers, {1}, errc::misuse},
        {"degree beyond the page", numbers, {10000}, errc::misuse},
    };
    for (const row& line : rows) {
        BOOST_TEST_CONTEXT(line.what) {
            BOOST_TEST(code_of([&] {
                           static_cast<void>(
                               pinyon::make_record(line.types, line.options, page_bytes));
                       }) == line.code);
        }
    }
    BOOST_TEST(pinyon::make_record(numbers, {32}, page_bytes).minimum_degree == 32u);
}

BOOST_AUTO_TEST_CASE(a_sound_record_gives_the_state_of_its_tree) {
    const pinyon::tree_state state =
        pinyon::state_of(sound_record(numbers), page_bytes, page_limit);
    BOOST_TEST(state.schema.tree == 5u);
    BOOST_TEST(state.schema.key_bytes == 8u);
    BOOST_TEST(state.schema.value_bytes == 4u);
    BOOST_TEST(state.schema.fixed.leaf_capacity > 100u);
    BOOST_TEST(state.root.page == 7u);
    BOOST_TEST(state.root.count == 1000u);
    BOOST_TEST(!state.holds_extents);
}

BOOST_AUTO_TEST_CASE(an_impossible_record_is_corrupt) {
    using record_type = format::catalog_record;
    struct row {
        const char* what;
        std::function<void(record_type&)> damage;
    };
    const row rows[]{
        {"the catalog's number", [](record_type& r) { r.tree = 0; }},
        {"layout 0", [](record_type& r) { r.layout = 0; }},
        {"layout 3", [](record_type& r) { r.layout = 3; }},
        {"fixed without key width", [](record_type& r) { r.key_bytes = 0; }},
        {"fixed without value width", [](record_type& r) { r.value_bytes = 0; }},
        {"wide keys", [](record_type& r) { r.key_bytes = 513; }},
        {"widest keys", [](record_type& r) { r.key_bytes = ~0u; }},
        {"wide values", [](record_type& r) { r.value_bytes = 1017; }},
        {"widest values", [](record_type& r) { r.value_bytes = ~0u; }},
        {"wide keys in slots",
         [](record_type& r) {
             r.layout = static_cast<std::uint8_t>(format::node_layout::slotted);
             r.key_bytes = format::key_bytes_max(page_bytes) + 1;
         }},
        {"alignment 0", [](record_type& r) { r.value_alignment = 0; }},
        {"alignment 3", [](record_type& r) { r.value_alignment = 3; }},
        {"alignment 32", [](record_type& r) { r.value_alignment = 32; }},
        {"degree 1", [](record_type& r) { r.minimum_degree = 1; }},
        {"degree too large", [](record_type& r) { r.minimum_degree = ~0u; }},
        {"root before the first page", [](record_type& r) { r.root.page = 1; }},
        {"root behind the file", [](record_type& r) { r.root.page = page_limit; }},
        {"root far behind", [](record_type& r) { r.root.page = ~std::uint64_t{0}; }},
        {"root without checksum", [](record_type& r) { r.root.checksum = 0; }},
        {"too high", [](record_type& r) { r.root.level = format::height_max; }},
        {"too many entries", [](record_type& r) { r.root.count = std::uint64_t{1} << 48; }},
        {"unknown flag", [](record_type& r) { r.flags = 2; }},
        {"reserved byte", [](record_type& r) { r.reserved0 = 1; }},
        {"reserved word", [](record_type& r) { r.reserved1 = 1; }},
        {"empty type", [](record_type& r) { r.key_type = {}; }},
        {"control in a type", [](record_type& r) { r.value_type[1] = '\n'; }},
        {"text behind a type's end", [](record_type& r) { r.value_type[31] = 'x'; }},
    };
    for (const row& line : rows) {
        BOOST_TEST_CONTEXT(line.what) {
            record_type record = sound_record(numbers);
            line.damage(record);
            BOOST_TEST(code_of([&] {
                           static_cast<void>(pinyon::state_of(record, page_bytes, page_limit));
                       }) == errc::corrupt);
        }
    }
}

BOOST_AUTO_TEST_CASE(other_types_are_a_mismatch_that_names_both_sides) {
    const auto record = sound_record(numbers);
    BOOST_CHECK_NO_THROW(pinyon::check_types(record, numbers, "n"));
    const tree_types others[]{{"i64", "u32", 8, 4, 4},
                              {"u64", "f32", 8, 4, 4},
                              {"u64", "u32", 4, 4, 4},
                              {"u64", "u32", 8, 0, 4},
                              words};
    for (const tree_types& other : others) {
        BOOST_TEST_CONTEXT(other.key_type << " -> " << other.value_type) {
            BOOST_CHECK_EXCEPTION(pinyon::check_types(record, other, "n"), pinyon::error,
                                  [&](const pinyon::error& failure) {
                                      const std::string text = failure.what();
                                      return failure.kind() == errc::type_mismatch &&
                                             text.find("u64") != std::string::npos &&
                                             text.find(other.value_type) != std::string::npos &&
                                             text.find("'n'") != std::string::npos;
                                  });
        }
    }
}

BOOST_AUTO_TEST_CASE(hexadecimal_is_a_way_to_write_u64) {
    const auto record = sound_record({"hex", "string", 8, 0, 1});
    BOOST_CHECK_NO_THROW(pinyon::check_types(record, {"u64", "string", 8, 0, 1}, "n"));
    BOOST_TEST(code_of([&] {
                   pinyon::check_types(record, {"i64", "string", 8, 0, 1}, "n");
               }) == errc::type_mismatch);
}

BOOST_AUTO_TEST_CASE(names_of_trees) {
    BOOST_CHECK_NO_THROW(pinyon::check_tree_name("a", page_bytes));
    BOOST_CHECK_NO_THROW(pinyon::check_tree_name("\xc3\xa4 b/c", page_bytes));
    BOOST_CHECK_NO_THROW(pinyon::check_tree_name(std::string(512, 'x'), page_bytes));
    for (const std::string& bad : {std::string(), std::string(513, 'x'), std::string("a\nb"),
                                   std::string(1, '\0'), std::string("a\x7f")}) {
        BOOST_TEST(code_of([&] { pinyon::check_tree_name(bad, page_bytes); }) == errc::misuse);
    }
}

BOOST_AUTO_TEST_CASE(trees_are_created_listed_renamed_and_dropped) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        tx.open(users).put("ann", 1);
        tx.open(squares).put(3, 9);
        static_cast<void>(tx.open_raw("bare"));
    });
    rig.reopen();
    rig->view([](const read_transaction& tx) {
        const auto trees = tx.trees();
        BOOST_TEST((names(trees) == std::vector<std::string>{"bare", "squares", "users"}));
        BOOST_TEST(trees[0].key_type == "bytes");
        BOOST_TEST(trees[1].fixed_layout);
        BOOST_TEST(!trees[2].fixed_layout);
        BOOST_TEST(trees[2].key_type == "string");
        BOOST_TEST(trees[2].value_type == "u64");
        BOOST_TEST(trees[2].entries == 1u);
        BOOST_TEST(tx.contains("users"));
        BOOST_TEST(!tx.contains("nobody"));
    });
    rig->update([](write_transaction& tx) {
        tx.rename("users", "people");
        BOOST_TEST(tx.drop("squares"));
        BOOST_TEST(!tx.drop("squares"));
        BOOST_TEST(code_of([&] { tx.rename("nobody", "x"); }) == errc::no_such_tree);
        BOOST_TEST(code_of([&] { tx.rename("bare", "people"); }) == errc::exists);
        BOOST_TEST((names(tx.trees()) == std::vector<std::string>{"bare", "people"}));
    });
    rig.reopen();
    rig->view([](const read_transaction& tx) {
        BOOST_TEST((names(tx.trees()) == std::vector<std::string>{"bare", "people"}));
        constexpr tree_spec<std::string_view, std::uint64_t> people{"people"};
        BOOST_TEST(tx.open(people).get("ann").value() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(a_handle_survives_the_rename_of_its_tree) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        auto tree = tx.open(users);
        tree.put("ann", 1);
        tx.rename("users", "people");
        tree.put("bob", 2);
        BOOST_TEST(tree.name() == "people");
        BOOST_TEST(tree.size() == 2u);
        tx.open(users).put("carl", 3);
    });
    rig.reopen();
    rig->view([](const read_transaction& tx) {
        constexpr tree_spec<std::string_view, std::uint64_t> people{"people"};
        BOOST_TEST(tx.open(people).size() == 2u);
        BOOST_TEST(tx.open(users).size() == 1u);
    });
}

BOOST_AUTO_TEST_CASE(a_dropped_name_is_free_for_other_types) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        auto old = tx.open(users);
        for (int i = 0; i < 5000; ++i) { old.put("user" + std::to_string(i), 1); }
    });
    rig->update([](write_transaction& tx) {
        auto old = tx.open(users);
        BOOST_TEST(tx.drop("users"));
        BOOST_TEST(code_of([&] { static_cast<void>(old.get("user1")); }) == errc::misuse);
        constexpr tree_spec<std::int32_t, double> other{"users"};
        tx.open(other).put(-1, 0.5);
        BOOST_TEST(code_of([&] { old.put("x", 1); }) == errc::misuse);
    });
    rig.reopen();
    rig->view([](const read_transaction& tx) {
        constexpr tree_spec<std::int32_t, double> other{"users"};
        BOOST_TEST(tx.open(other).get(-1).value() == 0.5);
    });
}

BOOST_AUTO_TEST_CASE(many_trees) {
    database_rig rig;
    rig->update([](write_transaction& tx) {
        for (std::uint64_t i = 0; i < 500; ++i) {
            const std::string name = "tree" + std::to_string(i);
            tx.open(tree_spec<std::uint64_t, std::uint64_t>{name}).put(i, i * i);
        }
    });
    rig.reopen();
    rig->view([](const read_transaction& tx) {
        BOOST_TEST(tx.trees().size() == 500u);
        for (std::uint64_t i = 0; i < 500; ++i) {
            const std::string name = "tree" + std::to_string(i);
            BOOST_TEST(tx.open(tree_spec<std::uint64_t, std::uint64_t>{name}).get(i).value() ==
                       i * i);
        }
    });
}
