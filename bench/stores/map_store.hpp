// std::map as a store of the benchmarks: what memory alone allows, without files, transactions or
// snapshots.
#pragma once

#include <map>
#include <memory>

#include "stores/store.hpp"

namespace pinyon::bench {

template <class Key>
class map_store {
    static constexpr bool numbers = std::same_as<Key, std::uint64_t>;
    using owned_key = std::conditional_t<numbers, std::uint64_t, std::string>;
    using entries = std::map<owned_key, std::string, std::less<>>;

public:
    using key_type = Key;

    explicit map_store(const store_options&) : entries_(std::make_shared<entries>()) {}
    [[nodiscard]] map_store connect() const { return *this; }
    [[nodiscard]] static std::string describe() {
        return "std::map, in memory alone: no file, no transactions, no snapshots";
    }

    class reader {
    public:
        explicit reader(map_store& from) : from_(*from.entries_) {}

        template <class Use>
        bool get(Key key, Use&& use) const {
            const auto found = from_.find(key);
            if (found == from_.end()) { return false; }
            use(key, std::string_view(found->second));
            return true;
        }
        template <class Use>
        std::uint64_t scan(Key from, std::uint64_t most, Use&& use) const {
            return scan(from_.lower_bound(from), most, use);
        }
        template <class Use>
        std::uint64_t scan(Use&& use) const {
            return scan(from_.begin(), ~std::uint64_t{0}, use);
        }

    private:
        template <class Use>
        std::uint64_t scan(typename entries::const_iterator at, std::uint64_t most,
                           Use&& use) const {
            std::uint64_t seen = 0;
            for (; at != from_.end() && seen < most; ++at, ++seen) {
                use(Key(at->first), std::string_view(at->second));
            }
            return seen;
        }

        const entries& from_;
    };

    class writer {
    public:
        explicit writer(map_store& to) : to_(*to.entries_) {}

        void put(Key key, std::string_view value) {
            to_.insert_or_assign(owned_key(key), std::string(value));
        }
        void append(Key key, std::string_view value) {
            to_.insert_or_assign(to_.end(), owned_key(key), std::string(value));
        }
        bool erase(Key key) { return to_.erase(owned_key(key)) != 0; }
        void commit() {}

    private:
        entries& to_;
    };

private:
    std::shared_ptr<entries> entries_;
};

static_assert(store<map_store<std::uint64_t>> && store<map_store<std::string_view>>);

}  // namespace pinyon::bench
