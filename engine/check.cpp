#include "pinyon/engine/check.hpp"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "pinyon/engine/catalog.hpp"
#include "pinyon/engine/check_tree.hpp"
#include "pinyon/engine/free_space.hpp"
#include "pinyon/engine/log_reader.hpp"
#include "pinyon/engine/meta.hpp"
#include "pinyon/engine/operation_rules.hpp"
#include "pinyon/mmap/error.hpp"

namespace pinyon {
namespace {

using meta_block = std::array<std::byte, format::meta_block_bytes>;

struct meta_blocks {
    std::array<meta_block, 2> block{};
    std::array<std::size_t, 2> bytes{};

    friend bool operator==(const meta_blocks&, const meta_blocks&) = default;
};

meta_blocks read_blocks(io::file& file) {
    meta_blocks blocks;
    for (unsigned slot = 0; slot < 2; ++slot) {
        blocks.bytes[slot] = file.read_medium(format::meta_offset[slot], blocks.block[slot]);
    }
    return blocks;
}

// Decodes both slots; throws what read_metas says when none is valid.
void choose_meta(io::file& file, const std::string& path, const meta_blocks& blocks,
                 check_summary& summary) {
    meta_slots slots;
    for (unsigned slot = 0; slot < 2; ++slot) {
        const bytes block = std::span(blocks.block[slot]).first(blocks.bytes[slot]);
        slots.valid[slot] = decode_meta(block, slot, slots.defect[slot]);
        summary.metas[slot].valid = slots.valid[slot].has_value();
        summary.metas[slot].defect = slots.defect[slot];
        if (slots.valid[slot]) { summary.metas[slot].meta = *slots.valid[slot]; }
    }
    if (!slots.valid[0] && !slots.valid[1]) {
        (void)read_metas(file, path);
        raise(errc::corrupt, "neither meta page of " + path + " is usable: restore it from a copy");
    }
    summary.newest = slots.newest();
    const format::meta& meta = slots.current();
    summary.page_bytes = meta.page_bytes;
    summary.uuid = meta.uuid;
    summary.page_count = meta.page_count;
    summary.transaction = meta.transaction;
    summary.meta_pages = format::first_page(meta.page_bytes);
}

class file_check {
public:
    file_check(const meta_blocks& blocks, check_context& context, check_summary& summary)
        : blocks_(blocks), context_(context), summary_(summary), meta_(context.meta()) {}

    void run() {
        check_metas();
        check_size();
        if (!truncated_) { check_behind_metas(); }
        tell_metas();
        check_catalog();
        for (std::size_t i = 0; i < summary_.trees.size() && !context_.stopped(); ++i) {
            check_one(summary_.trees[i], i);
        }
        context_.enter_tree({});
        count_pages();
        if (!context_.stopped() && !truncated_) { check_space(); }
        if (truncated_) { tell_cut(); }
        if (context_.stopped() || context_.parts_skipped() || truncated_) {
            summary_.complete = false;
        }
    }

private:
    void check_metas() {
        for (unsigned slot = 0; slot < 2; ++slot) {
            const meta_summary& meta = summary_.metas[slot];
            if (!meta.valid) {
                context_.report_at(finding_kind::meta_damaged, format::meta_offset[slot],
                                   "meta slot " + std::to_string(slot) + " is not valid (" +
                                       meta.defect +
                                       "); the other one serves, and the next commit writes both",
                                   severity::warning);
                sound_[slot] = false;
                continue;
            }
            sound_[slot] = check_zero(format::meta_offset[slot] + sizeof(format::meta),
                                      std::span(blocks_.block[slot]).subspan(sizeof(format::meta)),
                                      "bytes behind the meta are not zero");
        }
        if (summary_.metas[0].valid && summary_.metas[1].valid) { compare_metas(); }
    }

    // What is left of the page that holds both metas, where pages are larger than the two.
    void check_behind_metas() {
        constexpr std::uint64_t metas = 2 * std::uint64_t{format::meta_block_bytes};
        if (meta_.page_bytes <= metas) { return; }
        std::vector<std::byte> page(meta_.page_bytes);
        if (!context_.read(0, page) || !check_zero(metas, std::span(page).subspan(metas),
                                                   "bytes behind both metas are not zero")) {
            sound_ = {false, false};
        }
    }

    // Reports what is not: the first byte of `rest` stands at `offset` in the file.
    bool check_zero(std::uint64_t offset, bytes rest, const char* text) {
        if (std::all_of(rest.begin(), rest.end(), [](std::byte b) { return b == std::byte{0}; })) {
            return true;
        }
        context_.report_at(finding_kind::meta_padding, offset, text, severity::warning);
        return false;
    }

    void tell_metas() {
        const std::uint64_t pages = summary_.meta_pages;
        for (unsigned page = 0; page < pages && context_.tells(); ++page) {
            const bool alone = pages == 2;
            const meta_summary& meta = summary_.metas[alone ? page : summary_.newest];
            page_fact fact;
            fact.pages = {page, 1};
            fact.use = page_use::meta;
            fact.sound = (alone ? sound_[page] : sound_[0] && sound_[1]) &&
                         summary_.file_bytes >= (page + 1) * std::uint64_t{meta_.page_bytes};
            fact.born = meta.valid ? meta.meta.transaction : 0;
            context_.tell(fact);
        }
    }

    void compare_metas() {
        const format::meta& older = summary_.metas[summary_.newest ^ 1].meta;
        std::string wrong;
        if (older.uuid != meta_.uuid || older.page_bytes != meta_.page_bytes) {
            wrong = "are of two different files";
        } else if (older.sequence + 1 != meta_.sequence) {
            wrong = "have sequences " + std::to_string(older.sequence) + " and " +
                    std::to_string(meta_.sequence) + ", which do not follow each other";
        } else if (older.transaction > meta_.transaction) {
            wrong = "run backwards: transaction " + std::to_string(older.transaction) + ", then " +
                    std::to_string(meta_.transaction);
        }
        if (wrong.empty()) { return; }
        context_.report_at(finding_kind::meta_disagrees, format::meta_offset[summary_.newest ^ 1],
                           "the two metas " + wrong);
    }

    void check_size() {
        if (summary_.file_bytes / meta_.page_bytes >= meta_.page_count) { return; }
        truncated_ = true;
        context_.report_at(finding_kind::file_truncated, summary_.file_bytes,
                           "the file ends here; its meta names " +
                               std::to_string(meta_.page_count) + " pages of " +
                               std::to_string(meta_.page_bytes) + " bytes");
    }

    void check_catalog() {
        summary_.catalog.record.root = meta_.catalog;
        if (meta_.catalog.level >= format::height_max) {
            context_.report(finding_kind::catalog_record, meta_.catalog.page,
                            "the catalog has " + std::to_string(meta_.catalog.level) +
                                " levels; no tree has " + std::to_string(format::height_max));
            context_.skip_part();
            return;
        }
        context_.enter_tree({}, page_fact::catalog);
        check_tree(context_, catalog_schema(meta_.page_bytes), meta_.catalog, summary_.catalog,
                   [this](bytes key, bytes value) { add_tree(key, value); });
        context_.enter_tree({});
        if (summary_.catalog.extents != 0) {
            context_.report(finding_kind::catalog_record, meta_.catalog.page,
                            "the catalog holds large values, which no record is");
        }
    }

    void add_tree(bytes key, bytes value) {
        tree_summary tree;
        tree.name = as_text(key);
        if (value.size() != sizeof(format::catalog_record)) {
            context_.enter_tree(tree.name);
            refuse("its record has " + std::to_string(value.size()) + " bytes; a record has " +
                   std::to_string(sizeof(format::catalog_record)));
            context_.enter_tree({}, page_fact::catalog);
            return;
        }
        tree.record = load<format::catalog_record>(value.data());
        summary_.trees.push_back(std::move(tree));
    }

    void refuse(const std::string& text) {
        context_.report(finding_kind::catalog_record, std::nullopt, text);
        context_.skip_part();
    }

    void check_one(tree_summary& tree, std::size_t index) {
        context_.enter_tree(tree.name, index);
        const format::catalog_record& record = tree.record;
        if (record.tree >= meta_.next_tree || !numbers_.insert(record.tree).second) {
            refuse("its number " + std::to_string(record.tree) +
                   " is another tree's, or not below " + std::to_string(meta_.next_tree) +
                   ", the next to be given");
        }
        if (record.created == 0 || record.created > meta_.transaction) {
            refuse("was created by transaction " + std::to_string(record.created) +
                   " in a file of transaction " + std::to_string(meta_.transaction));
        }
        try {
            check_tree_name(tree.name, meta_.page_bytes);
            const tree_state state = state_of(record, meta_.page_bytes, meta_.page_count);
            check_tree(context_, state.schema, state.root, tree);
        } catch (const error& failure) {
            tree.complete = false;
            refuse(failure.what());
            return;
        }
        if (tree.extents != 0 && (record.flags & format::catalog_flag_extents) == 0) {
            refuse("holds large values; its record says that it never did");
        }
    }

    void count_pages() {
        const auto add = [this](const tree_summary& tree) {
            summary_.tree_pages += tree.leaves + tree.inners;
            summary_.extent_pages += tree.extent_pages;
        };
        add(summary_.catalog);
        for (const tree_summary& tree : summary_.trees) { add(tree); }
    }

    void check_space() {
        free_space space;
        space.reset(format::first_page(meta_.page_bytes), meta_.page_count);
        if (meta_.free_pages != 0 && !check_image(space)) { context_.skip_part(); }
        summary_.free_pages = space.free_pages();
        summary_.pending_pages = space.held_pages();
        summary_.free_runs = space.free_set().runs();
        for (auto run = space.free_set().next_run(0); run;
             run = space.free_set().next_run(run->first + run->count)) {
            summary_.free_run_pages_max = std::max(summary_.free_run_pages_max, run->count);
        }
        find_used_and_free(space.free_set(), "free");
        find_used_and_free(space.held_set(), "pending, that is, of an older state alone");
        if (context_.tells()) { tell_space(space); }
        find_lost(space);
    }

    bool check_image(free_space& space) {
        if (!context_.claim({meta_.free_first, meta_.free_pages}, "the meta's free-space image")) {
            return false;
        }
        summary_.image_pages = meta_.free_pages;
        context_.advance(meta_.free_pages);
        const std::uint64_t findings = context_.findings();
        const bool loaded = load_image(space);
        if (!context_.tells()) { return loaded; }
        page_fact fact;
        fact.pages = {meta_.free_first, meta_.free_pages};
        fact.use = page_use::image;
        fact.sound = context_.findings() == findings;
        fact.used_bytes = meta_.free_bytes;
        fact.capacity_bytes = meta_.free_pages * meta_.page_bytes;
        fact.born = meta_.transaction;
        context_.tell(fact);
        return loaded;
    }

    bool load_image(free_space& space) {
        const std::uint64_t room = meta_.free_pages * meta_.page_bytes;
        if (meta_.free_bytes > room) {
            context_.report(finding_kind::space_structure, meta_.free_first,
                            "the free-space image has " + std::to_string(meta_.free_bytes) +
                                " bytes in " + std::to_string(room) + " bytes of pages");
            return false;
        }
        std::vector<std::byte> run(room);
        if (!context_.read(meta_.free_first, run)) { return false; }
        const bytes image = std::span(run).first(meta_.free_bytes);
        const bytes rest = std::span(run).subspan(meta_.free_bytes);
        if (context_.seal().of_image(meta_.free_first, image) != meta_.free_checksum) {
            context_.report(finding_kind::space_checksum, meta_.free_first,
                            "the free-space image fails its checksum");
            return false;
        }
        if (std::any_of(rest.begin(), rest.end(), [](std::byte b) { return b != std::byte{0}; })) {
            context_.report(finding_kind::space_structure, meta_.free_first,
                            "bytes behind the free-space image are not zero", severity::warning);
        }
        try {
            space.load(image, meta_.transaction);
        } catch (const error& failure) {
            context_.report(finding_kind::space_structure,
                            failure.page().value_or(meta_.free_first), failure.what());
            space.reset(format::first_page(meta_.page_bytes), meta_.page_count);
            return false;
        }
        return true;
    }

    void find_used_and_free(const page_set& set, const char* what) {
        for (auto run = set.next_run(0); run && !context_.stopped();
             run = set.next_run(run->first + run->count)) {
            if (context_.used().contains_none(*run)) { continue; }
            for (std::uint64_t page = run->first; page < run->first + run->count; ++page) {
                if (!context_.used().contains(page)) { continue; }
                context_.report(finding_kind::page_used_and_free, page,
                                std::string("is in use, and ") + what + " in the free-space image");
            }
        }
    }

    // Those of the runs that are in use have been told of.
    void tell_space(const free_space& space) {
        page_fact fact;
        fact.use = page_use::free;
        const page_set& free = space.free_set();
        for (auto run = free.next_run(0); run; run = free.next_run(run->first + run->count)) {
            fact.pages = *run;
            tell_unused(fact);
        }
        fact.use = page_use::pending;
        for (const format::pending_run& run : space.pending_runs()) {
            fact.pages = {run.first, run.count};
            fact.born = run.born;
            fact.retired = run.retired;
            tell_unused(fact);
        }
    }

    void tell_unused(page_fact fact) {
        const io::page_run whole = fact.pages;
        for_each_gap(context_.used(), whole, [&](io::page_run gap) {
            fact.pages = gap;
            if (context_.tells()) { context_.tell(fact); }
        });
    }

    // Of a file that was cut no image is read: what has no owner may as well be free.
    void tell_cut() {
        if (!context_.tells()) { return; }
        const std::uint64_t first = format::first_page(meta_.page_bytes);
        const std::uint64_t end = std::max(context_.used().capacity(), first);
        page_fact fact;
        fact.sound = false;
        fact.pages = {first, end - first};
        tell_unused(fact);
        if (end == meta_.page_count) { return; }
        fact.use = page_use::missing;
        fact.pages = {end, meta_.page_count - end};
        context_.tell(fact);
    }

    // The runs of pages in `within` that are not in the set.
    template <class Use>
    static void for_each_gap(const page_set& set, io::page_run within, Use&& use) {
        const std::uint64_t end = within.first + within.count;
        std::uint64_t from = within.first;
        while (from < end) {
            const auto run = set.next_run(from);
            const std::uint64_t gap_end = run ? std::min(run->first, end) : end;
            if (gap_end != from) { use(io::page_run{from, gap_end - from}); }
            from = run ? run->first + run->count : end;
        }
    }

    void find_lost(const free_space& space) {
        page_set known = context_.used();
        known.resize(meta_.page_count);
        for (const page_set* set : {&space.free_set(), &space.held_set()}) {
            for (auto run = set->next_run(0); run; run = set->next_run(run->first + run->count)) {
                if (known.insert(*run)) { continue; }
                for (std::uint64_t page = run->first; page < run->first + run->count; ++page) {
                    known.insert(page);
                }
            }
        }
        const std::uint64_t first = format::first_page(meta_.page_bytes);
        for_each_gap(known, {first, meta_.page_count - first},
                     [this](io::page_run run) { report_lost(run); });
    }

    void report_lost(io::page_run run) {
        summary_.lost_pages += run.count;
        if (context_.tells()) {
            page_fact fact;
            fact.pages = run;
            fact.sound = false;
            context_.tell(fact);
        }
        if (context_.parts_skipped()) { return; }
        context_.report(
            finding_kind::page_lost, run.first,
            std::to_string(run.count) + " pages from here on are neither in use nor free");
    }

    const meta_blocks& blocks_;
    check_context& context_;
    check_summary& summary_;
    const format::meta& meta_;
    std::set<std::uint32_t> numbers_;
    std::array<bool, 2> sound_{true, true};  // the metas, with what stands behind them
    bool truncated_ = false;
};

[[nodiscard]] std::optional<finding_kind> kind_of_log(errc code) noexcept {
    switch (code) {
        case errc::log_missing:
            return finding_kind::log_missing;
        case errc::log_mismatch:
            return finding_kind::log_mismatch;
        case errc::log_corrupt:
            return finding_kind::log_corrupt;
        default:
            return std::nullopt;
    }
}

// Of the trees that the catalog lists; none where something of the file is wrong: then what the log
// says of them cannot be judged.
std::optional<operation_rules> rules_of(const check_summary& summary, const format::meta& meta) {
    if (summary.errors != 0 || !summary.complete) { return std::nullopt; }
    std::vector<std::pair<std::string, format::catalog_record>> trees;
    for (const tree_summary& tree : summary.trees) { trees.emplace_back(tree.name, tree.record); }
    return operation_rules(trees, meta.next_tree, meta.page_bytes);
}

// What can be known of a batch without applying it.
void check_operations(const log_batch& batch, operation_rules* rules) {
    operation_reader reader(batch.payload, batch.operations);
    try {
        while (const std::optional<operation> what = reader.next()) {
            if (rules == nullptr) { continue; }
            rules->check(*what);
            rules->follow(*what);
        }
    } catch (const error& failure) {
        raise(failure.kind(), "transaction " + std::to_string(batch.transaction) +
                                  " of the log: " + failure.what());
    }
}

// The log behind the meta: every batch verified, none applied.
void check_log(io::file_system& files, const std::string& path, const format::meta& meta,
               check_context& context, check_summary& summary) {
    try {
        log_reader log(files, path, list_segments(files, path), meta);
        std::optional<operation_rules> rules = rules_of(summary, meta);
        while (!context.stopped()) {
            const std::optional<log_batch> batch = log.next();
            if (!batch) { break; }
            check_operations(*batch, rules ? &*rules : nullptr);
            ++summary.log_transactions;
        }
        summary.log_bytes = log.bytes_done();
    } catch (const error& failure) {
        const auto kind = kind_of_log(failure.kind());
        if (!kind) { throw; }
        context.report(*kind, std::nullopt, failure.what());
    }
}

}  // namespace

check_summary check(const std::string& path, const check_options& options,
                    const std::function<void(const finding&)>& on_finding,
                    const std::function<bool(const check_progress&)>& on_progress) {
    io::file_system& files = options.files != nullptr ? *options.files : io::posix_file_system();
    const std::string resolved = files.resolve(path);
    const std::unique_ptr<io::file> file = files.open(resolved, io::open_mode::read_only);
    check_summary summary;
    summary.file_bytes = file->size();
    const meta_blocks blocks = read_blocks(*file);
    choose_meta(*file, path, blocks, summary);
    const format::meta meta = summary.metas[summary.newest].meta;
    check_context context(*file, meta, options, summary, on_finding, on_progress);
    file_check(blocks, context, summary).run();
    if (!context.stopped()) { check_log(files, resolved, meta, context, summary); }
    if (on_progress && !context.stopped()) {
        (void)on_progress({meta.page_count, meta.page_count});
    }
    if (read_blocks(*file) != blocks) {
        summary.moved_on = true;
        summary.complete = false;
    }
    return summary;
}

}  // namespace pinyon
