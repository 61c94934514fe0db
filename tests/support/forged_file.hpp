// A database file as bytes that a test may change: as accidents would, or as a forger would, who
// makes every checksum right again afterwards.
#pragma once

#include <cstring>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "pinyon/engine/catalog.hpp"
#include "pinyon/engine/checksum.hpp"
#include "pinyon/engine/fixed_node.hpp"
#include "pinyon/engine/free_space.hpp"
#include "pinyon/engine/meta.hpp"
#include "pinyon/engine/slotted_node.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon::test {

class forged_file {
public:
    // Reads the whole file. REQUIRES: it is sound.
    forged_file(io::file_system& files, std::string path) : files_(files), path_(std::move(path)) {
        const auto file = files_.open(path_, io::open_mode::read_only);
        content.resize(file->size());
        if (file->read(0, content) != content.size()) { throw std::runtime_error("short read"); }
        meta = newest();
        seal = {seed_of(meta.uuid), meta.page_bytes};
    }

    // Writes the bytes back, all of them.
    void save() const {
        const auto file = files_.open(path_, io::open_mode::read_write);
        file->truncate(content.size());
        file->write(0, content);
    }
    // Writes `meta` to both slots, with right checksums.
    void store_metas() {
        for (std::uint64_t back = 0; back < 2; ++back) {
            format::meta copy = meta;
            copy.sequence -= back;
            copy.checksum = checksum_of(copy);
            std::memcpy(content.data() + format::meta_offset[copy.sequence & 1], &copy,
                        sizeof copy);
        }
    }
    // Makes every checksum right that can be found: nodes from the leaves up, records, the image,
    // the metas.
    void reseal() {
        seen_.clear();
        if (meta.free_pages != 0 && inside(meta.free_first, meta.free_pages)) {
            meta.free_checksum =
                seal.of_image(meta.free_first, bytes(page(meta.free_first), meta.free_bytes));
        }
        meta.catalog.checksum =
            reseal_node(catalog_schema(meta.page_bytes), meta.catalog.page, meta.catalog.level);
        store_metas();
    }

    [[nodiscard]] std::byte* page(std::uint64_t number) {
        return content.data() + number * meta.page_bytes;
    }
    [[nodiscard]] format::page_header header(std::uint64_t number) {
        return header_of(page(number));
    }
    void set_header(std::uint64_t number, const format::page_header& header) {
        store(page(number), header);
    }

    // Where the record of a tree stands. REQUIRES: a catalog of one leaf.
    [[nodiscard]] std::byte* record_place(const std::string& name) {
        const node_schema schema = catalog_schema(meta.page_bytes);
        const slotted_node leaf(page(meta.catalog.page), schema);
        const search_result found = leaf.lower_bound(as_bytes(name));
        if (!leaf.leaf() || !found.equal) { throw std::runtime_error("no such tree"); }
        return const_cast<std::byte*>(leaf.value(found.index).data());
    }
    [[nodiscard]] format::catalog_record record(const std::string& name) {
        return load<format::catalog_record>(record_place(name));
    }
    void set_record(const std::string& name, const format::catalog_record& record) {
        store(record_place(name), record);
    }
    [[nodiscard]] node_schema schema(const std::string& name) {
        return state_of(record(name), meta.page_bytes, meta.page_count).schema;
    }
    // Free and pending pages, as the image says.
    [[nodiscard]] free_space space() {
        free_space result;
        result.reset(format::first_page(meta.page_bytes), meta.page_count);
        if (meta.free_pages != 0) { result.load(bytes(page(meta.free_first), meta.free_bytes)); }
        return result;
    }

    std::vector<std::byte> content;
    format::meta meta{};  // the newest one; store_metas writes it
    page_seal seal;

private:
    [[nodiscard]] format::meta newest() const {
        meta_slots slots;
        for (unsigned slot = 0; slot < 2; ++slot) {
            const bytes block(content.data() + format::meta_offset[slot], format::meta_block_bytes);
            slots.valid[slot] = decode_meta(block, slot, slots.defect[slot]);
        }
        return slots.current();
    }
    [[nodiscard]] bool inside(std::uint64_t first, std::uint64_t count) const {
        const std::uint64_t pages = content.size() / meta.page_bytes;
        return first >= format::first_page(meta.page_bytes) && first < pages &&
               count <= pages - first;
    }

    std::uint32_t reseal_node(const node_schema& schema, std::uint64_t number, unsigned level) {
        if (!inside(number, 1) || !seen_.insert(number).second) { return 1; }
        if (schema.layout == format::node_layout::fixed) {
            reseal_children<fixed_node>(schema, number, level);
        } else {
            reseal_children<slotted_node>(schema, number, level);
        }
        const std::uint32_t checksum = seal.of(number, page(number));
        store(page(number), checksum);
        return checksum;
    }
    template <class Node>
    void reseal_children(const node_schema& schema, std::uint64_t number, unsigned level) {
        typename Node::editor node(page(number), schema);
        if (header(number).identity != schema.identity(level) || node.defect(false) != nullptr) {
            return;
        }
        for (unsigned i = 0; i < node.count() && level != 0; ++i) {
            child_entry child = node.child(i);
            child.checksum = reseal_node(schema, child.page, level - 1);
            node.set_child(i, child);
        }
        if (level == 0 && schema.tree == format::catalog_tree) { reseal_trees(node); }
    }
    template <class Node>
    void reseal_trees(const Node& leaf) {
        for (unsigned i = 0; i < leaf.count(); ++i) {
            const bytes value = leaf.value(i);
            if (value.size() != sizeof(format::catalog_record)) { continue; }
            auto record = load<format::catalog_record>(value.data());
            try {
                const tree_state state = state_of(record, meta.page_bytes, meta.page_count);
                record.root.checksum = reseal_node(state.schema, state.root.page, state.root.level);
                store(const_cast<std::byte*>(value.data()), record);
            } catch (const error&) { continue; }  // a record that nobody can follow
        }
    }

    io::file_system& files_;
    std::string path_;
    std::set<std::uint64_t> seen_;
};

}  // namespace pinyon::test
