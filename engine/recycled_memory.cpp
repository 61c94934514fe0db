#include "pinyon/engine/recycled_memory.hpp"

#include <array>
#include <new>
#include <type_traits>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace pinyon {

namespace {

// Blocks have one of eight sizes, multiples of the first; what is longer is not kept.
constexpr std::size_t size_step = 64;
constexpr std::size_t sizes = 8;
constexpr std::size_t kept_max =
    4;  // of a size: transactions that a thread begins and ends in turn

[[nodiscard]] constexpr std::size_t size_index(std::size_t bytes) noexcept {
    return bytes == 0 ? 0 : (bytes - 1) / size_step;
}

void forbid(void* block, std::size_t index) noexcept {
#if defined(__SANITIZE_ADDRESS__)
    __asan_poison_memory_region(block, (index + 1) * size_step);
#else
    (void)block;
    (void)index;
#endif
}

void allow(void* block, std::size_t index) noexcept {
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(block, (index + 1) * size_step);
#else
    (void)block;
    (void)index;
#endif
}

struct shelf {
    std::array<void*, kept_max> blocks;
    std::size_t count;
};

// Trivially destructible, because transactions may run until a thread's very end.
struct thread_shelves {
    enum class life : unsigned char { unwatched, watched, over };
    std::array<shelf, sizes> of_size;
    life now;
};
static_assert(std::is_trivially_destructible_v<thread_shelves>);
thread_local constinit thread_shelves shelves{};

struct watcher {
    watcher() noexcept { shelves.now = thread_shelves::life::watched; }
    ~watcher() {
        shelves.now = thread_shelves::life::over;
        for (std::size_t index = 0; index < sizes; ++index) {
            shelf& each = shelves.of_size[index];
            while (each.count != 0) {
                allow(each.blocks[--each.count], index);
                ::operator delete(each.blocks[each.count]);
            }
        }
    }
    watcher(const watcher&) = delete;
    watcher& operator=(const watcher&) = delete;
};

// Empties the shelves when the thread ends.
void watch_thread() noexcept { thread_local const watcher at_the_end; }

}  // namespace

void* recycled_memory::take(std::size_t bytes) {
    const std::size_t index = size_index(bytes);
    if (index >= sizes) { return ::operator new(bytes); }
    shelf& kept = shelves.of_size[index];
    if (kept.count == 0) { return ::operator new((index + 1) * size_step); }
    void* const block = kept.blocks[--kept.count];
    allow(block, index);
    return block;
}

void recycled_memory::give_back(void* block, std::size_t bytes) noexcept {
    const std::size_t index = size_index(bytes);
    if (shelves.now == thread_shelves::life::unwatched) { watch_thread(); }
    if (index >= sizes || shelves.of_size[index].count == kept_max ||
        shelves.now == thread_shelves::life::over) {
        ::operator delete(block);
        return;
    }
    shelf& kept = shelves.of_size[index];
    kept.blocks[kept.count++] = block;
    forbid(block, index);
}

}  // namespace pinyon
