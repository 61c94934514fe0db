// The newest state of a database file, kept while it is read: a writer does not use its pages again
// for as long as the lock byte of its meta is held here, shared, on a descriptor that only reads.
//
// Invariants
//  1. While is_held(), no process that had the file open for writing when this was made changes a
//     page of the state. Another that opens it later may: who reads verifies what was read.
//
// Threads: one. Failure: as read_metas.
#pragma once

#include <string>

#include "pinyon/engine/meta.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon::tool {

class held_state {
public:
    // `file` outlives it; `name` is for messages. Waits at most a second for a writer that is just
    // writing the meta.
    held_state(io::file& file, const std::string& name);
    ~held_state();
    held_state(const held_state&) = delete;
    held_state& operator=(const held_state&) = delete;

    [[nodiscard]] const format::meta& meta() const noexcept { return meta_; }
    // False: its file system has no locks, or they could not be had.
    [[nodiscard]] bool is_held() const noexcept { return held_; }

private:
    // False: it has to be tried again.
    [[nodiscard]] bool try_hold(const std::string& name);
    [[nodiscard]] io::lock_byte byte() const noexcept;

    io::file& file_;
    format::meta meta_{};
    bool held_ = false;
};

}  // namespace pinyon::tool
