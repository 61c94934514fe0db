// For the tests of nodes: pages on the heap of exactly their size, so that a sanitizer sees each
// byte beside them, keys, and a walk that calls every function of a node.
#pragma once

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "pinyon/engine/node.hpp"
#include "pinyon/mmap/error.hpp"

namespace pinyon::test {

class heap_page {
public:
    explicit heap_page(std::uint32_t page_bytes)
        : size_(page_bytes), data_(new std::byte[page_bytes]()) {}
    heap_page(const heap_page& other) : heap_page(other.size_) {
        std::memcpy(data_.get(), other.data_.get(), size_);
    }
    heap_page(heap_page&&) noexcept = default;
    heap_page& operator=(heap_page&&) noexcept = default;
    heap_page& operator=(const heap_page&) = delete;
    ~heap_page() = default;

    [[nodiscard]] std::byte* data() noexcept { return data_.get(); }
    [[nodiscard]] const std::byte* data() const noexcept { return data_.get(); }
    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }
    template <class T>
    void put(std::size_t offset, T value) noexcept {
        store(data() + offset, value);
    }

private:
    std::uint32_t size_;
    std::unique_ptr<std::byte[]> data_;
};

// Big-endian, as keys are.
[[nodiscard]] inline std::string number_key(std::uint64_t number, unsigned width) {
    std::string key(width, '\0');
    for (unsigned i = 0; i != width && i != 8; ++i) {
        key[width - 1 - i] = static_cast<char>(number >> (8 * i));
    }
    return key;
}

[[nodiscard]] inline std::string random_bytes(std::mt19937_64& random, std::size_t size) {
    std::string value(size, '\0');
    for (char& c : value) { c = static_cast<char>(random()); }
    return value;
}

template <class Node>
[[nodiscard]] std::string key_text(const Node& node, unsigned i) {
    key_buffer buffer;
    return std::string(as_text(node.key(i, buffer)));
}

[[nodiscard]] inline std::uint64_t digest(bytes value) noexcept {
    std::uint64_t sum = value.size();
    for (const std::byte b : value) { sum = sum * 31 + std::to_integer<std::uint64_t>(b); }
    return sum;
}

// Calls every reading and planning function; the sum only keeps the reads alive.
template <class Node>
[[nodiscard]] std::uint64_t walk(const Node& node, const std::vector<std::string>& probes) {
    key_buffer buffer;
    std::uint64_t sum = node.page() + node.born() + node.used_bytes() + node.capacity_bytes();
    sum += digest(node.lower_fence(buffer)) + digest(node.upper_fence(buffer));
    const unsigned entries = node.count();
    for (unsigned i = 0; i != entries; ++i) {
        sum += digest(node.key(i, buffer));
        if (i > 0) { sum += digest(node.separator(i, buffer)); }
        if (node.leaf()) {
            sum += digest(node.value(i)) + (node.is_reference(i) ? 1 : 0);
            sum += node.fits_replacement(i, 100) ? 1 : 0;
        } else {
            sum += node.child(i).page + node.child(i).count + node.child(i).checksum;
        }
    }
    for (const std::string& probe : probes) {
        const search_result found = node.lower_bound(as_bytes(probe));
        if (found.index > entries || (found.equal && found.index == entries)) { std::abort(); }
        if (!node.leaf() && node.child_index(as_bytes(probe)) >= entries) { std::abort(); }
        sum += node.fits(as_bytes(probe), 50) ? 1 : 0;
    }
    for (unsigned i = 0; i <= entries; ++i) { sum += node.split_index(i, (i & 1) != 0); }
    sum += node.underfull() ? 1 : 0;
    sum += Node::can_merge(node, node) ? 1 : 0;
    sum += Node::balanced_index(node, node);
    return sum + (node.defect(true) != nullptr ? 1 : 0);
}

// Changes a node as a tree would; damage may be refused, but only as corrupt.
template <class Node>
void edit(const heap_page& original, const node_schema& schema,
          const std::vector<std::string>& probes, const std::string& value) {
    heap_page page(original);
    typename Node::editor node(page.data(), schema);
    heap_page other(schema.page_bytes);
    const auto attempt = [](const auto& change) {
        try {
            change();
        } catch (const error& failure) {
            if (failure.kind() != errc::corrupt && failure.kind() != errc::misuse) { throw; }
        }
    };
    attempt([&] {
        key_buffer lower;
        key_buffer upper;
        fence_pair fences;
        if (node.has_lower_fence()) { fences.lower = node.lower_fence(lower); }
        if (node.has_upper_fence()) { fences.upper = node.upper_fence(upper); }
        typename Node::editor copy(other.data(), schema);
        copy.format(9, node.level(), 1, fences);
        copy.append(node, 0, node.count());
        copy.append(node, 0, node.count());
    });
    for (const std::string& probe : probes) {
        const bytes key = as_bytes(probe);
        attempt([&] {
            if (node.leaf()) {
                const search_result found = node.lower_bound(key);
                if (found.equal && node.fits_replacement(found.index, value.size())) {
                    node.replace(found.index, as_bytes(value), false);
                } else if (!found.equal && node.fits(key, value.size())) {
                    node.insert(found.index, key, as_bytes(value), false);
                }
            } else if (node.fits(key, 0)) {
                node.insert_child(node.child_index(key) + 1, key, {7, 7, 7});
            }
        });
        if (node.count() > 2) {
            attempt([&] { node.erase(1 + node.count() / 2 - 1); });
        }
    }
    if (walk(static_cast<const Node&>(node), probes) == 0) { std::abort(); }
}

}  // namespace pinyon::test
