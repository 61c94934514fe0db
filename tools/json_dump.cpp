#include "tools/json_dump.hpp"

#include <limits>

#include <fmt/format.h>

#include "tools/entry_notation.hpp"

namespace pinyon::tool {

namespace {

constexpr const char* schema = "pinyon.dump/1";
constexpr std::size_t line_bytes_max = std::size_t{100} << 20;
static_assert(line_bytes_max > 6 * (noted_value_bytes_max + dumped_key_bytes_max) + 100);
// {"key": {"hex": ...}} is as deep as it gets; JSON counts from 0.
constexpr int depth_max = 1;

}  // namespace

void check_noted_value(std::uint64_t value_bytes, const char* format) {
    if (value_bytes <= noted_value_bytes_max) { return; }
    throw refusal(exit_code::no,
                  fmt::format("found a value of {} bytes, expected at most {} in {}", value_bytes,
                              noted_value_bytes_max, format),
                  "the same with --format lmdb");
}

// --- writing -------------------------------------------------------------------------------------

void json_dump_writer::begin(const dump_extent& extent) {
    streams_.out << json{{"schema", schema},
                         {"page_bytes", extent.page_bytes},
                         {"trees", extent.trees}}
                 << '\n';
}

void json_dump_writer::begin_tree(const dumped_tree& tree, std::uint64_t) {
    tree_ = tree;
    entries_ = 0;
    const tree_types& types = tree.types;
    streams_.out << json{{"tree", shown_json(tree.name, byte_style::automatic)},
                         {"key_type", types.key_type},
                         {"key_bytes", types.key_bytes},
                         {"value_type", types.value_type},
                         {"value_bytes", types.value_bytes},
                         {"value_alignment", types.value_alignment},
                         {"minimum_degree", tree.minimum_degree}}
                 << '\n';
}

void json_dump_writer::begin_entry(bytes key, std::uint64_t value_bytes) {
    check_noted_value(value_bytes, "ndjson");
    entry_ = {{"key", noted_key(tree_.types.key_type, key, style_)}};
    value_.clear();
}

void json_dump_writer::end_entry() {
    entry_["value"] = noted_value(tree_.types.value_type, as_bytes(value_), style_);
    streams_.out << entry_ << '\n';
    if (!streams_.out) { streams_.flush_results(); }
    ++entries_;
}

void json_dump_writer::end_tree() {
    streams_.out << json{{"tree", shown_json(tree_.name, byte_style::automatic)},
                         {"entries", entries_}}
                 << '\n';
}

// --- reading -------------------------------------------------------------------------------------

json_dump_reader::json_dump_reader(dump_source source)
    : source_(std::move(source)), lines_(source_.bytes) {}

// Members that come twice and depths that no dump has end here, not in memory.
json json_dump_reader::next_object(const char* expected) {
    at_ = lines_.position();
    if (lines_.at_end()) { source_.refuse_end(at_, expected); }
    if (!lines_.take(line_, line_bytes_max)) {
        source_.refuse(
            at_, fmt::format("the line has more than {} bytes, which is the most", line_bytes_max));
    }
    std::size_t members = 0;
    const auto look = [&](int depth, json::parse_event_t event, json&) {
        const bool opens =
            event == json::parse_event_t::object_start || event == json::parse_event_t::array_start;
        if (opens && (depth > depth_max || event == json::parse_event_t::array_start)) {
            source_.refuse(
                at_, fmt::format("found an array or objects in each other, expected {}", expected));
        }
        if (event == json::parse_event_t::key && depth == 1) { ++members; }
        return true;
    };
    json object;
    try {
        object = json::parse(line_, look);
    } catch (const json::exception&) {
        // A line without an end at the end of the input was cut.
        const bool cut = lines_.at_end();
        source_.refuse(at_, fmt::format("found no JSON, expected {}", expected),
                       cut ? exit_code::incomplete : exit_code::no);
    }
    if (!object.is_object() || object.size() != members) {
        source_.refuse(at_, fmt::format("found no object with members of different names, "
                                        "expected {}",
                                        expected));
    }
    return object;
}

std::uint64_t json_dump_reader::number(const json& object, const char* name,
                                       std::uint64_t most) const {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number_unsigned() ||
        found->get<std::uint64_t>() > most) {
        source_.refuse(at_, fmt::format("expected a member \"{}\" that is a whole number up to {}",
                                        name, most));
    }
    return found->get<std::uint64_t>();
}

std::string json_dump_reader::text(const json& object, const char* name) const {
    const auto found = object.find(name);
    const auto value = found == object.end() ? std::nullopt : bytes_of(*found);
    if (!value) {
        source_.refuse(at_, fmt::format("expected a member \"{}\" that is a text", name));
    }
    return *value;
}

void json_dump_reader::read_start() {
    const json object = next_object("{\"schema\": \"pinyon.dump/1\", ...}");
    if (text(object, "schema") != schema || object.size() != 3) {
        source_.refuse(at_,
                       "expected {\"schema\": \"pinyon.dump/1\", \"page_bytes\": N, "
                       "\"trees\": N}");
    }
    page_bytes_ = static_cast<std::uint32_t>(number(object, "page_bytes", format::page_bytes_max));
    trees_ = number(object, "trees", std::numeric_limits<std::uint32_t>::max());
    started_ = true;
}

bool json_dump_reader::next_tree(dumped_tree& out) {
    if (!started_) { read_start(); }
    if (trees_read_ == trees_) {
        if (!lines_.at_end()) {
            source_.refuse(lines_.position(),
                           fmt::format("found more behind the {} trees announced, expected the "
                                       "end",
                                       trees_));
        }
        return false;
    }
    const json object = next_object("the object of the next tree");
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    const auto small = [&](const char* name) {
        return static_cast<std::uint32_t>(number(object, name, most));
    };
    out = {};
    out.name = text(object, "tree");
    out.types.key_type = text(object, "key_type");
    out.types.key_bytes = small("key_bytes");
    out.types.value_type = text(object, "value_type");
    out.types.value_bytes = small("value_bytes");
    out.types.value_alignment = static_cast<std::uint16_t>(
        number(object, "value_alignment", std::numeric_limits<std::uint16_t>::max()));
    out.minimum_degree = small("minimum_degree");
    out.page_bytes = page_bytes_;
    out.at = at_;
    if (object.size() != 7 || out.name.empty()) {
        source_.refuse(at_, "found other members than pinyon dump writes for a tree");
    }
    name_ = out.name;
    types_ = out.types;
    entries_ = 0;
    ++trees_read_;
    return true;
}

bool json_dump_reader::next_entry(dumped_entry& out) {
    const json object = next_object("an entry, or {\"tree\": ..., \"entries\": N}");
    if (object.contains("tree")) {
        end_tree(object);
        return false;
    }
    if (object.size() != 2 || !object.contains("key") || !object.contains("value")) {
        source_.refuse(at_, "found other members, expected \"key\" and \"value\"");
    }
    auto key = key_of(types_.key_type, object["key"]);
    if (!key) { source_.refuse(at_, "the key is none of type " + types_.key_type); }
    auto value = value_of(types_.value_type, object["value"]);
    if (!value) { source_.refuse(at_, "the value is none of type " + types_.value_type); }
    out.key = *std::move(key);
    out.value = *std::move(value);
    out.at = at_;
    ++entries_;
    return true;
}

void json_dump_reader::end_tree(const json& object) {
    if (object.size() != 2 || text(object, "tree") != name_) {
        source_.refuse(
            at_, fmt::format("expected {{\"tree\": \"{}\", \"entries\": {}}}", name_, entries_),
            exit_code::incomplete);
    }
    source_.check_count(at_, entries_,
                        number(object, "entries", std::numeric_limits<std::uint64_t>::max()));
}

}  // namespace pinyon::tool
