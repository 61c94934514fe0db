#include "pinyon/engine/checkpoint.hpp"

#include <algorithm>

#include "pinyon/mmap/assert.hpp"
#include "pinyon/mmap/mutant.hpp"

namespace pinyon {

namespace {

// Runs that may come into being between asking for the image's size and saving it, with some to
// spare: retiring the old image adds one, growing the file adds one.
constexpr std::uint64_t spare_runs = 4;

// A slot that holds nothing usable keeps nothing but what the other one keeps.
[[nodiscard]] format::meta meta_in(const meta_slots& slots, unsigned slot) {
    return slots.valid[slot] ? *slots.valid[slot] : slots.current();
}

// A run that holds the image of what is free and pending when the last image is retired as well.
[[nodiscard]] io::page_run take_run_for_image(page_store& store) {
    for (;;) {
        const std::uint64_t bytes = store.space().image_bytes(spare_runs);
        const io::page_run run =
            store.allocate_run((bytes + store.page_bytes() - 1) / store.page_bytes());
        // The file may have grown for it, and the bitmap of its pages with it.
        if (store.space().image_bytes(1) <= run.count * store.page_bytes()) { return run; }
        store.retire_run(run, store.transaction());
    }
}

void set_log(format::meta& meta, const log_reference& log, bool clean) noexcept {
    meta.flags = clean ? format::meta_flag_clean : 0;
    meta.log_id = log.id;
    meta.log_position = log.position;
    meta.log_chain = log.chain;
    meta.log_first_segment = log.first_segment;
}

}  // namespace

checkpoint_writer::checkpoint_writer(io::file& file, const meta_slots& slots)
    : file_(file),
      slots_{meta_in(slots, 0), meta_in(slots, 1)},
      newest_(slots.newest()),
      image_{slots.current().free_first, slots.current().free_pages},
      image_born_(slots.current().transaction) {}

void checkpoint_writer::kept(std::vector<std::uint64_t>& ids) const {
    const std::lock_guard lock(mutex_);
    for (const format::meta& meta : slots_) {
        if (!mutant(5) || &meta == &slots_[newest_]) { ids.push_back(meta.transaction); }
    }
    if (running_ && !mutant(25)) { ids.push_back(*running_); }
    for (const foreign_snapshot& each : foreign_) { ids.push_back(each.transaction); }
}

format::meta checkpoint_writer::newest() const {
    const std::lock_guard lock(mutex_);
    return slots_[newest_];
}

format::meta checkpoint_writer::older() const {
    const std::lock_guard lock(mutex_);
    return slots_[newest_ ^ 1];
}

checkpoint_job checkpoint_writer::prepare(page_store& store) {
    checkpoint_job job;
    const page_store::reserve_use reserve(store);
    job.image = take_run_for_image(store);
    // After a cancelled checkpoint of the same state the run is as old as this transaction; to say
    // that it is older only holds it longer.
    if (image_.count != 0) {
        store.retire_run(image_, std::min(image_born_, store.transaction() - 1));
    }
    job.image_content = store.space().save();
    job.image_bytes = job.image_content.size();
    job.image_checksum = store.seal().of_image(job.image.first, job.image_content);
    PINYON_ASSERT(job.image_bytes <= job.image.count * store.page_bytes());
    job.image_content.resize(job.image.count * store.page_bytes());
    store.wrote(job.image);
    job.transaction = store.transaction();
    job.page_count = store.space().page_count();
    return job;
}

void checkpoint_writer::begin(const checkpoint_job& job) noexcept {
    const std::lock_guard lock(mutex_);
    running_ = job.transaction;
    image_ = job.image;
    image_born_ = job.transaction;
}

void checkpoint_writer::cancel() noexcept {
    const std::lock_guard lock(mutex_);
    running_.reset();
}

void checkpoint_writer::write_data(page_store& store, const checkpoint_job& job,
                                   checkpoint_outcome& outcome) {
    PINYON_ASSERT(!sync_failed_);
    PINYON_ASSERT(job.catalog.checksum != 0);
    outcome = checkpoint_outcome::unchanged;
    file_.write(job.image.first * store.page_bytes(), job.image_content);
    outcome = checkpoint_outcome::lost;
    sync_failed_ = true;  // until all of them have come back
    if (!mutant(2)) { store.source().flush(job.span); }
    // msync succeeds past the end of a file that was cut under us.
    if (file_.size() < job.page_count * store.page_bytes()) {
        raise(errc::truncated,
              "the file was cut by another program while it was open: restore it from a copy");
    }
    outcome = checkpoint_outcome::unknown;
}

format::meta checkpoint_writer::meta_of(const checkpoint_job& job, bool clean) const {
    format::meta meta = newest();
    meta.transaction = job.transaction;
    meta.catalog = job.catalog;
    meta.page_count = job.page_count;
    meta.free_first = job.image.first;
    meta.free_pages = job.image.count;
    meta.free_bytes = job.image_bytes;
    meta.free_checksum = job.image_checksum;
    meta.next_tree = job.next_tree;
    set_log(meta, job.log, clean);
    return meta;
}

void checkpoint_writer::write_slot(format::meta meta) {
    meta.sequence = newest().sequence + (mutant(7) ? 2 : 1);
    const auto slot = static_cast<unsigned>(meta.sequence & 1);
    const io::lock_byte byte = slot == 0 ? io::lock_byte::meta0 : io::lock_byte::meta1;
    const bool alone = file_.try_lock(byte, io::lock_mode::exclusive);
    {
        const std::lock_guard lock(mutex_);
        if (alone) {
            std::erase_if(foreign_,
                          [slot](const foreign_snapshot& each) { return each.slot == slot; });
        } else {
            foreign_.push_back({slot, slots_[slot].transaction});
        }
    }
    write_meta(file_, meta);
    {
        const std::lock_guard lock(mutex_);
        slots_[slot] = meta;
        newest_ = slot;
    }
    if (alone) { file_.unlock(byte); }
}

void checkpoint_writer::write_both(const format::meta& meta) {
    write_slot(meta);
    write_slot(meta);
    sync_failed_ = false;
}

void checkpoint_writer::give_up_older(checkpoint_outcome& outcome) {
    PINYON_ASSERT(!sync_failed_);
    outcome = checkpoint_outcome::unknown;
    sync_failed_ = true;
    write_slot(newest());
    sync_failed_ = false;
    outcome = checkpoint_outcome::unchanged;
}

void checkpoint_writer::run(page_store& store, const checkpoint_job& job,
                            checkpoint_outcome& outcome) {
    if (mutant(24)) {
        format::meta early = newest();
        early.page_count = job.page_count;
        write_slot(early);
    }
    if (mutant(38)) { write_slot(meta_of(job, false)); }
    write_data(store, job, outcome);
    write_slot(meta_of(job, false));
    sync_failed_ = false;
    cancel();  // its slot keeps it now
}

void checkpoint_writer::settle(page_store& store, const checkpoint_job& job, bool clean,
                               checkpoint_outcome& outcome) {
    write_data(store, job, outcome);
    write_both(meta_of(job, clean));
    begin(job);
    cancel();
}

void checkpoint_writer::restate(const log_reference& log, bool clean, checkpoint_outcome& outcome) {
    PINYON_ASSERT(!sync_failed_);
    outcome = checkpoint_outcome::unknown;
    sync_failed_ = true;
    format::meta meta = newest();
    set_log(meta, log, clean);
    write_both(meta);
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

void load_space(io::file& file, const format::meta& meta, free_space& space) {
    if (meta.free_pages != 0) { space.load(read_image(file, meta), meta.transaction); }
    if (space.is_free(meta.catalog.page) ||
        (meta.free_pages != 0 && space.is_free(meta.free_first))) {
        raise(errc::corrupt,
              "the free-space image lists pages that are in use; run `pinyon check` on the file",
              meta.free_first);
    }
}

}  // namespace pinyon
