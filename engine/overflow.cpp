#include "pinyon/engine/overflow.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "pinyon/mmap/mutant.hpp"

namespace pinyon {

namespace {

// Pages asked for ahead of a reader that goes through a value in order.
constexpr std::uint64_t read_ahead_pages = 64;
// As descent.hpp's visit_attempts_max: more evictions in a row mean a pool that holds nothing.
constexpr unsigned page_attempts_max = 100'000;

[[nodiscard]] constexpr std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) noexcept {
    return a / b + (a % b != 0 ? 1 : 0);
}

// The shape of one run: data pages, then sum pages.
struct run_shape {
    std::uint64_t data_pages;
    std::uint64_t sum_pages;

    [[nodiscard]] std::uint64_t pages() const noexcept { return data_pages + sum_pages; }
};

[[nodiscard]] run_shape shape_of(std::uint64_t length, std::uint32_t page_bytes) noexcept {
    const std::uint64_t data_pages = divide_up(length, page_bytes);
    return {data_pages, divide_up(data_pages * sizeof(std::uint32_t), page_bytes)};
}

[[noreturn]] void raise_damaged(std::uint64_t page, const std::string& what) {
    raise(errc::corrupt,
          "large value at page " + std::to_string(page) + ": " + what +
              "; run `pinyon check` on the file",
          page);
}

// Bytes of piece `index` of a value.
[[nodiscard]] std::uint64_t piece_bytes(std::uint64_t length, std::uint64_t index) noexcept {
    return std::min(run_bytes_max, length - index * run_bytes_max);
}

[[nodiscard]] format::extent_reference list_reference(
    const format::extent_reference& value) noexcept {
    format::extent_reference list = value;
    list.length = std::uint64_t{value.pieces} * sizeof(format::extent_reference);
    return list;
}

// Throws corrupt unless the run of `length` bytes lies inside the file.
void check_run(const page_store& store, const format::extent_reference& run) {
    const std::uint64_t pages = shape_of(run.length, store.page_bytes()).pages();
    if (run.first < format::first_page(store.page_bytes()) || run.first > store.page_limit() ||
        pages > store.page_limit() - run.first) {
        raise_damaged(run.first, "its pages are not in the file");
    }
}

void check_reference(const page_store& store, const format::extent_reference& reference) {
    if (mutant(33)) { return; }
    if (reference.length == 0 || reference.length > format::value_bytes_max ||
        reference.pieces != divide_up(reference.length, run_bytes_max)) {
        raise_damaged(reference.first, "its length is impossible");
    }
    if (reference.length / store.page_bytes() > store.page_limit()) {
        raise_damaged(reference.first, "it is longer than the file");
    }
    check_run(store, reference.pieces == 1 ? reference : list_reference(reference));
}

// The checksums of a run's data pages, verified. REQUIRES: check_run.
[[nodiscard]] std::vector<std::uint32_t> load_sums(const page_store& store,
                                                   const format::extent_reference& run) {
    const run_shape shape = shape_of(run.length, store.page_bytes());
    const std::uint64_t first = run.first + shape.data_pages;
    std::vector<std::uint32_t> sums(shape.sum_pages * store.page_bytes() / sizeof(std::uint32_t));
    const auto raw = std::as_writable_bytes(std::span(sums));
    if (store.file().read(first * store.page_bytes(), raw) != raw.size()) {
        raise_damaged(run.first, "its checksums lie behind the end of the file");
    }
    if (store.seal().of_raw(first, raw) != run.sums_checksum) {
        raise_damaged(run.first, "its checksums fail their own checksum");
    }
    sums.resize(shape.data_pages);
    return sums;
}

[[nodiscard]] io::page_reference page_of(const format::extent_reference& run, std::uint64_t index,
                                         std::uint32_t sum) noexcept {
    io::page_reference reference;
    reference.page = run.first + index;
    reference.checksum = sum;
    reference.kind = io::residency::extent;
    return reference;
}

// Copies `out.size()` bytes at `offset` of a page's data.
void read_page(const page_store& store, const io::page_reference& reference, std::size_t offset,
               std::span<std::byte> out) {
    // A word of 0 would let a page pass unverified, and no page has it.
    if (reference.checksum == 0) { raise_damaged(reference.page, "a page of it has no checksum"); }
    for (unsigned attempt = 0; attempt < page_attempts_max; ++attempt) {
        const io::page_view view = store.source().fetch(reference);
        if (!out.empty()) { std::memcpy(out.data(), view.data + offset, out.size()); }
        if (store.unchanged(view)) { return; }
    }
    raise(errc::io,
          "page " + std::to_string(reference.page) +
              " is evicted faster than it can be read: give the pool more memory (pool_bytes)",
          reference.page);
}

void prefetch_pages(page_store& store, std::uint64_t first, std::uint64_t pages) {
    std::array<io::page_number, read_ahead_pages> ahead;
    while (pages != 0) {
        const std::uint64_t count = std::min<std::uint64_t>(pages, ahead.size());
        for (std::uint64_t i = 0; i < count; ++i) { ahead[i] = first + i; }
        store.source().prefetch({ahead.data(), count});
        first += count;
        pages -= count;
    }
}

// The references of a value's runs: itself, or its pieces, each checked.
[[nodiscard]] std::vector<format::extent_reference> load_pieces(
    page_store& store, const format::extent_reference& value) {
    check_reference(store, value);
    if (value.pieces == 1) { return {value}; }
    const format::extent_reference list = list_reference(value);
    const std::vector<std::uint32_t> sums = load_sums(store, list);
    std::vector<format::extent_reference> pieces(value.pieces);
    std::span<std::byte> raw = std::as_writable_bytes(std::span(pieces));
    for (std::uint64_t page = 0; page < sums.size(); ++page) {
        const std::size_t size = std::min<std::size_t>(raw.size(), store.page_bytes());
        read_page(store, page_of(list, page, sums[page]), 0, raw.first(size));
        raw = raw.subspan(size);
    }
    for (std::uint64_t index = 0; index < pieces.size(); ++index) {
        if (pieces[index].length != piece_bytes(value.length, index) || pieces[index].pieces != 1) {
            raise_damaged(value.first, "its list of pieces contradicts its length");
        }
        check_run(store, pieces[index]);
    }
    return pieces;
}

}  // namespace

std::uint64_t extent_pages(std::uint64_t length, std::uint32_t page_bytes) noexcept {
    const std::uint64_t whole = length / run_bytes_max;
    std::uint64_t pages = whole * shape_of(run_bytes_max, page_bytes).pages();
    if (length % run_bytes_max != 0) {
        pages += shape_of(length % run_bytes_max, page_bytes).pages();
    }
    return pages;
}

// Fills one run.
class run_writer {
public:
    run_writer(page_store& store, std::uint64_t length)
        : store_(store),
          length_(length),
          shape_(shape_of(length, store.page_bytes())),
          page_(store.page_bytes()),
          sums_(shape_.sum_pages * store.page_bytes() / sizeof(std::uint32_t)) {
        run_ = store.allocate_run(shape_.pages());
    }

    [[nodiscard]] std::uint64_t room() const noexcept { return length_ - written_; }
    [[nodiscard]] io::page_run pages() const noexcept { return run_; }

    // REQUIRES: chunk.size() <= room().
    void write(bytes chunk) {
        written_ += chunk.size();
        while (!chunk.empty()) {
            if (filled_ == 0 && chunk.size() >= page_.size()) {
                flush(chunk.first(page_.size()));
                chunk = chunk.subspan(page_.size());
                continue;
            }
            const std::size_t part = std::min(chunk.size(), page_.size() - filled_);
            std::memcpy(page_.data() + filled_, chunk.data(), part);
            filled_ += part;
            chunk = chunk.subspan(part);
            if (filled_ == page_.size()) { flush_filled(); }
        }
    }

    // REQUIRES: room() == 0.
    [[nodiscard]] format::extent_reference finish() {
        if (filled_ != 0) {
            std::fill(page_.begin() + static_cast<std::ptrdiff_t>(filled_), page_.end(),
                      std::byte{0});
            flush_filled();
        }
        const std::uint64_t first_sum = run_.first + shape_.data_pages;
        const bytes raw = std::as_bytes(std::span(sums_));
        for (std::uint64_t page = 0; page < shape_.sum_pages; ++page) {
            store_.file().write((first_sum + page) * page_.size(),
                                raw.subspan(page * page_.size(), page_.size()));
        }
        store_.wrote(run_);
        return {length_, run_.first, store_.transaction(), store_.seal().of_raw(first_sum, raw), 1};
    }

private:
    void flush_filled() {
        flush(page_);
        filled_ = 0;
    }

    // A page a call: larger writes leave large folios in the page cache, which a later store of one
    // byte would write back as a whole.
    void flush(bytes page) {
        store_.file().write((run_.first + pages_) * page_.size(), page);
        sums_[pages_] = store_.seal().of_raw(run_.first + pages_, page);
        ++pages_;
    }

    page_store& store_;
    std::uint64_t length_;
    run_shape shape_;
    io::page_run run_;
    std::vector<std::byte> page_;
    std::vector<std::uint32_t> sums_;
    std::uint64_t written_ = 0;
    std::uint64_t pages_ = 0;
    std::size_t filled_ = 0;
};

extent_writer::extent_writer(page_store& store, std::uint64_t length)
    : store_(store), length_(length) {
    if (length == 0) { raise(errc::misuse, "an empty value needs no extent: put it as it is"); }
    if (length > format::value_bytes_max) {
        raise(errc::value_too_long, "a value may have 2^40 bytes: store it in several entries");
    }
}

extent_writer::~extent_writer() = default;

void extent_writer::write(bytes chunk) {
    if (chunk.size() > length_ - written_) {
        raise(errc::misuse, "more bytes came than the length announced for the value, " +
                                std::to_string(length_));
    }
    while (!chunk.empty()) {
        if (!run_) {
            run_ = std::make_unique<run_writer>(store_, piece_bytes(length_, pieces_.size()));
        }
        const std::size_t part = std::min<std::uint64_t>(chunk.size(), run_->room());
        run_->write(chunk.first(part));
        written_ += part;
        chunk = chunk.subspan(part);
        if (run_->room() == 0) {
            pieces_.push_back(run_->finish());
            run_.reset();
        }
    }
}

format::extent_reference extent_writer::finish() {
    if (written_ != length_) {
        raise(errc::misuse, "only " + std::to_string(written_) + " of the " +
                                std::to_string(length_) + " bytes announced for the value came");
    }
    if (pieces_.size() == 1) { return pieces_.front(); }
    const bytes list = std::as_bytes(std::span(pieces_));
    run_writer writer(store_, list.size());
    writer.write(list);
    format::extent_reference value = writer.finish();
    value.length = length_;
    value.pieces = static_cast<std::uint32_t>(pieces_.size());
    return value;
}

void extent_writer::abandon() {
    if (run_) { store_.retire_run(run_->pages(), store_.transaction()); }
    run_.reset();
    for (const format::extent_reference& piece : pieces_) { retire_extent(store_, piece); }
    pieces_.clear();
}

extent_reader::extent_reader(page_store& store, const format::extent_reference& reference)
    : store_(&store), reference_(reference), pieces_(load_pieces(store, reference)) {}

void extent_reader::load_piece(std::uint64_t index) {
    if (piece_ == index) { return; }
    piece_ = ~std::uint64_t{0};
    sums_ = load_sums(*store_, pieces_[index]);
    piece_ = index;
    ahead_ = 0;
}

// Half a window before the pages asked for are used up, the next ones are asked for.
void extent_reader::read_ahead(std::uint64_t first_page, std::uint64_t pages) {
    const std::uint64_t wanted =
        std::min<std::uint64_t>(first_page + pages + read_ahead_pages / 2, sums_.size());
    if (first_page > ahead_ || ahead_ == 0) { ahead_ = first_page; }
    if (wanted <= ahead_) { return; }
    const std::uint64_t end = std::min<std::uint64_t>(wanted + read_ahead_pages / 2, sums_.size());
    const std::uint64_t count = std::min(end - ahead_, read_ahead_pages);
    prefetch_pages(*store_, pieces_[piece_].first + ahead_, count);
    ahead_ += count;
}

std::size_t extent_reader::read_in_piece(std::uint64_t offset, std::span<std::byte> out) {
    const std::uint32_t page_bytes = store_->page_bytes();
    const std::uint64_t page = offset / page_bytes;
    const std::size_t within = offset % page_bytes;
    const std::uint64_t left = pieces_[piece_].length - offset;
    const std::size_t size = std::min<std::uint64_t>({out.size(), page_bytes - within, left});
    read_page(*store_, page_of(pieces_[piece_], page, sums_[page]), within, out.first(size));
    return size;
}

std::size_t extent_reader::read(std::uint64_t offset, std::span<std::byte> out) {
    const bool in_order = offset == next_offset_;
    if (!in_order) { ahead_ = 0; }
    std::size_t done = 0;
    while (done < out.size() && offset < reference_.length) {
        load_piece(offset / run_bytes_max);
        const std::uint64_t in_piece = offset % run_bytes_max;
        if (in_order || out.size() - done > store_->page_bytes()) {
            read_ahead(in_piece / store_->page_bytes(), 1);
        }
        const std::size_t size = read_in_piece(in_piece, out.subspan(done));
        done += size;
        offset += size;
    }
    next_offset_ = offset;
    return done;
}

std::uint64_t view_bytes_max(const page_store& store) {
    const std::uint64_t frames = store.source().frames_max();
    return frames == 0 ? run_bytes_max : std::min(run_bytes_max, frames / 2 * store.page_bytes());
}

bytes view_extent(page_store& store, const format::extent_reference& reference) {
    check_reference(store, reference);
    if (reference.pieces != 1 || reference.length > view_bytes_max(store)) {
        raise(errc::value_too_long, "a value of " + std::to_string(reference.length) +
                                        " bytes is too long for one view: read it as a stream");
    }
    const std::vector<std::uint32_t> sums = load_sums(store, reference);
    const std::byte* first = nullptr;
    for (std::uint64_t page = 0; page < sums.size(); ++page) {
        if (page % read_ahead_pages == 0) {
            prefetch_pages(store, reference.first + page,
                           std::min(read_ahead_pages, sums.size() - page));
        }
        if (sums[page] == 0) { raise_damaged(reference.first, "a page of it has no checksum"); }
        const io::page_view view = store.source().fetch(page_of(reference, page, sums[page]));
        if (page == 0) { first = view.data; }
        if (view.data != first + page * store.page_bytes()) {
            raise(errc::value_too_long,
                  "without a mapping a value of more than a page has no single view: "
                  "read it as a stream");
        }
    }
    return {first, reference.length};
}

void retire_extent(page_store& store, const format::extent_reference& reference) {
    for_each_run(store, reference,
                 [&](io::page_run run, std::uint64_t born) { store.retire_run(run, born); });
}

void for_each_run(page_store& store, const format::extent_reference& reference,
                  const std::function<void(io::page_run, std::uint64_t born)>& run) {
    const std::uint32_t page_bytes = store.page_bytes();
    for (const format::extent_reference& piece : load_pieces(store, reference)) {
        run({piece.first, shape_of(piece.length, page_bytes).pages()}, piece.born);
    }
    if (reference.pieces == 1) { return; }
    const format::extent_reference list = list_reference(reference);
    run({list.first, shape_of(list.length, page_bytes).pages()}, list.born);
}

void verify_extent(page_store& store, const format::extent_reference& reference) {
    for (const format::extent_reference& piece : load_pieces(store, reference)) {
        const std::vector<std::uint32_t> sums = load_sums(store, piece);
        for (std::uint64_t page = 0; page < sums.size(); ++page) {
            if (page % read_ahead_pages == 0) {
                prefetch_pages(store, piece.first + page,
                               std::min(read_ahead_pages, sums.size() - page));
            }
            read_page(store, page_of(piece, page, sums[page]), 0, {});
        }
    }
}

}  // namespace pinyon
