#include "tools/extent_place.hpp"

#include "pinyon/engine/descent.hpp"

namespace pinyon::tool {

namespace {

constexpr std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) noexcept {
    return a / b + (a % b != 0 ? 1 : 0);
}

bool holds(const format::extent_reference& run, std::uint32_t page_bytes, std::uint64_t page) {
    const extent_shape shape = shape_of(run, page_bytes);
    return page >= run.first && page - run.first < shape.data_pages + shape.sum_pages;
}

// The run of references that a value of several pieces has in place of its data.
format::extent_reference list_of(const format::extent_reference& value) {
    format::extent_reference list = value;
    list.length = std::uint64_t{value.pieces} * sizeof value;
    list.pieces = 1;
    return list;
}

class search {
public:
    search(const page_survey& survey, std::uint64_t page)
        : survey_(survey), page_(page), page_bytes_(survey.summary().page_bytes) {}

    [[nodiscard]] std::optional<extent_place> run() {
        std::optional<std::uint64_t> leaf = survey_.at(page_).parent;
        while (leaf && survey_.at(*leaf).is_extent()) { leaf = survey_.at(*leaf).parent; }
        if (!leaf) { return std::nullopt; }
        const page_row& row = survey_.at(*leaf);
        if (row.use != page_use::leaf) { return std::nullopt; }
        const node_schema schema = survey_.schema(*row.tree);
        const std::vector<std::byte> content = survey_.content({*leaf, 1});
        // The file may have moved on since it was checked.
        if (content.size() != schema.page_bytes ||
            header_of(content.data()).checksum != row.checksum ||
            header_of(content.data()).identity != schema.identity(0)) {
            return std::nullopt;
        }
        return with_layout(schema, [&]<class Node>(std::type_identity<Node>) {
            return in_leaf(Node(content.data(), schema), *leaf);
        });
    }

private:
    template <class Node>
    std::optional<extent_place> in_leaf(const Node& node, std::uint64_t leaf) {
        if (node.defect(true) != nullptr) { return std::nullopt; }
        for (unsigned i = 0; i < node.count(); ++i) {
            if (!node.is_reference(i)) { continue; }
            const auto value = load<format::extent_reference>(node.value(i).data());
            if (value.length == 0 || value.length > format::value_bytes_max) { continue; }
            std::optional<extent_place> found = in_value(value);
            if (!found) { continue; }
            key_buffer room;
            found->leaf = leaf;
            found->entry = i;
            found->key = std::string(as_text(node.key(i, room)));
            found->value = value;
            found->index = page_ - found->run.first;
            return found;
        }
        return std::nullopt;
    }

    [[nodiscard]] std::optional<extent_place> in_value(
        const format::extent_reference& value) const {
        extent_place place;
        if (value.pieces == 1) {
            place.run = value;
            return holds(value, page_bytes_, page_) ? std::optional(place) : std::nullopt;
        }
        const format::extent_reference list = list_of(value);
        if (holds(list, page_bytes_, page_)) {
            place.run = list;
            place.is_list = true;
            return place;
        }
        // Pieces are named by a page of the list.
        const std::uint64_t named_by = survey_.at(page_).parent.value_or(0);
        if (!holds(list, page_bytes_, named_by)) { return std::nullopt; }
        return in_list_page(named_by, (named_by - list.first) * (page_bytes_ / sizeof value));
    }

    [[nodiscard]] std::optional<extent_place> in_list_page(std::uint64_t page,
                                                           std::uint64_t first_piece) const {
        const std::vector<std::byte> content = survey_.content({page, 1});
        for (std::size_t at = 0; at + sizeof(format::extent_reference) <= content.size();
             at += sizeof(format::extent_reference)) {
            extent_place place;
            place.run = load<format::extent_reference>(content.data() + at);
            place.piece = first_piece + at / sizeof(format::extent_reference);
            if (holds(place.run, page_bytes_, page_)) { return place; }
        }
        return std::nullopt;
    }

    const page_survey& survey_;
    std::uint64_t page_;
    std::uint32_t page_bytes_;
};

}  // namespace

extent_shape shape_of(const format::extent_reference& run, std::uint32_t page_bytes) noexcept {
    const std::uint64_t data = divide_up(run.length, page_bytes);
    return {data, divide_up(data * sizeof(std::uint32_t), page_bytes)};
}

std::optional<extent_place> find_extent(const page_survey& survey, std::uint64_t page) {
    return search(survey, page).run();
}

}  // namespace pinyon::tool
