#include "tools/tree_comparison.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "tools/escape.hpp"
#include "tools/stored_value.hpp"

namespace pinyon::tool {

namespace {

// Longer values are compared piece by piece.
constexpr std::uint64_t piece_bytes = std::uint64_t{256} << 10;

// Forged files may have right checksums.
[[noreturn]] void raise_forged(const tree_information& tree, const std::string& what) {
    raise(errc::corrupt, fmt::format("tree '{}': {}", escaped(tree.name), what));
}

[[nodiscard]] bool same_value(tree_side& a, tree_side& b) {
    const std::uint64_t length = a.value_length();
    if (length != b.value_length()) { return false; }
    if (length <= piece_bytes) {
        const bytes left = a.value();
        const bytes right = b.value();
        return std::equal(left.begin(), left.end(), right.begin(), right.end());
    }
    tree_side::pieces left(a);
    tree_side::pieces right(b);
    for (std::uint64_t done = 0; done < length;) {
        const bytes one = left.next();
        const bytes other = right.next();
        if (!std::equal(one.begin(), one.end(), other.begin(), other.end())) { return false; }
        done += one.size();
    }
    return true;
}

}  // namespace

tree_side::tree_side(const compared_file& file, tree_information tree)
    : file_(file), tree_(std::move(tree)) {
    file_.guard([&] {
        content_ = file_.snapshot().open_raw(tree_.name);
        at_ = content_.cursor();
        stand(at_.first());
    });
}

void tree_side::next() {
    file_.guard([&] { stand(at_.next()); });
}

void tree_side::stand(bool valid) {
    if (!valid) {
        done_ = true;
        if (walked_ != tree_.entries) {
            raise_forged(tree_, fmt::format("found {} entries, expected {} as the catalog says",
                                            walked_, tree_.entries));
        }
        return;
    }
    const bytes key = at_.key();
    last_key_.swap(key_);
    key_.assign(key.begin(), key.end());
    if (walked_ != 0 && compare(last_key_, key_) >= 0) {
        raise_forged(tree_, fmt::format("found entry {} out of the order of the keys", walked_));
    }
    ++walked_;
}

std::uint64_t tree_side::value_length() const {
    return file_.guard([&] { return at_.value_length(); });
}

bytes tree_side::value() {
    return file_.guard([&] { return value_at(content_, at_, room_); });
}

tree_side::pieces::pieces(const tree_side& side)
    : side_(side), reader_(side.file_.guard([&] {
          std::optional<value_reader> reader = side.content_.get_stream(side.key_);
          if (!reader) {
              raise_forged(side.tree_, "a search does not find an entry that a leaf holds");
          }
          return *std::move(reader);
      })) {}

bytes tree_side::pieces::next() {
    return side_.file_.guard([&] {
        const std::uint64_t left = reader_.length() - reader_.position();
        room_.resize(std::min(piece_bytes, left));
        if (reader_.read(room_) != room_.size()) {
            raise_forged(side_.tree_, "a large value ends too early");
        }
        return bytes(room_);
    });
}

comparison_counts compare_trees(tree_side& a, tree_side& b,
                                const std::function<bool(entry_difference)>& tell,
                                const std::function<void(const comparison_counts&)>& look) {
    comparison_counts counts;
    bool go_on = true;
    while (go_on && !(a.done() && b.done())) {
        const int order = a.done() ? 1 : b.done() ? -1 : compare(a.key(), b.key());
        if (order < 0) {
            ++counts.only_a;
            go_on = tell(entry_difference::only_a);
        } else if (order > 0) {
            ++counts.only_b;
            go_on = tell(entry_difference::only_b);
        } else if (same_value(a, b)) {
            ++counts.equal;
        } else {
            ++counts.changed;
            go_on = tell(entry_difference::changed);
        }
        look(counts);
        if (order <= 0) { a.next(); }
        if (order >= 0) { b.next(); }
    }
    return counts;
}

}  // namespace pinyon::tool
