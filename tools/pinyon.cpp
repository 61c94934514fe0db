// The command `pinyon`: connects the verbs to this process's arguments, terminal and signals.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "tools/interruptible_read.hpp"
#include "tools/run.hpp"

namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a signal handler stores to it");

extern "C" void on_interrupt(int) { interrupted.store(true, std::memory_order_relaxed); }

// The first Ctrl-C asks the verb to end; a second one ends the process.
void listen_for_interrupts() {
    struct sigaction action {};
    action.sa_handler = on_interrupt;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
}

std::size_t read_standard_input(std::span<char> out) {
    const std::ptrdiff_t got = pinyon::tool::interruptible_read(STDIN_FILENO, out, &interrupted);
    if (got < 0) { pinyon::raise_os(errno, "standard input: cannot read"); }
    return static_cast<std::size_t>(got);
}

bool wants_colour(int descriptor) {
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet
    const char* const no_colour = std::getenv("NO_COLOR");
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread runs yet
    const char* const terminal = std::getenv("TERM");
    return ::isatty(descriptor) == 1 && (no_colour == nullptr || *no_colour == '\0') &&
           (terminal == nullptr || std::string(terminal) != "dumb");
}

unsigned terminal_columns() {
    winsize size{};
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80u;
}

// A descriptor among the first three that is closed would be given to the database file, and a
// message written into it.
bool occupy_standard_descriptors() {
    for (int descriptor = 0; descriptor <= 2; ++descriptor) {
        if (::fcntl(descriptor, F_GETFD) == -1 && ::open("/dev/null", O_RDONLY) != descriptor) {
            return false;
        }
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (!occupy_standard_descriptors()) {
        return static_cast<int>(pinyon::tool::exit_code::unreadable);
    }
    std::ios::sync_with_stdio(false);
    listen_for_interrupts();
    const pinyon::tool::streams streams{.out = std::cout,
                                        .err = std::cerr,
                                        .in = read_standard_input,
                                        .out_colour = wants_colour(STDOUT_FILENO),
                                        .err_colour = wants_colour(STDERR_FILENO),
                                        .out_is_terminal = ::isatty(STDOUT_FILENO) == 1,
                                        .err_is_terminal = ::isatty(STDERR_FILENO) == 1,
                                        .columns = terminal_columns(),
                                        .interrupted = &interrupted};
    const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
    return pinyon::tool::run(words, streams);
}
