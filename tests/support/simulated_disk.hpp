// A file system around another one that counts every operation, records a trace of them and makes
// chosen ones fail: the n-th, or all from the n-th on. With io::memory_file_system beneath, a test
// visits each place at which a real disk could fail, without a disk.
//
// A failing operation does nothing, but for `short_write`, which writes the first half. A failing
// `map` returns null, as when addresses are short. An operation is counted and traced when it is
// asked for, before it is done.
//
// Threads: all from any thread; the order of the trace is the order of the counter.
// Failure: what is planned, else what the file system beneath does.
#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "pinyon/mmap/file.hpp"

namespace pinyon::test {

enum class disk_call : std::uint8_t {
    // These may fail, and count.
    open,
    rename,
    remove,
    sync_directory,
    list,
    read,
    read_medium,
    write,
    store,
    write_durably,
    sync,
    grow,
    truncate,
    lock,
    map,
    populate,
    flush,
    start_write_back,
    wait_write_back,
    // These do not: they are in the trace alone.
    unlock,
    unmap,
    will_need,
    drop_cache,
};

[[nodiscard]] inline const char* name(disk_call call) noexcept {
    constexpr std::array names{"open",
                               "rename",
                               "remove",
                               "sync_directory",
                               "list",
                               "read",
                               "read_medium",
                               "write",
                               "store",
                               "write_durably",
                               "sync",
                               "grow",
                               "truncate",
                               "lock",
                               "map",
                               "populate",
                               "flush",
                               "start_write_back",
                               "wait_write_back",
                               "unlock",
                               "unmap",
                               "will_need",
                               "drop_cache"};
    static_assert(names.size() == static_cast<std::size_t>(disk_call::drop_cache) + 1);
    return names[static_cast<std::size_t>(call)];
}

// A set of calls, a bit each.
using disk_calls = std::uint32_t;

template <class... Calls>
[[nodiscard]] constexpr disk_calls calls(Calls... each) noexcept {
    return ((disk_calls{1} << static_cast<unsigned>(each)) | ...);
}

inline constexpr disk_calls fallible_calls =
    (disk_calls{1} << (static_cast<unsigned>(disk_call::wait_write_back) + 1)) - 1;
inline constexpr disk_calls writing_calls =
    calls(disk_call::write, disk_call::store, disk_call::write_durably, disk_call::grow);
inline constexpr disk_calls syncing_calls =
    calls(disk_call::sync, disk_call::flush, disk_call::sync_directory, disk_call::start_write_back,
          disk_call::wait_write_back);

struct disk_event {
    disk_call call{};
    std::string path;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
    bool failed = false;  // by plan
};

enum class disk_fault : std::uint8_t {
    io,           // EIO
    no_space,     // ENOSPC where an operation may need space, else EIO
    short_write,  // half of a write, then ENOSPC; else as no_space
    short_io,     // half of a write, then EIO; else as io
};

struct fault_plan {
    std::uint64_t at = 0;  // the first operation to fail, 0 the next one; counts `on` alone
    bool for_ever = false;
    disk_fault kind = disk_fault::io;
    disk_calls on = fallible_calls;
    std::string in{};  // only files whose paths hold this
};

class simulated_disk final : public io::file_system {
public:
    // REQUIRES: `beneath` outlives this; files of this may outlive it.
    explicit simulated_disk(io::file_system& beneath)
        : beneath_(beneath), core_(std::make_shared<core>()) {}

    // Counted from now; replaces the plan before.
    void plan(const fault_plan& plan) {
        const std::lock_guard lock(core_->mutex);
        core_->plan = plan;
        core_->planned = true;
        core_->matched = 0;
        core_->fired = 0;
    }
    void heal() {
        const std::lock_guard lock(core_->mutex);
        core_->planned = false;
    }
    // Operations failed since the plan.
    [[nodiscard]] std::uint64_t fired() const {
        const std::lock_guard lock(core_->mutex);
        return core_->fired;
    }
    // Operations of these kinds asked for since the last `forget`.
    [[nodiscard]] std::uint64_t operations(disk_calls of = fallible_calls) const {
        const std::lock_guard lock(core_->mutex);
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i != core_->counts.size(); ++i) {
            if ((of & (disk_calls{1} << i)) != 0) { sum += core_->counts[i]; }
        }
        return sum;
    }
    [[nodiscard]] std::vector<disk_event> trace() const {
        const std::lock_guard lock(core_->mutex);
        return core_->trace;
    }
    void forget() {
        const std::lock_guard lock(core_->mutex);
        core_->trace.clear();
        core_->counts.fill(0);
    }
    // Called before each operation, by the thread that asks for it.
    void observe(std::function<void(const disk_event&)> observer) {
        const std::lock_guard lock(core_->mutex);
        core_->observer = std::move(observer);
    }

    [[nodiscard]] std::unique_ptr<io::file> open(const std::string& path,
                                                 io::open_mode mode) override {
        core_->run({disk_call::open, path, 0, 0}, mode == io::open_mode::create_new);
        return std::make_unique<simulated_file>(beneath_.open(path, mode), core_, path);
    }
    [[nodiscard]] bool exists(const std::string& path) override { return beneath_.exists(path); }
    [[nodiscard]] std::string resolve(const std::string& path) override {
        return beneath_.resolve(path);
    }
    void rename_no_replace(const std::string& from, const std::string& to) override {
        core_->run({disk_call::rename, from, 0, 0}, true);
        beneath_.rename_no_replace(from, to);
    }
    void remove(const std::string& path) override {
        core_->run({disk_call::remove, path, 0, 0});
        beneath_.remove(path);
    }
    void sync_directory(const std::string& path) override {
        core_->run({disk_call::sync_directory, path, 0, 0}, true);
        beneath_.sync_directory(path);
    }
    [[nodiscard]] std::vector<std::string> list(const std::string& path) override {
        core_->run({disk_call::list, path, 0, 0});
        return beneath_.list(path);
    }
    [[nodiscard]] std::chrono::steady_clock::time_point now() override { return beneath_.now(); }
    void random(std::span<std::byte> out) override { beneath_.random(out); }
    [[nodiscard]] const io::capabilities& offers() const noexcept override {
        return beneath_.offers();
    }

private:
    // What the disk shares with its open files.
    struct core {
        mutable std::mutex mutex;
        fault_plan plan;
        bool planned = false;
        std::uint64_t matched = 0;  // operations that the plan is about
        std::uint64_t fired = 0;
        std::array<std::uint64_t, static_cast<std::size_t>(disk_call::drop_cache) + 1> counts{};
        std::vector<disk_event> trace;
        std::function<void(const disk_event&)> observer;

        // Counts, records and observes; true when the operation is to fail.
        [[nodiscard]] bool fails(disk_event event) {
            std::function<void(const disk_event&)> watching;
            {
                const std::lock_guard lock(mutex);
                ++counts[static_cast<std::size_t>(event.call)];
                const bool is_meant = planned &&
                                      (plan.on & fallible_calls & calls(event.call)) != 0 &&
                                      event.path.find(plan.in) != std::string::npos;
                if (is_meant) {
                    event.failed = plan.for_ever ? matched >= plan.at : matched == plan.at;
                    ++matched;
                }
                if (event.failed) { ++fired; }
                trace.push_back(event);
                watching = observer;
            }
            if (watching) { watching(event); }
            return event.failed;
        }

        [[nodiscard]] disk_fault kind() const {
            const std::lock_guard lock(mutex);
            return plan.kind;
        }

        [[noreturn]] void fail(const disk_event& event, bool needs_space) const {
            const bool full = needs_space &&
                              (kind() == disk_fault::no_space || kind() == disk_fault::short_write);
            raise_os(full ? ENOSPC : EIO,
                     std::string("(simulated) ") + name(event.call) + " of " + event.path);
        }

        void run(const disk_event& event, bool needs_space = false) {
            if (fails(event)) { fail(event, needs_space); }
        }
    };

    class simulated_mapping final : public io::mapping {
    public:
        simulated_mapping(std::unique_ptr<io::mapping> beneath, std::shared_ptr<core> core,
                          std::string path)
            : mapping(beneath->base(), beneath->bytes(), beneath->faults_single_pages()),
              beneath_(std::move(beneath)),
              core_(std::move(core)),
              path_(std::move(path)) {}

        void populate(io::byte_range range, bool for_write) override {
            core_->run({disk_call::populate, path_, range.offset, range.size});
            beneath_->populate(range, for_write);
        }
        void unmap(std::span<const io::byte_range> ranges) override {
            for (const io::byte_range& range : ranges) {
                core_->run({disk_call::unmap, path_, range.offset, range.size});
            }
            beneath_->unmap(ranges);
        }
        void resident(io::byte_range range, std::vector<io::byte_range>& out) const override {
            beneath_->resident(range, out);
        }
        void flush(io::byte_range range) override {
            core_->run({disk_call::flush, path_, range.offset, range.size}, true);
            beneath_->flush(range);
        }
        void will_need(std::span<const io::byte_range> ranges) override {
            for (const io::byte_range& range : ranges) {
                core_->run({disk_call::will_need, path_, range.offset, range.size});
            }
            beneath_->will_need(ranges);
        }

    private:
        std::unique_ptr<io::mapping> beneath_;
        std::shared_ptr<core> core_;
        std::string path_;
    };

    class simulated_file final : public io::file {
    public:
        simulated_file(std::unique_ptr<io::file> beneath, std::shared_ptr<core> core,
                       std::string path)
            : beneath_(std::move(beneath)), core_(std::move(core)), path_(std::move(path)) {}

        std::size_t read(std::uint64_t offset, std::span<std::byte> out) override {
            core_->run({disk_call::read, path_, offset, out.size()});
            return beneath_->read(offset, out);
        }
        std::size_t read_medium(std::uint64_t offset, std::span<std::byte> out) override {
            core_->run({disk_call::read_medium, path_, offset, out.size()});
            return beneath_->read_medium(offset, out);
        }
        void write(std::uint64_t offset, std::span<const std::byte> data) override {
            const disk_event event{disk_call::write, path_, offset, data.size()};
            if (core_->fails(event)) { fail_write(event, data); }
            beneath_->write(offset, data);
        }
        void store(std::uint64_t offset, std::span<const std::byte> data) override {
            const disk_event event{disk_call::store, path_, offset, data.size()};
            if (core_->fails(event)) { fail_write(event, data); }
            beneath_->store(offset, data);
        }
        void write_durably(std::uint64_t offset, std::span<const std::byte> data) override {
            const disk_event event{disk_call::write_durably, path_, offset, data.size()};
            if (core_->fails(event)) { fail_write(event, data); }
            beneath_->write_durably(offset, data);
            core_->run({disk_call::sync, path_, offset, data.size()}, true);
        }
        void sync() override {
            core_->run({disk_call::sync, path_, 0, 0}, true);
            beneath_->sync();
        }
        void grow(std::uint64_t size) override {
            core_->run({disk_call::grow, path_, 0, size}, true);
            beneath_->grow(size);
        }
        void truncate(std::uint64_t size) override {
            core_->run({disk_call::truncate, path_, 0, size});
            beneath_->truncate(size);
        }
        [[nodiscard]] std::uint64_t size() const override { return beneath_->size(); }
        [[nodiscard]] bool try_lock(io::lock_byte byte, io::lock_mode mode) override {
            core_->run({disk_call::lock, path_, static_cast<std::uint64_t>(byte), 1});
            return beneath_->try_lock(byte, mode);
        }
        void unlock(io::lock_byte byte) override {
            core_->run({disk_call::unlock, path_, static_cast<std::uint64_t>(byte), 1});
            beneath_->unlock(byte);
        }
        [[nodiscard]] std::unique_ptr<io::mapping> map(io::view_access access, std::uint64_t first,
                                                       std::uint64_t bytes) override {
            if (core_->fails({disk_call::map, path_, first, bytes - first})) { return nullptr; }
            auto view = beneath_->map(access, first, bytes);
            if (view == nullptr) { return nullptr; }
            return std::make_unique<simulated_mapping>(std::move(view), core_, path_);
        }
        void will_need(std::span<const io::byte_range> ranges) noexcept override {
            for (const io::byte_range& range : ranges) {
                core_->run({disk_call::will_need, path_, range.offset, range.size});
            }
            beneath_->will_need(ranges);
        }
        void drop_cache(std::span<const io::byte_range> ranges) override {
            for (const io::byte_range& range : ranges) {
                core_->run({disk_call::drop_cache, path_, range.offset, range.size});
            }
            beneath_->drop_cache(ranges);
        }
        void start_write_back(io::byte_range range) override {
            core_->run({disk_call::start_write_back, path_, range.offset, range.size}, true);
            beneath_->start_write_back(range);
        }
        void wait_write_back(io::byte_range range) override {
            core_->run({disk_call::wait_write_back, path_, range.offset, range.size}, true);
            beneath_->wait_write_back(range);
        }
        [[nodiscard]] bool forked() const noexcept override { return beneath_->forked(); }

    private:
        [[noreturn]] void fail_write(const disk_event& event, std::span<const std::byte> data) {
            if (core_->kind() == disk_fault::short_write || core_->kind() == disk_fault::short_io) {
                beneath_->write(event.offset, data.first(data.size() / 2));
            }
            core_->fail(event, true);
        }

        std::unique_ptr<io::file> beneath_;
        std::shared_ptr<core> core_;
        std::string path_;
    };

    io::file_system& beneath_;
    std::shared_ptr<core> core_;
};

}  // namespace pinyon::test
