// `pinyon recover` against a model: small files in which stale copies abound, every page of them
// destroyed in turn. What is lost is what stood there, and nothing that was erased or replaced
// comes back.
#define BOOST_TEST_MODULE tool_recover
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "pinyon/engine/check.hpp"
#include "pinyon/engine/database.hpp"
#include "support/database_content.hpp"
#include "support/forged_file.hpp"
#include "support/page_uses.hpp"
#include "support/stale_workload.hpp"
#include "support/tool_call.hpp"

using namespace pinyon;
using namespace pinyon::test;

namespace {

constexpr tree_spec<std::uint64_t, std::uint64_t> quiet{"quiet"};

void destroy(forged_file& file, std::uint64_t page, std::uint64_t seed) {
    std::mt19937_64 random(seed * 7919 + page);
    std::byte* const data = file.page(page);
    for (std::uint32_t i = 0; i < file.meta.page_bytes; ++i) {
        data[i] = seed % 3 == 0 ? std::byte{0} : static_cast<std::byte>(random() & 0xff);
    }
}

struct recovered {
    answer told;
    nlohmann::json report;
    content trees;       // without lost+found
    content lost_found;  // by tree
    std::map<std::string, std::map<std::string, std::uint64_t>> born;

    [[nodiscard]] const nlohmann::json& tree(const std::string& name) const {
        for (const auto& each : report["trees"]) {
            if (each["name"] == name) { return each; }
        }
        throw std::runtime_error("no tree " + name);
    }
};

[[nodiscard]] check_options every_descent() {
    check_options options;
    options.root_descend = true;
    return options;
}

// Recovers the file into a new one that is sound.
recovered recover(const std::string& file, const folder& here) {
    recovered result;
    const std::string output = here / "saved.pinyon";
    fs::remove(output);
    const std::string before = read_file(file);
    result.told = call({"recover", file, "--output", output, "--json"});
    BOOST_TEST((read_file(file) == before));
    if (!fs::exists(output)) { return result; }
    result.report = result.told.json();
    const check_summary summary = check(output, every_descent(), [](const finding& found) {
        BOOST_TEST(false, "in what was saved: " << found.text);
    });
    BOOST_TEST(summary.complete);
    constexpr std::string_view prefix = "lost+found/";
    constexpr std::string_view suffix = "@transaction";
    for (auto& [name, entries] : entries_of(output)) {
        if (!name.starts_with(prefix)) {
            result.trees[name] = entries;
        } else if (!name.ends_with(suffix)) {
            result.lost_found[name.substr(prefix.size())] = entries;
        } else {
            auto& born =
                result
                    .born[name.substr(prefix.size(), name.size() - prefix.size() - suffix.size())];
            for (const auto& [key, value] : entries) {
                std::memcpy(&born[key], value.data(), sizeof(std::uint64_t));
            }
        }
    }
    return result;
}

tree_content without(tree_content entries, const std::set<std::string>& keys) {
    for (const std::string& key : keys) { entries.erase(key); }
    return entries;
}

// Every entry of the saved trees is one of the model: nothing erased or replaced came back. What is
// in lost+found was true once, says when, and is of keys that no tree has.
void require_nothing_came_back(const recovered& saved, const stale_workload& model,
                               std::uint64_t transaction) {
    for (const auto& [name, entries] : saved.trees) {
        BOOST_TEST_CONTEXT("tree " << name) {
            const auto found = model.now.find(name);
            BOOST_REQUIRE(found != model.now.end());
            for (const auto& [key, value] : entries) {
                const auto entry = found->second.find(key);
                BOOST_REQUIRE(entry != found->second.end());
                BOOST_TEST((entry->second == value));
            }
        }
    }
    for (const auto& [name, entries] : saved.lost_found) {
        BOOST_TEST_CONTEXT("lost+found of " << name) {
            BOOST_REQUIRE(model.ever.count(name) == 1U);
            for (const auto& [key, value] : entries) {
                BOOST_TEST(model.ever.at(name).at(key).count(value) == 1U);
                BOOST_TEST(saved.trees.at(name).count(key) == 0U);
                const std::uint64_t born = saved.born.at(name).at(key);
                BOOST_TEST((born >= 1 && born <= transaction));
            }
        }
    }
}

void require_all(const recovered& saved, const stale_workload& model) {
    BOOST_TEST(saved.told.code == 0, saved.told.err);
    BOOST_TEST((saved.trees == model.now));
    BOOST_TEST(saved.lost_found.empty());
    BOOST_TEST(saved.report["whole"] == true);
}

// What is lost with one page of a closed file.
void judge_page(const recovered& saved, const stale_workload& model, forged_file& whole,
                const std::map<std::uint64_t, page_role>& uses, std::uint64_t page) {
    const auto found = uses.find(page);
    if (found == uses.end()) { return require_all(saved, model); }  // free, or the image of it
    const page_role& use = found->second;
    if (use.level != 0) { return require_all(saved, model); }
    BOOST_TEST(saved.told.code == 6);
    BOOST_TEST(saved.report["whole"] == false);
    if (use.tree.empty()) {
        // The catalog: all entries, under other names.
        BOOST_TEST(saved.trees.size() == model.now.size());
        for (const auto& [name, entries] : model.now) {
            const std::string number = "tree-" + std::to_string(whole.record(name).tree);
            BOOST_REQUIRE(saved.trees.count(number) == 1U);
            BOOST_TEST((saved.trees.at(number) == entries));
            BOOST_TEST(saved.tree(number)["last_known_name"] == name);
        }
        return;
    }
    require_nothing_came_back(saved, model, whole.meta.transaction);
    const std::set<std::string> lost =
        use.extent_of.empty() ? use.keys : std::set<std::string>{use.extent_of};
    for (const auto& [name, entries] : model.now) {
        BOOST_TEST((saved.trees.at(name) == (name == use.tree ? without(entries, lost) : entries)));
    }
    const nlohmann::json& tree = saved.tree(use.tree);
    BOOST_TEST(tree["missing_entries"] == lost.size());
    if (use.extent_of.empty()) {
        BOOST_REQUIRE(tree["missing"].size() == 1U);
        BOOST_TEST(tree["missing"][0]["page"] == page);
        BOOST_TEST(tree["missing"][0]["entries"] == lost.size());
    } else {
        BOOST_TEST(tree["damaged_values"] == 1);
    }
}

struct tally {
    std::uint64_t leaves = 0;
    std::uint64_t inners = 0;
    std::uint64_t others = 0;
    std::uint64_t lost_found = 0;
};

tally destroy_each_page(std::uint32_t page_bytes, std::uint64_t seed, std::uint64_t rounds) {
    const folder here;
    stale_workload model(here / "whole.pinyon", page_bytes);
    model.run(seed, rounds);
    model.close();
    forged_file whole(io::posix_file_system(), here / "whole.pinyon");
    const page_uses uses(whole);
    tally count;
    const std::vector<std::byte> sound = whole.content;
    const free_space space = whole.space();
    for (std::uint64_t page = format::first_page(page_bytes); page < whole.meta.page_count;
         ++page) {
        const auto use = uses.all.find(page);
        // Of the free pages, those that were never used are all the same.
        if (use == uses.all.end() && space.is_free(page) && whole.header(page).page != page) {
            continue;
        }
        BOOST_TEST_CONTEXT("page " << page << " of " << whole.meta.page_count) {
            whole.content = sound;
            destroy(whole, page, seed + page);
            write_file(here / "damaged.pinyon",
                       std::string(as_text(std::as_bytes(std::span(whole.content)))));
            whole.content = sound;
            const recovered saved = recover(here / "damaged.pinyon", here);
            judge_page(saved, model, whole, uses.all, page);
            for (const auto& [name, entries] : saved.lost_found) {
                count.lost_found += entries.size();
            }
        }
        if (use == uses.all.end()) {
            ++count.others;
        } else {
            ++(use->second.level == 0 ? count.leaves : count.inners);
        }
    }
    return count;
}

}  // namespace

BOOST_AUTO_TEST_CASE(a_sound_file_is_saved_whole) {
    const folder here;
    stale_workload model(here / "a.pinyon");
    model.run(1, 6);
    model.close();
    require_all(recover(here / "a.pinyon", here), model);
    const answer told = call({"recover", here / "a.pinyon", "--output", here / "b.pinyon"});
    BOOST_TEST(told.code == 0);
    BOOST_TEST(contains(told.out, "all was saved"));
    BOOST_TEST(told.err.empty());
}

BOOST_AUTO_TEST_CASE(each_page_in_turn) {
    std::uint64_t lost_found = 0;
    const struct {
        std::uint32_t page_bytes;
        std::uint64_t seed;
        std::uint64_t rounds;
    } cases[] = {{4096, 2, 9}, {4096, 3, 4}, {8192, 4, 6}};
    for (const auto& each : cases) {
        const tally count = destroy_each_page(each.page_bytes, each.seed, each.rounds);
        BOOST_TEST(count.leaves > 20U);
        BOOST_TEST(count.inners >= 4U);
        BOOST_TEST(count.others > 5U);
        lost_found += count.lost_found;
        BOOST_TEST_MESSAGE(count.leaves << " leaves and extents, " << count.inners
                                        << " inner nodes, " << count.others << " other pages");
    }
    BOOST_TEST(lost_found > 0U);
}

// --- a file that was not closed ------------------------------------------------------------------

namespace {

// A process that died: two checkpoints, and commits in the log alone behind the last. The pages of
// one tree are those of both states.
void leave_open(stale_workload& model, std::uint64_t seed) {
    model.opened().update([&](write_transaction& tx) {
        for (std::uint64_t i = 0; i < 1500; ++i) { model.put(tx, quiet, i, i); }
    });
    model.run(seed, 5);
    std::mt19937_64 random(seed + 1);
    for (std::uint64_t round = 0; round < 3; ++round) {
        model.opened().update(
            [&](write_transaction& tx) { model.change(tx, random, 100 + round); });
        if (round == 0) { model.opened().checkpoint(); }
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_log_is_applied) {
    const folder live;
    const folder here;
    stale_workload model(live / "a.pinyon");
    leave_open(model, 21);
    model.copy_to(here);
    const recovered saved = recover(here / "a.pinyon", here);
    require_all(saved, model);
    BOOST_TEST(saved.report["log"]["transactions"] == 2);
}

// The older meta's state and the log from there on hold all that a damaged page of the newest state
// held; a page that both states share is lost, but for what the log put there since.
BOOST_AUTO_TEST_CASE(each_page_in_turn_beside_a_log) {
    const folder live;
    const folder here;
    const folder out;
    stale_workload model(live / "a.pinyon");
    leave_open(model, 22);
    model.copy_to(here);
    forged_file file(io::posix_file_system(), here / "a.pinyon");
    const std::vector<std::byte> sound = file.content;
    const page_uses uses(file);
    unsigned whole = 0;
    unsigned parts = 0;
    for (const auto& [page, use] : uses.all) {
        if (use.tree.empty()) { continue; }
        BOOST_TEST_CONTEXT("page " << page << " of tree " << use.tree << ", level " << use.level) {
            file.content = sound;
            destroy(file, page, page);
            file.save();
            const recovered saved = recover(here / "a.pinyon", out);
            if (saved.told.code == 0) {
                require_all(saved, model);
                ++whole;
                continue;
            }
            ++parts;
            BOOST_TEST(saved.told.code == 6);
            BOOST_TEST(saved.report["log"]["transactions"] == 2);
            require_nothing_came_back(saved, model, file.meta.transaction);
            for (const auto& [name, entries] : model.now) {
                const std::set<std::string> lost =
                    use.extent_of.empty() ? use.keys : std::set<std::string>{use.extent_of};
                for (const auto& [key, value] : entries) {
                    const bool is_there = saved.trees.at(name).count(key) == 1;
                    BOOST_TEST((is_there || (name == use.tree && lost.count(key) == 1)));
                }
            }
        }
    }
    BOOST_TEST(whole > 3U);
    BOOST_TEST(parts > 3U);
}

BOOST_AUTO_TEST_CASE(a_damaged_log_is_applied_up_to_the_damage) {
    const folder live;
    const folder here;
    const folder out;
    stale_workload model(live / "a.pinyon");
    leave_open(model, 23);
    model.copy_to(here);
    const forged_file file(io::posix_file_system(), here / "a.pinyon");
    std::vector<std::string> segments;
    for (const std::string& name : here.names()) {
        if (contains(name, "-wal.")) { segments.push_back(name); }
    }
    BOOST_REQUIRE(segments.size() > 1U);
    for (const std::string& segment : segments) {
        BOOST_TEST_CONTEXT(segment) {
            const std::string sound = read_file(here / segment);
            std::string damaged = sound;
            for (std::size_t at = 100; at < damaged.size(); at += 512) { damaged[at] ^= 0x55; }
            write_file(here / segment, damaged);
            const recovered saved = recover(here / "a.pinyon", out);
            BOOST_TEST(saved.report["log"]["transactions"].get<int>() < 3);
            if (saved.told.code != 0) {
                BOOST_TEST(saved.told.code == 6);
                BOOST_TEST(!saved.report["log"]["problem"].is_null());
            }
            write_file(here / segment, sound);
        }
    }
    for (const std::string& segment : segments) { fs::remove(here / segment); }
    const recovered saved = recover(here / "a.pinyon", out);
    BOOST_TEST(saved.told.code == 6);
    BOOST_TEST(contains(saved.report["log"]["problem"].get<std::string>(), "gone"));
    BOOST_TEST(saved.trees.size() == model.now.size());
}

// Trees that come, go and change their names in the log alone.
BOOST_AUTO_TEST_CASE(the_log_changes_the_trees) {
    const folder live;
    const folder here;
    stale_workload model(live / "a.pinyon");
    model.run(24, 3);
    model.opened().update([&](write_transaction& tx) {
        tx.rename("texts", "words");
        tx.drop("large");
        tx.open(tree_spec<std::uint64_t, std::uint64_t>{"new"}).put(1, 2);
        tx.open(stale_workload::numbers).erase_range(0, 700);
    });
    model.copy_to(here);
    const recovered saved = recover(here / "a.pinyon", here);
    BOOST_TEST(saved.told.code == 0, saved.told.err);
    content expected = model.now;
    expected["words"] = expected["texts"];
    expected.erase("texts");
    expected.erase("large");
    auto& kept = expected["numbers"];
    key_buffer room;
    kept.erase(kept.begin(),
               kept.lower_bound(std::string(as_text(key_codec<std::uint64_t>::encode(700, room)))));
    BOOST_TEST(saved.trees.at("new").size() == 1U);
    expected["new"] = saved.trees.at("new");
    BOOST_TEST((saved.trees == expected));
    BOOST_TEST(saved.tree("words")["whole"] == true);
    BOOST_TEST(saved.report["trees_of_log"][0]["name"] == "new");
}

// --- metas ---------------------------------------------------------------------------------------

namespace {

void fill(const std::string& path, std::uint64_t offset, std::size_t size, char value) {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(offset));
    file << std::string(size, value);
}

}  // namespace

BOOST_AUTO_TEST_CASE(one_meta_is_enough) {
    for (const std::uint64_t slot : {0U, 1U}) {
        for (const bool closed : {true, false}) {
            BOOST_TEST_CONTEXT("slot " << slot << (closed ? ", closed" : ", with a log")) {
                const folder live;
                const folder here;
                stale_workload model(live / "a.pinyon");
                leave_open(model, 31);
                if (closed) { model.close(); }
                model.copy_to(here);
                fill(here / "a.pinyon", slot * 4096, 4096, 'x');
                const recovered saved = recover(here / "a.pinyon", here);
                require_all(saved, model);
                BOOST_TEST(saved.report["damaged_metas"].size() == 1U);
            }
        }
    }
}

// What is left of a meta names the uuid, or the log does: then every page can be verified.
BOOST_AUTO_TEST_CASE(without_metas_the_youngest_root_is_the_state) {
    const folder live;
    const folder here;
    stale_workload model(live / "a.pinyon", 8192);
    leave_open(model, 32);
    model.close();
    model.copy_to(here);
    for (const std::uint64_t slot : {0U, 1U}) { fill(here / "a.pinyon", slot * 4096, 32, 'x'); }
    const recovered saved = recover(here / "a.pinyon", here);
    BOOST_TEST(saved.told.code == 6);
    BOOST_TEST((saved.trees == model.now));
    BOOST_TEST(saved.report["meta"].is_null());
    BOOST_TEST(saved.report["page_bytes"] == 8192);
    const answer told = call({"recover", here / "a.pinyon", "--output", here / "b.pinyon"});
    BOOST_TEST(contains(told.out, "no meta tells the state"));
    BOOST_TEST(contains(told.err, "not all was saved"));
}

BOOST_AUTO_TEST_CASE(the_log_names_the_uuid) {
    const folder live;
    const folder here;
    stale_workload model(live / "a.pinyon");
    model.run(33, 5);
    model.copy_to(here);
    fill(here / "a.pinyon", 0, 8192, 'x');
    const recovered saved = recover(here / "a.pinyon", here);
    BOOST_TEST(saved.told.code == 6);
    BOOST_TEST((saved.trees == model.now));
    BOOST_TEST(contains(saved.report["log"]["problem"].get<std::string>(), "no meta"));
}

BOOST_AUTO_TEST_CASE(without_metas_and_uuid_nothing_is_claimed) {
    const folder here;
    stale_workload model(here / "a.pinyon");
    model.run(34, 2);
    model.close();
    const std::string sound = read_file(here / "a.pinyon");
    fill(here / "a.pinyon", 8, 8184, 'x');
    const answer damaged = call({"recover", here / "a.pinyon", "--output", here / "b.pinyon"});
    BOOST_TEST(damaged.code != 0);
    fill(here / "a.pinyon", 0, 8192, 'x');
    const answer none = call({"recover", here / "a.pinyon", "--output", here / "b.pinyon"});
    BOOST_TEST(none.code == 5);
    write_file(here / "a.pinyon", sound.substr(0, 8192));
    const answer cut = call({"recover", here / "a.pinyon", "--output", here / "c.pinyon"});
    BOOST_TEST(cut.code == 6);
    write_file(here / "a.pinyon", "");
    BOOST_TEST(call({"recover", here / "a.pinyon", "--output", here / "b.pinyon"}).code == 5);
    BOOST_TEST(!fs::exists(here / "b.pinyon"));
}

// --- several pages -------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(random_pages) {
    const folder here;
    const folder out;
    stale_workload model(here / "whole.pinyon");
    model.run(41, 9);
    model.close();
    forged_file file(io::posix_file_system(), here / "whole.pinyon");
    const std::vector<std::byte> sound = file.content;
    const page_uses uses(file);
    std::vector<std::uint64_t> used;
    for (const auto& [page, use] : uses.all) {
        if (!use.tree.empty()) { used.push_back(page); }
    }
    for (std::uint64_t seed = 0; seed < 150; ++seed) {
        std::mt19937_64 random(seed);
        file.content = sound;
        std::string what;
        std::map<std::string, std::set<std::string>> lost;
        for (std::uint64_t i = 0; i < 2 + seed % 5; ++i) {
            const std::uint64_t page = used[random() % used.size()];
            const page_role& use = uses.all.at(page);
            destroy(file, page, seed);
            what += std::to_string(page) + " ";
            if (!use.extent_of.empty()) {
                lost[use.tree].insert(use.extent_of);
            } else if (use.level == 0) {
                lost[use.tree].insert(use.keys.begin(), use.keys.end());
            }
        }
        // Every third time the image of the free space as well.
        const bool blind = seed % 3 == 0;
        if (blind) { destroy(file, file.meta.free_first, seed); }
        BOOST_TEST_CONTEXT("seed " << seed << ", pages " << what
                                   << (blind ? "and the image" : "")) {
            write_file(here / "damaged.pinyon",
                       std::string(as_text(std::as_bytes(std::span(file.content)))));
            const recovered saved = recover(here / "damaged.pinyon", out);
            BOOST_TEST((saved.told.code == 0 || saved.told.code == 6));
            require_nothing_came_back(saved, model, file.meta.transaction);
            if (saved.told.code == 0) { BOOST_TEST((saved.trees == model.now)); }
            for (const auto& [name, entries] : model.now) {
                const tree_content& found = saved.trees.at(name);
                BOOST_TEST(saved.tree(name)["missing_entries"] == entries.size() - found.size());
                // The image tells which orphans are current: what stood in no lost leaf is there.
                BOOST_TEST((blind || found == without(entries, lost[name])));
            }
        }
    }
}

// Without the image nothing proves what is current: below a lost root all goes to lost+found, of
// each key the youngest that is there.
BOOST_AUTO_TEST_CASE(without_the_image_nothing_is_put_back) {
    const folder here;
    const folder out;
    stale_workload model(here / "whole.pinyon");
    model.run(42, 9);
    model.close();
    forged_file file(io::posix_file_system(), here / "whole.pinyon");
    const page_uses uses(file);
    const std::vector<std::byte> sound = file.content;
    unsigned roots = 0;
    for (const auto& [root, of] : uses.all) {
        if (!of.is_root || of.tree.empty() || of.level == 0) { continue; }
        BOOST_TEST_CONTEXT("tree " << of.tree) {
            file.content = sound;
            destroy(file, file.meta.free_first, 1);
            destroy(file, root, 1);
            write_file(here / "damaged.pinyon",
                       std::string(as_text(std::as_bytes(std::span(file.content)))));
            const recovered saved = recover(here / "damaged.pinyon", out);
            BOOST_TEST(saved.told.code == 6);
            require_nothing_came_back(saved, model, file.meta.transaction);
            BOOST_TEST(saved.trees.at(of.tree).empty());
            BOOST_TEST(saved.report["free_space_problem"] == "it has a wrong checksum");
            for (const auto& [key, value] : model.now.at(of.tree)) {
                BOOST_TEST((saved.lost_found.at(of.tree).at(key) == value));
            }
            ++roots;
        }
    }
    BOOST_TEST(roots >= 3U);
}

// --- the catalog ---------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(without_catalog_and_image_all_is_lost_and_found) {
    const folder here;
    stale_workload model(here / "a.pinyon");
    model.run(43, 5);
    model.close();
    forged_file file(io::posix_file_system(), here / "a.pinyon");
    const std::uint64_t catalog = file.meta.catalog.page;
    std::map<std::string, std::string> numbers_of;
    for (const auto& [name, entries] : model.now) {
        numbers_of[name] = "tree-" + std::to_string(file.record(name).tree);
    }
    destroy(file, catalog, 1);
    destroy(file, file.meta.free_first, 1);
    file.save();
    const recovered saved = recover(here / "a.pinyon", here);
    BOOST_TEST(saved.told.code == 6);
    BOOST_TEST(saved.trees.empty());
    for (const auto& [name, entries] : model.now) {
        for (const auto& [key, value] : entries) {
            BOOST_TEST((saved.lost_found.at(numbers_of[name]).at(key) == value));
        }
    }
}

// No older catalog tells the types: text is raw bytes, and columns cannot be taken apart.
BOOST_AUTO_TEST_CASE(without_any_record_types_are_raw) {
    const folder here;
    stale_workload model(here / "a.pinyon");
    model.opened().update(
        [&](write_transaction& tx) {
            for (std::uint64_t i = 0; i < 500; ++i) {
                model.put(tx, stale_workload::texts, "text " + std::to_string(i),
                          std::to_string(i));
                model.put(tx, stale_workload::numbers, i, i);
            }
        },
        durability::checkpoint);
    model.close();
    forged_file file(io::posix_file_system(), here / "a.pinyon");
    const std::string texts_number = "tree-" + std::to_string(file.record("texts").tree);
    const std::string numbers_number = "tree-" + std::to_string(file.record("numbers").tree);
    destroy(file, file.meta.catalog.page, 1);
    file.save();
    const recovered saved = recover(here / "a.pinyon", here);
    BOOST_TEST(saved.told.code == 6);
    BOOST_TEST((saved.trees.at(texts_number) == model.now.at("texts")));
    BOOST_TEST(saved.trees.size() == 1U);
    BOOST_TEST(contains(saved.tree(numbers_number)["problem"].get<std::string>(), "widths"));
    const auto info = call({"info", here / "saved.pinyon", "--json"}).json();
    BOOST_TEST(info["trees"][0]["key_type"] == "bytes");
    const answer told = call({"recover", here / "a.pinyon", "--output", here / "b.pinyon"});
    BOOST_TEST(contains(told.out, "a part of the catalog is lost"));
}

// --- large values --------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(values_longer_than_the_copy_holds) {
    const folder here;
    stale_workload model(here / "a.pinyon");
    for (const char letter : {'a', 'b'}) {
        model.opened().update(
            [&](write_transaction& tx) {
                for (const unsigned mebibytes : {1U, 3U, 5U}) {
                    model.put(tx, stale_workload::large, "of " + std::to_string(mebibytes),
                              std::string((mebibytes << 20) + 7, letter));
                }
                model.put(tx, stale_workload::large, "short", std::string(1, letter));
            },
            durability::checkpoint);
    }
    model.close();
    require_all(recover(here / "a.pinyon", here), model);

    forged_file file(io::posix_file_system(), here / "a.pinyon");
    const page_uses uses(file);
    for (const auto& [page, use] : uses.all) {
        if (use.extent_of == "of 3") {
            destroy(file, page + 100, 1);
            break;
        }
    }
    file.save();
    const recovered saved = recover(here / "a.pinyon", here);
    BOOST_TEST(saved.told.code == 6);
    require_nothing_came_back(saved, model, file.meta.transaction);
    BOOST_TEST((saved.trees.at("large") == without(model.now.at("large"), {"of 3"})));
    BOOST_TEST(saved.tree("large")["missing_entries"] == 1);
}

// --- hostile files -------------------------------------------------------------------------------

namespace {

// Whatever the file says: an end, and what was made is sound.
void require_an_end(const std::string& file, const folder& out) {
    const recovered saved = recover(file, out);
    const std::set<int> codes{0, 3, 5, 6};
    BOOST_TEST(codes.count(saved.told.code) == 1U, saved.told.err);
}

}  // namespace

BOOST_AUTO_TEST_CASE(files_cut_anywhere) {
    const folder here;
    const folder out;
    stale_workload model(here / "whole.pinyon");
    model.run(61, 4);
    model.close();
    const std::string sound = read_file(here / "whole.pinyon");
    const forged_file whole(io::posix_file_system(), here / "whole.pinyon");
    for (std::size_t size = 0; size <= whole.meta.page_count * 4096; size += 2048) {
        BOOST_TEST_CONTEXT(size << " bytes") {
            write_file(here / "cut.pinyon", sound.substr(0, size));
            const recovered saved = recover(here / "cut.pinyon", out);
            const std::set<int> codes{0, 3, 5, 6};
            BOOST_TEST(codes.count(saved.told.code) == 1U, saved.told.err);
            if (saved.report.is_null() || saved.report["catalog_whole"] == false) { continue; }
            require_nothing_came_back(saved, model, whole.meta.transaction);
        }
    }
}

BOOST_AUTO_TEST_CASE(forged_pages_with_right_checksums) {
    const folder here;
    const folder out;
    stale_workload model(here / "whole.pinyon");
    model.run(62, 4);
    model.close();
    forged_file file(io::posix_file_system(), here / "whole.pinyon");
    const std::vector<std::byte> sound = file.content;
    const format::meta meta = file.meta;
    const page_uses uses(file);
    std::vector<std::uint64_t> used;
    for (const auto& [page, use] : uses.all) { used.push_back(page); }
    for (std::uint64_t seed = 0; seed < 400; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            std::mt19937_64 random(seed);
            file.content = sound;
            file.meta = meta;
            for (unsigned i = 0; i < 1 + seed % 3; ++i) {
                std::byte* const page = file.page(used[random() % used.size()]);
                // Mostly where counts, fences, slots and records are.
                const std::size_t offset = random() % (seed % 4 == 0 ? 4096 : 200);
                page[offset] = static_cast<std::byte>(random() & 0xff);
            }
            if (seed % 5 == 0) { destroy(file, used[random() % used.size()], seed); }
            try {
                file.reseal();
            } catch (const std::exception&) { continue; }  // not even a forger can follow it
            write_file(here / "forged.pinyon",
                       std::string(as_text(std::as_bytes(std::span(file.content)))));
            require_an_end(here / "forged.pinyon", out);
        }
    }
}

// --- the command ---------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(what_is_there_is_never_overwritten) {
    const folder here;
    const std::string file = sample(here);
    write_file(here / "new", "mine");
    const answer told = call({"recover", file, "--output", here / "new"});
    BOOST_TEST(told.code == 4);
    BOOST_TEST(read_file(here / "new") == "mine");
    BOOST_TEST(call({"recover", file}).code == 2);
    BOOST_TEST(call({"recover", here / "absent", "--output", here / "b"}).code == 4);
    BOOST_TEST(call({"recover", file, "--output", here / "no/such/folder"}).code == 4);
    const std::atomic<bool> interrupted{true};
    BOOST_TEST(call({"recover", file, "--output", here / "c"}, "", &interrupted).code == 130);
    BOOST_TEST((here.names() == std::vector<std::string>{"new", "sample.pinyon"}));
}

BOOST_AUTO_TEST_CASE(a_file_that_changes_meanwhile_is_not_saved) {
    const folder here;
    stale_workload model(here / "a.pinyon");
    model.run(52, 5);
    bool changed = false;
    const answer moved =
        call_beside({"recover", here / "a.pinyon", "--output", here / "b.pinyon"}, [&] {
            if (std::exchange(changed, true)) { return; }
            model.opened().update(
                [&](write_transaction& tx) { model.put(tx, stale_workload::numbers, 1, 2); });
            model.opened().checkpoint();
        });
    BOOST_TEST(moved.code == 6);
    BOOST_TEST(contains(moved.err, "while it was read"));
    BOOST_TEST(!fs::exists(here / "b.pinyon"));

    // A page that was sound when it was looked at, and is not when it is copied.
    model.close();
    forged_file file(io::posix_file_system(), here / "a.pinyon");
    const page_uses uses(file);
    for (const auto& [page, use] : uses.all) {
        if (use.tree == "texts" && use.level == 0) { destroy(file, page, 1); }
    }
    const answer failed =
        call_beside({"recover", here / "a.pinyon", "--output", here / "b.pinyon"}, [&] {
            if (here.names().size() > 1) { file.save(); }
        });
    BOOST_TEST(failed.code == 6);
    BOOST_TEST(contains(failed.err, "reads otherwise"));
    BOOST_TEST((here.names() == std::vector<std::string>{"a.pinyon"}));
}

BOOST_AUTO_TEST_CASE(the_text_names_what_is_missing) {
    const folder here;
    stale_workload model(here / "a.pinyon");
    model.run(51, 9);
    model.close();
    forged_file file(io::posix_file_system(), here / "a.pinyon");
    const page_uses uses(file);
    for (const auto& [page, use] : uses.all) {
        if (use.tree == "numbers" && use.level == 0) {
            destroy(file, page, 1);
            break;
        }
    }
    file.save();
    const answer told = call({"recover", here / "a.pinyon", "--output", here / "b.pinyon"});
    BOOST_TEST(told.code == 6);
    for (const char* part : {"not all was saved", "numbers", "missing from ", "entries, page",
                             "wrong checksum", "lost+found"}) {
        BOOST_TEST_CONTEXT(part) { BOOST_TEST(contains(told.out, part)); }
    }
    BOOST_TEST(contains(told.err, "next: pinyon info"));
    const answer silent =
        call({"recover", here / "a.pinyon", "--output", here / "c.pinyon", "--quiet"});
    BOOST_TEST(silent.code == 6);
    BOOST_TEST(silent.out.empty());
}
