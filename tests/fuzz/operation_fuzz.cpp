// The interface against std::map: each byte of the input chooses what is done next, reopening,
// crashes and losses of power among it.
#include <cstdlib>
#include <iostream>

#include "support/model_sequence.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pinyon::test;
    if (size == 0 || size > 2048) { return 0; }
    const model_shape& shape = model_shapes[data[0] % std::size(model_shapes)];
    std::size_t at = 1;
    std::uint64_t last = 0;
    const auto choose = [&](std::uint64_t below) {
        std::uint64_t number = at < size ? data[at++] : ++last * 37;
        if (below > 256) { number = number << 8 | (at < size ? data[at++] : 0); }
        return number % below;
    };
    try {
        model_sequence sequence(shape, size, choose);
        while (at < size) { sequence.step(); }
        sequence.finish();
    } catch (const std::exception& failure) {
        std::cerr << failure.what() << std::endl;
        std::abort();
    }
    return 0;
}
