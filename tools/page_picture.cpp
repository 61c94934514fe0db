#include "tools/page_picture.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "pinyon/engine/catalog.hpp"
#include "tools/entry_text.hpp"
#include "tools/extent_place.hpp"
#include "tools/meta_picture.hpp"
#include "tools/page_text.hpp"
#include "tools/table.hpp"

namespace pinyon::tool {

namespace {

void add_metas(page_picture& picture, std::uint64_t page, std::uint32_t page_bytes) {
    const bytes content = picture.content;
    for (unsigned slot = 0; slot < 2; ++slot) {
        const std::uint64_t offset = format::meta_offset[slot];
        if (offset / page_bytes != page) { continue; }
        const std::uint64_t at = std::min<std::uint64_t>(offset % page_bytes, content.size());
        const bytes rest = content.subspan(at);
        const bytes block =
            rest.first(std::min<std::size_t>(rest.size(), format::meta_block_bytes));
        const field_list fields = meta_fields(block, slot);
        field_list placed;
        for (const page_field& each : fields.all()) {
            placed.add(at + each.offset, each.bytes, each.name, each.found, each.expected);
        }
        picture.lists.emplace_back(fmt::format("meta {}", slot), std::move(placed));
    }
}

class picture_maker {
public:
    picture_maker(const page_survey& survey, std::uint64_t page)
        : survey_(survey),
          page_(page),
          row_(survey.at(page)),
          seal_{seed_of(survey.summary().uuid), survey.summary().page_bytes} {
        picture_.content = survey.content({page, 1});
    }

    [[nodiscard]] page_picture make() {
        const std::uint32_t page_bytes = survey_.summary().page_bytes;
        if (row_.use == page_use::meta) {
            add_metas(picture_, page_, page_bytes);
        } else if (picture_.content.size() < page_bytes) {
            picture_.remarks.push_back(fmt::format("the file ends after {} of the page's {} bytes",
                                                   picture_.content.size(), page_bytes));
        } else if (row_.is_node()) {
            add_node();
        } else if (row_.is_extent()) {
            add_extent();
        } else if (row_.use == page_use::image) {
            add_image();
        } else {
            add_remains();
        }
        return std::move(picture_);
    }

private:
    void add_node() {
        node_expectation expected;
        expected.page = page_;
        expected.level = row_.level;
        expected.born_max = row_.parent && survey_.at(*row_.parent).born != 0
                                ? survey_.at(*row_.parent).born
                                : survey_.meta().transaction;
        expected.checksum = row_.checksum;
        expected.bounds = survey_.bounds(row_);
        expected.entries = row_.entries;
        take_apart(survey_.schema(*row_.tree), *row_.tree, expected);
    }

    void take_apart(const node_schema& schema, std::size_t tree, const node_expectation& expected) {
        picture_.node = picture_of(picture_.content, schema, seal_, expected);
        picture_.key_type = survey_.key_type(tree);
        picture_.value_type = survey_.value_type(tree);
        picture_.level = expected.level;
    }

    // A page of nobody may hold a node of former times: whole, in its own place.
    void add_remains() {
        if (row_.use == page_use::pending) {
            picture_.remarks.push_back(pending_text(survey_, row_));
        }
        const format::page_header header = header_of(picture_.content.data());
        const bool is_whole =
            header.page == page_ && seal_.of(page_, picture_.content.data()) == header.checksum;
        if (!is_whole) {
            picture_.remarks.emplace_back("what stands in it means nothing");
            return;
        }
        picture_.remarks.push_back(
            fmt::format("holds what was once a {}, written by transaction {}",
                        identity_text(header.identity), header.born));
        const std::optional<std::size_t> tree = tree_numbered(format::tree_of(header.identity));
        const unsigned level = format::level_of(header.identity);
        if (!tree || survey_.schema(*tree).identity(level) != header.identity) { return; }
        node_expectation expected;
        expected.page = page_;
        expected.level = level;
        expected.born_max = survey_.meta().transaction;
        take_apart(survey_.schema(*tree), *tree, expected);
    }

    [[nodiscard]] std::optional<std::size_t> tree_numbered(std::uint32_t number) const {
        if (number == format::catalog_tree) { return page_fact::catalog; }
        const auto& trees = survey_.summary().trees;
        for (std::size_t i = 0; i < trees.size(); ++i) {
            // Of a tree that was walked the record is possible.
            if (trees[i].record.tree == number && trees[i].levels != 0) { return i; }
        }
        return std::nullopt;
    }

    void add_extent() {
        const std::optional<extent_place> place = find_extent(survey_, page_);
        if (!place) {
            picture_.remarks.emplace_back("what names it cannot be found any more");
            return;
        }
        const std::uint32_t page_bytes = survey_.summary().page_bytes;
        const extent_shape shape = shape_of(place->run, page_bytes);
        field_list list;
        list.fact("leaf", fmt::format("page {}, entry {}", place->leaf, place->entry));
        list.fact("value", counted(place->value.length, "byte", "bytes") + " in " +
                               counted(place->value.pieces, "piece", "pieces"));
        if (place->piece) { list.fact("piece", std::to_string(*place->piece)); }
        if (place->is_list) { list.fact("holds", "the list of the value's pieces"); }
        list.fact("run",
                  fmt::format("{}: {} of data, {} of checksums",
                              pages_text({place->run.first, shape.data_pages + shape.sum_pages}),
                              grouped(shape.data_pages), grouped(shape.sum_pages)));
        list.fact("born", std::to_string(place->run.born));
        if (place->index < shape.data_pages) {
            add_data(*place, shape, list);
        } else {
            add_sums(*place, shape, list);
        }
        picture_.lists.emplace_back("large value", std::move(list));
        if (place->is_list && place->index < shape.data_pages) { add_pieces(*place); }
    }

    void add_data(const extent_place& place, const extent_shape& shape, field_list& list) {
        const std::uint64_t page_bytes = survey_.summary().page_bytes;
        const std::uint64_t first = place.index * page_bytes;
        const std::uint64_t last = std::min(place.run.length, first + page_bytes) - 1;
        list.fact("data", fmt::format("page {} of {}, bytes {} to {} of the run", place.index + 1,
                                      shape.data_pages, first, last));
        const std::uint64_t sum_at =
            (place.run.first + shape.data_pages) * page_bytes + place.index * sizeof(std::uint32_t);
        const std::vector<std::byte> sums = survey_.content({sum_at / page_bytes, 1});
        const std::uint32_t computed = seal_.of_raw(page_, picture_.content);
        const std::uint64_t in_page = sum_at % page_bytes;
        if (in_page + sizeof(std::uint32_t) > sums.size()) { return; }
        const auto stored = load<std::uint32_t>(sums.data() + in_page);
        list.fact("checksum", hex_number(computed, 4) + " (computed)",
                  stored == computed
                      ? ""
                      : fmt::format("{}, at offset {}", hex_number(stored, 4), sum_at));
    }

    void add_sums(const extent_place& place, const extent_shape& shape, field_list& list) {
        list.fact("checksums", fmt::format("page {} of {}", place.index - shape.data_pages + 1,
                                           shape.sum_pages));
        const std::uint64_t first = place.run.first + shape.data_pages;
        const std::vector<std::byte> sums = survey_.content({first, shape.sum_pages});
        const std::uint32_t computed = seal_.of_raw(first, sums);
        const std::uint32_t stored = place.run.sums_checksum;
        list.fact("checksum of all of them", hex_number(computed, 4) + " (computed)",
                  computed == stored ? "" : hex_number(stored, 4) + ", in the reference");
    }

    void add_pieces(const extent_place& place) {
        const std::uint64_t page_bytes = survey_.summary().page_bytes;
        const std::uint64_t in_page = page_bytes / sizeof(format::extent_reference);
        const std::uint64_t first = place.index * in_page;
        const std::uint64_t last = std::min<std::uint64_t>(first + in_page, place.value.pieces);
        field_list list;
        for (std::uint64_t i = first; i < last; ++i) {
            const std::uint64_t at = (i - first) * sizeof(format::extent_reference);
            const auto piece = load<format::extent_reference>(picture_.content.data() + at);
            list.add(at, sizeof piece, fmt::format("piece {}", i),
                     fmt::format("{} bytes from page {} on, born {}", grouped(piece.length),
                                 piece.first, piece.born));
        }
        picture_.lists.emplace_back("pieces", std::move(list));
    }

    void add_image() {
        const format::meta& meta = survey_.meta();
        field_list list;
        list.fact("page", fmt::format("{} of {} of the image", page_ - meta.free_first + 1,
                                      meta.free_pages));
        list.fact("bytes", counted(meta.free_bytes, "byte", "bytes") + " in " +
                               counted(meta.free_pages, "page", "pages"));
        std::vector<std::byte> image = survey_.content({meta.free_first, meta.free_pages});
        image.resize(std::min<std::size_t>(image.size(), meta.free_bytes));
        const std::uint64_t computed = seal_.of_image(meta.free_first, image);
        list.fact("checksum of all of it", hex_number(computed, 8) + " (computed)",
                  computed == meta.free_checksum
                      ? ""
                      : hex_number(meta.free_checksum, 8) + ", in the meta");
        if (page_ == meta.free_first) {
            const auto header = load<format::free_image_header>(picture_.content.data());
            list.number(0, 8, "free_runs", header.free_runs);
            list.number(8, 8, "pending_runs", header.pending_runs);
            list.number(16, 8, "free_pages", header.free_pages);
            list.number(24, 8, "pending_pages", header.pending_pages);
            list.add(32, 8, "bitmap_words",
                     fmt::format("{}{}", header.bitmap_words,
                                 header.bitmap_words == 0 ? ": there are runs" : ""));
        }
        picture_.lists.emplace_back("free-space image", std::move(list));
    }

    const page_survey& survey_;
    std::uint64_t page_;
    const page_row& row_;
    page_seal seal_;
    page_picture picture_;
};

}  // namespace

page_picture picture_of(const page_survey& survey, std::uint64_t page) {
    return picture_maker(survey, page).make();
}

page_picture picture_of_lone_meta(const std::string& file, std::uint64_t page) {
    page_picture picture;
    const auto opened = open_to_inspect(file);
    picture.content.resize(format::meta_block_bytes);
    picture.content.resize(opened->read(page * format::meta_block_bytes, picture.content));
    add_metas(picture, page, format::page_bytes_min);
    return picture;
}

}  // namespace pinyon::tool
