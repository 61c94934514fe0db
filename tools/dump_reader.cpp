#include "tools/dump_reader.hpp"

#include <array>

#include <fmt/format.h>

#include "tools/csv_dump.hpp"
#include "tools/escape.hpp"
#include "tools/json_dump.hpp"
#include "tools/text_dump_reader.hpp"

namespace pinyon::tool {

namespace {

// Enough to tell the formats apart.
constexpr std::size_t front_bytes = 8;

// Reads the first bytes, and has `source` give them again.
std::string look_ahead(byte_source& source) {
    std::string front;
    std::array<char, front_bytes> room{};
    while (front.size() < front_bytes) {
        const std::size_t got = source(std::span(room).first(front_bytes - front.size()));
        if (got == 0) { break; }
        front.append(room.data(), got);
    }
    source = [front, given = std::size_t{0}, rest = source](std::span<char> out) mutable {
        if (given == front.size()) { return rest(out); }
        const std::size_t part = front.copy(out.data(), out.size(), given);
        given += part;
        return part;
    };
    return front;
}

dump_format format_of(std::string_view front, const dump_source& source) {
    if (front.starts_with("VERSION=")) { return dump_format::lmdb; }
    if (front.starts_with("{")) { return dump_format::ndjson; }
    if (front.starts_with("key:") || front.starts_with("\"key:")) { return dump_format::csv; }
    if (front.empty()) { source.refuse_end({}, "VERSION=3, or another beginning of a dump"); }
    source.refuse({}, fmt::format("found '{}', expected VERSION=3 (of mdb_dump, db_dump or pinyon "
                                  "dump), {{ (ndjson) or key: (csv)",
                                  front));
}

}  // namespace

std::string dump_source::look_at(std::uint64_t line) const {
    if (name == "standard input" || name.empty()) { return "pinyon load --help"; }
    return fmt::format("sed -n {}p {} | cut -c1-200", line, shell_quoted(name));
}

void dump_source::refuse(text_position at, const std::string& text, exit_code code) const {
    throw refusal(code, fmt::format("line {}, column {}: {}", at.line, at.column, text),
                  look_at(at.line));
}

void dump_source::refuse_end(text_position at, const std::string& expected) const {
    throw refusal(exit_code::incomplete,
                  fmt::format("line {}: the dump ends here, expected {}: a part of it is missing",
                              at.line, expected),
                  "the dump again, to its end");
}

void dump_source::check_count(text_position at, std::uint64_t found,
                              std::uint64_t announced) const {
    if (found == announced) { return; }
    refuse(at, fmt::format("found {} entries, expected {} as announced", found, announced),
           found < announced ? exit_code::incomplete : exit_code::no);
}

std::unique_ptr<dump_reader> make_dump_reader(const load_arguments& arguments, dump_source source) {
    std::optional<dump_format> format = arguments.format;
    if (!format) {
        const std::string front = look_ahead(source.bytes);
        format = format_of(front, source);
    }
    switch (*format) {
        case dump_format::ndjson:
            return std::make_unique<json_dump_reader>(std::move(source));
        case dump_format::csv:
            if (!arguments.entries) {
                throw refusal(exit_code::usage,
                              "csv does not say where it ends: expected --entries N, which pinyon "
                              "dump wrote to standard error",
                              "pinyon load --help");
            }
            return std::make_unique<csv_dump_reader>(std::move(source));
        case dump_format::lmdb:
        case dump_format::bdb:
            break;
    }
    return std::make_unique<text_dump_reader>(std::move(source));
}

}  // namespace pinyon::tool
