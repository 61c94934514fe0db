// EXPECT: no member named .*put
#include "pinyon/engine/tree.hpp"

void change(const pinyon::tree<int, int>& tree) { tree.put(1, 2); }
