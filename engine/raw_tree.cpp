#include "pinyon/engine/raw_tree.hpp"

#include <algorithm>

#include "pinyon/engine/bulk_load.hpp"
#include "pinyon/engine/transaction_core.hpp"
#include "pinyon/engine/value_stream.hpp"
#include "pinyon/mmap/error.hpp"

namespace pinyon {
namespace {

[[nodiscard]] bool is_fixed(const opened_tree& tree) noexcept {
    return tree.state.schema.layout == format::node_layout::fixed;
}

// Bytes that a key of the tree has (fixed layout) or has at most.
[[nodiscard]] std::size_t longest_key(const opened_tree& tree) noexcept {
    return is_fixed(tree) ? tree.state.schema.key_bytes
                          : format::key_bytes_max(tree.state.schema.page_bytes);
}

[[noreturn]] void raise_width(const opened_tree& tree, const char* what, const std::string& type,
                              std::size_t width, std::size_t found) {
    raise(errc::type_mismatch, tree.title() + " has " + what + "s of type " + type + ", " +
                                   std::to_string(width) + " bytes each; this " + what + " has " +
                                   std::to_string(found));
}

// True for bytes that are longer than any key. Throws type_mismatch for a width that is not the
// tree's.
[[nodiscard]] bool is_beyond(const opened_tree& tree, bytes key) {
    const std::uint32_t width = tree.record.key_bytes;
    if (width != 0 && key.size() != width) [[unlikely]] {
        raise_width(tree, "key", types_of(tree.record).key_type, width, key.size());
    }
    return key.size() > longest_key(tree);
}

// False when some are longer than any key. Throws type_mismatch as is_beyond does.
[[nodiscard]] bool all_possible(const opened_tree& tree, std::span<const bytes> keys) {
    return std::none_of(keys.begin(), keys.end(), [&](bytes key) { return is_beyond(tree, key); });
}

void check_new_key(const opened_tree& tree, bytes key) {
    const format::catalog_record& record = tree.record;
    if (record.key_bytes != 0 && key.size() != record.key_bytes) {
        raise_width(tree, "key", types_of(record).key_type, record.key_bytes, key.size());
    }
    if (key.size() > longest_key(tree)) {
        raise(errc::key_too_long, "a key of " + std::to_string(key.size()) +
                                      " bytes; in this file keys have at most " +
                                      std::to_string(longest_key(tree)) +
                                      " (an eighth of a page): shorten it, or use larger pages");
    }
}

void check_new_value(const opened_tree& tree, std::uint64_t length) {
    const format::catalog_record& record = tree.record;
    if (record.value_bytes != 0 && length != record.value_bytes) {
        raise_width(tree, "value", types_of(record).value_type, record.value_bytes, length);
    }
    if (length > format::value_bytes_max) {
        raise(errc::value_too_long, "a value of " + std::to_string(length) +
                                        " bytes; values have at most 2^40: store it in several "
                                        "entries");
    }
}

// Zeros behind a short bound of fixed width: the first key that begins with it.
void pad(key_buffer& key, std::size_t width) {
    constexpr std::byte zero{0};
    while (key.size() < width) { key.append({&zero, 1}); }
}

// Places `cut` behind `prefix` and everything that begins with it.
void place_behind(key_cut& cut, bytes prefix, std::size_t padded_to) {
    key_buffer room;
    const bytes after = after_prefix(prefix, room);
    if (after.empty()) {
        cut.where = key_cut::place::back;
        return;
    }
    cut.where = key_cut::place::at;
    cut.key.assign(after);
    pad(cut.key, padded_to);
}

[[nodiscard]] raw_tree::key_and_value entry_at(const tree_cursor& cursor) {
    const bytes key = cursor.key();
    return {std::vector<std::byte>(key.begin(), key.end()), cursor.value()};
}

[[nodiscard]] tree_cursor cursor_of(const detail::tree_access& access, const opened_tree& tree) {
    return {
        access.store(), tree.state,
        access.core().writing() ? tree_cursor::over::changing_tree : tree_cursor::over::snapshot};
}

}  // namespace

namespace detail {

tree_access::tree_access(std::shared_ptr<transaction_core> core, opened_tree* tree) noexcept
    : core_(std::move(core)), life_(core_ ? &core_->life() : nullptr), tree_(tree) {}

opened_tree& tree_access::enter() const {
    if (!core_) [[unlikely]] {
        raise(errc::misuse, "an empty tree handle; open the tree through a transaction");
    }
    core_->enter();
    if (tree_->dropped) [[unlikely]] {
        raise(errc::misuse,
              tree_->title() + " was dropped in this transaction; open it again to create it");
    }
    return *tree_;
}

void raise_short_results(std::size_t keys, std::size_t results) {
    raise(errc::misuse, "get_many has room for " + std::to_string(results) + " results, but got " +
                            std::to_string(keys) + " keys");
}

bool tree_access::usable() const noexcept { return core_ && !core_->over() && !tree_->dropped; }

page_store& tree_access::store() const noexcept { return core_->store(); }

}  // namespace detail

tree_cursor& raw_cursor::enter() {
    const opened_tree& tree = access_.enter();
    if (!cursor_) { cursor_.emplace(cursor_of(access_, tree)); }
    return *cursor_;
}

const tree_cursor& raw_cursor::enter_valid() const {
    access_.enter();
    if (!valid()) [[unlikely]] {
        raise(errc::misuse, "the cursor stands on no entry; test valid() before");
    }
    return *cursor_;
}

bool raw_cursor::first() {
    enter().first();
    return valid();
}

bool raw_cursor::last() {
    enter().last();
    return valid();
}

bool raw_cursor::seek(bytes key) { return seek(raw_tree(access_).cut(key)); }

bool raw_cursor::seek_before(bytes key) { return seek_before(raw_tree(access_).cut(key)); }

bool raw_cursor::seek(const key_cut& cut) {
    switch (cut.where) {
        case key_cut::place::front:
            return first();
        case key_cut::place::at:
            enter().seek(cut.key.view());
            break;
        case key_cut::place::back:
            access_.enter();
            cursor_.reset();
            break;
    }
    return valid();
}

bool raw_cursor::seek_before(const key_cut& cut) {
    switch (cut.where) {
        case key_cut::place::front:
            access_.enter();
            cursor_.reset();
            break;
        case key_cut::place::at:
            enter().seek_before(cut.key.view());
            break;
        case key_cut::place::back:
            return last();
    }
    return valid();
}

bool raw_cursor::seek_nth(std::uint64_t n) {
    enter().seek_nth(n);
    return valid();
}

bool raw_cursor::step_next() {
    enter_valid();
    cursor_->next();
    return valid();
}

bool raw_cursor::step_previous() {
    enter_valid();
    cursor_->previous();
    return valid();
}

bytes raw_cursor::key() const { return enter_valid().key(); }

bytes raw_cursor::value() const { return enter_valid().value(); }

std::pair<bytes, bytes> raw_cursor::entry() const { return enter_valid().entry(); }

std::uint64_t raw_cursor::value_length() const {
    const stored_value stored = enter_valid().stored();
    return stored.extent ? stored.extent->length : stored.inline_bytes.size();
}

std::string_view raw_tree::name() const { return access_.enter().name; }

tree_types raw_tree::types() const { return types_of(access_.enter().record); }

std::optional<bytes> raw_tree::get(bytes key) const {
    const opened_tree& tree = access_.enter();
    if (is_beyond(tree, key)) { return std::nullopt; }
    return find(access_.store(), tree.state, key);
}

void raw_tree::require_readable(bytes view) const {
    access_.store().source().require_readable(view);
}

bool raw_tree::contains(bytes key) const {
    const opened_tree& tree = access_.enter();
    return !is_beyond(tree, key) && find_stored(access_.store(), tree.state, key).has_value();
}

void raw_tree::get_many(std::span<const bytes> keys,
                        std::span<std::optional<bytes>> results) const {
    const opened_tree& tree = access_.enter();
    if (results.size() < keys.size()) { detail::raise_short_results(keys.size(), results.size()); }
    if (all_possible(tree, keys)) {
        pinyon::get_many(access_.store(), tree.state, keys, results);
    } else {
        std::transform(keys.begin(), keys.end(), results.begin(),
                       [&](bytes key) { return get(key); });
    }
}

void raw_tree::prefetch(std::span<const bytes> keys) const {
    const opened_tree& tree = access_.enter();
    if (all_possible(tree, keys)) {
        pinyon::prefetch(access_.store(), tree.state, keys);
        return;
    }
    for (const bytes& key : keys) {
        if (!is_beyond(tree, key)) { pinyon::prefetch(access_.store(), tree.state, {&key, 1}); }
    }
}

std::optional<value_reader> raw_tree::get_stream(bytes key) const {
    const opened_tree& tree = access_.enter();
    if (is_beyond(tree, key)) { return std::nullopt; }
    const auto stored = find_stored(access_.store(), tree.state, key);
    if (!stored) { return std::nullopt; }
    return value_reader(access_, *stored);
}

std::uint64_t raw_tree::size() const { return access_.enter().state.root.count; }

std::uint64_t raw_tree::count(std::optional<bytes> lo, std::optional<bytes> hi) const {
    const std::uint64_t before = lo ? rank(*lo) : 0;
    const std::uint64_t until = hi ? rank(*hi) : size();
    return until > before ? until - before : 0;
}

std::uint64_t raw_tree::count(const key_cut& lo, const key_cut& hi) const {
    const std::uint64_t before = rank(lo);
    const std::uint64_t until = rank(hi);
    return until > before ? until - before : 0;
}

std::uint64_t raw_tree::rank(bytes key) const { return rank(cut(key)); }

std::uint64_t raw_tree::rank(const key_cut& cut) const {
    const opened_tree& tree = access_.enter();
    switch (cut.where) {
        case key_cut::place::front:
            return 0;
        case key_cut::place::at:
            return pinyon::rank(access_.store(), tree.state, cut.key.view());
        case key_cut::place::back:
            break;
    }
    return tree.state.root.count;
}

std::optional<raw_tree::key_and_value> raw_tree::nth(std::uint64_t n) const {
    const opened_tree& tree = access_.enter();
    if (n >= tree.state.root.count) { return std::nullopt; }
    tree_cursor cursor = cursor_of(access_, tree);
    cursor.seek_nth(n);
    if (!cursor.valid()) { return std::nullopt; }
    return entry_at(cursor);
}

std::optional<raw_tree::key_and_value> raw_tree::min() const { return nth(0); }

std::optional<raw_tree::key_and_value> raw_tree::max() const {
    const std::uint64_t entries = size();
    return entries == 0 ? std::nullopt : nth(entries - 1);
}

key_cut raw_tree::cut(bytes key) const {
    const opened_tree& tree = access_.enter();
    const std::size_t longest = longest_key(tree);
    key_cut result;
    // A key of the tree that begins with all of `longest` bytes is those bytes, and below the
    // longer `key`.
    if (key.size() > longest) {
        place_behind(result, key.first(longest), is_fixed(tree) ? longest : 0);
        return result;
    }
    result.where = key_cut::place::at;
    result.key.assign(key);
    if (is_fixed(tree)) { pad(result.key, longest); }
    return result;
}

key_cut raw_tree::cut_after_prefix(bytes prefix) const {
    const opened_tree& tree = access_.enter();
    const std::size_t longest = longest_key(tree);
    // No key begins with a longer prefix: the range is empty wherever both of its cuts stand.
    if (prefix.size() > longest) { return cut(prefix); }
    key_cut result;
    place_behind(result, prefix, is_fixed(tree) ? longest : 0);
    return result;
}

void writable_raw_tree::put(bytes key, bytes value) {
    opened_tree& tree = access_.enter();
    access_.core().change([&] {
        check_new_key(tree, key);
        check_new_value(tree, value.size());
        pending_operation record(access_.core().log());
        if (record) { record->put(tree.record.tree, key, value); }
        pinyon::put(access_.store(), tree.state, key, value, put_mode::replace_or_insert);
        record.keep();
    });
}

bool writable_raw_tree::insert(bytes key, bytes value) {
    opened_tree& tree = access_.enter();
    return access_.core().change([&] {
        check_new_key(tree, key);
        check_new_value(tree, value.size());
        pending_operation record(access_.core().log());
        if (record) { record->put(tree.record.tree, key, value); }
        const bool inserted =
            pinyon::put(access_.store(), tree.state, key, value, put_mode::insert_only);
        if (inserted) { record.keep(); }
        return inserted;
    });
}

bool writable_raw_tree::erase(bytes key) {
    opened_tree& tree = access_.enter();
    return access_.core().change([&] {
        if (is_beyond(tree, key)) { return false; }
        pending_operation record(access_.core().log());
        if (record) { record->erase(tree.record.tree, key); }
        const page_store::reserve_use reserve(access_.store());
        const bool erased = pinyon::erase(access_.store(), tree.state, key);
        if (erased) { record.keep(); }
        return erased;
    });
}

std::uint64_t writable_raw_tree::erase(std::optional<bytes> lo, std::optional<bytes> hi) {
    key_cut from;
    if (lo) { from = cut(*lo); }
    key_cut to;
    to.where = key_cut::place::back;
    if (hi) { to = cut(*hi); }
    return erase(from, to);
}

std::uint64_t writable_raw_tree::erase(const key_cut& lo, const key_cut& hi) {
    opened_tree& tree = access_.enter();
    // A cut may come from a tree of other keys.
    const auto own = [this](const key_cut& any) {
        return any.where == key_cut::place::at ? cut(any.key.view()) : any;
    };
    const key_cut from = own(lo);
    const key_cut to = own(hi);
    return access_.core().change([&]() -> std::uint64_t {
        if (from.where == key_cut::place::back || to.where == key_cut::place::front) { return 0; }
        const auto bound = [](const key_cut& place) {
            return place.where == key_cut::place::at ? std::optional<bytes>(place.key.view())
                                                     : std::nullopt;
        };
        pending_operation record(access_.core().log());
        if (record) { record->erase_range(tree.record.tree, bound(from), bound(to)); }
        const page_store::reserve_use reserve(access_.store());
        const std::uint64_t erased =
            erase_range(access_.store(), tree.state, bound(from), bound(to));
        if (erased != 0) { record.keep(); }
        return erased;
    });
}

value_writer writable_raw_tree::put_stream(bytes key, std::uint64_t length) {
    opened_tree& tree = access_.enter();
    access_.core().enter_change();
    check_new_key(tree, key);
    if (is_fixed(tree)) {
        raise(errc::type_mismatch,
              tree.title() + " holds values of fixed width, which are put as a whole");
    }
    check_new_value(tree, length);
    return value_writer(access_, key, length);
}

raw_loader writable_raw_tree::begin_load(double fill) {
    const opened_tree& tree = access_.enter();
    access_.core().enter_change();
    if (tree.state.root.count != 0) {
        raise(errc::misuse,
              tree.title() + " is not empty: erase its entries before a load, or put them");
    }
    if (!(fill >= 0.5 && fill <= 1.0)) {
        raise(errc::misuse, "the fill factor of a load is between 0.5 and 1");
    }
    return raw_loader(access_, fill);
}

raw_loader::raw_loader(detail::tree_access access, double fill) : access_(std::move(access)) {
    opened_tree& tree = access_.enter();
    loader_ = std::make_unique<bulk_loader>(access_.store(), tree.state, fill);
    changes_ = tree.state.changes;
    access_.core().begin_unfinished();
}

raw_loader::raw_loader(raw_loader&&) noexcept = default;

raw_loader& raw_loader::operator=(raw_loader&& other) noexcept {
    if (this != &other) {
        release();
        access_ = std::move(other.access_);
        loader_ = std::move(other.loader_);
        changes_ = other.changes_;
    }
    return *this;
}

raw_loader::~raw_loader() { release(); }

void raw_loader::close() noexcept {
    loader_.reset();
    access_.core().end_unfinished();
}

// Pages that were built belong to no tree: they are made one, which is dropped.
void raw_loader::release() noexcept {
    if (!loader_) { return; }
    // After the transaction's end its pages have gone back with it; after a failure they will.
    if (access_.usable()) {
        try {
            access_.core().change([&] {
                tree_state& tree = access_.enter().state;
                if (tree.changes != changes_) {
                    raise(errc::transaction_failed, "a tree was changed beside its load");
                }
                loader_->finish();
                drop_tree(access_.store(), tree);
                create_tree(access_.store(), tree);
            });
        } catch (...) {  // NOLINT(bugprone-empty-catch): `change` has failed the transaction
        }
    }
    close();
}

void raw_loader::enter() const {
    const opened_tree& tree = access_.enter();
    if (!loader_) { raise(errc::misuse, "this load is finished; begin another"); }
    if (tree.state.changes != changes_) {
        raise(errc::misuse, tree.title() + " was changed beside its load; load first");
    }
}

void raw_loader::append(bytes key, bytes value) {
    enter();
    opened_tree& tree = access_.enter();
    access_.core().change([&] {
        check_new_key(tree, key);
        check_new_value(tree, value.size());
        loader_->append(key, value);
    });
    changes_ = tree.state.changes;
}

void raw_loader::finish() {
    enter();
    const opened_tree& tree = access_.enter();
    access_.core().change([&] {
        loader_->finish();
        // Its pages are written and sealed: to make them durable is cheaper than to repeat it.
        operation_buffer* log = access_.core().log();
        if (log != nullptr && tree.state.changes != changes_) { log->overflow(); }
    });
    close();
}

}  // namespace pinyon
