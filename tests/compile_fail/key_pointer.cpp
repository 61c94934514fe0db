// EXPECT: pinyon: a pointer cannot be a key.*std::string_view
#include "pinyon/engine/tree.hpp"

inline constexpr pinyon::tree_spec<const char*, int> tree{"t"};
