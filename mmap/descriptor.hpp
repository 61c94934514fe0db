// A file descriptor that its object owns and that a forked child loses: the child of a fork closes
// its copy at once, because with it the child would hold the parent's locks open.
//
// Invariants
//  1. Every open descriptor is in the process's list of descriptors.
//  2. In a child the number is -1 from the first instruction after the fork, so that no call and no
//     destructor there can reach a number which the child uses for something else.
//
// Threads: get() and forked() from any thread; construction and destruction lock the list.
// Failure: none; a descriptor that could not be opened is never made.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace pinyon::io {

namespace detail {
inline std::atomic<std::uint32_t> forks{0};
}

// How many forks lie between the first process that opened a file and this one: what was begun
// under another number belongs to a parent. One load.
[[nodiscard]] inline std::uint32_t fork_depth() noexcept {
    return detail::forks.load(std::memory_order_relaxed);
}

class descriptor {
public:
    // Takes over an open descriptor.
    explicit descriptor(int number);
    ~descriptor();
    descriptor(const descriptor&) = delete;
    descriptor& operator=(const descriptor&) = delete;

    // -1 in a forked child: system calls fail with EBADF.
    [[nodiscard]] int get() const noexcept { return number_; }
    [[nodiscard]] bool forked() const noexcept { return number_ < 0; }

private:
    friend class descriptor_list;

    int number_;
    descriptor* next_ = nullptr;
    descriptor* previous_ = nullptr;
};

// Owns an open descriptor from here on, also when there is no memory for the object.
[[nodiscard]] std::shared_ptr<descriptor> adopt_descriptor(int number);

// The path under which the kernel opens the same file once more, with a file description of its
// own.
[[nodiscard]] std::string reopening_path(int number);

}  // namespace pinyon::io
