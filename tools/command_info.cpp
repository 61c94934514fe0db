#include <fmt/format.h>

#include "pinyon/engine/checkpoint.hpp"
#include "pinyon/engine/meta.hpp"
#include "tools/commands.hpp"
#include "tools/file_watch.hpp"
#include "tools/inspected_file.hpp"
#include "tools/meta_picture.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

// Everything that is shown; what could not be read is named in `damage`.
struct file_picture {
    std::uint64_t file_bytes = 0;
    meta_slots metas;
    std::optional<format::free_image_header> space;
    std::optional<std::vector<tree_information>> trees;
    std::vector<std::string> damage;
};

bool is_clean(const format::meta& meta) { return (meta.flags & format::meta_flag_clean) != 0; }

// Errors that are about one part of the file; the others are still worth showing.
template <class Look>
void gather(file_picture& picture, const char* part, Look&& look) {
    try {
        look();
    } catch (const error& failure) {
        if (exit_code_of(failure.kind()) != exit_code::damage) { throw; }
        picture.damage.push_back(fmt::format("{}: {}", part, failure.what()));
    }
}

format::free_image_header free_header(io::file& file, const format::meta& meta) {
    if (meta.free_pages == 0) { return {}; }
    const std::vector<std::byte> image = read_image(file, meta);
    format::free_image_header header{};
    if (image.size() >= sizeof header) { std::memcpy(&header, image.data(), sizeof header); }
    return header;
}

file_picture look_at(const std::string& path) {
    file_picture picture;
    const auto file = open_to_inspect(path);
    picture.file_bytes = file->size();
    picture.metas = read_metas(*file, path);
    for (unsigned slot = 0; slot < 2; ++slot) {
        if (!picture.metas.valid[slot]) {
            picture.damage.push_back(fmt::format("meta {} (offset {}): {}", slot,
                                                 format::meta_offset[slot],
                                                 picture.metas.defect[slot]));
        }
    }
    gather(picture, "free space",
           [&] { picture.space = free_header(*file, picture.metas.current()); });
    gather(picture, "catalog", [&] { picture.trees = inspected_file(path).snapshot().trees(); });
    return picture;
}

std::string layout_text(const tree_information& tree) {
    if (tree.minimum_degree != 0) { return fmt::format("fixed, degree {}", tree.minimum_degree); }
    return tree.fixed_layout ? "fixed" : "slotted";
}

json meta_json(const file_picture& picture, unsigned slot) {
    json out{{"slot", slot}, {"offset", format::meta_offset[slot]}};
    const auto& meta = picture.metas.valid[slot];
    out["valid"] = meta.has_value();
    if (!meta) {
        out["defect"] = escaped(picture.metas.defect[slot]);
        return out;
    }
    out["newest"] = slot == picture.metas.newest();
    out["sequence"] = meta->sequence;
    out["transaction"] = meta->transaction;
    out["clean"] = is_clean(*meta);
    out["pages"] = meta->page_count;
    out["catalog"] = {{"page", meta->catalog.page},
                      {"entries", meta->catalog.count},
                      {"level", meta->catalog.level}};
    out["free_space"] = {{"first_page", meta->free_first}, {"pages", meta->free_pages}};
    out["log"] = {{"id", meta->log_id},
                  {"position", meta->log_position},
                  {"first_segment", meta->log_first_segment}};
    return out;
}

json tree_json(const tree_information& tree) {
    return {{"name", shown_json(tree.name, byte_style::automatic)},
            {"number", tree.number},
            {"key_type", escaped(tree.key_type)},
            {"value_type", escaped(tree.value_type)},
            {"layout", tree.fixed_layout ? "fixed" : "slotted"},
            {"minimum_degree", tree.minimum_degree},
            {"entries", tree.entries},
            {"levels", tree.height},
            {"large_values", tree.holds_extents}};
}

json as_json(const std::string& path, const file_picture& picture, bool beside_writer) {
    const format::meta& meta = picture.metas.current();
    json out{{"schema", "pinyon.info/1"},
             {"file", escaped(path)},
             {"bytes", picture.file_bytes},
             {"format_version", meta.version},
             {"page_bytes", meta.page_bytes},
             {"uuid", uuid_text(meta.uuid)},
             {"incompatible_features", meta.incompatible_features},
             {"compatible_features", meta.compatible_features},
             {"open_for_writing", beside_writer}};
    out["metas"] = {meta_json(picture, 0), meta_json(picture, 1)};
    out["pages"] = meta.page_count;
    if (picture.space) {
        out["free_pages"] = picture.space->free_pages;
        out["pending_pages"] = picture.space->pending_pages;
    }
    if (picture.trees) {
        out["trees"] = json::array();
        for (const tree_information& each : *picture.trees) {
            out["trees"].push_back(tree_json(each));
        }
    }
    out["damage"] = json::array();
    for (const std::string& each : picture.damage) { out["damage"].push_back(escaped(each)); }
    return out;
}

std::string metas_text(const file_picture& picture, bool coloured) {
    text_table table(
        {"meta", "state", ">sequence", ">transaction", ">pages", ">catalog page", "closed"});
    for (unsigned slot = 0; slot < 2; ++slot) {
        const auto& meta = picture.metas.valid[slot];
        if (!meta) {
            table.row({std::to_string(slot), painted("damaged", colour::red, coloured)});
            continue;
        }
        table.row({std::to_string(slot), slot == picture.metas.newest() ? "newest" : "older",
                   grouped(meta->sequence), grouped(meta->transaction), grouped(meta->page_count),
                   grouped(meta->catalog.page), is_clean(*meta) ? "clean" : "not clean"});
    }
    return table.text(coloured);
}

std::string trees_text(const std::vector<tree_information>& trees, bool coloured) {
    if (trees.empty()) { return "  no trees\n"; }
    text_table table({"tree", "key", "value", "layout", ">entries", ">levels"});
    for (const tree_information& each : trees) {
        table.row({escaped(each.name), escaped(each.key_type), escaped(each.value_type),
                   layout_text(each), grouped(each.entries), std::to_string(each.height)});
    }
    return table.text(coloured);
}

std::string as_text(const std::string& path, const file_picture& picture, bool coloured) {
    const format::meta& meta = picture.metas.current();
    const std::uint64_t page_bytes = meta.page_bytes;
    std::string out = painted(escaped(path), colour::bold, coloured) + "\n";
    text_table facts({"", ""});
    facts.row({"format", fmt::format("Pinyon file, version {}, {} KiB pages", meta.version,
                                     page_bytes / 1024)});
    facts.row({"size", fmt::format("{} ({} pages in use by the format, {} allocated)",
                                   byte_size(picture.file_bytes), grouped(meta.page_count),
                                   grouped(picture.file_bytes / page_bytes))});
    facts.row({"uuid", uuid_text(meta.uuid)});
    if (picture.space) {
        facts.row({"free", fmt::format("{} pages, {}; {} more held for the older meta",
                                       grouped(picture.space->free_pages),
                                       byte_size(picture.space->free_pages * page_bytes),
                                       grouped(picture.space->pending_pages))});
    }
    facts.row({"log", meta.log_id == 0 ? "none"
                                       : fmt::format("{:016x} from position {}", meta.log_id,
                                                     meta.log_position)});
    out += facts.text(coloured) + "\n" + metas_text(picture, coloured) + "\n";
    if (picture.trees) { out += trees_text(*picture.trees, coloured); }
    return out;
}

}  // namespace

exit_code run_info(const info_arguments& arguments, const streams& streams) {
    const file_watch watch(arguments, streams);
    const file_picture picture = look_at(arguments.file);
    const bool damaged = !picture.damage.empty();
    if (arguments.json) {
        streams.out << as_json(arguments.file, picture, watch.beside_writer()).dump(2) << '\n';
    } else {
        streams.out << as_text(arguments.file, picture, streams.out_colour);
    }
    if (!damaged) { return exit_code::fine; }
    streams.flush_results();
    if (watch.moved_on()) {
        throw refusal(exit_code::incomplete,
                      "a writer changed the file while it was read: " + picture.damage.front(),
                      "pinyon info " + shell_quoted(arguments.file));
    }
    throw refusal(exit_code::damage, fmt::format("{}", fmt::join(picture.damage, "; ")),
                  "pinyon check " + shell_quoted(arguments.file));
}

}  // namespace pinyon::tool
