// A page source in which every node page is a heap block of exactly the size of a page, so that
// AddressSanitizer sees what it cannot see inside one mapping: a read past the end of a page, and a
// read of a page that was freed or made anew. Extent pages stand side by side, as views of large
// values need.
//
// Invariants
//  1. No page's state word is ever admitted or writable, so every `fetch` comes to `miss`.
//  2. The block of a page stays where it is until `forget`, or until `create` makes a committed
//     page anew.
//  3. What was changed reaches the file in `flush`, and not before.
//
// Threads: as page_source; one mutex.
// Failure: as page_source.
#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <utility>

#include "pinyon/mmap/page_source.hpp"

namespace pinyon::test {

class heap_source final : public io::page_source {
public:
    heap_source(io::file& file, io::page_warden& warden, std::uint32_t page_bytes,
                io::page_number capacity)
        : page_source(io::page_table(capacity), page_bytes,
                      std::max<std::uint32_t>(8192, page_bytes) / page_bytes, warden),
          file_(file),
          extents_(capacity * page_bytes) {
        read_base_ = extents_.data();  // of expect, which only computes with it
        set_limit(std::min<io::page_number>(file.size() / page_bytes, capacity));
    }

    void prefetch(std::span<const io::page_number>) noexcept override {}

    [[nodiscard]] std::byte* create(io::page_number page, io::residency,
                                    std::span<const std::byte> content) override {
        if (page < first_page_ || page >= limit() || content.size() != page_bytes()) {
            raise(errc::misuse, "creating a page outside the file or from less than a page", page);
        }
        const std::lock_guard lock(mutex_);
        block& made = blocks_[page];
        if (!made.is_private) { made = {std::make_unique<std::byte[]>(page_bytes()), true, true}; }
        std::memcpy(made.bytes.get(), content.data(), content.size());
        made.is_dirty = true;
        table_.set_sum(page, 0);
        mark_dirty({page, 1});
        return made.bytes.get();
    }

    [[nodiscard]] std::byte* writable(const io::page_reference& reference) override {
        const std::lock_guard lock(mutex_);
        const auto found = blocks_.find(reference.page);
        if (found == blocks_.end() || !found->second.is_private) {
            raise(errc::misuse, "writing to a page that this transaction has not created",
                  reference.page);
        }
        found->second.is_dirty = true;
        table_.set_sum(reference.page, 0);
        add_dirty({reference.page, 1});
        return found->second.bytes.get();
    }

    void forget(io::page_run run) noexcept override {
        const std::lock_guard lock(mutex_);
        for (io::page_number page = run.first; page != run.first + run.count; ++page) {
            blocks_.erase(page);
            loaded_.erase(page);
            table_.set_sum(page, 0);
        }
    }

    void relieve() override {}

    void publish() override {
        const std::lock_guard lock(mutex_);
        for (auto& entry : blocks_) { entry.second.is_private = false; }
    }

    // Nothing: views of a snapshot must stay readable.
    void evict_all() override {}

    [[nodiscard]] io::source_statistics statistics() const override { return base_statistics(); }

protected:
    [[nodiscard]] io::page_view miss(const io::page_reference& reference) override {
        check_reference(reference.page);
        const std::lock_guard lock(mutex_);
        if (const auto found = blocks_.find(reference.page); found != blocks_.end()) {
            return view(found->second.bytes.get(), reference.page);
        }
        misses_.fetch_add(1, std::memory_order_relaxed);
        if (reference.kind == io::residency::extent) { return load_extent(reference); }
        block fresh{std::make_unique<std::byte[]>(page_bytes()), false, false};
        load(reference, fresh.bytes.get());
        return view(
            blocks_.insert_or_assign(reference.page, std::move(fresh)).first->second.bytes.get(),
            reference.page);
    }

    void flush_range(io::byte_range range) override {
        const std::lock_guard lock(mutex_);
        const io::page_number end = (range.offset + range.size) >> page_shift_;
        for (auto at = blocks_.lower_bound(range.offset >> page_shift_);
             at != blocks_.end() && at->first < end; ++at) {
            if (!at->second.is_dirty) { continue; }
            file_.write(at->first << page_shift_, {at->second.bytes.get(), page_bytes()});
            at->second.is_dirty = false;
        }
        file_.sync();
    }

private:
    struct block {
        std::unique_ptr<std::byte[]> bytes;
        bool is_private = false;
        bool is_dirty = false;
    };

    [[nodiscard]] io::page_view view(const std::byte* data, io::page_number page) const noexcept {
        return {data, page, table_.word(page).state.load(std::memory_order_acquire)};
    }

    void load(const io::page_reference& reference, std::byte* place) {
        if (file_.read(reference.page << page_shift_, {place, page_bytes()}) != page_bytes()) {
            raise(errc::truncated, "the file ends within a page", reference.page);
        }
        reads_.fetch_add(1, std::memory_order_relaxed);
        admit(reference, place);
    }

    [[nodiscard]] io::page_view load_extent(const io::page_reference& reference) {
        std::byte* place = extents_.data() + (reference.page << page_shift_);
        if (loaded_.count(reference.page) == 0) {
            load(reference, place);
            loaded_.insert(reference.page);
        }
        return view(place, reference.page);
    }

    io::file& file_;
    io::reserved_memory extents_;
    mutable std::mutex mutex_;
    std::map<io::page_number, block> blocks_;
    std::set<io::page_number> loaded_;  // extent pages
};

}  // namespace pinyon::test
