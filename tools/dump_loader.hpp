// Fills a new database with what a dump_reader reads: each tree as the dump says it was, bottom-up
// for as long as the entries come in order.
//
// Threads: one. Failure: refusal that names the place in the dump; interruption; pinyon::error of
// the new file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pinyon/engine/database.hpp"
#include "tools/dump_reader.hpp"
#include "tools/entry_batch.hpp"
#include "tools/progress.hpp"
#include "tools/tree_filler.hpp"

namespace pinyon::tool {

struct loaded_tree {
    std::string name;
    tree_types types;
    std::uint64_t entries = 0;  // of the tree
    fill_counts filled;
};

class dump_loader {
public:
    // All outlive this.
    dump_loader(dump_reader& reader, const dump_source& source, const load_arguments& arguments,
                const streams& streams, progress& line);

    // Reads up to the first tree, which says how large pages should be.
    [[nodiscard]] std::uint32_t page_bytes();
    // Loads all. REQUIRES: `page_bytes` was called, and the database is new and has such pages.
    void load(database& into);
    [[nodiscard]] const std::vector<loaded_tree>& trees() const noexcept { return trees_; }
    [[nodiscard]] std::uint64_t records() const noexcept { return records_; }

private:
    void load_tree(write_transaction& change, std::uint32_t page_bytes);
    [[nodiscard]] writable_raw_tree make_tree(write_transaction& change);
    void check_entry(const dumped_entry& entry, std::uint32_t page_bytes) const;

    dump_reader& reader_;
    const dump_source& source_;
    const load_arguments& arguments_;
    const streams& streams_;
    progress& line_;
    bool more_ = false;
    dumped_tree tree_;                            // at hand
    std::map<std::string, std::uint64_t> lines_;  // of the trees so far
    std::uint64_t records_ = 0;
    std::vector<loaded_tree> trees_;
};

}  // namespace pinyon::tool
