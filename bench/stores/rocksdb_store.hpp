#pragma once

#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/version.h>
#include <rocksdb/write_batch.h>

#include "stores/log_structured_store.hpp"

namespace pinyon::bench {

struct rocksdb_api {
    using slice = ::rocksdb::Slice;
    using database = ::rocksdb::DB;
    using iterator = ::rocksdb::Iterator;
    using batch = ::rocksdb::WriteBatch;
    using read_options = ::rocksdb::ReadOptions;
    using write_options = ::rocksdb::WriteOptions;
    using found = ::rocksdb::PinnableSlice;

    [[nodiscard]] static std::string version() {
        return "RocksDB " + ::rocksdb::GetRocksVersionAsString(true);
    }
    static void require(const ::rocksdb::Status& status) {
        if (!status.ok()) { fail("RocksDB", status.ToString().c_str()); }
    }
    [[nodiscard]] static std::shared_ptr<database> open(const store_options& how) {
        ::rocksdb::BlockBasedTableOptions table;
        table.block_cache = ::rocksdb::NewLRUCache(how.cache_bytes);
        table.filter_policy.reset(::rocksdb::NewBloomFilterPolicy(10));
        ::rocksdb::Options options;
        options.create_if_missing = true;
        options.compression = ::rocksdb::kNoCompression;
        options.table_factory.reset(::rocksdb::NewBlockBasedTableFactory(table));
        database* opened = nullptr;
        require(::rocksdb::DB::Open(options, how.path, &opened));
        return std::shared_ptr<database>(opened);
    }
    [[nodiscard]] static std::optional<std::string_view> get(database& from,
                                                             const read_options& how,
                                                             const slice& key, found& room) {
        room.Reset();
        const ::rocksdb::Status status = from.Get(how, from.DefaultColumnFamily(), key, &room);
        if (status.IsNotFound()) { return std::nullopt; }
        require(status);
        return std::string_view(room.data(), room.size());
    }
};

template <class Key>
using rocksdb_store = log_structured_store<rocksdb_api, Key>;

static_assert(store<rocksdb_store<std::uint64_t>> && store<rocksdb_store<std::string_view>>);

}  // namespace pinyon::bench
