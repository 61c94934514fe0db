// How the command ends: the one table from what went wrong to its exit code and to what to try
// next, and the exceptions by which a verb says so.
//
// Threads: any. Failure: none.
#pragma once

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>

#include "pinyon/mmap/error.hpp"

namespace pinyon::tool {

enum class exit_code : int {
    fine = 0,
    no = 1,          // the answer is no: no such key, no such tree, the input was refused
    usage = 2,       // the command line makes no sense
    damage = 3,      // the file contradicts itself
    unreadable = 4,  // missing, no permission, input/output error, busy
    not_ours = 5,    // not a Pinyon file, or one of another version
    incomplete = 6,  // the file changed meanwhile, a dump was cut, not all was saved
    interrupted = 130,
};

// The code with which an error of the library ends the command.
[[nodiscard]] exit_code exit_code_of(errc code) noexcept;

// What to try after `code` met `verb` on `file`; empty when there is nothing sensible.
[[nodiscard]] std::string next_step(errc code, const std::string& verb, const std::string& file);

// A verb ends here, with this message.
class refusal : public std::runtime_error {
public:
    refusal(exit_code code, const std::string& text, std::string next = {}, std::string file = {})
        : std::runtime_error(text), code_(code), next_(std::move(next)), file_(std::move(file)) {}

    [[nodiscard]] exit_code code() const noexcept { return code_; }
    // A command to try; empty: none.
    [[nodiscard]] const std::string& next() const noexcept { return next_; }
    // Which file it is about; empty: the verb's FILE.
    [[nodiscard]] const std::string& file() const noexcept { return file_; }

private:
    exit_code code_;
    std::string next_;
    std::string file_;
};

// The person at the keyboard has had enough.
class interruption : public std::runtime_error {
public:
    interruption() : std::runtime_error("interrupted") {}
};

}  // namespace pinyon::tool
