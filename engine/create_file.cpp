#include <array>
#include <cstring>

#include "pinyon/engine/catalog.hpp"
#include "pinyon/engine/checksum.hpp"
#include "pinyon/engine/database_core.hpp"
#include "pinyon/engine/meta.hpp"
#include "pinyon/engine/slotted_node.hpp"
#include "pinyon/mmap/mutant.hpp"

namespace pinyon {

namespace {

[[nodiscard]] std::string temporary_name(io::file_system& files, const std::string& path) {
    std::array<std::byte, 8> random{};
    files.random(random);
    constexpr const char* digits = "0123456789abcdef";
    std::string name = path + ".new-";
    for (const std::byte byte : random) {
        name += digits[std::to_integer<unsigned>(byte) >> 4];
        name += digits[std::to_integer<unsigned>(byte) & 15];
    }
    return name;
}

// Metas, and one empty leaf as the catalog's root.
void write_empty_database(io::file_system& files, io::file& file, std::uint32_t page_bytes) {
    format::meta meta{};
    meta.magic = format::magic;
    meta.version = format::version;
    meta.page_bytes = page_bytes;
    files.random(std::as_writable_bytes(std::span(meta.uuid)));
    const page_seal seal{seed_of(meta.uuid), page_bytes};

    const std::uint64_t root = format::first_page(page_bytes);
    std::vector<std::byte> page(page_bytes);
    const node_schema schema = catalog_schema(page_bytes);
    slotted_node::editor(page.data(), schema).format(root, 0, 1, {});
    const std::uint32_t checksum = seal.of(root, page.data());
    store(page.data(), checksum);

    meta.transaction = 1;
    meta.catalog = {root, 0, checksum, 0};
    meta.page_count = root + 1;
    meta.flags = format::meta_flag_clean;
    meta.next_tree = format::catalog_tree + 1;

    file.grow(meta.page_count * page_bytes);
    file.write(root * page_bytes, page);
    for (meta.sequence = 2; meta.sequence < 4; ++meta.sequence) { write_meta(file, meta); }
    file.sync();
}

}  // namespace

void create_database_file(io::file_system& files, const std::string& path,
                          std::uint32_t page_bytes) {
    const std::string temporary = temporary_name(files, path);
    try {
        write_empty_database(files, *files.open(temporary, io::open_mode::create_new), page_bytes);
        files.rename_no_replace(temporary, path);
    } catch (...) {
        if (files.exists(temporary)) { files.remove(temporary); }
        throw;
    }
    if (!mutant(15)) { files.sync_directory(path); }
}

}  // namespace pinyon
