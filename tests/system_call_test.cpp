// How syncs and writes reach the kernel: the calls are counted and made to fail here, in front of
// the C library.
#define BOOST_TEST_MODULE system_call
#include <boost/test/unit_test.hpp>

#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>

#include "pinyon/mmap/file.hpp"
#include "support/bytes_of.hpp"
#include "support/errors.hpp"
#include "support/temporary_directory.hpp"

namespace {

struct faults {
    std::atomic<int> syncs{0};
    std::atomic<int> sync_error{0};  // of the next fdatasync or msync
    std::atomic<int> msyncs{0};
    std::atomic<int> msync_flags{0};    // all of them
    std::atomic<bool> half{false};      // of the next pwrite or pwritev2
    std::atomic<int> through{0};        // pwritev2 with RWF_DSYNC
    std::atomic<int> through_error{0};  // of each
};
faults planned;

[[nodiscard]] bool fails() {
    const int error = planned.sync_error.exchange(0);
    if (error != 0) { errno = error; }
    return error != 0;
}

[[nodiscard]] ssize_t write_some(int file, const void* data, std::size_t bytes, off_t offset) {
    if (bytes > 1 && planned.half.exchange(false)) { bytes /= 2; }
    return ::syscall(SYS_pwrite64, file, data, bytes, offset);
}

// REQUIRES: one piece.
[[nodiscard]] ssize_t write_through(int file, const ::iovec& piece, off_t offset, int flags) {
    if (flags == RWF_DSYNC) { ++planned.through; }
    if (planned.through_error != 0) {
        errno = planned.through_error;
        return -1;
    }
    ::iovec part = piece;
    if (planned.half.exchange(false)) { part.iov_len /= 2; }
    return ::syscall(SYS_pwritev2, file, &part, 1, offset, 0, flags);
}

}  // namespace

extern "C" {

int fdatasync(int file) {
    ++planned.syncs;
    return fails() ? -1 : static_cast<int>(::syscall(SYS_fdatasync, file));
}
int msync(void* data, size_t bytes, int flags) {
    ++planned.msyncs;
    planned.msync_flags |= flags;
    return fails() ? -1 : static_cast<int>(::syscall(SYS_msync, data, bytes, flags));
}
ssize_t pwrite(int file, const void* data, size_t bytes, off_t offset) {
    return write_some(file, data, bytes, offset);
}
ssize_t pwrite64(int file, const void* data, size_t bytes, off_t offset) {
    return write_some(file, data, bytes, offset);
}
ssize_t pwritev2(int file, const ::iovec* pieces, int, off_t offset, int flags) {
    return write_through(file, *pieces, offset, flags);
}
ssize_t pwritev64v2(int file, const ::iovec* pieces, int, off_t offset, int flags) {
    return write_through(file, *pieces, offset, flags);
}

}  // extern "C"

namespace {

using namespace pinyon;
using pinyon::test::code_of;

struct fixture {
    test::temporary_directory folder;
    io::file_system& files = io::posix_file_system();
    std::unique_ptr<io::file> file = files.open(folder / "a", io::open_mode::create_new);

    fixture() { file->grow(1 << 20); }
};

BOOST_FIXTURE_TEST_CASE(a_flush_waits_for_the_medium, fixture) {
    const auto view = file->map(io::view_access::write, 0, 1 << 20);
    BOOST_REQUIRE(view != nullptr);
    view->base()[70'000] = std::byte{1};
    planned.msyncs = 0;
    planned.msync_flags = 0;
    view->flush({65536, 8192});
    BOOST_TEST(planned.msyncs == 1);
    BOOST_TEST(planned.msync_flags == MS_SYNC);
}

BOOST_FIXTURE_TEST_CASE(a_sync_that_fails_is_told_and_not_retried, fixture) {
    for (const int error : {EIO, ENOSPC, EDQUOT}) {
        planned.syncs = 0;
        planned.sync_error = error;
        BOOST_TEST(code_of([&] { file->sync(); }) == (error == EIO ? errc::io : errc::no_space));
        BOOST_TEST(planned.syncs == 1);
    }
    const auto view = file->map(io::view_access::write, 0, 1 << 20);
    planned.msyncs = 0;
    planned.sync_error = EIO;
    BOOST_TEST(code_of([&] { view->flush({0, 4096}); }) == errc::io);
    BOOST_TEST(planned.msyncs == 1);
}

BOOST_FIXTURE_TEST_CASE(an_interrupted_sync_is_repeated, fixture) {
    planned.syncs = 0;
    planned.sync_error = EINTR;
    file->sync();
    BOOST_TEST(planned.syncs == 2);
}

BOOST_FIXTURE_TEST_CASE(a_write_done_by_half_is_completed, fixture) {
    const std::vector<std::byte> data = test::pattern(8192, 3);
    const auto whole = [&](std::uint64_t offset) {
        BOOST_TEST((test::read_all(*file, offset, data.size()) == data));
    };
    planned.half = true;
    file->write(0, data);
    BOOST_TEST(!planned.half);
    whole(0);
    planned.half = true;
    file->write_durably(16384, data);
    BOOST_TEST(!planned.half);
    whole(16384);
    const auto view = file->map(io::view_access::write, 0, 1 << 20);
    planned.half = true;
    file->write(32768, data);
    BOOST_TEST(!planned.half);
    whole(32768);
}

// A meta is durable without a wait for what else is dirty in the file.
BOOST_FIXTURE_TEST_CASE(a_durable_write_syncs_itself_alone, fixture) {
    const std::vector<std::byte> data = test::pattern(4096, 5);
    planned.syncs = 0;
    planned.through = 0;
    file->write_durably(8192, data);
    BOOST_TEST(planned.through == 1);
    BOOST_TEST(planned.syncs == 0);
    BOOST_TEST((test::read_all(*file, 8192, data.size()) == data));
}

BOOST_FIXTURE_TEST_CASE(where_a_write_cannot_be_durable_a_sync_follows, fixture) {
    const std::vector<std::byte> data = test::pattern(4096, 6);
    for (const int refusal : {EOPNOTSUPP, ENOSYS, EINVAL}) {
        planned.through_error = refusal;
        planned.syncs = 0;
        file->write_durably(4096, data);
        BOOST_TEST(planned.syncs == 1);
        BOOST_TEST((test::read_all(*file, 4096, data.size()) == data));
    }
    planned.sync_error = EIO;
    BOOST_TEST(code_of([&] { file->write_durably(4096, data); }) == errc::io);
    for (const int error : {EIO, ENOSPC}) {
        planned.through_error = error;
        planned.through = 0;
        BOOST_TEST(code_of([&] { file->write_durably(4096, data); }) ==
                   (error == EIO ? errc::io : errc::no_space));
        BOOST_TEST(planned.through == 1);
    }
    planned.through_error = 0;
}

}  // namespace
