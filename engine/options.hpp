// What a program may choose when it opens a database. Every default is meant to be right.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pinyon {

namespace io {
class file_system;
}

enum class access_mode : std::uint8_t {
    create,      // read and write; the file is made when it is absent
    must_exist,  // read and write; not_found when it is absent
    read_only,   // changes nothing, works on read-only media
};

// Who decides which pages are in memory.
enum class paging : std::uint8_t {
    pool,    // Pinyon: a bounded LRU pool
    raw,     // the kernel: the whole file is mapped
    direct,  // nobody: each page visited is read anew (for tools and comparisons; read-only)
};

// What an eviction gives back.
enum class eviction : std::uint8_t {
    unmap,    // this process's memory; the page cache keeps the page
    release,  // that and the page cache: for containers, where the cache is charged too
};

// When a commit is safe. (This stage knows one.)
enum class durability : std::uint8_t {
    checkpoint,  // the data file itself is durable when commit returns
};

struct options {
    access_mode access = access_mode::create;
    // For a file that is created, and then fixed: 4096, 8192, 16384 or 32768 bytes. For an existing
    // file, 0 or its own size (else errc::page_size).
    std::uint32_t page_bytes = 0;
    // Upper bound of the memory that mapped pages and their page tables take, in bytes. 0: a
    // quarter of what this process may use (its control group considered), at least 8 MiB.
    std::uint64_t pool_bytes = 0;
    pinyon::paging paging = pinyon::paging::pool;
    pinyon::eviction eviction = pinyon::eviction::unmap;
    // How long opening waits for another process's lock.
    std::chrono::milliseconds lock_timeout{0};
    // LRU to the single access instead of to the tick; for tests and single-threaded use.
    bool exact_lru = false;
    // Null: the operating system's. Outlives the database.
    io::file_system* files = nullptr;
};

// How a tree is made, beyond its types.
struct tree_options {
    // 0: nodes hold as many entries as fit. t >= 2, fixed layout only: t-1..2t-1 keys in every node
    // but the root, as in the textbook.
    std::uint32_t minimum_degree = 0;
};

}  // namespace pinyon
