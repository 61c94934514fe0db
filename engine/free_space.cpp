#include "pinyon/engine/free_space.hpp"

#include <algorithm>
#include <bit>
#include <string>

#include "pinyon/engine/node.hpp"
#include "pinyon/mmap/assert.hpp"
#include "pinyon/mmap/error.hpp"

namespace pinyon {
namespace {

constexpr std::size_t word_bytes = sizeof(std::uint64_t);

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
    const std::uint64_t most_words = runs.size() / word_bytes;
    const bool is_bitmap = header.bitmap_words != 0;
    // Sums and products below do not wrap once this holds.
    const bool fits = header.pending_runs <= most && header.bitmap_words <= most_words &&
                      (is_bitmap || header.free_runs <= most);
    const std::size_t free_bytes =
        is_bitmap ? header.bitmap_words * word_bytes : header.free_runs * sizeof(format::free_run);
    if (!fits || free_bytes + header.pending_runs * sizeof(format::pending_run) != runs.size()) {
        raise_image("its " + std::to_string(image.size()) + " bytes do not hold " +
                    (is_bitmap ? std::to_string(header.bitmap_words) + " words of free pages and "
                               : std::to_string(header.free_runs) + " free and ") +
                    std::to_string(header.pending_runs) + " pending runs");
    }
    if (is_bitmap) {
        load_bitmap(runs.first(free_bytes));
    } else {
        load_free(runs.first(free_bytes));
    }
    load_pending(runs.subspan(free_bytes), newest);
    if (free_.runs() != header.free_runs || free_.size() != header.free_pages ||
        limbo_.size() != header.pending_pages) {
        raise_image("its header counts " + std::to_string(header.free_pages) + " free pages in " +
                    std::to_string(header.free_runs) + " runs and " +
                    std::to_string(header.pending_pages) + " pending ones, what follows holds " +
                    std::to_string(free_.size()) + " in " + std::to_string(free_.runs()) + " and " +
                    std::to_string(limbo_.size()));
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

void free_space::load_bitmap(bytes words) {
    for (std::size_t at = 0; at < words.size(); at += word_bytes) {
        auto word = pinyon::load<std::uint64_t>(words.data() + at);
        const std::uint64_t base = at / word_bytes * 64;
        while (word != 0) {
            const auto skip = static_cast<unsigned>(std::countr_zero(word));
            const auto count = static_cast<unsigned>(std::countr_one(word >> skip));
            const io::page_run run{base + skip, count};
            if (run.first < first_ || !free_.insert(run)) {
                raise_image("the bitmap has pages free that are out of range", run.first);
            }
            // Adding carries through the run of ones; what it clears is the run.
            word &= word + (std::uint64_t{1} << skip);
        }
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
    return sizeof(format::free_image_header) +
           std::min((free_.runs() + spare) * sizeof(format::free_run),
                    free_.words().size() * word_bytes) +
           (held_runs_ + retired_.size() + spare) * sizeof(format::pending_run);
}

// All of them by page; neighbours with the same life become one.
std::vector<format::pending_run> free_space::pending_runs() const {
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
    return pending;
}

std::vector<std::byte> free_space::save() const {
    const std::vector<format::pending_run> pending = pending_runs();
    format::free_image_header header{free_.runs(), pending.size(), free_.size(), limbo_.size(), 0};
    std::span<const std::uint64_t> words = free_.words();
    while (!words.empty() && words.back() == 0) { words = words.first(words.size() - 1); }
    if (words.size_bytes() < header.free_runs * sizeof(format::free_run)) {
        header.bitmap_words = words.size();
    }
    std::vector<std::byte> image;
    image.reserve(image_bytes());
    const auto append = [&image](const void* data, std::size_t size) {
        const auto* from = static_cast<const std::byte*>(data);
        image.insert(image.end(), from, from + size);
    };
    append(&header, sizeof header);
    if (header.bitmap_words != 0) {
        append(words.data(), words.size_bytes());
    } else {
        for (auto run = free_.next_run(0); run; run = free_.next_run(run->first + run->count)) {
            const format::free_run free{run->first, run->count};
            append(&free, sizeof free);
        }
    }
    append(pending.data(), pending.size() * sizeof(format::pending_run));
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
void free_space::judge(run_list& runs, std::span<const std::uint64_t> kept, bool counted) {
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
    const std::optional<io::page_run> run = free_.find_run(first_, pages);
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

std::uint64_t free_space::cut_free_end() {
    while (page_count_ > first_ && free_.contains(page_count_ - 1)) { --page_count_; }
    free_.resize(page_count_);
    limbo_.resize(page_count_);
    taken_.resize(page_count_);
    cursor_ = std::min(cursor_, page_count_);
    return page_count_;
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
}

}  // namespace pinyon
