// What a checker would tell of a large file that is as mixed as can be: pages of trees, free and
// pending ones in random order, each with another fill and age. For reports, whose size must not
// depend on that.
#pragma once

#include <cstdint>
#include <numeric>
#include <random>
#include <string>
#include <vector>

#include "pinyon/engine/fixed_node.hpp"
#include "support/node_pages.hpp"
#include "tools/report_document.hpp"

namespace pinyon::test {

class large_survey {
public:
    static constexpr std::uint64_t transaction = 1'000'000;
    static constexpr std::uint32_t page_bytes = 4096;

    // One in seven pages is free and one in 97 pending, the others are a tree of u64 to u64.
    explicit large_survey(std::uint64_t pages)
        : pages_(pages), leaf_(page_bytes), inner_(page_bytes) {
        schema_.tree = 1;
        schema_.layout = format::node_layout::fixed;
        schema_.key_bytes = 8;
        schema_.value_bytes = 8;
        schema_.value_alignment = 8;
        complete(schema_);
        make_nodes();
    }

    [[nodiscard]] tool::report_subject subject() const {
        tool::report_subject made;
        made.file = "large.pinyon";
        made.version = "0.1.0";
        made.summary = summary_;
        return made;
    }

    void tell(tool::report_survey& survey) {
        survey.add(fact_of(page_use::meta, {0, 2}));
        std::vector<std::uint64_t> numbers(pages_ - 2);
        std::iota(numbers.begin(), numbers.end(), std::uint64_t{2});
        std::shuffle(numbers.begin(), numbers.end(), random_);
        const std::uint64_t unused = pages_ / 7 + pages_ / 97;
        tell_tree(survey, {numbers.begin() + static_cast<std::ptrdiff_t>(unused), numbers.end()});
        for (std::uint64_t i = 0; i < unused; ++i) {
            page_fact fact =
                fact_of(i < pages_ / 97 ? page_use::pending : page_use::free, {numbers[i], 1});
            fact.born = fact.use == page_use::pending ? random_() % transaction + 1 : 0;
            survey.add(fact);
        }
        fill_summary(unused);
    }

private:
    static constexpr std::uint64_t fan_out = 120;

    static page_fact fact_of(page_use use, io::page_run run) {
        page_fact fact;
        fact.pages = run;
        fact.use = use;
        return fact;
    }

    void make_nodes() {
        fixed_node::editor leaf(leaf_.data(), schema_);
        leaf.format(1, 0, 1, {});
        fixed_node::editor inner(inner_.data(), schema_);
        inner.format(1, 1, 1, {});
        for (unsigned i = 0; i < fan_out; ++i) {
            const std::string key = number_key(random_() >> 8 << 8 | i, 8);
            leaf.insert(leaf.lower_bound(as_bytes(key)).index, as_bytes(key), as_bytes(key));
        }
        for (unsigned i = 0; i < fan_out; ++i) {
            inner.insert_child(i, as_bytes(number_key(std::uint64_t{i} << 40, 8)),
                               {random_() % pages_, 120, 1});
        }
    }

    // A root, below it nodes of `fan_out` children, in the order of a walk.
    void tell_tree(tool::report_survey& survey, const std::vector<std::uint64_t>& numbers) {
        const std::uint64_t inners = numbers.size() / (fan_out + 1);
        tell_node(survey, numbers[0], 2, std::nullopt, inners);
        std::size_t next = 1;
        for (std::uint64_t i = 0; next < numbers.size(); ++i) {
            const std::uint64_t parent = numbers[next++];
            const std::uint64_t children = std::min<std::uint64_t>(fan_out, numbers.size() - next);
            tell_node(survey, parent, 1, i * fan_out, children);
            for (std::uint64_t child = 0; child < children; ++child) {
                tell_node(survey, numbers[next++], 0, i * fan_out + child, fan_out);
            }
        }
    }

    void tell_node(tool::report_survey& survey, std::uint64_t page, unsigned level,
                   std::optional<std::uint64_t> place, std::uint64_t items) {
        page_fact fact = fact_of(level == 0 ? page_use::leaf : page_use::inner, {page, 1});
        fact.tree = 0;
        fact.tree_name = "numbers";
        if (place) { fact.parent = 2; }
        fact.level = level;
        fact.items = items;
        fact.entries = items * (level == 0 ? 1 : fan_out);
        const std::string fence = number_key(place.value_or(0) * 0x10001'0001, 8);
        if (place && *place != 0) { fact.fences.lower = as_bytes(fence); }
        fact.used_bytes = random_() % 4000;
        fact.capacity_bytes = 4000;
        fact.born = transaction - (random_() % transaction >> random_() % 20);
        fact.content = level == 0 ? leaf_.data() : inner_.data();
        fact.items = header_of(fact.content).count;
        fact.schema = &schema_;
        survey.add(fact);
        ++(level == 0 ? tree_.leaves : tree_.inners);
        tree_.entries += level == 0 ? fan_out : 0;
    }

    void fill_summary(std::uint64_t unused) {
        summary_.file_bytes = pages_ * page_bytes;
        summary_.page_bytes = page_bytes;
        summary_.page_count = pages_;
        summary_.transaction = transaction;
        summary_.free_pages = unused - pages_ / 97;
        tree_.name = "numbers";
        tree_.levels = 3;
        tree_.record.layout = static_cast<std::uint8_t>(format::node_layout::fixed);
        tree_.record.value_bytes = 8;
        for (auto* type : {&tree_.record.key_type, &tree_.record.value_type}) {
            std::memcpy(type->data(), "u64", 3);
        }
        summary_.trees.push_back(tree_);
    }

    std::uint64_t pages_;
    std::mt19937_64 random_{1};  // NOLINT: the same file every time
    node_schema schema_;
    heap_page leaf_;
    heap_page inner_;
    tree_summary tree_;
    check_summary summary_;
};

// The report of such a file.
[[nodiscard]] inline tool::report_document large_report(std::uint64_t pages) {
    large_survey file(pages);
    tool::report_survey survey({}, {});
    file.tell(survey);
    return tool::make_report(file.subject(), survey);
}

}  // namespace pinyon::test
