// File systems of our own: small ones in memory, and ext4 in a file behind a loop device, mounted
// where nobody else sees them. All of it ends with the process.
//
// Needs root. `why_not` says what is missing.
// Threads: one.
#pragma once

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <stdexcept>
#include <string>

#include "support/temporary_directory.hpp"

namespace pinyon::test {

// From here on mounts of this process are its own. Empty: it worked, else the reason.
[[nodiscard]] inline std::string own_mounts() {
    if (::geteuid() != 0) { return "needs root"; }
    if (::unshare(CLONE_NEWNS) != 0 ||
        ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
        return std::string("no mounts of its own: ") + std::strerror(errno);
    }
    return {};
}

[[noreturn]] inline void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::strerror(errno));
}

// A file system in memory of so many bytes.
class memory_mount {
public:
    explicit memory_mount(std::uint64_t bytes) {
        const std::string size = "size=" + std::to_string(bytes);
        if (::mount("none", folder_.path().c_str(), "tmpfs", 0, size.c_str()) != 0) {
            fail("mounting a tmpfs");
        }
    }
    ~memory_mount() { ::umount2(folder_.path().c_str(), MNT_DETACH); }
    memory_mount(const memory_mount&) = delete;
    memory_mount& operator=(const memory_mount&) = delete;

    [[nodiscard]] std::string operator/(const std::string& name) const { return folder_ / name; }

private:
    temporary_directory folder_;
};

// An ext4 in a file, which can lose its power.
class loop_mount {
public:
    explicit loop_mount(std::uint64_t bytes) {
        std::filesystem::create_directory(place_);
        const int image = ::open(image_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (image < 0 || ::ftruncate(image, static_cast<off_t>(bytes)) != 0) { fail("the image"); }
        make_file_system();
        attach(image);
        ::close(image);
        mount();
    }
    ~loop_mount() {
        ::umount2(place_.c_str(), MNT_DETACH);
        if (device_ >= 0) { ::close(device_); }
    }
    loop_mount(const loop_mount&) = delete;
    loop_mount& operator=(const loop_mount&) = delete;

    [[nodiscard]] std::string operator/(const std::string& name) const {
        return place_ + "/" + name;
    }

    // From now on nothing reaches the medium, and the journal stays as it is there.
    void cut_power() const {
        constexpr unsigned long ext4_shutdown = 0x8004587d;
        const std::uint32_t without_log_flush = 2;
        const int root = ::open(place_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root < 0 || ::ioctl(root, ext4_shutdown, &without_log_flush) != 0) {
            fail("EXT4_IOC_SHUTDOWN");
        }
        ::close(root);
    }
    // Reading what lies behind the first `bytes` of the medium fails from now on (EIO), but for
    // what is in memory.
    void break_beyond(std::uint64_t bytes) const {
        const int root = ::open(place_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (root < 0 || ::syncfs(root) != 0) { fail("syncing"); }
        ::close(root);
        if (::truncate(image_.c_str(), static_cast<off_t>(bytes)) != 0) { fail("the image"); }
    }
    // All users of its files are gone: what the medium holds is there again.
    void power_on() {
        if (::umount(place_.c_str()) != 0) { fail("unmounting"); }
        // What the file system changed in memory and had not yet in its journal goes, too.
        if (::ioctl(device_, BLKFLSBUF, 0) != 0) { fail("BLKFLSBUF"); }
        mount();
    }

private:
    void make_file_system() const {
        const pid_t child = ::fork();
        if (child == 0) {
            const int quiet = ::open("/dev/null", O_WRONLY);
            ::dup2(quiet, 1);
            ::dup2(quiet, 2);
            for (const char* program : {"/usr/sbin/mkfs.ext4", "/sbin/mkfs.ext4"}) {
                ::execl(program, "mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,nodiscard",
                        image_.c_str(), nullptr);
            }
            ::_exit(98);
        }
        int status = 0;
        ::waitpid(child, &status, 0);
        if (status != 0) { throw std::runtime_error("mkfs.ext4 is missing or fails"); }
    }

    // The kernel lets go of the device when its last user does.
    void attach(int image) {
        const int control = ::open("/dev/loop-control", O_RDWR | O_CLOEXEC);
        if (control < 0) { fail("/dev/loop-control"); }
        for (int attempt = 0; attempt != 20; ++attempt) {
            const int number = ::ioctl(control, LOOP_CTL_GET_FREE);
            if (number < 0) { fail("no free loop device"); }
            name_ = "/dev/loop" + std::to_string(number);
            device_ = ::open(name_.c_str(), O_RDWR | O_CLOEXEC);
            if (device_ < 0) { fail(name_); }
            // Another process may have been faster.
            if (::ioctl(device_, LOOP_SET_FD, image) == 0) { break; }
            ::close(device_);
            device_ = -1;
        }
        ::close(control);
        if (device_ < 0) { fail("attaching a loop device"); }
        loop_info64 facts{};
        facts.lo_flags = LO_FLAGS_AUTOCLEAR;
        if (::ioctl(device_, LOOP_SET_STATUS64, &facts) != 0) { fail("LOOP_SET_STATUS64"); }
    }

    void mount() const {
        if (::mount(name_.c_str(), place_.c_str(), "ext4", 0, nullptr) != 0) {
            fail("mounting " + name_);
        }
    }

    temporary_directory folder_;
    std::string image_ = folder_ / "image";
    std::string place_ = folder_ / "mount";
    std::string name_;
    int device_ = -1;
};

}  // namespace pinyon::test
