#define BOOST_TEST_MODULE replay
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/replay.hpp"
#include "support/bytes_of.hpp"
#include "support/errors.hpp"
#include "support/store_rig.hpp"
#include "support/transaction_rig.hpp"

using namespace pinyon;
using test::key_of;
using test::random_numbers;
using test::transaction_rig;

namespace {

using core_handle = std::shared_ptr<transaction_core>;

struct shape {
    tree_types types;
    tree_options options;
};

const shape shapes[] = {
    {raw_types(), {}},
    {{"u64", "u64", 8, 8, 8}, {}},
    {{"u32", "u64", 4, 8, 8}, {3}},
    {{"u64", "string", 8, 0, 1}, {}},
    {{"u64", "struct(3000,8)", 8, 3000, 8}, {}},  // too long for packed columns
};
const shape& raw_shape = shapes[0];
const shape& fixed_shape = shapes[1];

writable_raw_tree make_tree(const core_handle& core, const std::string& name, const shape& of) {
    opened_tree* tree = core->change([&] {
        return &core->create(name, make_record(of.types, of.options, core->store().page_bytes()));
    });
    return writable_raw_tree(core, tree);
}

writable_raw_tree tree_of(const core_handle& core, const std::string& name) {
    opened_tree* tree = core->open(name);
    BOOST_REQUIRE(tree != nullptr);
    return writable_raw_tree(core, tree);
}

void rename(transaction_core& core, const std::string& from, const std::string& to) {
    core.change([&] { core.rename(from, to); });
}

bool drop(transaction_core& core, const std::string& name) {
    return core.change([&] { return core.drop(name); });
}

std::string random_value(random_numbers& next, std::size_t length) {
    std::string value(length, '\0');
    for (char& letter : value) { letter = static_cast<char>(next()); }
    return value;
}

// Random transactions in one file, each done again in another one.
class twin_rig {
public:
    explicit twin_rig(std::uint64_t seed) : next_(seed) {}

    // True when it was committed.
    bool run_transaction() {
        log_.clear();
        core_ = first.begin(&log_);
        const std::uint64_t steps = 1 + next_.below(40);
        for (std::uint64_t i = 0; i < steps; ++i) { step(); }
        const bool changed = log_.count() != 0;
        if (next_.below(8) == 0) {
            first.abort(*core_);
            names_ = committed_names_;
            return false;
        }
        BOOST_TEST(!log_.overflowed());
        first.commit(*core_);
        committed_names_ = names_;
        if (changed) { repeat(); }
        return true;
    }

    transaction_rig first;
    transaction_rig second;

private:
    void repeat() {
        const core_handle core = second.begin();
        BOOST_TEST(core->id() == core_->id());
        again_.apply(*core, log_.payload(), log_.count());
        second.commit(*core);
    }

    void step() {
        const std::uint64_t choice = names_.empty() ? 0 : next_.below(40);
        if (choice == 0) { return create(); }
        const std::size_t at = next_.below(names_.size());
        const std::string name = names_[at];
        if (choice == 1) { return rename_to(at, "renamed" + std::to_string(next_.below(1000))); }
        if (choice == 2 && names_.size() > 3) {
            BOOST_TEST(drop(*core_, name));
            names_.erase(names_.begin() + static_cast<std::ptrdiff_t>(at));
            return;
        }
        change(tree_of(core_, name), choice);
    }

    void create() {
        if (names_.size() == 8) { return; }
        const std::string name = "tree" + std::to_string(++created_);
        make_tree(core_, name, shapes[next_.below(std::size(shapes))]);
        names_.push_back(name);
    }

    void rename_to(std::size_t at, const std::string& to) {
        if (names_[at] != to && std::count(names_.begin(), names_.end(), to) != 0) {
            BOOST_TEST(pinyon::test::code_of([&] {
                           static_cast<void>(rename(*core_, names_[at], to));
                       }) == errc::exists);
            return;
        }
        rename(*core_, names_[at], to);
        names_[at] = to;
    }

    std::string random_key(const tree_types& types) {
        const std::uint64_t number = next_.below(300);
        if (types.key_bytes != 0) { return key_of(number, types.key_bytes); }
        std::string key = std::to_string(number);
        key.resize(key.size() + number % 7 * 60, 'x');
        return key;
    }

    std::string value_for(const tree_types& types) {
        if (types.value_bytes != 0) { return random_value(next_, types.value_bytes); }
        constexpr std::size_t lengths[] = {0, 5, 60, 400, 1500, 20000};
        return random_value(next_, lengths[next_.below(next_.below(10) == 0 ? 6 : 5)]);
    }

    void change(writable_raw_tree tree, std::uint64_t choice) {
        const tree_types types = tree.types();
        const std::string key = random_key(types);
        const std::string value = value_for(types);
        if (choice < 20) { return tree.put(as_bytes(key), as_bytes(value)); }
        if (choice < 26) {
            static_cast<void>(tree.insert(as_bytes(key), as_bytes(value)));
        } else if (choice < 32) {
            static_cast<void>(tree.erase(as_bytes(key)));
        } else if (choice < 34) {
            erase_range(tree, key, random_key(types));
        } else if (choice < 36) {
            copy_within(tree, key);
        } else if (types.value_bytes == 0) {
            stream(tree, key, value);
        }
    }

    void erase_range(writable_raw_tree& tree, const std::string& a, const std::string& b) {
        std::optional<bytes> lo = as_bytes(std::min(a, b));
        std::optional<bytes> hi = as_bytes(std::max(a, b));
        const std::uint64_t open = next_.below(30);
        if (open == 0) { lo.reset(); }
        if (open == 1) { hi.reset(); }
        tree.erase(lo, hi);
    }

    // Key and value are views of the tree that they change.
    void copy_within(writable_raw_tree& tree, const std::string& key) {
        raw_cursor cursor = tree.cursor();
        if (!cursor.seek(as_bytes(key))) { return; }
        if (next_.below(2) == 0) {
            tree.put(as_bytes(key), cursor.value());
        } else {
            BOOST_TEST(tree.erase(cursor.key()));
        }
    }

    void stream(writable_raw_tree& tree, const std::string& key, const std::string& value) {
        value_writer writer = tree.put_stream(as_bytes(key), value.size());
        const std::size_t half = value.size() / 2;
        writer.write(as_bytes(value).first(half));
        if (next_.below(3) == 0) { return; }  // it goes unfinished
        value_writer moved = std::move(writer);
        moved.write(as_bytes(value).subspan(half));
        moved.finish();
    }

    random_numbers next_;
    operation_buffer log_;
    replayer again_;
    core_handle core_;
    std::vector<std::string> names_;
    std::vector<std::string> committed_names_;
    unsigned created_ = 0;
};

// What one call records in a database with a raw tree "t" that holds "here" -> "value", and an
// empty tree "e".
class recording_rig {
public:
    recording_rig() {
        const core_handle core = rig.begin();
        make_tree(core, "t", raw_shape).put(as_bytes("here"), as_bytes("value"));
        make_tree(core, "e", raw_shape);
        make_tree(core, "f", fixed_shape).put(as_bytes(key_of(1)), as_bytes(key_of(1)));
        rig.commit(*core);
        running = rig.begin(&log);
        tree = tree_of(running, "t");
    }
    ~recording_rig() { rig.abort(*running); }
    recording_rig(const recording_rig&) = delete;
    recording_rig& operator=(const recording_rig&) = delete;

    transaction_rig rig;
    operation_buffer log;
    core_handle running;
    writable_raw_tree tree;
};

// A payload that is made by hand.
struct batch {
    operation_buffer operations;
    errc expected;
    const char* what;
};

// Applies to a transaction that is then aborted.
void require_refused(transaction_rig& rig, const batch& bad) {
    BOOST_TEST_CONTEXT(bad.what) {
        const core_handle core = rig.begin();
        replayer again;
        const std::string id = "transaction " + std::to_string(core->id());
        BOOST_CHECK_EXCEPTION(
            again.apply(*core, bad.operations.payload(), bad.operations.count()), error,
            [&](const error& caught) {
                BOOST_TEST(name(caught.kind()) == std::string(name(bad.expected)));
                BOOST_TEST_CONTEXT(caught.what()) {
                    BOOST_TEST(std::string(caught.what()).find(id) != std::string::npos);
                }
                return true;
            });
        rig.abort(*core);
    }
}

}  // namespace

BOOST_AUTO_TEST_CASE(what_is_replayed_is_what_was_done) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        BOOST_TEST_CONTEXT("seed " << seed) {
            twin_rig twins(seed);
            unsigned committed = 0;
            for (unsigned i = 0; i < 60; ++i) {
                committed += twins.run_transaction() ? 1U : 0U;
                if (i % 20 == 19) {
                    const transaction_rig::content expected = twins.first.read();
                    BOOST_TEST(!expected.empty());
                    BOOST_TEST((twins.second.read() == expected));
                    BOOST_TEST(twins.second.last_transaction() == twins.first.last_transaction());
                }
            }
            BOOST_TEST(committed > 30U);
            twins.first.require_sound();
            twins.second.require_sound();
        }
    }
}

BOOST_AUTO_TEST_CASE(every_change_is_recorded_once) {
    const struct {
        const char* what;
        std::uint32_t recorded;
        void (*run)(recording_rig&);
    } cases[] = {
        {"put", 1, [](recording_rig& r) { r.tree.put(as_bytes("a"), as_bytes("b")); }},
        {"put over", 1, [](recording_rig& r) { r.tree.put(as_bytes("here"), as_bytes("b")); }},
        {"insert", 1, [](recording_rig& r) { r.tree.insert(as_bytes("a"), as_bytes("b")); }},
        {"insert refused", 0,
         [](recording_rig& r) { BOOST_TEST(!r.tree.insert(as_bytes("here"), as_bytes("b"))); }},
        {"erase", 1, [](recording_rig& r) { BOOST_TEST(r.tree.erase(as_bytes("here"))); }},
        {"erase nothing", 0, [](recording_rig& r) { BOOST_TEST(!r.tree.erase(as_bytes("a"))); }},
        {"erase a range", 1,
         [](recording_rig& r) { BOOST_TEST(r.tree.erase(as_bytes("a"), std::nullopt) == 1U); }},
        {"erase an empty range", 0,
         [](recording_rig& r) { BOOST_TEST(r.tree.erase(as_bytes("i"), as_bytes("z")) == 0U); }},
        {"a key too long", 0,
         [](recording_rig& r) {
             const std::string key(5000, 'k');
             BOOST_TEST(pinyon::test::code_of([&] {
                            static_cast<void>(r.tree.put(as_bytes(key), {}));
                        }) == errc::key_too_long);
         }},
        {"a value of another width", 0,
         [](recording_rig& r) {
             BOOST_TEST(pinyon::test::code_of([&] {
                            static_cast<void>(tree_of(r.running, "f").put(as_bytes(key_of(1)), {}));
                        }) == errc::type_mismatch);
         }},
        {"create", 1, [](recording_rig& r) { make_tree(r.running, "new", raw_shape); }},
        {"create a second", 0,
         [](recording_rig& r) {
             BOOST_TEST(pinyon::test::code_of([&] {
                            static_cast<void>(make_tree(r.running, "t", raw_shape));
                        }) == errc::exists);
         }},
        {"create without a name", 0,
         [](recording_rig& r) {
             BOOST_TEST(pinyon::test::code_of([&] {
                            static_cast<void>(make_tree(r.running, "", raw_shape));
                        }) == errc::misuse);
         }},
        {"rename", 1, [](recording_rig& r) { rename(*r.running, "t", "u"); }},
        {"rename to itself", 0, [](recording_rig& r) { rename(*r.running, "t", "t"); }},
        {"rename nothing", 0,
         [](recording_rig& r) {
             BOOST_TEST(pinyon::test::code_of([&] {
                            static_cast<void>(rename(*r.running, "x", "y"));
                        }) == errc::no_such_tree);
         }},
        {"rename to another", 0,
         [](recording_rig& r) {
             BOOST_TEST(pinyon::test::code_of([&] {
                            static_cast<void>(rename(*r.running, "t", "e"));
                        }) == errc::exists);
         }},
        {"drop", 1, [](recording_rig& r) { BOOST_TEST(drop(*r.running, "t")); }},
        {"drop nothing", 0, [](recording_rig& r) { BOOST_TEST(!drop(*r.running, "x")); }},
        {"a short stream", 1,
         [](recording_rig& r) {
             value_writer writer = r.tree.put_stream(as_bytes("s"), 3);
             writer.write(as_bytes("abc"));
             writer.finish();
         }},
        {"a long stream", 1,
         [](recording_rig& r) {
             const auto value = test::pattern(100000, 1);
             value_writer writer = r.tree.put_stream(as_bytes("s"), value.size());
             writer.write(value);
             BOOST_TEST(r.log.count() == 0U);
             writer.finish();
         }},
        {"a stream that goes unfinished", 0,
         [](recording_rig& r) {
             value_writer writer = r.tree.put_stream(as_bytes("s"), 100000);
             writer.write(as_bytes("abc"));
         }},
        {"a stream finished too early", 0,
         [](recording_rig& r) {
             value_writer writer = r.tree.put_stream(as_bytes("s"), 100000);
             BOOST_TEST(pinyon::test::code_of([&] { static_cast<void>(writer.finish()); }) ==
                        errc::misuse);
         }},
        {"a load that goes unfinished", 0,
         [](recording_rig& r) {
             raw_loader loader = tree_of(r.running, "e").begin_load();
             loader.append(as_bytes("a"), as_bytes("b"));
         }},
        {"a load of nothing", 0,
         [](recording_rig& r) { tree_of(r.running, "e").begin_load().finish(); }},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT(each.what) {
            recording_rig rig;
            each.run(rig);
            BOOST_TEST(rig.log.count() == each.recorded);
            BOOST_TEST(rig.log.payload().empty() == (each.recorded == 0));
            BOOST_TEST(!rig.log.overflowed());
        }
    }
}

BOOST_AUTO_TEST_CASE(what_is_too_much_for_the_log_overflows) {
    const std::vector<std::byte> mebibyte(std::size_t{1} << 20);
    const struct {
        const char* what;
        void (*run)(recording_rig&, bytes chunk);
    } cases[] = {
        {"a load",
         [](recording_rig& r, bytes) {
             raw_loader loader = tree_of(r.running, "e").begin_load();
             loader.append(as_bytes("a"), as_bytes("b"));
             BOOST_TEST(!r.log.overflowed());
             loader.finish();
         }},
        {"a stream above the limit",
         [](recording_rig& r, bytes chunk) {
             value_writer writer = r.tree.put_stream(as_bytes("s"), 17 * chunk.size());
             for (unsigned i = 0; i < 17; ++i) { writer.write(chunk); }
             BOOST_TEST(!r.log.overflowed());
             writer.finish();
         }},
        {"a stream that had room when it began",
         [](recording_rig& r, bytes chunk) {
             value_writer writer = r.tree.put_stream(as_bytes("s"), 9 * chunk.size());
             for (unsigned i = 0; i < 9; ++i) { writer.write(chunk); }
             for (unsigned i = 0; i < 9; ++i) { r.tree.put(as_bytes("p"), chunk); }
             BOOST_TEST(!r.log.overflowed());
             writer.finish();
         }},
        {"a stream that an overflow interrupts",
         [](recording_rig& r, bytes chunk) {
             value_writer writer = r.tree.put_stream(as_bytes("s"), 2 * chunk.size());
             writer.write(chunk);
             r.log.overflow();
             writer.write(chunk);
             writer.finish();
         }},
        {"many puts",
         [](recording_rig& r, bytes chunk) {
             for (unsigned i = 0; i < 17; ++i) { r.tree.put(as_bytes(key_of(i)), chunk); }
         }},
    };
    for (const auto& each : cases) {
        BOOST_TEST_CONTEXT(each.what) {
            recording_rig rig;
            each.run(rig, mebibyte);
            BOOST_TEST(rig.log.overflowed());
            BOOST_TEST(rig.log.payload().empty());
            rig.tree.put(as_bytes("after"), as_bytes("it"));
            BOOST_TEST(rig.log.count() == 0U);
        }
    }
}

BOOST_AUTO_TEST_CASE(without_a_log_nothing_is_recorded) {
    recording_rig rig;
    rig.tree.put(as_bytes("a"), as_bytes("b"));
    value_writer writer = rig.tree.put_stream(as_bytes("s"), 100000);
    rig.running->record_into(nullptr);
    rig.tree.put(as_bytes("c"), as_bytes("d"));
    drop(*rig.running, "e");
    BOOST_TEST(rig.log.count() == 1U);
    writer.write(test::pattern(100000, 3));
    writer.finish();
    BOOST_TEST(rig.log.count() == 1U);
    BOOST_TEST(rig.tree.contains(as_bytes("s")));
}

// A bound from a tree of other keys is recorded as the tree understands it.
BOOST_AUTO_TEST_CASE(cuts_of_other_trees_are_replayed) {
    twin_rig twins(0);
    operation_buffer log;
    replayer again;
    const core_handle core = twins.first.begin(&log);
    writable_raw_tree fixed = make_tree(core, "fixed", fixed_shape);
    const writable_raw_tree raw = make_tree(core, "raw", raw_shape);
    for (std::uint64_t i = 0; i < 2000; ++i) {
        fixed.put(as_bytes(key_of(i)), as_bytes(key_of(i)));
    }
    const std::string lo = key_of(0x1ff) + "longer";
    const std::string hi = key_of(0x500).substr(0, 7);
    BOOST_TEST(fixed.erase(raw.cut(as_bytes(lo)), raw.cut(as_bytes(hi))) == 0x300U);
    BOOST_TEST(fixed.contains(as_bytes(key_of(0x1ff))));
    BOOST_TEST(!fixed.contains(as_bytes(key_of(0x200))));
    BOOST_TEST(fixed.contains(as_bytes(key_of(0x500))));
    twins.first.commit(*core);
    const core_handle repeated = twins.second.begin();
    again.apply(*repeated, log.payload(), log.count());
    twins.second.commit(*repeated);
    BOOST_TEST((twins.second.read() == twins.first.read()));
}

// More than the pool holds: the replayer lets it evict between operations.
BOOST_AUTO_TEST_CASE(a_batch_larger_than_the_pool_is_replayed) {
    transaction_rig first(4096, std::uint64_t{4} << 20);
    transaction_rig second(4096, std::uint64_t{4} << 20);
    operation_buffer log;
    replayer again;
    const core_handle core = first.begin(&log);
    writable_raw_tree tree = make_tree(core, "t", raw_shape);
    const std::string value(400, 'v');
    random_numbers next(5);
    for (unsigned i = 0; i < 30000; ++i) { tree.put(as_bytes(key_of(next())), as_bytes(value)); }
    BOOST_TEST(!log.overflowed());
    first.commit(*core);
    const core_handle repeated = second.begin();
    again.apply(*repeated, log.payload(), log.count());
    second.commit(*repeated);
    BOOST_TEST(again.operations() == log.count());
    BOOST_TEST((second.read() == first.read()));
    second.require_sound();
}

BOOST_AUTO_TEST_CASE(what_cannot_have_been_recorded_is_refused) {
    transaction_rig rig;
    const core_handle core = rig.begin();
    make_tree(core, "raw", raw_shape).put(as_bytes("k"), as_bytes("v"));                  // 1
    make_tree(core, "fixed", fixed_shape).put(as_bytes(key_of(1)), as_bytes(key_of(1)));  // 2
    make_tree(core, "text", shapes[3]);                                                   // 3
    rig.commit(*core);
    const std::uint32_t page_bytes = 4096;
    format::catalog_record blank = make_record(raw_types(), {}, page_bytes);
    blank.tree = 4;
    format::catalog_record second_number = blank;
    second_number.tree = 5;
    format::catalog_record wrong_layout = blank;
    wrong_layout.layout = static_cast<std::uint8_t>(format::node_layout::fixed);
    format::catalog_record wrong_width = make_record(fixed_shape.types, {}, page_bytes);
    wrong_width.tree = 4;
    wrong_width.key_bytes = 100000;
    format::catalog_record wrong_alignment = blank;
    wrong_alignment.value_alignment = 3;
    format::catalog_record wrong_degree = make_record(fixed_shape.types, {}, page_bytes);
    wrong_degree.tree = 4;
    wrong_degree.minimum_degree = 100000;
    format::catalog_record wrong_type = blank;
    wrong_type.key_type[0] = '\x01';
    const std::string long_key(513, 'k');
    const std::string eight = key_of(7);

    std::vector<batch> cases;
    const auto add = [&cases](const char* what, errc expected, auto&& fill) {
        cases.push_back({{}, expected, what});
        fill(cases.back().operations);
    };
    using buffer = operation_buffer;
    add("no such tree", errc::log_corrupt, [&](buffer& b) { b.put(9, as_bytes("k"), {}); });
    add("the catalog", errc::log_corrupt, [&](buffer& b) { b.erase(0, as_bytes("raw")); });
    add("a dropped tree", errc::log_corrupt, [&](buffer& b) {
        b.drop_tree(1);
        b.put(1, as_bytes("k"), {});
    });
    add("a long key", errc::log_corrupt, [&](buffer& b) { b.put(1, as_bytes(long_key), {}); });
    add("a key's width", errc::log_corrupt,
        [&](buffer& b) { b.put(2, as_bytes("k"), as_bytes(eight)); });
    add("a value's width", errc::log_corrupt,
        [&](buffer& b) { b.put(2, as_bytes(eight), as_bytes("v")); });
    add("a key's width in a slotted tree", errc::log_corrupt,
        [&](buffer& b) { b.put(3, as_bytes("k"), as_bytes("v")); });
    add("an erased key's width", errc::log_corrupt, [&](buffer& b) { b.erase(2, as_bytes("k")); });
    add("an erased key that is absent", errc::log_mismatch,
        [&](buffer& b) { b.erase(1, as_bytes("other")); });
    add("a bound's width", errc::log_corrupt,
        [&](buffer& b) { b.erase_range(2, as_bytes("k"), std::nullopt); });
    add("a long bound", errc::log_corrupt,
        [&](buffer& b) { b.erase_range(1, std::nullopt, as_bytes(long_key)); });
    add("an empty range", errc::log_mismatch,
        [&](buffer& b) { b.erase_range(1, as_bytes("x"), std::nullopt); });
    add("a range that ends before it begins", errc::log_mismatch,
        [&](buffer& b) { b.erase_range(1, as_bytes("z"), as_bytes("a")); });
    add("another number", errc::log_mismatch,
        [&](buffer& b) { b.create_tree("new", second_number); });
    add("a name that is taken", errc::log_mismatch,
        [&](buffer& b) { b.create_tree("raw", blank); });
    add("no name", errc::log_corrupt, [&](buffer& b) { b.create_tree("", blank); });
    add("a layout", errc::log_corrupt, [&](buffer& b) { b.create_tree("new", wrong_layout); });
    add("a width", errc::log_corrupt, [&](buffer& b) { b.create_tree("new", wrong_width); });
    add("an alignment", errc::log_corrupt,
        [&](buffer& b) { b.create_tree("new", wrong_alignment); });
    add("a degree", errc::log_corrupt, [&](buffer& b) { b.create_tree("new", wrong_degree); });
    add("a type", errc::log_corrupt, [&](buffer& b) { b.create_tree("new", wrong_type); });
    add("a rename to a name that is taken", errc::log_mismatch,
        [&](buffer& b) { b.rename_tree(1, "fixed"); });
    add("a rename to nothing", errc::log_corrupt, [&](buffer& b) { b.rename_tree(1, ""); });
    add("a rename of nothing", errc::log_corrupt, [&](buffer& b) { b.rename_tree(9, "new"); });
    add("a drop of nothing", errc::log_corrupt, [&](buffer& b) { b.drop_tree(9); });
    const transaction_rig::content before = rig.read();
    for (const batch& each : cases) { require_refused(rig, each); }
    BOOST_TEST((rig.read() == before));

    // What was refused above for its details alone is taken without them.
    operation_buffer good;
    good.create_tree("new", blank);
    good.rename_tree(4, "newer");
    good.put(4, as_bytes("k"), as_bytes("v"));
    good.erase(1, as_bytes("k"));
    good.drop_tree(1);
    const core_handle last = rig.begin();
    replayer again;
    again.apply(*last, good.payload(), good.count());
    rig.commit(*last);
    const transaction_rig::content after = rig.read();
    BOOST_TEST(after.count("raw") == 0U);
    BOOST_REQUIRE(after.count("newer") == 1U);
    BOOST_TEST(after.at("newer").entries.at("k") == "v");
    rig.require_sound();
}

// Names that a refused batch brought are forgotten with it.
BOOST_AUTO_TEST_CASE(a_replayer_goes_on_after_a_refusal) {
    transaction_rig rig;
    format::catalog_record blank = make_record(raw_types(), {}, 4096);
    blank.tree = 1;
    operation_buffer log;
    log.create_tree("a", blank);
    log.drop_tree(77);
    replayer again;
    core_handle core = rig.begin();
    BOOST_TEST(pinyon::test::code_of([&] {
                   static_cast<void>(again.apply(*core, log.payload(), log.count()));
               }) == errc::log_corrupt);
    rig.abort(*core);
    log.clear();
    log.put(1, as_bytes("k"), as_bytes("v"));
    core = rig.begin();
    BOOST_TEST(pinyon::test::code_of([&] {
                   static_cast<void>(again.apply(*core, log.payload(), log.count()));
               }) == errc::log_corrupt);
    rig.abort(*core);
    log.clear();
    log.create_tree("b", blank);
    log.put(1, as_bytes("k"), as_bytes("v"));
    core = rig.begin();
    again.apply(*core, log.payload(), log.count());
    rig.commit(*core);
    BOOST_TEST(rig.read().at("b").entries.at("k") == "v");
}

// Damage that the checksums of a forged log hide: an error or other data, nothing worse.
BOOST_AUTO_TEST_CASE(forged_operations_do_no_harm) {
    transaction_rig source;
    operation_buffer log;
    core_handle core = source.begin(&log);
    random_numbers next(11);
    for (unsigned i = 0; i < 5; ++i) {
        writable_raw_tree tree = make_tree(core, "t" + std::to_string(i), shapes[i]);
        const tree_types types = tree.types();
        for (unsigned entry = 0; entry < 4; ++entry) {
            tree.put(as_bytes(key_of(entry, types.key_bytes == 0 ? 8 : types.key_bytes)),
                     as_bytes(random_value(next, types.value_bytes == 0 ? 10 : types.value_bytes)));
        }
        tree.erase(std::nullopt, as_bytes(key_of(2, types.key_bytes == 0 ? 8 : types.key_bytes)));
    }
    drop(*core, "t1");
    rename(*core, "t2", "t1");
    source.abort(*core);
    transaction_rig rig;
    std::vector<std::byte> forged(log.payload().begin(), log.payload().end());
    unsigned refused = 0;
    for (unsigned round = 0; round < 3000; ++round) {
        BOOST_TEST_CONTEXT("round " << round) {
            // Most of the bytes are of long values; half of the hits are among the others.
            const std::size_t at = next.below(2) == 0 ? next.below(400) : next.below(forged.size());
            const std::byte before = forged[at];
            forged[at] ^= static_cast<std::byte>(1 + next.below(255));
            core = rig.begin();
            replayer again;
            try {
                again.apply(*core, forged, log.count());
                static_cast<void>(core->seal());
            } catch (const error& refusal) {
                ++refused;
                BOOST_TEST(
                    (refusal.kind() == errc::log_corrupt || refusal.kind() == errc::log_mismatch));
            }
            rig.abort(*core);
            forged[at] = before;
        }
    }
    BOOST_TEST(refused > 0U);
    core = rig.begin();
    replayer again;
    again.apply(*core, forged, log.count());
    rig.commit(*core);
    BOOST_TEST(rig.read().size() == 4U);
    rig.require_sound();
}
