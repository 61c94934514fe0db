#include "pinyon/engine/bulk_load.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pinyon/engine/descent.hpp"
#include "pinyon/engine/entry_rules.hpp"

namespace pinyon {

namespace {

using owned_key = std::optional<std::vector<std::byte>>;

[[nodiscard]] std::optional<bytes> view_of(const owned_key& key) {
    return key ? std::optional<bytes>(*key) : std::nullopt;
}

// What an entry takes of a node, and what a node has. Slotted: bytes, rounded up where cells are
// aligned; fixed: entries.
template <class Node>
class node_room {
public:
    node_room(const node_schema& schema, unsigned level, double fill)
        : schema_(schema), level_(level), fill_(fill) {}

    // The first separator of an inner node is not stored.
    [[nodiscard]] std::uint64_t cost(std::size_t key_bytes, std::size_t payload_bytes,
                                     bool first) const {
        if constexpr (std::is_same_v<Node, fixed_node>) {
            return 1;
        } else if (level_ == 0) {
            return slotted::slot_bytes + key_bytes + payload_bytes;
        } else {
            return slotted::slot_bytes + slotted::inner_cell_bytes + (first ? 0 : key_bytes + 3);
        }
    }
    // What is saved in a node of `entries` by the prefix that its fences share.
    [[nodiscard]] std::uint64_t saved(std::size_t entries, const owned_key& lower,
                                      bytes upper) const {
        if constexpr (std::is_same_v<Node, fixed_node>) {
            return 0;
        } else {
            return lower ? common_prefix(*lower, upper) * (level_ == 0 ? entries : entries - 1) : 0;
        }
    }
    [[nodiscard]] std::uint64_t room(const owned_key& lower, std::size_t upper_bytes) const {
        if constexpr (std::is_same_v<Node, fixed_node>) {
            return level_ == 0 ? schema_.fixed.leaf_capacity : schema_.fixed.inner_capacity;
        } else {
            return schema_.page_bytes - slotted::slots_offset - (lower ? lower->size() : 0) -
                   upper_bytes - 3;
        }
    }
    // The part of the room that a load uses.
    [[nodiscard]] std::uint64_t target(const owned_key& lower, std::size_t upper_bytes) const {
        const auto part =
            static_cast<std::uint64_t>(fill_ * static_cast<double>(room(lower, upper_bytes)));
        return std::is_same_v<Node, fixed_node> ? std::max<std::uint64_t>(part, least()) : part;
    }
    // Entries of the smallest node.
    [[nodiscard]] std::size_t least() const {
        if (schema_.minimum_degree != 0) { return schema_.minimum_degree - (level_ == 0 ? 1 : 0); }
        return level_ == 0 ? 1 : 2;
    }
    [[nodiscard]] std::size_t parting_bytes(bytes before, bytes after) const {
        if (std::is_same_v<Node, fixed_node> || level_ != 0) { return after.size(); }
        return std::min(common_prefix(before, after) + 1, after.size());
    }

private:
    const node_schema& schema_;
    unsigned level_;
    double fill_;
};

// A finished node, for its parent: the key that parts it from what is before it.
struct built_node {
    owned_key lower;
    child_entry entry;
};

// One level: entries that wait for their node to be full. They are up to two nodes: [0, open_),
// held back so that the last two nodes can be balanced, and the open one from open_ on.
template <class Node>
class load_level {
public:
    load_level(page_store& store, const node_schema& schema, unsigned level, double fill)
        : store_(store),
          schema_(schema),
          level_(level),
          room_(schema, level, fill),
          page_(schema.page_bytes) {}

    void add(bytes key, bytes payload, bool is_reference, const child_entry& child,
             std::vector<built_node>& built);
    // No more entries come: all nodes are built.
    void finish(std::vector<built_node>& built);
    [[nodiscard]] bool has_last() const noexcept { return !items_.empty(); }
    [[nodiscard]] bytes last_key() const { return key_at(items_.size() - 1); }

private:
    struct item {
        std::size_t offset;  // of key, then payload, in bytes_
        std::size_t key_bytes;
        std::size_t payload_bytes;
        bool is_reference;
        child_entry child;
    };

    [[nodiscard]] bytes key_at(std::size_t i) const {
        return bytes(bytes_).subspan(items_[i].offset, items_[i].key_bytes);
    }
    [[nodiscard]] bytes payload_at(std::size_t i) const {
        return bytes(bytes_).subspan(items_[i].offset + items_[i].key_bytes,
                                     items_[i].payload_bytes);
    }
    [[nodiscard]] bytes parting(std::size_t i) const {
        return key_at(i).first(room_.parting_bytes(key_at(i - 1), key_at(i)));
    }
    [[nodiscard]] const owned_key& open_lower() const { return open_ == 0 ? lower_ : parting_; }

    [[nodiscard]] bool fits_before(std::size_t i) const;
    [[nodiscard]] bool open_end_fits() const;
    void close(std::size_t end, std::vector<built_node>& built);
    void part_held_at(std::size_t end);
    void balance_end();
    void build(std::size_t first, std::size_t last, const owned_key& lower, const owned_key& upper,
               std::vector<built_node>& built);
    void drop_front(std::size_t count);

    page_store& store_;
    const node_schema& schema_;
    unsigned level_;
    node_room<Node> room_;
    std::vector<std::byte> page_;  // the node that is being built
    std::vector<std::byte> bytes_;
    std::vector<item> items_;
    owned_key lower_;    // of the first node here
    owned_key parting_;  // between the two
    std::size_t open_ = 0;
    std::size_t judged_ =
        0;  // entries that are known to belong to the open node, or to begin the next one
    std::size_t best_ = 0;    // where the open node would be closed
    std::uint64_t cost_ = 0;  // of entries [open_, judged_)
};

// True when entries [open_, i) make a node, filled as far as it should be at most.
template <class Node>
bool load_level<Node>::fits_before(std::size_t i) const {
    const bytes upper = parting(i);
    return cost_ - room_.saved(i - open_, open_lower(), upper) <=
           room_.target(open_lower(), upper.size());
}

template <class Node>
void load_level<Node>::add(bytes key, bytes payload, bool is_reference, const child_entry& child,
                           std::vector<built_node>& built) {
    items_.push_back({bytes_.size(), key.size(), payload.size(), is_reference, child});
    bytes_.insert(bytes_.end(), key.begin(), key.end());
    bytes_.insert(bytes_.end(), payload.begin(), payload.end());
    while (judged_ < items_.size()) {
        if (judged_ - open_ >= room_.least()) {
            if (fits_before(judged_) || best_ <= open_) {
                best_ = judged_;
            } else {
                close(best_, built);
                continue;
            }
        }
        cost_ +=
            room_.cost(items_[judged_].key_bytes, items_[judged_].payload_bytes, judged_ == open_);
        ++judged_;
    }
}

// The open node ends at `end` and is held back; the one before it is built.
template <class Node>
void load_level<Node>::close(std::size_t end, std::vector<built_node>& built) {
    if (open_ != 0) {
        build(0, open_, lower_, parting_, built);
        lower_ = std::exchange(parting_, std::nullopt);
        end -= open_;
        drop_front(open_);
    }
    part_held_at(end);
}

template <class Node>
void load_level<Node>::part_held_at(std::size_t end) {
    const bytes upper = parting(end);
    parting_ = std::vector<std::byte>(upper.begin(), upper.end());
    open_ = end;
    judged_ = end;
    best_ = end;
    cost_ = 0;
}

template <class Node>
void load_level<Node>::drop_front(std::size_t count) {
    const std::size_t cut = count < items_.size() ? items_[count].offset : bytes_.size();
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(cut));
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(count));
    for (item& each : items_) { each.offset -= cut; }
}

// The last node of a level is open above: its keys share no prefix that could be left out.
template <class Node>
bool load_level<Node>::open_end_fits() const {
    std::uint64_t cost = 0;
    for (std::size_t i = open_; i < items_.size(); ++i) {
        cost += room_.cost(items_[i].key_bytes, items_[i].payload_bytes, i == open_);
    }
    return cost <= room_.room(open_lower(), 0);
}

// Too few entries for a last node: it takes some of the one before it, or joins it.
template <class Node>
void load_level<Node>::balance_end() {
    const std::size_t least = room_.least();
    if (open_ == 0 || items_.size() - open_ >= least) { return; }
    const bool two_nodes = items_.size() >= 2 * least &&
                           (schema_.minimum_degree == 0 || items_.size() > room_.room(lower_, 0));
    if (two_nodes) {
        part_held_at(schema_.minimum_degree != 0 ? items_.size() / 2 : items_.size() - least);
    } else {
        open_ = 0;
        parting_.reset();
    }
}

template <class Node>
void load_level<Node>::finish(std::vector<built_node>& built) {
    if (items_.empty()) { return; }
    while (!open_end_fits()) { close(open_ + (items_.size() - open_) / 2, built); }
    balance_end();
    if (open_ != 0) { build(0, open_, lower_, parting_, built); }
    build(open_, items_.size(), open_lower(), std::nullopt, built);
}

template <class Node>
void load_level<Node>::build(std::size_t first, std::size_t last, const owned_key& lower,
                             const owned_key& upper, std::vector<built_node>& built) {
    const std::uint64_t page = store_.allocate();
    typename Node::editor node(page_.data(), schema_);
    node.format(page, level_, store_.transaction(), {view_of(lower), view_of(upper)});
    std::uint64_t entries = 0;
    for (std::size_t i = first; i < last; ++i) {
        const auto at = static_cast<unsigned>(i - first);
        if (level_ == 0) {
            node.insert(at, key_at(i), payload_at(i), items_[i].is_reference);
            ++entries;
        } else {
            node.insert_child(at, key_at(i), items_[i].child);
            entries += items_[i].child.count;
        }
    }
    const std::uint32_t checksum = store_.write_built(page, level_, page_);
    built.push_back({lower, {page, entries, checksum}});
}

}  // namespace

class bulk_loader::implementation {
public:
    virtual ~implementation() = default;
    virtual void append(bytes key, bytes value) = 0;
    virtual void finish() = 0;
};

template <class Node>
class bulk_loader::loader final : public implementation {
public:
    loader(page_store& store, tree_state& tree, double fill)
        : store_(store), tree_(tree), fill_(fill) {
        level(0);
    }

    void append(bytes key, bytes value) override {
        check_open();
        check_key(tree_.schema, key);
        check_value(tree_.schema, value);
        if (level(0).has_last() && compare(key, level(0).last_key()) <= 0) {
            raise(errc::misuse,
                  "a bulk load takes keys in strictly ascending order: sort them first");
        }
        if (stands_inline(tree_.schema, key, value)) {
            level(0).add(key, value, false, {}, built_);
        } else {
            extent_writer writer(store_, value.size());
            writer.write(value);
            const format::extent_reference extent = writer.finish();
            extents_ = true;
            level(0).add(key, std::as_bytes(std::span(&extent, 1)), true, {}, built_);
        }
        if (!built_.empty()) {
            hand_up(1);
            store_.relieve();
        }
    }

    void finish() override {
        check_open();
        finished_ = true;
        if (!level(0).has_last()) { return; }
        for (unsigned at = 0;; ++at) {
            level(at).finish(built_);
            if (built_.size() == 1 && at + 1 == levels_.size()) {
                replace_root(built_.front().entry, at);
                return;
            }
            hand_up(at + 1);
            store_.relieve();
        }
    }

private:
    void check_open() const {
        if (finished_) { raise(errc::misuse, "this bulk load is finished: begin another"); }
    }

    load_level<Node>& level(unsigned at) {
        if (at == levels_.size()) {
            levels_.push_back(std::make_unique<load_level<Node>>(store_, tree_.schema, at, fill_));
        }
        return *levels_[at];
    }

    // Nodes built at the level below become entries of this level, which may complete nodes in
    // turn.
    void hand_up(unsigned at) {
        while (!built_.empty()) {
            const std::vector<built_node> children = std::exchange(built_, {});
            for (const built_node& child : children) {
                level(at).add(child.lower ? bytes(*child.lower) : bytes{}, {}, false, child.entry,
                              built_);
            }
            ++at;
        }
    }

    void replace_root(const child_entry& root, unsigned level) {
        const child_entry old = root_entry(tree_);
        const std::uint64_t born =
            look_at<Node>(store_, tree_.schema, old, tree_.root.level,
                          [](const Node& node, const auto&) { return node.born(); });
        store_.retire(old.page, born);
        tree_.root = {root.page, root.count, root.checksum, level};
        tree_.holds_extents = tree_.holds_extents || extents_;
        ++tree_.changes;
    }

    page_store& store_;
    tree_state& tree_;
    double fill_;
    bool extents_ = false;
    bool finished_ = false;
    std::vector<std::unique_ptr<load_level<Node>>> levels_;
    std::vector<built_node> built_;
};

bulk_loader::bulk_loader(page_store& store, tree_state& tree, double fill) {
    if (!(fill >= fill_min && fill <= 1)) {
        raise(errc::misuse, "the fill factor of a bulk load is 0.5 to 1");
    }
    if (tree.root.count != 0 || tree.root.level != 0) {
        raise(errc::misuse,
              "a bulk load needs an empty tree: put the entries, or load into a new tree");
    }
    with_layout(tree.schema, [&]<class Node>(std::type_identity<Node>) {
        implementation_ = std::make_unique<loader<Node>>(store, tree, fill);
    });
}

bulk_loader::~bulk_loader() = default;

void bulk_loader::append(bytes key, bytes value) { implementation_->append(key, value); }

void bulk_loader::finish() { implementation_->finish(); }

}  // namespace pinyon
