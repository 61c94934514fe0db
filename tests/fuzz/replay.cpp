// A fuzzer without libFuzzer: feeds it every file of the folders that are named, so that what once
// failed, and what once led somewhere new, is tried wherever the tests run.
#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <string>
#include <vector>

#include "support/whole_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

int main(int count, char** words) {
    std::vector<std::filesystem::path> inputs;
    for (int i = 1; i < count; ++i) {
        for (const auto& each : std::filesystem::directory_iterator(words[i])) {
            inputs.push_back(std::filesystem::absolute(each.path()));
        }
    }
    std::sort(inputs.begin(), inputs.end());
    for (const std::filesystem::path& path : inputs) {
        const std::string input = pinyon::test::read_file(path);
        // What it fed last is what failed.
        std::cerr << path.filename().string() << '\r';
        (void)LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(input.data()),
                                     input.size());
    }
    std::cout << "T11: " << inputs.size() << " inputs of the corpus fed, 0 violations" << std::endl;
    return inputs.empty() ? 1 : 0;
}
