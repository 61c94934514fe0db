// The command `pinyon` called in process, in a folder of its own, with what it wrote where.
#pragma once

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/temporary_directory.hpp"
#include "support/whole_file.hpp"
#include "tools/run.hpp"

namespace pinyon::test {

using words = std::vector<std::string>;
namespace fs = std::filesystem;

struct answer {
    int code = -1;
    std::string out;
    std::string err;

    [[nodiscard]] nlohmann::json json() const { return nlohmann::json::parse(out); }
};

// In memory where it may be: what is tested is what the command reads and says, not how a disk
// syncs.
[[nodiscard]] inline fs::path place_of_folders() {
    const bool chosen = std::getenv("TMPDIR") != nullptr;
    return !chosen && fs::is_directory("/dev/shm") ? "/dev/shm" : fs::temp_directory_path();
}

class folder : public temporary_directory {
public:
    folder() : temporary_directory(place_of_folders()) {}
};

inline std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) { lines.push_back(line); }
    return lines;
}

// What --ndjson writes.
inline std::vector<nlohmann::json> documents_of(const std::string& out) {
    std::vector<nlohmann::json> documents;
    for (const std::string& line : lines_of(out)) {
        documents.push_back(nlohmann::json::parse(line));
    }
    return documents;
}

inline answer call(const words& arguments, const std::string& input = "",
                   const std::atomic<bool>* interrupted = nullptr) {
    std::ostringstream out;
    std::ostringstream err;
    std::istringstream in(input);
    const tool::streams streams{.out = out,
                                .err = err,
                                .in =
                                    [&in](std::span<char> room) {
                                        in.read(room.data(),
                                                static_cast<std::streamsize>(room.size()));
                                        return static_cast<std::size_t>(in.gcount());
                                    },
                                .interrupted = interrupted};
    const int code = tool::run(arguments, streams);
    return {code, out.str(), err.str()};
}

// Runs the command on a terminal, and `change` whenever it looks at its clock: what happens to a
// file while it is read.
inline answer call_beside(const words& arguments, std::function<void()> change) {
    static std::function<void()> at_each_look;
    at_each_look = std::move(change);
    const auto look = [] {
        static std::chrono::steady_clock::time_point now{};
        at_each_look();
        return now += std::chrono::seconds(1);
    };
    std::ostringstream out;
    std::ostringstream err;
    const tool::streams streams{.out = out,
                                .err = err,
                                .in = [](std::span<char>) { return std::size_t{0}; },
                                .err_is_terminal = true,
                                .now = look};
    const int code = tool::run(arguments, streams);
    return {code, out.str(), err.str()};
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// Three characters by code point and some words, in one file.
inline std::string sample(const folder& here) {
    const std::string file = here / "sample.pinyon";
    const answer characters = call({"import", file, "-", "--tree", "characters", "--format", "csv",
                                    "--delimiter", ";", "--key-type", "hex"},
                                   "1F332;EVERGREEN TREE;So\n41;LATIN CAPITAL LETTER A;Lu\n"
                                   "1F333;DECIDUOUS TREE;So\n");
    BOOST_REQUIRE_MESSAGE(characters.code == 0, characters.err);
    const answer list = call({"import", file, "-", "--tree", "words", "--delimiter", "="},
                             "fir=abies\npine=pinus\npinyon=pinus edulis\noak=quercus\n");
    BOOST_REQUIRE_MESSAGE(list.code == 0, list.err);
    return file;
}

// Enough entries for several levels.
inline std::string large_sample(const folder& here) {
    std::string text;
    for (int i = 0; i < 20000; ++i) {
        text += std::to_string(i * 7919 % 20011) + "\tvalue " + std::to_string(i) + "\n";
    }
    const std::string file = here / "large.pinyon";
    const answer made = call(
        {"import", file, "-", "--tree", "numbers", "--format", "tsv", "--key-type", "u64"}, text);
    BOOST_REQUIRE_MESSAGE(made.code == 0, made.err);
    return file;
}

}  // namespace pinyon::test
