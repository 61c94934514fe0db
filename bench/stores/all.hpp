// The stores whose packages were present at build time, in the order in which tables show them.
#pragma once

#include <type_traits>

#include "stores/map_store.hpp"
#include "stores/pinyon_store.hpp"

#ifdef PINYON_BENCH_LMDB
#include "stores/lmdb_store.hpp"
#endif
#ifdef PINYON_BENCH_SQLITE
#include "stores/sqlite_store.hpp"
#endif
#ifdef PINYON_BENCH_ROCKSDB
#include "stores/rocksdb_store.hpp"
#endif
#ifdef PINYON_BENCH_LEVELDB
#include "stores/leveldb_store.hpp"
#endif

namespace pinyon::bench {

// visit(std::type_identity<Store>, name) for each.
template <class Key, class Visit>
void for_each_store(Visit&& visit) {
    visit(std::type_identity<pinyon_store<Key>>(), "Pinyon");
    visit(std::type_identity<pinyon_store<Key, pinyon_mode::raw>>(), "Pinyon raw");
#ifdef PINYON_BENCH_LMDB
    visit(std::type_identity<lmdb_store<Key>>(), "LMDB");
    visit(std::type_identity<lmdb_store<Key, lmdb_mode::write_map>>(), "LMDB map");
#endif
#ifdef PINYON_BENCH_SQLITE
    visit(std::type_identity<sqlite_store<Key>>(), "SQLite");
#endif
#ifdef PINYON_BENCH_ROCKSDB
    visit(std::type_identity<rocksdb_store<Key>>(), "RocksDB");
#endif
#ifdef PINYON_BENCH_LEVELDB
    visit(std::type_identity<leveldb_store<Key>>(), "LevelDB");
#endif
    visit(std::type_identity<map_store<Key>>(), "std::map");
}

}  // namespace pinyon::bench
