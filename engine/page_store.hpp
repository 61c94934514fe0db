// Pages of one open file: page number -> bytes, allocate, free, seal. Every page that the engine
// reads or writes comes through here, verified.
//
// Invariants
//  1. Every visit compares the page's identity word with what its parent implies, so a cycle or a
//     page of another tree is corrupt, never followed.
//  2. A page is stored to only between `create` (or `writable`) and the commit of the same
//     transaction; its number came from the free set, so no meta and no snapshot reaches it.
//  3. The checksum word of an inner entry is 0 exactly while its child is private and unsealed.
//  4. A committed page was born in a committed transaction: a page from the future is corrupt.
//
// Threads: `read` and `admit` from any thread; everything else by the one writer.
// Failure: corrupt with the page number; io; no_space from `create`, `writable` and `allocate_run`.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "pinyon/engine/checksum.hpp"
#include "pinyon/engine/free_space.hpp"
#include "pinyon/engine/node.hpp"
#include "pinyon/engine/page_set.hpp"
#include "pinyon/mmap/page_source.hpp"

namespace pinyon {

// A private page and its writable bytes; valid until the end of the operation.
struct private_page {
    std::uint64_t page = 0;
    std::byte* data = nullptr;
};

class page_store final : public io::page_warden {
public:
    // `file` outlives the store. The source is attached after construction because it needs the
    // store as its warden.
    page_store(io::file& file, std::uint64_t seed, std::uint32_t page_bytes);
    // `committed`: the transaction that the file shows now, of `page_count` pages.
    void attach(io::page_source& source, std::uint64_t page_count, std::uint64_t committed);

    [[nodiscard]] std::uint32_t page_bytes() const noexcept { return seal_.page_bytes; }
    [[nodiscard]] io::page_source& source() const noexcept { return *source_; }
    [[nodiscard]] const page_seal& seal() const noexcept { return seal_; }
    [[nodiscard]] io::file& file() const noexcept { return file_; }

    // The node at `page`, a child at `level` of a tree with this schema. Identity checked.
    [[nodiscard]] io::page_view read(const node_schema& schema, std::uint64_t page, unsigned level,
                                     std::uint32_t checksum) const {
        const io::page_view view =
            source_->fetch({page, checksum, schema.tree, static_cast<std::uint8_t>(level),
                            level == 0 ? io::residency::leaf : io::residency::inner, &schema});
        if (load<std::uint64_t>(view.data + offsetof(format::page_header, identity)) !=
            schema.identity(level)) [[unlikely]] {
            raise_wrong_identity(schema, view, level);
        }
        return view;
    }
    // True when what was read from the view was read while it was verified.
    [[nodiscard]] bool unchanged(const io::page_view& view) const noexcept {
        return source_->unchanged(view);
    }
    // Of this state of the file and what follows it; no other in this process has it.
    [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
    // Number of pages that a snapshot may reference.
    [[nodiscard]] std::uint64_t page_limit() const noexcept { return source_->limit(); }

    // --- the writer ------------------------------------------------------------------------------

    // Starts transaction `id`; what no root in `kept` (ascending ids) holds becomes free. The id of
    // the last one again: for what belongs to its state but to none of its trees (the free-space
    // image).
    void begin(std::uint64_t id, std::span<const std::uint64_t> kept);
    [[nodiscard]] std::uint64_t transaction() const noexcept {
        return running_.load(std::memory_order_relaxed);
    }
    // True for pages that the running transaction made.
    [[nodiscard]] bool is_private(std::uint64_t page) const noexcept {
        return private_.contains(page);
    }

    // A new private page for a node at `level`; number and born stand in its header, the rest is
    // zero.
    [[nodiscard]] private_page create(unsigned level);
    // A new private page whose node the caller builds in its own memory, whole, for `write_built`.
    [[nodiscard]] std::uint64_t allocate();
    // Seals the node and writes it; returns its checksum. It is in memory when it is next read.
    [[nodiscard]] std::uint32_t write_built(std::uint64_t page, unsigned level,
                                            std::span<std::byte> content);
    // The node at `view` for changing: itself when it is private already, else a private copy whose
    // original is retired. The caller puts the page number, with checksum 0, into the parent.
    [[nodiscard]] private_page writable(const node_schema& schema, const io::page_view& view,
                                        unsigned level, std::uint32_t checksum);
    // Takes a page out of the tree: reusable at once when private, else once nothing can reach it.
    void retire(std::uint64_t page, std::uint64_t born) { retire_run({page, 1}, born); }
    // Consecutive pages for raw bytes, to be written with file().write and reported by `wrote`,
    // which hands much of them to the medium from time to time.
    [[nodiscard]] io::page_run allocate_run(std::uint64_t pages);
    void wrote(io::page_run run) {
        source_->mark_dirty(run);
        write_behind(run);
    }
    // `born` 0: a subtree dropped without being read; any snapshot may hold it.
    void retire_run(io::page_run run, std::uint64_t born);
    // While one lives, the last free pages may be used as well: what gives space back (erases,
    // drops, checkpoints) and the end of a commit goes on where the disk is full.
    class reserve_use {
    public:
        explicit reserve_use(page_store& store) noexcept : store_(store) { ++store_.reserve_uses_; }
        ~reserve_use() { --store_.reserve_uses_; }
        reserve_use(const reserve_use&) = delete;
        reserve_use& operator=(const reserve_use&) = delete;

    private:
        page_store& store_;
    };
    // True from the moment at which the file could not grow until `forget_shortage`.
    [[nodiscard]] bool is_short_of_space() const noexcept { return short_of_space_; }
    void forget_shortage() noexcept { short_of_space_ = false; }
    // Between two operations of a transaction: lets the pool evict private pages. Throws io when a
    // store of the operation may have been lost.
    void relieve() {
        source_->require_sound();
        source_->relieve();
    }

    // Seals every unsealed page below and including the root; returns the root's checksum.
    // O(entries of the inner pages that changed).
    [[nodiscard]] std::uint32_t seal_tree(const node_schema& schema,
                                          const format::root_reference& root);

    [[nodiscard]] free_space& space() noexcept { return space_; }
    [[nodiscard]] const free_space& space() const noexcept { return space_; }

    // No page of the transaction will be stored to any more: the last step of a commit that may
    // fail. `abort` undoes it.
    void freeze() { source_->publish(); }
    // The transaction is committed.
    void commit() noexcept;
    // The transaction's pages are given back.
    void abort();

    // --- io::page_warden -------------------------------------------------------------------------
    void admit(const io::page_reference& reference, std::span<const std::byte> page) override;
    [[nodiscard]] std::uint32_t seal(std::uint64_t page, std::span<std::byte> content) override;

private:
    struct unsealed_child {
        unsigned index = 0;
        child_entry child;
    };

    [[noreturn]] void raise_wrong_identity(const node_schema& schema, const io::page_view& view,
                                           unsigned level) const;
    void admit_node(const io::page_reference& reference, const std::byte* page) const;
    void make_room(std::uint64_t pages);
    void extend(std::uint64_t pages);
    std::uint64_t grow_file(std::uint64_t count, std::uint64_t pages, std::uint64_t wanted);
    void adopt(io::page_run run);
    void forget_private() noexcept;
    void write_behind(io::page_run run);
    [[nodiscard]] std::uint32_t seal_subtree(const node_schema& schema, std::uint64_t page,
                                             unsigned level);
    template <class Node>
    void seal_children(const node_schema& schema, std::uint64_t page, unsigned level);

    io::file& file_;
    io::page_source* source_ = nullptr;
    page_seal seal_;
    std::uint64_t number_ = 0;
    free_space space_;
    page_set private_;                   // made by the running transaction
    std::vector<io::page_run> created_;  // the same, in order
    std::vector<std::byte> scratch_;     // one page
    // Of the nodes that are being sealed, from the root down.
    std::vector<unsealed_child> unsealed_;
    // Written past the views since writing them back was last started; the span of those pages.
    std::uint64_t behind_pages_ = 0;
    io::page_run behind_;
    unsigned reserve_uses_ = 0;
    bool short_of_space_ = false;
    std::atomic<std::uint64_t> running_{0};
    std::atomic<std::uint64_t> committed_{0};
};

}  // namespace pinyon
