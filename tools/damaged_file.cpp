#include "tools/damaged_file.hpp"

#include <algorithm>
#include <cstring>
#include <set>

#include "pinyon/engine/meta.hpp"
#include "pinyon/engine/node.hpp"
#include "pinyon/mmap/direct_source.hpp"
#include "tools/escape.hpp"
#include "tools/exit_code.hpp"
#include "tools/file_watch.hpp"

namespace pinyon::tool {

namespace {

using uuid = std::array<std::uint8_t, 16>;
using meta_block = std::array<std::byte, format::meta_block_bytes>;

// As many pages tell a right uuid from a wrong one, of which not one page verifies.
constexpr std::uint64_t sampled_bytes_max = std::uint64_t{64} << 20;

meta_block read_block(io::file& file, unsigned slot) {
    meta_block block{};
    try {
        (void)file.read(format::meta_offset[slot], block);
    } catch (const error&) { block.fill(std::byte{0}); }
    return block;
}

// Every uuid that anything names: what is left of the metas, and the log beside the file.
std::set<uuid> possible_uuids(io::file& file, const std::string& path) {
    std::set<uuid> found;
    for (unsigned slot = 0; slot < 2; ++slot) {
        const meta_block block = read_block(file, slot);
        found.insert(load<format::meta>(block.data()).uuid);
    }
    try {
        for (const log_segment& each : list_segments(io::posix_file_system(), path)) {
            if (each.header) { found.insert(each.header->uuid); }
        }
    } catch (const error&) {  // NOLINT(bugprone-empty-catch): a log that cannot be read names none
    }
    return found;
}

}  // namespace

damaged_file::damaged_file(const std::string& path)
    : path_(path),
      resolved_(io::posix_file_system().resolve(path)),
      file_(open_to_inspect(path)),
      file_bytes_(file_->size()) {
    read_metas();
    if (metas_.empty()) {
        try {
            (void)pinyon::read_metas(*file_, path_);
        } catch (const error& failure) {
            if (failure.kind() == errc::version || file_bytes_ == 0) { throw; }
            if (!guess_identity()) {
                if (failure.kind() == errc::not_a_database) { throw; }
                throw refusal(exit_code::damage,
                              "both metas are damaged, and neither their remains nor a log beside "
                              "the file tell its uuid, without which no page of it can be verified",
                              "put the log back beside it, or restore a copy: ls -l " +
                                  shell_quoted(path_) + "*");
            }
        }
    }
    attach();
}

void damaged_file::read_metas() {
    for (unsigned slot = 0; slot < 2; ++slot) {
        const meta_block block = read_block(*file_, slot);
        const std::uint64_t offset = format::meta_offset[slot];
        const std::uint64_t there = file_bytes_ - std::min(file_bytes_, offset);
        const bytes whole = bytes(block).first(std::min<std::uint64_t>(there, block.size()));
        if (const auto meta = decode_meta(whole, slot, defects_[slot])) { metas_.push_back(*meta); }
    }
    if (metas_.size() == 2 && metas_[1].sequence > metas_[0].sequence) {
        std::swap(metas_[0], metas_[1]);
    }
    if (metas_.size() == 2 &&
        (metas_[0].uuid != metas_[1].uuid || metas_[0].page_bytes != metas_[1].page_bytes)) {
        defects_[metas_[1].sequence & 1] = "it is of another file than the newer one";
        metas_.pop_back();
    }
    if (!metas_.empty()) { seal_ = {seed_of(metas_[0].uuid), metas_[0].page_bytes}; }
}

// The uuid and the page size under which the most pages verify. False: none does.
bool damaged_file::guess_identity() {
    std::uint64_t most = 0;
    page_seal best;
    for (const uuid& each : possible_uuids(*file_, resolved_)) {
        for (std::uint32_t size = format::page_bytes_min; size <= format::page_bytes_max;
             size *= 2) {
            const page_seal seal{seed_of(each), size};
            if (const std::uint64_t nodes = nodes_under(seal); nodes > most) {
                most = nodes;
                best = seal;
            }
        }
    }
    seal_ = best;
    return most != 0;
}

std::uint64_t damaged_file::nodes_under(const page_seal& seal) {
    seal_ = seal;
    const std::uint64_t end = std::min(file_bytes_, sampled_bytes_max) / seal.page_bytes;
    std::vector<std::byte> page(seal.page_bytes);
    std::uint64_t nodes = 0;
    for (std::uint64_t number = first_page(); number < end; ++number) {
        if (read(number, page) && is_node(number, page.data())) { ++nodes; }
    }
    return nodes;
}

void damaged_file::attach() {
    pages_ = file_bytes_ / page_bytes();
    seen_.resize(pages_);
    note_read({0, std::min(pages_, first_page())});
    store_ = std::make_unique<page_store>(*file_, seal_.seed, page_bytes());
    source_ = io::make_direct_source(*file_, *store_, page_bytes());
    store_->attach(*source_, std::max(pages_, first_page()), format::count_max);
}

bool damaged_file::read(std::uint64_t first, std::span<std::byte> out) {
    if (on_read_) { on_read_(pages_read()); }
    note_read({first, out.size() / page_bytes()});
    try {
        return file_->read(first * page_bytes(), out) == out.size();
    } catch (const error& failure) {
        if (failure.kind() != errc::io) { throw; }
        return false;
    }
}

void damaged_file::note_read(io::page_run run) noexcept {
    for (std::uint64_t i = 0; i < run.count; ++i) { (void)seen_.insert(run.first + i); }
}

bool damaged_file::is_node(std::uint64_t page, const std::byte* data) const noexcept {
    const format::page_header header = header_of(data);
    return header.page == page && header.born != 0 && header.checksum == seal_.of(page, data);
}

}  // namespace pinyon::tool
