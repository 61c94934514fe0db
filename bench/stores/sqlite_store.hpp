// SQLite as a store of the benchmarks: a table of its own b-tree order (a rowid for numbers), WAL,
// prepared statements. A connection a thread.
#pragma once

#include <sqlite3.h>

#include <memory>

#include "stores/store.hpp"

namespace pinyon::bench {

template <class Key>
class sqlite_store {
    static constexpr bool numbers = std::same_as<Key, std::uint64_t>;

public:
    using key_type = Key;

    explicit sqlite_store(const store_options& how) : how_(how) {
        require(::sqlite3_open(how.path.c_str(), &database_));
        require(::sqlite3_busy_timeout(database_, 60'000));
        run("PRAGMA journal_mode=WAL");
        run(how.commits == safety::power_loss ? "PRAGMA synchronous=FULL"
                                              : "PRAGMA synchronous=OFF");
        run(("PRAGMA cache_size=-" + std::to_string(how.cache_bytes >> 10)).c_str());
        run(numbers ? "CREATE TABLE IF NOT EXISTS entries(key INTEGER PRIMARY KEY, value BLOB)"
                    : "CREATE TABLE IF NOT EXISTS entries(key BLOB PRIMARY KEY, value BLOB) "
                      "WITHOUT ROWID");
        prepare(put_, "INSERT OR REPLACE INTO entries VALUES(?1, ?2)");
        prepare(erase_, "DELETE FROM entries WHERE key = ?1");
        prepare(get_, "SELECT key, value FROM entries WHERE key = ?1");
        prepare(from_, "SELECT key, value FROM entries WHERE key >= ?1 ORDER BY key LIMIT ?2");
        prepare(all_, "SELECT key, value FROM entries ORDER BY key");
        prepare(begin_, "BEGIN");
        prepare(begin_write_, "BEGIN IMMEDIATE");
        prepare(commit_, "COMMIT");
        prepare(rollback_, "ROLLBACK");
    }
    ~sqlite_store() {
        for (::sqlite3_stmt* each :
             {put_, erase_, get_, from_, all_, begin_, begin_write_, commit_, rollback_}) {
            ::sqlite3_finalize(each);
        }
        ::sqlite3_close(database_);
    }
    sqlite_store(const sqlite_store&) = delete;
    sqlite_store& operator=(const sqlite_store&) = delete;
    [[nodiscard]] sqlite_store connect() const { return sqlite_store(how_); }
    [[nodiscard]] static std::string describe() {
        return std::string("SQLite ") + ::sqlite3_libversion() + ", WAL" +
               (numbers ? ", keys are rowids" : ", WITHOUT ROWID");
    }

    class reader {
    public:
        explicit reader(sqlite_store& from) : from_(from) { from.step(from.begin_); }
        ~reader() { from_.step(from_.commit_); }
        reader(const reader&) = delete;
        reader& operator=(const reader&) = delete;

        template <class Use>
        bool get(Key key, Use&& use) {
            from_.bind(from_.get_, key);
            return from_.rows(from_.get_, use) != 0;
        }
        template <class Use>
        std::uint64_t scan(Key from, std::uint64_t most, Use&& use) {
            from_.bind(from_.from_, from);
            from_.require(::sqlite3_bind_int64(from_.from_, 2, static_cast<::sqlite3_int64>(most)));
            return from_.rows(from_.from_, use);
        }
        template <class Use>
        std::uint64_t scan(Use&& use) {
            return from_.rows(from_.all_, use);
        }

    private:
        sqlite_store& from_;
    };

    class writer {
    public:
        explicit writer(sqlite_store& to) : to_(to) { to.step(to.begin_write_); }
        ~writer() {
            if (!committed_) { to_.step(to_.rollback_); }
        }
        writer(const writer&) = delete;
        writer& operator=(const writer&) = delete;

        void put(Key key, std::string_view value) {
            to_.bind(to_.put_, key);
            // The bytes stay until the statement has run.
            to_.require(::sqlite3_bind_blob(to_.put_, 2, value.data(),
                                            static_cast<int>(value.size()), nullptr));
            to_.step(to_.put_);
        }
        void append(Key key, std::string_view value) { put(key, value); }
        bool erase(Key key) {
            to_.bind(to_.erase_, key);
            to_.step(to_.erase_);
            return ::sqlite3_changes(to_.database_) != 0;
        }
        void commit() {
            to_.step(to_.commit_);
            committed_ = true;
        }

    private:
        sqlite_store& to_;
        bool committed_ = false;
    };

private:
    void require(int result) const {
        if (result != SQLITE_OK) { fail("SQLite", ::sqlite3_errmsg(database_)); }
    }
    void run(const char* text) {
        require(::sqlite3_exec(database_, text, nullptr, nullptr, nullptr));
    }
    void prepare(::sqlite3_stmt*& statement, const char* text) {
        require(::sqlite3_prepare_v3(database_, text, -1, SQLITE_PREPARE_PERSISTENT, &statement,
                                     nullptr));
    }
    void step(::sqlite3_stmt* statement) {
        if (::sqlite3_step(statement) != SQLITE_DONE) { require(SQLITE_ERROR); }
        require(::sqlite3_reset(statement));
    }
    template <class Use>
    std::uint64_t rows(::sqlite3_stmt* statement, Use&& use) {
        std::uint64_t seen = 0;
        int result = ::sqlite3_step(statement);
        for (; result == SQLITE_ROW; result = ::sqlite3_step(statement)) {
            use(key_of(statement), text(statement, 1));
            ++seen;
        }
        if (result != SQLITE_DONE) { require(result); }
        require(::sqlite3_reset(statement));
        return seen;
    }
    void bind(::sqlite3_stmt* statement, Key key) {
        if constexpr (numbers) {
            require(::sqlite3_bind_int64(statement, 1, static_cast<::sqlite3_int64>(key)));
        } else {
            require(::sqlite3_bind_blob(statement, 1, key.data(), static_cast<int>(key.size()),
                                        nullptr));
        }
    }
    [[nodiscard]] static std::string_view text(::sqlite3_stmt* statement, int column) {
        const void* bytes = ::sqlite3_column_blob(statement, column);
        return {static_cast<const char*>(bytes),
                static_cast<std::size_t>(::sqlite3_column_bytes(statement, column))};
    }
    [[nodiscard]] static Key key_of(::sqlite3_stmt* statement) {
        if constexpr (numbers) {
            return static_cast<Key>(::sqlite3_column_int64(statement, 0));
        } else {
            return text(statement, 0);
        }
    }

    store_options how_;
    ::sqlite3* database_ = nullptr;
    ::sqlite3_stmt* put_ = nullptr;
    ::sqlite3_stmt* erase_ = nullptr;
    ::sqlite3_stmt* get_ = nullptr;
    ::sqlite3_stmt* from_ = nullptr;
    ::sqlite3_stmt* all_ = nullptr;
    ::sqlite3_stmt* begin_ = nullptr;
    ::sqlite3_stmt* begin_write_ = nullptr;
    ::sqlite3_stmt* commit_ = nullptr;
    ::sqlite3_stmt* rollback_ = nullptr;
};

static_assert(store<sqlite_store<std::uint64_t>> && store<sqlite_store<std::string_view>>);

}  // namespace pinyon::bench
