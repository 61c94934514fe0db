// Pages of one open file: page number -> bytes, allocate, free, seal. Every page that the engine reads or
// writes comes through here, verified.
//
// Invariants
//  1. Every visit compares the page's identity word with what its parent implies, so a cycle or a page of
//     another tree is corrupt, never followed.
//  2. A page is stored to only between `create` (or `copy`) and the commit of the same transaction; its
//     number came from the free set, so no meta and no snapshot reaches it.
//  3. The checksum word of an inner entry is 0 exactly while its child is private and unsealed.
//
// Threads: `read` from any thread; everything else by the one writer.
// Failure: corrupt with the page number; io; no_space from `create`, `copy` and `allocate_run`.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "pinyon/engine/free_space.hpp"
#include "pinyon/engine/node.hpp"
#include "pinyon/mmap/page_source.hpp"

namespace pinyon {

// How pages are verified: needs nothing but the file's identity.
struct page_seal {
    std::uint64_t seed = 0;  // from the file's uuid
    std::uint32_t page_bytes = format::page_bytes_default;

    // Of a page with a header: its bytes from 4 on, seeded by file and page number. Never 0.
    [[nodiscard]] std::uint32_t of(std::uint64_t page, const std::byte* data) const noexcept;
    // Of raw bytes (extents, images) that belong at `page`. Never 0.
    [[nodiscard]] std::uint32_t of_raw(std::uint64_t page, bytes data) const noexcept;
};

// A private page and its writable bytes; valid until the end of the operation.
struct private_page {
    std::uint64_t page = 0;
    std::byte* data = nullptr;
};

class page_store final : public io::page_warden {
public:
    // `file` and `source` outlive the store; the source is attached after construction because it needs
    // the store as its warden.
    page_store(io::file& file, std::uint64_t seed, std::uint32_t page_bytes);
    void attach(io::page_source& source, std::uint64_t page_count);

    [[nodiscard]] std::uint32_t page_bytes() const noexcept { return seal_.page_bytes; }
    [[nodiscard]] io::page_source& source() const noexcept { return *source_; }
    [[nodiscard]] const page_seal& seal() const noexcept { return seal_; }
    [[nodiscard]] io::file& file() const noexcept { return file_; }

    // The node at `page`, a child at `level` of a tree with this schema. Identity checked.
    [[nodiscard]] io::page_view read(const node_schema& schema, std::uint64_t page, unsigned level,
                                     std::uint32_t checksum) const {
        const io::page_view view =
            source_->fetch({page, checksum, schema.tree, static_cast<std::uint8_t>(level),
                            level == 0 ? io::residency::leaf : io::residency::inner});
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

    // --- the writer ------------------------------------------------------------------------------

    // Starts transaction `id`; pages not reachable from `kept` (ascending ids) become free.
    void begin(std::uint64_t id, std::span<const std::uint64_t> kept);
    [[nodiscard]] std::uint64_t transaction() const noexcept { return transaction_; }

    // A new private page, not yet formatted (its header's page number and born are set).
    [[nodiscard]] private_page create(unsigned level);
    // Makes the node at `view` writable: itself when it is private already, else a private copy of it,
    // and the old page is retired.
    [[nodiscard]] private_page writable(const node_schema& schema, const io::page_view& view, unsigned level,
                                        std::uint32_t checksum);
    // Takes a page out of the tree: reusable at once when private, else once nothing can reach it.
    void retire(std::uint64_t page, std::uint64_t born);
    // Consecutive pages for raw bytes; written with file().write and reported by wrote().
    [[nodiscard]] io::page_run allocate_run(std::uint64_t pages);
    void wrote(io::page_run run);
    void retire_run(io::page_run run, std::uint64_t born);
    // Between two operations of a transaction: lets the pool evict private pages.
    void relieve() { source_->relieve(); }

    // Seals every unsealed page below and including the root; returns the root's checksum.
    // O(entries of the inner pages that changed).
    [[nodiscard]] std::uint32_t seal_tree(const node_schema& schema, const format::root_reference& root);

    [[nodiscard]] free_space& space() noexcept { return space_; }
    [[nodiscard]] const free_space& space() const noexcept { return space_; }

    // The transaction's pages become committed (after its meta is durable), or are given back.
    void commit();
    void abort();

    // --- io::page_warden -------------------------------------------------------------------------
    void admit(const io::page_reference& reference, std::span<const std::byte> page) override;
    [[nodiscard]] std::uint32_t seal(std::uint64_t page, std::span<std::byte> bytes) override;

private:
    [[noreturn]] void raise_wrong_identity(const node_schema& schema, const io::page_view& view,
                                           unsigned level) const;
    [[nodiscard]] std::uint64_t allocate();
    void ensure_file(std::uint64_t pages);

    io::file& file_;
    io::page_source* source_ = nullptr;
    page_seal seal_;
    free_space space_;
    std::uint64_t transaction_ = 0;
};

}  // namespace pinyon
