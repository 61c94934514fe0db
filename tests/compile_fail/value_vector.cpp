// EXPECT: pinyon: a value must be an integer.*specialise pinyon::value_codec<T>
#include "pinyon/engine/tree.hpp"

inline const pinyon::tree_spec<int, std::vector<int>> tree{"t"};
