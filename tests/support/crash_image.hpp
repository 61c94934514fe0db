// What stands on a medium, in blocks of 4 KiB: the images that a simulated disk makes of itself at
// a crash, compared and loaded by the hashes of their blocks.
//
// Threads: one at a time. Failure: bad_alloc.
#pragma once

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace pinyon::test {

inline constexpr std::uint64_t block_bytes = 4096;
inline constexpr std::uint64_t sector_bytes = 512;

[[nodiscard]] constexpr std::uint64_t blocks_of(std::uint64_t bytes) noexcept {
    return (bytes + block_bytes - 1) / block_bytes;
}

[[nodiscard]] inline const std::byte* zero_block() noexcept {
    static constexpr std::array<std::byte, block_bytes> zeros{};
    return zeros.data();
}

// The content of a block: hash 0 is zeros, whose data is the block of zeros.
struct block_value {
    std::uint64_t hash = 0;
    const std::byte* data = zero_block();
};

[[nodiscard]] inline std::uint64_t hash_block(const std::byte* data) noexcept {
    static const std::uint64_t zeros = XXH3_64bits(zero_block(), block_bytes);
    const std::uint64_t hash = XXH3_64bits(data, block_bytes);
    return hash == zeros ? 0 : hash;
}

// Keeps one copy of each content.
class block_store {
public:
    [[nodiscard]] block_value keep(const std::byte* data) {
        const std::uint64_t hash = hash_block(data);
        if (hash == 0) { return {}; }
        std::unique_ptr<content>& place = blocks_[hash];
        if (!place) {
            place = std::make_unique<content>();
            std::memcpy(place->data(), data, block_bytes);
        }
        return {hash, place->data()};
    }
    void clear() { blocks_.clear(); }

private:
    using content = std::array<std::byte, block_bytes>;
    std::unordered_map<std::uint64_t, std::unique_ptr<content>> blocks_;
};

// A file on the medium. Blocks behind the last one are zeros.
struct file_image {
    std::uint64_t size = 0;
    std::vector<std::uint64_t> hashes;
    std::vector<const std::byte*> data;

    void set(std::uint64_t block, const block_value& value) {
        if (block >= hashes.size()) {
            hashes.resize(block + 1, 0);
            data.resize(block + 1, zero_block());
        }
        hashes[block] = value.hash;
        data[block] = value.data;
    }
    [[nodiscard]] block_value get(std::uint64_t block) const {
        return block < hashes.size() ? block_value{hashes[block], data[block]} : block_value{};
    }
    void cut(std::uint64_t blocks) {
        if (blocks < hashes.size()) {
            hashes.resize(blocks);
            data.resize(blocks);
        }
    }
};

struct disk_image {
    struct named_file {
        std::string name;
        file_image content;
    };
    std::vector<named_file> files;  // by name, ascending; the first `used`
    std::size_t used = 0;

    [[nodiscard]] named_file& add(const std::string& name) {
        if (used == files.size()) { files.emplace_back(); }
        files[used].name = name;
        return files[used++];
    }
    // Of names, sizes and contents.
    [[nodiscard]] std::uint64_t hash() const {
        std::uint64_t sum = used;
        for (std::size_t i = 0; i != used; ++i) {
            const file_image& file = files[i].content;
            std::size_t blocks = file.hashes.size();
            while (blocks != 0 && file.hashes[blocks - 1] == 0) { --blocks; }
            sum = XXH3_64bits_withSeed(files[i].name.data(), files[i].name.size(), sum);
            sum = XXH3_64bits_withSeed(&file.size, sizeof file.size, sum);
            sum = XXH3_64bits_withSeed(file.hashes.data(), blocks * sizeof(std::uint64_t), sum);
        }
        return sum;
    }
};

}  // namespace pinyon::test
