// LMDB as a store of the benchmarks. Numbers are its integer keys; a thread's read transaction is
// kept and renewed, which is cheaper than beginning another.
#pragma once

#include <lmdb.h>

#include <memory>
#include <utility>

#include "stores/store.hpp"

namespace pinyon::bench {

enum class lmdb_mode : std::uint8_t { standard, write_map, no_read_ahead };

template <class Key, lmdb_mode Mode = lmdb_mode::standard>
class lmdb_store {
    static constexpr bool numbers = std::same_as<Key, std::uint64_t>;

public:
    using key_type = Key;

    explicit lmdb_store(const store_options& how) {
        ::MDB_env* environment = nullptr;
        require(::mdb_env_create(&environment));
        environment_.reset(environment, ::mdb_env_close);
        require(::mdb_env_set_mapsize(environment, std::size_t{1} << 36));
        require(::mdb_env_open(environment, how.path.c_str(), MDB_NOSUBDIR | flags(how), 0600));
        ::MDB_txn* transaction = nullptr;
        require(::mdb_txn_begin(environment, nullptr, 0, &transaction));
        require(::mdb_dbi_open(transaction, nullptr, numbers ? MDB_INTEGERKEY | MDB_CREATE : 0,
                               &table_));
        require(::mdb_txn_commit(transaction));
    }
    lmdb_store(const lmdb_store&) = delete;
    lmdb_store& operator=(const lmdb_store&) = delete;
    ~lmdb_store() {
        if (idle_ != nullptr) { ::mdb_txn_abort(idle_); }
    }
    [[nodiscard]] lmdb_store connect() const { return lmdb_store(environment_, table_); }
    [[nodiscard]] static std::string describe() {
        constexpr const char* modes[] = {"", ", MDB_WRITEMAP", ", MDB_NORDAHEAD"};
        return std::string(::mdb_version(nullptr, nullptr, nullptr)) +
               modes[static_cast<std::size_t>(Mode)] + (numbers ? ", MDB_INTEGERKEY" : "");
    }

    class reader {
    public:
        explicit reader(lmdb_store& from) : from_(from), transaction_(from.take_reader()) {}
        ~reader() {
            if (cursor_ != nullptr) { ::mdb_cursor_close(cursor_); }
            from_.give_back(transaction_);
        }
        reader(const reader&) = delete;
        reader& operator=(const reader&) = delete;

        template <class Use>
        bool get(Key key, Use&& use) const {
            ::MDB_val place = value_of(key);
            ::MDB_val found{};
            const int result = ::mdb_get(transaction_, from_.table_, &place, &found);
            if (result == MDB_NOTFOUND) { return false; }
            require(result);
            use(key, text(found));
            return true;
        }
        template <class Use>
        std::uint64_t scan(Key from, std::uint64_t most, Use&& use) {
            return scan(from, most, MDB_SET_RANGE, use);
        }
        template <class Use>
        std::uint64_t scan(Use&& use) {
            return scan(Key{}, ~std::uint64_t{0}, MDB_FIRST, use);
        }

    private:
        template <class Use>
        std::uint64_t scan(Key from, std::uint64_t most, ::MDB_cursor_op first, Use&& use) {
            if (cursor_ == nullptr) {
                require(::mdb_cursor_open(transaction_, from_.table_, &cursor_));
            }
            ::MDB_val key = value_of(from);
            ::MDB_val value{};
            std::uint64_t seen = 0;
            int result = ::mdb_cursor_get(cursor_, &key, &value, first);
            while (result == 0 && seen < most) {
                use(key_of(key), text(value));
                if (++seen < most) { result = ::mdb_cursor_get(cursor_, &key, &value, MDB_NEXT); }
            }
            if (result != MDB_NOTFOUND) { require(result); }
            return seen;
        }

        lmdb_store& from_;
        ::MDB_txn* transaction_;
        ::MDB_cursor* cursor_ = nullptr;
    };

    class writer {
    public:
        explicit writer(lmdb_store& to) : table_(to.table_) {
            require(::mdb_txn_begin(to.environment_.get(), nullptr, 0, &transaction_));
        }
        ~writer() {
            if (transaction_ != nullptr) { ::mdb_txn_abort(transaction_); }
        }
        writer(const writer&) = delete;
        writer& operator=(const writer&) = delete;

        void put(Key key, std::string_view value) { put(key, value, 0); }
        void append(Key key, std::string_view value) { put(key, value, MDB_APPEND); }
        bool erase(Key key) {
            ::MDB_val place = value_of(key);
            const int result = ::mdb_del(transaction_, table_, &place, nullptr);
            if (result == MDB_NOTFOUND) { return false; }
            require(result);
            return true;
        }
        void commit() { require(::mdb_txn_commit(std::exchange(transaction_, nullptr))); }

    private:
        void put(Key key, std::string_view value, unsigned how) {
            ::MDB_val place = value_of(key);
            ::MDB_val stored{value.size(), const_cast<char*>(value.data())};
            require(::mdb_put(transaction_, table_, &place, &stored, how));
        }

        ::MDB_dbi table_;
        ::MDB_txn* transaction_ = nullptr;
    };

private:
    lmdb_store(std::shared_ptr<::MDB_env> environment, ::MDB_dbi table)
        : environment_(std::move(environment)), table_(table) {}

    static void require(int result) {
        if (result != 0) { fail("LMDB", ::mdb_strerror(result)); }
    }
    [[nodiscard]] static unsigned flags(const store_options& how) {
        unsigned result = how.commits == safety::power_loss ? 0 : MDB_NOSYNC;
        if (Mode == lmdb_mode::write_map) { result |= MDB_WRITEMAP; }
        if (Mode == lmdb_mode::no_read_ahead) { result |= MDB_NORDAHEAD; }
        return result;
    }
    [[nodiscard]] static ::MDB_val value_of(const Key& key) {
        if constexpr (numbers) {
            return {sizeof key, const_cast<std::uint64_t*>(&key)};
        } else {
            return {key.size(), const_cast<char*>(key.data())};
        }
    }
    [[nodiscard]] static std::string_view text(const ::MDB_val& value) {
        return {static_cast<const char*>(value.mv_data), value.mv_size};
    }
    [[nodiscard]] static Key key_of(const ::MDB_val& key) {
        if constexpr (numbers) {
            Key result;
            __builtin_memcpy(&result, key.mv_data, sizeof result);
            return result;
        } else {
            return text(key);
        }
    }

    [[nodiscard]] ::MDB_txn* take_reader() {
        ::MDB_txn* result = std::exchange(idle_, nullptr);
        if (result != nullptr) {
            require(::mdb_txn_renew(result));
        } else {
            require(::mdb_txn_begin(environment_.get(), nullptr, MDB_RDONLY, &result));
        }
        return result;
    }
    void give_back(::MDB_txn* transaction) {
        ::mdb_txn_reset(transaction);
        idle_ = transaction;
    }

    std::shared_ptr<::MDB_env> environment_;
    ::MDB_dbi table_ = 0;
    ::MDB_txn* idle_ = nullptr;
};

static_assert(store<lmdb_store<std::uint64_t>> && store<lmdb_store<std::string_view>>);

}  // namespace pinyon::bench
