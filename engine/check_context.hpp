// What all parts of one check share: the file, what is known about it, which pages have an owner
// already, and the way out for findings and progress.
//
// Invariants
//  1. `claim` marks pages before they are read, so that no page is visited twice and no cycle is
//     followed.
//  2. Once `stopped`, no part starts anything new; the summary is not complete then.
//
// Threads: one. Failure: none of its own; errors of reading become findings.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/check.hpp"
#include "pinyon/engine/checksum.hpp"
#include "pinyon/engine/page_set.hpp"
#include "pinyon/mmap/file.hpp"
#include "pinyon/mmap/read_ahead.hpp"

namespace pinyon {

class check_context {
public:
    check_context(io::file& file, const format::meta& meta, const check_options& options,
                  check_summary& summary, const std::function<void(const finding&)>& on_finding,
                  const std::function<bool(const check_progress&)>& on_progress);

    [[nodiscard]] const format::meta& meta() const noexcept { return meta_; }
    [[nodiscard]] const page_seal& seal() const noexcept { return seal_; }
    [[nodiscard]] const check_options& options() const noexcept { return options_; }
    [[nodiscard]] const page_set& used() const noexcept { return used_; }
    [[nodiscard]] bool stopped() const noexcept { return stopped_; }
    // A part of the file cannot be walked: what hangs below it has no owner, and is not lost for
    // that.
    void skip_part() noexcept { parts_skipped_ = true; }
    [[nodiscard]] bool parts_skipped() const noexcept { return parts_skipped_; }

    // The tree that the following findings and pages are about: its name, empty for the catalog and
    // for none, and its place in the summary.
    void enter_tree(std::string name, std::optional<std::size_t> index = std::nullopt) {
        tree_ = std::move(name);
        tree_index_ = index;
    }
    void report(finding_kind kind, std::optional<std::uint64_t> page, const std::string& text,
                severity level = severity::error);
    void report_at(finding_kind kind, std::uint64_t offset, const std::string& text,
                   severity level = severity::error);
    [[nodiscard]] std::uint64_t findings() const noexcept { return summary_.findings(); }

    // True when somebody wants to know of each page.
    [[nodiscard]] bool tells() const noexcept { return options_.on_page && !stopped_; }
    // Tells of pages, which are the tree's where they are a node's or a large value's.
    // REQUIRES: tells(), and the pages were claimed or are nobody's.
    void tell(page_fact fact) const;

    // Makes the pages the owner's. False, and a finding, when they are out of range or have another
    // owner.
    [[nodiscard]] bool claim(io::page_run run, const char* what);
    // For pages that will be read: `add` those that the file has, then `finish`.
    [[nodiscard]] io::read_ahead<io::file> read_ahead() const noexcept {
        return {file_, meta_.page_bytes};
    }
    [[nodiscard]] bool is_in_file(std::uint64_t page) const noexcept {
        return page < used_.capacity();
    }
    // False, and a finding, when the bytes cannot be read.
    [[nodiscard]] bool read(std::uint64_t page, std::span<std::byte> out);
    void advance(std::uint64_t pages);

private:
    void emit(const finding& found);

    io::file& file_;
    const format::meta& meta_;
    page_seal seal_;
    const check_options& options_;
    check_summary& summary_;
    const std::function<void(const finding&)>& on_finding_;
    const std::function<bool(const check_progress&)>& on_progress_;
    page_set used_;
    std::string tree_;
    std::optional<std::size_t> tree_index_;
    std::uint64_t pages_done_ = 0;
    std::uint64_t pages_told_ = 0;
    bool stopped_ = false;
    bool parts_skipped_ = false;
};

}  // namespace pinyon
