// The typed face of a tree: what a program gets when it opens a tree_spec. Thin: every call encodes
// its arguments and asks raw_tree, which see for the lifetime of handles, threads and failures.
//
// Arguments are taken as key_argument<Key> and value_argument<Value>: std::string_view for text, T
// for numbers. What a tree returns may view the file: std::string_view and pinyon::bytes values
// live until the transaction ends (in a write transaction: until the next change).
//
// Failure: beyond raw_tree's, misuse for a NaN as a key.
#pragma once

#include <algorithm>
#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "pinyon/engine/range.hpp"
#include "pinyon/engine/raw_tree.hpp"
#include "pinyon/engine/tree_types.hpp"
#include "pinyon/engine/value_stream.hpp"

namespace pinyon {

namespace detail {

// Values that streams make sense for.
template <class Value>
concept streamed = std::same_as<value_argument<Value>, std::string_view> ||
    std::same_as<value_argument<Value>, bytes>;

// The bytes with which all keys begin whose first components are `parts`.
template <class Key, class... Parts>
[[nodiscard]] bytes encode_prefix(key_buffer& room, const Parts&... parts) {
    if constexpr (is_tuple<Key>) {
        static_assert(sizeof...(Parts) < std::tuple_size_v<Key>,
                      "pinyon: a prefix has fewer components than the key");
        room.clear();
        const auto append = [&]<std::size_t... Index>(std::index_sequence<Index...>) {
            (encode_part(static_cast<const std::tuple_element_t<Index, Key>&>(parts), false, room),
             ...);
        };
        append(std::index_sequence_for<Parts...>());
        return room.view();
    } else {
        static_assert(sizeof...(Parts) == 1 && key_codec<Key>::width == 0,
                      "pinyon: prefix() serves keys of text, bytes, pairs and tuples; use range()");
        return key_codec<Key>::encode(parts..., room);
    }
}

// A few times as many as the searches beneath interleave.
inline constexpr std::size_t keys_a_batch = 64;

// Up to keys_a_batch keys, encoded side by side.
template <class Key>
class encoded_keys {
public:
    // REQUIRES: at most keys_a_batch keys. Valid until the next call, and as long as the keys.
    [[nodiscard]] std::span<const bytes> of(std::span<const Key> keys) {
        key_buffer room;
        for (std::size_t i = 0; i < keys.size(); ++i) {
            const bytes key = key_codec<Key>::encode(keys[i], room);
            if (key.data() == room.data()) {
                copies_[i].assign(key.begin(), key.end());
                keys_[i] = copies_[i];
            } else {
                keys_[i] = key;
            }
        }
        return std::span<const bytes>(keys_).first(keys.size());
    }

private:
    std::array<bytes, keys_a_batch> keys_;
    std::array<std::vector<std::byte>, keys_a_batch> copies_;
};
template <class Key>
requires(key_codec<Key>::width > 0 && key_codec<Key>::width <= 64) class encoded_keys<Key> {
public:
    [[nodiscard]] std::span<const bytes> of(std::span<const Key> keys) {
        key_buffer room;
        for (std::size_t i = 0; i < keys.size(); ++i) {
            std::byte* place = copies_.data() + i * width;
            std::memcpy(place, key_codec<Key>::encode(keys[i], room).data(), width);
            keys_[i] = bytes(place, width);
        }
        return std::span<const bytes>(keys_).first(keys.size());
    }

private:
    static constexpr std::size_t width = key_codec<Key>::width;
    std::array<bytes, keys_a_batch> keys_;
    std::array<std::byte, keys_a_batch * width> copies_;
};

}  // namespace detail

template <class Key, class Value>
class tree {
public:
    using key_type = Key;
    using value_type = Value;
    using iterator = range_iterator<Key, Value, direction::forward>;

    // REQUIRES: `raw` holds these types; transactions check that.
    explicit tree(raw_tree raw) noexcept : raw_(std::move(raw)) {
        detail::require_key<Key>();
        detail::require_value<Value>();
    }

    // The same tree by its bytes.
    [[nodiscard]] const raw_tree& raw() const noexcept { return raw_; }
    [[nodiscard]] std::string_view name() const { return raw_.name(); }

    // O(log n), as are all searches below.
    [[nodiscard]] std::optional<Value> get(key_argument<Key> key) const {
        key_buffer room;
        const std::optional<bytes> stored = raw_.get(encode(key, room));
        if (!stored) { return std::nullopt; }
        std::optional<Value> value(value_codec<Value>::decode(*stored));
        raw_.require_readable(*stored);
        return value;
    }
    [[nodiscard]] bool contains(key_argument<Key> key) const {
        key_buffer room;
        return raw_.contains(encode(key, room));
    }
    // results[i] becomes get(keys[i]); faster than as many calls. Throws misuse when `results` is
    // shorter.
    void get_many(std::span<const Key> keys, std::span<std::optional<Value>> results) const;
    // Starts reading what is not in memory of the ways to these keys, and does not wait for the
    // leaves: for keys that are soon looked up, or changed, one by one.
    void prefetch(std::span<const Key> keys) const;
    // A reader of a value of text or bytes that never holds all of it.
    [[nodiscard]] std::optional<value_reader> get_stream(
        key_argument<Key> key) const requires detail::streamed<Value> {
        key_buffer room;
        return raw_.get_stream(encode(key, room));
    }

    [[nodiscard]] std::uint64_t size() const { return raw_.size(); }
    [[nodiscard]] bool empty() const { return raw_.empty(); }
    // Number of keys lo <= key < hi.
    [[nodiscard]] std::uint64_t count(key_argument<Key> lo, key_argument<Key> hi) const {
        return raw_.count(cut(lo), cut(hi));
    }
    // Number of keys < key.
    [[nodiscard]] std::uint64_t rank(key_argument<Key> key) const { return raw_.rank(cut(key)); }
    // The entry with n entries before it, its key as a copy; min and max are the ends.
    using owned_entry = entry<owned_key<Key>, Value>;
    [[nodiscard]] std::optional<owned_entry> nth(std::uint64_t n) const { return own(raw_.nth(n)); }
    [[nodiscard]] std::optional<owned_entry> min() const { return own(raw_.min()); }
    [[nodiscard]] std::optional<owned_entry> max() const { return own(raw_.max()); }

    [[nodiscard]] pinyon::range<Key, Value> all() const { return {raw_, front(), back()}; }
    [[nodiscard]] iterator begin() const { return all().begin(); }
    [[nodiscard]] iterator end() const { return all().end(); }
    // Keys lo <= key < hi.
    [[nodiscard]] pinyon::range<Key, Value> range(key_argument<Key> lo,
                                                  key_argument<Key> hi) const {
        return {raw_, cut(lo), cut(hi)};
    }
    // Keys >= lo; keys < hi.
    [[nodiscard]] pinyon::range<Key, Value> from(key_argument<Key> lo) const {
        return {raw_, cut(lo), back()};
    }
    [[nodiscard]] pinyon::range<Key, Value> until(key_argument<Key> hi) const {
        return {raw_, front(), cut(hi)};
    }
    // Keys that begin with this text or these bytes; for pairs and tuples, whose first components
    // are `parts`.
    template <class... Parts>
    [[nodiscard]] pinyon::range<Key, Value> prefix(const Parts&... parts) const {
        key_buffer room;
        const bytes start = detail::encode_prefix<Key>(room, parts...);
        return {raw_, raw_.cut(start), raw_.cut_after_prefix(start)};
    }
    // The first key >= `key`, to be compared with end().
    [[nodiscard]] iterator lower_bound(key_argument<Key> key) const { return from(key).begin(); }
    // Stands nowhere at first.
    [[nodiscard]] pinyon::cursor<Key, Value> cursor() const {
        return pinyon::cursor<Key, Value>(raw_.cursor());
    }

protected:
    [[nodiscard]] static bytes encode(key_argument<Key> key, key_buffer& room) {
        return key_codec<Key>::encode(key, room);
    }
    [[nodiscard]] key_cut cut(key_argument<Key> key) const {
        key_buffer room;
        return raw_.cut(encode(key, room));
    }

private:
    [[nodiscard]] static key_cut front() noexcept { return {}; }
    [[nodiscard]] static key_cut back() noexcept {
        key_cut result;
        result.where = key_cut::place::back;
        return result;
    }
    [[nodiscard]] static std::optional<owned_entry> own(
        const std::optional<raw_tree::key_and_value>& found) {
        if (!found) { return std::nullopt; }
        key_buffer room;
        return owned_entry{detail::own_key<Key>(decode_key<Key>(found->first, room)),
                           value_codec<Value>::decode(found->second)};
    }

    raw_tree raw_;
};

template <class Key, class Value>
class writable_tree : public tree<Key, Value> {
public:
    explicit writable_tree(writable_raw_tree raw) : tree<Key, Value>(raw), raw_(std::move(raw)) {}

    [[nodiscard]] writable_raw_tree& raw() noexcept { return raw_; }

    // Inserts, or replaces the value that is there.
    void put(key_argument<Key> key, value_argument<Value> value) {
        key_buffer room;
        std::vector<std::byte> value_room;
        raw_.put(this->encode(key, room), value_codec<Value>::encode(value, value_room));
    }
    // False, with nothing changed, when the key is there.
    bool insert(key_argument<Key> key, value_argument<Value> value) {
        key_buffer room;
        std::vector<std::byte> value_room;
        return raw_.insert(this->encode(key, room), value_codec<Value>::encode(value, value_room));
    }
    // True when the key was there.
    bool erase(key_argument<Key> key) {
        key_buffer room;
        return raw_.erase(this->encode(key, room));
    }
    // Erases all keys lo <= key < hi; returns how many.
    std::uint64_t erase_range(key_argument<Key> lo, key_argument<Key> hi) {
        return raw_.erase(this->cut(lo), this->cut(hi));
    }
    // Erases everything; returns how many.
    std::uint64_t clear() { return raw_.erase(std::nullopt, std::nullopt); }
    // A writer of `length` bytes; they are the value of `key` from its `finish` on.
    [[nodiscard]] value_writer put_stream(key_argument<Key> key,
                                          std::uint64_t length) requires detail::streamed<Value> {
        key_buffer room;
        return raw_.put_stream(this->encode(key, room), length);
    }
    // Fills an empty tree from pairs of key and value in ascending order, each page to `fill` (0.5
    // to 1); returns how many. Throws misuse for keys out of order; the tree then stays empty.
    template <class Entries>
    std::uint64_t load(const Entries& entries, double fill = 0.95) {
        raw_loader loader = raw_.begin_load(fill);
        key_buffer room;
        std::vector<std::byte> value_room;
        std::uint64_t loaded = 0;
        for (const auto& [key, value] : entries) {
            loader.append(this->encode(key, room), value_codec<Value>::encode(value, value_room));
            ++loaded;
        }
        loader.finish();
        return loaded;
    }

private:
    writable_raw_tree raw_;
};

template <class Key, class Value>
void tree<Key, Value>::get_many(std::span<const Key> keys,
                                std::span<std::optional<Value>> results) const {
    if (results.size() < keys.size()) { detail::raise_short_results(keys.size(), results.size()); }
    constexpr std::size_t batch = detail::keys_a_batch;
    detail::encoded_keys<Key> encoded;
    std::array<std::optional<bytes>, batch> found;
    for (std::size_t done = 0; done < keys.size(); done += batch) {
        const std::size_t count = std::min(batch, keys.size() - done);
        raw_.get_many(encoded.of(keys.subspan(done, count)), found);
        for (std::size_t i = 0; i < count; ++i) {
            results[done + i].reset();
            if (found[i]) {
                results[done + i].emplace(value_codec<Value>::decode(*found[i]));
                raw_.require_readable(*found[i]);
            }
        }
    }
}

template <class Key, class Value>
void tree<Key, Value>::prefetch(std::span<const Key> keys) const {
    detail::encoded_keys<Key> encoded;
    for (std::size_t done = 0; done < keys.size(); done += detail::keys_a_batch) {
        const std::size_t count = std::min(detail::keys_a_batch, keys.size() - done);
        raw_.prefetch(encoded.of(keys.subspan(done, count)));
    }
}

}  // namespace pinyon
