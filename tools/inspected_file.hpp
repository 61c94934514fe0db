// A database opened to be looked at: O_RDONLY, every page by pread, no mapping, no lock, nothing
// written and nothing created.
//
// Threads: one. Failure: as database::open; refusal where there is no such tree.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "pinyon/engine/database.hpp"
#include "tools/exit_code.hpp"

namespace pinyon::tool {

// How an inspector opens a database: without a lock and without a cache; a file whose log goes on
// behind it is replayed in memory, unless the `checkpoint` alone is asked for. Beside a writer it
// is the last checkpoint.
[[nodiscard]] database open_to_read(const std::string& file, bool checkpoint);

// The tree of this name, or the only one. Throws refusal naming the trees there are.
[[nodiscard]] tree_information tree_of(const read_transaction& snapshot,
                                       const std::optional<std::string>& name,
                                       const std::string& file);

class inspected_file {
public:
    explicit inspected_file(const std::string& file, bool checkpoint = false);

    [[nodiscard]] const database& opened() const noexcept { return database_; }
    [[nodiscard]] const read_transaction& snapshot() const noexcept { return snapshot_; }
    // See tree_of.
    [[nodiscard]] tree_information tree(const std::optional<std::string>& name) const {
        return tree_of(snapshot_, name, database_.path());
    }

private:
    database database_;
    read_transaction snapshot_;
};

}  // namespace pinyon::tool
