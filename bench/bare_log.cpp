#include "bare_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <thread>

namespace pinyon::bench {

namespace {

void require(bool fine, const char* what) {
    if (!fine) {
        std::perror(what);
        std::exit(2);
    }
}

}  // namespace

const char* name(sharing how) {
    switch (how) {
        case sharing::own_writes:
            return "own writes";
        case sharing::ordered_writes:
            return "ordered writes";
        case sharing::leader_writes:
            return "leader writes";
        case sharing::patient_leader:
            break;
    }
    return "patient leader";
}

bare_log::bare_log(const std::string& path, std::uint64_t bytes, std::uint64_t record_bytes)
    : file_(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)),
      bytes_(bytes / record_bytes * record_bytes),
      record_bytes_(record_bytes),
      record_(record_bytes, 'r') {
    require(file_ >= 0, path.c_str());
    const std::vector<char> zeros(std::size_t{1} << 20);
    for (std::uint64_t offset = 0; offset < bytes_; offset += zeros.size()) {
        write(offset, zeros.data(), zeros.size());
    }
    sync();
}

bare_log::~bare_log() { ::close(file_); }

// Begins again at the front when the file is full: it is as it was, written and allocated.
std::uint64_t bare_log::reserve() { return reserved_++ * record_bytes_ % bytes_; }

void bare_log::write(std::uint64_t offset, const char* data, std::uint64_t bytes) const {
    const ::ssize_t put = ::pwrite(file_, data, bytes, static_cast<::off_t>(offset));
    require(put == static_cast<::ssize_t>(bytes), "pwrite");
}

void bare_log::sync() const {
    require(::fdatasync(file_) == 0, "fdatasync");
    syncs_.fetch_add(1, std::memory_order_relaxed);
}

void bare_log::append() {
    write(reserve(), record_.data(), record_bytes_);
    sync();
}

// REQUIRES: the mutex.
void bare_log::finish_write(std::uint64_t ticket) {
    written_.push_back(ticket);
    std::sort(written_.begin(), written_.end());
    std::size_t done = 0;
    while (done < written_.size() && written_[done] == complete_) {
        ++complete_;
        ++done;
    }
    written_.erase(written_.begin(), written_.begin() + static_cast<std::ptrdiff_t>(done));
}

// Syncs what is complete, for all who wait for it. REQUIRES: nobody else leads.
void bare_log::lead(sharing how, guard& lock) {
    leading_ = true;
    if (how == sharing::patient_leader) {
        lock.unlock();
        std::this_thread::yield();
        lock.lock();
    }
    const std::uint64_t upto = how == sharing::leader_writes ? reserved_ : complete_;
    std::vector<char> records;
    records.swap(collected_);
    const std::uint64_t first = synced_ * record_bytes_ % bytes_;
    lock.unlock();
    const std::uint64_t before_end = std::min<std::uint64_t>(records.size(), bytes_ - first);
    if (before_end != 0) { write(first, records.data(), before_end); }
    if (before_end != records.size()) {
        write(0, records.data() + before_end, records.size() - before_end);
    }
    sync();
    lock.lock();
    synced_ = upto;
    leading_ = false;
    synced_changed_.notify_all();
}

void bare_log::append_shared(sharing how) {
    guard lock(mutex_);
    const std::uint64_t ticket = reserved_;
    const std::uint64_t offset = reserve();
    if (how == sharing::leader_writes) {
        collected_.insert(collected_.end(), record_.begin(), record_.end());
    } else if (how == sharing::ordered_writes) {
        write(offset, record_.data(), record_bytes_);
        complete_ = ticket + 1;
    } else {
        lock.unlock();
        write(offset, record_.data(), record_bytes_);
        lock.lock();
        finish_write(ticket);
    }
    while (synced_ <= ticket) {
        if (leading_ || (how != sharing::leader_writes && complete_ <= ticket)) {
            synced_changed_.wait(lock);
        } else {
            lead(how, lock);
        }
    }
}

}  // namespace pinyon::bench
