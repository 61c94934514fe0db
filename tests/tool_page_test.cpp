// The verbs page and owner: one page decoded, and whose it is.
#define BOOST_TEST_MODULE tool_page
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "support/tool_sample.hpp"

namespace {

using namespace pinyon::test;
using json = nlohmann::json;
using pinyon::finding_kind;
namespace format = pinyon::format;
namespace io = pinyon::io;

json field(const json& fields, const std::string& name) {
    for (const json& each : fields) {
        if (each["name"] == name) { return each; }
    }
    throw std::runtime_error("no field " + name);
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_leaf_of_columns_is_decoded) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    const std::uint64_t leaf = *leaf_of(forged, "numbers", 1);
    const answer told = call({"page", file, text(leaf)});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(told.err.empty());
    BOOST_TEST(contains(told.out, "page " + text(leaf) + "  offset " + text(leaf * 4096) +
                                      "  leaf of 'numbers', level 0, parent page "));
    BOOST_TEST(contains(told.out, "fixed leaf, level 0, tree 1"));
    BOOST_TEST(contains(told.out, " <= key < "));
    BOOST_TEST(!contains(told.out, "wrong"));

    const json document = call({"page", file, text(leaf), "--json"}).json();
    BOOST_TEST(document["schema"] == "pinyon.page/1");
    BOOST_TEST(document["kind"] == "leaf");
    BOOST_TEST(document["tree"] == "numbers");
    BOOST_TEST(document["sound"] == true);
    BOOST_TEST(document["parent"] == forged.record("numbers").root.page);
    const json& node = document["node"];
    const pinyon::format::page_header header = forged.header(leaf);
    BOOST_TEST(field(node["header"], "entries")["found"] == text(header.count));
    BOOST_TEST(field(node["header"], "entries")["offset"] == leaf * 4096 + 4);
    BOOST_TEST(node["entries"].size() == header.count);
    BOOST_TEST(node["entries"][0]["key"] >= node["lower"]);
    BOOST_TEST(node["entries"][1]["key"] > node["entries"][0]["key"]);
    BOOST_TEST(node["entries"].back()["key"] < node["upper"]);
    // The sample's value of key i * 7919 % 100003 is i.
    const std::uint64_t value = node["entries"][0]["value"];
    BOOST_TEST(node["entries"][0]["key"] == value * 7919 % 100'003);
}

BOOST_AUTO_TEST_CASE(slots_and_inner_nodes_are_decoded) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    const std::uint64_t root = forged.record("texts").root.page;
    const answer told = call({"page", file, text(root)});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.out, "slotted inner node, level 1, tree 3"));
    BOOST_TEST(contains(told.out, "(open)"));
    BOOST_TEST(contains(told.out, "-> page "));
    const json node = call({"page", file, text(root), "--json"}).json()["node"];
    const pinyon::node_schema schema = forged.schema("texts");
    const pinyon::slotted_node inner(forged.page(root), schema);
    BOOST_TEST(node["entries"].size() == inner.count());
    for (unsigned i = 0; i < inner.count(); ++i) {
        BOOST_TEST(node["entries"][i]["child"]["page"] == inner.child(i).page);
        BOOST_TEST(node["entries"][i]["child"]["entries"] == inner.child(i).count);
        pinyon::key_buffer room;
        BOOST_TEST(node["entries"][i]["key"] == pinyon::as_text(inner.key(i, room)));
    }
    BOOST_TEST(node["lower"].is_null());
    BOOST_TEST(node["upper"].is_null());

    const json leaf = call({"page", file, text(inner.child(0).page), "--json"}).json()["node"];
    BOOST_TEST(leaf["entries"].size() == inner.child(0).count);
    BOOST_TEST(contains(call({"page", file, text(inner.child(0).page)}).out,
                        "a large value of 20,000 bytes"));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_in_a_node_is_marked) {
    const folder here;
    const std::string file = checked_sample(here);
    const forged_file sound(io::posix_file_system(), file);
    const struct {
        const char* tree;
        std::uint32_t offset;
        std::uint8_t flip;
        const char* name;
    } cases[] = {
        {"numbers", 0, 0xff, "checksum"},
        {"numbers", 4, 1, "entries"},
        {"numbers", 8, 0x40, "page"},
        {"numbers", 16, 2, "identity"},
        {"numbers", 20, 9, "identity"},
        {"numbers", 31, 0x80, "born"},
        {"numbers", 32, 1, "lower"},
        {"numbers", 38, 1, "fence flags"},
        {"numbers", 40, 1, "lower fence bytes"},
        {"numbers", 46, 1, "reserved"},
        {"texts", 33, 0x70, "lower, end of the slots"},
        {"texts", 35, 0xff, "upper, start of the heap"},
        {"texts", 37, 0xff, "garbage in the heap"},
        {"texts", 43, 0xff, "upper fence bytes"},
        {"texts", 44, 3, "prefix bytes"},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT(each.tree << ' ' << each.name << " at " << each.offset) {
            forged_file forged = sound;
            const std::uint64_t leaf = *leaf_of(forged, each.tree, 1);
            forged.page(leaf)[each.offset] ^= std::byte{each.flip};
            forged.save();
            const answer told = call({"page", file, text(leaf)});
            BOOST_TEST(told.code == 3);
            BOOST_TEST(contains(told.err, "page " + text(leaf) + " is damaged"));
            BOOST_TEST(contains(told.err, "next: pinyon check"));
            BOOST_TEST(contains(told.out, "wrong: expected"));
            BOOST_TEST(contains(told.out, "fixed leaf, level 0, tree 1") ==
                       (std::string(each.tree) == "numbers"));
            const answer document = call({"page", file, text(leaf), "--json"});
            BOOST_TEST(document.code == 3);
            const json fields = document.json()["node"]["header"];
            BOOST_TEST(field(fields, each.name).contains("expected"));
            BOOST_TEST(field(fields, "checksum").contains("expected"));
            BOOST_TEST(document.json()["sound"] == false);
            BOOST_TEST(document.json()["findings"].size() >= 1u);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_slot_that_points_nowhere_is_shown_and_marked) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    const std::uint64_t leaf = *leaf_of(forged, "texts", 1);
    // The third slot: its cell begins behind the page; the head of the fourth is another key's.
    pinyon::store(forged.page(leaf) + 112 + 2 * 10, std::uint16_t{65'000});
    pinyon::store(forged.page(leaf) + 112 + 3 * 10 + 6, std::uint32_t{0});
    forged.reseal();
    forged.save();
    const answer told = call({"page", file, text(leaf)});
    BOOST_TEST(told.code == 3);
    BOOST_TEST(contains(told.out, "wrong: its cell"));
    BOOST_TEST(contains(told.out, "wrong: head 0x00000000"));
    BOOST_TEST(contains(told.out, "a slot points outside the heap"));
    const json entries = call({"page", file, text(leaf), "--json"}).json()["node"]["entries"];
    BOOST_TEST(entries[2].contains("defect"));
    BOOST_TEST(entries[3].contains("defect"));
    BOOST_TEST(!entries[4].contains("defect"));
    BOOST_TEST(entries[4]["key"].is_string());
}

BOOST_AUTO_TEST_CASE(metas_are_decoded_also_when_neither_serves) {
    for (const std::uint32_t page_bytes : {4096u, 8192u}) {
        const folder here;
        const std::string file = checked_sample(here, page_bytes);
        BOOST_TEST_CONTEXT("page size " << page_bytes) {
            const answer sound = call({"page", file, "0"});
            BOOST_TEST(sound.code == 0);
            BOOST_TEST(contains(sound.out, "meta 0"));
            BOOST_TEST(contains(sound.out, "meta 1") == (page_bytes == 8192));
            BOOST_TEST(contains(sound.out, "closed cleanly"));
            const json fields = call({"page", file, "0", "--json"}).json()["lists"][0]["fields"];
            BOOST_TEST(field(fields, "page_bytes")["found"] == text(page_bytes));
            BOOST_TEST(field(fields, "page_bytes")["offset"] == 12);

            forged_file forged(io::posix_file_system(), file);
            forged.content[60] ^= std::byte{1};
            forged.save();
            const answer one = call({"page", file, "0"});
            BOOST_TEST(one.code == 3);
            BOOST_TEST(contains(one.out, "wrong: expected 0x"));
            BOOST_TEST(contains(one.err, "meta 0: wrong checksum"));

            forged.content[4096 + 12] ^= std::byte{1};
            forged.save();
            for (const char* page : {"0", "1"}) {
                const answer both = call({"page", file, page});
                BOOST_TEST(both.code == 3);
                BOOST_TEST(contains(both.out, "(computed)"));
                BOOST_TEST(contains(both.err, "both meta pages"));
            }
            BOOST_TEST(contains(call({"page", file, "1"}).out, "4096, 8192, 16384 or 32768"));
            BOOST_TEST(call({"page", file, "2"}).code == 3);
            BOOST_TEST(call({"page", file, "2"}).out.empty());
        }
    }
}

BOOST_AUTO_TEST_CASE(pages_of_a_large_value_say_what_they_are) {
    const folder here;
    const std::string file = checked_sample(here);
    const std::uint64_t first = first_of(file, "extent_data");
    const answer data = call({"page", file, text(first + 1)});
    BOOST_TEST(data.code == 0);
    BOOST_TEST(contains(data.out, "large value of 'texts'"));
    BOOST_TEST(contains(data.out, "page 2 of 5, bytes 4096 to 8191 of the run"));
    const answer sums = call({"page", file, text(first + 5)});
    BOOST_TEST(sums.code == 0);
    BOOST_TEST(contains(sums.out, "checksums of a large value of 'texts'"));
    BOOST_TEST(contains(sums.out, "page 1 of 1"));

    const answer owner = call({"owner", file, text(first + 4)});
    BOOST_TEST(owner.code == 0);
    BOOST_TEST(contains(owner.out, "key large, refers to a large value of 20,000 bytes"));
    BOOST_TEST(contains(owner.out, "page 5 of 5 of data"));
    BOOST_TEST(contains(call({"owner", file, text(first + 5)}).out, "page 1 of 1 of checksums"));

    forged_file forged(io::posix_file_system(), file);
    forged.page(first + 1)[17] ^= std::byte{1};
    forged.save();
    const answer damaged = call({"page", file, text(first + 1)});
    BOOST_TEST(damaged.code == 3);
    BOOST_TEST(contains(damaged.out, "wrong: expected 0x"));
    BOOST_TEST(call({"page", file, text(first + 2)}).code == 0);
    BOOST_TEST(call({"owner", file, text(first + 1)}).code == 3);
    BOOST_TEST(call({"owner", file, text(first + 2)}).code == 0);
}

BOOST_AUTO_TEST_CASE(pages_of_a_value_in_pieces_name_the_piece) {
    const folder here;
    const std::string file = here / "a.pinyon";
    {
        pinyon::options chosen;
        chosen.pool_bytes = std::uint64_t{8} << 20;
        const auto made = pinyon::database::open(file, chosen);
        made.update([](pinyon::write_transaction& tx) {
            const std::uint64_t length = pinyon::run_bytes_max + 5000;
            auto writer = tx.open(texts).put_stream("long", length);
            const std::string chunk(1 << 20, 'l');
            for (std::uint64_t done = 0; done < length; done += chunk.size()) {
                writer.write(pinyon::as_bytes(std::string_view(chunk).substr(0, length - done)));
            }
            writer.finish();
        });
    }
    forged_file forged(io::posix_file_system(), file);
    const pinyon::node_schema schema = forged.schema("texts");
    const pinyon::slotted_node leaf(forged.page(forged.record("texts").root.page), schema);
    const auto list = pinyon::load<format::extent_reference>(leaf.value(0).data());
    const auto second =
        pinyon::load<format::extent_reference>(forged.page(list.first) + sizeof list);
    const answer pieces = call({"page", file, text(list.first)});
    BOOST_TEST(pieces.code == 0);
    BOOST_TEST(contains(pieces.out, "the list of the value's pieces"));
    BOOST_TEST(contains(pieces.out, "5,000 bytes from page " + text(second.first) + " on"));
    const answer data = call({"page", file, text(second.first + 1)});
    BOOST_TEST(data.code == 0);
    BOOST_TEST(contains(data.out, "page 2 of 2"));
    const answer owner = call({"owner", file, text(second.first)});
    BOOST_TEST(owner.code == 0);
    BOOST_TEST(contains(owner.out, "names piece 1 of 2, from page " + text(second.first) + " on"));
}

BOOST_AUTO_TEST_CASE(image_and_free_pages_say_what_they_are) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    const answer image = call({"page", file, text(forged.meta.free_first)});
    BOOST_TEST(image.code == 0);
    BOOST_TEST(contains(image.out, "free-space image"));
    BOOST_TEST(contains(image.out, "pending_runs"));
    const answer owner = call({"owner", file, text(forged.meta.free_first)});
    BOOST_TEST(owner.code == 0);
    BOOST_TEST(contains(owner.out, "as free-space image"));

    const std::uint64_t empty = first_of(file, "free");
    BOOST_TEST(call({"page", file, text(empty)}).code == 0);
    const answer nobody = call({"owner", file, text(empty)});
    BOOST_TEST(nobody.code == 0);
    BOOST_TEST(contains(nobody.out, "as free: the next writer may take them"));

    // What was a leaf before is still told, with its tree's types.
    pinyon::database::open(file).update(
        [](pinyon::write_transaction& tx) {
            auto tree = tx.open(numbers);
            for (std::uint64_t i = 0; i < 100'000; i += 500) { tree.put(i, i); }
        },
        pinyon::durability::checkpoint);
    std::uint64_t remains = 0;
    const json document = call({"pages", file, "--json"}).json();
    for (const json& each : document["pages"]) {
        if (each["kind"] != "free" && each["kind"] != "pending") { continue; }
        if (contains(call({"page", file, text(each["page"])}).out, "was once a fixed leaf")) {
            remains = each["page"];
        }
    }
    BOOST_TEST(remains != 0u);
    BOOST_TEST(call({"page", file, text(remains), "--json"}).json()["node"]["entries"].size() >
               10u);
}

BOOST_AUTO_TEST_CASE(the_dump_shows_every_byte_and_what_begins_there) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    const std::uint64_t leaf = *leaf_of(forged, "texts", 0);
    const answer told = call({"page", file, text(leaf), "--hex"});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.out, "|"));
    BOOST_TEST(contains(told.out, "checksum, entries, page"));
    BOOST_TEST(contains(told.out, "key 0"));
    BOOST_TEST(contains(told.out, "entry 0"));
    const std::string hex = call({"page", file, text(leaf), "--hex", "--json"}).json()["hex"];
    BOOST_TEST(hex.size() == 8192u);
    const answer refused = call({"page", file, text(leaf), "--hex", "--bytes=redacted"});
    BOOST_TEST(refused.code == 2);
    BOOST_TEST(contains(refused.err, "next: pinyon page --help"));
}

BOOST_AUTO_TEST_CASE(the_chain_of_owners_leads_from_the_meta_to_the_page) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    const std::uint64_t leaf = *leaf_of(forged, "numbers", 2);
    const json document = call({"owner", file, text(leaf), "--json"}).json();
    BOOST_TEST(document["schema"] == "pinyon.owner/1");
    BOOST_TEST(document["tree"] == "numbers");
    const json& chain = document["chain"];
    BOOST_REQUIRE(chain.size() == 4u);
    BOOST_TEST(chain[0]["who"] == "meta " + text(forged.meta.sequence & 1));
    BOOST_TEST(chain[1]["page"] == forged.meta.catalog.page);
    BOOST_TEST(contains(chain[1]["text"], "its entry 'numbers' names page " +
                                              text(forged.record("numbers").root.page)));
    BOOST_TEST(chain[2]["page"] == forged.record("numbers").root.page);
    BOOST_TEST(chain[3]["page"] == leaf);
    BOOST_TEST(contains(chain[3]["text"], " <= key < "));

    const answer meta = call({"owner", file, "1"});
    BOOST_TEST(meta.code == 0);
    BOOST_TEST(contains(meta.out, "the format"));
    const answer catalog = call({"owner", file, text(forged.meta.catalog.page)});
    BOOST_TEST(catalog.code == 0);
    BOOST_TEST(contains(catalog.out, "leaf of the catalog"));
}

BOOST_AUTO_TEST_CASE(a_page_of_nobody_is_a_no_and_below_damage_it_is_damage) {
    const folder here;
    const std::string file = checked_sample(here);
    const forged_file sound(io::posix_file_system(), file);

    // A free page that the image no longer has.
    forged_file forged = sound;
    const std::uint64_t image = forged.meta.free_first;
    auto header = pinyon::load<format::free_image_header>(forged.page(image));
    BOOST_REQUIRE(header.bitmap_words == 0u);
    auto run = pinyon::load<format::free_run>(forged.page(image) + sizeof header);
    BOOST_REQUIRE(run.count > 1u);
    const std::uint64_t lost = run.first;
    ++run.first;
    --run.count;
    --header.free_pages;
    pinyon::store(forged.page(image), header);
    pinyon::store(forged.page(image) + sizeof header, run);
    forged.reseal();
    forged.save();
    const answer nobody = call({"owner", file, text(lost)});
    BOOST_TEST(nobody.code == 1);
    BOOST_TEST(contains(nobody.out, "without an owner"));
    BOOST_TEST(contains(nobody.out, "page_lost"));

    forged_file broken = sound;
    const std::uint64_t leaf = *leaf_of(broken, "numbers", 2);
    broken.page(broken.record("numbers").root.page)[200] ^= std::byte{1};
    broken.save();
    const answer hidden = call({"owner", file, text(leaf)});
    BOOST_TEST(hidden.code == 3);
    BOOST_TEST(contains(hidden.err, "parts of the file are damaged"));
    // What it holds can be read all the same.
    const answer shown = call({"page", file, text(leaf)});
    BOOST_TEST(shown.code == 3);
    BOOST_TEST(contains(shown.out, "was once a fixed leaf"));
}

BOOST_AUTO_TEST_CASE(a_page_that_is_not_there_is_a_no) {
    const folder here;
    const std::string file = checked_sample(here);
    for (const char* verb : {"page", "owner"}) {
        BOOST_TEST_CONTEXT(verb) {
            for (const char* page : {"99999", "18446744073709551615"}) {
                const answer told = call({verb, file, page});
                BOOST_TEST(told.code == 1);
                BOOST_TEST(told.out.empty());
                BOOST_TEST(contains(told.err, "found no page"));
            }
            for (const words& each : std::vector<words>{{verb, file},
                                                        {verb, file, "-1"},
                                                        {verb, file, "x"},
                                                        {verb, file, "1", "2"},
                                                        {verb, file, "1", "--nothing"}}) {
                BOOST_TEST(call(each).code == 2);
            }
            BOOST_TEST(call({verb, here / "absent", "1"}).code == 4);
            write_file(here / "other", std::string(10'000, 'x'));
            BOOST_TEST(call({verb, here / "other", "1"}).code == 5);
        }
    }
}

BOOST_AUTO_TEST_CASE(a_cut_file_tells_of_the_pages_that_are_gone) {
    const folder here;
    const std::string file = checked_sample(here);
    forged_file forged(io::posix_file_system(), file);
    const std::uint64_t pages = forged.meta.page_count;
    forged.content.resize((pages / 2) * 4096 + 100);
    forged.save();
    BOOST_TEST(call({"page", file, text(pages - 1)}).code == 3);
    BOOST_TEST(contains(call({"page", file, text(pages - 1)}).out, "the file ends after 0 of"));
    BOOST_TEST(contains(call({"page", file, text(pages / 2)}).out, "the file ends after 100 of"));
    BOOST_TEST(call({"owner", file, text(pages - 1)}).code == 3);
    BOOST_TEST(contains(call({"owner", file, text(pages - 1)}).err, "ends before this page"));
}

BOOST_AUTO_TEST_CASE(hostile_keys_reach_no_terminal) {
    const folder here;
    const std::string file = hostile_sample(here);
    const std::uint64_t leaf =
        call({"tree", file, "--tree", "t\u00e4", "--json"}).json()["nodes"][0]["page"];
    require_harmless({"page", file, text(leaf)});
    require_harmless({"owner", file, text(leaf)});
    BOOST_TEST(contains(call({"page", file, text(leaf)}).out, "k\\x1b[31m"));
    BOOST_TEST(!contains(call({"page", file, text(leaf), "--hex"}).out, "\x1b"));
}
