// Pinyon as a store of the benchmarks: numbers in the fixed layout, bytes in the slotted one.
#pragma once

#include <array>
#include <cstring>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "pinyon/mmap/file.hpp"
#include "pinyon/pinyon.hpp"
#include "stores/store.hpp"

namespace pinyon::bench {

// raw_default: without any advice to the kernel.
enum class pinyon_mode : std::uint8_t { pool, release, raw, raw_default };

template <class Key>
struct pinyon_types;
template <>
struct pinyon_types<std::uint64_t> {
    using plain = std::array<char, value_bytes>;
    using value = in_place<plain>;
    static constexpr tree_spec<std::uint64_t, value> spec{"entries"};
    [[nodiscard]] static const plain& stored(std::string_view bytes) {
        return *reinterpret_cast<const plain*>(bytes.data());
    }
    [[nodiscard]] static std::string_view view(const value& found) {
        return {found->data(), found->size()};
    }
};
template <>
struct pinyon_types<std::string_view> {
    using value = std::string_view;
    static constexpr tree_spec<std::string_view, std::string_view> spec{"entries"};
    [[nodiscard]] static std::string_view stored(std::string_view bytes) { return bytes; }
    [[nodiscard]] static std::string_view view(std::string_view found) { return found; }
};

template <class Key, pinyon_mode Mode = pinyon_mode::pool>
class pinyon_store {
    using types = pinyon_types<Key>;

public:
    using key_type = Key;

    explicit pinyon_store(const store_options& how)
        : pinyon_store(database::open(how.path, settings(how)), how.commits == safety::power_loss
                                                                    ? durability::durable
                                                                    : durability::relaxed) {}
    explicit pinyon_store(database opened, durability when = durability::relaxed)
        : database_(std::move(opened)), when_(when) {
        if (!database_.begin_read().contains(types::spec.name)) {
            database_.update([](write_transaction& tx) { (void)tx.open(types::spec); });
        }
    }
    [[nodiscard]] pinyon_store connect() const { return *this; }
    [[nodiscard]] static std::string describe() {
        constexpr const char* modes[] = {"pool", "pool, evictions leave the page cache",
                                         "raw mapping", "raw mapping without advice"};
        return std::string("Pinyon, ") + modes[static_cast<std::size_t>(Mode)];
    }

    class reader {
    public:
        explicit reader(const pinyon_store& from)
            : transaction_(from.database_.begin_read()), tree_(transaction_.open(types::spec)) {}

        template <class Use>
        bool get(Key key, Use&& use) const {
            const auto found = tree_.get(key);
            if (found) { use(key, types::view(*found)); }
            return found.has_value();
        }
        // use(index, value) for each key that is there.
        template <class Use>
        void get_many(std::span<const Key> keys, Use&& use) {
            found_.resize(keys.size());
            tree_.get_many(keys, found_);
            for (std::size_t i = 0; i < keys.size(); ++i) {
                if (found_[i]) { use(i, types::view(*found_[i])); }
            }
        }
        template <class Use>
        std::uint64_t scan(Key from, std::uint64_t most, Use&& use) const {
            std::uint64_t seen = 0;
            for (const auto& entry : tree_.from(from)) {
                if (seen == most) { break; }
                use(entry.key, types::view(entry.value));
                ++seen;
            }
            return seen;
        }
        template <class Use>
        std::uint64_t scan(Use&& use) const {
            std::uint64_t seen = 0;
            for (const auto& entry : tree_) {
                use(entry.key, types::view(entry.value));
                ++seen;
            }
            return seen;
        }

    private:
        read_transaction transaction_;
        tree<Key, typename types::value> tree_;
        std::vector<std::optional<typename types::value>> found_;
    };

    class writer {
    public:
        explicit writer(const pinyon_store& from)
            : transaction_(from.database_.begin_write()),
              tree_(transaction_.open(types::spec)),
              when_(from.when_) {}

        void prefetch(std::span<const Key> keys) const { tree_.prefetch(keys); }
        void put(Key key, std::string_view value) { tree_.put(key, types::stored(value)); }
        bool erase(Key key) { return tree_.erase(key); }
        // REQUIRES: the tree was empty when the transaction began.
        void append(Key key, std::string_view value) {
            if (!loader_) { loader_.emplace(tree_.raw().begin_load(1.0)); }
            key_buffer room;
            loader_->append(key_codec<Key>::encode(key, room), as_bytes(value));
        }
        void commit() {
            if (loader_) { loader_->finish(); }
            transaction_.commit(when_);
        }

    private:
        write_transaction transaction_;
        writable_tree<Key, typename types::value> tree_;
        durability when_;
        std::optional<raw_loader> loader_;
    };

private:
    [[nodiscard]] static options settings(const store_options& how) {
        options result;
        result.pool_bytes = how.cache_bytes;
        if constexpr (Mode == pinyon_mode::raw || Mode == pinyon_mode::raw_default) {
            result.paging = paging::raw;
        }
        if constexpr (Mode == pinyon_mode::raw_default) { result.files = &unadvised(); }
        result.eviction = Mode == pinyon_mode::release ? eviction::release : eviction::unmap;
        return result;
    }

    // As long as the program: databases must not outlive it.
    [[nodiscard]] static io::file_system& unadvised() {
        io::capabilities allowed;
        allowed.advice = false;
        allowed.userfaultfd = false;  // it keeps faults to one page
        static const std::unique_ptr<io::file_system> files = io::make_posix_file_system(allowed);
        return *files;
    }

    database database_;
    durability when_;
};

static_assert(store<pinyon_store<std::uint64_t>> && store<pinyon_store<std::string_view>>);

}  // namespace pinyon::bench
