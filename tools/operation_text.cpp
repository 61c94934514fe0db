#include "tools/operation_text.hpp"

#include <fmt/format.h>

#include "pinyon/engine/catalog.hpp"
#include "tools/entry_text.hpp"
#include "tools/exit_code.hpp"
#include "tools/inspected_pages.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// Keys and values in a line of text; longer ones are cut.
constexpr std::size_t item_columns = 40;

}  // namespace

operation_text::operation_text(const std::string& file, byte_style style) : style_(style) {
    try {
        inspected_pages pages(file);
        for (const auto& [name, record] : catalog_list(pages.store(), pages.catalog())) {
            const tree_types types = types_of(record);
            trees_[record.tree] = {name, types.key_type, types.value_type};
        }
    } catch (const error& failure) {
        if (exit_code_of(failure.kind()) != exit_code::damage) { throw; }
        problem_ = failure;
    }
}

void operation_text::each(bytes payload, std::uint32_t count,
                          const std::function<void(const operation&)>& use) {
    operation_reader reader(payload, count);
    while (const auto what = reader.next()) {
        if (what->kind == operation_kind::create_tree) { note(*what); }
        use(*what);
        if (what->kind == operation_kind::rename_tree) { note(*what); }
    }
}

void operation_text::note(const operation& what) {
    known_tree& known = trees_[what.tree];
    known.name = std::string(what.name);
    if (what.kind != operation_kind::create_tree) { return; }
    const tree_types types = types_of(what.record);
    known.key_type = types.key_type;
    known.value_type = types.value_type;
}

operation_text::known_tree operation_text::tree(std::uint32_t number) const {
    const auto found = trees_.find(number);
    return found == trees_.end() ? known_tree{} : found->second;
}

std::string operation_text::tree_text(std::uint32_t number) const {
    const known_tree known = tree(number);
    if (known.name.empty()) { return fmt::format("tree {}", number); }
    return "'" + escaped(known.name) + "'";
}

std::string operation_text::key(const operation& what, bytes key) const {
    return clipped(key_text(tree(what.tree).key_type, key, style_), item_columns);
}

std::string operation_text::text(const operation& what) const {
    const std::string of = tree_text(what.tree);
    switch (what.kind) {
        case operation_kind::put:
            return fmt::format(
                "put {} {} = {}", of, key(what, what.key),
                clipped(value_text(tree(what.tree).value_type, what.value, style_), item_columns));
        case operation_kind::erase:
            return fmt::format("erase {} {}", of, key(what, what.key));
        case operation_kind::erase_range:
            return fmt::format("erase {}{}{}", of,
                               what.lower ? " from " + key(what, *what.lower) : "",
                               what.upper ? " up to " + key(what, *what.upper) : "");
        case operation_kind::create_tree:
            return fmt::format("create {} (tree {}, {} to {})", of, what.tree,
                               escaped(tree(what.tree).key_type),
                               escaped(tree(what.tree).value_type));
        case operation_kind::drop_tree:
            return fmt::format("drop {}", of);
        case operation_kind::rename_tree:
            return fmt::format("rename {} to '{}'", of, escaped(what.name));
    }
    return "unknown";
}

json operation_text::as_json(const operation& what) const {
    const known_tree known = tree(what.tree);
    json out{{"operation", name(what.kind)}, {"tree_number", what.tree}};
    if (!known.name.empty()) { out["tree"] = shown_json(known.name, byte_style::automatic); }
    const auto add_key = [&](const char* member, bytes key) {
        out[member] = key_json(known.key_type, key, style_);
    };
    if (what.kind == operation_kind::put || what.kind == operation_kind::erase) {
        add_key("key", what.key);
    }
    if (what.kind == operation_kind::put) {
        out["value"] = value_json(known.value_type, what.value, style_);
    }
    if (what.lower) { add_key("from", *what.lower); }
    if (what.upper) { add_key("to", *what.upper); }
    if (what.kind == operation_kind::rename_tree) {
        out["new_name"] = shown_json(what.name, byte_style::automatic);
    }
    return out;
}

const char* name(operation_kind kind) noexcept {
    switch (kind) {
        case operation_kind::put:
            return "put";
        case operation_kind::erase:
            return "erase";
        case operation_kind::erase_range:
            return "erase_range";
        case operation_kind::create_tree:
            return "create_tree";
        case operation_kind::drop_tree:
            return "drop_tree";
        case operation_kind::rename_tree:
            return "rename_tree";
    }
    return "unknown";
}

}  // namespace pinyon::tool
