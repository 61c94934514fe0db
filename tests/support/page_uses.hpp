// What each page of a sound file is for: read from its nodes, before a test damages them.
#pragma once

#include <boost/test/unit_test.hpp>

#include <map>
#include <set>
#include <string>

#include "pinyon/engine/catalog.hpp"
#include "pinyon/engine/fixed_node.hpp"
#include "pinyon/engine/slotted_node.hpp"
#include "support/forged_file.hpp"

namespace pinyon::test {

// What a page of a file is for.
struct page_role {
    std::string tree;  // empty: the catalog
    unsigned level = 0;
    bool is_root = false;
    std::string extent_of;       // key whose large value stands there
    std::set<std::string> keys;  // of a leaf, and below an inner node
};

class page_uses {
public:
    explicit page_uses(forged_file& file) : file_(file) {
        const node_schema schema = catalog_schema(file.meta.page_bytes);
        visit(schema, file.meta.catalog.page, file.meta.catalog.level, "", true);
        const slotted_node catalog(file.page(file.meta.catalog.page), schema);
        BOOST_REQUIRE(catalog.leaf());
        key_buffer room;
        for (unsigned i = 0; i < catalog.count(); ++i) {
            const std::string name(as_text(catalog.key(i, room)));
            const format::root_reference root = file.record(name).root;
            visit(file.schema(name), root.page, root.level, name, true);
        }
    }
    std::map<std::uint64_t, page_role> all;

private:
    std::set<std::string> visit(const node_schema& schema, std::uint64_t page, unsigned level,
                                const std::string& tree, bool is_root) {
        return schema.layout == format::node_layout::fixed
                   ? visit_as<fixed_node>(schema, page, level, tree, is_root)
                   : visit_as<slotted_node>(schema, page, level, tree, is_root);
    }
    template <class Node>
    std::set<std::string> visit_as(const node_schema& schema, std::uint64_t page, unsigned level,
                                   const std::string& tree, bool is_root) {
        const Node node(file_.page(page), schema);
        page_role use{tree, level, is_root, {}, {}};
        key_buffer room;
        for (unsigned i = 0; i < node.count(); ++i) {
            if (level != 0) {
                use.keys.merge(visit(schema, node.child(i).page, level - 1, tree, false));
                continue;
            }
            const std::string key(as_text(node.key(i, room)));
            use.keys.insert(key);
            if (!node.is_reference(i)) { continue; }
            const auto reference = load<format::extent_reference>(node.value(i).data());
            const std::uint64_t pages =
                (reference.length + file_.meta.page_bytes - 1) / file_.meta.page_bytes + 1;
            for (std::uint64_t each = 0; each < pages; ++each) {
                all[reference.first + each] = {tree, 0, false, key, {}};
            }
        }
        all[page] = use;
        return use.keys;
    }

    forged_file& file_;
};

}  // namespace pinyon::test
