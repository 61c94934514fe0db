// From records to entries: which column is the key, how its text becomes a key in normal form, and
// what of the record is the value.
//
// Threads: one. Failure: refusal naming line and column.
#pragma once

#include <string>
#include <vector>

#include "pinyon/engine/bytes.hpp"
#include "pinyon/engine/tree_types.hpp"
#include "tools/arguments.hpp"
#include "tools/csv_reader.hpp"

namespace pinyon::tool {

// The catalog's word for the keys of an import.
[[nodiscard]] const char* imported_key_type(key_format format) noexcept;
// The types of the tree that an import with this key type fills.
[[nodiscard]] tree_types imported_types(key_format format);

class import_columns {
public:
    // `arguments` and `reader` outlive this. Reads the header when there is one.
    import_columns(const import_arguments& arguments, csv_reader& reader);

    struct entry {
        bytes key;
        std::string_view value;
        text_position at;  // of the key
    };
    // The next entry; false at the end. Its views last until the next call.
    bool next(entry& out);

private:
    void find_column(const std::vector<text_field>* header);
    [[nodiscard]] bytes encode(const text_field& field);
    template <class Number>
    [[nodiscard]] bytes encode_number(const text_field& field, const char* expected, int base);

    const import_arguments& arguments_;
    csv_reader& reader_;
    std::size_t column_ = 0;
    std::vector<text_field> fields_;
    key_buffer key_;
    std::string value_;
};

}  // namespace pinyon::tool
