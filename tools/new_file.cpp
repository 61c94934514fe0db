#include "tools/new_file.hpp"

#include <array>
#include <span>

#include <fmt/format.h>

#include "pinyon/mmap/file.hpp"
#include "tools/escape.hpp"
#include "tools/exit_code.hpp"

namespace pinyon::tool {

namespace {

std::string random_suffix(io::file_system& files) {
    std::array<char, 8> random{};
    files.random(std::as_writable_bytes(std::span(random)));
    return ".new-" + hexadecimal({random.data(), random.size()});
}

std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash + 1);
}

std::string name_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

new_file::new_file(const std::string& path, std::string verb)
    : path_(path), verb_(std::move(verb)) {
    io::file_system& files = io::posix_file_system();
    build([&] {
        target_ = files.resolve(path_);
        if (files.exists(target_)) {
            raise(errc::exists, "there is something of this name already; expected a free one");
        }
        temporary_ = target_ + random_suffix(files);
    });
}

new_file::~new_file() {
    if (!published_) { clear(); }
}

// The file itself, and what the library put beside it: a log, a file half made.
void new_file::clear() noexcept {
    io::file_system& files = io::posix_file_system();
    try {
        const std::string folder = folder_of(temporary_);
        const std::string own = name_of(temporary_);
        for (const std::string& name : files.list(temporary_)) {
            if (name.starts_with(own)) { files.remove(folder + name); }
        }
    } catch (const error&) {  // NOLINT(bugprone-empty-catch): what cannot be removed stays
    }
}

void new_file::publish() {
    io::file_system& files = io::posix_file_system();
    build([&] {
        files.open(temporary_, io::open_mode::read_write)->sync();
        files.rename_no_replace(temporary_, target_);
        published_ = true;
        files.sync_directory(target_);
    });
}

// There is nothing of that name to look at.
std::string new_file::next(errc code) const {
    const std::string folder = folder_of(path_);
    switch (code) {
        case errc::exists:
            return next_step(code, verb_, path_);
        case errc::not_found:
            return "mkdir -p " + shell_quoted(folder);
        case errc::key_too_long:
            return "pinyon " + verb_ + " --help";
        default:
            return next_step(code, verb_, folder);
    }
}

void new_file::refuse(const error& failure) const {
    std::string text = failure.what();
    for (const std::string& own : {temporary_, target_}) {
        for (std::size_t at = own.empty() ? std::string::npos : text.find(own);
             at != std::string::npos; at = text.find(own, at + path_.size())) {
            text.replace(at, own.size(), path_);
        }
    }
    if (!text.starts_with(path_)) { text.insert(0, path_ + ": "); }
    throw refusal(exit_code_of(failure.kind()), text, next(failure.kind()));
}

}  // namespace pinyon::tool
