// Puts what was salvaged into a new database: whole trees bottom-up, then what older copies of
// nodes hold for the parts that are missing (lost+found), then what the log says was done since.
//
// An entry of lost+found may have been erased or replaced before the damage: it stands in
// "lost+found/NAME", of the same types as the tree NAME, and "lost+found/NAME@transaction" holds
// for each key the transaction whose leaf it is from. It is never put into the tree.
//
// Threads: one.
// Failure: refusal(incomplete) when a page reads otherwise than before; interruption; pinyon::error
// of the new database.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pinyon/engine/database.hpp"
#include "pinyon/engine/log_reader.hpp"
#include "pinyon/engine/operation.hpp"
#include "tools/salvage.hpp"

namespace pinyon::tool {

struct written_tree {
    std::uint64_t entries = 0;  // of the state
    std::string lost_found;     // the tree with what older copies hold; empty: there is none
};

struct replayed_log {
    std::uint64_t transactions = 0;
    std::uint64_t operations = 0;
    std::uint64_t skipped = 0;  // operations on trees that were not saved
    std::string problem;        // what kept the rest from being applied; empty: there is no rest
};

class salvage_writer {
public:
    // All outlive this. `look`: called now and then, may throw.
    salvage_writer(database& to, damaged_file& from, const salvage& what,
                   std::function<void()> look);

    // All trees, in one transaction. `younger_too`: pages that are younger than the state go to
    // lost+found as well, because no log says what became of them.
    [[nodiscard]] std::vector<written_tree> write(bool younger_too);
    // Applies the batches of the log, one transaction each, to trees and lost+found.
    [[nodiscard]] replayed_log replay(std::uint64_t durable_floor);
    // The name that the tree has by now; nullopt: the log says that it was dropped.
    [[nodiscard]] std::optional<std::string> name_of(const salvaged_tree& tree) const;
    // Lost and found is forgotten where nothing is in it any more.
    void finish();

private:
    // A tree of the new database, by its number in the old one.
    struct home {
        std::string name;
        std::string lost_found;  // empty: none
    };

    [[nodiscard]] std::uint64_t load(write_transaction& change, const salvaged_tree& tree);
    [[nodiscard]] bool load_leaf(const salvaged_tree& tree, std::uint64_t page, raw_loader& loader,
                                 std::uint64_t& entries);
    void put_large(const salvaged_tree& tree, writable_raw_tree& into, std::uint64_t& entries);
    void find_lost(write_transaction& change, const salvaged_tree& tree, bool younger_too,
                   written_tree& written);
    [[nodiscard]] std::string free_name(const std::string& tree, std::uint32_t number);
    void apply(const log_batch& batch, replayed_log& counts);
    void apply(write_transaction& change, const operation& what, replayed_log& counts);
    void create(write_transaction& change, const operation& what);

    database& to_;
    damaged_file& from_;
    const salvage& what_;
    std::function<void()> look_;
    std::set<std::string> names_;
    std::map<std::uint32_t, home> homes_;
    // As they were before the running batch, once that has changed them.
    std::optional<std::map<std::uint32_t, home>> homes_before_;
};

// The tree that tells from which transaction each entry of a lost+found is.
[[nodiscard]] std::string transactions_of(const std::string& lost_found);

// Every batch that a log holds behind the meta; the text of what is wrong, empty when nothing is.
// `transactions`: how many there are up to there.
[[nodiscard]] std::string log_problem(const std::string& path, const format::meta& meta,
                                      std::uint64_t durable_floor, std::uint64_t& transactions);

}  // namespace pinyon::tool
