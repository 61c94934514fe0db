// EXPECT: pinyon: a value type is written without const
#include "pinyon/engine/tree.hpp"

inline constexpr pinyon::tree_spec<int, const double> tree{"t"};
