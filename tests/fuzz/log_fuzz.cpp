// The log of a database that was not closed: the input takes the place of a segment's bytes, of a
// batch's operations with every checksum and the chain right, or changes bytes with that. Opening
// may fail with an error of Pinyon; what opens is sound and can be written to.
#include <cstdlib>
#include <iostream>

#include "support/damaged_log.hpp"

namespace {

using namespace pinyon;
using namespace pinyon::test;

using input_bytes = std::span<const std::byte>;

// As it is, behind a header that is right.
void replace_segment(const forged_log& log, input_bytes input, saved_files& files) {
    const logged_segment& segment = log.segments.back();
    saved_file& file = files[segment.path];
    file.content.assign(file.content.size(), std::byte{0});
    file.put(0, &segment.header, sizeof segment.header);
    file.put(format::segment_block_bytes, input.data(), input.size());
}

void replace_operations(forged_log& log, input_bytes input, saved_files& files) {
    logged_batch& victim = log.batches[log.first_needed()];
    if (!input.empty()) {
        victim.header.operations = std::to_integer<std::uint32_t>(input.front());
        victim.payload.assign(input.begin() + 1, input.end());
    }
    log.write(files);
}

// Three bytes a change: which batch, where in it, what.
void change_batches(forged_log& log, input_bytes input, saved_files& files) {
    for (; input.size() >= 3; input = input.subspan(3)) {
        const auto which = std::to_integer<std::size_t>(input[0]);
        const auto where = std::to_integer<std::size_t>(input[1]);
        logged_batch& victim = log.batches[which % log.batches.size()];
        if (where < sizeof victim.header) {
            std::memcpy(reinterpret_cast<std::byte*>(&victim.header) + where, &input[2], 1);
        } else if (!victim.payload.empty()) {
            victim.payload[(where - sizeof victim.header) % victim.payload.size()] = input[2];
        }
    }
    log.write(files, true);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::vector<stopped> all = make_stopped(1);
    static damage_judge judge;
    if (size == 0 || size > 8192) { return 0; }
    const stopped& sound = all[data[0] / 3 % all.size()];
    const input_bytes input = std::as_bytes(std::span(data, size)).subspan(1);
    saved_files files = sound.files;
    forged_log log(files, stopped_path);
    switch (data[0] % 3) {
        case 0:
            replace_segment(log, input, files);
            break;
        case 1:
            replace_operations(log, input, files);
            break;
        default:
            change_batches(log, input, files);
    }
    rule expected;
    expected.anything = true;
    if (const std::string wrong = judge.judge(files, expected); !wrong.empty()) {
        std::cerr << wrong << std::endl;
        std::abort();
    }
    return 0;
}
