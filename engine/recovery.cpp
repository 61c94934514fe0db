#include "pinyon/engine/recovery.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "pinyon/engine/catalog.hpp"
#include "pinyon/engine/fixed_node.hpp"
#include "pinyon/engine/page_set.hpp"
#include "pinyon/engine/replay.hpp"
#include "pinyon/engine/slotted_node.hpp"
#include "pinyon/engine/transaction_core.hpp"
#include "pinyon/mmap/mutant.hpp"

namespace pinyon {

namespace {

// Bytes of log between two reports.
constexpr std::uint64_t progress_every = std::uint64_t{1} << 20;

void replay_batch(const log_batch& batch, page_store& store, replayer& operations,
                  published_state& state) {
    transaction_core core(nullptr, store, state, batch.transaction, true);
    try {
        operations.apply(core, batch.payload, batch.operations);
        (void)core.seal();
        store.freeze();
    } catch (...) {
        store.abort();
        throw;
    }
    store.commit();
    core.end();
    state = {batch.transaction, core.catalog_root(), store.space().page_count(), core.next_tree()};
}

class page_walk {
public:
    explicit page_walk(page_store& store) : store_(store) {
        seen_.resize(store.space().page_count());
    }

    void tree(const node_schema& schema, const format::root_reference& root) {
        see(root.page);
        if (root.level != 0) { below(schema, root.page, root.level, root.checksum); }
    }

private:
    void see(std::uint64_t page) {
        if (seen_.insert(page) && !store_.space().is_free(page)) { return; }
        raise(errc::corrupt,
              "page " + std::to_string(page) +
                  (seen_.contains(page) && store_.space().is_free(page)
                       ? " is in use and in the free set at once"
                       : " is reached twice, or lies outside the file") +
                  "; run `pinyon check` on the file and restore a backup",
              page);
    }

    void below(const node_schema& schema, std::uint64_t page, unsigned level,
               std::uint32_t checksum) {
        // A copy: the page may be evicted while its children are visited.
        std::vector<child_entry> children;
        if (schema.layout == format::node_layout::fixed) {
            collect<fixed_node>(schema, page, level, checksum, children);
        } else {
            collect<slotted_node>(schema, page, level, checksum, children);
        }
        for (const child_entry& child : children) {
            see(child.page);
            if (level > 1) { below(schema, child.page, level - 1, child.checksum); }
        }
    }

    template <class Node>
    void collect(const node_schema& schema, std::uint64_t page, unsigned level,
                 std::uint32_t checksum, std::vector<child_entry>& children) {
        for (;;) {
            children.clear();
            const io::page_view view = store_.read(schema, page, level, checksum);
            const Node node(view.data, schema);
            for (unsigned index = 0; index < node.count(); ++index) {
                children.push_back(node.child(index));
            }
            if (store_.unchanged(view)) { return; }
        }
    }

    page_store& store_;
    page_set seen_;
};

}  // namespace

published_state replay_log(log_reader& log, page_store& store, published_state state,
                           std::span<const std::uint64_t> kept,
                           const std::function<void(const recovery_progress&)>& progress,
                           recovery_facts& facts) {
    replayer operations;
    std::uint64_t reported = 0;
    if (mutant(31)) { static_cast<void>(log.next()); }
    while (const std::optional<log_batch> batch = log.next()) {
        store.begin(batch->transaction, kept);
        replay_batch(*batch, store, operations, state);
        ++facts.transactions;
        facts.log_bytes = log.bytes_done();
        if (progress && facts.log_bytes - reported >= progress_every) {
            reported = facts.log_bytes;
            progress({facts.log_bytes, log.bytes_total(), facts.transactions});
        }
    }
    facts.operations = operations.operations();
    if (progress) { progress({facts.log_bytes, log.bytes_total(), facts.transactions}); }
    return state;
}

void require_disjoint(page_store& store, const published_state& state) {
    page_walk walk(store);
    tree_state catalog;
    catalog.schema = catalog_schema(store.page_bytes());
    catalog.root = state.catalog;
    walk.tree(catalog.schema, catalog.root);
    for (const auto& [name, record] : catalog_list(store, catalog)) {
        const tree_state tree = state_of(record, store.page_bytes(), store.page_limit());
        walk.tree(tree.schema, tree.root);
    }
}

}  // namespace pinyon
