#include "pinyon/mmap/page_table.hpp"

#include <bit>
#include <string>
#include <utility>

#include "pinyon/mmap/os_memory.hpp"

namespace pinyon::io {

reserved_memory::reserved_memory(std::uint64_t bytes)
    : data_(reserve_memory(bytes == 0 ? os_page_bytes : bytes)),
      bytes_(bytes == 0 ? os_page_bytes : bytes) {
    if (data_ == nullptr) {
        raise(errc::no_space, "no addresses left for a table of " + std::to_string(bytes_) +
                                  " bytes; raise the process's limit of address space (ulimit -v)");
    }
}

reserved_memory::reserved_memory(reserved_memory&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

reserved_memory::~reserved_memory() {
    if (data_ != nullptr) { release_memory(data_, bytes_); }
}

// The zero bytes of fresh memory are the initial value of these atomics, so nothing is constructed
// (which would touch every page of the table).
static_assert(sizeof(std::atomic<std::uint32_t>) == 4 &&
              std::atomic<std::uint32_t>::is_always_lock_free &&
              std::atomic<std::uint16_t>::is_always_lock_free);

page_table::page_table(page_number capacity)
    : capacity_(capacity),
      word_memory_(capacity * sizeof(page_word)),
      pin_memory_(capacity * sizeof(std::atomic<std::uint32_t>)),
      sum_memory_(capacity * sizeof(std::atomic<std::uint32_t>)),
      words_(reinterpret_cast<page_word*>(word_memory_.data())),
      pins_(reinterpret_cast<std::atomic<std::uint32_t>*>(pin_memory_.data())),
      sums_(reinterpret_cast<std::atomic<std::uint32_t>*>(sum_memory_.data())) {}

namespace {

// Which threads have slots of their own: a bit each. The last slot is everybody's.
std::atomic<std::uint64_t> slots_taken{0};
constexpr std::uint64_t slots_own = (std::uint64_t{1} << (visit_counters::slots - 1)) - 1;
static_assert(visit_counters::slots == 64);

// A slot for the life of a thread; its next owner goes on counting where this one stopped.
class slot_lease {
public:
    slot_lease() noexcept {
        std::uint64_t taken = slots_taken.load(std::memory_order_relaxed);
        do {
            const std::uint64_t free = ~taken & slots_own;
            slot_ = free == 0 ? visit_counters::slots - 1
                              : static_cast<unsigned>(std::countr_zero(free));
        } while (is_own() &&
                 !slots_taken.compare_exchange_weak(taken, taken | bit(), std::memory_order_acquire,
                                                    std::memory_order_relaxed));
    }
    ~slot_lease() {
        if (is_own()) { slots_taken.fetch_and(~bit(), std::memory_order_release); }
    }
    slot_lease(const slot_lease&) = delete;
    slot_lease& operator=(const slot_lease&) = delete;

    [[nodiscard]] unsigned slot() const noexcept { return slot_; }

private:
    [[nodiscard]] bool is_own() const noexcept { return slot_ + 1 < visit_counters::slots; }
    [[nodiscard]] std::uint64_t bit() const noexcept { return std::uint64_t{1} << slot_; }

    unsigned slot_ = 0;
};

}  // namespace

unsigned visit_counters::thread_slot() noexcept {
    thread_local const slot_lease lease;
    return lease.slot();
}

std::uint64_t visit_counters::visits() const noexcept {
    std::uint64_t sum = 0;
    for (const counter& slot : slots_) { sum += slot.visits.load(std::memory_order_relaxed); }
    return sum;
}

}  // namespace pinyon::io
