// What a write transaction did, as the log keeps it: operations back to back, by tree number. The
// buffer collects them while the transaction runs; the reader takes them apart again.
//
//     kind     1 byte         1 put, 2 erase, 3 erase range, 4 create, 5 drop, 6 rename a tree
//     tree     varint         its number
//     then, with "bytes" for a varint of the length and as many bytes:
//     put          key bytes, value bytes
//     erase        key bytes
//     erase range  1 byte (bit 0: a lower bound follows, bit 1: an upper one), their bytes
//     create       name bytes, layout (1 byte), varints of the key's width, the value's width, the
//                  value's alignment and the minimum degree, key type bytes, value type bytes
//     drop         nothing
//     rename       the new name's bytes
//
// Varints are LEB128, in their shortest form only: one sequence of operations has one encoding.
//
// Invariants
//  1. The buffer never holds more than payload_bytes_max; beyond, and when memory is out, it has
//     overflowed: it holds nothing, and the transaction cannot go through the log.
//  2. The reader looks at no byte outside the payload and allocates nothing.
//
// Threads: one at a time.
// Failure: the buffer none; the reader log_corrupt with the offset in the payload, and again
// whenever it is asked once more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/format.hpp"

namespace pinyon {

enum class operation_kind : std::uint8_t {
    put = 1,
    erase = 2,
    erase_range = 3,
    create_tree = 4,
    drop_tree = 5,
    rename_tree = 6,
};

class operation_buffer {
public:
    // A transaction that says more is cheaper to flush than to repeat.
    static constexpr std::size_t payload_bytes_max = std::size_t{16} << 20;
    // Longer memory is not kept for the next transaction.
    static constexpr std::size_t kept_bytes_max = std::size_t{1} << 20;

    void put(std::uint32_t tree, bytes key, bytes value) noexcept;
    void erase(std::uint32_t tree, bytes key) noexcept;
    // lo <= key < hi; an absent bound is open.
    void erase_range(std::uint32_t tree, std::optional<bytes> lo, std::optional<bytes> hi) noexcept;
    // Of `record`: its number and what its creator chose (types, widths, layout, minimum degree).
    void create_tree(std::string_view name, const format::catalog_record& record) noexcept;
    void drop_tree(std::uint32_t tree) noexcept;
    void rename_tree(std::uint32_t tree, std::string_view to) noexcept;

    // Drops everything, and whatever comes until `clear`; gives the memory back.
    void overflow() noexcept;
    [[nodiscard]] bool overflowed() const noexcept { return overflowed_; }
    // True when a put of this size would not overflow, but for memory.
    [[nodiscard]] bool has_room(std::size_t key_bytes, std::uint64_t value_bytes) const noexcept;

    [[nodiscard]] bytes payload() const noexcept { return payload_; }
    [[nodiscard]] std::uint32_t count() const noexcept { return count_; }
    // As new, for the next transaction, but for the memory.
    void clear() noexcept;

private:
    friend class pending_operation;
    class encoder;

    void take_back(std::size_t to_bytes, std::uint32_t to_count) noexcept;

    std::vector<std::byte> payload_;
    std::uint32_t count_ = 0;
    bool overflowed_ = false;
};

// Records a change that is about to be made: before it, because its arguments may be views of pages
// that it changes; what is not kept in the end is taken back. With a null buffer it does nothing.
//
//     pending_operation record(log);
//     if (record) { record->erase(tree, key); }
//     if (change()) { record.keep(); }
class pending_operation {
public:
    explicit pending_operation(operation_buffer* buffer) noexcept : buffer_(buffer) {
        if (buffer_ != nullptr) {
            bytes_ = buffer_->payload_.size();
            count_ = buffer_->count_;
        }
    }
    ~pending_operation() {
        if (buffer_ != nullptr && !kept_) { buffer_->take_back(bytes_, count_); }
    }
    pending_operation(const pending_operation&) = delete;
    pending_operation& operator=(const pending_operation&) = delete;

    explicit operator bool() const noexcept { return buffer_ != nullptr; }
    operation_buffer* operator->() const noexcept { return buffer_; }
    void keep() noexcept { kept_ = true; }

private:
    operation_buffer* buffer_;
    std::size_t bytes_ = 0;
    std::uint32_t count_ = 0;
    bool kept_ = false;
};

// One operation; the views are of the payload.
struct operation {
    operation_kind kind = operation_kind::put;
    std::uint32_t tree = 0;
    bytes key;                        // put, erase
    bytes value;                      // put
    std::optional<bytes> lower;       // erase_range
    std::optional<bytes> upper;       //
    std::string_view name;            // create_tree, rename_tree: the new one
    format::catalog_record record{};  // create_tree: as operation_buffer::create_tree took it; its
                                      // values are anything that fits their fields
};

class operation_reader {
public:
    // `count`: how many the payload is said to hold. The payload outlives the reader.
    operation_reader(bytes payload, std::uint32_t count) noexcept
        : payload_(payload), count_(count) {}

    // Nullopt behind the last one. Throws log_corrupt for what is no operation, for a payload that
    // ends too early and for bytes behind the last.
    [[nodiscard]] std::optional<operation> next();
    // Offset of the next operation.
    [[nodiscard]] std::size_t offset() const noexcept { return offset_; }

private:
    class decoder;

    bytes payload_;
    std::uint32_t count_;
    std::uint32_t read_ = 0;
    std::size_t offset_ = 0;
};

}  // namespace pinyon
