// Judging errors: the code that a call fails with, and whether its text says what to do.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>

#include "pinyon/mmap/error.hpp"

namespace pinyon::test {

// The code of the pinyon::error that `call` throws; fails the test when it throws none.
template <class Call>
[[nodiscard]] errc code_of(Call&& call) {
    try {
        call();
    } catch (const error& failure) {
        BOOST_TEST(std::string(failure.what()).size() > 20, "no remedy in: " << failure.what());
        return failure.kind();
    }
    BOOST_TEST(false, "no error was thrown");
    return errc{};
}

}  // namespace pinyon::test

namespace pinyon {

// Lets Boost.Test print the codes it compares.
inline std::ostream& boost_test_print_type(std::ostream& out, errc code) {
    return out << name(code);
}

}  // namespace pinyon
