#include "pinyon/engine/operation.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <string>

#include "pinyon/mmap/error.hpp"

namespace pinyon {

namespace {

constexpr std::byte has_lower{1};
constexpr std::byte has_upper{2};
constexpr std::size_t varint_bytes_max = 10;  // 64 bits, 7 in each

[[nodiscard]] std::size_t varint_bytes(std::uint64_t number) noexcept {
    std::size_t length = 1;
    for (; number >= 0x80; number >>= 7) { ++length; }
    return length;
}

[[nodiscard]] std::size_t field_bytes(bytes field) noexcept {
    return varint_bytes(field.size()) + field.size();
}

// Type names stand zero-padded in a record.
[[nodiscard]] bytes type_bytes(const std::array<char, 32>& name) noexcept {
    const auto end = std::find(name.begin(), name.end(), '\0');
    return as_bytes({name.data(), static_cast<std::size_t>(end - name.begin())});
}

}  // namespace

// Appends one operation. All room is made at the start, so nothing in the middle can fail.
class operation_buffer::encoder {
public:
    // `rest`: bytes behind kind and tree.
    encoder(operation_buffer& buffer, operation_kind kind, std::uint32_t tree,
            std::size_t rest) noexcept
        : buffer_(buffer), open_(make_room(1 + varint_bytes(tree) + rest)) {
        byte(static_cast<std::byte>(kind));
        number(tree);
        if (open_) { ++buffer_.count_; }
    }

    encoder& byte(std::byte value) noexcept {
        if (open_) { buffer_.payload_.push_back(value); }
        return *this;
    }
    encoder& number(std::uint64_t value) noexcept {
        for (; value >= 0x80; value >>= 7) { byte(static_cast<std::byte>(value | 0x80)); }
        return byte(static_cast<std::byte>(value));
    }
    encoder& field(bytes value) noexcept {
        number(value.size());
        if (open_) { buffer_.payload_.insert(buffer_.payload_.end(), value.begin(), value.end()); }
        return *this;
    }

private:
    [[nodiscard]] bool make_room(std::size_t length) noexcept {
        std::vector<std::byte>& payload = buffer_.payload_;
        if (buffer_.overflowed_) { return false; }
        if (length > payload_bytes_max - payload.size()) {
            buffer_.overflow();
            return false;
        }
        const std::size_t needed = payload.size() + length;
        if (needed > payload.capacity()) {
            constexpr std::size_t least = 4096;
            try {
                payload.reserve(std::max({needed, least, 2 * payload.capacity()}));
            } catch (const std::bad_alloc&) {
                buffer_.overflow();
                return false;
            }
        }
        return true;
    }

    operation_buffer& buffer_;
    bool open_;
};

void operation_buffer::put(std::uint32_t tree, bytes key, bytes value) noexcept {
    encoder(*this, operation_kind::put, tree, field_bytes(key) + field_bytes(value))
        .field(key)
        .field(value);
}

void operation_buffer::erase(std::uint32_t tree, bytes key) noexcept {
    encoder(*this, operation_kind::erase, tree, field_bytes(key)).field(key);
}

void operation_buffer::erase_range(std::uint32_t tree, std::optional<bytes> lo,
                                   std::optional<bytes> hi) noexcept {
    const std::size_t rest = 1 + (lo ? field_bytes(*lo) : 0) + (hi ? field_bytes(*hi) : 0);
    encoder to(*this, operation_kind::erase_range, tree, rest);
    to.byte((lo ? has_lower : std::byte{0}) | (hi ? has_upper : std::byte{0}));
    if (lo) { to.field(*lo); }
    if (hi) { to.field(*hi); }
}

void operation_buffer::create_tree(std::string_view name,
                                   const format::catalog_record& record) noexcept {
    const bytes key_type = type_bytes(record.key_type);
    const bytes value_type = type_bytes(record.value_type);
    const std::size_t rest =
        field_bytes(as_bytes(name)) + 1 + varint_bytes(record.key_bytes) +
        varint_bytes(record.value_bytes) + varint_bytes(record.value_alignment) +
        varint_bytes(record.minimum_degree) + field_bytes(key_type) + field_bytes(value_type);
    encoder(*this, operation_kind::create_tree, record.tree, rest)
        .field(as_bytes(name))
        .byte(std::byte{record.layout})
        .number(record.key_bytes)
        .number(record.value_bytes)
        .number(record.value_alignment)
        .number(record.minimum_degree)
        .field(key_type)
        .field(value_type);
}

void operation_buffer::drop_tree(std::uint32_t tree) noexcept {
    encoder(*this, operation_kind::drop_tree, tree, 0);
}

void operation_buffer::rename_tree(std::uint32_t tree, std::string_view to) noexcept {
    encoder(*this, operation_kind::rename_tree, tree, field_bytes(as_bytes(to)))
        .field(as_bytes(to));
}

bool operation_buffer::has_room(std::size_t key_bytes, std::uint64_t value_bytes) const noexcept {
    const std::size_t fixed_part = 1 + 3 * varint_bytes_max + key_bytes;
    const std::size_t room = payload_bytes_max - payload_.size();
    return !overflowed_ && room >= fixed_part && value_bytes <= room - fixed_part;
}

void operation_buffer::overflow() noexcept {
    overflowed_ = true;
    count_ = 0;
    std::vector<std::byte>().swap(payload_);
}

void operation_buffer::clear() noexcept {
    if (payload_.capacity() > kept_bytes_max) { std::vector<std::byte>().swap(payload_); }
    payload_.clear();
    count_ = 0;
    overflowed_ = false;
}

void operation_buffer::take_back(std::size_t to_bytes, std::uint32_t to_count) noexcept {
    if (overflowed_) { return; }
    payload_.resize(to_bytes);
    count_ = to_count;
}

// Reads one operation; the reader's place moves when all of it was sound.
class operation_reader::decoder {
public:
    decoder(bytes payload, std::size_t offset) noexcept : payload_(payload), offset_(offset) {}

    [[nodiscard]] std::size_t offset() const noexcept { return offset_; }

    [[noreturn]] void raise_damaged(const std::string& what) const {
        raise(errc::log_corrupt, "the operations in the log are damaged at byte " +
                                     std::to_string(offset_) + " of " +
                                     std::to_string(payload_.size()) + ": " + what +
                                     "; restore the database from a backup");
    }

    [[nodiscard]] std::byte byte() {
        if (offset_ == payload_.size()) { raise_damaged("they end within an operation"); }
        return payload_[offset_++];
    }

    template <class Number>
    [[nodiscard]] Number number() {
        std::uint64_t value = 0;
        for (unsigned shift = 0; shift < 7 * varint_bytes_max; shift += 7) {
            const auto part = std::to_integer<std::uint64_t>(byte());
            const std::uint64_t low = part & 0x7f;
            value |= low << shift;
            if ((low << shift) >> shift != low || value > std::numeric_limits<Number>::max()) {
                raise_damaged("a number is out of range");
            }
            if ((part & 0x80) == 0) {
                if (part == 0 && shift != 0) { raise_damaged("a number has a longer form"); }
                return static_cast<Number>(value);
            }
        }
        raise_damaged("a number is out of range");
    }

    [[nodiscard]] bytes field() {
        const auto length = number<std::uint64_t>();
        if (length > payload_.size() - offset_) {
            raise_damaged("a length of " + std::to_string(length) + " passes their end");
        }
        const bytes found = payload_.subspan(offset_, static_cast<std::size_t>(length));
        offset_ += found.size();
        return found;
    }

    void type_name(std::array<char, 32>& name) {
        const bytes found = field();
        if (found.empty() || found.size() > name.size()) {
            raise_damaged("a type's name has " + std::to_string(found.size()) + " bytes");
        }
        const std::string_view text = as_text(found);
        if (text.find('\0') != std::string_view::npos) {
            raise_damaged("a type's name is no text");
        }
        std::copy(text.begin(), text.end(), name.begin());
    }

    void bounds(operation& to) {
        const std::byte which = byte();
        if ((which & ~(has_lower | has_upper)) != std::byte{0}) {
            raise_damaged("a range has unknown bounds");
        }
        if ((which & has_lower) != std::byte{0}) { to.lower = field(); }
        if ((which & has_upper) != std::byte{0}) { to.upper = field(); }
    }

    void definition(operation& to) {
        to.name = as_text(field());
        to.record.tree = to.tree;
        to.record.layout = std::to_integer<std::uint8_t>(byte());
        to.record.key_bytes = number<std::uint32_t>();
        to.record.value_bytes = number<std::uint32_t>();
        to.record.value_alignment = number<std::uint16_t>();
        to.record.minimum_degree = number<std::uint32_t>();
        type_name(to.record.key_type);
        type_name(to.record.value_type);
    }

private:
    bytes payload_;
    std::size_t offset_;
};

std::optional<operation> operation_reader::next() {
    decoder from(payload_, offset_);
    if (read_ == count_) {
        if (offset_ != payload_.size()) { from.raise_damaged("bytes follow the last operation"); }
        return std::nullopt;
    }
    operation found;
    found.kind = static_cast<operation_kind>(from.byte());
    found.tree = from.number<std::uint32_t>();
    switch (found.kind) {
        case operation_kind::put:
            found.key = from.field();
            found.value = from.field();
            break;
        case operation_kind::erase:
            found.key = from.field();
            break;
        case operation_kind::erase_range:
            from.bounds(found);
            break;
        case operation_kind::create_tree:
            from.definition(found);
            break;
        case operation_kind::drop_tree:
            break;
        case operation_kind::rename_tree:
            found.name = as_text(from.field());
            break;
        default:
            from.raise_damaged("kind " + std::to_string(static_cast<unsigned>(found.kind)) +
                               " is unknown");
    }
    offset_ = from.offset();
    ++read_;
    return found;
}

}  // namespace pinyon
