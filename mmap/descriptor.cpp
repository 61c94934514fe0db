#include "pinyon/mmap/descriptor.hpp"

#include <pthread.h>
#include <unistd.h>

#include <mutex>

namespace pinyon::io {

// All descriptors of the process, linked through themselves: the child of a fork may walk the list
// but not allocate.
class descriptor_list {
public:
    static descriptor_list& get() {
        // Never destroyed: descriptors of static storage may outlive it otherwise.
        static auto* list = new descriptor_list;
        return *list;
    }

    void add(descriptor& entry) {
        const std::lock_guard lock(mutex_);
        entry.next_ = first_;
        if (first_ != nullptr) { first_->previous_ = &entry; }
        first_ = &entry;
    }

    void remove(descriptor& entry) {
        const std::lock_guard lock(mutex_);
        if (entry.next_ != nullptr) { entry.next_->previous_ = entry.previous_; }
        (entry.previous_ != nullptr ? entry.previous_->next_ : first_) = entry.next_;
    }

private:
    descriptor_list() { ::pthread_atfork(before_fork, in_parent, in_child); }

    static void before_fork() { get().mutex_.lock(); }
    static void in_parent() { get().mutex_.unlock(); }
    static void in_child() {
        detail::forks.fetch_add(1, std::memory_order_relaxed);
        for (descriptor* entry = get().first_; entry != nullptr; entry = entry->next_) {
            if (entry->number_ >= 0) { ::close(entry->number_); }
            entry->number_ = -1;
        }
        get().mutex_.unlock();
    }

    std::mutex mutex_;
    descriptor* first_ = nullptr;
};

descriptor::descriptor(int number) : number_(number) { descriptor_list::get().add(*this); }

descriptor::~descriptor() {
    descriptor_list::get().remove(*this);
    if (number_ >= 0) { ::close(number_); }
}

std::shared_ptr<descriptor> adopt_descriptor(int number) {
    try {
        return std::make_shared<descriptor>(number);
    } catch (...) {
        ::close(number);
        throw;
    }
}

std::string reopening_path(int number) { return "/proc/self/fd/" + std::to_string(number); }

}  // namespace pinyon::io
