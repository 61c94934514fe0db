// EXPECT: pinyon: a value must be an integer
#include "pinyon/engine/tree.hpp"

struct person {
    std::string name;
};

inline const pinyon::tree_spec<int, person> tree{"t"};
