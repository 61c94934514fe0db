// Expecting a certain pinyon::error.
#pragma once

#include <boost/test/unit_test.hpp>

#include "pinyon/mmap/error.hpp"

// Checks that the statement throws pinyon::error with this code.
#define EXPECT_ERROR(statement, expected)                                                       \
    BOOST_CHECK_EXCEPTION(                                                                      \
        static_cast<void>(statement), ::pinyon::error, [](const ::pinyon::error& caught) {      \
            BOOST_TEST(::pinyon::name(caught.kind()) == std::string(::pinyon::name(expected))); \
            return caught.kind() == (expected);                                                 \
        })
