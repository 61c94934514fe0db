// What a commit depends on and what it leaves behind: its cost beside the size of the file and of
// the free space, a checkpoint's beside what changed, and the recovery from a log.
#pragma once

#include <string>

#include "requirement.hpp"

namespace pinyon::bench {

struct cost_settings {
    std::string folder;
    unsigned rounds = 7;
    double scale = 1;  // of all sizes; below 1 for a quick look
};

void measure_sizes(const cost_settings& how, requirements& verdict);
void measure_recovery(const cost_settings& how, requirements& verdict);

}  // namespace pinyon::bench
