// EXPECT: pinyon: a key must be an integer
#include "pinyon/engine/tree.hpp"

inline const pinyon::tree_spec<std::vector<int>, int> tree{"t"};
