#include "pinyon/engine/recycled_memory.hpp"

#include <array>
#include <new>
#include <type_traits>

// What its macros do without the sanitizer is nothing.
#if __has_include(<sanitizer/asan_interface.h>)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(place, bytes) ((void)(place), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(place, bytes) ((void)(place), (void)(bytes))
#endif

namespace pinyon {

namespace {

// Blocks have one of eight sizes, multiples of the first; what is longer is not kept.
constexpr std::size_t size_step = 64;
constexpr std::size_t sizes = 8;
constexpr std::size_t kept_max = 4;  // of a size

[[nodiscard]] constexpr std::size_t size_index(std::size_t bytes) noexcept {
    return bytes == 0 ? 0 : (bytes - 1) / size_step;
}

[[nodiscard]] constexpr std::size_t size_at(std::size_t index) noexcept {
    return (index + 1) * size_step;
}

struct shelf {
    std::array<void*, kept_max> blocks;
    std::size_t count;
};

// REQUIRES: the shelf is not empty.
[[nodiscard]] void* take_from(shelf& from, std::size_t index) noexcept {
    void* const block = from.blocks[--from.count];
    ASAN_UNPOISON_MEMORY_REGION(block, size_at(index));
    return block;
}

// REQUIRES: the shelf is not full.
void put_on(shelf& onto, std::size_t index, void* block) noexcept {
    ASAN_POISON_MEMORY_REGION(block, size_at(index));
    onto.blocks[onto.count++] = block;
}

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
            while (each.count != 0) { ::operator delete(take_from(each, index)); }
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
    return kept.count != 0 ? take_from(kept, index) : ::operator new(size_at(index));
}

void recycled_memory::give_back(void* block, std::size_t bytes) noexcept {
    const std::size_t index = size_index(bytes);
    if (shelves.now == thread_shelves::life::unwatched) { watch_thread(); }
    if (index >= sizes || shelves.of_size[index].count == kept_max ||
        shelves.now == thread_shelves::life::over) {
        ::operator delete(block);
    } else {
        put_on(shelves.of_size[index], index, block);
    }
}

}  // namespace pinyon
