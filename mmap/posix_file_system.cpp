#include <dirent.h>
#include <fcntl.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>
#include <utility>

#include "pinyon/mmap/posix_file.hpp"

namespace pinyon::io {

namespace {

[[nodiscard]] const char* checked(const std::string& path) {
    if (path.empty() || path.find('\0') != std::string::npos) {
        raise(errc::misuse, "a path is empty or holds a zero byte; give the path of a file");
    }
    return path.c_str();
}

[[nodiscard]] std::string directory_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) { return "."; }
    return slash == 0 ? "/" : path.substr(0, slash);
}

// Empty when there is no such path.
[[nodiscard]] std::string real_path(const std::string& path) {
    const std::unique_ptr<char, decltype(&std::free)> found(::realpath(path.c_str(), nullptr),
                                                            &std::free);
    if (found != nullptr) { return found.get(); }
    if (errno == ENOTDIR) { raise_os(ENOENT, "resolving " + path); }
    if (errno != ENOENT) { raise_os(errno, "resolving " + path); }
    return {};
}

// Where a symbolic link points; empty when `path` is none.
[[nodiscard]] std::string link_target(const std::string& path) {
    std::array<char, 4097> target{};  // PATH_MAX and one more
    const ssize_t length = ::readlink(path.c_str(), target.data(), target.size() - 1);
    if (length <= 0) { return {}; }
    return {target.data(), static_cast<std::size_t>(length)};
}

[[nodiscard]] int open_flags(open_mode mode) noexcept {
    // O_NONBLOCK: opening a pipe that somebody left under our name must not wait for its other end.
    constexpr int common = O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK;
    switch (mode) {
        case open_mode::read_write:
            return common | O_RDWR;
        case open_mode::create_new:
            return common | O_RDWR | O_CREAT | O_EXCL;
        case open_mode::read_only:
            break;
    }
    return common | O_RDONLY;
}

// -1 leaves errno; interruptions are gone over.
[[nodiscard]] int open_file(const char* path, int flags) noexcept {
    for (;;) {
        const int number = ::open(path, flags, 0600);
        if (number >= 0 || errno != EINTR) { return number; }
    }
}

[[noreturn]] void raise_open(int number, const std::string& path, open_mode mode) {
    if (number == ELOOP) {
        raise(errc::misuse, path + " is a symbolic link; open what it points to");
    }
    if (number == ENXIO || number == ENODEV) {
        raise(errc::not_a_database, path + " is no regular file");
    }
    if (number == ENOTDIR) {
        raise(errc::not_found, path + ": a part of this path is no directory; check the path");
    }
    if (number == EWOULDBLOCK) {
        raise(errc::busy, "opening " + path + ": another program holds a lease on it; try again");
    }
    raise_os(number, (mode == open_mode::create_new ? "creating " : "opening ") + path);
}

void check_opened(const descriptor& handle, const std::string& path, open_mode mode) {
    const int number = handle.get();
    struct ::stat status {};
    if (::fstat(number, &status) != 0) { raise_os(errno, "looking at " + path); }
    if (S_ISDIR(status.st_mode)) {
        raise(errc::is_directory, "opening " + path + "; name a file in it");
    }
    if (!S_ISREG(status.st_mode)) { raise(errc::not_a_database, path + " is no regular file"); }
    if (mode != open_mode::read_only && status.st_nlink > 1) {
        raise(errc::misuse, path + " has " + std::to_string(status.st_nlink) +
                                " names (hard links), and its log could be looked for under the "
                                "wrong one; remove the others or copy the file");
    }
    // Off again: on a regular file it means nothing, on some file systems it does.
    const int flags = ::fcntl(number, F_GETFL);
    if (flags < 0 || ::fcntl(number, F_SETFL, flags & ~O_NONBLOCK) != 0) {
        raise_os(errno, "opening " + path);
    }
}

// Gives `from` the name `to` where renameat2 has no RENAME_NOREPLACE: a link fails when the name is
// taken, and between the two calls the file merely has both names.
[[nodiscard]] int link_and_unlink(const char* from, const char* to) noexcept {
    if (::link(from, to) != 0) { return errno; }
    return ::unlink(from) == 0 ? 0 : errno;
}

}  // namespace

std::unique_ptr<file> posix_system::open(const std::string& path, open_mode mode) {
    const int number = open_file(checked(path), open_flags(mode));
    if (number < 0) { raise_open(errno, path, mode); }
    auto handle = adopt_descriptor(number);
    check_opened(*handle, path, mode);
    return std::make_unique<posix_file>(std::move(handle), path, mode, medium::disk, offers_);
}

bool posix_system::exists(const std::string& path) {
    struct ::stat status {};
    if (::stat(checked(path), &status) == 0) { return true; }
    if (errno != ENOENT && errno != ENOTDIR) { raise_os(errno, "looking for " + path); }
    return false;
}

std::string posix_system::resolve(const std::string& path) {
    std::string current = path;
    (void)checked(path);
    // A link to a file that does not exist yet is followed by hand; the kernel's bound is 40, too.
    for (int links = 0; links != 40; ++links) {
        std::string found = real_path(current);
        if (!found.empty()) { return found; }
        const std::string name = current.substr(current.rfind('/') + 1);
        if (name.empty()) {
            raise(errc::is_directory, path + " ends in a slash; name a file in that directory");
        }
        const std::string directory = real_path(directory_of(current));
        if (directory.empty()) {
            raise(errc::not_found, "there is no directory for " + current + "; make it first");
        }
        current = std::string(directory).append(directory == "/" ? "" : "/").append(name);
        const std::string target = link_target(current);
        if (target.empty()) { return current; }
        current =
            target.front() == '/' ? target : std::string(directory).append("/").append(target);
    }
    raise(errc::not_found, path + " is a link that leads in a circle; remove it");
}

void posix_system::rename_no_replace(const std::string& from, const std::string& to) {
    constexpr unsigned no_replace = 1;  // RENAME_NOREPLACE
    int failure = 0;
    if (::syscall(SYS_renameat2, AT_FDCWD, checked(from), AT_FDCWD, checked(to), no_replace) != 0) {
        failure = errno;
    }
    if (failure == EINVAL || failure == ENOSYS) {
        failure = link_and_unlink(from.c_str(), to.c_str());
    }
    if (failure != 0) { raise_os(failure, "renaming " + from + " to " + to); }
}

void posix_system::remove(const std::string& path) {
    if (::unlink(checked(path)) != 0) { raise_os(errno, "removing " + path); }
}

void posix_system::sync_directory(const std::string& path) {
    const std::string directory = directory_of(path);
    const int number = open_file(checked(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (number < 0) { raise_os(errno, "opening the directory " + directory); }
    const descriptor handle(number);
    while (::fsync(handle.get()) != 0) {
        // EINVAL: this file system has no such thing and orders its directories itself.
        if (errno == EINVAL) { return; }
        if (errno != EINTR) { raise_os(errno, "syncing the directory " + directory); }
    }
}

std::vector<std::string> posix_system::list(const std::string& path) {
    const std::string directory = directory_of(path);
    const std::unique_ptr<::DIR, int (*)(::DIR*)> stream(::opendir(checked(directory)),
                                                         &::closedir);
    if (stream == nullptr) { raise_os(errno, "listing the directory " + directory); }
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        // NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is this call's own
        const ::dirent* entry = ::readdir(stream.get());
        if (entry == nullptr) { break; }
        const std::string name = entry->d_name;
        if (name != "." && name != "..") { names.push_back(name); }
    }
    if (errno != 0) { raise_os(errno, "listing the directory " + directory); }
    std::sort(names.begin(), names.end());
    return names;
}

std::chrono::steady_clock::time_point posix_system::now() {
    return std::chrono::steady_clock::now();
}

void posix_system::random(std::span<std::byte> out) { fill_random(out); }

void fill_random(std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t got = ::getrandom(out.data(), out.size(), 0);
        if (got < 0 && errno == EINTR) { continue; }
        if (got <= 0) { raise_os(got < 0 ? errno : EIO, "asking the kernel for random bytes"); }
        out = out.subspan(static_cast<std::size_t>(got));
    }
}

file_system& posix_file_system() {
    // Never destroyed: databases of static storage may close after it otherwise.
    static auto* instance = new posix_system(capabilities{});
    return *instance;
}

std::unique_ptr<file_system> make_posix_file_system(const capabilities& allowed) {
    return std::make_unique<posix_system>(allowed);
}

}  // namespace pinyon::io
