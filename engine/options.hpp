// What a program may choose when it opens a database. Every default is meant to be right.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
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
    pool,  // Pinyon: a bounded LRU pool
    raw,   // the kernel: the whole file is mapped
    // Nobody: each page visited is read anew, by position, and no lock is taken (for tools and
    // comparisons; read-only). With replay::in_memory a pool holds what the log made.
    direct,
};

// What an eviction gives back.
enum class eviction : std::uint8_t {
    unmap,    // this process's memory; the page cache keeps the page
    release,  // that and the page cache: for containers, where the cache is charged too
};

// When a commit is safe.
enum class durability : std::uint8_t {
    durable,     // it survives a loss of power from the moment at which commit returns
    relaxed,     // it survives the end of this process; a loss of power once a later sync covers it
    checkpoint,  // no log: the data file itself is durable when commit returns (for bulk loads)
};

// Who does checkpoints.
enum class background : std::uint8_t {
    thread,  // one thread, from the first logged commit to the close
    none,    // the calls that find one due (for tests, and for programs that fork)
};

// What a read-only open does with a file that needs its log.
enum class replay : std::uint8_t {
    refuse,     // errc::recovery_required
    in_memory,  // replays the log into private memory; the files stay as they are
    ignore,     // shows the last checkpoint alone
};

// What an open does when the log that the file needs is gone.
enum class missing_log : std::uint8_t {
    refuse,        // errc::log_missing
    open_without,  // goes on from the last checkpoint: what was committed after it is lost
};

// How far a recovery has come.
struct recovery_progress {
    std::uint64_t log_bytes = 0;  // replayed so far
    std::uint64_t log_bytes_total = 0;
    std::uint64_t transactions = 0;
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
    pinyon::background background = background::thread;
    // A checkpoint is due after so many bytes of log. 0: a quarter of the live data, at least 64
    // MiB and at most 1 GiB.
    std::uint64_t checkpoint_bytes = 0;
    // ... and when log has been waiting for one for so long. 0: never.
    std::chrono::milliseconds checkpoint_interval = std::chrono::minutes(5);
    // Bytes of a log segment. 0: 1 MiB for the first, then four times more up to 16 MiB.
    std::uint64_t log_segment_bytes = 0;
    pinyon::replay replay = replay::refuse;
    pinyon::missing_log missing_log = missing_log::refuse;
    // Called now and then while a log is replayed.
    std::function<void(const recovery_progress&)> on_recovery;
    // True: an access to a mapped page that fails (the medium, or a file that was cut) becomes
    // errc::io instead of the signal SIGBUS. Installs a handler for the process, which passes on
    // what is not in this file's mappings. The log is then written by calls alone, which makes
    // relaxed commits dearer.
    bool sigbus_handler = false;
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
