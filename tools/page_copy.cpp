#include "tools/page_copy.hpp"

#include <algorithm>
#include <vector>

#include "pinyon/engine/checkpoint.hpp"
#include "pinyon/engine/free_space.hpp"
#include "pinyon/engine/log_segment.hpp"

namespace pinyon::tool {

namespace {

constexpr std::uint64_t chunk_bytes = std::uint64_t{1} << 20;

// What the state leaves free. What only the other meta's state holds is free in the copy.
[[nodiscard]] free_space space_of(io::file& from, const format::meta& meta) {
    free_space space;
    space.reset(format::first_page(meta.page_bytes), meta.page_count);
    load_space(from, meta, space);
    const std::uint64_t kept[] = {meta.transaction};
    space.keep(kept);
    return space;
}

// Pages in use from `page` on, at most a chunk of them.
[[nodiscard]] io::page_run run_at(const free_space& space, const format::meta& meta,
                                  std::uint64_t page) {
    const std::uint64_t most = std::min(meta.page_count, page + chunk_bytes / meta.page_bytes);
    std::uint64_t end = page;
    while (end < most && !space.is_free(end)) { ++end; }
    return {page, end - page};
}

void copy_run(io::file& from, const format::meta& meta, io::page_run run, io::file& into,
              const new_file& to, std::vector<std::byte>& room) {
    room.resize(run.count * meta.page_bytes);
    const std::uint64_t offset = run.first * meta.page_bytes;
    const std::size_t got = from.read(offset, room);
    if (got != room.size()) {
        raise(errc::truncated, "the file ends within a page", run.first + got / meta.page_bytes);
    }
    to.build([&] { into.write(offset, room); });
}

void copy_whole(io::file& from, io::file& into, const new_file& to,
                const std::function<void()>& look) {
    std::vector<std::byte> room(chunk_bytes);
    for (std::uint64_t done = 0;;) {
        const std::size_t got = from.read(done, room);
        if (got == 0) { return; }
        to.build([&] { into.write(done, std::span(room).first(got)); });
        done += got;
        look();
    }
}

}  // namespace

std::uint64_t copy_pages(io::file& from, const format::meta& meta, bool without_log,
                         const new_file& to, const std::function<void(std::uint64_t)>& look) {
    const free_space space = space_of(from, meta);
    const auto into = to.build(
        [&] { return io::posix_file_system().open(to.temporary(), io::open_mode::create_new); });
    std::uint64_t copied = 0;
    std::vector<std::byte> room;
    for (std::uint64_t page = format::first_page(meta.page_bytes); page < meta.page_count;) {
        const io::page_run run = run_at(space, meta, page);
        if (run.count != 0) { copy_run(from, meta, run, *into, to, room); }
        copied += run.count;
        page += std::max<std::uint64_t>(run.count, 1);
        look(page);
    }
    format::meta named = meta;
    if (without_log) { named.flags |= format::meta_flag_clean; }
    to.build([&] {
        into->truncate(meta.page_count * meta.page_bytes);
        for (int slot = 0; slot < 2; ++slot, ++named.sequence) { write_meta(*into, named); }
    });
    return copied;
}

void copy_log(const std::string& path, const new_file& to, const std::function<void()>& look) {
    io::file_system& files = io::posix_file_system();
    for (const log_segment& each : list_segments(files, path)) {
        const auto from = files.open(each.path, io::open_mode::read_only);
        const std::string name = to.temporary() + each.path.substr(path.size());
        const auto into = to.build([&] { return files.open(name, io::open_mode::create_new); });
        copy_whole(*from, *into, to, look);
    }
}

}  // namespace pinyon::tool
