// Bytes as the engine passes them around: a view, its order, and a buffer for one key.
//
// The order of keys everywhere is the order of their bytes as unsigned numbers, shorter first.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>

namespace pinyon {

using bytes = std::span<const std::byte>;

[[nodiscard]] inline bytes as_bytes(std::string_view text) noexcept {
    return std::as_bytes(std::span(text.data(), text.size()));
}
[[nodiscard]] inline std::string_view as_text(bytes value) noexcept {
    return {reinterpret_cast<const char*>(value.data()), value.size()};
}

// Negative, zero or positive, as memcmp.
[[nodiscard]] inline int compare(bytes a, bytes b) noexcept {
    const std::size_t common = std::min(a.size(), b.size());
    if (common != 0) {
        if (const int order = std::memcmp(a.data(), b.data(), common); order != 0) { return order; }
    }
    return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}
[[nodiscard]] inline bool equal(bytes a, bytes b) noexcept {
    return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size()) == 0);
}
[[nodiscard]] inline bool starts_with(bytes text, bytes prefix) noexcept {
    return text.size() >= prefix.size() && equal(text.first(prefix.size()), prefix);
}
[[nodiscard]] inline std::size_t common_prefix(bytes a, bytes b) noexcept {
    const std::size_t common = std::min(a.size(), b.size());
    std::size_t length = 0;
    while (length < common && a[length] == b[length]) { ++length; }
    return length;
}

// Room for one encoded key: an eighth of the largest page.
class key_buffer {
public:
    static constexpr std::size_t capacity = 4096;

    key_buffer() noexcept {}  // NOLINT(modernize-use-equals-default): leaves the storage unset
    key_buffer(const key_buffer& other) noexcept { assign(other.view()); }
    key_buffer& operator=(const key_buffer& other) noexcept {
        if (this != &other) { assign(other.view()); }
        return *this;
    }

    [[nodiscard]] bytes view() const noexcept { return {storage_.data(), size_}; }
    [[nodiscard]] std::byte* data() noexcept { return storage_.data(); }
    [[nodiscard]] std::size_t size() const noexcept { return size_; }
    void clear() noexcept { size_ = 0; }
    // REQUIRES: size <= capacity.
    void resize(std::size_t size) noexcept { size_ = size; }
    // REQUIRES: the result fits.
    void assign(bytes value) noexcept {
        size_ = 0;
        append(value);
    }
    void append(bytes value) noexcept {
        if (!value.empty()) { std::memmove(storage_.data() + size_, value.data(), value.size()); }
        size_ += value.size();
    }

private:
    std::array<std::byte, capacity> storage_;
    std::size_t size_ = 0;
};

}  // namespace pinyon
