#include "tools/input_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "tools/escape.hpp"
#include "tools/interruptible_read.hpp"

namespace pinyon::tool {

input_file::input_file(const std::string& path, const streams& streams)
    : streams_(streams), name_(path == "-" ? "standard input" : path) {
    if (path == "-") { return; }
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor_ < 0) { refuse("cannot be opened", errno); }
    struct stat status {};
    if (::fstat(descriptor_, &status) == 0 && S_ISDIR(status.st_mode)) {
        ::close(descriptor_);
        refuse("cannot be read", EISDIR);
    }
    if (S_ISREG(status.st_mode)) { bytes_ = static_cast<std::uint64_t>(status.st_size); }
}

input_file::~input_file() {
    if (descriptor_ >= 0) { ::close(descriptor_); }
}

void input_file::refuse(const char* what, int error_number) const {
    throw refusal(
        exit_code::unreadable,
        "the input " + name_ + " " + what + ": " + std::generic_category().message(error_number),
        "ls -l " + shell_quoted(name_));
}

byte_source input_file::source() {
    if (descriptor_ < 0) { return streams_.in; }
    return [this](std::span<char> out) { return read(out); };
}

std::size_t input_file::read(std::span<char> out) {
    const std::ptrdiff_t got = interruptible_read(descriptor_, out, streams_.interrupted);
    if (got < 0) { refuse("cannot be read", errno); }
    return static_cast<std::size_t>(got);
}

}  // namespace pinyon::tool
