#include <algorithm>
#include <string>
#include <vector>

#include "pinyon/engine/check_tree.hpp"
#include "pinyon/engine/overflow.hpp"

namespace pinyon {
namespace {

// Pages read by one call: 256 KiB of the smallest pages.
constexpr std::uint64_t chunk_pages = 64;

constexpr std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) noexcept {
    return a / b + (a % b != 0 ? 1 : 0);
}

// One run of a large value: data pages, then sum pages.
class extent_run {
public:
    // `parent`: the page that holds the reference.
    extent_run(check_context& context, const format::extent_reference& run, std::uint64_t parent)
        : context_(context),
          run_(run),
          parent_(parent),
          page_bytes_(context.meta().page_bytes),
          data_pages_(divide_up(run.length, page_bytes_)),
          sum_pages_(divide_up(data_pages_ * sizeof(std::uint32_t), page_bytes_)) {}

    [[nodiscard]] std::uint64_t pages() const noexcept { return data_pages_ + sum_pages_; }

    [[nodiscard]] bool claim() {
        return context_.claim({run_.first, pages()}, "the reference of a large value");
    }

    // Verifies every page; appends the data to `out` when there is one. False: something is
    // damaged.
    // REQUIRES: claimed.
    [[nodiscard]] bool verify(std::vector<std::byte>* out) {
        std::vector<std::uint32_t> sums;
        if (!load_sums(sums)) {
            tell({run_.first, data_pages_}, false);
            tell_sums(false);
            return false;
        }
        bool sound = true;
        std::vector<std::byte> chunk(std::min(chunk_pages, data_pages_) * page_bytes_);
        for (std::uint64_t page = 0; page < data_pages_ && !context_.stopped();
             page += chunk_pages) {
            const std::uint64_t count = std::min(chunk_pages, data_pages_ - page);
            const std::span<std::byte> data(chunk.data(), count * page_bytes_);
            context_.advance(count);
            if (!context_.read(run_.first + page, data)) {
                note({run_.first + page, count}, false);
                sound = false;
                continue;
            }
            for (std::uint64_t i = 0; i < count; ++i) {
                const bool matches =
                    verify_page(run_.first + page + i, data.subspan(i * page_bytes_, page_bytes_),
                                sums[page + i]);
                note({run_.first + page + i, 1}, matches);
                sound &= matches;
            }
            if (out != nullptr) { out->insert(out->end(), data.begin(), data.end()); }
        }
        tell(noted_, noted_sound_);
        tell_sums(true);
        return sound && !context_.stopped();
    }

private:
    // Neighbours in the same state are told of together.
    void note(io::page_run pages, bool sound) {
        if (noted_.count != 0 && sound == noted_sound_) {
            noted_.count += pages.count;
            return;
        }
        tell(noted_, noted_sound_);
        noted_ = pages;
        noted_sound_ = sound;
    }

    void tell(io::page_run pages, bool sound) const {
        if (pages.count == 0 || !context_.tells()) { return; }
        const std::uint64_t skipped = (pages.first - run_.first) * page_bytes_;
        page_fact fact;
        fact.pages = pages;
        fact.use = page_use::extent_data;
        fact.sound = sound;
        fact.parent = parent_;
        fact.capacity_bytes = pages.count * page_bytes_;
        fact.used_bytes = std::min(run_.length - skipped, fact.capacity_bytes);
        fact.born = run_.born;
        context_.tell(fact);
    }

    void tell_sums(bool sound) const {
        if (!context_.tells()) { return; }
        page_fact fact;
        fact.pages = {run_.first + data_pages_, sum_pages_};
        fact.use = page_use::extent_sums;
        fact.sound = sound;
        fact.parent = parent_;
        fact.capacity_bytes = sum_pages_ * page_bytes_;
        fact.used_bytes = data_pages_ * sizeof(std::uint32_t);
        fact.born = run_.born;
        context_.tell(fact);
    }

    bool load_sums(std::vector<std::uint32_t>& sums) {
        sums.resize(sum_pages_ * page_bytes_ / sizeof(std::uint32_t));
        const auto raw = std::as_writable_bytes(std::span(sums));
        const std::uint64_t first = run_.first + data_pages_;
        context_.advance(sum_pages_);
        if (!context_.read(first, raw)) { return false; }
        if (context_.seal().of_raw(first, raw) == run_.sums_checksum) { return true; }
        context_.report(finding_kind::extent_checksum, first,
                        "the checksums of the large value at page " + std::to_string(run_.first) +
                            " fail their own; its " + std::to_string(data_pages_) +
                            " data pages cannot be verified");
        return false;
    }

    bool verify_page(std::uint64_t page, bytes data, std::uint32_t sum) {
        if (context_.seal().of_raw(page, data) == sum) { return true; }
        context_.report(finding_kind::extent_checksum, page,
                        "fails its checksum: page " + std::to_string(page - run_.first) + " of " +
                            std::to_string(data_pages_) + " of the large value at page " +
                            std::to_string(run_.first));
        return false;
    }

    check_context& context_;
    const format::extent_reference& run_;
    std::uint64_t parent_;
    std::uint32_t page_bytes_;
    std::uint64_t data_pages_;
    std::uint64_t sum_pages_;
    io::page_run noted_;  // data pages that were verified and not yet told of
    bool noted_sound_ = true;
};

bool is_possible(check_context& context, const format::extent_reference& reference,
                 std::uint64_t born_max) {
    std::string wrong;
    if (reference.length == 0 || reference.length > format::value_bytes_max) {
        wrong = "a length of " + std::to_string(reference.length) + " bytes";
    } else if (reference.pieces != divide_up(reference.length, run_bytes_max)) {
        wrong = std::to_string(reference.pieces) + " pieces for " +
                std::to_string(reference.length) + " bytes";
    } else if (reference.born == 0 || reference.born > born_max) {
        wrong = "a birth in transaction " + std::to_string(reference.born) + ", its leaf is of " +
                std::to_string(born_max);
    }
    if (wrong.empty()) { return true; }
    context.report(finding_kind::extent_reference, reference.first,
                   "the reference of the large value that begins here has " + wrong);
    return false;
}

// One run of data; returns its pages, 0 when they cannot be accounted for.
std::uint64_t check_run(check_context& context, const format::extent_reference& run,
                        std::uint64_t parent, std::vector<std::byte>* out, bool& sound) {
    extent_run extent(context, run, parent);
    if (!extent.claim()) { return 0; }
    sound = extent.verify(out);
    return extent.pages();
}

}  // namespace

std::uint64_t check_extent(check_context& context, const format::extent_reference& reference,
                           std::uint64_t leaf, std::uint64_t born_max) {
    if (!is_possible(context, reference, born_max)) { return 0; }
    bool sound = false;
    if (reference.pieces == 1) { return check_run(context, reference, leaf, nullptr, sound); }

    // 1. The list of pieces: at most 2^40 bytes in pieces of 64 MiB are 16,384 references.
    format::extent_reference list = reference;
    list.length = std::uint64_t{reference.pieces} * sizeof(format::extent_reference);
    std::vector<std::byte> raw;
    std::uint64_t pages = check_run(context, list, leaf, &raw, sound);
    if (pages == 0 || !sound) { return 0; }

    // 2. The pieces.
    for (std::uint64_t i = 0; i < reference.pieces && !context.stopped(); ++i) {
        const auto piece =
            load<format::extent_reference>(raw.data() + i * sizeof(format::extent_reference));
        const std::uint64_t expected =
            std::min(run_bytes_max, reference.length - i * run_bytes_max);
        if (piece.length != expected || piece.pieces != 1 || piece.born != reference.born) {
            context.report(finding_kind::extent_reference, reference.first,
                           "piece " + std::to_string(i) + " of the large value has " +
                               std::to_string(piece.length) + " bytes and was born in " +
                               std::to_string(piece.born) + "; expected " +
                               std::to_string(expected) + " and " + std::to_string(reference.born));
            return 0;
        }
        const std::uint64_t page =
            list.first + i * sizeof(format::extent_reference) / context.meta().page_bytes;
        const std::uint64_t taken = check_run(context, piece, page, nullptr, sound);
        if (taken == 0) { return 0; }
        pages += taken;
    }
    return pages;
}

}  // namespace pinyon
