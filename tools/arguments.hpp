// The command line as values: one struct a verb. `parse` turns words into one of them, or answers
// --help and --version itself.
//
// Threads: any. Failure: refusal(exit_code::usage).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "pinyon/engine/page_fact.hpp"
#include "tools/csv_reader.hpp"
#include "tools/escape.hpp"
#include "tools/streams.hpp"

namespace CLI {
class App;
}

namespace pinyon::tool {

// What every verb takes.
struct common_arguments {
    std::string file;
    bool json = false;
    bool quiet = false;
    byte_style bytes = byte_style::automatic;
};

// What a verb that reads entries takes: it applies the log beside the file unless told not to.
struct data_arguments : common_arguments {
    bool checkpoint = false;  // the last checkpoint alone
};

// Which entries: by range, by prefix, or all. Keys as written on the command line.
struct range_arguments {
    std::optional<std::string> tree;  // absent: the only one
    std::optional<std::string> from;
    std::optional<std::string> to;
    std::optional<std::string> prefix;
};

struct info_arguments : common_arguments {};

struct check_arguments : common_arguments {
    bool root_descend = false;
    std::uint64_t errors_max = 100;
};

struct stat_arguments : common_arguments {
    std::optional<std::string> tree;
};

struct report_arguments : common_arguments {
    std::string output;
    std::optional<std::string> tree;  // of the keys; absent: the only one
    std::vector<std::string> keys;
    bool values = false;
    bool redact = false;
};

enum class key_format { string, u64, i64, f64, hex };
enum class duplicate_rule { error, first, last };

struct import_arguments : common_arguments {
    std::string input;  // "-": standard input
    std::string tree;
    text_format format = text_format::lines;
    char delimiter = 0;  // 0: the format's own
    bool header = false;
    std::string key = "1";  // column number, or its name in the header
    key_format key_type = key_format::string;
    duplicate_rule duplicates = duplicate_rule::error;
};

struct get_arguments : data_arguments {
    std::optional<std::string> tree;
    std::string key;
};

struct scan_arguments : data_arguments {
    range_arguments range;
    bool reverse = false;
    std::uint64_t limit = UINT64_MAX;
};

struct count_arguments : data_arguments {
    range_arguments range;
};

struct diff_arguments : data_arguments {
    std::string other;
    bool ndjson = false;
    std::optional<std::string> tree;  // absent: all
    std::uint64_t limit = UINT64_MAX;
    bool values = false;
};

// Which pages: all, those of one use, those with findings.
struct page_choice {
    std::optional<page_use> use;
    bool damaged = false;
};

struct pages_arguments : common_arguments {
    bool ndjson = false;
    page_choice kind;
    bool runs = false;
};

struct page_arguments : common_arguments {
    std::uint64_t page = 0;
    bool hex = false;
};

struct owner_arguments : common_arguments {
    std::uint64_t page = 0;
};

enum class map_colouring { kind, tree, fill, age };

struct map_arguments : common_arguments {
    map_colouring by = map_colouring::kind;
};

struct tree_arguments : common_arguments {
    bool ndjson = false;
    std::optional<std::string> tree;
    std::uint64_t depth = UINT64_MAX;
    bool dot = false;
};

struct path_arguments : common_arguments {
    std::optional<std::string> tree;
    std::string key;
};

struct free_arguments : common_arguments {};

struct log_arguments : common_arguments {
    bool ndjson = false;
    bool operations = false;
};

struct compact_arguments : data_arguments {
    std::string output;
};

struct backup_arguments : data_arguments {
    std::string output;
};

// lmdb and bdb: the text that mdb_load and db_load read.
enum class dump_format { lmdb, bdb, ndjson, csv };

struct dump_arguments : data_arguments {
    range_arguments range;
    dump_format format = dump_format::lmdb;
};

struct load_arguments : common_arguments {  // `file` is the dump; "-": standard input
    std::string output;
    std::optional<dump_format> format;     // absent: as the dump begins
    std::string tree = "main";             // of what has no name in the dump
    std::optional<std::uint64_t> entries;  // that the dump must have
    duplicate_rule duplicates = duplicate_rule::error;
    std::uint32_t page_bytes = 0;  // 0: as the dump says
};

struct recover_arguments : common_arguments {
    std::string output;
};

struct bench_arguments : common_arguments {
    std::optional<std::string> tree;
    double seconds = 5;
    std::uint64_t pool_bytes = 0;  // 0: as the library chooses
};

using verb_arguments =
    std::variant<info_arguments, check_arguments, stat_arguments, pages_arguments, page_arguments,
                 owner_arguments, map_arguments, tree_arguments, path_arguments, free_arguments,
                 log_arguments, report_arguments, import_arguments, get_arguments, scan_arguments,
                 count_arguments, diff_arguments, dump_arguments, load_arguments, compact_arguments,
                 backup_arguments, recover_arguments, bench_arguments>;

struct command_line {
    std::string verb;
    verb_arguments arguments;
};

// `words` without the program's name. Nullopt when the answer (help, version) has been written to
// streams.out.
[[nodiscard]] std::optional<command_line> parse(const std::vector<std::string>& words,
                                                const streams& streams);

// Of this program.
[[nodiscard]] const char* program_version() noexcept;

// Shows the parser as it is declared, for what tells people about the command elsewhere.
void look_at_declaration(const std::function<void(CLI::App&)>& look);

}  // namespace pinyon::tool
