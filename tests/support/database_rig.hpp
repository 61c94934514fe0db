// A database in a file in memory that can be closed, reopened and proved sound.
#pragma once

#include <boost/test/unit_test.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "pinyon/engine/check.hpp"
#include "pinyon/engine/database.hpp"
#include "pinyon/mmap/memory_file.hpp"

namespace pinyon::test {

class database_rig {
public:
    explicit database_rig(std::uint32_t page_bytes = 4096) {
        chosen.files = &files;
        chosen.page_bytes = page_bytes;
        chosen.pool_bytes = std::uint64_t{8} << 20;
        db.emplace(database::open(path, chosen));
    }
    ~database_rig() { require_sound(); }
    database_rig(const database_rig&) = delete;
    database_rig& operator=(const database_rig&) = delete;

    database* operator->() { return &*db; }

    // What is in the file, not what is in memory.
    void reopen() {
        db.reset();
        db.emplace(database::open(path, chosen));
    }

    // Fails the test for each thing that the checker finds in the last commit.
    void require_sound() {
        check_options how;
        how.files = &files;
        how.root_descend = true;
        const check_summary summary = check(path, how, [](const finding& found) {
            BOOST_TEST(false, name(found.kind) << ", tree '" << found.tree << "': " << found.text);
        });
        BOOST_TEST(summary.complete);
        BOOST_TEST(summary.lost_pages == 0u);
    }

    std::string path = "rig.pinyon";
    io::memory_file_system files;
    options chosen;
    std::optional<database> db;
};

}  // namespace pinyon::test
