#include "tools/dense_copy.hpp"

#include <optional>

#include <fmt/format.h>

#include "pinyon/engine/trim.hpp"
#include "pinyon/engine/value_stream.hpp"
#include "tools/escape.hpp"
#include "tools/stored_value.hpp"

namespace pinyon::tool {

namespace {

// Longer values are copied piece by piece, behind the others.
constexpr std::uint64_t piece_bytes = std::uint64_t{1} << 20;

// A step of the building. What does not fit the types that the source's catalog names is damage of
// the source: a forged file may have right checksums.
template <class Step>
decltype(auto) build(const new_file& to, const std::string& tree, Step&& step) {
    try {
        return std::forward<Step>(step)();
    } catch (const error& failure) {
        switch (failure.kind()) {
            case errc::misuse:
            case errc::exists:
            case errc::type_mismatch:
            case errc::key_too_long:
            case errc::value_too_long:
                raise(errc::corrupt, fmt::format("tree '{}' contradicts its catalog record: {}",
                                                 escaped(tree), failure.what()));
            default:
                to.refuse(failure);
        }
    }
}

class tree_copy {
public:
    tree_copy(const inspected_file& from, const tree_information& tree, write_transaction& change,
              const new_file& to)
        : from_(from.snapshot().open_raw(tree.name)),
          tree_(tree),
          to_(to),
          into_(build(to, tree.name, [&] {
              return change.open_as(tree.name, from_.types(), {tree.minimum_degree});
          })) {}

    // Calls `look` with the entries of this tree copied so far.
    void run(const std::function<void(std::uint64_t)>& look) {
        const bool has_long = load(look);
        if (has_long) { put_long(look); }
        const std::uint64_t made = build(to_, tree_.name, [&] { return into_.size(); });
        if (made != tree_.entries) {
            raise(errc::corrupt,
                  fmt::format("tree '{}': found {} entries, expected {} as the catalog says",
                              escaped(tree_.name), made, tree_.entries));
        }
    }

private:
    // All values but the long ones; returns whether there are such.
    bool load(const std::function<void(std::uint64_t)>& look) {
        bool has_long = false;
        std::vector<std::byte> room;
        std::optional<raw_loader> loader;
        // A load leaves the page of the empty root behind. What is a lone leaf goes into that page.
        if (tree_.height > 1) {
            build(to_, tree_.name, [&] { loader.emplace(into_.begin_load(1.0)); });
        }
        raw_cursor at = from_.cursor();
        for (bool valid = at.first(); valid; valid = at.next()) {
            if (at.value_length() > piece_bytes) {
                has_long = true;
                continue;
            }
            const bytes key = at.key();
            const bytes value = value_at(from_, at, room);
            build(to_, tree_.name,
                  [&] { loader ? loader->append(key, value) : into_.put(key, value); });
            look(++entries_);
        }
        if (loader) {
            build(to_, tree_.name, [&] { loader->finish(); });
        }
        return has_long;
    }

    void put_long(const std::function<void(std::uint64_t)>& look) {
        raw_cursor at = from_.cursor();
        for (bool valid = at.first(); valid; valid = at.next()) {
            if (at.value_length() <= piece_bytes) { continue; }
            const bytes key = at.key();
            std::optional<value_reader> reader = from_.get_stream(key);
            if (!reader) {
                raise(errc::corrupt,
                      fmt::format("tree '{}': a search does not find an entry that a leaf holds",
                                  escaped(tree_.name)));
            }
            put_one(key, *reader, look);
            look(++entries_);
        }
    }

    void put_one(bytes key, value_reader& reader, const std::function<void(std::uint64_t)>& look) {
        value_writer writer =
            build(to_, tree_.name, [&] { return into_.put_stream(key, reader.length()); });
        std::vector<std::byte> piece(piece_bytes);
        while (writer.written() < writer.length()) {
            const std::size_t got = reader.read(piece);
            if (got == 0) {
                raise(errc::corrupt,
                      fmt::format("tree '{}': a large value ends too early", escaped(tree_.name)));
            }
            build(to_, tree_.name, [&] { writer.write(bytes(piece).first(got)); });
            look(entries_);
        }
        build(to_, tree_.name, [&] { writer.finish(); });
    }

    raw_tree from_;
    const tree_information& tree_;
    const new_file& to_;
    writable_raw_tree into_;
    std::uint64_t entries_ = 0;
};

}  // namespace

std::uint64_t copy_densely(const inspected_file& from, const new_file& to,
                           const std::function<void(std::uint64_t)>& look) {
    options how;
    how.page_bytes = from.opened().page_bytes();
    database made = to.build([&] { return database::open(to.temporary(), how); });
    std::uint64_t entries = 0;
    {
        write_transaction change = to.build([&] { return made.begin_write(); });
        for (const tree_information& tree : from.snapshot().trees()) {
            tree_copy(from, tree, change, to).run([&](std::uint64_t now) { look(entries + now); });
            entries += tree.entries;
        }
        to.build([&] { change.commit(durability::checkpoint); });
    }
    to.build([&] {
        made.close();
        trim_file(io::posix_file_system(), to.temporary());
    });
    return entries;
}

}  // namespace pinyon::tool
