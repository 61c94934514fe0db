#include "pinyon/engine/check_context.hpp"

#include <algorithm>
#include <utility>

#include "pinyon/mmap/error.hpp"

namespace pinyon {
namespace {

// Often enough for a smooth line on a terminal, seldom enough to cost nothing: about 1 ms of
// reading.
constexpr std::uint64_t progress_pages = 256;

}  // namespace

check_context::check_context(io::file& file, const format::meta& meta, const check_options& options,
                             check_summary& summary,
                             const std::function<void(const finding&)>& on_finding,
                             const std::function<bool(const check_progress&)>& on_progress)
    : file_(file),
      meta_(meta),
      seal_{seed_of(meta.uuid), meta.page_bytes},
      options_(options),
      summary_(summary),
      on_finding_(on_finding),
      on_progress_(on_progress) {
    // A meta may claim any number of pages: those behind the end of the file are out of range
    // anyhow.
    used_.resize(std::min(meta.page_count, file.size() / meta.page_bytes + 1));
}

void check_context::report(finding_kind kind, std::optional<std::uint64_t> page,
                           const std::string& text, severity level) {
    std::optional<std::uint64_t> offset;
    if (page && *page <= format::page_number_max) { offset = *page * meta_.page_bytes; }
    emit({kind, level, page, offset, tree_, text});
}

void check_context::report_at(finding_kind kind, std::uint64_t offset, const std::string& text,
                              severity level) {
    emit({kind, level, std::nullopt, offset, tree_, text});
}

void check_context::emit(const finding& found) {
    if (stopped_) { return; }
    ++(found.level == severity::error ? summary_.errors : summary_.warnings);
    if (on_finding_) { on_finding_(found); }
    if (options_.max_errors != 0 && summary_.findings() >= options_.max_errors) { stopped_ = true; }
}

void check_context::tell(page_fact fact) const {
    if (fact.use == page_use::leaf || fact.use == page_use::inner ||
        fact.use == page_use::extent_data || fact.use == page_use::extent_sums) {
        fact.tree = tree_index_;
        fact.tree_name = tree_;
    }
    options_.on_page(fact);
}

bool check_context::claim(io::page_run run, const char* what) {
    const std::uint64_t first = format::first_page(meta_.page_bytes);
    if (run.count == 0 || run.first < first || run.first >= used_.capacity() ||
        run.count > used_.capacity() - run.first) {
        report(finding_kind::page_out_of_range, run.first,
               std::string(what) + " names pages " + std::to_string(run.first) + " + " +
                   std::to_string(run.count) + "; pages " + std::to_string(first) + " to " +
                   std::to_string(used_.capacity() - 1) + " may be used");
        return false;
    }
    if (!used_.insert(run)) {
        std::uint64_t page = run.first;
        while (!used_.contains(page)) { ++page; }
        report(finding_kind::page_used_twice, page,
               std::string(what) + " names the page, which has another owner already");
        return false;
    }
    return true;
}

bool check_context::read(std::uint64_t page, std::span<std::byte> out) {
    std::string why;
    try {
        const std::size_t got = file_.read(page * meta_.page_bytes, out);
        if (got == out.size()) { return true; }
        why = "the file ends " + std::to_string(out.size() - got) + " bytes before its end";
    } catch (const error& failure) { why = failure.what(); }
    report(finding_kind::page_unreadable, page, "cannot be read: " + why);
    return false;
}

void check_context::advance(std::uint64_t pages) {
    pages_done_ += pages;
    if (!on_progress_ || pages_done_ - pages_told_ < progress_pages) { return; }
    pages_told_ = pages_done_;
    if (!on_progress_({pages_done_, meta_.page_count})) { stopped_ = true; }
}

const char* name(finding_kind kind) noexcept {
    switch (kind) {
        case finding_kind::meta_damaged:
            return "meta_damaged";
        case finding_kind::meta_disagrees:
            return "meta_disagrees";
        case finding_kind::meta_padding:
            return "meta_padding";
        case finding_kind::file_truncated:
            return "file_truncated";
        case finding_kind::page_unreadable:
            return "page_unreadable";
        case finding_kind::page_out_of_range:
            return "page_out_of_range";
        case finding_kind::checksum_page:
            return "checksum_page";
        case finding_kind::checksum_parent:
            return "checksum_parent";
        case finding_kind::checksum_missing:
            return "checksum_missing";
        case finding_kind::page_number:
            return "page_number";
        case finding_kind::page_identity:
            return "page_identity";
        case finding_kind::page_born:
            return "page_born";
        case finding_kind::node_structure:
            return "node_structure";
        case finding_kind::node_empty:
            return "node_empty";
        case finding_kind::node_degree:
            return "node_degree";
        case finding_kind::node_fences:
            return "node_fences";
        case finding_kind::node_order:
            return "node_order";
        case finding_kind::entry_size:
            return "entry_size";
        case finding_kind::count_subtree:
            return "count_subtree";
        case finding_kind::extent_reference:
            return "extent_reference";
        case finding_kind::extent_checksum:
            return "extent_checksum";
        case finding_kind::page_used_twice:
            return "page_used_twice";
        case finding_kind::page_used_and_free:
            return "page_used_and_free";
        case finding_kind::page_lost:
            return "page_lost";
        case finding_kind::space_checksum:
            return "space_checksum";
        case finding_kind::space_structure:
            return "space_structure";
        case finding_kind::catalog_record:
            return "catalog_record";
        case finding_kind::descent:
            return "descent";
        case finding_kind::log_missing:
            return "log_missing";
        case finding_kind::log_mismatch:
            return "log_mismatch";
        case finding_kind::log_corrupt:
            return "log_corrupt";
    }
    return "unknown";
}

const char* name(page_use use) noexcept {
    switch (use) {
        case page_use::meta:
            return "meta";
        case page_use::leaf:
            return "leaf";
        case page_use::inner:
            return "inner";
        case page_use::extent_data:
            return "extent_data";
        case page_use::extent_sums:
            return "extent_sums";
        case page_use::image:
            return "image";
        case page_use::free:
            return "free";
        case page_use::pending:
            return "pending";
        case page_use::lost:
            return "lost";
        case page_use::missing:
            return "missing";
    }
    return "unknown";
}

const char* name(severity level) noexcept { return level == severity::error ? "error" : "warning"; }

}  // namespace pinyon
