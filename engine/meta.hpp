// The metas: two slots, each alone in its 4 KiB block, that name everything else in the file. A
// checkpoint writes one slot at a time, so that one is valid at every moment.
//
// Invariants
//  1. A meta with sequence k stands in slot k & 1; the newest valid one is the file's state.
//  2. A slot is written only while the other one is valid and everything it names is kept.
//
// Failure: not_a_database, version, truncated, corrupt, each with what to do.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/format.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon {

struct meta_slots {
    std::array<std::optional<format::meta>, 2> valid;
    std::array<std::string, 2> defect;  // why a slot is not valid

    // The newest valid meta's slot. REQUIRES: one is valid (read_metas throws otherwise).
    [[nodiscard]] unsigned newest() const noexcept;
    [[nodiscard]] const format::meta& current() const noexcept { return *valid[newest()]; }
};

// The meta in the first 512 bytes of `block` when it is whole and this version can use it; else
// `defect` says why not.
[[nodiscard]] std::optional<format::meta> decode_meta(bytes block, unsigned slot,
                                                      std::string& defect);

// Both slots, from the medium. Throws when neither is usable, and truncated when the file is
// shorter than the newest meta says. `name` is the file's, for messages.
[[nodiscard]] meta_slots read_metas(io::file& file, const std::string& name);

// Writes `meta` into the slot its sequence names, checksum set; durable when it returns.
void write_meta(io::file& file, format::meta meta);

}  // namespace pinyon
