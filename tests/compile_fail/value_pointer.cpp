// EXPECT: pinyon: a pointer cannot be a value
#include "pinyon/engine/tree.hpp"

inline constexpr pinyon::tree_spec<int, int*> tree{"t"};
