// Pool against raw mapping on one tree of one file: the same reads through both, by turns, in
// rounds, with medians and spread. Before the clock starts both read the whole tree, so that what
// fits is in memory and every page is verified; what does not fit is read again by each, within the
// pool's budget and as the kernel sees fit.
//
// The file is opened read-only by the library's own means: nothing is written and nothing created.
// As every reader of a mapped file they hold a shared lock meanwhile, since a writer would change
// the pages under them.
//
// Invariants
//  1. Both are asked for the same entries in the same order; every answer counts and is compared.
//
// Threads: one.
// Failure: as database::open, busy beside a writer among it; corrupt, io; refusal for a tree that
// is not there, that is empty, or of which the two read different things; interruption.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pinyon/mmap/page_source.hpp"
#include "tools/streams.hpp"

namespace pinyon::tool {

struct comparison_request {
    std::string file;
    std::optional<std::string> tree;  // absent: the only one
    double seconds = 5;               // of measuring, all rounds together
    std::uint64_t pool_bytes = 0;     // 0: as the library chooses
    bool quiet = false;
};

// Of the rounds.
struct spread {
    double median = 0;
    double least = 0;
    double most = 0;
};

struct compared_work {
    std::string name;
    std::string unit;              // what the time is of
    std::uint64_t operations = 0;  // of each, all rounds together
    unsigned rounds = 0;
    spread pool;  // nanoseconds
    spread raw;
    spread ratio;  // raw / pool within a round; above 1 the pool is faster
};

struct comparison {
    std::string tree;
    std::uint64_t entries = 0;
    std::uint64_t keys = 0;        // sampled for the gets
    std::uint64_t gets_found = 0;  // by both; of as many asked for
    std::uint64_t checksum = 0;    // of all keys and values, as both read them
    bool without_log = false;      // the file was not closed, and this is its last checkpoint
    std::uint32_t page_bytes = 0;
    io::source_statistics pool;  // at the end
    std::vector<compared_work> works;
};

[[nodiscard]] comparison compare_paging(const comparison_request& request, const streams& streams);

}  // namespace pinyon::tool
