#include "pinyon/engine/transaction.hpp"

#include <cstring>
#include <utility>

#include "pinyon/engine/database_core.hpp"

namespace pinyon {

namespace {

[[noreturn]] void raise_inactive() {
    raise(errc::misuse, "this transaction is over or was moved from: begin another");
}

[[nodiscard]] transaction_core& usable(const std::shared_ptr<transaction_core>& core) {
    if (!core) { raise_inactive(); }
    core->enter();
    return *core;
}

[[noreturn]] void raise_no_such_tree(std::string_view name) {
    raise(errc::no_such_tree,
          "there is no tree named '" + std::string(name) + "': `trees()` lists those there are");
}

// Text of a zero-padded field, which a crafted file may leave unterminated.
template <std::size_t Size>
[[nodiscard]] std::string text_of(const std::array<char, Size>& field) {
    return {field.data(), ::strnlen(field.data(), Size)};
}

[[nodiscard]] std::vector<tree_information> information(transaction_core& core) {
    std::vector<tree_information> result;
    for (const auto& entry : core.list()) {
        const format::catalog_record& record = entry.second;
        tree_information line;
        line.name = entry.first;
        line.key_type = text_of(record.key_type);
        line.value_type = text_of(record.value_type);
        line.fixed_layout = record.layout == static_cast<std::uint8_t>(format::node_layout::fixed);
        line.number = record.tree;
        line.entries = record.root.count;
        line.height = record.root.level + 1;
        line.minimum_degree = record.minimum_degree;
        line.holds_extents = (record.flags & format::catalog_flag_extents) != 0;
        result.push_back(std::move(line));
    }
    return result;
}

}  // namespace

read_transaction::read_transaction(std::shared_ptr<transaction_core> core) noexcept
    : core_(std::move(core)) {}
read_transaction::read_transaction(read_transaction&&) noexcept = default;
read_transaction::~read_transaction() { end(); }

read_transaction& read_transaction::operator=(read_transaction&& other) noexcept {
    if (this != &other) {
        end();
        core_ = std::move(other.core_);
    }
    return *this;
}

raw_tree read_transaction::open_raw(std::string_view name) const {
    opened_tree* tree = usable(core_).open(name);
    if (tree == nullptr) { raise_no_such_tree(name); }
    return raw_tree(core_, tree);
}

raw_tree read_transaction::open_checked(std::string_view name, const tree_types& types,
                                        const tree_options& /*options*/) const {
    opened_tree* tree = usable(core_).open(name);
    if (tree == nullptr) { raise_no_such_tree(name); }
    check_types(tree->record, types, name);
    return raw_tree(core_, tree);
}

bool read_transaction::contains(std::string_view name) const {
    return usable(core_).open(name) != nullptr;
}

std::vector<tree_information> read_transaction::trees() const { return information(usable(core_)); }

std::uint64_t read_transaction::id() const { return usable(core_).id(); }

void read_transaction::end() noexcept {
    if (core_) { static_cast<read_core&>(*core_).finish(); }
    core_.reset();
}

write_transaction::write_transaction(std::shared_ptr<transaction_core> core) noexcept
    : core_(std::move(core)) {}
write_transaction::write_transaction(write_transaction&&) noexcept = default;
write_transaction::~write_transaction() { abort(); }

write_transaction& write_transaction::operator=(write_transaction&& other) noexcept {
    if (this != &other) {
        abort();
        core_ = std::move(other.core_);
    }
    return *this;
}

writable_raw_tree write_transaction::open_raw(std::string_view name) {
    transaction_core& core = usable(core_);
    if (opened_tree* tree = core.open(name); tree != nullptr) {
        return writable_raw_tree(core_, tree);
    }
    return open_checked(name, raw_types(), {});
}

writable_raw_tree write_transaction::open_as(std::string_view name, const tree_types& types,
                                             const tree_options& options) {
    return open_checked(name, types, options);
}

writable_raw_tree write_transaction::open_checked(std::string_view name, const tree_types& types,
                                                  const tree_options& options) {
    transaction_core& core = usable(core_);
    opened_tree* tree = core.open(name);
    if (tree != nullptr) {
        check_types(tree->record, types, name);
    } else {
        tree = core.change([&] {
            return &core.create(name, make_record(types, options, core.store().page_bytes()));
        });
    }
    return writable_raw_tree(core_, tree);
}

bool write_transaction::contains(std::string_view name) const {
    return usable(core_).open(name) != nullptr;
}

std::vector<tree_information> write_transaction::trees() const {
    return information(usable(core_));
}

void write_transaction::rename(std::string_view from, std::string_view to) {
    transaction_core& core = usable(core_);
    core.change([&] { core.rename(from, to); });
}

bool write_transaction::drop(std::string_view name) {
    transaction_core& core = usable(core_);
    return core.change([&] { return core.drop(name); });
}

std::uint64_t write_transaction::commit(durability when) {
    (void)usable(core_);
    const std::uint64_t position = static_cast<write_core&>(*core_).commit(when);
    core_.reset();
    return position;
}

void write_transaction::abort() noexcept {
    if (core_) { static_cast<write_core&>(*core_).abort(); }
    core_.reset();
}

std::uint64_t write_transaction::id() const { return usable(core_).id(); }

}  // namespace pinyon
