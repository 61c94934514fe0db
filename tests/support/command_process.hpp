// The command `pinyon` as a process of its own: the one that was built beside the test, or another;
// how it ended and what it wrote where.
//
// Threads: any. Failure: a process that cannot be started ends with 98 or 99.
#pragma once

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string>
#include <vector>

#include "support/build_folder.hpp"
#include "support/temporary_directory.hpp"
#include "support/whole_file.hpp"

namespace pinyon::test {

// build/tests/... and build/bin/pinyon.
[[nodiscard]] inline std::string command_path() {
    if (const char* const named = std::getenv("PINYON_COMMAND"); named != nullptr) { return named; }
    return (folder_of_tests.parent_path() / "bin" / "pinyon").string();
}

struct command_end {
    int code = -1;  // -1: ended by a signal
    int signal = 0;
    std::string out{};
    std::string err{};
};

// What the child does between fork and exec.
struct child_setup {
    int standard_input = -1;   // -1: /dev/null
    int standard_output = -1;  // -1: a file that is read afterwards
    bool close_output = false;
    bool as_nobody = false;
    std::string command{};      // empty: the one that was built
    std::string folder{};       // to work in; empty: that of the test
    int processor_seconds = 0;  // then SIGXCPU; 0: no end
};

inline void redirect(const char* path, int flags, int to) {
    const int descriptor = ::open(path, flags | O_CLOEXEC, 0600);
    ::dup2(descriptor, to);
}

// Standard output and error go to the files `out` and `err`.
inline ::pid_t start_command(const std::vector<std::string>& arguments, const std::string& out,
                             const std::string& err, const child_setup& setup = {}) {
    std::vector<std::string> all{setup.command.empty() ? command_path() : setup.command};
    all.insert(all.end(), arguments.begin(), arguments.end());
    std::vector<char*> pointers;
    for (std::string& each : all) { pointers.push_back(each.data()); }
    pointers.push_back(nullptr);
    const ::pid_t child = ::fork();
    if (child != 0) { return child; }
    redirect(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 1);
    redirect(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 2);
    if (setup.standard_input >= 0) {
        ::dup2(setup.standard_input, 0);
    } else {
        redirect("/dev/null", O_RDONLY, 0);
    }
    if (setup.standard_output >= 0) { ::dup2(setup.standard_output, 1); }
    if (setup.close_output) { ::close(1); }
    if (!setup.folder.empty() && ::chdir(setup.folder.c_str()) != 0) { ::_exit(99); }
    if (setup.as_nobody && (::setgid(65534) != 0 || ::setuid(65534) != 0)) { ::_exit(99); }
    if (setup.processor_seconds != 0) {
        const auto seconds = static_cast<::rlim_t>(setup.processor_seconds);
        const ::rlimit limit{seconds, seconds + 1};
        ::setrlimit(RLIMIT_CPU, &limit);
    }
    // A runner in the background ignores it, and children inherit that.
    (void)::signal(SIGINT, SIG_DFL);
    ::execv(pointers[0], pointers.data());
    ::_exit(98);
}

inline void finish_command(::pid_t child, command_end& into) {
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFEXITED(status)) { into.code = WEXITSTATUS(status); }
    if (WIFSIGNALED(status)) { into.signal = WTERMSIG(status); }
}

inline command_end run_command(const std::vector<std::string>& arguments,
                               const child_setup& setup = {}) {
    const temporary_directory output;
    command_end result;
    finish_command(start_command(arguments, output / "out", output / "err", setup), result);
    result.out = read_file(output / "out");
    result.err = read_file(output / "err");
    return result;
}

}  // namespace pinyon::test
