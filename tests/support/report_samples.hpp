// Files that reports are made of in tests: of every size, damaged, and with hostile contents.
#pragma once

#include <string>

#include "pinyon/engine/database.hpp"
#include "support/tool_call.hpp"

namespace pinyon::test {

// What would end a script, a comment, a string or a line, or turn the reading direction.
inline const std::vector<std::string> hostile_texts{
    "</script><script>document.title='taken'</script>",
    "<!--<script>",
    "-->",
    "<img src=x onerror=\"document.title='taken'\">",
    "\";document.title='taken';//",
    "'+document.title+'",
    "{{script}}",
    "\\u003c/script\\u003e",
    std::string("nul\0byte", 8),
    "\x1b[2J\x9b\x07 bell",
    "\xe2\x80\xa8line\xe2\x80\xa9paragraph",
    "\xe2\x80\xaeright to left",
    "\xff\xfe not UTF-8 \xc3",
    "]]>",
};

inline database new_database(const std::string& file) {
    options chosen;
    chosen.pool_bytes = std::uint64_t{16} << 20;
    return database::open(file, chosen);
}

inline void make_empty(const std::string& file) { new_database(file).close(); }

inline void make_one_page(const std::string& file) {
    database made = new_database(file);
    made.update([](write_transaction& tx) {
        auto tree = tx.open(tree_spec<std::string_view, std::string_view>{"words"});
        tree.put("pine", "pinus");
        tree.put("pinyon", "pinus edulis");
    });
    made.close();
}

// Keys, values and the names of trees are hostile; names hold no control bytes.
inline void make_hostile(const std::string& file) {
    database made = new_database(file);
    made.update([](write_transaction& tx) {
        for (const char* name : {"</script><script>document.title='taken'</script>", "<!-- tree",
                                 "{{data}}", "\xe2\x80\xa8 \xe2\x80\xae", "\xff"}) {
            auto tree = tx.open(tree_spec<std::string_view, std::string_view>{name});
            for (const std::string& text : hostile_texts) {
                tree.put(text, text);
                // Enough of them that they become fences.
                for (int i = 0; i < 40; ++i) { tree.put(text + std::to_string(i), text); }
            }
        }
    });
    made.close();
}

// Several kinds of trees and a large value, written in many transactions, with holes between: a
// file for looking at. `scale` 10 makes some 4,000 pages.
inline void make_mixed(const std::string& file, int scale) {
    database made = new_database(file);
    const auto entries = static_cast<std::uint64_t>(scale) * 10'000;
    const tree_spec<std::uint64_t, std::uint64_t> numbers{"numbers"};
    const tree_spec<std::string_view, std::string_view> users{"users"};
    const tree_spec<std::string_view, std::string_view> images{"images"};
    for (std::uint64_t round = 0; round < 50; ++round) {
        made.update(
            [&](write_transaction& tx) {
                auto by_number = tx.open(numbers);
                auto by_name = tx.open(users);
                for (std::uint64_t i = round; i < entries; i += 50) {
                    by_number.put(i * 7919 % (entries * 4), i);
                    if (i % 4 == 0) {
                        by_name.put("user:" + std::to_string(i * 104729 % 1'000'003),
                                    std::string(20 + i % 60, 'x'));
                    }
                }
                auto pictures = tx.open(images);
                pictures.put("image " + std::to_string(round),
                             std::string(30'000 + round * 4000, 'p'));
                if (round % 3 == 2) { pictures.erase("image " + std::to_string(round - 1)); }
            },
            round % 10 == 0 ? durability::checkpoint : durability::relaxed);
    }
    made.close();
}

inline void flip(const std::string& file, std::uint64_t offset) {
    std::string content = read_file(file);
    content.at(offset) = static_cast<char>(content.at(offset) ^ 0x10);
    write_file(file, content);
}

}  // namespace pinyon::test
