// A piece of a test that runs in a child of its own: what it does to its process harms no other.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <type_traits>

namespace pinyon::test {

// What a child does must come to an end: a lock that its parent held at the fork would hang it.
constexpr unsigned child_seconds_max = 60;

// Runs `body` in a forked child. What it returned, or 0; 98: it threw; 1000 + the signal that ended
// it.
template <class Body>
[[nodiscard]] int in_child(Body&& body) {
    const ::pid_t child = ::fork();
    if (child == 0) {
        ::alarm(child_seconds_max);
        int result = 98;
        try {
            if constexpr (std::is_void_v<decltype(body())>) {
                body();
                result = 0;
            } else {
                result = body();
            }
        } catch (...) { result = 98; }
        ::_exit(result);
    }
    int status = 0;
    BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace pinyon::test
