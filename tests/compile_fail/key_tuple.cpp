// EXPECT: pinyon: each component of a pair or tuple key
#include "pinyon/engine/tree.hpp"

struct point {
    int x;
};

inline constexpr pinyon::tree_spec<std::pair<int, point>, int> tree{"t"};
