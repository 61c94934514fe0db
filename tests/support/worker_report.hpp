// What a transaction_worker tells the test that started it: one record after the other through a
// pipe. A record arrives whole or not at all, also from a process that is killed.
#pragma once

#include <cstdint>

namespace pinyon::test {

enum class event : std::uint32_t {
    opening,        // about to open the file
    opened,         // number: the last transaction that it holds
    submitted,      // number: about to commit this transaction
    acknowledged,   // number: durable
    relaxed,        // number: committed, survives the death of the process
    checkpointing,  // a checkpoint on request begins
    checkpointed,
    closing,
    closed,
    aborted,      // number: the commit failed with nothing changed
    unknown,      // number: the commit failed, it may be there
    failed,       // number: the errc of the error
    interrupted,  // the error spoke of an interrupted system call, which must never surface
    calls,        // number: kind of system call << 32 | how many there were
    fired,        // number: how many system calls failed on purpose
};

struct report_record {
    event what{};
    std::uint32_t zero = 0;
    std::uint64_t number = 0;
};
static_assert(sizeof(report_record) == 16);

// Where a worker finds the pipe.
constexpr int report_descriptor = 3;

}  // namespace pinyon::test
