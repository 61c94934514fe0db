#include "pinyon/engine/cursor.hpp"

#include <algorithm>
#include <utility>

#include "pinyon/engine/descent.hpp"
#include "pinyon/mmap/mutant.hpp"

namespace pinyon {

namespace {

// Leaves asked for ahead of a scan; asked for again when half of them are used up, so that a device
// always has 32 to 64 reads to work on.
constexpr unsigned read_ahead_leaves = 64;
// Leaves in a row that make a scan.
constexpr unsigned scan_leaves_min = 2;

}  // namespace

tree_cursor::tree_cursor(page_store& store, const tree_state& tree, over what) noexcept
    : store_(&store),
      tree_(&tree),
      what_(what),
      numbers_(what == over::snapshot && tree.schema.layout == format::node_layout::fixed &&
               tree.schema.key_bytes == sizeof(std::uint64_t)) {}

void tree_cursor::require_valid() const {
    if (!valid_) [[unlikely]] {
        raise(errc::misuse, "the cursor stands on no entry: seek, and look at valid()");
    }
}

// Runs `work`; a failure of the file is remembered and repeated.
template <class Work>
auto tree_cursor::guarded(Work&& work) const {
    if (failure_ && !mutant(34)) [[unlikely]] {
        raise(*failure_, "this cursor has failed before: make another");
    }
    try {
        return work();
    } catch (const error& failed) {
        if (failed.kind() == errc::corrupt || failed.kind() == errc::io) {
            failure_ = failed.kind();
        }
        throw;
    }
}

// `seek<Node>` moves and returns whether there is an entry; when it throws, the cursor stands
// nowhere.
template <class Seek>
void tree_cursor::move(Seek&& seek) {
    guarded([&] {
        valid_ = false;
        valid_ = with_layout(tree_->schema, [&]<class Node>(std::type_identity<Node> layout) {
            const bool found = seek(layout);
            if (found && what_ == over::changing_tree) { assemble_key<Node>(); }
            return found;
        });
    });
}

// look(node), of a node of the path, which is read again when it was evicted.
template <class Node, class Look>
auto tree_cursor::look(unsigned level, Look&& look) const {
    step& here = path_[level];
    if (store_->unchanged(here.view)) [[likely]] {
        auto result = look(Node(here.view.data, tree_->schema));
        if (store_->unchanged(here.view)) [[likely]] { return result; }
    }
    return look_at<Node>(*store_, tree_->schema, {here.view.page, 0, here.checksum}, level,
                         [&](const Node& node, const io::page_view& view) {
                             here.view = view;
                             return look(node);
                         });
}

// Makes the node at `at` the path's at `level`, standing where `choose(node, level)` says; returns
// the child there.
template <class Node, class Choose>
child_entry tree_cursor::enter(unsigned level, const child_entry& at, Choose&& choose) {
    step& here = path_[level];
    const child_entry child = look_at<Node>(
        *store_, tree_->schema, at, level, [&](const Node& node, const io::page_view& view) {
            here = {view, at.checksum, 0, node.count()};
            if (here.count == 0 && tree_->root.level != 0) {
                raise_damaged(at.page, "is an empty node");
            }
            here.index = choose(node, level);
            return level == 0 ? child_entry{} : node.child(here.index);
        });
    if (level != 0) { expect<Node>(*store_, tree_->schema, child.page, level - 1); }
    return child;
}

template <class Node, class Choose>
void tree_cursor::descend(Choose&& choose) {
    key_ready_ = false;
    changes_ = tree_->changes;
    scanned_ = 0;
    ahead_ = 0;
    beyond_ = {};
    coming_left_ = 0;
    child_entry at = root_entry(*tree_);
    for (unsigned level = tree_->root.level + 1; level-- > 0;) {
        at = enter<Node>(level, at, choose);
    }
    store_->source().count_visits(tree_->root.level + 1);
}

template <class Node>
bool tree_cursor::seek_from(bytes key, bool after) {
    descend<Node>([&](const Node& node, unsigned level) {
        if (level != 0) { return node.child_index(key); }
        const search_result found = node.lower_bound(key);
        return found.index + (found.equal && after ? 1 : 0);
    });
    return path_[0].index < path_[0].count || step_leaf<Node>(direction::forward, key);
}

template <class Node>
bool tree_cursor::seek_to(bytes key, bool including) {
    bool before = false;
    descend<Node>([&](const Node& node, unsigned level) {
        if (level != 0) { return node.child_index(key); }
        const search_result found = node.lower_bound(key);
        const unsigned end = found.index + (found.equal && including ? 1 : 0);
        before = end == 0;
        return before ? 0 : end - 1;
    });
    return !before || step_leaf<Node>(direction::backward, key);
}

template <class Node>
bool tree_cursor::seek_rank(std::uint64_t n) {
    if (n >= tree_->root.count) { return false; }
    std::uint64_t left = n;
    std::uint64_t left_below = n;
    unsigned level_before = tree_->root.level;
    descend<Node>([&](const Node& node, unsigned level) {
        // A visit may be repeated: what is left to pass changes only from level to level.
        if (level != level_before) { left = left_below; }
        level_before = level;
        left_below = left;
        unsigned index = 0;
        if (level == 0) {
            index = static_cast<unsigned>(std::min<std::uint64_t>(left, node.count()));
        } else {
            while (index < node.count() && left_below >= node.child(index).count) {
                left_below -= node.child(index).count;
                ++index;
            }
        }
        if (index == node.count()) {
            raise_damaged(node.page(), "holds fewer entries than its parent counts");
        }
        return index;
    });
    return true;
}

// To the nearest end of the neighbouring leaf; false when there is none. `edge`: the last key
// passed.
template <class Node>
bool tree_cursor::step_leaf(direction towards, bytes edge) {
    const bool forward = towards == direction::forward;
    const unsigned height = tree_->root.level + 1;
    unsigned level = 1;
    while (level < height &&
           (forward ? path_[level].index + 1 >= path_[level].count : path_[level].index == 0)) {
        ++level;
    }
    if (level >= height) { return false; }
    if (level > 1 || scanning_ != towards) {
        ahead_ = level == 2 && scanning_ == towards ? beyond_.ahead : 0;
        beyond_ = {};
    }
    if (scanning_ != towards) { scanned_ = 0; }
    scanning_ = towards;
    store_->source().count_visits(level);
    path_[level].index += forward ? 1U : ~0U;
    child_entry at =
        look<Node>(level, [&](const Node& node) { return node.child(path_[level].index); });
    while (level-- > 0) {
        at = enter<Node>(
            level, at, [&](const Node& node, unsigned) { return forward ? 0 : node.count() - 1; });
    }
    ++scanned_;
    read_ahead<Node>(towards);
    const bool in_order = look<Node>(0, [&](const Node& leaf) {
        key_buffer buffer;
        const int order = compare(leaf.key(path_[0].index, buffer), edge);
        return forward ? order > 0 : order < 0;
    });
    if (!in_order) {
        raise_damaged(path_[0].view.page, "its keys are not in the order of the tree");
    }
    key_ready_ = false;
    return true;
}

// Leaves are counted in the direction of the scan.
template <class Node>
void tree_cursor::read_ahead(direction towards) {
    std::array<io::page_number, read_ahead_leaves> leaves;
    coming_left_ = 0;
    const unsigned asked = look<Node>(1, [&](const Node& parent) {
        const step& here = path_[1];
        const bool forward = towards == direction::forward;
        const auto child_at = [&](unsigned place) {
            return forward ? place : here.count - 1 - place;
        };
        const unsigned place = child_at(here.index);
        if (place + 1 >= here.count) { return 0U; }
        const io::page_number next = parent.child(child_at(place + 1)).page;
        expect<Node>(*store_, tree_->schema, next, 0);
        coming_ = store_->source().expect(next);
        coming_left_ = coming_ == nullptr ? 0 : store_->page_bytes();
        if (scanned_ < scan_leaves_min || ahead_ > place + read_ahead_leaves / 2) { return 0U; }
        const unsigned from = std::max(ahead_, place + 1);
        const unsigned to = std::min(place + 1 + read_ahead_leaves, here.count);
        for (unsigned i = from; i < to; ++i) { leaves[i - from] = parent.child(child_at(i)).page; }
        return to > from ? to - from : 0U;
    });
    const step& here = path_[1];
    const unsigned place = towards == direction::forward ? here.index : here.count - 1 - here.index;
    if (asked != 0) {
        ahead_ = std::max(ahead_, place + 1) + asked;
        store_->source().prefetch({leaves.data(), asked});
    }
    if (scanned_ >= scan_leaves_min) { read_beyond<Node>(towards, here.count - 1 - place); }
}

// Asks for the next parent, and later for its first leaves, so that reads go on behind the last of
// the `left` leaves of this one.
template <class Node>
void tree_cursor::read_beyond(direction towards, unsigned left) {
    const bool forward = towards == direction::forward;
    if (beyond_.done || tree_->root.level < 2 ||
        left > (beyond_.asked ? read_ahead_leaves / 2 : read_ahead_leaves)) {
        return;
    }
    const step& above = path_[2];
    if (forward ? above.index + 1 >= above.count : above.index == 0) {
        beyond_.done = true;
        return;
    }
    try {
        const child_entry next = look<Node>(2, [&](const Node& node) {
            return node.child(forward ? above.index + 1 : above.index - 1);
        });
        if (!std::exchange(beyond_.asked, true)) {
            store_->source().prefetch({&next.page, 1});
            return;
        }
        beyond_.done = true;
        std::array<io::page_number, read_ahead_leaves> leaves;
        beyond_.ahead = look_at<Node>(
            *store_, tree_->schema, next, 1, [&](const Node& node, const io::page_view&) {
                const unsigned count = std::min(node.count(), read_ahead_leaves);
                for (unsigned i = 0; i < count; ++i) {
                    leaves[i] = node.child(forward ? i : node.count() - 1 - i).page;
                }
                return count;
            });
        store_->source().prefetch({leaves.data(), beyond_.ahead});
    } catch (const error&) {
        beyond_.done = true;  // the scan may end before it gets there; else it says so then
    }
}

template <class Node>
void tree_cursor::assemble_key() const {
    look<Node>(0, [&](const Node& leaf) { return leaf.key(path_[0].index, key_).size(); });
    key_ready_ = true;
}

void tree_cursor::seek(bytes key, bool after) {
    move([&]<class Node>(std::type_identity<Node>) { return seek_from<Node>(key, after); });
}

void tree_cursor::seek_before(bytes key, bool including) {
    move([&]<class Node>(std::type_identity<Node>) { return seek_to<Node>(key, including); });
}

void tree_cursor::seek_nth(std::uint64_t n) {
    move([&]<class Node>(std::type_identity<Node>) { return seek_rank<Node>(n); });
}

void tree_cursor::first() {
    move([&]<class Node>(std::type_identity<Node>) {
        descend<Node>([](const Node&, unsigned) { return 0U; });
        return path_[0].count != 0;
    });
}

void tree_cursor::last() {
    move([&]<class Node>(std::type_identity<Node>) {
        descend<Node>([](const Node& node, unsigned) { return std::max(node.count(), 1U) - 1; });
        return path_[0].count != 0;
    });
}

void tree_cursor::step_to(direction towards) {
    require_valid();
    move([&]<class Node>(std::type_identity<Node>) {
        const bool forward = towards == direction::forward;
        if (stale()) {
            const key_buffer stood = key_;
            return forward ? seek_from<Node>(stood.view(), true)
                           : seek_to<Node>(stood.view(), false);
        }
        step& leaf = path_[0];
        if (forward ? leaf.index + 1 < leaf.count : leaf.index != 0) {
            leaf.index += forward ? 1U : ~0U;
            key_ready_ = false;
            return true;
        }
        if (!key_ready_) { assemble_key<Node>(); }
        const key_buffer edge = key_;
        return step_leaf<Node>(towards, edge.view());
    });
}

bytes tree_cursor::key() const {
    require_valid();
    if (!key_ready_) {
        guarded([&] {
            with_layout(tree_->schema,
                        [&]<class Node>(std::type_identity<Node>) { assemble_key<Node>(); });
        });
    }
    return key_.view();
}

stored_value tree_cursor::stored() const {
    require_valid();
    return guarded([&] {
        if (stale()) {
            const auto found = find_stored(*store_, *tree_, key_.view());
            if (!found) {
                raise(errc::misuse, "the entry under the cursor was erased: move the cursor first");
            }
            return *found;
        }
        return with_layout(tree_->schema, [&]<class Node>(std::type_identity<Node>) {
            return look<Node>(0, [&](const Node& leaf) { return stored_in(leaf, path_[0].index); });
        });
    });
}

bytes tree_cursor::value() const {
    const stored_value found = stored();
    if (!found.extent) { return found.inline_bytes; }
    return guarded([&] { return view_extent(*store_, *found.extent); });
}

std::pair<bytes, bytes> tree_cursor::entry() const {
    require_valid();
    if (key_ready_ || stale()) { return {key(), value()}; }
    bool large = false;
    const bytes found = guarded([&] {
        return with_layout(tree_->schema, [&]<class Node>(std::type_identity<Node>) {
            return look<Node>(0, [&](const Node& leaf) {
                const unsigned index = path_[0].index;
                (void)leaf.key(index, key_);
                large = leaf.is_reference(index);
                return large ? bytes() : leaf.value(index);
            });
        });
    });
    key_ready_ = true;
    return {key_.view(), large ? value() : found};
}

}  // namespace pinyon
