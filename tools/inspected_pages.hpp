// The pages of a file as its newest meta has them, verified one by one as they are visited, for
// verbs that follow a few of them and do not care what the rest is like.
//
// Invariants
//  1. O_RDONLY, read by position: nothing is written, locked or mapped. The log is not looked at.
//
// Threads: one. Failure: as read_metas; corrupt with the page for a page that fails.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pinyon/engine/catalog.hpp"
#include "pinyon/engine/meta.hpp"
#include "pinyon/engine/page_store.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon::tool {

class inspected_pages {
public:
    explicit inspected_pages(const std::string& file);

    [[nodiscard]] const format::meta& meta() const noexcept { return metas_.current(); }
    [[nodiscard]] page_store& store() noexcept { return *store_; }
    [[nodiscard]] const tree_state& catalog() const noexcept { return catalog_; }

    // The record of the tree of this name, or of the only one, and that name. Throws refusal naming
    // the trees there are; a tree that is named is found though other parts of the catalog are
    // damaged.
    [[nodiscard]] std::pair<std::string, format::catalog_record> record(
        const std::optional<std::string>& name);

private:
    std::string path_;
    std::unique_ptr<io::file> file_;
    meta_slots metas_;
    std::unique_ptr<page_store> store_;
    std::unique_ptr<io::page_source> source_;
    tree_state catalog_;
};

}  // namespace pinyon::tool
