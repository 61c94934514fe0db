// EXPECT: pinyon: a prefix has fewer components
#include "pinyon/engine/tree.hpp"

using key = std::pair<std::string_view, int>;

auto whole(const pinyon::tree<key, int>& tree) { return tree.prefix("a", 3); }
