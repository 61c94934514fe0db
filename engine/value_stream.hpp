// Values read and written piece by piece, so that one of a gibibyte needs the memory of a page. A
// writer holds what its transaction records for the log: values of up to 16 MiB.
//
// Threads: one at a time per transaction.
// Failure: misuse after the transaction's end; as stated; corrupt, io; the writer also no_space.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "pinyon/engine/overflow.hpp"
#include "pinyon/engine/raw_tree.hpp"

namespace pinyon {

// Reads a value front to back or from any offset. In a write transaction it is misuse once the tree
// changed.
class value_reader {
public:
    [[nodiscard]] std::uint64_t length() const noexcept { return length_; }
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
    // The next bytes, as many as `out` takes; fewer only at the end, 0 behind it.
    std::size_t read(std::span<std::byte> out);
    // Goes on from `offset`; an offset behind the end stands for the end.
    void seek(std::uint64_t offset) noexcept { position_ = std::min(offset, length_); }

private:
    friend class raw_tree;
    value_reader(detail::tree_access access, const stored_value& value);

    detail::tree_access access_;
    std::uint64_t changes_;
    std::uint64_t length_;
    std::uint64_t position_ = 0;
    std::vector<std::byte> inline_bytes_;
    std::optional<extent_reader> extent_;
};

// Writes a value of known length. Nothing is in the tree before `finish`; a writer that goes
// without it gives its pages back. It has to finish or go before the commit.
class value_writer {
public:
    value_writer(value_writer&&) noexcept;
    value_writer& operator=(value_writer&&) noexcept;
    ~value_writer();

    // Throws misuse when more bytes come than announced, and after `finish`.
    void write(bytes chunk);
    // Throws misuse when bytes are missing.
    void finish();
    [[nodiscard]] std::uint64_t length() const noexcept { return length_; }
    [[nodiscard]] std::uint64_t written() const noexcept { return written_; }

private:
    friend class writable_raw_tree;
    value_writer(detail::tree_access access, bytes key, std::uint64_t length);
    void require_open() const;
    void close() noexcept;
    void release() noexcept;
    void hold_for_log(bytes chunk) noexcept;

    detail::tree_access access_;
    std::vector<std::byte> key_;
    std::uint64_t length_;
    std::uint64_t written_ = 0;
    bool finished_ = false;
    bool logged_ = false;  // held_ has all that came of a longer value, for the log
    // What came so far, of a value that a leaf holds or that the log may take.
    std::vector<std::byte> held_;
    std::unique_ptr<extent_writer> extent_;  // of a value that no leaf holds
};

}  // namespace pinyon
