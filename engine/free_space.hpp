// Which pages are free, which are held and by whom, and when a page may be used again.
//
// A page lives [born, retired) in transaction ids. Kept roots K are the snapshots of readers and the roots
// of both metas. A page is reusable if and only if retired <= published and no s in K has
// born <= s < retired. Pages born and retired inside the running transaction are reusable at once.
//
// Invariants
//  1. A page is in exactly one of: free, held, in use (a tree, an extent, the image, the metas).
//  2. A held page hangs on the largest kept root s with born <= s < retired; when s goes it moves to the
//     next smaller one that holds it, or becomes free.
//  3. Freeing a free page, or allocating one that is not free, is corrupt, never ignored.
//
// Threads: the writer alone.
// Failure: corrupt for contradictions in what a file says; no memory is taken that its size does not warrant.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/page_set.hpp"
#include "pinyon/mmap/file.hpp"

namespace pinyon {

class free_space {
public:
    // A file of `page_count` pages, nothing free; pages below `first` are the metas'.
    void reset(std::uint64_t first, std::uint64_t page_count);

    // --- the image in the file -------------------------------------------------------------------
    // Reads an image that passed its checksum. Throws corrupt when it is not sorted, unique and in range.
    // Pending pages are held for as long as K contains a root that reaches them.
    void load(bytes image);
    // Bytes of the image that `save` would write now, with room for `spare` more runs.
    [[nodiscard]] std::uint64_t image_bytes(std::uint64_t spare = 0) const noexcept;
    // The image after the running transaction (its retired pages are pending, its image run in use).
    [[nodiscard]] std::vector<std::byte> save() const;

    // --- a transaction ---------------------------------------------------------------------------
    // K is now `kept` (ascending); what no root in it holds any more becomes free. O(pages moved).
    void keep(std::span<const std::uint64_t> kept);
    void begin(std::uint64_t transaction);
    // One free page: near the last one given, so that a transaction's pages lie together. Nullopt: none.
    [[nodiscard]] std::optional<std::uint64_t> take();
    // `pages` consecutive free pages, first fit from the start of the file.
    [[nodiscard]] std::optional<io::page_run> take_run(std::uint64_t pages);
    // Pages [page_count, new_count) are new and free.
    void extend(std::uint64_t new_count);
    // A page of the running transaction goes back at once; an older one when it is no longer held.
    void retire(io::page_run run, std::uint64_t born);
    // The transaction is published: its retired pages are judged against `kept`.
    void commit(std::span<const std::uint64_t> kept);
    // Everything is as before `begin`, but for extensions: those pages stay, free.
    void abort();

    // --- looking ---------------------------------------------------------------------------------
    [[nodiscard]] std::uint64_t page_count() const noexcept { return page_count_; }
    [[nodiscard]] std::uint64_t free_pages() const noexcept;
    [[nodiscard]] std::uint64_t held_pages() const noexcept;
    [[nodiscard]] bool is_free(std::uint64_t page) const noexcept;
    [[nodiscard]] const page_set& free_set() const noexcept { return free_; }

private:
    struct held_run {
        io::page_run run;
        std::uint64_t born;
        std::uint64_t retired;
    };

    page_set free_;
    std::map<std::uint64_t, std::vector<held_run>> held_;  // by the kept root they hang on
    std::vector<held_run> retired_;                        // by the running transaction
    std::vector<io::page_run> taken_;                      // by the running transaction
    std::uint64_t page_count_ = 0;
    std::uint64_t transaction_ = 0;
    std::uint64_t cursor_ = 0;
};

}  // namespace pinyon
