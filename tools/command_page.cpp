#include <map>

#include <fmt/format.h>

#include "tools/commands.hpp"
#include "tools/entry_text.hpp"
#include "tools/file_watch.hpp"
#include "tools/hex_dump.hpp"
#include "tools/page_picture.hpp"
#include "tools/page_survey.hpp"
#include "tools/page_text.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// Keys and values in a table; longer ones are cut.
constexpr std::size_t key_columns = 40;
constexpr std::size_t value_columns = 50;

// The page, with what is known of it; no survey: a lone meta.
struct page_story {
    const page_arguments& arguments;
    const page_survey* survey = nullptr;
    page_picture picture;
    std::uint64_t offset = 0;  // in the file

    [[nodiscard]] const page_row* row() const {
        return survey == nullptr ? nullptr : &survey->at(arguments.page);
    }
};

std::string reference_text(const std::string& value) {
    if (value.size() != sizeof(format::extent_reference)) {
        return fmt::format("a reference of {} bytes, expected {}", value.size(),
                           sizeof(format::extent_reference));
    }
    const auto reference = load<format::extent_reference>(as_bytes(value).data());
    return fmt::format("-> page {}: a large value of {} bytes", reference.first,
                       grouped(reference.length));
}

std::string payload_text(const page_story& story, const node_entry& entry) {
    if (entry.child) {
        return fmt::format("-> page {}: {} entries, checksum {}", entry.child->page,
                           grouped(entry.child->count), hex_number(entry.child->checksum, 4));
    }
    if (entry.is_reference) { return reference_text(entry.value); }
    return clipped(
        value_text(story.picture.value_type, as_bytes(entry.value), story.arguments.bytes),
        value_columns);
}

std::string entries_text(const page_story& story, bool coloured) {
    const page_picture& picture = story.picture;
    text_table table({">#", ">offset", ">cell", "key", picture.level == 0 ? "value" : "child", ""});
    for (std::size_t i = 0; i < picture.node->entries.size(); ++i) {
        const node_entry& entry = picture.node->entries[i];
        const bool open_below = picture.level != 0 && i == 0 && !picture.node->bounds.lower;
        table.row(
            {std::to_string(i), std::to_string(story.offset + entry.offset),
             std::to_string(story.offset + entry.place),
             open_below
                 ? "(open)"
                 : clipped(key_text(picture.key_type, as_bytes(entry.key), story.arguments.bytes),
                           key_columns),
             payload_text(story, entry),
             entry.defect.empty() ? "" : painted("wrong: " + entry.defect, colour::red, coloured)});
    }
    return table.text(coloured);
}

std::string node_text(const page_story& story, bool coloured) {
    const node_picture& node = *story.picture.node;
    std::string out = "\nheader\n" + node.header.text(story.offset, coloured);
    const std::string& type = story.picture.key_type;
    const std::string range = range_text(type, node.bounds, story.arguments.bytes);
    out += "\nfences  " + range;
    if (const page_row* const row = story.row(); row->is_node()) {
        const std::string expected =
            range_text(type, story.survey->bounds(*row), story.arguments.bytes);
        if (range != expected) {
            out += "  " + painted("wrong: expected " + expected, colour::red, coloured);
        }
    }
    if (!node.defect.empty()) {
        out += "\n" + painted("wrong: " + node.defect, colour::red, coloured);
    }
    return out + "\n\n" + entries_text(story, coloured);
}

// What begins where in the page, for the dump.
std::multimap<std::uint64_t, std::string> marks_of(const page_picture& picture) {
    std::multimap<std::uint64_t, std::string> marks;
    if (!picture.node) {
        for (const auto& [heading, list] : picture.lists) {
            for (const page_field& each : list.all()) {
                if (each.bytes != 0) { marks.emplace(each.offset, each.name); }
            }
        }
        return marks;
    }
    for (const page_field& each : picture.node->header.all()) {
        if (each.bytes != 0) { marks.emplace(each.offset, each.name); }
    }
    for (std::size_t i = 0; i < picture.node->entries.size(); ++i) {
        const node_entry& entry = picture.node->entries[i];
        marks.emplace(entry.offset, fmt::format("key {}", i));
        marks.emplace(entry.place, fmt::format("{} {}", entry.child ? "child" : "entry", i));
    }
    return marks;
}

std::string heading_text(const page_story& story, bool coloured) {
    std::string out =
        fmt::format("{}  offset {}",
                    painted(fmt::format("page {}", story.arguments.page), colour::bold, coloured),
                    story.offset);
    const page_row* const row = story.row();
    if (row == nullptr) { return out + "  meta\n"; }
    out += "  " + use_text(row->use);
    if (row->tree) { out += " of " + tree_text(*story.survey, *row->tree); }
    if (row->is_node()) { out += fmt::format(", level {}", row->level); }
    if (row->parent) { out += fmt::format(", parent page {}", *row->parent); }
    out += "\n";
    for (const finding* each : story.survey->findings_of(story.arguments.page)) {
        out += fmt::format("  {}  {}: {}\n", painted("damaged", colour::red, coloured),
                           name(each->kind), escaped(each->text));
    }
    return out;
}

std::string as_text(const page_story& story, bool coloured) {
    std::string out = heading_text(story, coloured);
    for (const std::string& each : story.picture.remarks) { out += "  " + each + "\n"; }
    for (const auto& [heading, list] : story.picture.lists) {
        out += "\n" + heading + "\n" + list.text(story.offset, coloured);
    }
    if (story.picture.node) { out += node_text(story, coloured); }
    if (story.arguments.hex) {
        out += "\n" + hex_dump(story.picture.content, story.offset, marks_of(story.picture));
    }
    return out;
}

json entry_json(const page_story& story, const node_entry& entry) {
    const byte_style style = story.arguments.bytes;
    json out{{"offset", story.offset + entry.offset},
             {"place", story.offset + entry.place},
             {"key", key_json(story.picture.key_type, as_bytes(entry.key), style)}};
    if (entry.child) {
        out["child"] = {{"page", entry.child->page},
                        {"entries", entry.child->count},
                        {"checksum", hex_number(entry.child->checksum, 4)}};
    } else if (entry.is_reference) {
        out["large_value"] = reference_text(entry.value);
    } else {
        out["value"] = value_json(story.picture.value_type, as_bytes(entry.value), style);
    }
    if (!entry.defect.empty()) { out["defect"] = entry.defect; }
    return out;
}

json node_json(const page_story& story) {
    const node_picture& node = *story.picture.node;
    const std::string& type = story.picture.key_type;
    json out{{"header", node.header.as_json(story.offset)},
             {"lower", bound_json(type, node.bounds.lower, story.arguments.bytes)},
             {"upper", bound_json(type, node.bounds.upper, story.arguments.bytes)}};
    if (!node.defect.empty()) { out["defect"] = node.defect; }
    out["entries"] = json::array();
    for (const node_entry& each : node.entries) {
        out["entries"].push_back(entry_json(story, each));
    }
    return out;
}

json as_json(const page_story& story) {
    json out{{"schema", "pinyon.page/1"},
             {"file", escaped(story.arguments.file)},
             {"page", story.arguments.page},
             {"offset", story.offset}};
    const page_row* const row = story.row();
    out["kind"] = row == nullptr ? "meta" : name(row->use);
    if (row != nullptr) {
        if (row->tree) { out["tree"] = tree_name_json(*story.survey, *row->tree); }
        if (row->is_node()) { out["level"] = row->level; }
        if (row->parent) { out["parent"] = *row->parent; }
        out["sound"] = !story.survey->is_damaged(*row);
        out["findings"] = json::array();
        for (const finding* each : story.survey->findings_of(story.arguments.page)) {
            out["findings"].push_back({{"kind", name(each->kind)}, {"text", escaped(each->text)}});
        }
    }
    out["remarks"] = story.picture.remarks;
    out["lists"] = json::array();
    for (const auto& [heading, list] : story.picture.lists) {
        out["lists"].push_back({{"name", heading}, {"fields", list.as_json(story.offset)}});
    }
    if (story.picture.node) { out["node"] = node_json(story); }
    if (story.arguments.hex) { out["hex"] = hexadecimal(pinyon::as_text(story.picture.content)); }
    return out;
}

void write(const page_story& story, const streams& streams) {
    if (story.arguments.json) {
        streams.out << as_json(story).dump(2) << '\n';
    } else {
        streams.out << as_text(story, streams.out_colour);
    }
    streams.flush_results();
}

// Of a file with neither meta usable its metas can still be shown.
[[noreturn]] void show_lone_meta(const page_arguments& arguments, const error& failure,
                                 const streams& streams) {
    write({arguments, nullptr, picture_of_lone_meta(arguments.file, arguments.page),
           arguments.page * format::meta_block_bytes},
          streams);
    throw error(failure);
}

}  // namespace

exit_code run_page(const page_arguments& arguments, const streams& streams) {
    if (arguments.hex && arguments.bytes == byte_style::redacted) {
        throw refusal(exit_code::usage, "--hex shows all bytes: leave out --bytes=redacted",
                      "pinyon page --help");
    }
    std::optional<page_survey> survey;
    try {
        survey.emplace(arguments, streams, "page", true);
    } catch (const error& failure) {
        if (failure.kind() != errc::corrupt || arguments.page > 1) { throw; }
        show_lone_meta(arguments, failure, streams);
    }
    survey->require_unmoved();
    survey->require_page(arguments.page);
    const page_row& row = survey->at(arguments.page);
    write({arguments, &*survey, picture_of(*survey, arguments.page),
           arguments.page * survey->summary().page_bytes},
          streams);
    if (!survey->is_damaged(row)) {
        require_both_metas(arguments.file);
        return exit_code::fine;
    }
    throw refusal(exit_code::damage,
                  fmt::format("page {} is damaged: {}", arguments.page, note_text(*survey, row)),
                  "pinyon check " + shell_quoted(arguments.file));
}

}  // namespace pinyon::tool
