#include "limited_run.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <stdexcept>

#include "support/memory_group.hpp"

namespace pinyon::bench {

namespace {

// Pages of the file that are in the page cache.
[[nodiscard]] std::uint64_t cached_pages(int file, std::uint64_t bytes) {
    if (bytes == 0) { return 0; }
    void* view = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, file, 0);
    if (view == MAP_FAILED) { return ~std::uint64_t{0}; }
    std::vector<unsigned char> resident((bytes + 4095) / 4096);
    (void)::mincore(view, bytes, resident.data());
    ::munmap(view, bytes);
    return static_cast<std::uint64_t>(std::count_if(
        resident.begin(), resident.end(), [](unsigned char page) { return (page & 1) != 0; }));
}

void drop(const std::string& path) {
    const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) { return; }  // a log that is gone
    struct ::stat facts {};
    (void)::fstat(file, &facts);
    std::uint64_t left = 0;
    for (int attempt = 0; attempt != 20; ++attempt) {
        (void)::fdatasync(file);
        (void)::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
        left = cached_pages(file, static_cast<std::uint64_t>(facts.st_size));
        if (left * 4096 * 100 <= static_cast<std::uint64_t>(facts.st_size)) { break; }
        ::usleep(100'000);
    }
    ::close(file);
    if (left * 4096 * 100 > static_cast<std::uint64_t>(facts.st_size)) {
        throw std::runtime_error(path + " stays in the page cache: does another process map it?");
    }
}

}  // namespace

void limited_probe::end(std::uint64_t operations, std::uint64_t wrong) {
    times_.end(operations);
    result_.wrong += wrong;
    const auto second = static_cast<std::uint64_t>(times_.elapsed());
    if (second < series_seconds_max) {
        result_.series[second] += operations;
        result_.series_seconds = static_cast<unsigned>(second) + 1;
    }
    if (bytes_read_ != ~std::uint64_t{0} && times_.elapsed() >= next_look_) {
        next_look_ = times_.elapsed() + seconds_a_look;
        full_ = resources::now().bytes_read >= bytes_read_;
    }
}

limited_result limited_probe::result() const {
    limited_result result = result_;
    result.operations = times_.operations();
    result.seconds = times_.seconds();
    result.times = times_.times();
    result.used = resources::now().since(start_);
    return result;
}

limited_result run_limited(std::uint64_t limit_bytes, const std::vector<std::string>& files,
                           const std::function<limited_result()>& work) {
    for (const std::string& file : files) { drop(file); }
    std::unique_ptr<test::memory_group> group;
    if (limit_bytes != 0) { group = std::make_unique<test::memory_group>(limit_bytes); }
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) { throw std::runtime_error("no pipe"); }
    std::fflush(nullptr);
    const ::pid_t child = ::fork();
    if (child == 0) {
        if (group && !group->enter()) { ::_exit(3); }
        limited_result result = work();
        result.rss_bytes = resident_bytes_peak();
        const bool sent =
            ::write(ends[1], &result, sizeof result) == static_cast<::ssize_t>(sizeof result);
        ::_exit(sent ? 0 : 4);
    }
    ::close(ends[1]);
    limited_result result;
    const bool came =
        ::read(ends[0], &result, sizeof result) == static_cast<::ssize_t>(sizeof result);
    ::close(ends[0]);
    int status = 0;
    (void)::waitpid(child, &status, 0);
    if (!came) {
        throw std::runtime_error("the limited process ended with status " + std::to_string(status));
    }
    return result;
}

}  // namespace pinyon::bench
