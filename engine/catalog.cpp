#include "pinyon/engine/catalog.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "pinyon/engine/cursor.hpp"
#include "pinyon/mmap/error.hpp"

namespace pinyon {
namespace {

using type_name = std::array<char, 32>;

[[noreturn]] void raise_corrupt(const std::string& what) {
    raise(errc::corrupt, "the catalog holds " + what + "; run 'pinyon check' on the file");
}

[[nodiscard]] std::string_view text_of(const type_name& stored) noexcept {
    return {stored.data(), ::strnlen(stored.data(), stored.size())};
}

[[nodiscard]] bool is_printable(char letter) noexcept { return letter > ' ' && letter < '\x7f'; }

[[nodiscard]] bool is_type_name(std::string_view name) noexcept {
    return !name.empty() && name.size() <= sizeof(type_name) &&
           std::all_of(name.begin(), name.end(), is_printable);
}

[[nodiscard]] bool is_stored_type_name(const type_name& stored) noexcept {
    const auto end = std::find(stored.begin(), stored.end(), '\0');
    return is_type_name({stored.data(), static_cast<std::size_t>(end - stored.begin())}) &&
           std::all_of(end, stored.end(), [](char letter) { return letter == '\0'; });
}

void store_type_name(type_name& to, const std::string& name) {
    if (!is_type_name(name)) {
        raise(errc::misuse, "'" + name +
                                "' cannot name a type in the catalog: 1 to 32 visible ASCII "
                                "characters can; give the codec's name() a shorter one");
    }
    to.fill('\0');
    std::copy(name.begin(), name.end(), to.begin());
}

// Hexadecimal is only how tools write a u64.
[[nodiscard]] std::string_view stored_form(std::string_view type) noexcept {
    return type == "hex" ? std::string_view("u64") : type;
}

[[nodiscard]] std::string describe(const tree_types& types) {
    const auto side = [](const std::string& name, std::uint32_t width) {
        return name + (width == 0 ? "" : " of " + std::to_string(width) + " bytes");
    };
    return side(types.key_type, types.key_bytes) + " -> " +
           side(types.value_type, types.value_bytes);
}

[[nodiscard]] node_schema schema_of(const format::catalog_record& record,
                                    std::uint32_t page_bytes) {
    node_schema schema;
    schema.page_bytes = page_bytes;
    schema.tree = record.tree;
    schema.layout = static_cast<format::node_layout>(record.layout);
    schema.minimum_degree = record.minimum_degree;
    if (schema.layout == format::node_layout::fixed) {
        schema.key_bytes = record.key_bytes;
        schema.value_bytes = record.value_bytes;
        schema.value_alignment = record.value_alignment;
    }
    complete(schema);
    return schema;
}

// What no record may say, whatever the page size; null when all is well.
[[nodiscard]] const char* defect_of(const format::catalog_record& record) noexcept {
    if (record.tree == format::catalog_tree) { return "a tree with the catalog's own number"; }
    if (record.layout != static_cast<std::uint8_t>(format::node_layout::fixed) &&
        record.layout != static_cast<std::uint8_t>(format::node_layout::slotted)) {
        return "a tree of unknown layout";
    }
    if (record.layout == static_cast<std::uint8_t>(format::node_layout::fixed) &&
        (record.key_bytes == 0 || record.value_bytes == 0)) {
        return "a tree of fixed layout without widths";
    }
    if (!std::has_single_bit(record.value_alignment) ||
        record.value_alignment > detail::value_alignment_max) {
        return "a tree with an impossible alignment of its values";
    }
    if ((record.flags & ~format::catalog_flag_extents) != 0) { return "a tree with unknown flags"; }
    if (record.reserved0 != 0 || record.reserved1 != 0) {
        return "a record whose reserved bytes are set";
    }
    if (!is_stored_type_name(record.key_type) || !is_stored_type_name(record.value_type)) {
        return "a type name that is not text";
    }
    return nullptr;
}

[[nodiscard]] format::catalog_record record_of(bytes stored) {
    if (stored.size() != sizeof(format::catalog_record)) {
        raise_corrupt("a record of " + std::to_string(stored.size()) + " bytes instead of " +
                      std::to_string(sizeof(format::catalog_record)));
    }
    const auto record = load<format::catalog_record>(stored.data());
    if (const char* defect = defect_of(record)) { raise_corrupt(defect); }
    return record;
}

}  // namespace

node_schema catalog_schema(std::uint32_t page_bytes) {
    node_schema schema;
    schema.page_bytes = page_bytes;
    schema.tree = format::catalog_tree;
    complete(schema);
    return schema;
}

tree_state state_of(const format::catalog_record& record, std::uint32_t page_bytes,
                    std::uint64_t page_limit) {
    if (const char* defect = defect_of(record)) { raise_corrupt(defect); }
    if (record.key_bytes > format::key_bytes_max(page_bytes)) {
        raise_corrupt("a tree whose keys no page can hold");
    }
    const format::root_reference& root = record.root;
    if (root.page < format::first_page(page_bytes) || root.page >= page_limit) {
        raise(errc::corrupt,
              "the catalog names a root outside of the file; run 'pinyon check' on it", root.page);
    }
    if (root.level >= format::height_max || root.count > format::entry_count_max ||
        root.checksum == 0) {
        raise(errc::corrupt, "the catalog holds an impossible root; run 'pinyon check' on the file",
              root.page);
    }
    tree_state state;
    try {
        state.schema = schema_of(record, page_bytes);
    } catch (const error& refusal) {
        raise_corrupt(std::string("a tree that no page can hold (") + refusal.what() + ")");
    }
    state.root = root;
    state.holds_extents = (record.flags & format::catalog_flag_extents) != 0;
    return state;
}

format::catalog_record make_record(const tree_types& types, const tree_options& options,
                                   std::uint32_t page_bytes) {
    const std::uint32_t key_bytes_max = format::key_bytes_max(page_bytes);
    if (types.key_bytes > key_bytes_max) {
        raise(errc::key_too_long,
              "keys of type " + types.key_type + " take " + std::to_string(types.key_bytes) +
                  " bytes; pages of this size take keys of up to " + std::to_string(key_bytes_max) +
                  ": use a shorter key or a file of larger pages");
    }
    // Long structs go where long text goes.
    const bool fixed = types.fixed_layout() &&
                       types.value_bytes <= format::entry_bytes_max(page_bytes) - types.key_bytes;
    if (options.minimum_degree != 0 && !fixed) {
        raise(errc::misuse,
              "a minimum degree needs keys and values of fixed width that take at most " +
                  std::to_string(format::entry_bytes_max(page_bytes)) +
                  " bytes together; leave tree_options::minimum_degree at 0");
    }
    format::catalog_record record{};
    record.minimum_degree = options.minimum_degree;
    record.key_bytes = types.key_bytes;
    record.value_bytes = types.value_bytes;
    record.value_alignment = types.value_alignment;
    record.layout = static_cast<std::uint8_t>(fixed ? format::node_layout::fixed
                                                    : format::node_layout::slotted);
    store_type_name(record.key_type, types.key_type);
    store_type_name(record.value_type, types.value_type);
    static_cast<void>(schema_of(record, page_bytes));
    return record;
}

tree_types types_of(const format::catalog_record& record) {
    return {std::string(text_of(record.key_type)), std::string(text_of(record.value_type)),
            record.key_bytes, record.value_bytes, record.value_alignment};
}

void check_types(const format::catalog_record& record, const tree_types& types,
                 std::string_view name) {
    if (stored_form(text_of(record.key_type)) == stored_form(types.key_type) &&
        stored_form(text_of(record.value_type)) == stored_form(types.value_type) &&
        record.key_bytes == types.key_bytes && record.value_bytes == types.value_bytes) {
        return;
    }
    const tree_types held = types_of(record);
    raise(errc::type_mismatch, "the tree '" + std::string(name) + "' holds " + describe(held) +
                                   ", but is opened as " + describe(types) +
                                   ": open it with the types that it was created with");
}

void check_tree_name(std::string_view name, std::uint32_t page_bytes) {
    const std::uint32_t longest = format::key_bytes_max(page_bytes);
    if (name.empty() || name.size() > longest) {
        raise(errc::misuse, "the name of a tree has 1 to " + std::to_string(longest) +
                                " bytes, this one " + std::to_string(name.size()));
    }
    const auto is_control = [](char letter) {
        return static_cast<unsigned char>(letter) < 0x20 || letter == '\x7f';
    };
    if (std::any_of(name.begin(), name.end(), is_control)) {
        raise(errc::misuse, "the name of a tree must not hold control characters");
    }
}

std::optional<format::catalog_record> catalog_find(page_store& store, const tree_state& catalog,
                                                   std::string_view name) {
    const std::optional<bytes> stored = find(store, catalog, as_bytes(name));
    if (!stored) { return std::nullopt; }
    return record_of(*stored);
}

void catalog_put(page_store& store, tree_state& catalog, std::string_view name,
                 const format::catalog_record& record) {
    put(store, catalog, as_bytes(name), std::as_bytes(std::span(&record, 1)),
        put_mode::replace_or_insert);
}

bool catalog_erase(page_store& store, tree_state& catalog, std::string_view name) {
    return erase(store, catalog, as_bytes(name));
}

std::vector<std::pair<std::string, format::catalog_record>> catalog_list(
    page_store& store, const tree_state& catalog) {
    std::vector<std::pair<std::string, format::catalog_record>> result;
    tree_cursor cursor(store, catalog);
    for (cursor.first(); cursor.valid(); cursor.next()) {
        result.emplace_back(std::string(as_text(cursor.key())), record_of(cursor.value()));
    }
    return result;
}

}  // namespace pinyon
