#include "pinyon/engine/checkpoint.hpp"

#include "pinyon/mmap/assert.hpp"

namespace pinyon {

namespace {

// Runs that may come into being between asking for the image's size and saving it: taking the
// image's own run cuts one in two, retiring the old image adds one, growing the file adds one.
constexpr std::uint64_t spare_runs = 4;

// A slot that holds nothing usable keeps nothing but what the other one keeps.
[[nodiscard]] std::uint64_t transaction_in(const meta_slots& slots, unsigned slot) {
    return slots.valid[slot] ? slots.valid[slot]->transaction : slots.current().transaction;
}

}  // namespace

checkpoint_writer::checkpoint_writer(io::file& file, const meta_slots& slots)
    : file_(file),
      newest_(slots.current()),
      slot_transactions_{transaction_in(slots, 0), transaction_in(slots, 1)},
      image_{newest_.free_first, newest_.free_pages},
      image_born_(newest_.transaction) {}

void checkpoint_writer::kept(std::vector<std::uint64_t>& ids) const {
    ids.insert(ids.end(), slot_transactions_.begin(), slot_transactions_.end());
    for (const foreign_snapshot& each : foreign_) { ids.push_back(each.transaction); }
}

void checkpoint_writer::write_slot(const format::meta& meta) {
    const auto slot = static_cast<unsigned>(meta.sequence & 1);
    const io::lock_byte byte = slot == 0 ? io::lock_byte::meta0 : io::lock_byte::meta1;
    const bool alone = file_.try_lock(byte, io::lock_mode::exclusive);
    if (alone) {
        std::erase_if(foreign_, [slot](const foreign_snapshot& each) { return each.slot == slot; });
    } else {
        foreign_.push_back({slot, slot_transactions_[slot]});
    }
    write_meta(file_, meta);
    file_.sync();
    slot_transactions_[slot] = meta.transaction;
    if (alone) { file_.unlock(byte); }
}

void checkpoint_writer::write_image(page_store& store) {
    const std::uint64_t bound = store.space().image_bytes(spare_runs);
    const std::uint64_t page_bytes = store.page_bytes();
    const io::page_run run = store.allocate_run((bound + page_bytes - 1) / page_bytes);
    if (image_.count != 0) { store.retire_run(image_, image_born_); }
    std::vector<std::byte> image = store.space().save();
    next_image_bytes_ = image.size();
    next_image_checksum_ = store.seal().of_image(run.first, image);
    image.resize(run.count * page_bytes);
    file_.write(run.first * page_bytes, image);
    store.wrote(run);
    next_image_ = run;
}

void checkpoint_writer::settle(page_store& store, const format::root_reference& catalog,
                               std::uint32_t next_tree, checkpoint_outcome& outcome) {
    PINYON_ASSERT(!sync_failed_);
    PINYON_ASSERT(catalog.checksum != 0);
    outcome = checkpoint_outcome::lost;
    sync_failed_ = true;  // until all of them have come back
    store.source().flush();
    format::meta meta = newest_;
    meta.transaction = store.transaction();
    meta.catalog = catalog;
    meta.page_count = store.space().page_count();
    meta.free_first = next_image_.first;
    meta.free_pages = next_image_.count;
    meta.free_bytes = next_image_bytes_;
    meta.free_checksum = next_image_checksum_;
    meta.flags = format::meta_flag_clean;
    meta.next_tree = next_tree;
    // msync succeeds past the end of a file that was cut under us.
    if (file_.size() < meta.page_count * meta.page_bytes) {
        raise(errc::truncated,
              "the file was cut by another program while it was open: restore it from a copy");
    }
    PINYON_ASSERT(store.source().dirty().count == 0);
    outcome = checkpoint_outcome::unknown;
    for (unsigned write = 0; write < 2; ++write) {
        ++meta.sequence;
        write_slot(meta);
    }
    sync_failed_ = false;
    newest_ = meta;
    image_ = next_image_;
    image_born_ = meta.transaction;
}

std::vector<std::byte> read_image(io::file& file, const format::meta& meta) {
    std::vector<std::byte> image(meta.free_bytes);
    const page_seal seal{seed_of(meta.uuid), meta.page_bytes};
    if (file.read(meta.free_first * meta.page_bytes, image) != image.size() ||
        seal.of_image(meta.free_first, image) != meta.free_checksum) {
        raise(errc::corrupt,
              "the free-space image fails its checksum; run `pinyon check` on the file",
              meta.free_first);
    }
    return image;
}

}  // namespace pinyon
