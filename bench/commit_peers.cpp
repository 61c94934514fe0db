#include "commit_peers.hpp"

#include <cstdio>
#include <cstdlib>

#ifdef PINYON_BENCH_LMDB
#include <lmdb.h>
#endif
#ifdef PINYON_BENCH_SQLITE
#include <sqlite3.h>
#endif

namespace pinyon::bench {

namespace {

[[noreturn, maybe_unused]] void fail(const char* what, const char* why) {
    std::fprintf(stderr, "%s: %s\n", what, why);
    std::exit(2);
}

#ifdef PINYON_BENCH_LMDB
// Durable as it comes: two syncs a commit, the second of the meta page.
class lmdb_peer final : public peer {
public:
    explicit lmdb_peer(const std::string& folder) {
        require(::mdb_env_create(&environment_));
        require(::mdb_env_set_mapsize(environment_, std::size_t{1} << 30));
        require(::mdb_env_open(environment_, (folder + "/lmdb").c_str(), MDB_NOSUBDIR, 0600));
        MDB_txn* transaction = nullptr;
        require(::mdb_txn_begin(environment_, nullptr, 0, &transaction));
        require(::mdb_dbi_open(transaction, nullptr, 0, &table_));
        require(::mdb_txn_commit(transaction));
    }
    ~lmdb_peer() override { ::mdb_env_close(environment_); }

    void put(unsigned, const std::string& key, const std::string& value) override {
        MDB_txn* transaction = nullptr;
        require(::mdb_txn_begin(environment_, nullptr, 0, &transaction));
        MDB_val stored_key{key.size(), const_cast<char*>(key.data())};
        MDB_val stored_value{value.size(), const_cast<char*>(value.data())};
        require(::mdb_put(transaction, table_, &stored_key, &stored_value, 0));
        require(::mdb_txn_commit(transaction));
    }

private:
    static void require(int result) {
        if (result != 0) { fail("LMDB", ::mdb_strerror(result)); }
    }

    MDB_env* environment_ = nullptr;
    MDB_dbi table_ = 0;
};

std::unique_ptr<peer> make_lmdb(const std::string& folder, unsigned) {
    return std::make_unique<lmdb_peer>(folder);
}
#endif

#ifdef PINYON_BENCH_SQLITE
class sqlite_connection {
public:
    explicit sqlite_connection(const std::string& path) {
        require(::sqlite3_open(path.c_str(), &database_));
        require(::sqlite3_busy_timeout(database_, 60'000));
        run("PRAGMA journal_mode=WAL");
        run("PRAGMA synchronous=FULL");
        run("CREATE TABLE IF NOT EXISTS entries(key BLOB PRIMARY KEY, value BLOB) WITHOUT ROWID");
        require(::sqlite3_prepare_v2(database_, "INSERT OR REPLACE INTO entries VALUES(?1, ?2)", -1,
                                     &insert_, nullptr));
    }
    ~sqlite_connection() {
        ::sqlite3_finalize(insert_);
        ::sqlite3_close(database_);
    }
    sqlite_connection(const sqlite_connection&) = delete;
    sqlite_connection& operator=(const sqlite_connection&) = delete;

    void put(const std::string& key, const std::string& value) {
        bind(1, key);
        bind(2, value);
        if (::sqlite3_step(insert_) != SQLITE_DONE) { fail("SQLite", ::sqlite3_errmsg(database_)); }
        require(::sqlite3_reset(insert_));
    }

private:
    void require(int result) {
        if (result != SQLITE_OK) { fail("SQLite", ::sqlite3_errmsg(database_)); }
    }
    void run(const char* text) {
        require(::sqlite3_exec(database_, text, nullptr, nullptr, nullptr));
    }
    // The bytes stay until the statement has run.
    void bind(int place, const std::string& bytes) {
        require(::sqlite3_bind_blob(insert_, place, bytes.data(), static_cast<int>(bytes.size()),
                                    nullptr));
    }

    ::sqlite3* database_ = nullptr;
    ::sqlite3_stmt* insert_ = nullptr;
};

// A connection a thread.
class sqlite_peer final : public peer {
public:
    sqlite_peer(const std::string& folder, unsigned threads) {
        for (unsigned i = 0; i < threads; ++i) {
            connections_.push_back(std::make_unique<sqlite_connection>(folder + "/sqlite"));
        }
    }
    void put(unsigned thread, const std::string& key, const std::string& value) override {
        connections_[thread]->put(key, value);
    }

private:
    std::vector<std::unique_ptr<sqlite_connection>> connections_;
};

std::unique_ptr<peer> make_sqlite(const std::string& folder, unsigned threads) {
    return std::make_unique<sqlite_peer>(folder, threads);
}
#endif

}  // namespace

std::vector<peer_maker> peers() {
    std::vector<peer_maker> all;
#ifdef PINYON_BENCH_LMDB
    all.push_back(
        {"LMDB", std::string(::mdb_version(nullptr, nullptr, nullptr)) + ", durable", make_lmdb});
#endif
#ifdef PINYON_BENCH_SQLITE
    all.push_back({"SQLite",
                   "SQLite " + std::string(::sqlite3_libversion()) + ", WAL, synchronous=FULL",
                   make_sqlite});
#endif
    return all;
}

}  // namespace pinyon::bench
