// EXPECT: pinyon: prefix.. serves keys of text
#include "pinyon/engine/tree.hpp"

auto numbers(const pinyon::tree<int, int>& tree) { return tree.prefix(3); }
