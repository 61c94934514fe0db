#include "pinyon/mmap/posix_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <new>
#include <utility>

#include "pinyon/mmap/mapped_view.hpp"
#include "pinyon/mmap/mutant.hpp"

namespace pinyon::io {

namespace {

// Direct access wants offset, size and memory aligned to the device's blocks: 4096 serves all.
constexpr std::size_t direct_alignment = 4096;
// One copy of a direct transfer: large enough that the system call does not count.
constexpr std::size_t direct_bytes_max = std::size_t{1} << 20;

// What `store` maps at a time: 64 faults in one call, and no more memory held than that. Data of
// whole pages go by calls, which cost less than the faults.
constexpr std::uint64_t window_bytes = 64 * os_page_bytes;
constexpr std::size_t stored_bytes_max = os_page_bytes;

class aligned_buffer {
public:
    explicit aligned_buffer(std::size_t bytes)
        : data_(
              static_cast<std::byte*>(::operator new (bytes, std::align_val_t{direct_alignment}))) {
    }
    ~aligned_buffer() { ::operator delete (data_, std::align_val_t{direct_alignment}); }
    aligned_buffer(const aligned_buffer&) = delete;
    aligned_buffer& operator=(const aligned_buffer&) = delete;

    [[nodiscard]] std::byte* data() const noexcept { return data_; }

private:
    std::byte* data_;
};

// One pread or pwrite, repeated when a signal interrupts it; -1 leaves errno.
[[nodiscard]] ssize_t read_once(int file, std::uint64_t offset, std::span<std::byte> out) {
    for (;;) {
        const ssize_t got = ::pread(file, out.data(), out.size(), static_cast<off_t>(offset));
        if (got >= 0 || errno != EINTR) { return got; }
    }
}

[[nodiscard]] ssize_t write_once(int file, std::uint64_t offset, std::span<const std::byte> data) {
    for (;;) {
        const ssize_t put = ::pwrite(file, data.data(), data.size(), static_cast<off_t>(offset));
        if (put >= 0 || errno != EINTR) { return put; }
    }
}

// Durable when it returns. EOPNOTSUPP or ENOSYS, and nothing was written, where that cannot be
// asked for.
[[nodiscard]] ssize_t write_through(int file, std::uint64_t offset,
                                    std::span<const std::byte> data) {
    const struct ::iovec piece {
        const_cast<std::byte*>(data.data()), data.size()  // NOLINT: not written to
    };
    for (;;) {
        const ssize_t put = ::pwritev2(file, &piece, 1, static_cast<off_t>(offset), RWF_DSYNC);
        if (put >= 0 || errno != EINTR) { return put; }
    }
}

[[nodiscard]] struct ::flock lock_request(lock_byte byte, short type) noexcept {
    struct ::flock request {};
    request.l_type = type;
    request.l_whence = SEEK_SET;
    request.l_start = static_cast<off_t>(lock_offset(byte));
    request.l_len = 1;
    return request;  // l_pid is 0, as open file description locks demand
}

}  // namespace

posix_file::posix_file(std::shared_ptr<descriptor> handle, std::string path, open_mode mode,
                       medium where, const capabilities& offers)
    : handle_(std::move(handle)),
      path_(std::move(path)),
      mode_(mode),
      medium_(where),
      offers_(offers) {
    // No large folios come: a store into one rewrites all of it, and a fault may map all of it.
    // Advice, so no error counts.
    if (medium_ == medium::disk && offers.advice) { (void)advise_random(handle_->get()); }
}

int posix_file::number() const {
    const int result = handle_->get();
    if (result < 0) {
        raise(errc::misuse,
              path_ + " was opened by the parent process; a forked child opens it again");
    }
    return result;
}

void posix_file::require_writable(const char* verb) const {
    if (mode_ == open_mode::read_only) {
        raise(errc::read_only,
              std::string(verb) + " " + path_ + ", which is open for reading only");
    }
}

std::string posix_file::at(const char* verb, byte_range range) const {
    return std::string(verb) + " " + std::to_string(range.size) + " bytes at offset " +
           std::to_string(range.offset) + " of " + path_;
}

std::size_t posix_file::read(std::uint64_t offset, std::span<std::byte> out) {
    std::size_t done = 0;
    while (done != out.size()) {
        const ssize_t got = read_once(number(), offset + done, out.subspan(done));
        if (got < 0) { raise_os(errno, at("reading", {offset, out.size()})); }
        if (got == 0) { break; }
        done += static_cast<std::size_t>(got);
    }
    return done;
}

// Null when the file system has no direct access. Another open file description is harmless to our
// locks, which belong to the first one.
const descriptor* posix_file::direct() {
    const int original = number();
    const std::lock_guard lock(mutex_);
    if (direct_ == nullptr && !direct_refused_ && medium_ == medium::disk) {
        const int access = mode_ == open_mode::read_only ? O_RDONLY : O_RDWR;
        const int opened = ::open(reopening_path(original).c_str(), access | O_DIRECT | O_CLOEXEC);
        if (opened >= 0) { direct_ = adopt_descriptor(opened); }
        direct_refused_ = opened < 0;
    }
    return direct_.get();
}

std::size_t posix_file::read_medium(std::uint64_t offset, std::span<std::byte> out) {
    if (offset % direct_alignment != 0 || out.size() % direct_alignment != 0) {
        raise(errc::misuse, at("unaligned direct reading of", {offset, out.size()}));
    }
    const descriptor* direct_file = direct();
    if (direct_file == nullptr) {
        if (medium_ == medium::disk) { (void)drop_file_cache(number(), {offset, out.size()}); }
        return read(offset, out);
    }
    const aligned_buffer buffer(std::min(out.size(), direct_bytes_max));
    std::size_t done = 0;
    while (done != out.size()) {
        const std::span<std::byte> piece(buffer.data(),
                                         std::min(out.size() - done, direct_bytes_max));
        const ssize_t got = read_once(direct_file->get(), offset + done, piece);
        if (got < 0 && errno == EINVAL && done == 0) {  // some refuse only now
            (void)drop_file_cache(number(), {offset, out.size()});
            return read(offset, out);
        }
        if (got < 0) { raise_os(errno, at("reading from the medium", {offset, out.size()})); }
        std::memcpy(out.data() + done, buffer.data(), static_cast<std::size_t>(got));
        done += static_cast<std::size_t>(got);
        if (static_cast<std::size_t>(got) % direct_alignment != 0 || got == 0) { break; }
    }
    return done;
}

void posix_file::write(std::uint64_t offset, std::span<const std::byte> data) {
    require_writable("writing to");
    write_pieces(offset, data);
}

// The kernel makes folios as large as a call's data. In a mapped file they would let one stored
// byte rewrite 2 MiB, so there a call takes a page at most.
void posix_file::write_pieces(std::uint64_t offset, std::span<const std::byte> data) {
    const byte_range whole{offset, data.size()};
    const bool by_page = mapped_.load(std::memory_order_relaxed) && medium_ == medium::disk;
    while (!data.empty()) {
        const std::uint64_t room = os_page_bytes - offset % os_page_bytes;
        const std::size_t piece =
            by_page ? static_cast<std::size_t>(std::min<std::uint64_t>(room, data.size()))
                    : data.size();
        ssize_t put = write_once(number(), offset, data.first(piece));
        if (put < 0) { raise_os(errno, at("writing", whole)); }
        if (put == 0) { raise_os(ENOSPC, at("writing", whole)); }
        if (mutant(19)) { put = static_cast<ssize_t>(piece); }
        offset += static_cast<std::uint64_t>(put);
        data = data.subspan(static_cast<std::size_t>(put));
    }
}

void posix_file::store(std::uint64_t offset, std::span<const std::byte> data) {
    require_writable("writing to");
    (void)number();
    if (data.size() > stored_bytes_max || !move_window({offset, data.size()})) {
        return write_pieces(offset, data);
    }
    std::memcpy(stored_->base() + offset, data.data(), data.size());
}

// Whether the window holds the range now. Its pages are brought in at once, by a call that reports
// errors; where it cannot be had, a write is to say why.
bool posix_file::move_window(byte_range range) {
    const std::uint64_t end = range.offset + range.size;
    if (range.offset >= window_.offset && end <= window_.offset + window_.size) { return true; }
    const std::uint64_t first = range.offset / os_page_bytes * os_page_bytes;
    try {
        if (stored_ == nullptr || end > stored_->bytes()) {
            const std::uint64_t whole_pages = size() / os_page_bytes * os_page_bytes;
            if (end > whole_pages || !offers_.populate) { return false; }
            window_ = {};
            stored_ =
                map_view({handle_, shared_memory(), path_}, view_access::write, 0, whole_pages);
            if (stored_ == nullptr) { return false; }
        }
        stored_->unmap({&window_, 1});
        window_ = {};
        const byte_range next{first, std::min(window_bytes, stored_->bytes() - first)};
        stored_->populate(next, true);
        window_ = next;
    } catch (const error&) { return false; }
    return true;
}

void posix_file::write_durably(std::uint64_t offset, std::span<const std::byte> data) {
    if (offset % direct_alignment != 0 || data.size() % direct_alignment != 0) {
        raise(errc::misuse, at("unaligned direct writing of", {offset, data.size()}));
    }
    require_writable("writing to");
    const descriptor* direct_file = direct();
    if (direct_file == nullptr) { return write_and_sync(offset, data); }
    const aligned_buffer buffer(std::min(data.size(), direct_bytes_max));
    while (!data.empty()) {
        const std::size_t piece = std::min(data.size(), direct_bytes_max);
        std::memcpy(buffer.data(), data.data(), piece);
        const ssize_t put = write_through(direct_file->get(), offset, {buffer.data(), piece});
        // Refused only now, or stopped inside a block: the rest goes the other way.
        if (put < 0 && (errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
            return write_and_sync(offset, data);
        }
        if (put < 0) { raise_os(errno, at("writing to the medium", {offset, data.size()})); }
        if (put == 0) { raise_os(ENOSPC, at("writing to the medium", {offset, data.size()})); }
        offset += static_cast<std::uint64_t>(put);
        data = data.subspan(static_cast<std::size_t>(put));
        if (static_cast<std::size_t>(put) % direct_alignment != 0) {
            return write_and_sync(offset, data);
        }
    }
}

void posix_file::write_and_sync(std::uint64_t offset, std::span<const std::byte> data) {
    write_pieces(offset, data);
    sync();
}

void posix_file::sync() {
    while (::fdatasync(number()) != 0 && !mutant(18)) {
        if (errno != EINTR) { raise_os(errno, "syncing " + path_); }
    }
}

// 0 or an errno; EOPNOTSUPP when the file system or a test has no fallocate.
int posix_file::reserve(std::uint64_t from, std::uint64_t to) {
    if (!offers_.fallocate) { return EOPNOTSUPP; }
    while (::fallocate(number(), 0, static_cast<off_t>(from), static_cast<off_t>(to - from)) != 0) {
        if (errno == ENOSYS) { return EOPNOTSUPP; }
        if (errno != EINTR) { return errno; }
    }
    return 0;
}

// A page a call, so that the cache is filled with single pages.
void posix_file::write_zeros(std::uint64_t from, std::uint64_t to) {
    static constexpr std::array<std::byte, os_page_bytes> zeros{};
    while (from < to) {
        const std::uint64_t room = os_page_bytes - from % os_page_bytes;
        const auto piece = static_cast<std::size_t>(std::min(room, to - from));
        const ssize_t put = write_once(number(), from, std::span(zeros).first(piece));
        if (put <= 0) {
            raise_os(put < 0 ? errno : ENOSPC,
                     "growing " + path_ + " to " + std::to_string(to) + " bytes");
        }
        from += static_cast<std::uint64_t>(put);
    }
}

void posix_file::grow(std::uint64_t size) {
    require_writable("growing");
    const std::uint64_t before = this->size();
    const std::uint64_t from = reserved_.load(std::memory_order_relaxed) ? before : 0;
    const std::uint64_t to = std::max(size, before);
    if (from == to) { return; }
    if (mutant(20)) { return truncate(to); }
    const std::string what = "growing " + path_ + " to " + std::to_string(to) + " bytes";
    if (to > static_cast<std::uint64_t>(INT64_MAX)) { raise_os(EFBIG, what); }
    int failure = reserve(from, to);
    if (failure == EOPNOTSUPP) {
        failure = 0;
        try {
            write_zeros(before, to);
        } catch (...) {
            (void)::ftruncate(number(), static_cast<off_t>(before));
            throw;
        }
    }
    if (failure != 0) {
        // What was allocated before the disk was full goes back; should that fail, too, the file is
        // longer than needed and no worse.
        if (to > before) { (void)::ftruncate(number(), static_cast<off_t>(before)); }
        if (failure == ENOMEM) {
            failure = ENOSPC;  // a file in memory
        }
        raise_os(failure, what);
    }
    reserved_.store(true, std::memory_order_relaxed);
}

void posix_file::truncate(std::uint64_t size) {
    require_writable("truncating");
    while (::ftruncate(number(), static_cast<off_t>(size)) != 0) {
        if (errno != EINTR) {
            raise_os(errno, "cutting " + path_ + " to " + std::to_string(size) + " bytes");
        }
    }
}

std::uint64_t posix_file::size() const {
    struct ::stat status {};
    if (::fstat(number(), &status) != 0) { raise_os(errno, "looking at " + path_); }
    return static_cast<std::uint64_t>(status.st_size);
}

bool posix_file::try_lock(lock_byte byte, lock_mode mode) {
    if (mode == lock_mode::exclusive) { require_writable("locking"); }
    struct ::flock request = lock_request(byte, mode == lock_mode::shared ? F_RDLCK : F_WRLCK);
    while (::fcntl(number(), F_OFD_SETLK, &request) != 0) {
        if (errno == EAGAIN || errno == EACCES) { return false; }
        if (errno != EINTR) {
            raise_os(errno, "locking " + path_ + " (does its file system have locks?)");
        }
    }
    return true;
}

bool posix_file::is_locked_elsewhere(lock_byte byte) {
    struct ::flock question = lock_request(byte, F_RDLCK);
    while (::fcntl(number(), F_OFD_GETLK, &question) != 0) {
        if (errno != EINTR) { raise_os(errno, "asking for locks of " + path_); }
    }
    return question.l_type == F_WRLCK;
}

void posix_file::unlock(lock_byte byte) {
    struct ::flock request = lock_request(byte, F_UNLCK);
    while (::fcntl(number(), F_OFD_SETLK, &request) != 0) {
        if (errno != EINTR) { raise_os(errno, "unlocking " + path_); }
    }
}

std::shared_ptr<process_memory> posix_file::shared_memory() {
    const std::lock_guard lock(mutex_);
    if (memory_ == nullptr) { memory_ = std::make_shared<process_memory>(offers_); }
    return memory_;
}

std::unique_ptr<mapping> posix_file::map(view_access access, std::uint64_t first,
                                         std::uint64_t bytes) {
    if (access == view_access::write) { require_writable("mapping for writing"); }
    constexpr std::uint64_t small = std::uint64_t{64} << 20;
    // Views are rounded up.
    if (!offers_.large_reservation && bytes > std::max(small, 2 * size() + small / 16)) {
        return nullptr;
    }
    (void)number();
    auto result = map_view({handle_, shared_memory(), path_}, access, first, bytes);
    if (result != nullptr && !mapped_.exchange(true, std::memory_order_relaxed)) {
        drop_large_folios();
    }
    return result;
}

// Those that a sequential reader or a copy left in the cache, before the first view touches them.
// Who only reads the file by calls keeps what is cached.
void posix_file::drop_large_folios() noexcept {
    if (medium_ == medium::disk) { (void)drop_file_cache(handle_->get(), {0, 0}); }
}

void posix_file::will_need(std::span<const byte_range> ranges) noexcept {
    if (medium_ == medium::memory) { return; }
    const int opened = handle_->get();
    for (const byte_range& range : ranges) {
        if (range.size != 0) { (void)advise_will_need(opened, range); }
    }
}

void posix_file::drop_cache(std::span<const byte_range> ranges) {
    for (const byte_range& range : ranges) {
        if (range.size == 0) {
            continue;  // which the system call would take for all the rest
        }
        if (const int failure = drop_file_cache(number(), range)) {
            raise_os(failure, at("dropping the cache of", range));
        }
    }
}

void posix_file::start_write_back(byte_range range) {
    if (range.size == 0 || medium_ == medium::memory) { return; }
    if (const int failure = start_file_write_back(number(), range)) {
        raise_os(failure, at("starting to write back", range));
    }
}

void posix_file::wait_write_back(byte_range range) {
    if (range.size == 0 || medium_ == medium::memory) { return; }
    if (const int failure = wait_file_write_back(number(), range)) {
        raise_os(failure, at("writing back", range));
    }
}

}  // namespace pinyon::io
