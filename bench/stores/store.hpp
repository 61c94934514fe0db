// What a benchmark asks of a store, so that one workload runs on all of them: Pinyon in its modes,
// and others where their packages were present at build time.
//
// A store has keys of one kind: 64-bit numbers, stored in the form that suits it best, or bytes.
// Values are value_bytes long. A reader is a snapshot for as long as it lives, where the store has
// such a thing; a writer is a transaction, and gone without `commit`.
//
// Threads: a store, its readers and its writers belong to one thread; `connect` gives another
// thread its own store of the same data.
// Failure: any error of a store ends the program, with its name and its message.
#pragma once

#include <sys/stat.h>

#include <concepts>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pinyon::bench {

inline constexpr std::size_t value_bytes = 100;

// What a commit survives.
enum class safety : std::uint8_t { process_end, power_loss };

struct store_options {
    std::string path;  // nothing is there yet, or what the same kind of store has left
    safety commits = safety::process_end;
    // What a store that keeps a cache of its own may take for it.
    std::uint64_t cache_bytes = std::uint64_t{2} << 30;
};

// A store ends the program when it fails: a figure of a store in trouble is none.
[[noreturn]] inline void fail(const char* store, const char* why) {
    std::fprintf(stderr, "%s: %s\n", store, why);
    std::exit(2);
}

// All files of the store at `path`: logs and locks stand beside it, with a hyphen behind its name.
[[nodiscard]] inline std::vector<std::string> files_of(const std::string& path) {
    std::vector<std::string> result;
    for (const auto& each :
         std::filesystem::directory_iterator(std::filesystem::path(path).parent_path())) {
        const std::string file = each.path().string();
        if (file == path || file.starts_with(path + "-")) { result.push_back(file); }
    }
    return result;
}

// What these take on the device, folders with what is in them: LMDB's mapped mode makes its file as
// long as its map.
[[nodiscard]] inline std::uint64_t disk_bytes_of(const std::string& path) {
    std::uint64_t result = 0;
    const auto add = [&result](const std::filesystem::path& file) {
        struct ::stat facts {};
        if (::stat(file.c_str(), &facts) == 0) {
            result += static_cast<std::uint64_t>(facts.st_blocks) * 512;
        }
    };
    for (const std::string& file : files_of(path)) {
        add(file);
        if (!std::filesystem::is_directory(file)) { continue; }
        for (const auto& each : std::filesystem::recursive_directory_iterator(file)) { add(each); }
    }
    return result;
}

template <class S>
concept store = requires(S& mine, typename S::reader& reader, typename S::writer& writer,
                         typename S::key_type key, std::string_view value,
                         void (*use)(typename S::key_type, std::string_view)) {
    requires std::constructible_from<S, const store_options&>;
    requires std::constructible_from<typename S::reader, S&>;
    requires std::constructible_from<typename S::writer, S&>;
    { mine.connect() } -> std::same_as<S>;
    // Name, version, and what of its settings is not its default.
    { S::describe() } -> std::same_as<std::string>;
    // False when the key is absent.
    { reader.get(key, use) } -> std::same_as<bool>;
    // Up to `most` entries from the first key >= `key` on, ascending; how many.
    { reader.scan(key, std::uint64_t{}, use) } -> std::same_as<std::uint64_t>;
    // All entries, ascending; how many.
    { reader.scan(use) } -> std::same_as<std::uint64_t>;
    writer.put(key, value);
    // False when the key was absent, where the store tells; else true.
    { writer.erase(key) } -> std::same_as<bool>;
    // Keys in ascending order behind all others: the store's cheapest way in.
    writer.append(key, value);
    writer.commit();
};

// A store whose reader looks many keys up in one call: use(i, value) for each that is there.
template <class S>
concept reads_many = requires(typename S::reader& reader,
                              std::span<const typename S::key_type> keys,
                              void (*use)(std::size_t, std::string_view)) {
    reader.get_many(keys, use);
};

// A store whose writer can be told the keys of a transaction before it changes them.
template <class S>
concept reads_ahead = requires(typename S::writer& writer,
                               std::span<const typename S::key_type> keys) {
    writer.prefetch(keys);
};

// A number as eight bytes that sort as it does, for stores that know bytes alone.
class number_bytes {
public:
    explicit number_bytes(std::uint64_t number) noexcept : bytes_(__builtin_bswap64(number)) {}
    [[nodiscard]] std::string_view view() const noexcept {
        return {reinterpret_cast<const char*>(&bytes_), sizeof bytes_};
    }
    [[nodiscard]] static std::uint64_t number(std::string_view bytes) noexcept {
        std::uint64_t result = 0;
        __builtin_memcpy(&result, bytes.data(), sizeof result);
        return __builtin_bswap64(result);
    }

private:
    std::uint64_t bytes_;
};

// A key as bytes, and back.
template <class Key>
class key_bytes;
template <>
class key_bytes<std::uint64_t> : public number_bytes {
public:
    using number_bytes::number_bytes;
    [[nodiscard]] static std::uint64_t key(std::string_view bytes) noexcept {
        return number(bytes);
    }
};
template <>
class key_bytes<std::string_view> {
public:
    explicit key_bytes(std::string_view key) noexcept : key_(key) {}
    [[nodiscard]] std::string_view view() const noexcept { return key_; }
    [[nodiscard]] static std::string_view key(std::string_view bytes) noexcept { return bytes; }

private:
    std::string_view key_;
};

}  // namespace pinyon::bench
