#define BOOST_TEST_MODULE tool_copy
#include <boost/test/unit_test.hpp>
BOOST_AUTO_TEST_CASE(nothing) {}
