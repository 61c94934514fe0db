#include "pinyon/engine/free_space.hpp"

#include <algorithm>
#include <string>

#include "pinyon/engine/format.hpp"
#include "pinyon/engine/node.hpp"
#include "pinyon/mmap/assert.hpp"
#include "pinyon/mmap/error.hpp"

namespace pinyon {
namespace {

[[noreturn]] void raise_image(const std::string& text,
                              std::optional<std::uint64_t> page = std::nullopt) {
    raise(errc::corrupt, "free-space image: " + text + "; run `pinyon check`", page);
}

[[noreturn]] void raise_use(const std::string& text, std::uint64_t page) {
    raise(errc::corrupt, "page " + std::to_string(page) + " " + text + "; run `pinyon check`",
          page);
}

// The largest root of `kept` that holds a page which lived [born, retired).
std::optional<std::uint64_t> holder(std::span<const std::uint64_t> kept, std::uint64_t born,
                                    std::uint64_t retired) {
    const auto after = std::lower_bound(kept.begin(), kept.end(), retired);
    if (after == kept.begin() || *(after - 1) < born) { return std::nullopt; }
    return *(after - 1);
}

}  // namespace

void free_space::reset(std::uint64_t first, std::uint64_t page_count) {
    *this = free_space();
    first_ = first;
    page_count_ = std::max(first, page_count);
    cursor_ = first;
    fit_from_ = first;
    free_.resize(page_count_);
    limbo_.resize(page_count_);
    taken_.resize(page_count_);
}

void free_space::load(bytes image, std::uint64_t newest) {
    PINYON_ASSERT(!running_ && free_.size() == 0 && limbo_.size() == 0);
    if (image.size() < sizeof(format::free_image_header)) {
        raise_image("shorter than its header");
    }
    const auto header = pinyon::load<format::free_image_header>(image.data());
    const bytes runs = image.subspan(sizeof header);
    const std::uint64_t most = runs.size() / sizeof(format::free_run);
    if (header.free_runs > most || header.pending_runs > most ||
        header.free_runs * sizeof(format::free_run) +
                header.pending_runs * sizeof(format::pending_run) !=
            runs.size()) {
        raise_image("its " + std::to_string(image.size()) + " bytes do not hold " +
                    std::to_string(header.free_runs) + " free and " +
                    std::to_string(header.pending_runs) + " pending runs");
    }
    const std::size_t free_bytes = header.free_runs * sizeof(format::free_run);
    load_free(runs.first(free_bytes));
    load_pending(runs.subspan(free_bytes), newest);
    if (free_.size() != header.free_pages || limbo_.size() != header.pending_pages) {
        raise_image("its header counts " + std::to_string(header.free_pages) + " free and " +
                    std::to_string(header.pending_pages) + " pending pages, its runs hold " +
                    std::to_string(free_.size()) + " and " + std::to_string(limbo_.size()));
    }
}

void free_space::load_free(bytes runs) {
    std::uint64_t end = first_;
    for (std::size_t at = 0; at < runs.size(); at += sizeof(format::free_run)) {
        const auto run = pinyon::load<format::free_run>(runs.data() + at);
        if (run.first < end || run.count == 0 ||
            !free_.insert(io::page_run{run.first, run.count})) {
            raise_image(
                "free run of " + std::to_string(run.count) + " pages is out of order or range",
                run.first);
        }
        end = run.first + run.count;
    }
}

void free_space::load_pending(bytes runs, std::uint64_t newest) {
    std::uint64_t end = first_;
    for (std::size_t at = 0; at < runs.size(); at += sizeof(format::pending_run)) {
        const auto pending = pinyon::load<format::pending_run>(runs.data() + at);
        const io::page_run run{pending.first, pending.count};
        if (run.first < end || run.count == 0 || !free_.contains_none(run) || !limbo_.insert(run)) {
            raise_image("pending run of " + std::to_string(run.count) +
                            " pages is out of order or range, or free as well",
                        run.first);
        }
        end = run.first + run.count;
        if (pending.born >= pending.retired || pending.retired > newest) {
            raise_image("pending run lives from transaction " + std::to_string(pending.born) +
                            " to " + std::to_string(pending.retired) +
                            " in a file of transaction " + std::to_string(newest),
                        run.first);
        }
        // The largest root that could hold it, whether it is kept or not: `keep` moves it down.
        hold(pending.retired - 1, {run, pending.born, pending.retired});
    }
}

std::uint64_t free_space::image_bytes(std::uint64_t spare) const noexcept {
    return sizeof(format::free_image_header) + (free_.runs() + spare) * sizeof(format::free_run) +
           (held_runs_ + retired_.size() + spare) * sizeof(format::pending_run);
}

std::vector<std::byte> free_space::save() const {
    // 1. All pending runs by page; neighbours with the same life become one.
    std::vector<format::pending_run> pending;
    pending.reserve(held_runs_ + retired_.size());
    const auto add = [&pending](const held_run& held) {
        pending.push_back({held.run.first, held.run.count, held.born, held.retired});
    };
    for (const auto& group : held_) {
        std::for_each(group.second.begin(), group.second.end(), add);
    }
    std::for_each(retired_.begin(), retired_.end(), add);
    std::sort(pending.begin(), pending.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    std::size_t kept = 0;
    for (std::size_t i = 1; i < pending.size(); ++i) {
        format::pending_run& last = pending[kept];
        const format::pending_run& run = pending[i];
        if (last.first + last.count == run.first && last.born == run.born &&
            last.retired == run.retired) {
            last.count += run.count;
        } else {
            pending[++kept] = run;
        }
    }
    if (!pending.empty()) { pending.resize(kept + 1); }

    // 2. Header, free runs, pending runs.
    const std::uint64_t free_runs = free_.runs();
    std::vector<std::byte> image(sizeof(format::free_image_header) +
                                 free_runs * sizeof(format::free_run) +
                                 pending.size() * sizeof(format::pending_run));
    std::byte* out = image.data();
    store(out, format::free_image_header{free_runs, pending.size(), free_.size(), limbo_.size()});
    out += sizeof(format::free_image_header);
    for (auto run = free_.next_run(0); run; run = free_.next_run(run->first + run->count)) {
        store(out, format::free_run{run->first, run->count});
        out += sizeof(format::free_run);
    }
    for (const format::pending_run& run : pending) {
        store(out, run);
        out += sizeof run;
    }
    PINYON_ASSERT(out == image.data() + image.size());
    return image;
}

void free_space::keep(std::span<const std::uint64_t> kept) {
    for (auto group = held_.begin(); group != held_.end();) {
        if (std::binary_search(kept.begin(), kept.end(), group->first)) {
            ++group;
            continue;
        }
        judge(group->second, kept, true);
        group = held_.erase(group);
    }
    judge(unjudged_, kept, false);
}

// Hangs each run on the root that holds it now, or frees it. From the back, one at a time, so that
// a failure in between leaves each run in one place.
void free_space::judge(std::vector<held_run>& runs, std::span<const std::uint64_t> kept,
                       bool counted) {
    while (!runs.empty()) {
        const held_run held = runs.back();
        if (const auto root = holder(kept, held.born, held.retired)) {
            held_[*root].push_back(held);
            held_runs_ += counted ? 0 : 1;
        } else {
            release(held.run);
            held_runs_ -= counted ? 1 : 0;
        }
        runs.pop_back();
    }
}

void free_space::begin(std::uint64_t transaction) {
    PINYON_ASSERT(!running_ && retired_.empty() && unjudged_.empty() && taken_.size() == 0);
    transaction_ = transaction;
    running_ = true;
    cursor_ = first_;
}

std::optional<std::uint64_t> free_space::take() {
    PINYON_ASSERT(running_);
    std::optional<std::uint64_t> page = free_.next(cursor_);
    if (!page) { page = free_.next(first_); }
    if (!page) { return std::nullopt; }
    free_.erase(*page);
    taken_.insert(*page);
    cursor_ = *page + 1;
    return page;
}

std::optional<io::page_run> free_space::take_run(std::uint64_t pages) {
    PINYON_ASSERT(running_ && pages > 0);
    if (pages < fit_pages_) { fit_from_ = first_; }
    const std::optional<io::page_run> run = free_.find_run(fit_from_, pages);
    fit_pages_ = pages;
    fit_from_ = run ? run->first : page_count_;
    if (run) {
        free_.erase(*run);
        taken_.insert(*run);
    }
    return run;
}

void free_space::extend(std::uint64_t new_count) {
    if (new_count <= page_count_) { return; }
    free_.resize(new_count);
    limbo_.resize(new_count);
    taken_.resize(new_count);
    const io::page_run run{page_count_, new_count - page_count_};
    page_count_ = new_count;
    insert_free(run);
}

void free_space::retire(io::page_run run, std::uint64_t born) {
    PINYON_ASSERT(running_);
    check_range(run);
    if (taken_.contains_none(run)) {
        retire_older(run, born);
    } else if (taken_.contains_all(run)) {
        retire_private(run, born);
    } else if (born == 0) {
        for (std::uint64_t page = run.first; page != run.first + run.count; ++page) {
            retire({page, 1}, born);
        }
    } else {
        raise_use("is retired in a run that belongs to this transaction only in part", run.first);
    }
}

void free_space::retire_private(io::page_run run, std::uint64_t born) {
    if (born != 0 && born != transaction_) {
        raise_use("is of this transaction and says it was born in " + std::to_string(born),
                  run.first);
    }
    taken_.erase(run);
    insert_free(run);
}

void free_space::retire_older(io::page_run run, std::uint64_t born) {
    if (born >= transaction_) {
        raise_use("says it was born in transaction " + std::to_string(born) +
                      " and was not allocated there",
                  run.first);
    }
    if (!free_.contains_none(run)) { raise_use("is in use and free at once", run.first); }
    if (!limbo_.contains_none(run)) { raise_use("is retired a second time", run.first); }
    if (!retired_.empty() && retired_.back().born == born &&
        retired_.back().run.first + retired_.back().run.count == run.first) {
        retired_.back().run.count += run.count;
    } else {
        retired_.push_back({run, born, transaction_});
    }
    limbo_.insert(run);
}

void free_space::commit() noexcept {
    PINYON_ASSERT(running_);
    unjudged_.swap(retired_);
    taken_.clear();
    running_ = false;
}

void free_space::abort() {
    PINYON_ASSERT(running_);
    for (const held_run& held : retired_) { limbo_.erase(held.run); }
    retired_.clear();
    while (const auto run = taken_.next_run(0)) {
        taken_.erase(*run);
        insert_free(*run);
    }
    running_ = false;
}

void free_space::check_range(io::page_run run) const {
    if (run.count == 0 || run.first < first_ || run.first >= page_count_ ||
        run.count > page_count_ - run.first) {
        raise_use("(a run of " + std::to_string(run.count) + ") is outside the file's " +
                      std::to_string(page_count_) + " pages",
                  run.first);
    }
}

void free_space::hold(std::uint64_t root, const held_run& held) {
    held_[root].push_back(held);
    ++held_runs_;
}

void free_space::release(io::page_run run) {
    limbo_.erase(run);
    insert_free(run);
}

void free_space::insert_free(io::page_run run) {
    if (!free_.insert(run)) { raise_use("is freed while it is free", run.first); }
    // It may have joined a run that begins before it.
    if (run.first <= fit_from_) { fit_from_ = first_; }
}

}  // namespace pinyon
