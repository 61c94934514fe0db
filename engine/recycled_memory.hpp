// Memory of small objects that come and go with every transaction. A thread keeps what it gave back
// for what it takes next, so a program that is running takes no memory from the system's allocator
// for a transaction.
//
// Invariants
//  1. A thread keeps four blocks of each of eight sizes at most, 9 KiB in all, and gives them back
//     to the system when it ends; what is given back after that, by objects that live until the
//     very end, is not kept.
//  2. A block that is kept is forbidden ground to the address sanitizer.
//
// Threads: any; a block may be given back by another thread than took it.
// Failure: std::bad_alloc from `take`.
#pragma once

#include <cstddef>
#include <string>

namespace pinyon {

class recycled_memory {
public:
    // Aligned as by operator new. O(1).
    [[nodiscard]] static void* take(std::size_t bytes);
    // `bytes` as when it was taken.
    static void give_back(void* block, std::size_t bytes) noexcept;
};

// The same as an allocator, for std::allocate_shared and containers.
template <class T>
class recycling_allocator {
public:
    using value_type = T;

    recycling_allocator() = default;
    template <class Other>
    // NOLINTNEXTLINE(google-explicit-constructor): an allocator is converted
    recycling_allocator(const recycling_allocator<Other>& /*other*/) noexcept {}

    [[nodiscard]] T* allocate(std::size_t count) {
        static_assert(alignof(T) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);
        return static_cast<T*>(recycled_memory::take(count * sizeof(T)));
    }
    void deallocate(T* block, std::size_t count) noexcept {
        recycled_memory::give_back(block, count * sizeof(T));
    }
    template <class Other>
    friend bool operator==(const recycling_allocator& /*one*/,
                           const recycling_allocator<Other>& /*other*/) noexcept {
        return true;
    }
};

using recycled_string = std::basic_string<char, std::char_traits<char>, recycling_allocator<char>>;

}  // namespace pinyon
