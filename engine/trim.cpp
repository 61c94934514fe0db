#include "pinyon/engine/trim.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include "pinyon/engine/checkpoint.hpp"
#include "pinyon/engine/checksum.hpp"
#include "pinyon/engine/free_space.hpp"
#include "pinyon/engine/meta.hpp"

namespace pinyon {

namespace {

// Runs that retiring the old image and taking a place for the new one may add.
constexpr std::uint64_t spare_runs = 2;

[[nodiscard]] free_space space_of(io::file& file, const meta_slots& slots) {
    const format::meta& meta = slots.current();
    free_space space;
    space.reset(format::first_page(meta.page_bytes), meta.page_count);
    load_space(file, meta, space);
    std::vector<std::uint64_t> kept;
    for (const std::optional<format::meta>& each : slots.valid) {
        if (each) { kept.push_back(each->transaction); }
    }
    std::sort(kept.begin(), kept.end());
    space.keep(kept);
    return space;
}

// The state of `meta` with an image of its free space that stands, and ends, elsewhere.
[[nodiscard]] format::meta write_image(io::file& file, format::meta meta, free_space& space,
                                       io::page_run run) {
    if (meta.free_pages != 0) {
        space.retire({meta.free_first, meta.free_pages}, meta.transaction - 1);
    }
    meta.page_count = space.cut_free_end();
    std::vector<std::byte> image = space.save();
    meta.free_first = run.first;
    meta.free_pages = run.count;
    meta.free_bytes = image.size();
    meta.free_checksum = page_seal{seed_of(meta.uuid), meta.page_bytes}.of_image(run.first, image);
    image.resize(run.count * meta.page_bytes);
    file.write(run.first * meta.page_bytes, image);
    file.sync();
    return meta;
}

}  // namespace

std::uint64_t trim_file(io::file_system& files, const std::string& path) {
    const auto file = files.open(files.resolve(path), io::open_mode::read_write);
    if (!file->try_lock(io::lock_byte::writer, io::lock_mode::exclusive)) {
        raise(errc::busy, path + " is open elsewhere: close it there");
    }
    const meta_slots slots = read_metas(*file, path);
    const format::meta& old = slots.current();
    if ((old.flags & format::meta_flag_clean) == 0) {
        raise(errc::misuse, path + " was not closed: open it and close it, then trim it");
    }
    free_space space = space_of(*file, slots);
    if (!space.is_free(old.page_count - 1)) { return old.page_count; }

    space.begin(old.transaction);
    const std::uint64_t image_bytes = space.image_bytes(spare_runs);
    const auto run = space.take_run((image_bytes + old.page_bytes - 1) / old.page_bytes);
    // Without room for a new image nothing can be cut.
    if (!run) { return old.page_count; }
    format::meta meta = write_image(*file, old, space, *run);
    for (int slot = 0; slot < 2; ++slot) {
        ++meta.sequence;
        write_meta(*file, meta);
    }
    file->truncate(meta.page_count * meta.page_bytes);
    file->sync();
    return meta.page_count;
}

}  // namespace pinyon
