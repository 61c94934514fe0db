#pragma once

#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/filter_policy.h>
#include <leveldb/write_batch.h>

#include "stores/log_structured_store.hpp"

namespace pinyon::bench {

struct leveldb_api {
    using slice = ::leveldb::Slice;
    using database = ::leveldb::DB;
    using iterator = ::leveldb::Iterator;
    using batch = ::leveldb::WriteBatch;
    using read_options = ::leveldb::ReadOptions;
    using write_options = ::leveldb::WriteOptions;
    using found = std::string;

    [[nodiscard]] static std::string version() {
        return "LevelDB " + std::to_string(::leveldb::kMajorVersion) + "." +
               std::to_string(::leveldb::kMinorVersion);
    }
    static void require(const ::leveldb::Status& status) {
        if (!status.ok()) { fail("LevelDB", status.ToString().c_str()); }
    }
    [[nodiscard]] static std::shared_ptr<database> open(const store_options& how) {
        // Both outlive the database, which does not own them.
        const std::shared_ptr<::leveldb::Cache> cache(::leveldb::NewLRUCache(how.cache_bytes));
        const std::shared_ptr<const ::leveldb::FilterPolicy> filter(
            ::leveldb::NewBloomFilterPolicy(10));
        ::leveldb::Options options;
        options.create_if_missing = true;
        options.compression = ::leveldb::kNoCompression;
        options.block_cache = cache.get();
        options.filter_policy = filter.get();
        database* opened = nullptr;
        require(::leveldb::DB::Open(options, how.path, &opened));
        return std::shared_ptr<database>(opened, [cache, filter](database* each) { delete each; });
    }
    [[nodiscard]] static std::optional<std::string_view> get(database& from,
                                                             const read_options& how,
                                                             const slice& key, found& room) {
        const ::leveldb::Status status = from.Get(how, key, &room);
        if (status.IsNotFound()) { return std::nullopt; }
        require(status);
        return room;
    }
};

template <class Key>
using leveldb_store = log_structured_store<leveldb_api, Key>;

static_assert(store<leveldb_store<std::uint64_t>> && store<leveldb_store<std::string_view>>);

}  // namespace pinyon::bench
