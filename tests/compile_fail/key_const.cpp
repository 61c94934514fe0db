// EXPECT: pinyon: a key type is written without const
#include "pinyon/engine/tree.hpp"

inline constexpr pinyon::tree_spec<const int, int> tree{"t"};
