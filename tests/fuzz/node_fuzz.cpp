// A page of arbitrary bytes: either `defect` names something, or every accessor stays inside the
// page. The first byte chooses the schema.
#include <cstring>
#include <random>

#include "pinyon/engine/fixed_node.hpp"
#include "pinyon/engine/slotted_node.hpp"
#include "support/node_pages.hpp"

namespace {

using namespace pinyon;

[[nodiscard]] node_schema schema_of(std::uint8_t choice) {
    node_schema schema;
    schema.tree = 3;
    if (choice % 2 == 0) {
        schema.layout = format::node_layout::fixed;
        constexpr std::uint32_t widths[] = {1, 2, 4, 8, 12, 16, 40};
        schema.key_bytes = widths[choice / 2 % 7];
        schema.value_bytes = 24;
        schema.value_alignment = 8;
        schema.minimum_degree = choice / 2 % 7 > 3 && choice > 127 ? 5 : 0;
    }
    complete(schema);
    return schema;
}

template <class Node>
void visit(const test::heap_page& page, const node_schema& schema) {
    const Node node(page.data(), schema);
    if (node.defect(false) == nullptr) {
        const std::vector<std::string> probes{"", std::string(schema.key_bytes, '\0'), "abc",
                                              std::string(schema.key_bytes, '\xff')};
        (void)test::walk(node, probes);
    }
    (void)node.defect(true);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 1) { return 0; }
    const node_schema schema = schema_of(data[0]);
    test::heap_page page(schema.page_bytes);
    std::memcpy(page.data(), data + 1, std::min<std::size_t>(size - 1, schema.page_bytes));
    if (schema.layout == format::node_layout::fixed) {
        visit<fixed_node>(page, schema);
    } else {
        visit<slotted_node>(page, schema);
    }
    return 0;
}
