// Which pages are free, which are held and by whom, and when a page may be used again.
//
// A page lives [born, retired) in transaction ids. Kept roots K are the snapshots of readers, the
// roots of both metas and of a running checkpoint, the published state and every committed one that
// is not published yet. A page is reusable if and only if no s in K has born <= s < retired (which
// implies retired <= published). Pages born and retired inside the running transaction are reusable
// at once.
//
// Invariants
//  1. A page is in exactly one of: free, held, in use (a tree, an extent, the image, the metas).
//  2. A held page hangs on the largest kept root s with born <= s < retired; when s goes it moves
//     to the next smaller one that holds it, or becomes free.
//  3. Freeing a free page, or allocating one that is not free, is corrupt, never ignored.
//
// Threads: the writer alone.
// Failure: corrupt for contradictions in what a file says; no memory is taken that its size does
// not warrant. A call that throws has changed nothing that `abort` does not undo; after `load` only
// `reset` makes sense.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/format.hpp"
#include "pinyon/engine/page_set.hpp"
#include "pinyon/engine/recycled_memory.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon {

class free_space {
public:
    // A file of `page_count` pages, nothing free; pages below `first` are the metas'.
    void reset(std::uint64_t first, std::uint64_t page_count);

    // --- the image in the file -------------------------------------------------------------------
    // Reads an image that passed its checksum. Throws corrupt when it is not sorted, unique and in
    // range, or retired pages after `newest`, the transaction of the meta that names it.
    // Pending pages are held until `keep` tells whether K contains a root that reaches them.
    // REQUIRES: reset. O(image).
    void load(bytes image, std::uint64_t newest = std::numeric_limits<std::uint64_t>::max());
    // Bytes of the image that `save` would write now at most, with room for `spare` more runs, but
    // none for a file that grows. O(1).
    [[nodiscard]] std::uint64_t image_bytes(std::uint64_t spare = 0) const noexcept;
    // The image after the running transaction: what it retired is pending beside what is held; what
    // it took (the image's own run among it) is in use. O(pending runs log pending runs + the
    // smaller of free runs and pages / 64).
    [[nodiscard]] std::vector<std::byte> save() const;

    // --- a transaction ---------------------------------------------------------------------------
    // K is now `kept` (ascending); what no root in it holds any more becomes free. Called before
    // each transaction, so that memory which is short fails that one and not a commit. O(roots +
    // runs moved).
    void keep(std::span<const std::uint64_t> kept);
    // REQUIRES: no transaction is running, `keep` since the last one. The search for free pages
    // starts anew at the start of the file, so that busy trees work in a small set of recycled
    // pages and the end of the file drains.
    void begin(std::uint64_t transaction);
    // One free page: the next after the last one given in this transaction, so that its pages lie
    // together; from the start again behind the last. Nullopt: none. O(1).
    [[nodiscard]] std::optional<std::uint64_t> take();
    // `pages` consecutive free pages, first fit from the start of the file. O(pages of the file /
    // 4096 + runs of blocks that changed since).
    [[nodiscard]] std::optional<io::page_run> take_run(std::uint64_t pages);
    // Pages [page_count, new_count) are new and free.
    void extend(std::uint64_t new_count);
    // The free pages behind the last that is not free are pages of the file no more; returns how
    // many are left. O(pages cut).
    std::uint64_t cut_free_end();
    // A page of the running transaction goes back at once (`is_free` then); an older one when it is
    // no longer held. `born` 0: unknown, any of the two. O(1) for a page.
    void retire(io::page_run run, std::uint64_t born);
    // The transaction is committed; what it retired is judged by the next `keep`. O(1).
    void commit() noexcept;
    // Everything is as before `begin`, but for extensions: those pages stay, free. O(runs).
    void abort();

    // --- looking ---------------------------------------------------------------------------------
    [[nodiscard]] std::uint64_t page_count() const noexcept { return page_count_; }
    [[nodiscard]] std::uint64_t free_pages() const noexcept { return free_.size(); }
    // Pages that wait for a kept root to go, or for the end of the running transaction.
    [[nodiscard]] std::uint64_t held_pages() const noexcept { return limbo_.size(); }
    [[nodiscard]] bool is_free(std::uint64_t page) const noexcept { return free_.contains(page); }
    // Taken by the running transaction.
    [[nodiscard]] bool is_private(std::uint64_t page) const noexcept {
        return taken_.contains(page);
    }
    [[nodiscard]] const page_set& free_set() const noexcept { return free_; }
    [[nodiscard]] const page_set& held_set() const noexcept { return limbo_; }
    // The held pages, and those that the running transaction retired, by page, with their lives.
    // O(runs log runs).
    [[nodiscard]] std::vector<format::pending_run> pending_runs() const;

private:
    struct held_run {
        io::page_run run;
        std::uint64_t born;
        std::uint64_t retired;
    };
    // Groups come and go with the snapshots that they hang on.
    using run_list = std::vector<held_run, recycling_allocator<held_run>>;
    using run_groups = std::map<std::uint64_t, run_list, std::less<>,
                                recycling_allocator<std::pair<const std::uint64_t, run_list>>>;

    void load_free(bytes runs);
    void load_bitmap(bytes words);
    void load_pending(bytes runs, std::uint64_t newest);
    void check_range(io::page_run run) const;
    void retire_private(io::page_run run, std::uint64_t born);
    void retire_older(io::page_run run, std::uint64_t born);
    void hold(std::uint64_t root, const held_run& held);
    void release(io::page_run run);
    void insert_free(io::page_run run);
    void judge(run_list& runs, std::span<const std::uint64_t> kept, bool counted);

    page_set free_;
    page_set limbo_;   // held, or retired by the running transaction
    page_set taken_;   // by the running transaction, still in use
    run_groups held_;  // by the kept root they hang on
    std::uint64_t held_runs_ = 0;
    run_list retired_;   // by the running transaction
    run_list unjudged_;  // by the one before, until `keep`
    std::uint64_t first_ = 0;
    std::uint64_t page_count_ = 0;
    std::uint64_t transaction_ = 0;
    bool running_ = false;
    std::uint64_t cursor_ = 0;
};

}  // namespace pinyon
