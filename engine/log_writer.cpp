#include "pinyon/engine/log_writer.hpp"

#include <algorithm>
#include <cstring>
#include <span>
#include <tuple>
#include <utility>

#include "pinyon/mmap/assert.hpp"
#include "pinyon/mmap/mutant.hpp"

namespace pinyon {

namespace {

constexpr std::uint64_t mebibyte = std::uint64_t{1} << 20;
// A buffer that a large batch left behind is given back.
constexpr std::size_t buffer_bytes_kept = std::size_t{1} << 20;

// A sync waits for more commits no longer than the one before it took, and no longer than this.
constexpr std::chrono::steady_clock::duration patience_max = std::chrono::milliseconds(1);

// So many calls cost what stores add to the sync after them (measured: 2.7 us each and 160 us): who
// syncs seldom or never stores nearly all batches, who syncs often none.
constexpr unsigned batches_written = 64;

// How much log is handed to the medium at once, and half of what is asked of it.
constexpr std::uint64_t paced_bytes = std::uint64_t{256} << 10;

// A page a call: larger writes leave large folios in the page cache, and each small batch would
// then write back all of one.
constexpr std::array<std::byte, 4096> zeros{};

[[nodiscard]] std::uint64_t whole_blocks(std::uint64_t bytes) noexcept {
    return (bytes + format::segment_block_bytes - 1) / format::segment_block_bytes *
           format::segment_block_bytes;
}

[[nodiscard]] std::uint64_t random_id(io::file_system& files) {
    std::uint64_t id = 0;
    while (id == 0) { files.random(std::as_writable_bytes(std::span(&id, 1))); }
    return id;
}

}  // namespace

log_writer::log_writer(io::file_system& files, log_origin origin)
    : files_(files),
      origin_(std::move(origin)),
      id_(random_id(files)),
      first_sequence_(origin_.last_sequence + 1),
      chain_(origin_.from.chain),
      segment_position_(origin_.from.position),
      segment_size_(bytes_of_segment(0)),
      paced_(origin_.from.position),
      end_(origin_.from.position),
      durable_(origin_.from.position),
      spare_sequence_(first_sequence_ + 1) {
    PINYON_ASSERT(origin_.from.position % 8 == 0);
    if (mutant(11) && files_.exists(path_of(origin_.last_sequence))) {
        current_ = files_.open(path_of(origin_.last_sequence), io::open_mode::read_write);
        format::segment_header old{};
        (void)current_->read(0, std::as_writable_bytes(std::span(&old, 1)));
        std::tie(id_, first_sequence_, segment_position_, segment_size_) =
            std::tuple(old.log_id, old.sequence, old.position, current_->size());
        segments_.push_back({first_sequence_, segment_position_});
        return;
    }
    current_ = make_file(first_sequence_, segment_size_);
    try {
        write_segment_header(*current_, first_sequence_, 0);
        sync_made(*current_);
        segments_.push_back({first_sequence_, segment_position_});
    } catch (...) {
        current_.reset();
        discard(first_sequence_);
        throw;
    }
    begun_.store(1, std::memory_order_relaxed);
}

log_writer::~log_writer() = default;

std::uint64_t log_writer::bytes_of_segment(std::uint64_t number) const noexcept {
    if (origin_.segment_bytes != 0) {
        return std::clamp(whole_blocks(std::min(origin_.segment_bytes, format::segment_bytes_max)),
                          format::segment_bytes_min, format::segment_bytes_max);
    }
    return mebibyte << 2 * std::min<std::uint64_t>(number, 2);
}

// Not yet durable; gone again when it throws.
std::unique_ptr<io::file> log_writer::make_file(std::uint64_t sequence, std::uint64_t size) {
    auto file = files_.open(path_of(sequence), io::open_mode::create_new);
    try {
        fill(*file, size);
    } catch (...) {
        file.reset();
        discard(sequence);
        throw;
    }
    return file;
}

// Zeros are written, not merely reserved: a reserved block is turned into a written one by its
// first batch, and that change of the file's own data would make each sync dearer.
void log_writer::fill(io::file& file, std::uint64_t size) {
    for (std::uint64_t at = file.size(); at < size;) {
        const std::uint64_t piece = std::min<std::uint64_t>(zeros.size() - at % zeros.size(),  //
                                                            size - at);
        file.write(at, std::span(zeros).first(static_cast<std::size_t>(piece)));
        at += piece;
    }
}

// The bytes of a file that was made, and its name.
void log_writer::sync_made(io::file& file) {
    // The sync of a commit may have failed while this file was made beside it.
    require_sound();
    try {
        file.sync();
        if (!mutant(14)) { files_.sync_directory(origin_.database_path); }
    } catch (const error& failure) { stop("a new segment could not be made durable", failure); }
}

void log_writer::write_segment_header(io::file& file, std::uint64_t sequence,
                                      std::uint64_t previous) {
    PINYON_ASSERT(durable() == end_.load());
    format::segment_header header{};
    header.magic = format::log_magic;
    header.version = format::log_version;
    header.uuid = origin_.uuid;
    header.log_id = id_;
    header.sequence = sequence;
    header.position = end_.load();
    header.previous_end = header.position;
    header.previous_sequence = previous;
    header.chain = chain_;
    header.checksum = checksum_of(header);
    file.write(0, std::as_bytes(std::span(&header, 1)));
}

// A file that could not be made: when it cannot be removed either, it stays as a blank leftover.
void log_writer::discard(std::uint64_t sequence) noexcept {
    try {
        files_.remove(path_of(sequence));
    } catch (const std::exception&) {
        ++spare_sequence_;  // its name is taken
    }
}

void log_writer::require_sound() const {
    if (poisoned()) {
        raise(errc::poisoned, "the log of " + origin_.database_path +
                                  " takes no more, because a sync failed; reopen the database");
    }
}

std::uint64_t log_writer::last_sequence() const {
    const std::lock_guard lock(spare_mutex_);
    return spare_ != nullptr ? spare_sequence_ : spare_sequence_ - 1;
}

std::uint64_t log_writer::segment_of(std::uint64_t position) const {
    const std::lock_guard lock(mutex_);
    const auto behind =
        std::upper_bound(segments_.begin(), segments_.end(), position,
                         [](std::uint64_t place, const segment& s) { return place < s.position; });
    PINYON_ASSERT(behind != segments_.begin());
    return std::prev(behind)->sequence;
}

std::uint64_t log_writer::append(std::uint64_t transaction, std::uint32_t operations,
                                 bytes payload) {
    if (payload.size() > format::payload_bytes_max) {
        raise(errc::misuse, "a batch of " + std::to_string(payload.size()) +
                                " bytes is too large for the log; commit it as a checkpoint");
    }
    require_sound();
    pace();
    const std::uint64_t position = end_.load(std::memory_order_relaxed);
    const std::uint64_t size = format::batch_bytes(payload.size());
    if (closed_ ||
        format::segment_block_bytes + (position - segment_position_) + size > segment_size_) {
        roll(size);
    }
    buffer_.resize(static_cast<std::size_t>(size));
    format::batch_header header{};
    header.magic = format::batch_magic;
    header.operations = operations;
    header.position = position;
    header.length = payload.size();
    header.transaction = transaction;
    header.durable = durable();
    header.previous = chain_;
    header.payload_checksum = payload_checksum(payload, id_, position);
    header.checksum = checksum_of(header, id_);
    PINYON_ASSERT(header.durable <= durable() && header.durable <= position);
    std::memcpy(buffer_.data(), &header, sizeof header);
    if (!payload.empty()) {
        std::memcpy(buffer_.data() + sizeof header, payload.data(), payload.size());
    }
    std::fill(buffer_.begin() + static_cast<std::ptrdiff_t>(sizeof header + payload.size()),
              buffer_.end(), std::byte{0});
    const std::uint64_t offset = format::segment_block_bytes + (position - segment_position_);
    try {
        put(offset);
    } catch (const error& cause) {
        take_back(offset, cause.what());
        raise(cause.kind(),
              std::string("the transaction was aborted, the log did not take it: ") + cause.what());
    } catch (const std::exception& cause) {
        take_back(offset, cause.what());
        throw;
    }
    chain_ = header.checksum;
    end_.store(position + size, std::memory_order_release);
    batches_.fetch_add(1, std::memory_order_relaxed);
    if (buffer_.capacity() > buffer_bytes_kept) { std::vector<std::byte>().swap(buffer_); }
    wish_spare();
    return position + size;
}

// Where nobody syncs, batches are stored through a mapping, which spares them a call each. A sync
// pays for stores more than for calls, so that the first batches after one are written.
void log_writer::put(std::uint64_t offset) {
    const std::uint64_t synced = durable();
    if (std::exchange(seen_durable_, synced) != synced) { written_ = 0; }
    if (origin_.stores && written_ == batches_written) {
        current_->store(offset, buffer_);
    } else {
        current_->write(offset, buffer_);
        ++written_;
    }
}

// Keeps the medium a step ahead and a step behind of the batches: where the system has put the
// zeros of a segment aside again, they are read before their place is written, not then, one page
// at a time; and the sync at the segment's end, which the writer waits for, finds little left.
void log_writer::pace() {
    const std::uint64_t position = end_.load(std::memory_order_relaxed);
    if (position - paced_ < 2 * paced_bytes) { return; }
    const std::uint64_t first = std::max({paced_, durable(), segment_position_});
    paced_ = position - paced_bytes;
    ask_ahead();
    if (paced_ > first) { hand_over(first, paced_); }
}

void log_writer::ask_ahead() noexcept {
    const std::uint64_t place = end_.load(std::memory_order_relaxed) - segment_position_;
    const io::byte_range next{format::segment_block_bytes + place, 2 * paced_bytes};
    current_->will_need({&next, 1});
}

// The full pages of these batches to the medium, without waiting. What was stored last may still be
// mapped, which costs the kernel an interrupt a page: it comes with the next ones.
void log_writer::hand_over(std::uint64_t first, std::uint64_t end) {
    const auto page_of = [this](std::uint64_t position) {
        return format::segment_block_bytes +
               (position - segment_position_) / zeros.size() * zeros.size();
    };
    try {
        current_->start_write_back({page_of(first), page_of(end) - page_of(first)});
    } catch (const error& failure) { stop("it could not be written to the medium", failure); }
}

// What was written of a batch may be all of it that is not zero. So its header goes, and goes
// durably, before anybody hears that the transaction was aborted.
void log_writer::take_back(std::uint64_t offset, const char* cause) {
    try {
        if (!mutant(35)) {
            current_->write(offset, std::span(zeros).first(sizeof(format::batch_header)));
        }
        std::unique_lock lock(mutex_);
        while (syncing_ && !poisoned()) { turn_[generation_ & 1].wait(lock); }
        require_sound();
        lead(lock);
    } catch (const std::exception& failure) {
        poison();
        raise(errc::commit_unknown, std::string("writing the transaction to the log failed (") +
                                        cause + ") and so did taking it back (" + failure.what() +
                                        "); reopen the database to see whether it is there");
    }
}

void log_writer::wish_spare() noexcept {
    const std::uint64_t used = end_.load(std::memory_order_relaxed) - segment_position_;
    if (used >= segment_size_ / 4 && !spare_ready_.load(std::memory_order_relaxed)) {
        spare_wanted_.store(true, std::memory_order_relaxed);
    }
}

// 1. The old segment is durable to its end. 2. The successor's file. 3. Its header; from its first
// byte on the old segment is closed, also when writing fails. 4. The writer moves over.
void log_writer::roll(std::uint64_t batch_bytes) {
    const std::uint64_t position = end_.load(std::memory_order_relaxed);
    try {
        if (!mutant(27)) { wait_durable(position, company::none); }
    } catch (const error& failure) {
        raise(errc::poisoned,
              std::string("the transaction was aborted, the log stops: ") + failure.what());
    }
    const std::lock_guard spare_lock(spare_mutex_);
    try {
        const std::uint64_t size = whole_blocks(format::segment_block_bytes + batch_bytes);
        make_spare(size);
        closed_ = true;
        write_segment_header(*spare_, spare_sequence_, segments_.back().sequence);
    } catch (const error& failure) {
        raise(failure.kind(), std::string("the transaction was aborted, because the log could not "
                                          "begin another segment: ") +
                                  failure.what());
    }
    const std::uint64_t segment_size = spare_->size();
    {
        const std::lock_guard lock(mutex_);
        PINYON_ASSERT(!syncing_ && durable() == position);
        segments_.push_back({spare_sequence_, position});  // first: it may fail
        current_ = std::move(spare_);
    }
    segment_size_ = segment_size;
    segment_position_ = position;
    closed_ = false;
    ask_ahead();
    ++spare_sequence_;
    begun_.fetch_add(1, std::memory_order_relaxed);
    spare_ready_.store(false, std::memory_order_relaxed);
    spare_wanted_.store(false, std::memory_order_relaxed);
}

// Makes the spare where there is none, and longer where it is shorter than `size`.
// REQUIRES: spare_mutex_ is held.
void log_writer::make_spare(std::uint64_t size) {
    if (spare_ != nullptr) {
        if (spare_->size() >= size) { return; }
        fill(*spare_, size);
        sync_made(*spare_);
        return;
    }
    size = std::max(size, bytes_of_segment(begun_.load(std::memory_order_relaxed)));
    const std::uint64_t sequence = spare_sequence_;
    auto file = make_file(sequence, size);
    sync_made(*file);
    spare_ = std::move(file);
}

void log_writer::prepare_spare() {
    const std::lock_guard lock(spare_mutex_);
    spare_wanted_.store(false, std::memory_order_relaxed);  // after a failure: until the next batch
    if (poisoned() || spare_ != nullptr) { return; }
    make_spare(0);
    spare_ready_.store(true, std::memory_order_relaxed);
}

void log_writer::remove_before(std::uint64_t position) {
    const std::lock_guard removing(removal_);
    bool removed = false;
    for (;;) {
        require_sound();
        std::uint64_t sequence = 0;
        {
            const std::lock_guard lock(mutex_);
            if (segments_.size() < 2 || segments_[1].position > position) { break; }
            sequence = segments_.front().sequence;
        }
        files_.remove(path_of(sequence));
        removed = true;
        const std::lock_guard lock(mutex_);
        segments_.pop_front();
    }
    if (removed) { sync_names(); }
}

void log_writer::remove_all() {
    const std::lock_guard removing(removal_);
    require_sound();
    const std::lock_guard spare_lock(spare_mutex_);
    {
        const std::lock_guard lock(mutex_);
        PINYON_ASSERT(!syncing_);
        current_.reset();
        for (; !segments_.empty(); segments_.pop_front()) {
            files_.remove(path_of(segments_.front().sequence));
        }
    }
    if (spare_ != nullptr) {
        spare_.reset();
        files_.remove(path_of(spare_sequence_));
    }
    sync_names();
}

void log_writer::sync_names() {
    try {
        files_.sync_directory(origin_.database_path);
    } catch (const error& failure) { stop("its directory could not be made durable", failure); }
}

void log_writer::wait_durable(std::uint64_t position, company who) {
    if (durable() >= position) { return; }
    std::unique_lock lock(mutex_);
    PINYON_ASSERT(position <= end_.load(std::memory_order_acquire));
    bool counted = who == company::none;
    const auto count_in = [&counted](std::uint64_t& group) {
        if (!std::exchange(counted, true)) { ++group; }
    };
    while (durable_.load(std::memory_order_relaxed) < position) {
        if (poisoned()) { raise_unknown(position); }
        if (syncing_ && position <= target_) {
            count_in(released_);
            turn_[generation_ & 1].wait(lock);
            continue;
        }
        count_in(pending_);
        if (syncing_) {
            hurried_ = hurried_ || who == company::none;
            turn_[(generation_ + 1) & 1].wait(lock);
            continue;
        }
        if (who == company::expected && pending_ < expected_) {
            gather(lock);
            continue;
        }
        try {
            return lead(lock);
        } catch (const error& failure) {
            raise(errc::commit_unknown,
                  std::string("the log could not be made durable (") + failure.what() +
                      "); reopen the database to see whether the commit is there");
        }
    }
}

// Those whom the last sync released are likely to commit again at once: a sync that waits for them
// takes almost all writers along, one that begins without them half. The last to come leads; one of
// those before it keeps the time, and after it those who have come go alone.
// REQUIRES: nobody syncs.
void log_writer::gather(std::unique_lock<std::mutex>& lock) {
    const std::uint64_t next = generation_ + 1;
    if (gathered_ == next) {
        turn_[next & 1].wait(lock);
        return;
    }
    gathered_ = next;
    const bool late = turn_[next & 1].wait_until(lock, latest_) == std::cv_status::timeout;
    if (generation_ + 1 != next) { return; }
    gathered_ = 0;
    if (late) { expected_ = 0; }
}

// One sync for all that was appended until now; lets go of the mutex. REQUIRES: nobody syncs.
void log_writer::lead(std::unique_lock<std::mutex>& lock) {
    PINYON_ASSERT(!syncing_ && !poisoned());
    syncing_ = true;
    target_ = end_.load(std::memory_order_acquire);
    released_ = std::exchange(pending_, 0);
    const std::uint64_t generation = ++generation_;
    io::file& file = *current_;
    lock.unlock();
    const auto begin = std::chrono::steady_clock::now();
    try {
        if (!mutant(1)) { file.sync(); }
    } catch (...) {
        lock.lock();
        syncing_ = false;
        poisoned_.store(!mutant(17), std::memory_order_release);
        for (std::condition_variable& turn : turn_) { turn.notify_all(); }
        throw;
    }
    const auto end = std::chrono::steady_clock::now();
    lock.lock();
    syncing_ = false;
    // The owner may have poisoned the log meanwhile; what this sync reached is durable.
    durable_.store(target_, std::memory_order_release);
    syncs_.fetch_add(1, std::memory_order_relaxed);
    expected_ = std::exchange(hurried_, false) ? 0 : pending_ + released_;
    latest_ = end + std::min(end - begin, patience_max);
    // Who wakes finds the mutex free.
    lock.unlock();
    turn_[(generation + 1) & 1].notify_one();
    turn_[generation & 1].notify_all();
}

void log_writer::raise_unknown(std::uint64_t position) const {
    raise(errc::commit_unknown, "a sync failed before the log of " + origin_.database_path +
                                    " was durable up to position " + std::to_string(position) +
                                    "; reopen the database to see whether the commit is there");
}

void log_writer::poison() noexcept {
    const std::lock_guard lock(mutex_);
    poisoned_.store(true, std::memory_order_release);
    for (std::condition_variable& turn : turn_) { turn.notify_all(); }
}

void log_writer::stop(const char* because, const error& failure) {
    poison();
    raise(errc::poisoned, "the log of " + origin_.database_path + " stops, because " + because +
                              " (" + failure.what() + "); reopen the database");
}

log_statistics log_writer::statistics() const noexcept {
    return {syncs_.load(std::memory_order_relaxed), batches_.load(std::memory_order_relaxed),
            end_.load(std::memory_order_relaxed) - origin_.from.position,
            begun_.load(std::memory_order_relaxed)};
}

}  // namespace pinyon
