#include "pinyon/engine/check_tree.hpp"

#include <algorithm>
#include <bit>
#include <memory>
#include <vector>

#include "pinyon/engine/fixed_node.hpp"
#include "pinyon/engine/slotted_node.hpp"
#include "pinyon/mmap/assert.hpp"

namespace pinyon {
namespace {

std::string hex(std::uint32_t value) {
    constexpr char digits[] = "0123456789abcdef";
    std::string text = "0x";
    for (int shift = 28; shift >= 0; shift -= 4) { text += digits[value >> shift & 0xf]; }
    return text;
}

// "1 entry", "2 entries"; both words given.
std::string counted(std::uint64_t count, const char* one, const char* many) {
    return std::to_string(count) + ' ' + (count == 1 ? one : many);
}

std::string describe(std::uint64_t identity) {
    return "kind " + std::to_string(static_cast<unsigned>(format::kind_of(identity))) + ", level " +
           std::to_string(format::level_of(identity)) + ", tree " +
           std::to_string(format::tree_of(identity)) + ", flags " +
           std::to_string(identity >> 16 & 0xffff);
}

// One page on the path from the root to where the walk stands.
struct frame {
    explicit frame(std::uint32_t page_bytes) : page(page_bytes) {}

    std::vector<std::byte> page;
    unsigned next = 0;  // child to go to next; the walk stands in next - 1
    std::uint64_t born = 0;
    key_buffer lower;  // fences of the child that the walk stands in
    key_buffer upper;
};

template <class Node>
class tree_walk {
public:
    tree_walk(check_context& context, const node_schema& schema, tree_summary& figures,
              const entry_visitor& on_entry)
        : context_(context), schema_(schema), figures_(figures), on_entry_(on_entry) {}

    void run(const format::root_reference& root) {
        root_level_ = root.level;
        figures_.levels = root.level + 1;
        frames_.resize(root.level + std::size_t{1});
        for (auto& level : frames_) { level = std::make_unique<frame>(schema_.page_bytes); }

        unsigned level = root.level;
        bool inside =
            visit({root.page, root.count, root.checksum}, level, {}, context_.meta().transaction);
        if (!inside || level == 0) { return; }
        while (!context_.stopped()) {
            frame& top = *frames_[level];
            const Node node(top.page.data(), schema_);
            if (top.next == node.count()) {
                if (level == root.level) { return; }
                ++level;
                continue;
            }
            const unsigned child = top.next++;
            inside = visit(node.child(child), level - 1, fences_of(top, node, child), top.born);
            if (inside && level > 1) { --level; }
        }
    }

private:
    // What the separators imply for a child: its own and the next one, at the ends the parent's
    // fences.
    static fence_pair fences_of(frame& top, const Node& node, unsigned child) {
        fence_pair fences;
        if (child != 0) {
            fences.lower = node.key(child, top.lower);
        } else if (node.has_lower_fence()) {
            fences.lower = node.lower_fence(top.lower);
        }
        if (child + 1 != node.count()) {
            fences.upper = node.key(child + 1, top.upper);
        } else if (node.has_upper_fence()) {
            fences.upper = node.upper_fence(top.upper);
        }
        return fences;
    }

    // Verifies a node, and all of it when it is a leaf. False: it cannot be walked.
    bool visit(const child_entry& child, unsigned level, const fence_pair& fences,
               std::uint64_t born_max) {
        if (!context_.claim({child.page, 1},
                            level == root_level_ ? "the tree's record" : "the parent")) {
            return skip();
        }
        const std::uint64_t findings = context_.findings();
        const bool walkable = verify(child, level, fences, born_max);
        const Node node(frames_[level]->page.data(), schema_);
        const bool names_extents = walkable && level == 0 && visit_leaf(child.page, node);
        if (walkable && level != 0) {
            read_ahead(node);
            count_inner(node, level);
        }
        if (context_.tells()) {
            tell(child, level, fences, walkable, context_.findings() == findings);
        }
        if (names_extents) { visit_references(child.page, node); }
        return walkable || skip();
    }

    // The walk comes to every child.
    void read_ahead(const Node& node) const {
        io::read_ahead<io::file> ahead = context_.read_ahead();
        for (unsigned i = 0; i < node.count(); ++i) {
            const std::uint64_t page = node.child(i).page;
            if (context_.is_in_file(page)) { ahead.add(page); }
        }
        ahead.finish();
    }

    // False: what the node holds cannot be made out.
    bool verify(const child_entry& child, unsigned level, const fence_pair& fences,
                std::uint64_t born_max) {
        context_.advance(1);
        frame& at = *frames_[level];
        at.next = 0;
        if (!context_.read(child.page, at.page) || !is_sealed(child, at) ||
            !is_itself(child.page, level, at)) {
            return false;
        }
        at.born = header_of(at.page.data()).born;
        if (at.born == 0 || at.born > born_max) {
            context_.report(finding_kind::page_born, child.page,
                            "was born in transaction " + std::to_string(at.born) +
                                "; what names it is of transaction " + std::to_string(born_max));
        }
        if (!is_sound(child.page, level, at)) { return false; }
        const Node node(at.page.data(), schema_);
        check_fences(child.page, node, fences);
        check_degree(child.page, node, level);
        check_count(child, node, level);
        return true;
    }

    void tell(const child_entry& child, unsigned level, const fence_pair& fences, bool walkable,
              bool sound) {
        page_fact fact;
        fact.pages = {child.page, 1};
        fact.use = level == 0 ? page_use::leaf : page_use::inner;
        fact.sound = sound;
        if (level != root_level_) { fact.parent = header_of(frames_[level + 1]->page.data()).page; }
        fact.level = level;
        fact.entries = child.count;
        fact.fences = fences;
        fact.checksum = child.checksum;
        if (walkable) {
            const frame& at = *frames_[level];
            const Node node(at.page.data(), schema_);
            fact.items = node.count();
            fact.used_bytes = node.used_bytes();
            fact.capacity_bytes = node.capacity_bytes();
            fact.born = at.born;
            fact.content = at.page.data();
            fact.schema = &schema_;
        }
        context_.tell(fact);
    }

    bool skip() {
        figures_.complete = false;
        context_.skip_part();
        return false;
    }

    bool is_sealed(const child_entry& child, const frame& at) {
        const std::uint32_t computed = context_.seal().of(child.page, at.page.data());
        const std::uint32_t stored = header_of(at.page.data()).checksum;
        if (child.checksum == 0) {
            context_.report(finding_kind::checksum_missing, child.page,
                            "its parent holds no checksum for it (0); computed " + hex(computed));
        } else if (computed != child.checksum && computed == stored) {
            context_.report(finding_kind::checksum_parent, child.page,
                            "is whole (checksum " + hex(stored) +
                                ") but not the page that its parent means (" + hex(child.checksum) +
                                "): an older copy of it, or another page");
            return false;
        }
        if (computed != stored) {
            context_.report(finding_kind::checksum_page, child.page,
                            "checksum " + hex(stored) + " in its header, " + hex(child.checksum) +
                                " in its parent, computed " + hex(computed));
        }
        return child.checksum == 0 ? computed == stored : computed == child.checksum;
    }

    bool is_itself(std::uint64_t page, unsigned level, const frame& at) {
        const format::page_header header = header_of(at.page.data());
        if (header.page != page) {
            context_.report(finding_kind::page_number, page,
                            "says it is page " + std::to_string(header.page));
            return false;
        }
        if (header.identity != schema_.identity(level)) {
            context_.report(finding_kind::page_identity, page,
                            "is " + describe(header.identity) + "; its parent implies " +
                                describe(schema_.identity(level)));
            return false;
        }
        return true;
    }

    bool is_sound(std::uint64_t page, unsigned level, const frame& at) {
        const std::uint32_t count = header_of(at.page.data()).count;
        if (level == 0 ? count == 0 && root_level_ != 0 : count < 2) {
            context_.report(finding_kind::node_empty, page,
                            level == 0
                                ? std::string("an empty leaf that is not the root")
                                : "an inner node with " + counted(count, "child", "children") +
                                      "; two are the least");
            return false;
        }
        if (const char* defect = Node(at.page.data(), schema_).defect(true); defect != nullptr) {
            context_.report(finding_kind::node_structure, page, defect);
            return false;
        }
        return true;
    }

    void check_fences(std::uint64_t page, const Node& node, const fence_pair& fences) {
        const auto same = [](bool has, bytes found, const std::optional<bytes>& expected) {
            return has == expected.has_value() && (!has || equal(found, *expected));
        };
        if (!same(node.has_lower_fence(), node.lower_fence(scratch_), fences.lower)) {
            context_.report(finding_kind::node_fences, page,
                            "its lower fence is not the separator that leads to it");
        }
        if (!same(node.has_upper_fence(), node.upper_fence(scratch_), fences.upper)) {
            context_.report(finding_kind::node_fences, page,
                            "its upper fence is not the next separator");
        }
    }

    void check_degree(std::uint64_t page, const Node& node, unsigned level) {
        const std::uint32_t t = schema_.minimum_degree;
        if (t == 0) { return; }
        const std::uint32_t keys = level == 0 ? node.count() : node.count() - 1;
        const bool too_few = level != root_level_ && keys < t - 1;
        if (too_few || keys > 2 * t - 1) {
            context_.report(finding_kind::node_degree, page,
                            "has " + counted(keys, "key", "keys") + "; a minimum degree of " +
                                std::to_string(t) + " allows " + std::to_string(t - 1) + " to " +
                                std::to_string(2 * t - 1));
        }
    }

    void check_count(const child_entry& child, const Node& node, unsigned level) {
        std::uint64_t below = node.count();
        if (level != 0) {
            below = 0;
            for (unsigned i = 0; i < node.count(); ++i) { below += node.child(i).count; }
        }
        if (below != child.count) {
            context_.report(finding_kind::count_subtree, child.page,
                            "holds " + counted(below, "entry", "entries") + "; its parent counts " +
                                std::to_string(child.count));
        }
    }

    void count_inner(const Node& node, unsigned level) {
        ++figures_.inners;
        figures_.children += node.count();
        figures_.children_max = std::max(figures_.children_max, node.count());
        if (level != root_level_) {
            figures_.children_min = figures_.children_min == 0
                                        ? node.count()
                                        : std::min(figures_.children_min, node.count());
        }
        figures_.inner_used_bytes += node.used_bytes();
        figures_.inner_capacity_bytes += node.capacity_bytes();
        ++figures_.inner_fill[fill_bucket(node)];
    }

    static std::size_t fill_bucket(const Node& node) {
        const std::size_t capacity = std::max<std::size_t>(node.capacity_bytes(), 1);
        return std::min<std::size_t>(9, std::size_t{node.used_bytes()} * 10 / capacity);
    }

    // True: some of its values are large.
    bool visit_leaf(std::uint64_t page, const Node& node) {
        bool names_extents = false;
        ++figures_.leaves;
        figures_.entries += node.count();
        figures_.leaf_used_bytes += node.used_bytes();
        figures_.leaf_capacity_bytes += node.capacity_bytes();
        if (node.count() != 0) { ++figures_.leaf_fill[fill_bucket(node)]; }
        for (unsigned i = 0; i < node.count() && !context_.stopped(); ++i) {
            const bytes key = node.key(i, scratch_);
            if (i == 0) { check_order(page, key); }
            if (context_.options().root_descend) { check_descent(page, node, i, key); }
            visit_entry(page, node, i, key);
            names_extents |= node.is_reference(i);
        }
        if (node.count() != 0) { last_key_.assign(node.key(node.count() - 1, scratch_)); }
        has_last_key_ = has_last_key_ || node.count() != 0;
        return names_extents;
    }

    void check_order(std::uint64_t page, bytes key) {
        if (has_last_key_ && compare(last_key_.view(), key) >= 0) {
            context_.report(finding_kind::node_order, page,
                            "its first key is not above the last key of the leaf before it");
        }
    }

    // The pages from the root to here are at hand: a search through them must end at this entry.
    void check_descent(std::uint64_t page, const Node& node, unsigned index, bytes key) {
        for (unsigned level = root_level_; level > 0; --level) {
            const frame& at = *frames_[level];
            if (Node(at.page.data(), schema_).child_index(key) + 1 != at.next) {
                context_.report(finding_kind::descent, page,
                                "entry " + std::to_string(index) + ": the search at level " +
                                    std::to_string(level) + " turns elsewhere");
                return;
            }
        }
        const search_result found = node.lower_bound(key);
        if (!found.equal || found.index != index) {
            context_.report(finding_kind::descent, page,
                            "entry " + std::to_string(index) + " is not found in its own leaf");
        }
    }

    void visit_entry(std::uint64_t page, const Node& node, unsigned index, bytes key) {
        const std::uint64_t length = value_length(node, index);
        if (!node.is_reference(index) && on_entry_) { on_entry_(key, node.value(index)); }
        const format::catalog_record& types = figures_.record;
        if (key.size() > format::key_bytes_max(schema_.page_bytes) ||
            (types.key_bytes != 0 && key.size() != types.key_bytes) ||
            (types.value_bytes != 0 && length != types.value_bytes)) {
            context_.report(finding_kind::entry_size, page,
                            "entry " + std::to_string(index) + " has a key of " +
                                std::to_string(key.size()) + " and a value of " +
                                std::to_string(length) +
                                " bytes, which the tree's types do not have");
        }
        figures_.key_bytes += key.size();
        figures_.value_bytes += length;
        figures_.key_bytes_max = std::max<std::uint64_t>(figures_.key_bytes_max, key.size());
        figures_.value_bytes_max = std::max(figures_.value_bytes_max, length);
        ++figures_.key_sizes[size_bucket(key.size())];
        ++figures_.value_sizes[size_bucket(length)];
    }

    static std::size_t size_bucket(std::uint64_t size) {
        return std::min<std::size_t>(static_cast<std::size_t>(std::bit_width(size)),
                                     size_histogram{}.size() - 1);
    }

    // Of a large value what its reference says. REQUIRES: a node without a defect, whose references
    // have their size.
    static std::uint64_t value_length(const Node& node, unsigned index) {
        const bytes value = node.value(index);
        return node.is_reference(index) ? load<format::extent_reference>(value.data()).length
                                        : value.size();
    }

    void visit_references(std::uint64_t page, const Node& node) {
        for (unsigned i = 0; i < node.count() && !context_.stopped(); ++i) {
            if (!node.is_reference(i)) { continue; }
            const auto reference = load<format::extent_reference>(node.value(i).data());
            const std::uint64_t pages = check_extent(context_, reference, page, node.born());
            if (pages == 0) { skip(); }
            ++figures_.extents;
            figures_.extent_pages += pages;
            figures_.extent_bytes += reference.length;
        }
    }

    check_context& context_;
    const node_schema& schema_;
    tree_summary& figures_;
    const entry_visitor& on_entry_;
    unsigned root_level_ = 0;
    std::vector<std::unique_ptr<frame>> frames_;  // by level
    key_buffer scratch_;
    key_buffer last_key_;  // of the leaf before
    bool has_last_key_ = false;
};

}  // namespace

void check_tree(check_context& context, const node_schema& schema,
                const format::root_reference& root, tree_summary& figures,
                const entry_visitor& on_entry) {
    PINYON_ASSERT(root.level < format::height_max);
    if (schema.layout == format::node_layout::fixed) {
        tree_walk<fixed_node>(context, schema, figures, on_entry).run(root);
    } else {
        tree_walk<slotted_node>(context, schema, figures, on_entry).run(root);
    }
}

}  // namespace pinyon
