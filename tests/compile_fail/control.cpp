// Compiles: the wrong programs beside it fail for what they say, not for this.
#include "pinyon/engine/tree.hpp"

struct point {
    double x;
    double y;
};

inline constexpr pinyon::tree_spec<std::string_view, point> places{"places"};
inline constexpr pinyon::tree_spec<std::pair<std::string_view, int>, pinyon::bytes> notes{"notes"};

bool uses(const pinyon::tree<std::string_view, point>& tree) { return tree.contains("home"); }
