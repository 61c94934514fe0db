// A tree by its bytes, without C++ types: what the typed face (tree.hpp) stands on, and what tools
// use. Keys are in normal form (key_codec.hpp), values as they are stored.
//
// Handles are cheap to copy, share ownership of their transaction's core, and are good until the
// transaction ends or the tree is dropped. Views of values live as transaction.hpp says.
//
// Invariants
//  1. Every call first makes sure that the transaction is running and the tree still there.
//  2. A change checks key and value against the tree before the first page changes.
//
// Threads: one at a time per transaction.
// Failure: misuse after the transaction's end, for a dropped tree and for an empty handle;
// type_mismatch for keys or values whose width is not the tree's; corrupt, io; changes also
// key_too_long, value_too_long, no_space, transaction_failed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "pinyon/engine/cursor.hpp"
#include "pinyon/engine/transaction_life.hpp"
#include "pinyon/engine/tree_types.hpp"

namespace pinyon {

class transaction_core;
struct opened_tree;
class bulk_loader;
class value_reader;
class value_writer;

// A place between the entries of a tree: before all of them, before the first key that is not below
// `key`, or behind all.
struct key_cut {
    enum class place : std::uint8_t { front, at, back };
    place where = place::front;
    key_buffer key;  // with place::at; as long as the keys of the tree may be

    // True when an entry with this key stands behind the cut.
    [[nodiscard]] bool is_before(bytes entry_key) const noexcept {
        return where == place::front || (where == place::at && compare(key.view(), entry_key) <= 0);
    }
};

namespace detail {

[[noreturn]] void raise_short_results(std::size_t keys, std::size_t results);

// A tree in a running transaction; the one door through which all handles go.
class tree_access {
public:
    tree_access() = default;
    tree_access(std::shared_ptr<transaction_core> core, opened_tree* tree) noexcept;

    // Throws misuse when nothing may be done with the tree any more.
    opened_tree& enter() const;
    // The same as an answer.
    [[nodiscard]] bool usable() const noexcept;
    // Whether the transaction is running; the tree of a snapshot is never dropped.
    [[nodiscard]] bool runs() const noexcept { return life_ != nullptr && !life_->over(); }
    [[nodiscard]] transaction_core& core() const noexcept { return *core_; }
    [[nodiscard]] page_store& store() const noexcept;

private:
    std::shared_ptr<transaction_core> core_;
    const transaction_life* life_ = nullptr;  // the core's
    opened_tree* tree_ = nullptr;
};

}  // namespace detail

// A position in a tree. Copies are independent. A cursor of a write transaction survives changes:
// it goes on from the key that it stood on.
class raw_cursor {
public:
    raw_cursor() = default;
    explicit raw_cursor(detail::tree_access access) noexcept : access_(std::move(access)) {}

    [[nodiscard]] bool valid() const noexcept { return cursor_ && cursor_->valid(); }
    // All return valid(). O(log n).
    bool first();
    bool last();
    bool seek(bytes key);           // to the first key >= `key`
    bool seek_before(bytes key);    // to the last key < `key`
    bool seek(const key_cut& cut);  // to the entry behind the cut
    bool seek_before(const key_cut& cut);
    bool seek_nth(std::uint64_t n);  // to the entry with n entries before it
    // Throw misuse when not valid. O(1) amortised.
    bool next() { return (cursor_ && access_.runs() && cursor_->try_next()) || step_next(); }
    bool previous() {
        return (cursor_ && access_.runs() && cursor_->try_previous()) || step_previous();
    }

    // Throw misuse when not valid. The key stays until the cursor moves.
    [[nodiscard]] bytes key() const;
    [[nodiscard]] bytes value() const;
    // Both at the price of one.
    [[nodiscard]] std::pair<bytes, bytes> entry() const;
    // The same for a key that is stored as a number of 64 bits, where one look gives both; else
    // false: see entry().
    [[nodiscard]] bool number_entry(std::uint64_t& key, bytes& value) const noexcept {
        return cursor_ && access_.runs() && cursor_->number_entry(key, value);
    }
    // Bytes of the value, without fetching a large one.
    [[nodiscard]] std::uint64_t value_length() const;

private:
    tree_cursor& enter();
    const tree_cursor& enter_valid() const;
    bool step_next();
    bool step_previous();

    detail::tree_access access_;
    std::optional<tree_cursor> cursor_;  // made by the first move
};

class raw_tree {
public:
    // An empty handle: every call is misuse.
    raw_tree() = default;
    raw_tree(std::shared_ptr<transaction_core> core, opened_tree* tree) noexcept
        : access_(std::move(core), tree) {}
    explicit raw_tree(detail::tree_access access) noexcept : access_(std::move(access)) {}

    [[nodiscard]] std::string_view name() const;
    [[nodiscard]] tree_types types() const;

    // The value, or nullopt. Throws value_too_long for one that no single view can show: use
    // get_stream. O(log n).
    [[nodiscard]] std::optional<bytes> get(bytes key) const;
    // Throws io when the view, of which a copy was just made, is of a page that failed under an
    // access (options.sigbus_handler): what was copied may be zeros.
    void require_readable(bytes view) const;
    [[nodiscard]] bool contains(bytes key) const;
    // results[i] becomes get(keys[i]). The searches are interleaved and their reads overlap. Throws
    // misuse when `results` is shorter than `keys`.
    void get_many(std::span<const bytes> keys, std::span<std::optional<bytes>> results) const;
    // Starts reading what is not in memory of the ways to these keys, and does not wait for the
    // leaves: for keys that are soon looked up, or changed, one by one. Throws what get throws.
    void prefetch(std::span<const bytes> keys) const;
    // A reader of the value that never holds all of it.
    [[nodiscard]] std::optional<value_reader> get_stream(bytes key) const;

    // O(1).
    [[nodiscard]] std::uint64_t size() const;
    [[nodiscard]] bool empty() const { return size() == 0; }
    // Number of keys lo <= key < hi; an absent bound is open. O(log n).
    [[nodiscard]] std::uint64_t count(std::optional<bytes> lo, std::optional<bytes> hi) const;
    [[nodiscard]] std::uint64_t count(const key_cut& lo, const key_cut& hi) const;
    // Number of keys < key. O(log n).
    [[nodiscard]] std::uint64_t rank(bytes key) const;
    [[nodiscard]] std::uint64_t rank(const key_cut& cut) const;
    // The entry with n entries before it; min and max are the ends. The key is a copy. O(log n).
    using key_and_value = std::pair<std::vector<std::byte>, bytes>;
    [[nodiscard]] std::optional<key_and_value> nth(std::uint64_t n) const;
    [[nodiscard]] std::optional<key_and_value> min() const;
    [[nodiscard]] std::optional<key_and_value> max() const;

    // Stands nowhere at first.
    [[nodiscard]] raw_cursor cursor() const { return raw_cursor(access_); }
    // The cut before `key`, which may have any length: shorter and longer ones than the tree's keys
    // have their place between them.
    [[nodiscard]] key_cut cut(bytes key) const;
    // The cut behind all keys that begin with `prefix`.
    [[nodiscard]] key_cut cut_after_prefix(bytes prefix) const;

protected:
    detail::tree_access access_;
};

// Bottom-up loading of an empty tree; see bulk_load.hpp. A loader that goes without `finish` leaves
// the tree empty; when the tree was changed beside it, the transaction has failed. It has to finish
// or go before the commit.
class raw_loader {
public:
    raw_loader(raw_loader&&) noexcept;
    raw_loader& operator=(raw_loader&&) noexcept;
    ~raw_loader();

    // Keys strictly ascending, else misuse. O(1) amortised.
    void append(bytes key, bytes value);
    // The tree then holds what was appended. Throws misuse when it was changed meanwhile.
    void finish();

private:
    friend class writable_raw_tree;
    raw_loader(detail::tree_access access, double fill);
    void enter() const;
    void close() noexcept;
    void release() noexcept;

    detail::tree_access access_;
    std::unique_ptr<bulk_loader> loader_;
    std::uint64_t changes_ = 0;
};

class writable_raw_tree : public raw_tree {
public:
    using raw_tree::raw_tree;

    // Inserts, or replaces the value that is there. O(log n).
    void put(bytes key, bytes value);
    // False, with nothing changed, when the key is there.
    bool insert(bytes key, bytes value);
    // True when the key was there.
    bool erase(bytes key);
    // Erases all keys lo <= key < hi (absent bound: open); returns how many.
    std::uint64_t erase(std::optional<bytes> lo, std::optional<bytes> hi);
    std::uint64_t erase(const key_cut& lo, const key_cut& hi);
    // A writer of `length` bytes that never holds all of them; they are the value of `key` from its
    // `finish` on. Throws type_mismatch for a tree of fixed layout.
    [[nodiscard]] value_writer put_stream(bytes key, std::uint64_t length);
    // Loads sorted entries, each page filled to `fill` (0.5 to 1). Throws misuse unless the tree is
    // empty.
    [[nodiscard]] raw_loader begin_load(double fill = 0.95);
};

}  // namespace pinyon
