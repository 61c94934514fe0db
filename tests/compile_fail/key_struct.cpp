// EXPECT: pinyon: a key must be an integer.*specialise pinyon::key_codec<T>
#include "pinyon/engine/tree.hpp"

struct point {
    int x;
    int y;
};

inline constexpr pinyon::tree_spec<point, int> tree{"t"};
