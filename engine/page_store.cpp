#include "pinyon/engine/page_store.hpp"

#include <algorithm>
#include <string>

#include "pinyon/engine/fixed_node.hpp"
#include "pinyon/engine/slotted_node.hpp"
#include "pinyon/mmap/assert.hpp"
#include "pinyon/mmap/mutant.hpp"

namespace pinyon {

namespace {

// A copy taken while the page was being evicted is taken again; more often than this means that the
// pool is too small to hold one page still.
constexpr unsigned copy_attempts_max = 1000;

// Free pages kept back where the file cannot grow: a part of it, within these bounds. An erase in a
// tree of five levels and a checkpoint take fewer than the least of them.
constexpr std::uint64_t reserve_part = 16;
constexpr std::uint64_t reserve_pages_min = 12;
constexpr std::uint64_t reserve_pages_max = 256;

// What is written past the views between two starts of writing it back: few calls, each of them
// some milliseconds of a device's time.
constexpr std::uint64_t write_behind_bytes = std::uint64_t{8} << 20;

[[nodiscard]] io::residency residency_of(unsigned level) noexcept {
    return level == 0 ? io::residency::leaf : io::residency::inner;
}

[[nodiscard]] io::page_reference reference_to(const node_schema& schema, std::uint64_t page,
                                              unsigned level, std::uint32_t checksum) noexcept {
    return {page,   checksum, schema.tree, static_cast<std::uint8_t>(level), residency_of(level),
            &schema};
}

[[nodiscard]] std::string hexadecimal(std::uint64_t value) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    do { text.insert(text.begin(), digits[value & 15]); } while ((value >>= 4) != 0);
    return "0x" + text;
}

[[noreturn]] void raise_corrupt(std::uint64_t page, const std::string& what) {
    raise(errc::corrupt,
          "page " + std::to_string(page) + ": " + what + "; run `pinyon check` on the file", page);
}

// A file grows by a part of itself: rarely, and without much that nobody uses.
[[nodiscard]] std::uint64_t growth_bytes(std::uint64_t file_bytes) noexcept {
    constexpr std::uint64_t mib = std::uint64_t{1} << 20;
    return std::clamp(file_bytes / 32, mib, 1024 * mib);
}

}  // namespace

page_store::page_store(io::file& file, std::uint64_t seed, std::uint32_t page_bytes)
    : file_(file), seal_{seed, page_bytes}, scratch_(page_bytes) {}

void page_store::attach(io::page_source& source, std::uint64_t page_count,
                        std::uint64_t committed) {
    static std::atomic<std::uint64_t> numbers{0};
    number_ = ++numbers;
    source_ = &source;
    source.set_limit(page_count);
    space_.reset(format::first_page(page_bytes()), page_count);
    private_.resize(page_count);
    committed_.store(committed, std::memory_order_relaxed);
    running_.store(committed, std::memory_order_relaxed);
}

void page_store::begin(std::uint64_t id, std::span<const std::uint64_t> kept) {
    PINYON_ASSERT(id >= committed_.load(std::memory_order_relaxed) && created_.empty());
    space_.keep(kept);
    space_.begin(id);
    behind_pages_ = 0;
    running_.store(id, std::memory_order_relaxed);
}

void page_store::extend(std::uint64_t pages) {
    const std::uint64_t count = space_.page_count();
    if (pages > source_->limit_max() - count) {
        raise(errc::no_space,
              "the file has outgrown the addresses reserved for it at open: reopen the database");
    }
    const std::uint64_t wanted = std::max(pages, growth_bytes(count * page_bytes()) / page_bytes());
    const std::uint64_t new_count =
        count + grow_file(count, pages, std::min(wanted, source_->limit_max() - count));
    source_->set_limit(new_count);
    private_.resize(new_count);
    space_.extend(new_count);
}

// Grows the file by `wanted` pages or, where the disk has not so much, by less, but by `pages` at
// least; returns by how many.
std::uint64_t page_store::grow_file(std::uint64_t count, std::uint64_t pages,
                                    std::uint64_t wanted) {
    for (;; wanted = std::max(pages, wanted / 2)) {
        try {
            file_.grow((count + wanted) * page_bytes());
            return wanted;
        } catch (const error& failure) {
            if (failure.kind() != errc::no_space || wanted == pages) {
                short_of_space_ = short_of_space_ || failure.kind() == errc::no_space;
                throw;
            }
        }
    }
}

void page_store::adopt(io::page_run run) {
    created_.push_back(run);  // first: it may fail, and what stays private here must be in there
    if (!private_.insert(run)) { raise_corrupt(run.first, "given out twice"); }
}

// So that the last pages are there for what gives others back.
void page_store::make_room(std::uint64_t pages) {
    const std::uint64_t reserve =
        std::clamp(space_.page_count() / reserve_part, reserve_pages_min, reserve_pages_max);
    if (reserve_uses_ == 0 && space_.free_pages() < pages + reserve) { extend(pages); }
}

std::uint64_t page_store::allocate() {
    make_room(1);
    std::optional<std::uint64_t> page = space_.take();
    if (!page) {
        extend(1);
        page = space_.take();
    }
    adopt({*page, 1});
    return *page;
}

io::page_run page_store::allocate_run(std::uint64_t pages) {
    make_room(pages);
    std::optional<io::page_run> run = space_.take_run(pages);
    if (!run) {
        extend(pages);
        run = space_.take_run(pages);
    }
    adopt(*run);
    // What was known of these pages in their last life must not vouch for what is written now.
    source_->forget(*run);
    return *run;
}

private_page page_store::create(unsigned level) {
    const std::uint64_t page = allocate();
    std::fill(scratch_.begin(), scratch_.end(), std::byte{0});
    format::page_header header{};
    header.page = page;
    header.born = transaction();
    store(scratch_.data(), header);
    return {page, source_->create(page, residency_of(level), scratch_)};
}

std::uint32_t page_store::write_built(std::uint64_t page, unsigned level,
                                      std::span<std::byte> content) {
    const std::uint32_t checksum = seal(page, content);
    source_->create_cold(page, residency_of(level), content, checksum);
    write_behind({page, 1});
    return checksum;
}

// Large loads meet the medium while they go on, not all at once in the sync at their end.
void page_store::write_behind(io::page_run run) {
    const std::uint64_t end = run.first + run.count;
    if (behind_pages_ == 0) { behind_ = run; }
    const std::uint64_t behind_end = std::max(behind_.first + behind_.count, end);
    behind_.first = std::min(behind_.first, run.first);
    behind_.count = behind_end - behind_.first;
    behind_pages_ += run.count;
    if (behind_pages_ * page_bytes() < write_behind_bytes) { return; }
    behind_pages_ = 0;
    file_.start_write_back({behind_.first * page_bytes(), behind_.count * page_bytes()});
}

private_page page_store::writable(const node_schema& schema, const io::page_view& view,
                                  unsigned level, std::uint32_t checksum) {
    if (is_private(view.page)) {
        return {view.page, source_->writable(reference_to(schema, view.page, level, checksum))};
    }
    io::page_view original = view;
    for (unsigned attempt = 0;; ++attempt) {
        std::memcpy(scratch_.data(), original.data, scratch_.size());
        if (unchanged(original)) { break; }
        if (attempt == copy_attempts_max) {
            raise_corrupt(view.page, "cannot be held in memory to be copied");
        }
        original = read(schema, view.page, level, checksum);
    }
    auto header = load<format::page_header>(scratch_.data());
    const std::uint64_t born = header.born;
    header.page = allocate();
    header.born = transaction();
    store(scratch_.data(), header);
    std::byte* data = source_->create(header.page, residency_of(level), scratch_);
    retire(view.page, born);
    return {header.page, data};
}

void page_store::retire_run(io::page_run run, std::uint64_t born) {
    if (run.first < format::first_page(page_bytes()) || run.count == 0 ||
        run.count > space_.page_count() || run.first > space_.page_count() - run.count) {
        raise_corrupt(run.first, "freed, but not a page of a tree");
    }
    if (is_private(run.first)) {
        if (!private_.erase(run)) {
            raise_corrupt(run.first, "freed with pages of older transactions");
        }
        source_->forget(run);
        space_.retire(run, transaction());
        return;
    }
    if (born >= transaction()) {
        raise_corrupt(run.first, "says it was written by a later transaction");
    }
    space_.retire(run, born);
}

std::uint32_t page_store::seal_tree(const node_schema& schema, const format::root_reference& root) {
    if (root.checksum != 0) { return root.checksum; }
    unsealed_.clear();  // what a tree left whose sealing failed
    return seal_subtree(schema, root.page, root.level);
}

std::uint32_t page_store::seal_subtree(const node_schema& schema, std::uint64_t page,
                                       unsigned level) {
    if (!is_private(page)) { raise_corrupt(page, "its parent has no checksum for it"); }
    if (level == 0) {
        // Evicted since its last change: its sum is its checksum.
        if (const std::uint32_t sum = source_->sum(page); sum != 0) { return sum; }
    } else if (schema.layout == format::node_layout::fixed) {
        seal_children<fixed_node>(schema, page, level);
    } else {
        seal_children<slotted_node>(schema, page, level);
    }
    PINYON_ASSERT(is_private(page));
    std::byte* data = source_->writable(reference_to(schema, page, level, 0));
    const std::uint32_t checksum = seal(page, {data, page_bytes()});
    if (mutant(23)) { data[page_bytes() - 1] ^= std::byte{1}; }
    source_->set_sum(page, checksum);
    source_->relieve();
    return checksum;
}

// No view is held while a child is sealed: the pool may evict private pages between two of them.
template <class Node>
void page_store::seal_children(const node_schema& schema, std::uint64_t page, unsigned level) {
    const std::size_t first = unsealed_.size();
    {
        const Node node(read(schema, page, level, 0).data, schema);
        const unsigned count = node.count();
        for (unsigned index = node.next_unsealed(0); index < count;
             index = node.next_unsealed(index + 1)) {
            unsealed_.push_back({index, node.child(index)});
        }
    }
    const std::size_t end = unsealed_.size();
    for (std::size_t i = first; i < end; ++i) {
        const std::uint32_t checksum = seal_subtree(schema, unsealed_[i].child.page, level - 1);
        unsealed_[i].child.checksum = checksum;  // only now: sealing moves the list when it grows
    }
    typename Node::editor node(source_->writable(reference_to(schema, page, level, 0)), schema);
    for (std::size_t i = first; i < end; ++i) {
        node.set_child(unsealed_[i].index, unsealed_[i].child);
    }
    unsealed_.resize(first);
}

void page_store::commit() noexcept {
    for (const io::page_run& run : created_) {
        for (std::uint64_t page = run.first; page < run.first + run.count; ++page) {
            private_.erase(page);
        }
    }
    created_.clear();
    committed_.store(transaction(), std::memory_order_relaxed);
    space_.commit();
}

void page_store::abort() {
    forget_private();
    space_.abort();
    running_.store(committed_.load(std::memory_order_relaxed), std::memory_order_relaxed);
}

void page_store::forget_private() noexcept {
    for (const io::page_run& run : created_) {
        for (std::uint64_t page = run.first; page < run.first + run.count; ++page) {
            private_.erase(page);
        }
        source_->forget(run);
    }
    created_.clear();
}

void page_store::admit(const io::page_reference& reference, std::span<const std::byte> page) {
    if (reference.kind == io::residency::extent) {
        if (seal_.of_raw(reference.page, page) != reference.checksum) {
            raise_corrupt(reference.page, "a page of a large value fails its checksum");
        }
        return;
    }
    const std::uint32_t found = seal_.of(reference.page, page.data());
    if (found != reference.checksum) {
        raise_corrupt(reference.page, "has checksum " + hexadecimal(found) +
                                          ", its parent expects " +
                                          hexadecimal(reference.checksum));
    }
    admit_node(reference, page.data());
}

void page_store::admit_node(const io::page_reference& reference, const std::byte* page) const {
    const auto& schema = *static_cast<const node_schema*>(reference.context);
    const format::page_header header = header_of(page);
    if (header.checksum != reference.checksum) {
        raise_corrupt(reference.page, "its header holds another checksum than its parent");
    }
    if (header.page != reference.page) {
        raise_corrupt(reference.page, "says it is page " + std::to_string(header.page));
    }
    if (header.identity != schema.identity(reference.level)) {
        raise_wrong_identity(schema, {page, reference.page, 0}, reference.level);
    }
    if (header.born > transaction()) {
        raise_corrupt(reference.page, "was written by a later transaction");
    }
    const char* defect = schema.layout == format::node_layout::fixed
                             ? fixed_node(page, schema).defect(false)
                             : slotted_node(page, schema).defect(false);
    if (defect != nullptr) { raise_corrupt(reference.page, defect); }
}

std::uint32_t page_store::seal(std::uint64_t page, std::span<std::byte> content) {
    const std::uint32_t checksum = seal_.of(page, content.data());
    store_checksum(content.data(), checksum);
    return checksum;
}

void page_store::raise_wrong_identity(const node_schema& schema, const io::page_view& view,
                                      unsigned level) const {
    const auto found = header_of(view.data).identity;
    source_->require_readable({view.data, 1});  // zeros in its place say nothing of the file
    raise_corrupt(view.page, "has identity " + hexadecimal(found) + ", its parent implies " +
                                 hexadecimal(schema.identity(level)));
}

}  // namespace pinyon
