// The bytes of the file, as structs: the layout that FORMAT.md describes, guarded by static_assert,
// with no behaviour. All numbers are little-endian; all structs are trivially copyable and free of
// padding.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#if !defined(__linux__)
#error \
    "Pinyon runs on Linux: it depends on its page cache, madvise and open-file-description locks."
#endif
static_assert(sizeof(void*) == 8, "Pinyon needs a 64-bit address space to map files as a whole.");
static_assert(std::endian::native == std::endian::little,
              "Pinyon files are used in place, little-endian.");

namespace pinyon::format {

inline constexpr std::array<char, 8> magic{'P', 'I', 'N', 'Y', 'O', 'N', '\r', '\n'};
inline constexpr std::uint32_t version = 2;

inline constexpr std::uint32_t page_bytes_min = 4096;
inline constexpr std::uint32_t page_bytes_max = 32768;
inline constexpr std::uint32_t page_bytes_default = 4096;

// The metas stand at these file offsets whatever the page size, each alone in its 4 KiB block.
inline constexpr std::array<std::uint64_t, 2> meta_offset{0, 4096};
inline constexpr std::uint32_t meta_block_bytes = 4096;
// Pages that the metas occupy; the first page that a tree may use follows them.
[[nodiscard]] constexpr std::uint64_t first_page(std::uint32_t page_bytes) noexcept {
    return page_bytes == 4096 ? 2 : 1;
}

inline constexpr std::uint64_t page_number_max = (std::uint64_t{1} << 48) - 1;
inline constexpr std::uint64_t entry_count_max = (std::uint64_t{1} << 48) - 1;
inline constexpr std::uint64_t value_bytes_max = std::uint64_t{1} << 40;
[[nodiscard]] constexpr std::uint32_t key_bytes_max(std::uint32_t page_bytes) noexcept {
    return page_bytes / 8;
}
// Key and value together, as they stand in a leaf.
[[nodiscard]] constexpr std::uint32_t entry_bytes_max(std::uint32_t page_bytes) noexcept {
    return page_bytes / 4;
}
// A tree of 256 levels cannot be filled; deeper files are crafted.
inline constexpr unsigned height_max = 40;

// Feature bits that this version understands; an unknown incompatible bit is errc::version.
inline constexpr std::uint64_t incompatible_features_known = 0;

enum class page_kind : std::uint8_t {
    none = 0,
    fixed_leaf = 1,
    fixed_inner = 2,
    slotted_leaf = 3,
    slotted_inner = 4,
};

enum class node_layout : std::uint8_t { fixed = 1, slotted = 2 };

// Trees are numbered from 1; 0 is the catalog, which names the others.
inline constexpr std::uint32_t catalog_tree = 0;

// One aligned word that every visit compares with what the parent implies:
// kind in bits 0-7, level in bits 8-15, flags (all zero in this version) in 16-31, tree in 32-63.
[[nodiscard]] constexpr std::uint64_t identity(page_kind kind, unsigned level,
                                               std::uint32_t tree) noexcept {
    return std::uint64_t{static_cast<std::uint8_t>(kind)} | std::uint64_t{level & 0xffu} << 8 |
           std::uint64_t{tree} << 32;
}
[[nodiscard]] constexpr page_kind kind_of(std::uint64_t identity) noexcept {
    return static_cast<page_kind>(identity & 0xff);
}
[[nodiscard]] constexpr unsigned level_of(std::uint64_t identity) noexcept {
    return identity >> 8 & 0xff;
}
[[nodiscard]] constexpr std::uint32_t tree_of(std::uint64_t identity) noexcept {
    return static_cast<std::uint32_t>(identity >> 32);
}

inline constexpr std::uint16_t no_upper_fence = 1;  // page_header::fences: the range is open above
inline constexpr std::uint16_t no_lower_fence = 2;  // ... and below

struct page_header {
    std::uint32_t checksum;  // of the bytes from offset 4 to the end of the page
    std::uint32_t count;     // entries (leaf) or children (inner)
    std::uint64_t page;      // its own number
    std::uint64_t identity;
    std::uint64_t born;     // transaction that wrote it first
    std::uint16_t lower;    // end of what grows upwards from the header (slots)
    std::uint16_t upper;    // start of the heap that grows down from the page's end
    std::uint16_t garbage;  // unused bytes inside the heap
    std::uint16_t fences;   // no_lower_fence, no_upper_fence
    std::uint16_t lower_fence_bytes;
    std::uint16_t upper_fence_bytes;
    std::uint16_t prefix_bytes;  // slotted: bytes that all keys share and no slot stores
    std::uint16_t reserved;      // zero
};
static_assert(sizeof(page_header) == 48 && std::is_trivially_copyable_v<page_header>);
static_assert(offsetof(page_header, count) == 4 && offsetof(page_header, page) == 8);
static_assert(offsetof(page_header, identity) == 16 && offsetof(page_header, born) == 24);
static_assert(offsetof(page_header, lower) == 32 && offsetof(page_header, upper) == 34);
static_assert(offsetof(page_header, garbage) == 36 && offsetof(page_header, fences) == 38);
static_assert(offsetof(page_header, lower_fence_bytes) == 40);
static_assert(offsetof(page_header, upper_fence_bytes) == 42);
static_assert(offsetof(page_header, prefix_bytes) == 44 && offsetof(page_header, reserved) == 46);

// An inner entry without its checksum, which stands 4-byte aligned elsewhere (see the node
// layouts).
struct packed_child {
    std::array<std::uint8_t, 6> page;
    std::array<std::uint8_t, 6> count;  // entries in the subtree
};
static_assert(sizeof(packed_child) == 12 && alignof(packed_child) == 1);

// What a leaf holds in place of a large value.
struct extent_reference {
    std::uint64_t length;  // bytes of the value
    std::uint64_t first;   // its first page
    std::uint64_t born;
    std::uint32_t sums_checksum;  // of the run's sum pages, which follow its data pages
    std::uint32_t pieces;  // 1: the run holds the value; more: it holds that many extent_references
};
static_assert(sizeof(extent_reference) == 32 && std::is_trivially_copyable_v<extent_reference>);
static_assert(offsetof(extent_reference, sums_checksum) == 24 &&
              offsetof(extent_reference, pieces) == 28);

// The root of a tree, as its catalog record and the metas hold it.
struct root_reference {
    std::uint64_t page;
    std::uint64_t count;     // entries in the tree
    std::uint32_t checksum;  // 0 only in memory, until the root is sealed
    std::uint32_t level;
};
static_assert(sizeof(root_reference) == 24);
static_assert(offsetof(root_reference, checksum) == 16 && offsetof(root_reference, level) == 20);

// The value of a catalog entry; its key is the tree's name.
struct catalog_record {
    root_reference root;
    std::uint32_t tree;
    std::uint32_t minimum_degree;  // 0: as many entries as fit
    std::uint32_t key_bytes;       // encoded width; 0: variable
    std::uint32_t value_bytes;     // 0: variable
    std::uint16_t value_alignment;
    std::uint8_t layout;  // node_layout
    std::uint8_t reserved0;
    std::uint32_t flags;            // catalog_flag_*
    std::uint64_t created;          // transaction
    std::array<char, 32> key_type;  // as key_codec.hpp writes it, zero-padded
    std::array<char, 32> value_type;
    std::uint64_t reserved1;
};
static_assert(sizeof(catalog_record) == 128 && std::is_trivially_copyable_v<catalog_record>);
static_assert(offsetof(catalog_record, tree) == 24 &&
              offsetof(catalog_record, value_alignment) == 40);
static_assert(offsetof(catalog_record, layout) == 42 && offsetof(catalog_record, flags) == 44);
static_assert(offsetof(catalog_record, created) == 48 && offsetof(catalog_record, key_type) == 56);
static_assert(offsetof(catalog_record, value_type) == 88 &&
              offsetof(catalog_record, reserved1) == 120);

inline constexpr std::uint32_t catalog_flag_extents = 1;  // the tree has held a large value

// The free-space image is a run of raw pages: a free_image_header, the free pages as runs or as a
// bitmap, whichever is smaller, then the pending runs, each part sorted by page. Hence it is never
// larger than 1/32768 of a file of 4 KiB pages, plus what is pending.
struct free_image_header {
    std::uint64_t free_runs;
    std::uint64_t pending_runs;
    std::uint64_t free_pages;
    std::uint64_t pending_pages;
    std::uint64_t bitmap_words;  // of 64 bits, from page 0 on, the last not 0; 0: there are runs
};
static_assert(sizeof(free_image_header) == 40);
struct free_run {
    std::uint64_t first;
    std::uint64_t count;
};
static_assert(sizeof(free_run) == 16);
// Pages of an older snapshot: in use by transactions born <= s < retired.
struct pending_run {
    std::uint64_t first;
    std::uint64_t count;
    std::uint64_t born;
    std::uint64_t retired;
};
static_assert(sizeof(pending_run) == 32);

// Log positions, transactions and sequences: more cannot come about (a million transactions a
// second take 70,000 years, a gigabyte of log a second 70), and sums of them do not wrap. A writer
// begins below half of it, so that a reader accepts what it leaves.
inline constexpr std::uint64_t count_max = ~std::uint64_t{0} / 8;

inline constexpr std::uint32_t meta_flag_clean = 1;  // closed; the file is complete without a log

struct meta {
    std::array<char, 8> magic;
    std::uint32_t version;
    std::uint32_t page_bytes;
    std::uint64_t incompatible_features;
    std::uint64_t compatible_features;
    std::array<std::uint8_t, 16> uuid;
    std::uint64_t sequence;     // of this meta; it stands in slot sequence & 1
    std::uint64_t transaction;  // whose state this is
    root_reference catalog;
    std::uint64_t page_count;  // pages that the file holds as far as this state goes
    std::uint64_t free_first;  // the free-space image's run; 0 pages: nothing is free
    std::uint64_t free_pages;
    std::uint64_t free_bytes;  // of the image in it
    std::uint64_t free_checksum;
    std::uint64_t log_id;  // the log that goes on from this state; 0: none
    std::uint64_t log_position;
    std::uint64_t log_chain;  // checksum of the last batch before the position
    std::uint64_t log_first_segment;
    std::uint32_t flags;                     // meta_flag_*
    std::uint32_t next_tree;                 // number of the next tree to be created
    std::array<std::uint64_t, 10> reserved;  // zero; room for encryption and compression parameters
    std::uint64_t checksum;                  // of the bytes before it
};
static_assert(sizeof(meta) == 256 && sizeof(meta) <= 512 && std::is_trivially_copyable_v<meta>);
static_assert(offsetof(meta, version) == 8 && offsetof(meta, page_bytes) == 12);
static_assert(offsetof(meta, incompatible_features) == 16 &&
              offsetof(meta, compatible_features) == 24);
static_assert(offsetof(meta, uuid) == 32 && offsetof(meta, sequence) == 48);
static_assert(offsetof(meta, transaction) == 56 && offsetof(meta, catalog) == 64);
static_assert(offsetof(meta, page_count) == 88 && offsetof(meta, free_first) == 96);
static_assert(offsetof(meta, free_pages) == 104 && offsetof(meta, free_bytes) == 112);
static_assert(offsetof(meta, free_checksum) == 120 && offsetof(meta, log_id) == 128);
static_assert(offsetof(meta, log_position) == 136 && offsetof(meta, log_chain) == 144);
static_assert(offsetof(meta, log_first_segment) == 152 && offsetof(meta, flags) == 160);
static_assert(offsetof(meta, next_tree) == 164 && offsetof(meta, reserved) == 168);
static_assert(offsetof(meta, checksum) == 248);

}  // namespace pinyon::format
