// Entries of a tree between two cuts, forwards or backwards, as C++ types: for range-for,
// algorithms and stepping by hand.
//
// What an iterator returns is an `entry` by value. Its key, when it is a view (std::string_view),
// stays until the iterator moves; its value as transaction.hpp says. For keys that view nothing the
// iterators are bidirectional in the sense of C++20; for others they have -- all the same.
//
// Threads: one at a time per transaction. Failure: as raw_tree; misuse when moved beyond the ends.
#pragma once

#include <cstddef>
#include <iterator>
#include <optional>
#include <utility>

#include "pinyon/engine/raw_tree.hpp"

namespace pinyon {

// `auto [key, value] = *iterator;`
template <class Key, class Value>
struct entry {
    Key key;
    Value value;
    friend bool operator==(const entry&, const entry&) = default;
};

namespace detail {

// A raw cursor and the types of what it stands on. Decoding of tuples needs room that lives as
// long.
template <class Key, class Value>
class typed_cursor {
public:
    typed_cursor() = default;
    explicit typed_cursor(raw_cursor raw) : raw_(std::move(raw)) {}

    [[nodiscard]] raw_cursor& raw() noexcept { return raw_; }
    [[nodiscard]] const raw_cursor& raw() const noexcept { return raw_; }
    [[nodiscard]] Key key() const {
        if constexpr (needs_room<Key>) {
            return decode_key<Key>(raw_.key(), room_);
        } else {
            return key_codec<Key>::decode(raw_.key());
        }
    }
    [[nodiscard]] Value value() const { return value_codec<Value>::decode(raw_.value()); }
    [[nodiscard]] pinyon::entry<Key, Value> entry() const {
        if constexpr (key_codec<Key>::width == sizeof(std::uint64_t) && !needs_room<Key> &&
                      std::is_same_v<owned_key<Key>, Key>) {
            std::uint64_t number = 0;
            bytes stored;
            if (raw_.number_entry(number, stored)) [[likely]] {
                const std::uint64_t normal = __builtin_bswap64(number);
                return {key_codec<Key>::decode(std::as_bytes(std::span(&normal, 1))),
                        value_codec<Value>::decode(stored)};
            }
        }
        const auto [key, value] = raw_.entry();
        if constexpr (needs_room<Key>) {
            return {decode_key<Key>(key, room_), value_codec<Value>::decode(value)};
        } else {
            return {key_codec<Key>::decode(key), value_codec<Value>::decode(value)};
        }
    }

private:
    struct nothing {};
    raw_cursor raw_;
    mutable std::conditional_t<needs_room<Key>, key_buffer, nothing> room_;
};

}  // namespace detail

// A position in a typed tree, moved by seeking and stepping; all moves tell whether an entry is
// there.
template <class Key, class Value>
class cursor {
public:
    explicit cursor(raw_cursor raw) : at_(std::move(raw)) {}

    [[nodiscard]] bool valid() const noexcept { return at_.raw().valid(); }
    bool first() { return at_.raw().first(); }
    bool last() { return at_.raw().last(); }
    // To the first key >= `key`.
    bool seek(key_argument<Key> key) {
        key_buffer room;
        return at_.raw().seek(key_codec<Key>::encode(key, room));
    }
    // To the last key < `key`.
    bool seek_before(key_argument<Key> key) {
        key_buffer room;
        return at_.raw().seek_before(key_codec<Key>::encode(key, room));
    }
    // To the entry with n entries before it.
    bool seek_nth(std::uint64_t n) { return at_.raw().seek_nth(n); }
    // Throw misuse when not valid.
    bool next() { return at_.raw().next(); }
    bool previous() { return at_.raw().previous(); }

    // Throw misuse when not valid. A key that is a view stays until the cursor moves.
    [[nodiscard]] Key key() const { return at_.key(); }
    [[nodiscard]] Value value() const { return at_.value(); }
    [[nodiscard]] owned_key<Key> key_copy() const { return detail::own_key<Key>(key()); }

private:
    detail::typed_cursor<Key, Value> at_;
};

enum class direction : std::uint8_t { forward, backward };

template <class Key, class Value, direction Way>
class range_iterator {
public:
    using value_type = entry<Key, Value>;
    using reference = value_type;
    using difference_type = std::ptrdiff_t;
    using iterator_category = std::input_iterator_tag;
    using iterator_concept =
        std::conditional_t<std::is_same_v<owned_key<Key>, Key>, std::bidirectional_iterator_tag,
                           std::input_iterator_tag>;
    class pointer {
    public:
        explicit pointer(value_type held) : held_(std::move(held)) {}
        const value_type* operator->() const noexcept { return &held_; }

    private:
        value_type held_;
    };

    range_iterator() = default;
    // `far` is the cut at which the range ends in this direction. At first it stands at that end.
    range_iterator(raw_cursor raw, const key_cut& far) : at_(std::move(raw)), far_(far) {}

    // Throw misuse at the end.
    [[nodiscard]] reference operator*() const { return at_.entry(); }
    [[nodiscard]] pointer operator->() const { return pointer(**this); }
    [[nodiscard]] Key key() const { return at_.key(); }
    [[nodiscard]] Value value() const { return at_.value(); }
    [[nodiscard]] owned_key<Key> key_copy() const { return detail::own_key<Key>(key()); }

    range_iterator& operator++() {
        forward ? at_.raw().next() : at_.raw().previous();
        settle();
        return *this;
    }
    range_iterator operator++(int) {
        range_iterator before = *this;
        ++*this;
        return before;
    }
    // From the end: to the last entry before it.
    range_iterator& operator--() {
        if (!at_end_) {
            forward ? at_.raw().previous() : at_.raw().next();
        } else {
            forward ? at_.raw().seek_before(far_) : at_.raw().seek(far_);
            at_end_ = !at_.raw().valid();
        }
        return *this;
    }
    range_iterator operator--(int) {
        range_iterator before = *this;
        --*this;
        return before;
    }

    // REQUIRES: both of the same range.
    [[nodiscard]] friend bool operator==(const range_iterator& a, const range_iterator& b) {
        if (a.at_end_ || b.at_end_) { return a.at_end_ == b.at_end_; }
        return equal(a.at_.raw().key(), b.at_.raw().key());
    }

    // To the first entry behind `near` in this direction.
    void start(const key_cut& near) {
        forward ? at_.raw().seek(near) : at_.raw().seek_before(near);
        settle();
    }

private:
    static constexpr bool forward = Way == direction::forward;

    void settle() { at_end_ = !at_.raw().valid() || is_beyond(); }
    [[nodiscard]] bool is_beyond() const {
        if constexpr (forward) {
            return far_.where != key_cut::place::back && far_.is_before(at_.raw().key());
        } else {
            return far_.where != key_cut::place::front && !far_.is_before(at_.raw().key());
        }
    }

    detail::typed_cursor<Key, Value> at_;
    key_cut far_;
    bool at_end_ = true;
};

// Holds its bounds and a handle of the tree, no position: it can be walked any number of times.
template <class Key, class Value, direction Way = direction::forward>
class range {
public:
    using iterator = range_iterator<Key, Value, Way>;
    using const_iterator = iterator;

    // The entries behind `lo` and not behind `hi`.
    range(raw_tree tree, const key_cut& lo, const key_cut& hi)
        : tree_(std::move(tree)), lo_(lo), hi_(hi) {}

    [[nodiscard]] iterator begin() const {
        iterator result(tree_.cursor(), far());
        result.start(near());
        return result;
    }
    [[nodiscard]] iterator end() const { return iterator(tree_.cursor(), far()); }
    [[nodiscard]] auto reversed() const {
        constexpr direction other =
            Way == direction::forward ? direction::backward : direction::forward;
        return range<Key, Value, other>(tree_, lo_, hi_);
    }
    // Without walking: O(log n).
    [[nodiscard]] std::uint64_t count() const { return tree_.count(lo_, hi_); }
    [[nodiscard]] bool empty() const { return count() == 0; }

private:
    [[nodiscard]] const key_cut& near() const noexcept {
        return Way == direction::forward ? lo_ : hi_;
    }
    [[nodiscard]] const key_cut& far() const noexcept {
        return Way == direction::forward ? hi_ : lo_;
    }

    raw_tree tree_;
    key_cut lo_;
    key_cut hi_;
};

}  // namespace pinyon
