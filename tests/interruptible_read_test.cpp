#define BOOST_TEST_MODULE interruptible_read
#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "tools/exit_code.hpp"
#include "tools/interruptible_read.hpp"

using pinyon::tool::interruptible_read;
using pinyon::tool::interruption;

namespace {

std::atomic<bool> flag{false};
extern "C" void raise_flag(int) { flag = true; }

struct open_pipe {
    open_pipe() { BOOST_REQUIRE(::pipe2(ends, O_CLOEXEC) == 0); }
    ~open_pipe() {
        ::close(ends[0]);
        close_writer();
    }
    open_pipe(const open_pipe&) = delete;
    open_pipe& operator=(const open_pipe&) = delete;
    void write(const std::string& text) const {
        BOOST_REQUIRE(::write(ends[1], text.data(), text.size()) ==
                      static_cast<ssize_t>(text.size()));
    }
    void close_writer() {
        if (ends[1] >= 0) { ::close(ends[1]); }
        ends[1] = -1;
    }
    [[nodiscard]] std::ptrdiff_t read(const std::atomic<bool>* interrupted) {
        return interruptible_read(ends[0], room, interrupted);
    }

    int ends[2] = {-1, -1};
    char room[16] = {};
};

}  // namespace

BOOST_AUTO_TEST_CASE(reads_what_is_there_and_the_end) {
    open_pipe pipe;
    pipe.write("pinyon");
    BOOST_TEST(pipe.read(nullptr) == 6);
    BOOST_TEST(std::string(pipe.room, 6) == "pinyon");
    pipe.close_writer();
    BOOST_TEST(pipe.read(nullptr) == 0);
    const int closed = ::dup(pipe.ends[0]);
    ::close(closed);
    BOOST_TEST(interruptible_read(closed, pipe.room, nullptr) == -1);
    BOOST_TEST(errno == EBADF);
}

BOOST_AUTO_TEST_CASE(an_interrupt_before_the_read_is_not_lost) {
    open_pipe pipe;
    const std::atomic<bool> interrupted{true};
    BOOST_CHECK_THROW((void)pipe.read(&interrupted), interruption);
}

BOOST_AUTO_TEST_CASE(an_interrupt_ends_the_wait) {
    open_pipe pipe;
    struct sigaction action {};
    struct sigaction before {};
    action.sa_handler = raise_flag;
    ::sigaction(SIGINT, &action, &before);
    std::thread interrupting([reader = ::pthread_self()] {
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        ::pthread_kill(reader, SIGINT);
    });
    BOOST_CHECK_THROW((void)pipe.read(&flag), interruption);
    interrupting.join();
    ::sigaction(SIGINT, &before, nullptr);
}

BOOST_AUTO_TEST_CASE(the_signal_mask_is_as_it_was) {
    open_pipe pipe;
    pipe.write("x");
    BOOST_TEST(pipe.read(nullptr) == 1);
    sigset_t now;
    ::pthread_sigmask(SIG_SETMASK, nullptr, &now);
    BOOST_TEST(sigismember(&now, SIGINT) == 0);
    BOOST_TEST(sigismember(&now, SIGTERM) == 0);
}
